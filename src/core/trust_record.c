/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of the trust store.
 *
 *   "ts"     u8 format | u64 version | 32 sha256 | u64 expires | u64 snapshot version | u64 floor | u64 whole
 *             | str etag | u32 crc
 *   "roles"  u8 format | u8 count | count x (str name | u64 version | u64 expires | 32 sha256) | u32 crc
 *   "rotated" u8 format | u64 root version | u64 floor | u32 crc
 *
 * Little-endian; str = u8 length, bytes; crc = CRC-32 of all before it.
 */
#include <string.h>

#include "core/trust_private.h"

static size_t seal(struct ota_writer *w) {
    ota_write_u32(w, ota_crc32(0, w->p, w->len));
    return w->bad ? 0 : w->len;
}

/* Checks format and CRC; *r then reads what lies between. */
static bool unseal(struct ota_span in, uint8_t version, struct ota_reader *r) {
    if (in.len < 5 || in.p[0] != version || ota_le32(in.p + in.len - 4) != ota_crc32(0, in.p, in.len - 4))
        return false;
    *r = (struct ota_reader){.p = in.p, .len = in.len - 4, .pos = 1};
    return true;
}

size_t ota_timestamp_record_encode(const struct ota_timestamp_record *r, uint8_t *out, size_t cap) {
    struct ota_writer w = {.p = out, .cap = cap};
    ota_write_u8(&w, OTA_TIMESTAMP_RECORD_VERSION);
    ota_write_u64(&w, r->version);
    ota_write_bytes(&w, r->sha256, sizeof r->sha256);
    ota_write_u64(&w, r->expires);
    ota_write_u64(&w, r->snapshot_version);
    ota_write_u64(&w, r->floor);
    ota_write_u64(&w, r->whole);
    ota_write_str(&w, r->etag);
    return seal(&w);
}

bool ota_timestamp_record_decode(struct ota_span in, struct ota_timestamp_record *r) {
    struct ota_reader in_order;
    memset(r, 0, sizeof *r);
    if (!unseal(in, OTA_TIMESTAMP_RECORD_VERSION, &in_order))
        return false;
    r->version = ota_read_u64(&in_order);
    ota_read_bytes(&in_order, r->sha256, sizeof r->sha256);
    r->expires = ota_read_u64(&in_order);
    r->snapshot_version = ota_read_u64(&in_order);
    r->floor = ota_read_u64(&in_order);
    r->whole = ota_read_u64(&in_order);
    ota_read_str(&in_order, r->etag, sizeof r->etag);
    if (!in_order.bad && in_order.pos == in_order.len)
        return true;
    memset(r, 0, sizeof *r);
    return false;
}

size_t ota_role_records_encode(const struct ota_role_record *r, size_t count, uint8_t *out, size_t cap) {
    struct ota_writer w = {.p = out, .cap = cap};
    ota_write_u8(&w, OTA_TRUST_RECORD_VERSION);
    ota_write_u8(&w, (uint8_t)count);
    for (size_t i = 0; i < count; i++) {
        ota_write_str(&w, r[i].name);
        ota_write_u64(&w, r[i].version);
        ota_write_u64(&w, r[i].expires);
        ota_write_bytes(&w, r[i].sha256, sizeof r[i].sha256);
    }
    return seal(&w);
}

bool ota_role_records_decode(struct ota_span in, struct ota_role_record *r, size_t cap, size_t *count) {
    struct ota_reader in_order;
    *count = 0;
    if (!unseal(in, OTA_TRUST_RECORD_VERSION, &in_order))
        return false;
    size_t n = ota_read_u8(&in_order);
    if (n > cap)
        return false;
    for (size_t i = 0; i < n; i++) {
        ota_read_str(&in_order, r[i].name, sizeof r[i].name);
        r[i].version = ota_read_u64(&in_order);
        r[i].expires = ota_read_u64(&in_order);
        ota_read_bytes(&in_order, r[i].sha256, sizeof r[i].sha256);
    }
    if (in_order.bad || in_order.pos != in_order.len)
        return false;
    *count = n;
    return true;
}

static enum ota_status store(struct ota_trust *t, const char *key, size_t len, struct ota_err *err) {
    if (len == 0)
        return ota_err_set(err, OTA_INTERNAL, "record \"%s\" outgrew its buffer", key);
    return t->cfg.kv->set(t->cfg.kv->ctx, key, t->work.record, len, err);
}

enum ota_status ota_trust_store_timestamp(struct ota_trust *t, struct ota_err *err) {
    return store(t, OTA_KV_TIMESTAMP, ota_timestamp_record_encode(&t->ts, t->work.record, sizeof t->work.record), err);
}

enum ota_status ota_trust_store_roles(struct ota_trust *t, struct ota_err *err) {
    size_t len = ota_role_records_encode(t->roles, t->role_count, t->work.record, sizeof t->work.record);
    return store(t, OTA_KV_ROLES, len, err);
}

/* *len = 0 when absent. */
static enum ota_status get(struct ota_trust *t, const char *key, size_t *len, struct ota_err *err) {
    const struct ota_kv *kv = t->cfg.kv;
    enum ota_status status = kv->get(kv->ctx, key, t->work.record, sizeof t->work.record, len, err);
    if (status == OTA_NOT_FOUND)
        *len = 0;
    return status == OTA_NOT_FOUND ? OTA_OK : status;
}

enum ota_status ota_trust_store_rotation(struct ota_trust *t, const struct ota_rotation_record *r,
                                         struct ota_err *err) {
    struct ota_writer w = {.p = t->work.record, .cap = sizeof t->work.record};
    ota_write_u8(&w, OTA_TRUST_RECORD_VERSION);
    ota_write_u64(&w, r->root_version);
    ota_write_u64(&w, r->floor);
    return store(t, OTA_KV_ROTATED, seal(&w), err);
}

enum ota_status ota_trust_load_rotation(struct ota_trust *t, struct ota_rotation_record *r, struct ota_err *err) {
    struct ota_reader in_order;
    size_t len;
    memset(r, 0, sizeof *r);
    OTA_TRY(get(t, OTA_KV_ROTATED, &len, err));
    if (!unseal((struct ota_span){t->work.record, len}, OTA_TRUST_RECORD_VERSION, &in_order))
        return OTA_OK;
    r->root_version = ota_read_u64(&in_order);
    r->floor = ota_read_u64(&in_order);
    if (in_order.bad || in_order.pos != in_order.len)
        memset(r, 0, sizeof *r);
    return OTA_OK;
}

enum ota_status ota_trust_load_records(struct ota_trust *t, struct ota_err *err) {
    size_t len;
    OTA_TRY(get(t, OTA_KV_TIMESTAMP, &len, err));
    if (!ota_timestamp_record_decode((struct ota_span){t->work.record, len}, &t->ts) && len)
        ota_log(t->cfg.log, OTA_LOG_WARNING, "the stored timestamp record is damaged; starting without it");
    OTA_TRY(get(t, OTA_KV_ROLES, &len, err));
    if (!ota_role_records_decode((struct ota_span){t->work.record, len}, t->roles, OTA_ARRAY_LEN(t->roles),
                                 &t->role_count) &&
        len)
        ota_log(t->cfg.log, OTA_LOG_WARNING, "the stored role record is damaged; starting without it");
    return OTA_OK;
}
