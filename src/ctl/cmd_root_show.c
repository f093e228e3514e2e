/* SPDX-License-Identifier: Apache-2.0 */
/* otactl root show: whose signatures each role wants, where those keys are, and what a draft would change. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/draft_sign.h"
#include "ctl/role_edit.h"
#include "sign/key_scan.h"

#define SHOWN 16

static const char *where_is(const struct ota_key_list *keys, const char *keyid, char out[OTA_KEY_FILE_MAX + 8]) {
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->key[i].keyid, keyid) == 0) {
            (void)snprintf(out, OTA_KEY_FILE_MAX + 8, "keys/%s", keys->key[i].file);
            return out;
        }
    return "elsewhere";
}

static void show_role(const char *name, const struct ota_role_by *by, const struct ota_key_list *keys, cJSON *list) {
    cJSON *entry = cJSON_CreateObject(), *ids = cJSON_CreateArray();
    char place[OTA_KEY_FILE_MAX + 8];
    if (!list)
        printf("%s: %u of %zu\n", name, by->threshold, by->count);
    for (size_t i = 0; i < by->count; i++) {
        const char *where = where_is(keys, by->key[i].keyid, place);
        cJSON *key = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(key, "keyid", by->key[i].keyid);
        (void)cJSON_AddStringToObject(key, "where", where);
        (void)cJSON_AddItemToArray(ids, key);
        if (!list)
            printf("  %.*s  %s\n", SHOWN, by->key[i].keyid, where);
    }
    (void)cJSON_AddStringToObject(entry, "name", name);
    (void)cJSON_AddNumberToObject(entry, "threshold", by->threshold);
    (void)cJSON_AddItemToObject(entry, "keys", ids);
    if (list)
        (void)cJSON_AddItemToArray(list, entry);
    else
        cJSON_Delete(entry);
}

static void show_all(const struct ota_role_edit *e, const struct ota_key_list *keys, cJSON *list) {
    for (int i = 0; i < OTA_ROLE_COUNT; i++)
        show_role(ota_role_name((enum ota_role)i), &e->root.by[i], keys, list);
    show_role("rollout", &e->targets.rollout, keys, list);
    for (size_t i = 0; i < e->targets.count; i++)
        show_role(e->targets.product[i].name, &e->targets.product[i].by, keys, list);
}

static enum ota_status show_drafts(const struct ota_workspace *w, cJSON *list, struct ota_err *err) {
    static const char *const ids[] = {OTA_DRAFT_ROOT, OTA_DRAFT_TARGETS};
    for (size_t i = 0; i < OTA_ARRAY_LEN(ids); i++) {
        OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
        if (!ota_draft_exists(w, ids[i]))
            continue;
        OTA_TRY(ota_draft_open(w, ids[i], &d, err));
        if (list) {
            (void)cJSON_AddItemToArray(list, ota_ctl_draft_json(ids[i], d));
            continue;
        }
        printf("\nDraft \"%s\": %s\n", ids[i], ota_draft_text(d));
        ota_ctl_draft_print(d);
    }
    return OTA_OK;
}

enum ota_status ota_cmd_root_show(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    OTA_CLEAN(ota_role_edit_free) struct ota_role_edit *e = NULL;
    OTA_CLEAN_FREE struct ota_key_list *keys = ota_calloc(1, sizeof *keys);
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    OTA_CLEAN_FREE char *dir = ota_workspace_path(&w, "keys");
    OTA_TRY(ota_key_scan(dir, keys, err));
    OTA_TRY(ota_role_edit_begin(&w, ".published", &e, err)); /* no draft can be named so */
    if (!ota_ctl_json(args)) {
        printf("root version %llu, targets version %llu\n", (unsigned long long)e->root.version - 1,
               (unsigned long long)e->targets.version - 1);
        show_all(e, keys, NULL);
        return show_drafts(&w, NULL, err);
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddNumberToObject(tree, "version", (double)(e->root.version - 1));
    show_all(e, keys, cJSON_AddArrayToObject(tree, "roles"));
    enum ota_status st = show_drafts(&w, cJSON_AddArrayToObject(tree, "drafts"), err);
    if (st == OTA_OK)
        ota_ctl_print_json(&tree);
    cJSON_Delete(tree);
    return st;
}
