/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens for the API; see fleet_token.h. */
#include "store/fleet_token.h"

#include <string.h>
#include <time.h>

#include "host/buf.h"
#include "store/fleet_db.h"

#define USED_EVERY_S 60u /* a row is not written anew for every request */

static const char *const role_names[OTA_TOKEN_ROLE_COUNT] = {"read", "push", "operate", "admin"};

const char *ota_token_role_name(enum ota_token_role role) {
    return role_names[role];
}

bool ota_token_role_parse(const char *name, enum ota_token_role *out) {
    for (size_t i = 0; i < OTA_TOKEN_ROLE_COUNT; i++)
        if (strcmp(role_names[i], name) == 0) {
            *out = (enum ota_token_role)i;
            return true;
        }
    return false;
}

static bool is_over(const struct ota_fleet_token *t, uint64_t now) {
    return t->revoked || t->expires <= now;
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static void read_token(sqlite3_stmt *s, struct ota_fleet_token *t) {
    memset(t, 0, sizeof *t);
    ota_fleet_column_text(s, 0, t->name, sizeof t->name);
    int role = sqlite3_column_int(s, 1);
    t->role = role > 0 && role < OTA_TOKEN_ROLE_COUNT ? (enum ota_token_role)role : OTA_TOKEN_READ;
    ota_fleet_column_text(s, 2, t->product, sizeof t->product);
    t->created = (uint64_t)sqlite3_column_int64(s, 3);
    t->expires = (uint64_t)sqlite3_column_int64(s, 4);
    t->used = (uint64_t)sqlite3_column_int64(s, 5);
    t->revoked = (uint64_t)sqlite3_column_int64(s, 6);
}

/* Calls row() with each token and its digest, under the lock. */
static enum ota_status each(struct ota_fleet *f,
                            void (*row)(void *ctx, const struct ota_fleet_token *t, const uint8_t *digest), void *ctx,
                            struct ota_err *err) {
    static const uint8_t none[OTA_SHA256_LEN];
    struct ota_fleet_token t;
    sqlite3_stmt *s;
    int rc;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_TOKEN_LIST, &s, err));
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        read_token(s, &t);
        row(ctx, &t, sqlite3_column_bytes(s, 7) == (int)OTA_SHA256_LEN ? sqlite3_column_blob(s, 7) : none);
    }
    enum ota_status st = rc == SQLITE_DONE ? OTA_OK : ota_fleet_failed(f, err);
    (void)sqlite3_reset(s);
    return st;
}

/* ---- create -------------------------------------------------------------------------------------------- */

struct census {
    const char *name;
    size_t count;
    bool found;
    struct ota_fleet_token same;
};

static void count_one(void *ctx, const struct ota_fleet_token *t, const uint8_t *digest) {
    struct census *c = ctx;
    (void)digest;
    c->count++;
    if (strcmp(t->name, c->name) == 0) {
        c->found = true;
        c->same = *t;
    }
}

static enum ota_status insert(struct ota_fleet *f, const struct ota_fleet_token *t,
                              const uint8_t digest[OTA_SHA256_LEN], struct ota_err *err) {
    struct census seen = {.name = t->name};
    sqlite3_stmt *s;
    OTA_TRY(each(f, count_one, &seen, err));
    if (seen.found && !is_over(&seen.same, t->created))
        return ota_err_set(err, OTA_EXISTS,
                           "a token named %s is in use; revoke it first (otactl token revoke %s), or take another name",
                           t->name, t->name);
    if (!seen.found && seen.count >= OTA_TOKENS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "%u tokens are kept already; take the name of one that is over",
                           OTA_TOKENS_MAX);
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_TOKEN_ADD, &s, err));
    ota_fleet_bind_text(s, 1, t->name);
    (void)sqlite3_bind_int(s, 2, (int)t->role);
    ota_fleet_bind_text(s, 3, t->product);
    (void)sqlite3_bind_int64(s, 4, (sqlite3_int64)t->created);
    (void)sqlite3_bind_int64(s, 5, (sqlite3_int64)t->expires);
    (void)sqlite3_bind_blob(s, 6, digest, (int)OTA_SHA256_LEN, SQLITE_STATIC);
    return ota_fleet_step(f, s, err);
}

enum ota_status ota_fleet_token_create(struct ota_fleet *f, const struct ota_fleet_token *wanted,
                                       char token[OTA_TOKEN_TEXT_MAX], struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    struct ota_err second;
    if (!ota_name_valid(ota_span_str(wanted->name)))
        return ota_err_set(err, OTA_ARGUMENT, "\"%s\" cannot name a token: a-z, 0-9 and -, at most %u", wanted->name,
                           OTA_NAME_MAX);
    OTA_TRY(ota_fleet_token_make(token, err));
    OTA_TRY(ota_fleet_token_digest(token, digest, err));
    OTA_TRY(ota_fleet_lock(f, err));
    enum ota_status st = ota_fleet_simple(f, OTA_FLEET_BEGIN, err);
    if (st == OTA_OK) {
        st = insert(f, wanted, digest, err);
        if (st == OTA_OK)
            st = ota_fleet_simple(f, OTA_FLEET_COMMIT, err);
        if (st != OTA_OK)
            (void)!ota_fleet_simple(f, OTA_FLEET_ROLLBACK, &second);
    }
    ota_fleet_unlock(f);
    return st;
}

/* ---- revoke, list -------------------------------------------------------------------------------------- */

static enum ota_status mark(struct ota_fleet *f, enum ota_fleet_sql which, const char *name, uint64_t when,
                            struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, which, &s, err));
    ota_fleet_bind_text(s, 1, name);
    (void)sqlite3_bind_int64(s, 2, (sqlite3_int64)when);
    return ota_fleet_step(f, s, err);
}

enum ota_status ota_fleet_token_revoke(struct ota_fleet *f, const char *name, struct ota_err *err) {
    OTA_TRY(ota_fleet_lock(f, err));
    enum ota_status st = mark(f, OTA_FLEET_TOKEN_REVOKE, name, (uint64_t)time(NULL), err);
    if (st == OTA_OK && sqlite3_changes(f->db) == 0)
        st = ota_err_set(err, OTA_NOT_FOUND, "no token is named \"%.40s\"; otactl token list shows them", name);
    ota_fleet_unlock(f);
    return st;
}

struct listing {
    void (*row)(void *ctx, const struct ota_fleet_token *t);
    void *ctx;
};

static void list_one(void *ctx, const struct ota_fleet_token *t, const uint8_t *digest) {
    const struct listing *l = ctx;
    (void)digest;
    l->row(l->ctx, t);
}

enum ota_status ota_fleet_token_list(struct ota_fleet *f, void (*row)(void *ctx, const struct ota_fleet_token *t),
                                     void *ctx, struct ota_err *err) {
    struct listing l = {row, ctx};
    OTA_TRY(ota_fleet_lock(f, err));
    enum ota_status st = each(f, list_one, &l, err);
    ota_fleet_unlock(f);
    return st;
}

/* ---- check --------------------------------------------------------------------------------------------- */

struct search {
    uint8_t digest[OTA_SHA256_LEN];
    bool found;
    struct ota_fleet_token token;
};

/* All are compared, whichever it is. */
static void compare(void *ctx, const struct ota_fleet_token *t, const uint8_t *digest) {
    struct search *wanted = ctx;
    if (!ota_equal_secret(wanted->digest, digest, OTA_SHA256_LEN))
        return;
    wanted->found = true;
    wanted->token = *t;
}

static enum ota_status find(struct ota_fleet *f, struct search *wanted, uint64_t now, struct ota_err *err) {
    struct ota_err ignored;
    OTA_TRY(each(f, compare, wanted, err));
    if (wanted->found && !is_over(&wanted->token, now) && now - wanted->token.used >= USED_EVERY_S)
        (void)!mark(f, OTA_FLEET_TOKEN_USED, wanted->token.name, now, &ignored); /* a full disk locks nobody out */
    return OTA_OK;
}

enum ota_status ota_fleet_token_check(struct ota_fleet *f, const char *token, struct ota_fleet_token *out,
                                      struct ota_err *err) {
    struct search wanted = {.found = false};
    uint64_t now = (uint64_t)time(NULL);
    OTA_TRY(ota_fleet_token_digest(token, wanted.digest, err));
    OTA_TRY(ota_fleet_lock(f, err));
    enum ota_status st = find(f, &wanted, now, err);
    ota_fleet_unlock(f);
    OTA_TRY(st);
    if (!wanted.found)
        return ota_err_set(err, OTA_UNAUTHORIZED, "this token is not known here");
    if (wanted.token.revoked)
        return ota_err_set(err, OTA_UNAUTHORIZED, "token %s was revoked", wanted.token.name);
    if (wanted.token.expires <= now)
        return ota_err_set(err, OTA_UNAUTHORIZED, "token %s has expired", wanted.token.name);
    *out = wanted.token;
    return OTA_OK;
}
