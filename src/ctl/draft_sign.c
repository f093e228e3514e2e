/* SPDX-License-Identifier: Apache-2.0 */
/* Signs and publishes drafts; see draft_sign.h. */
#include "ctl/draft_sign.h"

#include <stdio.h>

#include "ctl/conf_edit.h"
#include "ctl/key_tidy.h"
#include "ctl/push.h"

/* ---- signing ---------------------------------------------------------------------------------------------- */

enum ota_status ota_ctl_draft_sign(const struct ota_workspace *w, const char *id, struct ota_hand *h,
                                   struct ota_sign_set *set, size_t *made, struct ota_err *err) {
    OTA_TRY(ota_sign_set_draft(w, id, set, err));
    OTA_TRY(ota_hand_sign(h, set, made, err));
    return *made ? ota_sign_set_save_draft(set, w, err) : OTA_OK;
}

enum ota_status ota_ctl_draft_sign_all(const struct ota_workspace *w, const char *id, const struct ota_args *args,
                                       bool new_keys, size_t *made, struct ota_err *err) {
    OTA_CLEAN(ota_hand_free) struct ota_hand h = {.count = 0};
    OTA_CLEAN(ota_sign_set_delete) struct ota_sign_set *set = ota_calloc(1, sizeof *set);
    OTA_CLEAN_FD int lock = -1;
    OTA_TRY(ota_hand_for_draft(&h, w, id, args, new_keys, err));
    OTA_TRY(ota_push_lock(w, &lock, err));
    return ota_ctl_draft_sign(w, id, &h, set, made, err);
}

/* ---- publishing ------------------------------------------------------------------------------------------- */

static enum ota_status hand_over(const struct ota_workspace *w, const char *id, struct ota_err *err) {
    OTA_CLEAN_FREE char *incoming = NULL;
    OTA_TRY(ota_draft_submit(w, id, &incoming, err));
    ota_push_catch_stop();
    return ota_push_see_published(w, incoming, err);
}

/* ota.conf first: a crash then leaves a section too many or too few, and publishing again completes it. What may still
 * be published later (BUSY, INTERRUPTED) keeps it. */
static enum ota_status publish_with_conf(const struct ota_workspace *w, const char *id, const char *lines,
                                         struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf before = {0}, after = {0};
    struct ota_err undone;
    OTA_TRY(ota_conf_apply(w, lines, &before, &after, err));
    OTA_TRY(ota_conf_write(w, &after, err));
    enum ota_status st = hand_over(w, id, err);
    if (st != OTA_OK && st != OTA_BUSY && st != OTA_INTERRUPTED && ota_conf_write(w, &before, &undone) != OTA_OK)
        return ota_err_prefix(err, "ota.conf was changed and could not be changed back (%s)", undone.msg);
    return st;
}

enum ota_status ota_ctl_draft_publish(const struct ota_workspace *w, const char *id, struct ota_err *err) {
    OTA_CLEAN_FD int lock = -1;
    OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
    OTA_TRY(ota_push_lock(w, &lock, err));
    OTA_TRY(ota_draft_open(w, id, &d, err));
    OTA_TRY(ota_draft_check(d, err));
    if (*ota_draft_conf(d))
        OTA_TRY(publish_with_conf(w, id, ota_draft_conf(d), err));
    else
        OTA_TRY(hand_over(w, id, err));
    return ota_ctl_key_tidy(w, err);
}

static void tell_next(const char *id, const struct ota_draft *d) {
    printf("It waits as the draft \"%s\" for more signatures:\n", id);
    ota_ctl_draft_print(d);
    if (*ota_draft_conf(d))
        printf("ota.conf stays as it is until then; publishing changes its [product] section.\n");
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
    OTA_TRY(ota_ctl_draft_sign_all(w, id, args, true, &made, err));
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
