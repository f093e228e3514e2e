/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of people, CI jobs and dashboards for the API, in the fleet database. Boards have tokens of their own
 * (fleet.h). Of each only its SHA-256 is kept. A token gives access to the server and to nothing that is signed: what
 * boards accept is decided by keys.
 */
#ifndef OTA_STORE_FLEET_TOKEN_H
#define OTA_STORE_FLEET_TOKEN_H

#include "store/fleet.h"

/* Each may do what those before it may. */
enum ota_token_role { OTA_TOKEN_READ, OTA_TOKEN_PUSH, OTA_TOKEN_OPERATE, OTA_TOKEN_ADMIN, OTA_TOKEN_ROLE_COUNT };
const char *ota_token_role_name(enum ota_token_role role);
bool ota_token_role_parse(const char *name, enum ota_token_role *out);

#define OTA_TOKENS_MAX 256u
#define OTA_TOKEN_LIFE_MAX_S (10u * 365u * 86400u)

struct ota_fleet_token {
    char name[OTA_NAME_MAX + 1];    /* [a-z0-9][a-z0-9-]* */
    char product[OTA_NAME_MAX + 1]; /* the only one it is for; "": every product */
    enum ota_token_role role;
    uint64_t created, expires;
    uint64_t used;    /* to the minute; 0: never */
    uint64_t revoked; /* 0: not */
};

/* Makes one with the name, product, role and life given. EXISTS while a token of that name is in use; one that was
 * revoked or has expired gives its name up. TOO_LARGE: OTA_TOKENS_MAX are kept. */
OTA_MUST_USE enum ota_status ota_fleet_token_create(struct ota_fleet *f, const struct ota_fleet_token *wanted,
                                                    char token[OTA_TOKEN_TEXT_MAX], struct ota_err *err);
/* Ends it at once. NOT_FOUND; revoking twice is OK. */
OTA_MUST_USE enum ota_status ota_fleet_token_revoke(struct ota_fleet *f, const char *name, struct ota_err *err);
/* Ordered by name; revoked and expired ones, too. row() must not call this store. */
OTA_MUST_USE enum ota_status ota_fleet_token_list(struct ota_fleet *f,
                                                  void (*row)(void *ctx, const struct ota_fleet_token *t), void *ctx,
                                                  struct ota_err *err);
/* Whose token this is: UNAUTHORIZED when nobody's, or when it was revoked or has expired. Notes that it was used. */
OTA_MUST_USE enum ota_status ota_fleet_token_check(struct ota_fleet *f, const char *token, struct ota_fleet_token *out,
                                                   struct ota_err *err);

#endif
