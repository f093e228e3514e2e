/* SPDX-License-Identifier: Apache-2.0 */
/* otactl releases: what the product roles list and which channels offer it. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "store/repo.h"

static bool offers(const struct ota_repo_channel_info *c, const struct ota_release *r) {
    return c->channel.counter == r->counter && strcmp(c->product, r->product) == 0;
}

static cJSON *strings(const char (*text)[OTA_NAME_MAX + 1], size_t count) {
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        (void)cJSON_AddItemToArray(list, cJSON_CreateString(text[i]));
    return list;
}

static cJSON *offered_json(const struct ota_repo_info *info, const struct ota_release *r) {
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < info->channel_count; i++) {
        if (!offers(&info->channel[i], r))
            continue;
        cJSON *item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "channel", info->channel[i].name);
        (void)cJSON_AddNumberToObject(item, "permille", info->channel[i].channel.permille);
        (void)cJSON_AddItemToArray(list, item);
    }
    return list;
}

static cJSON *release_json(const struct ota_repo_info *info, const struct ota_release *r) {
    cJSON *item = cJSON_CreateObject(), *steps = cJSON_CreateArray();
    (void)cJSON_AddStringToObject(item, "product", r->product);
    (void)cJSON_AddNumberToObject(item, "counter", r->counter);
    (void)cJSON_AddStringToObject(item, "version", r->version);
    (void)cJSON_AddStringToObject(item, "chip", r->chip);
    (void)cJSON_AddNumberToObject(item, "from_min", r->from_min);
    (void)cJSON_AddItemToObject(item, "channels", strings(r->channel, r->channel_count));
    (void)cJSON_AddItemToObject(item, "offered", offered_json(info, r));
    for (size_t i = 0; i < r->step_count; i++) {
        char hex[OTA_SHA256_HEX_LEN + 1];
        cJSON *step = cJSON_CreateObject();
        ota_hex_encode(r->step[i].sha256, OTA_SHA256_LEN, hex);
        (void)cJSON_AddStringToObject(step, "kind", ota_kind_name(r->step[i].kind));
        (void)cJSON_AddStringToObject(step, "label", r->step[i].label);
        (void)cJSON_AddStringToObject(step, "file", r->step[i].file);
        (void)cJSON_AddNumberToObject(step, "length", r->step[i].length);
        (void)cJSON_AddStringToObject(step, "sha256", hex);
        (void)cJSON_AddItemToArray(steps, step);
    }
    (void)cJSON_AddItemToObject(item, "steps", steps);
    return item;
}

static void print_release(const struct ota_repo_info *info, const struct ota_release *r) {
    char share[OTA_CTL_SHARE_MAX];
    OTA_CLEAN(ota_buf_free) struct ota_buf images = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf offered = {0};
    for (size_t i = 0; i < r->step_count; i++)
        ota_buf_printf(&images, "%s%s", i ? " " : "", r->step[i].label);
    for (size_t i = 0; i < info->channel_count; i++)
        if (offers(&info->channel[i], r))
            ota_buf_printf(&offered, "%s%s %s", offered.len ? ", " : "", info->channel[i].name,
                           ota_ctl_share(info->channel[i].channel.permille, share));
    printf("%-16s %7u  %-24s %-24s %s\n", r->product, r->counter, r->version, ota_buf_text(&images),
           offered.len ? ota_buf_text(&offered) : "-");
}

static void print_all(const struct ota_repo_info *info, const char *product, bool json) {
    cJSON *tree = cJSON_CreateObject(), *list = cJSON_CreateArray();
    size_t shown = 0;
    for (size_t i = 0; i < info->release_count; i++) {
        const struct ota_release *r = &info->release[i];
        if (product && strcmp(r->product, product) != 0)
            continue;
        if (json)
            (void)cJSON_AddItemToArray(list, release_json(info, r));
        else if (shown++ == 0)
            printf("%-16s %7s  %-24s %-24s %s\n", "PRODUCT", "RELEASE", "VERSION", "IMAGES", "OFFERED ON");
        if (!json)
            print_release(info, r);
    }
    (void)cJSON_AddItemToObject(tree, "releases", list);
    if (json)
        ota_ctl_print_json(&tree);
    else if (shown == 0)
        printf("No release yet; the first one: otactl push BUILD_DIR\n");
    cJSON_Delete(tree);
}

enum ota_status ota_cmd_releases(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    const char *product = ota_args_get(args, "product");
    const struct ota_product_config *known;
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    if (product)
        OTA_TRY(ota_workspace_product(&w, product, &known, err));
    struct ota_repo_info *info = ota_calloc(1, sizeof *info);
    enum ota_status st = ota_repo_read(&w, info, err);
    if (st == OTA_OK) {
        print_all(info, product, ota_ctl_json(args));
        ota_repo_info_free(info);
    }
    free(info);
    return st;
}
