/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the fleet store share: the database, its prepared statements, its errors. Private to src/store. */
#ifndef OTA_STORE_FLEET_DB_H
#define OTA_STORE_FLEET_DB_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/fleet.h"

enum ota_fleet_sql {
    OTA_FLEET_BEGIN,
    OTA_FLEET_COMMIT,
    OTA_FLEET_ROLLBACK,
    OTA_FLEET_DEVICE_ADD,
    OTA_FLEET_DEVICE_PROOF,
    OTA_FLEET_DEVICE_RETOKEN,
    OTA_FLEET_DEVICE_REVOKE,
    OTA_FLEET_DEVICE_TABLE,
    OTA_FLEET_DEVICE_REPORTED,
    OTA_FLEET_DEVICE_SEEN,
    OTA_FLEET_REPORT_ADD,
    OTA_FLEET_REPORT_PRUNE,
    OTA_FLEET_LABEL_CLEAR,
    OTA_FLEET_LABEL_ADD,
    OTA_FLEET_STRANGER_ADD,
    OTA_FLEET_STRANGER_PRUNE,
    OTA_FLEET_STRANGER_GONE,
    OTA_FLEET_LIST,
    OTA_FLEET_TOKEN_ADD,
    OTA_FLEET_TOKEN_LIST,
    OTA_FLEET_TOKEN_REVOKE,
    OTA_FLEET_TOKEN_USED,
    OTA_FLEET_SQL_COUNT
};

struct ota_fleet {
    pthread_mutex_t lock; /* held while a statement is in use */
    unsigned patience_ms; /* for the lock and for SQLite's */
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statement[OTA_FLEET_SQL_COUNT];
};

/* BUSY when another thread keeps it for longer than the store's patience. */
OTA_MUST_USE enum ota_status ota_fleet_lock(struct ota_fleet *f, struct ota_err *err);
void ota_fleet_unlock(struct ota_fleet *f);
/* The statement, reset and ready to be bound. Under the lock. */
OTA_MUST_USE enum ota_status ota_fleet_statement(struct ota_fleet *f, enum ota_fleet_sql which, sqlite3_stmt **out,
                                                 struct ota_err *err);
/* Runs one that gives no rows, and resets it. */
OTA_MUST_USE enum ota_status ota_fleet_step(struct ota_fleet *f, sqlite3_stmt *s, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_fleet_simple(struct ota_fleet *f, enum ota_fleet_sql which, struct ota_err *err);
/* The last SQLite error as ours. */
enum ota_status ota_fleet_failed(struct ota_fleet *f, struct ota_err *err);
/* Binds text that outlives the step; a failure shows up in it. */
void ota_fleet_bind_text(sqlite3_stmt *s, int at, const char *text);
/* NULL becomes "". */
void ota_fleet_column_text(sqlite3_stmt *s, int at, char *out, size_t cap);

/* Tokens of boards and people alike: "ota_" and 32 random bytes as text, of which the SHA-256 is kept. */
OTA_MUST_USE enum ota_status ota_fleet_token_digest(const char *token, uint8_t out[OTA_SHA256_LEN],
                                                    struct ota_err *err);

#endif
