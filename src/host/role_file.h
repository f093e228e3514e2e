/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One signed role held whole in memory: the bytes as served, and their canonical form opened. For tools and the
 * daemon, which look at all roles at once; boards use ota/trust.h. Expiry is the caller's to judge: status must show
 * what has expired.
 */
#ifndef OTA_HOST_ROLE_FILE_H
#define OTA_HOST_ROLE_FILE_H

#include "host/buf.h"
#include "ota/metadata.h"

struct ota_role_file {
    char name[OTA_ROLE_NAME_MAX + 1];
    struct ota_buf wire;
    struct ota_buf canonical; /* meta points into it */
    struct ota_metadata meta; /* after open */
};
void ota_role_file_free(struct ota_role_file *f);
/* Copies. */
void ota_role_file_set(struct ota_role_file *f, const char *name, struct ota_span wire);

/* Parses f->wire as a role of `type` ("targets" for delegated ones). Who signed it is not looked at. */
OTA_MUST_USE enum ota_status ota_role_file_parse(struct ota_role_file *f, const char *type, struct ota_err *err);
/* The same, and checks its signatures. Messages begin with the role's name. */
OTA_MUST_USE enum ota_status ota_role_file_open(struct ota_role_file *f, const char *type,
                                                const struct ota_signers *signers, struct ota_err *err);
/* A root, signed by the keys it names itself; gives those of every top-level role. */
OTA_MUST_USE enum ota_status ota_role_file_open_root(struct ota_role_file *f,
                                                     struct ota_signers signers[OTA_ROLE_COUNT], struct ota_err *err);
/* A root that follows one: of this version, signed by the keys of the one before (`by`) and by its own. VERSION,
 * SIGNATURE. */
OTA_MUST_USE enum ota_status ota_role_file_open_next_root(struct ota_role_file *f, uint64_t version,
                                                          const struct ota_signers *by,
                                                          struct ota_signers signers[OTA_ROLE_COUNT],
                                                          struct ota_err *err);
/* Is it the file that `entry` of snapshot or timestamp speaks of: VERSION, LENGTH, HASH. */
OTA_MUST_USE enum ota_status ota_role_file_match(const struct ota_role_file *f, const struct ota_meta_entry *entry,
                                                 struct ota_err *err);

/* What snapshot or timestamp lists. */
struct ota_role_entries {
    size_t count;
    struct ota_meta_entry entry[OTA_SNAPSHOT_ENTRIES_MAX];
};
OTA_MUST_USE enum ota_status ota_role_entries_read(const struct ota_role_file *f, struct ota_role_entries *out,
                                                   struct ota_err *err);
const struct ota_meta_entry *ota_role_entries_find(const struct ota_role_entries *e, const char *name); /* NULL */

/* Whom targets delegates to, in its order. */
struct ota_role_delegations {
    size_t count;
    struct ota_delegation delegation[OTA_SNAPSHOT_ENTRIES_MAX];
};
OTA_MUST_USE enum ota_status ota_role_delegations_read(const struct ota_role_file *targets,
                                                       struct ota_role_delegations *out, struct ota_err *err);

#endif
