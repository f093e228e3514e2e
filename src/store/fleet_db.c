/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet database: its schema, statements and errors. */
#include "store/fleet_db.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "host/buf.h"
#include "host/fs.h"

#define SCHEMA_VERSION 3
#define PATIENCE_MS 3000

/* user_version is the schema's: step i takes a database from version i to i + 1. */
static const char *const schema_step[SCHEMA_VERSION] = {
    "CREATE TABLE device(id TEXT PRIMARY KEY, product TEXT NOT NULL, channel TEXT NOT NULL, token BLOB NOT NULL,"
    " added INTEGER NOT NULL, seen INTEGER NOT NULL DEFAULT 0, address TEXT NOT NULL DEFAULT '',"
    " agent TEXT NOT NULL DEFAULT '', chip TEXT NOT NULL DEFAULT '', counter INTEGER NOT NULL DEFAULT 0,"
    " counter_unknown INTEGER NOT NULL DEFAULT 0, version TEXT NOT NULL DEFAULT '', state TEXT NOT NULL DEFAULT '',"
    " secure_version INTEGER NOT NULL DEFAULT 0, table_sha256 TEXT NOT NULL DEFAULT '',"
    " clock INTEGER NOT NULL DEFAULT 0, time_unverified INTEGER NOT NULL DEFAULT 0, mixed INTEGER NOT NULL DEFAULT 0,"
    " stream TEXT NOT NULL DEFAULT '', number INTEGER NOT NULL DEFAULT 0, result TEXT NOT NULL DEFAULT '',"
    " code TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '', stage TEXT NOT NULL DEFAULT '',"
    " label TEXT NOT NULL DEFAULT '', result_counter INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "CREATE TABLE label(device TEXT NOT NULL REFERENCES device(id), label TEXT NOT NULL, counter INTEGER NOT NULL,"
    " sha256 TEXT NOT NULL, PRIMARY KEY(device, label)) WITHOUT ROWID;"
    "CREATE TABLE report(seq INTEGER PRIMARY KEY, device TEXT NOT NULL REFERENCES device(id), stream TEXT NOT NULL,"
    " number INTEGER NOT NULL, received INTEGER NOT NULL, counter INTEGER NOT NULL, result TEXT NOT NULL,"
    " code TEXT NOT NULL, stage TEXT NOT NULL, label TEXT NOT NULL, message TEXT NOT NULL,"
    " UNIQUE(device, stream, number));"
    "CREATE TABLE stranger(id TEXT PRIMARY KEY, product TEXT NOT NULL, address TEXT NOT NULL, first INTEGER NOT NULL,"
    " seen INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX stranger_seen ON stranger(seen);",
    "CREATE TABLE token(name TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, role INTEGER NOT NULL,"
    " product TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0,"
    " revoked INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;",
    /* client_key: what the key of the one client certificate that counts hashes to, or the text "any"; NULL or empty:
     * none counts. */
    ("ALTER TABLE device ADD COLUMN revoked INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE device ADD COLUMN client_key BLOB;"),
};

static const char *const sql_text[OTA_FLEET_SQL_COUNT] = {
    [OTA_FLEET_BEGIN] = "BEGIN IMMEDIATE",
    [OTA_FLEET_COMMIT] = "COMMIT",
    [OTA_FLEET_ROLLBACK] = "ROLLBACK",
    /* One that was revoked gives its id up. */
    [OTA_FLEET_DEVICE_ADD] =
        "INSERT INTO device(id, product, channel, token, added, client_key) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
        " ON CONFLICT(id) DO UPDATE SET product = ?2, channel = ?3, token = ?4, added = ?5,"
        " client_key = ?6, revoked = 0 WHERE revoked",
    [OTA_FLEET_DEVICE_RETOKEN] = "UPDATE device SET token = ?2, client_key = ?3, revoked = 0 WHERE id = ?1",
    [OTA_FLEET_DEVICE_REVOKE] = "UPDATE device SET revoked = iif(revoked, revoked, ?2) WHERE id = ?1",
    [OTA_FLEET_DEVICE_TABLE] = "UPDATE device SET table_sha256 = ?2 WHERE id = ?1",
    [OTA_FLEET_DEVICE_PROOF] = "SELECT token, client_key, revoked FROM device WHERE id = ?1",
    /* A late report of the same stream must not replace a newer one. */
    [OTA_FLEET_DEVICE_REPORTED] =
        "UPDATE device SET stream = ?2, number = ?3, product = ?4, channel = iif(?5 = '', channel, ?5), agent = ?6, "
        "chip = ?7, counter = ?8,"
        " counter_unknown = ?9, version = ?10, state = ?11, secure_version = ?12, table_sha256 = ?13, clock = ?14,"
        " time_unverified = ?15, mixed = ?16, result = ?17, code = ?18, message = ?19, stage = ?20, label = ?21,"
        " result_counter = ?22 WHERE id = ?1 AND (stream <> ?2 OR number < ?3)",
    [OTA_FLEET_DEVICE_SEEN] = "UPDATE device SET seen = ?2, address = ?3 WHERE id = ?1",
    [OTA_FLEET_REPORT_ADD] =
        "INSERT OR IGNORE INTO report(device, stream, number, received, counter, result, code, stage,"
        " label, message) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [OTA_FLEET_REPORT_PRUNE] =
        "DELETE FROM report WHERE device = ?1 AND seq <= (SELECT seq FROM report WHERE device = ?1"
        " ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
    [OTA_FLEET_LABEL_CLEAR] = "DELETE FROM label WHERE device = ?1",
    [OTA_FLEET_LABEL_ADD] = "INSERT OR REPLACE INTO label(device, label, counter, sha256) VALUES(?1, ?2, ?3, ?4)",
    [OTA_FLEET_STRANGER_ADD] = "INSERT INTO stranger(id, product, address, first, seen) VALUES(?1, ?2, ?3, ?4, ?4)"
                               " ON CONFLICT(id) DO UPDATE SET product = ?2, address = ?3, seen = ?4",
    [OTA_FLEET_STRANGER_PRUNE] = "DELETE FROM stranger WHERE id IN"
                                 " (SELECT id FROM stranger ORDER BY seen DESC LIMIT -1 OFFSET ?1)",
    [OTA_FLEET_STRANGER_GONE] = "DELETE FROM stranger WHERE id = ?1",
    [OTA_FLEET_LIST] =
        "SELECT 0, id, product, channel, mixed, counter_unknown, time_unverified, counter, version, state, result, "
        "code,"
        " message, result_counter, added, seen, address, table_sha256, revoked FROM device"
        " WHERE ?1 IS NULL OR product = ?1"
        " UNION ALL SELECT 1, id, product, '', 0, 0, 0, 0, '', '', '', '', '', 0, first, seen, address, '', 0 FROM "
        "stranger"
        " WHERE ?1 IS NULL OR product = ?1 ORDER BY 1, 2",
    [OTA_FLEET_TOKEN_ADD] = "INSERT OR REPLACE INTO token(name, role, product, created, expires, digest)"
                            " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [OTA_FLEET_TOKEN_LIST] = "SELECT name, role, product, created, expires, used, revoked, digest FROM token"
                             " ORDER BY name",
    [OTA_FLEET_TOKEN_REVOKE] = "UPDATE token SET revoked = iif(revoked, revoked, ?2) WHERE name = ?1",
    [OTA_FLEET_TOKEN_USED] = "UPDATE token SET used = ?2 WHERE name = ?1",
};

enum ota_status ota_fleet_failed(struct ota_fleet *f, struct ota_err *err) {
    const char *why = sqlite3_errmsg(f->db);
    switch (sqlite3_errcode(f->db) & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ota_err_set(err, OTA_BUSY, "%s: in use by another program for too long", f->path);
    case SQLITE_FULL:
        return ota_err_set(err, OTA_NO_SPACE, "%s: %s", f->path, why);
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return ota_err_set(err, OTA_PERMISSION, "%s: %s", f->path, why);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return ota_err_set(err, OTA_IO, "%s: %s. Put a backup in its place, or move it away and add the boards again",
                           f->path, why);
    default:
        if (sqlite3_system_errno(f->db) == ENOSPC) /* of a side file: SQLite has other words for it */
            return ota_err_set(err, OTA_NO_SPACE, "%s: %s", f->path, strerror(ENOSPC));
        return ota_err_set(err, OTA_IO, "%s: %s", f->path, why);
    }
}

enum ota_status ota_fleet_lock(struct ota_fleet *f, struct ota_err *err) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(f->patience_ms / 1000u);
    until.tv_nsec += (long)(f->patience_ms % 1000u) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    if (pthread_mutex_timedlock(&f->lock, &until) != 0)
        return ota_err_set(err, OTA_BUSY, "%s: in use by others for too long", f->path);
    return OTA_OK;
}

void ota_fleet_unlock(struct ota_fleet *f) {
    (void)pthread_mutex_unlock(&f->lock);
}

void ota_fleet_set_patience(struct ota_fleet *f, unsigned ms) {
    f->patience_ms = ms;
    (void)sqlite3_busy_timeout(f->db, (int)ms);
}

enum ota_status ota_fleet_statement(struct ota_fleet *f, enum ota_fleet_sql which, sqlite3_stmt **out,
                                    struct ota_err *err) {
    sqlite3_stmt **s = &f->statement[which];
    if (!*s && sqlite3_prepare_v3(f->db, sql_text[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL) != SQLITE_OK)
        return ota_fleet_failed(f, err);
    (void)sqlite3_reset(*s);
    (void)sqlite3_clear_bindings(*s);
    *out = *s;
    return OTA_OK;
}

enum ota_status ota_fleet_step(struct ota_fleet *f, sqlite3_stmt *s, struct ota_err *err) {
    int rc = sqlite3_step(s);
    enum ota_status status = rc == SQLITE_DONE || rc == SQLITE_ROW ? OTA_OK : ota_fleet_failed(f, err);
    (void)sqlite3_reset(s);
    return status;
}

enum ota_status ota_fleet_simple(struct ota_fleet *f, enum ota_fleet_sql which, struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, which, &s, err));
    return ota_fleet_step(f, s, err);
}

void ota_fleet_bind_text(sqlite3_stmt *s, int at, const char *text) {
    (void)sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

void ota_fleet_column_text(sqlite3_stmt *s, int at, char *out, size_t cap) {
    const unsigned char *text = sqlite3_column_text(s, at);
    (void)ota_format(out, cap, "%s", text ? (const char *)text : "");
}

static enum ota_status run(struct ota_fleet *f, const char *sql, struct ota_err *err) {
    return sqlite3_exec(f->db, sql, NULL, NULL, NULL) == SQLITE_OK ? OTA_OK : ota_fleet_failed(f, err);
}

static enum ota_status read_version(struct ota_fleet *f, int *version, struct ota_err *err) {
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(f->db, "PRAGMA user_version", -1, &s, NULL) != SQLITE_OK)
        return ota_fleet_failed(f, err);
    enum ota_status st = OTA_OK;
    if (sqlite3_step(s) == SQLITE_ROW)
        *version = sqlite3_column_int(s, 0);
    else
        st = ota_fleet_failed(f, err);
    (void)sqlite3_finalize(s);
    return st;
}

static enum ota_status migrate(struct ota_fleet *f, struct ota_err *err) {
    int version = 0;
    OTA_TRY(read_version(f, &version, err));
    if (version > SCHEMA_VERSION)
        return ota_err_set(err, OTA_UNSUPPORTED, "%s: written by a newer otaserve (schema %d); this one knows %d",
                           f->path, version, SCHEMA_VERSION);
    for (; version < SCHEMA_VERSION; version++) {
        OTA_CLEAN_FREE char *mark = ota_sprintf("PRAGMA user_version = %d", version + 1);
        OTA_TRY(run(f, schema_step[version], err));
        OTA_TRY(run(f, mark, err));
    }
    return OTA_OK;
}

/* In one write transaction: of two programs that start at once, the second finds the work done. */
static enum ota_status prepare(struct ota_fleet *f, struct ota_err *err) {
    OTA_TRY(run(f, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON", err));
    OTA_TRY(run(f, "BEGIN IMMEDIATE", err));
    enum ota_status st = migrate(f, err);
    if (st == OTA_OK)
        return run(f, "COMMIT", err);
    (void)sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

static enum ota_status connect(struct ota_fleet *f, const char *name, int flags, struct ota_err *err) {
    if (sqlite3_open_v2(name, &f->db, flags | SQLITE_OPEN_FULLMUTEX, NULL) != SQLITE_OK)
        return f->db ? ota_fleet_failed(f, err) : ota_err_set(err, OTA_MEMORY, "%s: out of memory", f->path);
    ota_fleet_set_patience(f, PATIENCE_MS);
    return OTA_OK;
}

static struct ota_fleet *make(const char *path) {
    struct ota_fleet *f = ota_calloc(1, sizeof *f);
    f->path = ota_strdup(path);
    (void)pthread_mutex_init(&f->lock, NULL);
    return f;
}

enum ota_status ota_fleet_open(struct ota_fleet **out, const char *path, struct ota_err *err) {
    /* SQLite gives its side files the mode of the database. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return ota_fs_errno(err, path, "cannot open the fleet database");
    (void)close(fd);
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *f = make(path);
    OTA_TRY(connect(f, path, SQLITE_OPEN_READWRITE, err));
    OTA_TRY(prepare(f, err));
    *out = OTA_STEAL(f);
    return OTA_OK;
}

/* ---- reading only --------------------------------------------------------------------------------------- */

/* As a URI, in which every other byte could mean something. */
static char *immutable_name(const char *path) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    ota_buf_str(&b, "file:");
    for (const char *p = path; *p; p++)
        ota_buf_printf(&b, *p == '/' ? "%c" : "%%%02X", (unsigned char)*p);
    ota_buf_str(&b, "?immutable=1");
    return ota_strdup(ota_buf_text(&b));
}

static enum ota_status open_reading(struct ota_fleet **out, const char *path, const char *name, int flags,
                                    struct ota_err *err) {
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *f = make(path);
    int version = 0;
    OTA_TRY(connect(f, name, SQLITE_OPEN_READONLY | flags, err));
    OTA_TRY(read_version(f, &version, err));
    if (version != SCHEMA_VERSION)
        return ota_err_set(err, OTA_UNSUPPORTED,
                           "%s: has schema %d, this otactl knows %d; start otaserve of the same "
                           "version once",
                           path, version, SCHEMA_VERSION);
    *out = OTA_STEAL(f);
    return OTA_OK;
}

static bool may_write(const char *path) {
    const char *slash = strrchr(path, '/');
    OTA_CLEAN_FREE char *dir = ota_sprintf("%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    return access(path, W_OK) == 0 && access(dir, W_OK) == 0;
}

enum ota_status ota_fleet_open_reading(struct ota_fleet **out, const char *path, struct ota_err *err) {
    if (!ota_fs_exists(path))
        return ota_err_set(err, OTA_NOT_FOUND, "%s: does not exist", path);
    if (may_write(path))
        return ota_fleet_open(out, path, err);
    if (open_reading(out, path, path, 0, err) == OTA_OK)
        return OTA_OK;
    OTA_CLEAN_FREE char *name = immutable_name(path);
    return open_reading(out, path, name, SQLITE_OPEN_URI, err);
}

void ota_fleet_close(struct ota_fleet **fp) {
    struct ota_fleet *f = *fp;
    if (!f)
        return;
    for (size_t i = 0; i < OTA_FLEET_SQL_COUNT; i++)
        (void)sqlite3_finalize(f->statement[i]);
    (void)sqlite3_close(f->db);
    (void)pthread_mutex_destroy(&f->lock);
    free(f->path);
    free(f);
    *fp = NULL;
}
