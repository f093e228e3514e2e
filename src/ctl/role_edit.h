/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next versions of root and targets, as a draft holds them: read, changed, written back without signatures. Private
 * to src/ctl.
 */
#ifndef OTA_CTL_ROLE_EDIT_H
#define OTA_CTL_ROLE_EDIT_H

#include "ctl/cmd.h"
#include "sign/role.h"
#include "store/draft.h"

struct ota_role_edit {
    const struct ota_workspace *w;
    char id[OTA_ROLE_NAME_MAX + 1];
    char text[161];      /* what was changed */
    struct ota_buf conf; /* lines of ctl/conf_edit.h: what publishing it does to ota.conf */
    bool root_changed, targets_changed;
    struct ota_role_root root;
    struct ota_role_targets targets;
    size_t product_count; /* product roles in the draft */
    struct {
        char name[OTA_NAME_MAX + 1];
        uint64_t version;
        struct ota_buf wire;
    } product[OTA_PRODUCTS_MAX];
};
/* From the draft `id`, else from what is published. *out is freed with ota_role_edit_free(). */
OTA_MUST_USE enum ota_status ota_role_edit_begin(const struct ota_workspace *w, const char *id,
                                                 struct ota_role_edit **out, struct ota_err *err);
void ota_role_edit_free(struct ota_role_edit **edit);

/* The keys of a role; the roles that name it count as changed. NOT_FOUND. */
OTA_MUST_USE enum ota_status ota_role_edit_keys(struct ota_role_edit *e, const char *role, struct ota_role_by **out,
                                                struct ota_err *err);
/* Puts a product's role into the draft; `wire` is copied. */
OTA_MUST_USE enum ota_status ota_role_edit_product(struct ota_role_edit *e, const char *name, uint64_t version,
                                                   struct ota_span wire, struct ota_err *err);
/* Adds to what the draft says of itself. */
void ota_role_edit_note(struct ota_role_edit *e, const char *fmt, ...) OTA_PRINTF(2, 3);
/* Writes the draft. EXISTS when another draft holds a new targets as well: only one of them could be published. */
OTA_MUST_USE enum ota_status ota_role_edit_save(struct ota_role_edit *e, struct ota_err *err);

/* A key for `role`: --key (a reference or a public key's file), else a new one in keys/<role>.<keyid>.pem. EXISTS when
 * --key is a role's already. */
OTA_MUST_USE enum ota_status ota_role_edit_new_key(const struct ota_workspace *w, const struct ota_args *args,
                                                   const char *role, struct ota_key_public *out, struct ota_err *err);

#endif
