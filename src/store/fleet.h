/* SPDX-License-Identifier: Apache-2.0 */
/* Fleet state: boards, their tokens (hashed) and their reports. SQLite (WAL) in state/fleet.db; several processes may
 * have it open. */
#ifndef OTA_STORE_FLEET_H
#define OTA_STORE_FLEET_H

#include "ota/release.h"

#define OTA_TOKEN_TEXT_MAX 64u /* "ota_" + 43 base64url characters */
#define OTA_REPORT_MAX (16u * 1024u)

struct ota_fleet;
OTA_MUST_USE enum ota_status ota_fleet_open(struct ota_fleet **out, const char *path, struct ota_err *err);
/* For ota_fleet_list() only: makes no file where there is none (NOT_FOUND), and works where nothing may be written.
 * There it sees what another machine or container has checkpointed when it may not share the memory of the
 * write-ahead log. */
OTA_MUST_USE enum ota_status ota_fleet_open_reading(struct ota_fleet **out, const char *path, struct ota_err *err);
void ota_fleet_close(struct ota_fleet **f);
/* How long a call may wait for another thread or program that uses the database, in milliseconds, before it fails
 * with BUSY; 3000 when not told. For a thread that has others to serve. */
void ota_fleet_set_patience(struct ota_fleet *f, unsigned ms);

/* 32 random bytes, of which only the SHA-256 is kept. */
OTA_MUST_USE enum ota_status ota_fleet_token_make(char out[OTA_TOKEN_TEXT_MAX], struct ota_err *err);
struct ota_fleet_enrolment {
    const char *id, *product, *channel, *token;
    const char *table;   /* SHA-256 of its partition table, as it will report it, in hexadecimal */
    struct ota_span crt; /* its client certificate, PEM, whose key is the only one that counts; empty: none counts */
    bool any_crt;        /* unless this says that every certificate of the CA with its id does */
    bool replace;        /* give a board that is known these instead of its own; those it had end */
};
/* Adds a board with a token made before: EXISTS when one of this id is known and not revoked, NOT_FOUND when it should
 * be. KEY: crt is no certificate. ARGUMENT: any_crt of a board that was revoked, whose certificates would count again. */
OTA_MUST_USE enum ota_status ota_fleet_enrol(struct ota_fleet *f, const struct ota_fleet_enrolment *e,
                                             struct ota_err *err);

/* Can a board of this id be added: none is known, or one that was revoked. */
OTA_MUST_USE enum ota_status ota_fleet_is_free(struct ota_fleet *f, const char *id, bool *out, struct ota_err *err);

/* Refuses the board's token and client certificates from now on. NOT_FOUND; revoking twice is OK. */
OTA_MUST_USE enum ota_status ota_fleet_revoke(struct ota_fleet *f, const char *id, struct ota_err *err);

/* REVOKED: the proof is right, and does not count any more. */
enum ota_fleet_auth { OTA_FLEET_TOKEN_OK, OTA_FLEET_TOKEN_WRONG, OTA_FLEET_UNKNOWN_DEVICE, OTA_FLEET_REVOKED };
OTA_MUST_USE enum ota_status ota_fleet_authenticate(struct ota_fleet *f, const char *id, const char *token,
                                                    enum ota_fleet_auth *out, struct ota_err *err);
/* The same for whoever holds the key of a certificate that was verified to be the board's. `key`: SHA-256 of its
 * SubjectPublicKeyInfo. */
OTA_MUST_USE enum ota_status ota_fleet_authenticate_key(struct ota_fleet *f, const char *id,
                                                        const uint8_t key[OTA_SHA256_LEN], enum ota_fleet_auth *out,
                                                        struct ota_err *err);

/* Stores a report body that was checked for size, depth, UTF-8 and duplicate keys: reads the fields the schema names,
 * refuses others of wrong type (ARGUMENT). A repeated (stream, number) is accepted once. quarantine: the board is not
 * known; only its id, product and time are kept, at most 1000 of them. */
OTA_MUST_USE enum ota_status ota_fleet_report(struct ota_fleet *f, const char *id, struct ota_span body,
                                              const char *address, bool quarantine, struct ota_err *err);

struct ota_fleet_device {
    char id[OTA_DEVICE_ID_MAX + 1], product[OTA_NAME_MAX + 1], channel[OTA_NAME_MAX + 1];
    bool quarantine, revoked, mixed, counter_unknown, time_unverified;
    uint32_t counter;
    char version[OTA_VERSION_MAX + 1];
    char state[24], result[24], code[24], message[160];
    uint32_t result_counter;
    uint64_t added, seen; /* unix seconds, 0 never */
    char address[64];
    char table[OTA_SHA256_HEX_LEN + 1]; /* of its partition table; "" when it is not known */
};
/* Calls row() for each board, ordered by id, then for each in quarantine; stops when it returns false. product NULL:
 * all. row() must not call this store. */
OTA_MUST_USE enum ota_status ota_fleet_list(struct ota_fleet *f, const char *product,
                                            bool (*row)(void *ctx, const struct ota_fleet_device *d), void *ctx,
                                            struct ota_err *err);

#endif
