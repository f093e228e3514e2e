/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a workspace that sign without a person: the online roles', and those offline keys that still lie there.
 * */
#ifndef OTA_SIGN_KEYRING_H
#define OTA_SIGN_KEYRING_H

#include "ota/metadata.h"
#include "sign/key.h"

#define OTA_KEYRING_MAX (OTA_PRODUCTS_MAX + 8u)

struct ota_keyring {
    struct ota_buf root; /* keys/root.json: the root the holder of the keys trusts, whatever it is shown */
    size_t count;
    struct {
        char name[OTA_ROLE_NAME_MAX + 1]; /* of the role */
        struct ota_key *key;
    } entry[OTA_KEYRING_MAX];
};

/* Loads root.json and every <role>.pem of `dir` but root's and TLS's. NOT_FOUND, with the remedy, when an online
 * role's key is missing. */
OTA_MUST_USE enum ota_status ota_keyring_load(struct ota_keyring *k, const char *dir, struct ota_err *err);
void ota_keyring_free(struct ota_keyring *k);
const struct ota_key *ota_keyring_find(const struct ota_keyring *k, const char *role); /* NULL */
/* The key of `role` if it is here and among those that may sign for it; else NULL. */
const struct ota_key *ota_keyring_for(const struct ota_keyring *k, const char *role, const struct ota_signers *signers);

#endif
