/* SPDX-License-Identifier: Apache-2.0 */
/* otactl releases: what the product roles list and which channels offer it. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "store/repo_json.h"

static void print_release(const struct ota_repo_info *info, const struct ota_release *r) {
    char share[OTA_CTL_SHARE_MAX];
    OTA_CLEAN(ota_buf_free) struct ota_buf images = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf offered = {0};
    for (size_t i = 0; i < r->step_count; i++)
        ota_buf_printf(&images, "%s%s", i ? " " : "", r->step[i].label);
    for (size_t i = 0; i < info->channel_count; i++)
        if (ota_repo_offers(&info->channel[i], r))
            ota_buf_printf(&offered, "%s%s %s", offered.len ? ", " : "", info->channel[i].name,
                           ota_ctl_share(info->channel[i].channel.permille, share));
    printf("%-16s %7u  %-24s %-24s %s\n", r->product, r->counter, r->version, ota_buf_text(&images),
           offered.len ? ota_buf_text(&offered) : "-");
}

static void print_table(const struct ota_repo_info *info, const char *product) {
    size_t shown = 0;
    for (size_t i = 0; i < info->release_count; i++) {
        const struct ota_release *r = &info->release[i];
        if (product && strcmp(r->product, product) != 0)
            continue;
        if (shown++ == 0)
            printf("%-16s %7s  %-24s %-24s %s\n", "PRODUCT", "RELEASE", "VERSION", "IMAGES", "OFFERED ON");
        print_release(info, r);
    }
    if (shown == 0)
        printf("No release yet; the first one: otactl push BUILD_DIR\n");
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
    if (st == OTA_OK && ota_ctl_json(args)) {
        cJSON *tree = ota_repo_releases_json(info, product);
        ota_ctl_print_json(&tree);
    } else if (st == OTA_OK) {
        print_table(info, product);
    }
    if (st == OTA_OK)
        ota_repo_info_free(info);
    free(info);
    return st;
}
