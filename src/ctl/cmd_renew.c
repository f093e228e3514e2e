/* SPDX-License-Identifier: Apache-2.0 */
/* otactl renew: new signatures for the roles that a person has to renew. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/push.h"
#include "ctl/renewal.h"
#include "sign/role.h"

#define ROOT_BELOW (2u * 365u * OTA_ROLE_DAY)
#define LIFE_MIN (8u * OTA_ROLE_DAY)

struct job {
    struct ota_workspace w;
    struct ota_repo_info info;
    struct ota_renewal renewal;
    struct ota_hand hand;
    struct ota_key_ask todo; /* the roles to be renewed, whose keys are worth a passphrase */
    bool json;
    cJSON *list;
};
static void job_free(struct job *j) {
    ota_hand_free(&j->hand);
    ota_repo_info_free(&j->info);
    ota_workspace_close(&j->w);
    cJSON_Delete(j->list);
}

static const struct ota_repo_role_info *find(const struct job *j, const char *role) {
    for (size_t i = 0; i < j->info.role_count; i++)
        if (strcmp(j->info.role[i].name, role) == 0)
            return &j->info.role[i];
    return NULL;
}

static void tell(struct job *j, const char *role, const struct ota_renewal_result *r) {
    char date[OTA_TIME_TEXT_MAX];
    ota_time_format(r->expires, date);
    if (j->json) {
        cJSON *item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "name", role);
        (void)cJSON_AddNumberToObject(item, "version", (double)r->version);
        (void)cJSON_AddStringToObject(item, "expires", date);
        (void)cJSON_AddBoolToObject(item, "published", r->published);
        (void)cJSON_AddStringToObject(item, "draft", r->published ? "" : r->draft);
        (void)cJSON_AddItemToArray(j->list, item);
    } else if (r->published) {
        printf("Renewed %s: version %llu, until %s.\n", role, (unsigned long long)r->version, date);
    } else {
        printf("%s has %u of %u signatures and waits as draft %s:\n"
               "  otactl sign %s --key FILE\n  otactl publish %s\n",
               role, r->have, r->threshold, r->draft, r->draft, r->draft);
    }
}

static enum ota_status renew(struct job *j, const char *role, struct ota_err *err) {
    struct ota_renewal_result result;
    OTA_TRY(ota_ctl_renew_role(&j->renewal, role, &result, err));
    tell(j, role, &result);
    return OTA_OK;
}

static enum ota_status choose_named(struct job *j, const struct ota_args *args, struct ota_err *err) {
    for (size_t i = 0; i < ota_args_operands(args); i++) {
        const char *role = ota_args_operand(args, i);
        if (!find(j, role))
            return ota_err_set(err, OTA_USAGE, "no role \"%s\" here; otactl status lists them", role);
        if (ota_key_role_online(role))
            return ota_err_set(err, OTA_USAGE, "role %s is renewed by otaserve; it needs no person", role);
        if (j->todo.count == OTA_CTL_ASK_MAX)
            return ota_err_set(err, OTA_USAGE, "more roles than there can be");
        j->todo.role[j->todo.count++] = role;
    }
    return OTA_OK;
}

/* Those that will not last: what a person who looks in once a year must do. */
static void choose_due(struct job *j) {
    for (size_t i = 0; i < j->info.role_count && j->todo.count < OTA_CTL_ASK_MAX; i++) {
        const struct ota_repo_role_info *r = &j->info.role[i];
        uint64_t below = strcmp(r->name, "root") == 0 ? ROOT_BELOW : OTA_ROLE_OFFLINE_RENEW;
        if (!ota_key_role_online(r->name) && r->expires < j->renewal.now + below)
            j->todo.role[j->todo.count++] = r->name;
    }
}

/* Keys first: a passphrase that is waited for must not stop pushes. */
static enum ota_status renew_all(struct job *j, const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN_FD int lock = -1;
    OTA_TRY(ota_hand_add_given(&j->hand, args, false, err));
    OTA_TRY(ota_hand_add_folder(&j->hand, &j->w, &j->todo, err));
    OTA_TRY(ota_push_lock(&j->w, &lock, err));
    for (size_t i = 0; i < j->todo.count; i++)
        OTA_TRY(renew(j, j->todo.role[i], err));
    return OTA_OK;
}

static enum ota_status read_options(struct job *j, const struct ota_args *args, struct ota_err *err) {
    struct ota_renewal *r = &j->renewal;
    *r = (struct ota_renewal){.w = &j->w, .now = ota_ctl_now(), .hand = &j->hand};
    j->todo.from = ota_passphrase_source(ota_args_get(args, "passphrase-file"));
    if (ota_args_has(args, "key") && ota_args_operands(args) != 1)
        return ota_err_set(err, OTA_USAGE, "--key goes with one ROLE: otactl renew targets --key FILE");
    OTA_TRY(ota_ctl_duration(args, "expires", OTA_ROLE_ROOT_LIFE, 0, &r->life, err));
    if (r->life && r->life < LIFE_MIN)
        return ota_err_set(err, OTA_USAGE, "--expires: at least 8d");
    return OTA_OK;
}

enum ota_status ota_cmd_renew(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(job_free) struct job j = {.json = ota_ctl_json(args), .list = cJSON_CreateArray()};
    OTA_TRY(read_options(&j, args, err));
    OTA_TRY(ota_ctl_workspace(args, &j.w, err));
    OTA_TRY(ota_repo_read(&j.w, &j.info, err));
    OTA_TRY(choose_named(&j, args, err));
    if (ota_args_operands(args) == 0)
        choose_due(&j);
    OTA_TRY(renew_all(&j, args, err));
    if (!j.json) {
        if (j.todo.count == 0)
            printf("Nothing has to be renewed yet; otactl status shows when.\n");
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddItemToObject(tree, "roles", OTA_STEAL(j.list));
    ota_ctl_print_json(&tree);
    return OTA_OK;
}
