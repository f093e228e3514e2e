/* SPDX-License-Identifier: Apache-2.0 */
/* otactl publish: lists what waits for signatures, hands one over, or drops it. */
#include <stdio.h>

#include "ctl/cmd.h"
#include "ctl/draft_sign.h"
#include "ctl/push.h"

static void print_line(const char *id, const struct ota_draft *d, const struct ota_err *why) {
    if (!d) {
        printf("%s: %s\n", id, why->msg);
        return;
    }
    printf("%s: %s; %s %s\n", id, ota_draft_text(d),
           ota_draft_complete(d) ? "ready: otactl publish" : "next: otactl sign", id);
    ota_ctl_draft_print(d);
}

static enum ota_status list(const struct ota_workspace *w, bool json, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names ids = {0};
    OTA_TRY(ota_draft_list(w, &ids, err));
    cJSON *tree = cJSON_CreateObject(), *drafts = cJSON_AddArrayToObject(tree, "drafts");
    for (size_t i = 0; i < ids.count; i++) {
        OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
        struct ota_err why;
        cJSON *entry = NULL;
        if (ota_draft_open(w, ids.name[i], &d, &why) != OTA_OK) {
            entry = cJSON_CreateObject();
            (void)cJSON_AddStringToObject(entry, "draft", ids.name[i]);
            (void)cJSON_AddStringToObject(entry, "error", why.msg);
        } else {
            entry = ota_ctl_draft_json(ids.name[i], d);
        }
        (void)cJSON_AddItemToArray(drafts, entry);
        if (!json)
            print_line(ids.name[i], d, &why);
    }
    if (json)
        ota_ctl_print_json(&tree);
    else if (ids.count == 0)
        printf("Nothing waits to be signed or published.\n");
    cJSON_Delete(tree);
    return OTA_OK;
}

static enum ota_status drop(const struct ota_workspace *w, const char *id, struct ota_err *err) {
    OTA_CLEAN_FD int lock = -1;
    OTA_TRY(ota_push_lock(w, &lock, err));
    return ota_draft_remove(w, id, err);
}

static void tell(const struct ota_args *args, const char *id, bool published) {
    if (!ota_ctl_json(args)) {
        printf("%s %s.\n", published ? "Published" : "Dropped", id);
        return;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "draft", id);
    (void)cJSON_AddBoolToObject(tree, "published", published);
    ota_ctl_print_json(&tree);
}

enum ota_status ota_cmd_publish(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    const char *id = ota_args_operands(args) ? ota_args_operand(args, 0) : NULL;
    bool dropped = ota_args_has(args, "drop");
    if (ota_args_has(args, "static") && (id || dropped))
        return ota_err_set(err, OTA_USAGE, "--static publishes everything there is, and no draft");
    if (ota_args_has(args, "static"))
        return ota_ctl_publish_static(args, err);
    if (ota_args_has(args, "expires") || ota_args_has(args, "output"))
        return ota_err_set(err, OTA_USAGE, "--expires and --output go with --static");
    if (dropped && !id)
        return ota_err_set(err, OTA_USAGE, "drop which draft? otactl publish lists them");
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    if (!id)
        return list(&w, ota_ctl_json(args), err);
    OTA_TRY(dropped ? drop(&w, id, err) : ota_ctl_draft_publish(&w, id, err));
    tell(args, id, !dropped);
    return OTA_OK;
}
