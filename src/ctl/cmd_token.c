/* SPDX-License-Identifier: Apache-2.0 */
/* otactl token create, token list, token revoke. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/fleet_view.h"
#include "ota/bytes.h"
#include "store/fleet_token.h"

#define DAY 86400u
#define LIFE_DEFAULT (90u * DAY)

static enum ota_status read_wanted(const struct ota_args *args, const struct ota_workspace *w,
                                   struct ota_fleet_token *t, struct ota_err *err) {
    const char *name = ota_args_operand(args, 0), *role = ota_args_get(args, "role");
    const char *product = ota_args_get(args, "product");
    const struct ota_product_config *known;
    uint64_t life;
    if (!ota_name_valid(ota_span_str(name)) || !ota_span_copy(ota_span_str(name), t->name, sizeof t->name))
        return ota_err_set(err, OTA_USAGE, "\"%.40s\" cannot name a token: a-z, 0-9 and '-', at most %u", name,
                           OTA_NAME_MAX);
    if (!role)
        return ota_err_set(err, OTA_USAGE, "which role? Add --role push for a CI job; others: read, operate, admin");
    if (!ota_token_role_parse(role, &t->role))
        return ota_err_set(err, OTA_USAGE, "\"%.20s\" is no role of a token; roles are read, push, operate, admin",
                           role);
    if (product) {
        OTA_TRY(ota_workspace_product(w, product, &known, err));
        memcpy(t->product, known->name, sizeof t->product);
    }
    OTA_TRY(ota_ctl_duration(args, "expires", OTA_TOKEN_LIFE_MAX_S, LIFE_DEFAULT, &life, err));
    t->created = ota_ctl_now();
    t->expires = t->created + life;
    return OTA_OK;
}

/* Null for 0: never. */
static void add_time(cJSON *o, const char *name, uint64_t when) {
    char text[OTA_TIME_TEXT_MAX];
    ota_time_format(when, text);
    (void)cJSON_AddItemToObject(o, name, when ? cJSON_CreateString(text) : cJSON_CreateNull());
}

static cJSON *token_json(const struct ota_fleet_token *t) {
    cJSON *o = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(o, "name", t->name);
    (void)cJSON_AddStringToObject(o, "role", ota_token_role_name(t->role));
    if (t->product[0])
        (void)cJSON_AddStringToObject(o, "product", t->product);
    else
        (void)cJSON_AddNullToObject(o, "product");
    add_time(o, "created", t->created);
    add_time(o, "expires", t->expires);
    return o;
}

static void print_created(const struct ota_fleet_token *t, const char *token) {
    char until[OTA_TIME_TEXT_MAX];
    ota_time_format(t->expires, until);
    printf("Token %s: role %s, %s%s, until %s.\n\nShown only now:\n\n  %s\n\n", t->name, ota_token_role_name(t->role),
           t->product[0] ? "product " : "every product", t->product, until, token);
    if (t->role != OTA_TOKEN_READ)
        printf("Store it as a secret of the CI job, in a file that $OTA_TOKEN_FILE names; then:\n\n"
               "  otactl --server URL push BUILD_DIR\n\n"
               "It lets files in. What boards accept is decided by the product key alone.\n");
}

enum ota_status ota_cmd_token_create(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    struct ota_fleet_token t = {.used = 0};
    char token[OTA_TOKEN_TEXT_MAX];
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    OTA_TRY(read_wanted(args, &w, &t, err));
    OTA_TRY(ota_ctl_fleet(&w, &fleet, err));
    OTA_TRY(ota_fleet_token_create(fleet, &t, token, err));
    if (!ota_ctl_json(args)) {
        print_created(&t, token);
        return OTA_OK;
    }
    cJSON *tree = token_json(&t);
    (void)cJSON_AddStringToObject(tree, "token", token);
    ota_ctl_print_json(&tree);
    return OTA_OK;
}

struct table {
    cJSON *list; /* NULL: text */
    size_t count;
    uint64_t now;
};

static const char *state_of(const struct ota_fleet_token *t, uint64_t now) {
    return t->revoked ? "revoked" : t->expires <= now ? "expired" : "valid";
}

static void show(void *ctx, const struct ota_fleet_token *t) {
    struct table *table = ctx;
    char until[OTA_TIME_TEXT_MAX], used[24];
    if (table->list) {
        cJSON *o = token_json(t);
        add_time(o, "used", t->used);
        (void)cJSON_AddStringToObject(o, "state", state_of(t, table->now));
        (void)cJSON_AddItemToArray(table->list, o);
        return;
    }
    if (table->count++ == 0)
        printf("%-20s %-8s %-16s %-21s %-12s %s\n", "NAME", "ROLE", "PRODUCT", "EXPIRES", "USED", "STATE");
    ota_time_format(t->expires, until);
    ota_ctl_age(t->used, table->now, used);
    printf("%-20s %-8s %-16s %-21s %-12s %s\n", t->name, ota_token_role_name(t->role),
           t->product[0] ? t->product : "every one", until, used, state_of(t, table->now));
}

enum ota_status ota_cmd_token_list(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    OTA_CLEAN_FREE char *path = ota_workspace_path(&w, "state/fleet.db");
    enum ota_status st = ota_fleet_open_reading(&fleet, path, err);
    if (st != OTA_NOT_FOUND) /* nobody has made one yet */
        OTA_TRY(st);
    cJSON *tree = ota_ctl_json(args) ? cJSON_CreateObject() : NULL;
    struct table table = {.list = tree ? cJSON_AddArrayToObject(tree, "tokens") : NULL, .now = ota_ctl_now()};
    st = fleet ? ota_fleet_token_list(fleet, show, &table, err) : OTA_OK;
    if (st == OTA_OK && tree)
        ota_ctl_print_json(&tree);
    else if (st == OTA_OK && table.count == 0)
        printf("No token yet; one for a CI job: otactl token create ci --role push\n");
    cJSON_Delete(tree);
    return st;
}

enum ota_status ota_cmd_token_revoke(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    const char *name = ota_args_operand(args, 0);
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    OTA_TRY(ota_ctl_fleet(&w, &fleet, err));
    OTA_TRY(ota_fleet_token_revoke(fleet, name, err));
    if (!ota_ctl_json(args)) {
        printf("Revoked %s: it opens nothing any more.\n", name);
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "name", name);
    (void)cJSON_AddBoolToObject(tree, "revoked", true);
    ota_ctl_print_json(&tree);
    return OTA_OK;
}
