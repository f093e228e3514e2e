/* SPDX-License-Identifier: Apache-2.0 */
/* Boards and their tokens. */
#include "store/fleet_db.h"

#include <string.h>
#include <time.h>

#include "host/buf.h"
#include "host/certificate.h"
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

/* What a board proves itself with, as it is kept. */
struct proof {
    uint8_t token[OTA_SHA256_LEN], key[OTA_SHA256_LEN];
    enum { NO_KEY, ONE_KEY, ANY_KEY } keys; /* of certificates: which count */
    bool revoked;
};

static const char any_key[] = "any"; /* in the column client_key */

static void bind_digest(sqlite3_stmt *s, int at, const uint8_t digest[OTA_SHA256_LEN]) {
    (void)sqlite3_bind_blob(s, at, digest, (int)OTA_SHA256_LEN, SQLITE_STATIC);
}

static void bind_key(sqlite3_stmt *s, int at, const struct proof *proof) {
    if (proof->keys == ONE_KEY)
        bind_digest(s, at, proof->key);
    else if (proof->keys == ANY_KEY)
        ota_fleet_bind_text(s, at, any_key);
}

static bool read_digest(sqlite3_stmt *s, int at, uint8_t out[OTA_SHA256_LEN]) {
    bool whole = sqlite3_column_bytes(s, at) == (int)OTA_SHA256_LEN;
    if (whole)
        memcpy(out, sqlite3_column_blob(s, at), OTA_SHA256_LEN);
    return whole;
}

static void read_keys(sqlite3_stmt *s, int at, struct proof *out) {
    const char *word = sqlite3_column_type(s, at) == SQLITE_TEXT ? (const char *)sqlite3_column_text(s, at) : NULL;
    if (word && strcmp(word, any_key) == 0)
        out->keys = ANY_KEY;
    else if (!word && read_digest(s, at, out->key))
        out->keys = ONE_KEY;
}

static enum ota_status stored_proof(struct ota_fleet *f, const char *id, struct proof *out, bool *known,
                                    struct ota_err *err) {
    sqlite3_stmt *s;
    *out = (struct proof){.keys = NO_KEY};
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_DEVICE_PROOF, &s, err));
    ota_fleet_bind_text(s, 1, id);
    int rc = sqlite3_step(s);
    *known = rc == SQLITE_ROW;
    if (*known) {
        (void)read_digest(s, 0, out->token);
        read_keys(s, 1, out);
        out->revoked = sqlite3_column_int64(s, 2) != 0;
    }
    enum ota_status st = rc == SQLITE_ROW || rc == SQLITE_DONE ? OTA_OK : ota_fleet_failed(f, err);
    (void)sqlite3_reset(s);
    return st;
}

/* Runs a statement that must change the board's row; `otherwise` says what it means when it does not. */
static enum ota_status change(struct ota_fleet *f, sqlite3_stmt *s, enum ota_status otherwise, const char *id,
                              struct ota_err *err) {
    OTA_TRY(ota_fleet_step(f, s, err));
    if (sqlite3_changes(f->db))
        return OTA_OK;
    return otherwise == OTA_EXISTS
               ? ota_err_set(err, otherwise, "board %s was added before; its token cannot be shown again", id)
               : ota_err_set(err, otherwise, "board %s is not known", id);
}

static enum ota_status insert(struct ota_fleet *f, const struct ota_fleet_enrolment *e, const struct proof *proof,
                              struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_DEVICE_ADD, &s, err));
    ota_fleet_bind_text(s, 1, e->id);
    ota_fleet_bind_text(s, 2, e->product);
    ota_fleet_bind_text(s, 3, e->channel);
    bind_digest(s, 4, proof->token);
    (void)sqlite3_bind_int64(s, 5, (sqlite3_int64)time(NULL));
    bind_key(s, 6, proof);
    OTA_TRY(change(f, s, OTA_EXISTS, e->id, err));
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_STRANGER_GONE, &s, err));
    ota_fleet_bind_text(s, 1, e->id);
    return ota_fleet_step(f, s, err);
}

static enum ota_status replace(struct ota_fleet *f, const char *id, const struct proof *proof, struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_DEVICE_RETOKEN, &s, err));
    ota_fleet_bind_text(s, 1, id);
    bind_digest(s, 2, proof->token);
    bind_key(s, 3, proof);
    return change(f, s, OTA_NOT_FOUND, id, err);
}

static enum ota_status set_table(struct ota_fleet *f, const char *id, const char *table, struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_DEVICE_TABLE, &s, err));
    ota_fleet_bind_text(s, 1, id);
    ota_fleet_bind_text(s, 2, table);
    return change(f, s, OTA_NOT_FOUND, id, err);
}

/* The certificates that a revoked board had are of the CA as well. */
static enum ota_status check_any(struct ota_fleet *f, const char *id, struct ota_err *err) {
    struct proof before;
    bool known;
    OTA_TRY(stored_proof(f, id, &before, &known, err));
    if (known && before.revoked)
        return ota_err_set(
            err, OTA_ARGUMENT,
            "board %s was revoked, and the certificates that it had would count again; name the one that "
            "it has now (--crt FILE)",
            id);
    return OTA_OK;
}

static enum ota_status enrol(struct ota_fleet *f, const struct ota_fleet_enrolment *e, const struct proof *proof,
                             struct ota_err *err) {
    if (proof->keys == ANY_KEY)
        OTA_TRY(check_any(f, e->id, err));
    OTA_TRY(e->replace ? replace(f, e->id, proof, err) : insert(f, e, proof, err));
    return e->table ? set_table(f, e->id, e->table, err) : OTA_OK;
}

static enum ota_status enrol_whole(struct ota_fleet *f, const struct ota_fleet_enrolment *e, const struct proof *proof,
                                   struct ota_err *err) {
    struct ota_err second;
    OTA_TRY(ota_fleet_simple(f, OTA_FLEET_BEGIN, err));
    enum ota_status st = enrol(f, e, proof, err);
    if (st == OTA_OK)
        st = ota_fleet_simple(f, OTA_FLEET_COMMIT, err);
    if (st != OTA_OK)
        (void)!ota_fleet_simple(f, OTA_FLEET_ROLLBACK, &second);
    return st;
}

enum ota_status ota_fleet_enrol(struct ota_fleet *f, const struct ota_fleet_enrolment *e, struct ota_err *err) {
    struct proof proof = {.keys = e->crt.len ? ONE_KEY : e->any_crt ? ANY_KEY : NO_KEY};
    if (!ota_device_id_valid(ota_span_str(e->id)))
        return ota_err_set(
            err, OTA_ARGUMENT,
            "\"%s\" cannot be the id of a board: letters, digits and . _ : - , at most 64, no punctuation first",
            e->id);
    if (!ota_name_valid(ota_span_str(e->product)) || !ota_name_valid(ota_span_str(e->channel)))
        return ota_err_set(err, OTA_ARGUMENT, "product and channel are a-z, 0-9 and -, at most 32");
    OTA_TRY(ota_fleet_token_digest(e->token, proof.token, err));
    if (proof.keys == ONE_KEY)
        OTA_TRY(ota_certificate_key_digest(e->crt, e->id, proof.key, err));
    OTA_TRY(ota_fleet_lock(f, err));
    enum ota_status st = enrol_whole(f, e, &proof, err);
    ota_fleet_unlock(f);
    return st;
}

/* ---- who is it ----------------------------------------------------------------------------------------- */

enum ota_status ota_fleet_revoke(struct ota_fleet *f, const char *id, struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_lock(f, err));
    enum ota_status st = ota_fleet_statement(f, OTA_FLEET_DEVICE_REVOKE, &s, err);
    if (st == OTA_OK) {
        ota_fleet_bind_text(s, 1, id);
        (void)sqlite3_bind_int64(s, 2, (sqlite3_int64)time(NULL));
        st = change(f, s, OTA_NOT_FOUND, id, err);
    }
    ota_fleet_unlock(f);
    return st;
}

static enum ota_status find_proof(struct ota_fleet *f, const char *id, struct proof *out, bool *known,
                                  struct ota_err *err) {
    OTA_TRY(ota_fleet_lock(f, err));
    enum ota_status st = stored_proof(f, id, out, known, err);
    ota_fleet_unlock(f);
    return st;
}

enum ota_status ota_fleet_is_free(struct ota_fleet *f, const char *id, bool *out, struct ota_err *err) {
    struct proof proof;
    bool known;
    OTA_TRY(find_proof(f, id, &proof, &known, err));
    *out = !known || proof.revoked;
    return OTA_OK;
}

static enum ota_fleet_auth verdict(bool known, bool right, bool revoked) {
    return !known    ? OTA_FLEET_UNKNOWN_DEVICE
           : !right  ? OTA_FLEET_TOKEN_WRONG
           : revoked ? OTA_FLEET_REVOKED
                     : OTA_FLEET_TOKEN_OK;
}

enum ota_status ota_fleet_authenticate(struct ota_fleet *f, const char *id, const char *token, enum ota_fleet_auth *out,
                                       struct ota_err *err) {
    uint8_t got[OTA_SHA256_LEN];
    struct proof want;
    bool known;
    OTA_TRY(find_proof(f, id, &want, &known, err));
    OTA_TRY(ota_fleet_token_digest(token ? token : "", got, err));
    *out = verdict(known, ota_equal_secret(want.token, got, sizeof got), want.revoked);
    return OTA_OK;
}

enum ota_status ota_fleet_authenticate_key(struct ota_fleet *f, const char *id, const uint8_t key[OTA_SHA256_LEN],
                                           enum ota_fleet_auth *out, struct ota_err *err) {
    struct proof want;
    bool known;
    OTA_TRY(find_proof(f, id, &want, &known, err));
    bool right = want.keys == ANY_KEY || (want.keys == ONE_KEY && memcmp(want.key, key, OTA_SHA256_LEN) == 0);
    *out = verdict(known, right, want.revoked);
    return OTA_OK;
}

/* ---- the list ------------------------------------------------------------------------------------------ */

static void read_row(sqlite3_stmt *s, struct ota_fleet_device *d) {
    memset(d, 0, sizeof *d);
    d->quarantine = sqlite3_column_int(s, 0) != 0;
    d->revoked = sqlite3_column_int64(s, 18) != 0;
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
