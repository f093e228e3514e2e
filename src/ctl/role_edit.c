/* SPDX-License-Identifier: Apache-2.0 */
/* Changes root and targets in a draft; see role_edit.h. */
#include "ctl/role_edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/key_roles.h"
#include "host/fs.h"
#include "host/passphrase.h"

#define FILES_MAX (2u + OTA_PRODUCTS_MAX)

void ota_role_edit_free(struct ota_role_edit **edit) {
    if (!*edit)
        return;
    for (size_t i = 0; i < OTA_PRODUCTS_MAX; i++)
        ota_buf_free(&(*edit)->product[i].wire);
    ota_buf_free(&(*edit)->conf);
    free(*edit);
    *edit = NULL;
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

static enum ota_status open_published(const struct ota_workspace *w, const char *role, struct ota_role_file *f,
                                      struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_TRY(ota_repo_role(w, role, &wire, err));
    ota_role_file_set(f, role, ota_buf_span(&wire));
    return ota_role_file_parse(f, role, err);
}

static enum ota_status read_published(struct ota_role_edit *e, struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file root = {0}, targets = {0};
    OTA_TRY(open_published(e->w, "root", &root, err));
    OTA_TRY(ota_role_root_read(&root.meta, &e->root, err));
    e->root.version++;
    OTA_TRY(open_published(e->w, "targets", &targets, err));
    OTA_TRY(ota_role_targets_read(&targets.meta, &e->targets, err));
    e->targets.version++;
    return OTA_OK;
}

static enum ota_status read_draft(struct ota_role_edit *e, const struct ota_draft *d, struct ota_err *err) {
    const struct ota_role_file *root = ota_draft_role(d, "root"), *targets = ota_draft_role(d, "targets");
    (void)snprintf(e->text, sizeof e->text, "%s", ota_draft_text(d));
    ota_buf_str(&e->conf, ota_draft_conf(d));
    e->root_changed = root != NULL;
    e->targets_changed = targets != NULL;
    if (root)
        OTA_TRY(ota_role_root_read(&root->meta, &e->root, err));
    if (targets)
        OTA_TRY(ota_role_targets_read(&targets->meta, &e->targets, err));
    for (size_t i = 0; i < ota_draft_need_count(d); i++) {
        const struct ota_role_file *f = ota_draft_need(d, i)->role;
        if (f != root && f != targets)
            OTA_TRY(ota_role_edit_product(e, f->name, f->meta.version, ota_buf_span(&f->wire), err));
    }
    return OTA_OK;
}

enum ota_status ota_role_edit_begin(const struct ota_workspace *w, const char *id, struct ota_role_edit **out,
                                    struct ota_err *err) {
    OTA_CLEAN(ota_role_edit_free) struct ota_role_edit *e = ota_calloc(1, sizeof *e);
    OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
    e->w = w;
    (void)snprintf(e->id, sizeof e->id, "%s", id);
    OTA_TRY(read_published(e, err));
    if (ota_draft_exists(w, id)) {
        OTA_TRY(ota_draft_open(w, id, &d, err));
        OTA_TRY(read_draft(e, d, err));
    }
    *out = OTA_STEAL(e);
    return OTA_OK;
}

/* ---- changing --------------------------------------------------------------------------------------------- */

enum ota_status ota_role_edit_keys(struct ota_role_edit *e, const char *role, struct ota_role_by **out,
                                   struct ota_err *err) {
    for (int i = 0; i < OTA_ROLE_COUNT; i++) {
        if (strcmp(role, ota_role_name((enum ota_role)i)) != 0)
            continue;
        e->root_changed = true;
        e->targets_changed = e->targets_changed || i == OTA_ROLE_TARGETS; /* to be signed by the new keys */
        *out = &e->root.by[i];
        return OTA_OK;
    }
    for (size_t i = 0; i < e->targets.count; i++)
        if (strcmp(role, e->targets.product[i].name) == 0)
            *out = &e->targets.product[i].by;
    if (strcmp(role, "rollout") == 0)
        *out = &e->targets.rollout;
    if (!*out)
        return ota_err_set(err, OTA_NOT_FOUND,
                           "there is no role \"%.40s\": root, targets, snapshot, timestamp, rollout, or a product",
                           role);
    e->targets_changed = true;
    return OTA_OK;
}

enum ota_status ota_role_edit_product(struct ota_role_edit *e, const char *name, uint64_t version, struct ota_span wire,
                                      struct ota_err *err) {
    size_t i = 0;
    while (i < e->product_count && strcmp(e->product[i].name, name) != 0)
        i++;
    if (i == OTA_PRODUCTS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "more than %u products", OTA_PRODUCTS_MAX);
    (void)snprintf(e->product[i].name, sizeof e->product[i].name, "%s", name);
    e->product[i].version = version;
    e->product[i].wire.len = 0;
    ota_buf_append(&e->product[i].wire, wire.p, wire.len);
    e->product_count += i == e->product_count;
    return OTA_OK;
}

void ota_role_edit_note(struct ota_role_edit *e, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    OTA_CLEAN_FREE char *more = ota_vsprintf(fmt, args);
    va_end(args);
    size_t n = strlen(e->text);
    if (n + strlen(more) + 3 <= sizeof e->text)
        (void)snprintf(e->text + n, sizeof e->text - n, "%s%s", n ? "; " : "", more);
}

/* --key signs elsewhere: whoever names the key of targets here means that, and would make it a product's. */
static enum ota_status check_unused(const struct ota_workspace *w, const char *given, const struct ota_key_public *key,
                                    struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_key_roles *roles = NULL;
    OTA_TRY(ota_key_roles_read(w, &roles, err));
    const char *holder = ota_key_roles_name(roles, key->keyid);
    return holder
               ? ota_err_set(err, OTA_EXISTS,
                             "%s: is a key of %s already, and --key is the new key here; to sign with it is the next "
                             "step: otactl sign DRAFT --key FILE",
                             given, holder)
               : OTA_OK;
}

enum ota_status ota_role_edit_new_key(const struct ota_workspace *w, const struct ota_args *args, const char *role,
                                      struct ota_key_public *out, struct ota_err *err) {
    const char *given = ota_args_get(args, "key");
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    if (given) {
        const struct ota_passphrase from = ota_passphrase_source(ota_args_get(args, "passphrase-file"));
        OTA_TRY(ota_key_load_public(out, given, &from, err));
        return check_unused(w, given, out, err);
    }
    OTA_TRY(ota_key_generate(&key, err));
    *out = *ota_key_public(key);
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "keys/%s.%.8s.pem", role, out->keyid);
    return ota_key_save(key, path, err);
}

/* ---- writing ---------------------------------------------------------------------------------------------- */

static enum ota_status check_others(const struct ota_role_edit *e, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names ids = {0};
    OTA_TRY(ota_draft_list(e->w, &ids, err));
    for (size_t i = 0; i < ids.count; i++) {
        OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
        struct ota_err stale;
        if (strcmp(ids.name[i], e->id) == 0 || ota_draft_open(e->w, ids.name[i], &d, &stale) != OTA_OK)
            continue;
        if ((e->targets_changed && ota_draft_role(d, "targets")) || (e->root_changed && ota_draft_role(d, "root")))
            return ota_err_set(err, OTA_EXISTS,
                               "the draft \"%s\" (%s) changes the same role: publish it first, or drop it: otactl "
                               "publish --drop %s",
                               ids.name[i], ota_draft_text(d), ids.name[i]);
    }
    return OTA_OK;
}

enum ota_status ota_role_edit_save(struct ota_role_edit *e, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf root = {0}, targets = {0};
    const struct ota_role_keys nobody = {.count = 0};
    struct ota_draft_file file[FILES_MAX];
    char user[OTA_CTL_USER_MAX];
    size_t n = 0;
    OTA_TRY(check_others(e, err));
    if (e->root_changed) {
        e->root.expires = ota_ctl_now() + OTA_ROLE_ROOT_LIFE;
        OTA_TRY(ota_role_root(&e->root, &nobody, &root, err));
        file[n++] = (struct ota_draft_file){"root", e->root.version, ota_buf_span(&root)};
    }
    if (e->targets_changed) {
        e->targets.expires = ota_ctl_now() + OTA_ROLE_OFFLINE_LIFE;
        OTA_TRY(ota_role_targets(&e->targets, &nobody, &targets, err));
        file[n++] = (struct ota_draft_file){"targets", e->targets.version, ota_buf_span(&targets)};
    }
    for (size_t i = 0; i < e->product_count; i++)
        file[n++] =
            (struct ota_draft_file){e->product[i].name, e->product[i].version, ota_buf_span(&e->product[i].wire)};
    const struct ota_draft_change change = {
        .text = e->text, .user = ota_ctl_user(user), .conf = ota_buf_span(&e->conf), .count = n, .file = file};
    return ota_draft_write(e->w, e->id, &change, err);
}
