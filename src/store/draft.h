/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafts: changes and releases that wait for signatures.
 *
 *   state/drafts/<id>/    laid out as state/incoming/<id> (store/repo.h): request, metadata/<v>.<role>.json,
 *                         targets/img/..., maybe conf; the id is "root", "targets", "<product>-<counter>" (a release), ...
 *
 * Signing rewrites a role's file, one at a time. Once everybody needed has signed, submitting moves the folder to
 * state/incoming, from where it is published like a push.
 */
#ifndef OTA_STORE_DRAFT_H
#define OTA_STORE_DRAFT_H

#include "host/role_file.h"
#include "store/repo.h"

#define OTA_DRAFT_ROOT "root"
#define OTA_DRAFT_TARGETS "targets"
#define OTA_DRAFT_NEEDS_MAX (2u * 7u + 1u + OTA_PRODUCTS_MAX)

/* Whose keys sign `role`, for people: "root 1", "targets of root 2", "thermo of targets 4". */
#define OTA_DRAFT_BY_MAX (OTA_ROLE_NAME_MAX + 31u)
void ota_draft_by(const char *role, const char *parent, uint64_t version, char out[OTA_DRAFT_BY_MAX + 1]);

/* A file of a draft, and whose signatures it needs. A root appears twice: once by the keys of the root before it, once
 * by those it names itself. */
struct ota_draft_need {
    const struct ota_role_file *role; /* name, version, bytes; borrowed from the draft */
    char by[OTA_DRAFT_BY_MAX + 1];    /* ota_draft_by() */
    struct ota_signers signers;
    uint32_t have;      /* distinct keys of `signers` that signed validly */
    uint32_t signed_by; /* bit i: signers.key[i] did */
};

struct ota_draft; /* opaque: the roles, opened */

/* Ids, sorted. Empty when there is no folder. */
OTA_MUST_USE enum ota_status ota_draft_list(const struct ota_workspace *w, struct ota_fs_names *out,
                                            struct ota_err *err);
bool ota_draft_exists(const struct ota_workspace *w, const char *id);
/* "<dir>/state/drafts/<id>"; the caller frees. */
char *ota_draft_path(const struct ota_workspace *w, const char *id);

/* Opens a draft and compares it with what is published. NOT_FOUND; ROLLBACK when what it builds on has been replaced
 * since; DELEGATION, VERSION, ... when it could not be published whoever signs it. */
OTA_MUST_USE enum ota_status ota_draft_open(const struct ota_workspace *w, const char *id, struct ota_draft **out,
                                            struct ota_err *err);
void ota_draft_free(struct ota_draft **d);
/* For people: "rotate the key of timestamp", or product and counter of a release. */
const char *ota_draft_text(const struct ota_draft *d);
/* The `conf` it was written with; "" without. */
const char *ota_draft_conf(const struct ota_draft *d);
size_t ota_draft_need_count(const struct ota_draft *d);
const struct ota_draft_need *ota_draft_need(const struct ota_draft *d, size_t index);
/* Whether all needs are met. */
bool ota_draft_complete(const struct ota_draft *d);
/* A role of the draft: "root" (the last), "targets" or a product; NULL: it is not in it. */
const struct ota_role_file *ota_draft_role(const struct ota_draft *d, const char *role);
/* SIGNATURE naming every role that lacks signatures, how many, and whose. */
OTA_MUST_USE enum ota_status ota_draft_check(const struct ota_draft *d, struct ota_err *err);

/* A role to be put into a draft. */
struct ota_draft_file {
    const char *role;
    uint64_t version;
    struct ota_span wire;
};
/* Begins the draft `id`: *folder, which the caller fills as above and frees, takes its name (or its place, if there is
 * such a draft) with ota_draft_place(). ARGUMENT: the id names none. The caller holds state/lock, here and below. */
OTA_MUST_USE enum ota_status ota_draft_prepare(const struct ota_workspace *w, const char *id, char **folder,
                                               struct ota_err *err);
OTA_MUST_USE enum ota_status ota_draft_place(const struct ota_workspace *w, const char *id, struct ota_err *err);

/* A change. */
struct ota_draft_change {
    const char *text, *user; /* for people; text: one line, at most 160 bytes */
    struct ota_span conf;    /* what it does to ota.conf once it is published (ctl/conf_edit.h); may be empty */
    size_t count;
    const struct ota_draft_file *file;
};
/* Makes the draft `id` of it, or replaces it whole. */
OTA_MUST_USE enum ota_status ota_draft_write(const struct ota_workspace *w, const char *id,
                                             const struct ota_draft_change *change, struct ota_err *err);
/* Replaces the bytes of one role in it, atomically: after a signature was added. */
OTA_MUST_USE enum ota_status ota_draft_update(const struct ota_workspace *w, const char *id,
                                              const struct ota_draft_file *file, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_draft_remove(const struct ota_workspace *w, const char *id, struct ota_err *err);

/* Moves a complete draft to state/incoming/<*incoming>, for the caller to wait on or publish. SIGNATURE as
 * ota_draft_check(). *incoming: the caller frees. */
OTA_MUST_USE enum ota_status ota_draft_submit(const struct ota_workspace *w, const char *id, char **incoming,
                                              struct ota_err *err);

#endif
