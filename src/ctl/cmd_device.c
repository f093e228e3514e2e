/* SPDX-License-Identifier: Apache-2.0 */
/* otactl device add, device list, device revoke. */
#include <stdio.h>

#include "ctl/fleet_view.h"
#include "host/certificate.h"
#include "host/cleanup.h"
#include "host/fs.h"

#define PEM_MAX 16384u

static enum ota_status channel_of(const struct ota_args *args, const struct ota_product_config *p, const char **out,
                                  struct ota_err *err) {
    const char *given = ota_args_get(args, "channel");
    *out = given ? given : p->default_channel[0] ? p->default_channel : "stable";
    for (size_t i = 0; i < p->channel_count; i++)
        if (ota_span_equal_str(ota_span_str(p->channel[i]), *out))
            return OTA_OK;
    return ota_err_set(err, OTA_CHANNEL, "product %s has no channel \"%s\"; add it to channels in ota.conf", p->name,
                       *out);
}

/* Which certificates count, as JSON has it. */
static const char *certificates(const struct ota_fleet_enrolment *e) {
    return e->crt.len ? "one" : e->any_crt ? "any" : "none";
}

static void print_added(const struct ota_fleet_enrolment *e, const struct ota_workspace *w) {
    const char *id = e->id, *token = e->token;
    printf("Added %s: product %s, channel %s.\n\n", id, e->product, e->channel);
    if (e->crt.len)
        printf("Beside its token the client certificate that was named counts.\n");
    else if (e->any_crt)
        printf("Beside its token every certificate of keys/ca.crt whose common name is %s counts.\n", id);
    printf("Its token, shown only now:\n\n  %s\n\n", token);
    printf("Store it on the board: NVS partition ota_id, namespace ota, as\n"
           "  id     %s\n"
           "  token  %s\n\n"
           "The board then reports to %s/api/v1/devices/%s/reports\n",
           id, token, w->config.url, id);
}

static enum ota_status read_certificate(const struct ota_args *args, struct ota_buf *pem, struct ota_fleet_enrolment *e,
                                        struct ota_err *err) {
    const char *path = ota_args_get(args, "crt");
    e->any_crt = ota_args_has(args, "any-cert");
    if (path && e->any_crt)
        return ota_err_set(err, OTA_USAGE, "--crt and --any-cert contradict each other; give one of them");
    if (!path)
        return OTA_OK;
    OTA_TRY(ota_fs_read(path, PEM_MAX, pem, err));
    OTA_TRY(ota_certificate_check(ota_buf_span(pem), path, err));
    OTA_TRY(ota_certificate_check_id(ota_buf_span(pem), e->id, path, err));
    e->crt = ota_buf_span(pem);
    return OTA_OK;
}

enum ota_status ota_cmd_device_add(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0}, pem = {0};
    const struct ota_product_config *product;
    struct ota_fleet_enrolment e = {.id = ota_args_operand(args, 0)};
    const char *id = ota_args_operand(args, 0);
    char token[OTA_TOKEN_TEXT_MAX];
    if (!ota_device_id_valid(ota_span_str(id)))
        return ota_err_set(
            err, OTA_USAGE,
            "\"%.40s\" cannot be the id of a board: letters, digits and . _ : - , at most %u, no punctuation first", id,
            OTA_DEVICE_ID_MAX);
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    OTA_TRY(ota_workspace_product(&w, ota_args_get(args, "product"), &product, err));
    OTA_TRY(ota_ctl_product_role(&w, product->name, &role, err));
    e.product = product->name;
    OTA_TRY(channel_of(args, product, &e.channel, err));
    OTA_TRY(read_certificate(args, &pem, &e, err));
    OTA_TRY(ota_ctl_fleet(&w, &fleet, err));
    OTA_TRY(ota_fleet_token_make(token, err));
    e.token = token;
    OTA_TRY(ota_fleet_enrol(fleet, &e, err));
    if (!ota_ctl_json(args)) {
        print_added(&e, &w);
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "id", id);
    (void)cJSON_AddStringToObject(tree, "product", e.product);
    (void)cJSON_AddStringToObject(tree, "channel", e.channel);
    (void)cJSON_AddStringToObject(tree, "token", token);
    (void)cJSON_AddStringToObject(tree, "certificates", certificates(&e));
    ota_ctl_print_json(&tree);
    return OTA_OK;
}

static void text_row(const struct ota_fleet_device *d, uint64_t now) {
    char added[24], seen[24];
    if (d->quarantine)
        (void)ota_format(added, sizeof added, "-");
    else
        ota_ctl_age(d->added, now, added);
    ota_ctl_age(d->seen, now, seen);
    printf("%-24s %-16s %-12s %-14s %s%s\n", d->id, d->product, d->channel[0] ? d->channel : "-", added, seen,
           d->revoked ? ", revoked" : "");
}

static cJSON *json_row(const struct ota_fleet_device *d) {
    cJSON *o = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(o, "id", d->id);
    (void)cJSON_AddStringToObject(o, "product", d->product);
    (void)cJSON_AddStringToObject(o, "channel", d->channel);
    (void)cJSON_AddBoolToObject(o, "quarantine", d->quarantine);
    (void)cJSON_AddBoolToObject(o, "revoked", d->revoked);
    (void)cJSON_AddNumberToObject(o, "added", (double)d->added);
    (void)cJSON_AddNumberToObject(o, "seen", (double)d->seen);
    return o;
}

enum ota_status ota_cmd_device_list(const struct ota_args *args, struct ota_err *err) {
    static const struct ota_fleet_view view = {
        .heading = "ID                       PRODUCT          CHANNEL      ADDED          SEEN",
        .empty = "No board yet; the first one: otactl device add ID",
        .text = text_row,
        .json = json_row,
    };
    return ota_ctl_fleet_show(args, &view, err);
}

enum ota_status ota_cmd_device_revoke(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    const char *id = ota_args_operand(args, 0);
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    OTA_TRY(ota_ctl_fleet(&w, &fleet, err));
    OTA_TRY(ota_fleet_revoke(fleet, id, err));
    if (!ota_ctl_json(args)) {
        printf("Revoked %s: its token and its client certificates are refused.\n", id);
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "id", id);
    (void)cJSON_AddBoolToObject(tree, "revoked", true);
    ota_ctl_print_json(&tree);
    return OTA_OK;
}
