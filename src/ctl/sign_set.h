/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles to be signed, and the published ones they are judged by: a single role file, a draft of the workspace, or a
 * draft exported into one text file, which needs no workspace. Private to src/ctl.
 *
 * An exported file, one line each; JSON of a role has no line breaks:
 *
 *   otaserve-draft 1
 *   id thermo-38
 *   published 1.root.json {...}     what it is compared with, and whose keys may sign
 *   sign 12.thermo.json {...}       gets the signatures
 */
#ifndef OTA_CTL_SIGN_SET_H
#define OTA_CTL_SIGN_SET_H

#include "host/role_file.h"
#include "host/workspace.h"
#include "store/draft.h"

#define OTA_SIGN_SET_MAX 40u
#define OTA_SIGN_NAME_MAX 63u

struct ota_sign_file {
    char name[OTA_SIGN_NAME_MAX + 1]; /* 12.thermo.json */
    bool published;                   /* not to be signed */
    struct ota_role_file role;        /* role.name: root, targets, a product, ... */
};
struct ota_sign_set {
    char *id; /* of the draft; NULL: a single role file */
    size_t count;
    struct ota_sign_file file[OTA_SIGN_SET_MAX];
};
void ota_sign_set_free(struct ota_sign_set *set);
void ota_sign_set_delete(struct ota_sign_set **set); /* one on the heap */

/* A role file or an exported draft. */
OTA_MUST_USE enum ota_status ota_sign_set_read(const char *path, struct ota_sign_set *out, struct ota_err *err);
/* The draft <id>, with what is published. As ota_draft_open(): NOT_FOUND, ROLLBACK, ... */
OTA_MUST_USE enum ota_status ota_sign_set_draft(const struct ota_workspace *w, const char *id, struct ota_sign_set *out,
                                                struct ota_err *err);
/* Adds root, targets and, for a product's role, the product as published. */
OTA_MUST_USE enum ota_status ota_sign_set_publish(struct ota_sign_set *set, const struct ota_workspace *w,
                                                  struct ota_err *err);
OTA_MUST_USE enum ota_status ota_sign_set_add(struct ota_sign_set *set, const char *name, struct ota_span wire,
                                              bool published, struct ota_err *err);

/* Is it the same that would be signed; signatures do not count. */
bool ota_sign_set_same(const struct ota_sign_set *a, const struct ota_sign_set *b);
/* Puts the same role with other signatures in its place. */
OTA_MUST_USE enum ota_status ota_sign_file_replace(struct ota_sign_file *f, struct ota_span wire, struct ota_err *err);

/* Appends it as an exported file; the roles to be signed rewritten to one line each. */
OTA_MUST_USE enum ota_status ota_sign_set_export(const struct ota_sign_set *set, struct ota_buf *out,
                                                 struct ota_err *err);
/* Back where ota_sign_set_draft() read it. The caller holds state/lock. */
OTA_MUST_USE enum ota_status ota_sign_set_save_draft(const struct ota_sign_set *set, const struct ota_workspace *w,
                                                     struct ota_err *err);

/* What `f` replaces: the role of its name with the highest lower version; NULL. */
const struct ota_sign_file *ota_sign_set_before(const struct ota_sign_set *set, const struct ota_sign_file *f);
/* Whose signatures `f` needs: one group, for a root two (the old root's and its own). 0: nothing here says. */
struct ota_sign_group {
    struct ota_signers signers;
    char by[OTA_DRAFT_BY_MAX + 1]; /* for people, as in a draft */
};
OTA_MUST_USE enum ota_status ota_sign_set_signers(const struct ota_sign_set *set, const struct ota_sign_file *f,
                                                  struct ota_sign_group out[2], size_t *groups, struct ota_err *err);

/* Tells how many of how many signatures each role has now, as text or JSON. */
OTA_MUST_USE enum ota_status ota_sign_set_report(const struct ota_sign_set *set, bool json, struct ota_err *err);

#endif
