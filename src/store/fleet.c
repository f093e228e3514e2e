/* SPDX-License-Identifier: Apache-2.0 */
/* Boards and their tokens. */
#include "store/fleet_db.h"

#include <string.h>
#include <time.h>

#include "host/buf.h"
#include "host/crypto.h"

#define TOKEN_BYTES 32u

enum ota_status ota_fleet_token_digest(const char *token, uint8_t out[OTA_SHA256_LEN], struct ota_err *err) {
    return ota_sha256(&ota_crypto_openssl, token, strlen(token), out, err);
}

/* "ota_" and 43 base64url digits, which need no escaping in a header, a shell or NVS. */
enum ota_status ota_fleet_token_make(char out[OTA_TOKEN_TEXT_MAX], struct ota_err *err) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t random[TOKEN_BYTES];
    OTA_TRY(ota_crypto_openssl.random(ota_crypto_openssl.ctx, random, sizeof random, err));
    char *p = out + ota_format(out, OTA_TOKEN_TEXT_MAX, "ota_");
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < sizeof random || have; have -= 6) {
        for (; have < 6 && i < sizeof random; have += 8)
            bits = bits << 8 | random[i++];
        if (have < 6) {
            bits <<= 6 - have;
            have = 6;
        }
        *p++ = digit[bits >> (have - 6) & 63u];
    }
    *p = '\0';
    return OTA_OK;
}

static enum ota_status insert(struct ota_fleet *f, const char *id, const char *product, const char *channel,
                              const uint8_t digest[OTA_SHA256_LEN], struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_DEVICE_ADD, &s, err));
    ota_fleet_bind_text(s, 1, id);
    ota_fleet_bind_text(s, 2, product);
    ota_fleet_bind_text(s, 3, channel);
    (void)sqlite3_bind_blob(s, 4, digest, (int)OTA_SHA256_LEN, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 5, (sqlite3_int64)time(NULL));
    enum ota_status st = ota_fleet_step(f, s, err);
    if (st != OTA_OK && (sqlite3_errcode(f->db) & 0xFF) == SQLITE_CONSTRAINT)
        return ota_err_set(err, OTA_EXISTS, "board %s was added before; its token cannot be shown again", id);
    OTA_TRY(st);
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_STRANGER_GONE, &s, err));
    ota_fleet_bind_text(s, 1, id);
    return ota_fleet_step(f, s, err);
}

static enum ota_status set(struct ota_fleet *f, enum ota_fleet_sql which, const char *id, struct ota_span value,
                           bool text, struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, which, &s, err));
    ota_fleet_bind_text(s, 1, id);
    (void)(text ? sqlite3_bind_text(s, 2, (const char *)value.p, (int)value.len, SQLITE_STATIC)
                : sqlite3_bind_blob(s, 2, value.p, (int)value.len, SQLITE_STATIC));
    OTA_TRY(ota_fleet_step(f, s, err));
    return sqlite3_changes(f->db) ? OTA_OK : ota_err_set(err, OTA_NOT_FOUND, "board %s is not known", id);
}

static enum ota_status enrol(struct ota_fleet *f, const struct ota_fleet_enrolment *e,
                             const uint8_t digest[OTA_SHA256_LEN], struct ota_err *err) {
    const struct ota_span secret = {digest, OTA_SHA256_LEN};
    OTA_TRY(e->replace ? set(f, OTA_FLEET_DEVICE_RETOKEN, e->id, secret, false, err)
                       : insert(f, e->id, e->product, e->channel, digest, err));
    return e->table ? set(f, OTA_FLEET_DEVICE_TABLE, e->id, ota_span_str(e->table), true, err) : OTA_OK;
}

static enum ota_status enrol_whole(struct ota_fleet *f, const struct ota_fleet_enrolment *e,
                                   const uint8_t digest[OTA_SHA256_LEN], struct ota_err *err) {
    struct ota_err second;
    OTA_TRY(ota_fleet_simple(f, OTA_FLEET_BEGIN, err));
    enum ota_status st = enrol(f, e, digest, err);
    if (st == OTA_OK)
        st = ota_fleet_simple(f, OTA_FLEET_COMMIT, err);
    if (st != OTA_OK)
        (void)!ota_fleet_simple(f, OTA_FLEET_ROLLBACK, &second);
    return st;
}

enum ota_status ota_fleet_enrol(struct ota_fleet *f, const struct ota_fleet_enrolment *e, struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    if (!ota_device_id_valid(ota_span_str(e->id)))
        return ota_err_set(
            err, OTA_ARGUMENT,
            "\"%s\" cannot be the id of a board: letters, digits and . _ : - , at most 64, no punctuation first",
            e->id);
    if (!ota_name_valid(ota_span_str(e->product)) || !ota_name_valid(ota_span_str(e->channel)))
        return ota_err_set(err, OTA_ARGUMENT, "product and channel are a-z, 0-9 and -, at most 32");
    OTA_TRY(ota_fleet_token_digest(e->token, digest, err));
    OTA_TRY(ota_fleet_lock(f, err));
    enum ota_status st = enrol_whole(f, e, digest, err);
    ota_fleet_unlock(f);
    return st;
}

enum ota_status ota_fleet_add(struct ota_fleet *f, const char *id, const char *product, const char *channel,
                              char token[OTA_TOKEN_TEXT_MAX], struct ota_err *err) {
    const struct ota_fleet_enrolment e = {.id = id, .product = product, .channel = channel, .token = token};
    OTA_TRY(ota_fleet_token_make(token, err));
    return ota_fleet_enrol(f, &e, err);
}

static enum ota_status stored_digest(struct ota_fleet *f, const char *id, uint8_t out[OTA_SHA256_LEN], bool *known,
                                     struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_DEVICE_TOKEN, &s, err));
    ota_fleet_bind_text(s, 1, id);
    int rc = sqlite3_step(s);
    *known = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW && sqlite3_column_bytes(s, 0) == (int)OTA_SHA256_LEN)
        memcpy(out, sqlite3_column_blob(s, 0), OTA_SHA256_LEN);
    enum ota_status st = rc == SQLITE_ROW || rc == SQLITE_DONE ? OTA_OK : ota_fleet_failed(f, err);
    (void)sqlite3_reset(s);
    return st;
}

enum ota_status ota_fleet_authenticate(struct ota_fleet *f, const char *id, const char *token, enum ota_fleet_auth *out,
                                       struct ota_err *err) {
    uint8_t want[OTA_SHA256_LEN] = {0}, got[OTA_SHA256_LEN];
    bool known;
    OTA_TRY(ota_fleet_lock(f, err));
    enum ota_status st = stored_digest(f, id, want, &known, err);
    ota_fleet_unlock(f);
    OTA_TRY(st);
    OTA_TRY(ota_fleet_token_digest(token ? token : "", got, err));
    if (!known)
        *out = OTA_FLEET_UNKNOWN_DEVICE;
    else
        *out = ota_equal_secret(want, got, sizeof want) ? OTA_FLEET_TOKEN_OK : OTA_FLEET_TOKEN_WRONG;
    return OTA_OK;
}

static void read_row(sqlite3_stmt *s, struct ota_fleet_device *d) {
    memset(d, 0, sizeof *d);
    d->quarantine = sqlite3_column_int(s, 0) != 0;
    ota_fleet_column_text(s, 1, d->id, sizeof d->id);
    ota_fleet_column_text(s, 2, d->product, sizeof d->product);
    ota_fleet_column_text(s, 3, d->channel, sizeof d->channel);
    d->mixed = sqlite3_column_int(s, 4) != 0;
    d->counter_unknown = sqlite3_column_int(s, 5) != 0;
    d->time_unverified = sqlite3_column_int(s, 6) != 0;
    d->counter = (uint32_t)sqlite3_column_int64(s, 7);
    ota_fleet_column_text(s, 8, d->version, sizeof d->version);
    ota_fleet_column_text(s, 9, d->state, sizeof d->state);
    ota_fleet_column_text(s, 10, d->result, sizeof d->result);
    ota_fleet_column_text(s, 11, d->code, sizeof d->code);
    ota_fleet_column_text(s, 12, d->message, sizeof d->message);
    d->result_counter = (uint32_t)sqlite3_column_int64(s, 13);
    d->added = (uint64_t)sqlite3_column_int64(s, 14);
    d->seen = (uint64_t)sqlite3_column_int64(s, 15);
    ota_fleet_column_text(s, 16, d->address, sizeof d->address);
    ota_fleet_column_text(s, 17, d->table, sizeof d->table);
}

static enum ota_status list(struct ota_fleet *f, const char *product,
                            bool (*row)(void *ctx, const struct ota_fleet_device *d), void *ctx, struct ota_err *err) {
    sqlite3_stmt *s;
    struct ota_fleet_device device;
    int rc;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_LIST, &s, err));
    if (product)
        ota_fleet_bind_text(s, 1, product);
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        read_row(s, &device);
        if (!row(ctx, &device))
            break;
    }
    enum ota_status st = rc == SQLITE_ROW || rc == SQLITE_DONE ? OTA_OK : ota_fleet_failed(f, err);
    (void)sqlite3_reset(s);
    return st;
}

enum ota_status ota_fleet_list(struct ota_fleet *f, const char *product,
                               bool (*row)(void *ctx, const struct ota_fleet_device *d), void *ctx,
                               struct ota_err *err) {
    OTA_TRY(ota_fleet_lock(f, err));
    enum ota_status st = list(f, product, row, ctx, err);
    ota_fleet_unlock(f);
    return st;
}
