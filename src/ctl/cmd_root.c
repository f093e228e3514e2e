/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otactl root: who may sign what. Verbs that change it edit the draft "root" (or "targets", where targets alone names
 * the role); nothing holds before it is signed and published.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/draft_sign.h"
#include "ctl/push.h"
#include "ctl/role_edit.h"
#include "host/passphrase.h"

struct edit {
    struct ota_workspace w;
    struct ota_role_edit *e;
    const char *role;
    struct ota_role_by *by;
    int lock; /* state/lock: two changes at once would lose one */
};
static void edit_free(struct edit *x) {
    if (x->lock >= 0)
        (void)close(x->lock);
    ota_role_edit_free(&x->e);
    ota_workspace_close(&x->w);
}

static bool named_by_root(const char *role) {
    for (int i = 0; i < OTA_ROLE_COUNT; i++)
        if (strcmp(role, ota_role_name((enum ota_role)i)) == 0)
            return true;
    return false;
}

static bool draft_holds_targets(const struct ota_workspace *w, const char *id) {
    OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
    struct ota_err ignored;
    return ota_draft_exists(w, id) && ota_draft_open(w, id, &d, &ignored) == OTA_OK && ota_draft_role(d, "targets");
}

/* What targets names goes into the draft that changes targets already. */
static enum ota_status begin(struct edit *x, const struct ota_args *args, struct ota_err *err) {
    OTA_TRY(ota_ctl_workspace(args, &x->w, err));
    OTA_TRY(ota_push_lock(&x->w, &x->lock, err));
    x->role = ota_args_operand(args, 0);
    const char *id =
        named_by_root(x->role) || draft_holds_targets(&x->w, OTA_DRAFT_ROOT) ? OTA_DRAFT_ROOT : OTA_DRAFT_TARGETS;
    OTA_TRY(ota_role_edit_begin(&x->w, id, &x->e, err));
    return ota_role_edit_keys(x->e, x->role, &x->by, err);
}

static enum ota_status end(struct edit *x, const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
    OTA_TRY(ota_role_edit_save(x->e, err));
    OTA_TRY(ota_draft_open(&x->w, x->e->id, &d, err));
    if (ota_ctl_json(args)) {
        cJSON *tree = ota_ctl_draft_json(x->e->id, d);
        ota_ctl_print_json(&tree);
        return OTA_OK;
    }
    printf("Draft \"%s\": %s.\n", x->e->id, ota_draft_text(d));
    ota_ctl_draft_print(d);
    printf("Nothing holds before it is published: otactl root sign, then otactl root publish\n");
    return OTA_OK;
}

/* ---- changes ---------------------------------------------------------------------------------------------- */

static enum ota_status add(struct ota_role_by *by, const struct ota_key_public *key, const char *role,
                           struct ota_err *err) {
    for (size_t i = 0; i < by->count; i++)
        if (strcmp(by->key[i].keyid, key->keyid) == 0)
            return ota_err_set(err, OTA_EXISTS, "role %s names the key %.8s already", role, key->keyid);
    if (by->count == OTA_ROLE_KEYS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "role %s has %u keys, the most a board holds; remove one first", role,
                           OTA_ROLE_KEYS_MAX);
    by->key[by->count++] = *key;
    return OTA_OK;
}

enum ota_status ota_cmd_root_add_key(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(edit_free) struct edit x = {.lock = -1};
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(args, "passphrase-file"));
    struct ota_key_public key;
    OTA_TRY(ota_key_load_public(&key, ota_args_operand(args, 1), &from, err)); /* may ask: not under the lock */
    OTA_TRY(begin(&x, args, err));
    OTA_TRY(add(x.by, &key, x.role, err));
    ota_role_edit_note(x.e, "%s gets the key %.8s", x.role, key.keyid);
    return end(&x, args, err);
}

static enum ota_status find_key(const struct ota_role_by *by, const char *prefix, const char *role, size_t *index,
                                struct ota_err *err) {
    size_t found = 0;
    for (size_t i = 0; i < by->count; i++) {
        if (strncmp(by->key[i].keyid, prefix, strlen(prefix)) != 0)
            continue;
        *index = i;
        found++;
    }
    if (strlen(prefix) < 4)
        return ota_err_set(err, OTA_USAGE, "\"%s\": at least 4 digits of a key's id are wanted (otactl root show)",
                           prefix);
    if (found != 1)
        return ota_err_set(err, OTA_USAGE,
                           "role %s has %zu keys whose id begins with \"%.64s\" (otactl root show lists them)", role,
                           found, prefix);
    return OTA_OK;
}

enum ota_status ota_cmd_root_remove_key(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(edit_free) struct edit x = {.lock = -1};
    size_t i = 0;
    OTA_TRY(begin(&x, args, err));
    OTA_TRY(find_key(x.by, ota_args_operand(args, 1), x.role, &i, err));
    if (x.by->count - 1 < x.by->threshold)
        return ota_err_set(err, OTA_ARGUMENT,
                           "role %s wants %u signatures and would have %zu keys; add one first, or lower it: otactl "
                           "root threshold %s %zu",
                           x.role, x.by->threshold, x.by->count - 1, x.role, x.by->count - 1);
    ota_role_edit_note(x.e, "%s loses the key %.8s", x.role, x.by->key[i].keyid);
    memmove(&x.by->key[i], &x.by->key[i + 1], (x.by->count - i - 1) * sizeof x.by->key[0]);
    x.by->count--;
    return end(&x, args, err);
}

enum ota_status ota_cmd_root_threshold(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(edit_free) struct edit x = {.lock = -1};
    const char *text = ota_args_operand(args, 1);
    OTA_TRY(begin(&x, args, err));
    if (text[0] < '1' || text[0] > '9' || text[1] || (size_t)(text[0] - '0') > x.by->count)
        return ota_err_set(err, OTA_USAGE, "role %s has %zu keys: a threshold from 1 to %zu is possible", x.role,
                           x.by->count, x.by->count);
    x.by->threshold = (uint32_t)(text[0] - '0');
    ota_role_edit_note(x.e, "%s wants %u of %zu signatures", x.role, x.by->threshold, x.by->count);
    return end(&x, args, err);
}

enum ota_status ota_cmd_root_rotate(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(edit_free) struct edit x = {.lock = -1};
    struct ota_key_public key;
    OTA_TRY(begin(&x, args, err));
    if (x.by->count > 1)
        return ota_err_set(err, OTA_ARGUMENT,
                           "role %s has %zu keys; say which one goes: otactl root add-key %s FILE, then otactl root "
                           "remove-key %s KEYID",
                           x.role, x.by->count, x.role, x.role);
    if (ota_config_product(&x.w.config, x.role))
        return ota_err_set(err, OTA_USAGE, "%s is a product: otactl product rotate-key %s", x.role, x.role);
    OTA_TRY(ota_role_edit_new_key(&x.w, args, x.role, &key, err));
    *x.by = ota_role_by_key(&key);
    ota_role_edit_note(x.e, "%s has the key %.8s", x.role, key.keyid);
    return end(&x, args, err);
}

/* ---- signing and publishing ------------------------------------------------------------------------------- */

static enum ota_status find_draft(const struct ota_workspace *w, const char **id, struct ota_err *err) {
    *id = ota_draft_exists(w, OTA_DRAFT_ROOT) ? OTA_DRAFT_ROOT : OTA_DRAFT_TARGETS;
    return ota_draft_exists(w, *id)
               ? OTA_OK
               : ota_err_set(err, OTA_NOT_FOUND,
                             "no change waits; make one with root add-key, remove-key, threshold or rotate");
}

enum ota_status ota_cmd_root_sign(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
    const char *id;
    size_t made;
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    OTA_TRY(find_draft(&w, &id, err));
    OTA_TRY(ota_ctl_draft_sign_all(&w, id, args, false, &made, err));
    OTA_TRY(ota_draft_open(&w, id, &d, err));
    if (made == 0 && !ota_draft_complete(d))
        return ota_err_set(
            err, OTA_KEY,
            "nothing was signed: no key in keys/ or of --key gives draft %s a signature that it lacks; add "
            "--key FILE, or otactl sign export %s -o FILE",
            id, id);
    if (ota_ctl_json(args)) {
        cJSON *tree = ota_ctl_draft_json(id, d);
        ota_ctl_print_json(&tree);
        return OTA_OK;
    }
    printf("Draft \"%s\": %s. %zu new signature%s.\n", id, ota_draft_text(d), made, made == 1 ? "" : "s");
    ota_ctl_draft_print(d);
    printf(ota_draft_complete(d) ? "All that is needed: otactl root publish\n"
                                 : "More are needed: otactl root sign "
                                   "--key FILE, or otactl sign export %s -o FILE\n",
           id);
    return OTA_OK;
}

enum ota_status ota_cmd_root_publish(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    const char *id;
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    OTA_TRY(find_draft(&w, &id, err));
    OTA_TRY(ota_ctl_draft_publish(&w, id, err));
    if (ota_ctl_json(args)) {
        cJSON *tree = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(tree, "draft", id);
        (void)cJSON_AddBoolToObject(tree, "published", true);
        ota_ctl_print_json(&tree);
        return OTA_OK;
    }
    printf("Published. Boards take it over at their next poll; keys that nothing names any more lie in "
           "keys/retired.\n");
    return OTA_OK;
}
