/* SPDX-License-Identifier: Apache-2.0 */
/* A log in two halves. `image` mirrors the active half, so that reading and compacting never meet a flash error
 * halfway. */
#include "sim/statekv.h"

#include <string.h>

#include "host/buf.h"

#define MAGIC 0x4B41544Fu /* "OTAK" */
#define HEADER 16u
#define RECORD_HEAD 8u
#define CRC 4u
#define ERASED UINT32_MAX

/* ---- records ------------------------------------------------------------------------------------------- */

struct record {
    const char *key;
    const void *value;
    uint32_t length; /* ERASED: the key is gone */
};

static uint32_t align4(uint32_t n) {
    return (n + 3u) & ~3u;
}

static uint32_t value_bytes(uint32_t length) {
    return length == ERASED ? 0 : length;
}

static uint32_t record_size(const struct record *r) {
    return align4(RECORD_HEAD + (uint32_t)strlen(r->key) + value_bytes(r->length) + CRC);
}

/* Into record_size() bytes. */
static void encode(const struct record *r, uint8_t *out) {
    uint32_t key = (uint32_t)strlen(r->key), value = value_bytes(r->length), body = RECORD_HEAD + key + value;
    memset(out, 0xFF, record_size(r));
    ota_put_le32(out, r->length);
    memset(out + 4, 0, 4);
    out[4] = (uint8_t)key;
    memcpy(out + RECORD_HEAD, r->key, key);
    if (value)
        memcpy(out + RECORD_HEAD + key, r->value, value);
    ota_put_le32(out + body, ota_crc32(0, out, body));
}

static struct ota_statekv_entry *find(struct ota_statekv *kv, const char *key) {
    for (size_t i = 0; i < kv->count; i++)
        if (strcmp(kv->entry[i].key, key) == 0)
            return &kv->entry[i];
    return NULL;
}

/* Takes a record that lies at `at` of the image into the index. */
static bool learn(struct ota_statekv *kv, const char *key, uint32_t at, uint32_t length) {
    struct ota_statekv_entry *e = find(kv, key);
    if (length == ERASED) {
        if (e)
            *e = kv->entry[--kv->count];
        return true;
    }
    if (!e && kv->count == OTA_STATEKV_KEYS_MAX)
        return false;
    if (!e)
        e = &kv->entry[kv->count++];
    ota_format(e->key, sizeof e->key, "%s", key);
    e->at = at;
    e->length = length;
    return true;
}

/* Reads the record at kv->end; false when there is none. */
static bool next_record(struct ota_statekv *kv) {
    const uint8_t *p = kv->image + kv->end;
    uint32_t room = kv->half - kv->end;
    char key[OTA_KV_KEY_MAX + 1] = "";
    if (room < RECORD_HEAD + 1u + CRC)
        return false;
    uint32_t length = ota_le32(p), key_length = p[4], value = value_bytes(length);
    if (key_length == 0 || key_length > OTA_KV_KEY_MAX || value > room - RECORD_HEAD - CRC ||
        RECORD_HEAD + key_length + value + CRC > room)
        return false;
    uint32_t body = RECORD_HEAD + key_length + value;
    if (ota_le32(p + body) != ota_crc32(0, p, body))
        return false;
    memcpy(key, p + RECORD_HEAD, key_length);
    if (!learn(kv, key, kv->end + RECORD_HEAD + key_length, length))
        return false;
    kv->end += align4(body + CRC);
    return true;
}

/* ---- mount --------------------------------------------------------------------------------------------- */

static void encode_header(uint32_t generation, uint8_t out[HEADER]) {
    memset(out, 0xFF, HEADER);
    ota_put_le32(out, MAGIC);
    ota_put_le32(out + 4, generation);
    ota_put_le32(out + 8, ota_crc32(0, out, 8));
}

static bool all_erased(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0xFF)
            return false;
    return true;
}

static enum ota_status look_at_half(struct ota_statekv *kv, unsigned index, struct ota_err *err) {
    uint8_t head[HEADER];
    OTA_TRY(kv->flash->read(kv->flash->ctx, kv->offset + index * kv->half, head, sizeof head, err));
    uint32_t generation = ota_le32(head + 4);
    if (ota_le32(head) != MAGIC || ota_le32(head + 8) != ota_crc32(0, head, 8)) {
        kv->lost = kv->lost || !all_erased(head, sizeof head);
        return OTA_OK;
    }
    if (kv->mounted && generation <= kv->generation)
        return OTA_OK;
    kv->mounted = true;
    kv->active = index;
    kv->generation = generation;
    return OTA_OK;
}

/* Finds the records of kv->image. */
static void index_image(struct ota_statekv *kv) {
    kv->count = 0;
    kv->end = HEADER;
    while (next_record(kv))
        ;
    kv->dirty = !all_erased(kv->image + kv->end, kv->half - kv->end);
}

static enum ota_status mount(struct ota_statekv *kv, struct ota_err *err) {
    for (unsigned i = 0; i < 2; i++)
        OTA_TRY(look_at_half(kv, i, err));
    kv->lost = kv->lost && !kv->mounted;
    if (!kv->mounted)
        return OTA_OK;
    OTA_TRY(kv->flash->read(kv->flash->ctx, kv->offset + kv->active * kv->half, kv->image, kv->half, err));
    index_image(kv);
    return OTA_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static uint32_t live_bytes(const struct ota_statekv *kv, const struct record *r) {
    uint32_t n = HEADER + (r->length == ERASED ? 0 : record_size(r));
    for (size_t i = 0; i < kv->count; i++) {
        const struct record live = {kv->entry[i].key, NULL, kv->entry[i].length};
        if (strcmp(live.key, r->key) != 0)
            n += record_size(&live);
    }
    return n;
}

/* The next half: every live record but that of r->key, then *r itself. Returns where it ends. */
static uint32_t fill(const struct ota_statekv *kv, const struct record *r, uint8_t *next) {
    uint32_t at = HEADER;
    memset(next, 0xFF, kv->half);
    for (size_t i = 0; i < kv->count; i++) {
        const struct ota_statekv_entry *e = &kv->entry[i];
        const struct record live = {e->key, kv->image + e->at, e->length};
        if (strcmp(e->key, r->key) == 0)
            continue;
        encode(&live, next + at);
        at += record_size(&live);
    }
    if (r->length == ERASED)
        return at;
    encode(r, next + at);
    return at + record_size(r);
}

/* The header is written last: until it is whole this half does not exist. */
static enum ota_status write_half(const struct ota_statekv *kv, uint32_t to, const uint8_t *next, uint32_t end,
                                  struct ota_err *err) {
    const struct ota_flash *f = kv->flash;
    OTA_TRY(f->erase(f->ctx, to, kv->half, err));
    for (uint32_t at = HEADER; at < end;) {
        uint32_t n = OTA_SECTOR - at % OTA_SECTOR;
        n = n < end - at ? n : end - at;
        OTA_TRY(f->write(f->ctx, to + at, next + at, n, err));
        at += n;
    }
    return f->write(f->ctx, to, next, HEADER, err);
}

static enum ota_status compact(struct ota_statekv *kv, const struct record *r, struct ota_err *err) {
    unsigned other = kv->mounted ? 1u - kv->active : 0;
    uint32_t need = live_bytes(kv, r);
    if (need > kv->half)
        return ota_err_set(err, OTA_KV, "full: %u bytes would be live and %u fit", (unsigned)need, (unsigned)kv->half);
    OTA_CLEAN_FREE uint8_t *next = ota_calloc(1, kv->half);
    uint32_t end = fill(kv, r, next);
    encode_header(kv->generation + 1, next);
    OTA_TRY(write_half(kv, kv->offset + other * kv->half, next, end, err));
    memcpy(kv->image, next, kv->half);
    kv->active = other;
    kv->generation++;
    kv->mounted = true;
    kv->lost = false;
    index_image(kv);
    return OTA_OK;
}

static enum ota_status write_record(struct ota_statekv *kv, const struct record *r, uint32_t size,
                                    struct ota_err *err) {
    OTA_CLEAN_FREE uint8_t *bytes = ota_calloc(1, size);
    encode(r, bytes);
    OTA_TRY(kv->flash->write(kv->flash->ctx, kv->offset + kv->active * kv->half + kv->end, bytes, size, err));
    memcpy(kv->image + kv->end, bytes, size);
    return OTA_OK;
}

static enum ota_status append(struct ota_statekv *kv, const struct record *r, struct ota_err *err) {
    uint32_t size = record_size(r);
    if (!kv->mounted || kv->dirty || size > kv->half - kv->end)
        return compact(kv, r, err);
    kv->dirty = true; /* unless the write succeeds */
    OTA_TRY(write_record(kv, r, size, err));
    kv->dirty = !next_record(kv);
    return OTA_OK;
}

static bool chosen_to_fail(struct ota_statekv *kv) {
    kv->changes++;
    return kv->fail_at && (kv->changes == kv->fail_at || (kv->fail_onwards && kv->changes > kv->fail_at));
}

static enum ota_status put(struct ota_statekv *kv, const struct record *r, struct ota_err *err) {
    if (chosen_to_fail(kv))
        return ota_err_set(err, OTA_KV, "ota_state: change %llu fails, as was asked for",
                           (unsigned long long)kv->changes);
    if (append(kv, r, err) == OTA_OK)
        return OTA_OK;
    err->code = OTA_KV;
    return ota_err_prefix(err, "ota_state");
}

/* ---- port ---------------------------------------------------------------------------------------------- */

static enum ota_status check_key(const char *key, struct ota_err *err) {
    if (!key[0] || strlen(key) > OTA_KV_KEY_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "ota_state: \"%s\" is no key: 1 to %u characters", key, OTA_KV_KEY_MAX);
    return OTA_OK;
}

static enum ota_status kv_get(void *ctx, const char *key, void *p, size_t cap, size_t *len, struct ota_err *err) {
    struct ota_statekv *kv = ctx;
    const struct ota_statekv_entry *e = find(kv, key);
    if (!e)
        return ota_err_set(err, OTA_NOT_FOUND, "ota_state: no \"%s\"", key);
    if (e->length > cap)
        return ota_err_set(err, OTA_TOO_LARGE, "ota_state: \"%s\" has %u bytes, %zu are wanted at most", key,
                           (unsigned)e->length, cap);
    if (e->length)
        memcpy(p, kv->image + e->at, e->length);
    *len = e->length;
    return OTA_OK;
}

static enum ota_status kv_set(void *ctx, const char *key, const void *p, size_t len, struct ota_err *err) {
    struct ota_statekv *kv = ctx;
    OTA_TRY(check_key(key, err));
    const struct ota_statekv_entry *e = find(kv, key);
    if (len >= kv->half || (!e && kv->count == OTA_STATEKV_KEYS_MAX))
        return ota_err_set(err, OTA_KV, "ota_state: full: no room for \"%s\" of %zu bytes", key, len);
    if (e && e->length == len && (len == 0 || memcmp(kv->image + e->at, p, len) == 0))
        return OTA_OK;
    const struct record r = {key, p, (uint32_t)len};
    return put(kv, &r, err);
}

static enum ota_status kv_erase(void *ctx, const char *key, struct ota_err *err) {
    struct ota_statekv *kv = ctx;
    const struct record r = {key, NULL, ERASED};
    return find(kv, key) ? put(kv, &r, err) : OTA_OK;
}

enum ota_status ota_statekv_open(struct ota_statekv *kv, const struct ota_flash *flash, uint32_t offset, uint32_t size,
                                 struct ota_err *err) {
    *kv = (struct ota_statekv){.flash = flash, .offset = offset};
    kv->half = size / OTA_SECTOR / 2 * OTA_SECTOR;
    if (kv->half == 0)
        return ota_err_set(err, OTA_KV, "ota_state: %u bytes; it needs two sectors", (unsigned)size);
    kv->image = ota_calloc(1, kv->half);
    kv->port = (struct ota_kv){.ctx = kv, .get = kv_get, .set = kv_set, .erase = kv_erase};
    enum ota_status status = mount(kv, err);
    if (status == OTA_OK)
        return OTA_OK;
    ota_statekv_close(kv);
    return ota_err_prefix(err, "ota_state");
}

void ota_statekv_close(struct ota_statekv *kv) {
    free(kv->image);
    *kv = (struct ota_statekv){0};
}
