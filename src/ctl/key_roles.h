/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys the roles of a workspace name, and which private keys lie in its keys/. Private to src/ctl. */
#ifndef OTA_CTL_KEY_ROLES_H
#define OTA_CTL_KEY_ROLES_H

#include "host/passphrase.h"
#include "host/workspace.h"
#include "sign/role.h"

#define OTA_CTL_ROLES_MAX (OTA_ROLE_COUNT + OTA_SNAPSHOT_ENTRIES_MAX)
#define OTA_CTL_KEY_FILES_MAX 96u
#define OTA_CTL_ASK_MAX OTA_CTL_ROLES_MAX

/* root, targets, products, rollout, snapshot, timestamp; hundreds of kilobytes, on the heap. */
struct ota_key_roles {
    size_t count;
    struct {
        char name[OTA_ROLE_NAME_MAX + 1];
        struct ota_role_by by;
    } role[OTA_CTL_ROLES_MAX];
};
/* As root and targets that are published name them. The caller frees. */
OTA_MUST_USE enum ota_status ota_key_roles_read(const struct ota_workspace *w, struct ota_key_roles **out,
                                                struct ota_err *err);
const struct ota_role_by *ota_key_roles_find(const struct ota_key_roles *r, const char *role); /* NULL */
/* The first role that names this key; NULL. */
const char *ota_key_roles_name(const struct ota_key_roles *r, const char *keyid);

/* snapshot, timestamp, rollout: signed by otaserve-signer without a person. */
bool ota_key_role_online(const char *role);

struct ota_key_files {
    size_t count;
    struct {
        char *file;                       /* in keys/ */
        char role[OTA_ROLE_NAME_MAX + 1]; /* by its name */
        bool token;                       /* a .uri file */
        struct ota_key *key;              /* NULL: cannot be opened */
        char *reason;                     /* then: why */
    } entry[OTA_CTL_KEY_FILES_MAX];
};
/* Whose files are worth a passphrase: those named after one of these roles. */
struct ota_key_ask {
    struct ota_passphrase from;
    size_t count;
    const char *role[OTA_CTL_ASK_MAX];
};
/* All signing keys of keys/, root's too. `ask` may be NULL: nothing is asked then. */
OTA_MUST_USE enum ota_status ota_key_files_load(const struct ota_workspace *w, const struct ota_key_ask *ask,
                                                struct ota_key_files *out, struct ota_err *err);
void ota_key_files_free(struct ota_key_files *f);
/* The index of the file that holds this key, or -1. */
int ota_key_files_find(const struct ota_key_files *f, const char *keyid);

#endif
