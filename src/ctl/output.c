/* SPDX-License-Identifier: Apache-2.0 */
/* What every verb needs: its workspace, JSON on stdout, the time. */
#include <stdio.h>
#include <time.h>

#include "ctl/cmd.h"
#include "host/json_tree.h"
#include "store/repo.h"

enum ota_status ota_ctl_workspace(const struct ota_args *args, struct ota_workspace *w, struct ota_err *err) {
    return ota_workspace_open(w, ota_args_get(args, "workspace"), err);
}

enum ota_status ota_ctl_product_role(const struct ota_workspace *w, const char *product, struct ota_buf *out,
                                     struct ota_err *err) {
    enum ota_status st = ota_repo_role(w, product, out, err);
    if (st == OTA_NOT_FOUND)
        return ota_err_set(
            err, OTA_CONFIG,
            "product %s is in ota.conf but has no key and no role in this repository: products are named "
            "when a workspace is made (otactl init --product A --chip C --product B --chip D); make one "
            "for it with otactl init DIR --product %s --chip CHIP",
            product, product);
    return st;
}

bool ota_ctl_json(const struct ota_args *args) {
    return ota_args_has(args, "json");
}

void ota_ctl_print_json(cJSON **tree) {
    OTA_CLEAN_FREE char *text = cJSON_PrintUnformatted(*tree);
    if (text)
        (void)puts(text);
    ota_json_tree_free(tree);
}

const char *ota_ctl_share(unsigned permille, char out[OTA_CTL_SHARE_MAX]) {
    if (permille % 10)
        (void)snprintf(out, OTA_CTL_SHARE_MAX, "%u.%u%%", permille / 10 % 1000, permille % 10);
    else
        (void)snprintf(out, OTA_CTL_SHARE_MAX, "%u%%", permille / 10 % 1000);
    return out;
}

uint64_t ota_ctl_now(void) {
    return (uint64_t)time(NULL);
}
