/* SPDX-License-Identifier: Apache-2.0 */
/* Signs and publishes drafts; see draft_sign.h. */
#include "ctl/draft_sign.h"

#include <stdio.h>
#include <string.h>

#include "ctl/key_tidy.h"
#include "ctl/push.h"
#include "host/fs.h"
#include "host/key_file.h"
#include "host/passphrase.h"
#include "sign/role_sign.h"

#define KEYS_MAX 64u

struct hand {
    size_t count;
    struct ota_key *key[KEYS_MAX];
};
static void free_hand(struct hand *h) {
    for (size_t i = 0; i < h->count; i++)
        ota_key_free(&h->key[i]);
}

/* One that does not open is not at hand; the report says whose signatures lack. */
static enum ota_status take_folder(const struct ota_workspace *w, struct hand *h, struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "keys");
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    char role[OTA_ROLE_NAME_MAX + 1];
    struct ota_err ignored;
    OTA_TRY(ota_fs_check_folder_unshared(dir, err));
    OTA_TRY(ota_fs_list(dir, &names, err));
    for (size_t i = 0; i < names.count && h->count < KEYS_MAX; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, names.name[i]);
        if (ota_key_file_role(names.name[i], role))
            h->count += ota_key_load(&h->key[h->count], path, &ignored) == OTA_OK;
    }
    return OTA_OK;
}

static enum ota_status take_given(const struct ota_args *args, struct hand *h, struct ota_err *err) {
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(args, "passphrase-file"));
    for (size_t i = 0; i < ota_args_count(args, "key"); i++) {
        if (h->count == KEYS_MAX)
            return ota_err_set(err, OTA_USAGE, "more than %u keys", KEYS_MAX);
        const char *reference = ota_args_at(args, "key", i);
        struct ota_key_public other;
        struct ota_err ignored;
        if (ota_key_load_with(&h->key[h->count], reference, &from, err) == OTA_OK)
            h->count++;
        else if (ota_key_load_public(&other, reference, NULL, &ignored) != OTA_OK) /* a role's new key lies elsewhere */
            return err->code;
    }
    return OTA_OK;
}

/* ---- signing ---------------------------------------------------------------------------------------------- */

/* Named for this role, and has not signed it yet. */
static bool is_wanted(const struct ota_draft *d, const char *role, uint64_t version, const struct ota_public_key *key) {
    for (size_t i = 0; i < ota_draft_need_count(d); i++) {
        const struct ota_draft_need *n = ota_draft_need(d, i);
        if (strcmp(n->role->name, role) != 0 || n->role->meta.version != version)
            continue;
        for (size_t k = 0; k < n->signers.count; k++)
            if (memcmp(n->signers.key[k].point, key->point, sizeof key->point) == 0 && !(n->signed_by & 1u << k))
                return true;
    }
    return false;
}

static enum ota_status sign_role(const struct ota_workspace *w, const char *id, const struct ota_draft *d,
                                 const struct ota_role_file *f, const struct hand *h, size_t *made,
                                 struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    size_t before = *made;
    ota_buf_append(&wire, f->wire.p, f->wire.len);
    for (size_t i = 0; i < h->count; i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf more = {0};
        struct ota_public_key key;
        OTA_TRY(ota_public_key_from_pem(ota_span_str(ota_key_public(h->key[i])->pem), &key, err));
        if (!is_wanted(d, f->name, f->meta.version, &key))
            continue;
        OTA_TRY(ota_role_add_signature(ota_buf_span(&wire), h->key[i], &more, err));
        ota_buf_free(&wire);
        wire = more;
        more = (struct ota_buf){0};
        ++*made;
    }
    const struct ota_draft_file file = {f->name, f->meta.version, ota_buf_span(&wire)};
    return *made > before ? ota_draft_update(w, id, &file, err) : OTA_OK;
}

enum ota_status ota_ctl_draft_sign(const struct ota_workspace *w, const char *id, const struct ota_args *args,
                                   size_t *made, struct ota_err *err) {
    OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
    OTA_CLEAN(free_hand) struct hand h = {.count = 0};
    const struct ota_role_file *last = NULL;
    *made = 0;
    OTA_TRY(ota_draft_open(w, id, &d, err));
    OTA_TRY(take_folder(w, &h, err));
    OTA_TRY(take_given(args, &h, err));
    for (size_t i = 0; i < ota_draft_need_count(d); i++) {
        const struct ota_role_file *f = ota_draft_need(d, i)->role;
        if (f != last) /* a root's two needs follow each other */
            OTA_TRY(sign_role(w, id, d, f, &h, made, err));
        last = f;
    }
    return OTA_OK;
}

/* ---- publishing ------------------------------------------------------------------------------------------- */

enum ota_status ota_ctl_draft_publish(const struct ota_workspace *w, const char *id, struct ota_err *err) {
    OTA_CLEAN_FD int lock = -1;
    OTA_CLEAN_FREE char *incoming = NULL;
    OTA_TRY(ota_push_lock(w, &lock, err));
    OTA_TRY(ota_draft_submit(w, id, &incoming, err));
    ota_push_catch_stop();
    OTA_TRY(ota_push_see_published(w, incoming, err));
    return ota_ctl_key_tidy(w, err);
}

static void tell_next(const char *id, const struct ota_draft *d) {
    printf("It waits as the draft \"%s\" for more signatures:\n", id);
    ota_ctl_draft_print(d);
    printf("Sign it where the keys are, then publish it:\n"
           "  otactl sign %s --key FILE      here, or\n"
           "  otactl sign export %s -o FILE  to sign it on another machine\n"
           "  otactl publish %s\n",
           id, id, id);
}

enum ota_status ota_ctl_draft_finish(const struct ota_workspace *w, const char *id, const struct ota_args *args,
                                     bool *published, struct ota_err *err) {
    OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
    size_t made;
    OTA_TRY(ota_ctl_draft_sign(w, id, args, &made, err));
    OTA_TRY(ota_draft_open(w, id, &d, err));
    *published = ota_draft_complete(d);
    if (*published)
        return ota_ctl_draft_publish(w, id, err);
    if (!ota_ctl_json(args))
        tell_next(id, d);
    return OTA_OK;
}

/* ---- telling ---------------------------------------------------------------------------------------------- */

void ota_ctl_draft_print(const struct ota_draft *d) {
    for (size_t i = 0; i < ota_draft_need_count(d); i++) {
        const struct ota_draft_need *n = ota_draft_need(d, i);
        printf("  %s version %llu: %u of %u signatures by the keys of %s\n", n->role->name,
               (unsigned long long)n->role->meta.version, n->have, n->signers.threshold, n->by);
    }
}

cJSON *ota_ctl_draft_json(const char *id, const struct ota_draft *d) {
    cJSON *tree = cJSON_CreateObject(), *roles = cJSON_CreateArray();
    for (size_t i = 0; i < ota_draft_need_count(d); i++) {
        const struct ota_draft_need *n = ota_draft_need(d, i);
        cJSON *role = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(role, "name", n->role->name);
        (void)cJSON_AddNumberToObject(role, "version", (double)n->role->meta.version);
        (void)cJSON_AddStringToObject(role, "by", n->by);
        (void)cJSON_AddNumberToObject(role, "have", n->have);
        (void)cJSON_AddNumberToObject(role, "threshold", n->signers.threshold);
        (void)cJSON_AddItemToArray(roles, role);
    }
    (void)cJSON_AddStringToObject(tree, "draft", id);
    (void)cJSON_AddStringToObject(tree, "text", ota_draft_text(d));
    (void)cJSON_AddBoolToObject(tree, "complete", ota_draft_complete(d));
    (void)cJSON_AddItemToObject(tree, "roles", roles);
    return tree;
}
