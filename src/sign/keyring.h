/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a workspace that sign without a person: the online roles', and those offline keys that still lie there.
 *
 * A key may sign for a role when metadata names its keyid; which file it lies in does not matter. So keys can be added,
 * moved and rotated while the signer runs: it loads the ring anew for every request.
 */
#ifndef OTA_SIGN_KEYRING_H
#define OTA_SIGN_KEYRING_H

#include "sign/role.h"

#define OTA_KEYRING_MAX 64u

struct ota_keyring {
    struct ota_buf
        root; /* keys/root.json: the root the holder of the keys trusts, whatever it is shown; may be absent */
    size_t count;
    struct {
        char *file;                       /* name in keys/ */
        char role[OTA_ROLE_NAME_MAX + 1]; /* by the file's name */
        struct ota_key *key;
    } entry[OTA_KEYRING_MAX];
    struct ota_buf unusable; /* a line for each file that holds no key now: locked, damaged, its token not there */
};

/* Loads root.json and the key files (host/key_file.h) of `dir` but root's. A file that cannot be used is left out:
 * it matters only where its key is needed, and ota_keyring_need() says so then. */
OTA_MUST_USE enum ota_status ota_keyring_load(struct ota_keyring *k, const char *dir, struct ota_err *err);
void ota_keyring_free(struct ota_keyring *k);
/* Adds the key of a reference (sign/key.h) that somebody named for `role`. */
OTA_MUST_USE enum ota_status ota_keyring_add(struct ota_keyring *k, const char *role, const char *reference,
                                             const struct ota_passphrase *passphrase, struct ota_err *err);

/* Is root.json whole. A key that is missing is missed when it has to sign: the root that replaces a lost one must still
 * be published. */
OTA_MUST_USE enum ota_status ota_keyring_check(const struct ota_keyring *k, struct ota_err *err);
/* All keys here that may sign; whether they are enough, the threshold says. */
void ota_keyring_for(const struct ota_keyring *k, const struct ota_signers *by, struct ota_role_keys *out);
/* As many keys as the threshold asks for, and no more. KEY, with what is missing, when they are not here. */
OTA_MUST_USE enum ota_status ota_keyring_need(const struct ota_keyring *k, const char *role,
                                              const struct ota_signers *by, struct ota_role_keys *out,
                                              struct ota_err *err);
/* The same for a product, as targets (wire bytes, verified by the caller) delegates it. */
OTA_MUST_USE enum ota_status ota_keyring_product(const struct ota_keyring *k, struct ota_span targets,
                                                 const char *product, struct ota_role_keys *out, struct ota_err *err);

#endif
