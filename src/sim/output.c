/* SPDX-License-Identifier: Apache-2.0 */
/* What every verb needs: JSON on stdout, required options. */
#include <stdio.h>

#include "sim/cmd.h"

bool ota_sim_json(const struct ota_args *args) {
    return ota_args_has(args, "json");
}

void ota_sim_print_json(cJSON **tree) {
    OTA_CLEAN_FREE char *text = cJSON_PrintUnformatted(*tree);
    if (text)
        (void)puts(text);
    ota_json_tree_free(tree);
}

enum ota_status ota_sim_required(const struct ota_args *args, const char *option, const char **out,
                                 struct ota_err *err) {
    *out = ota_args_get(args, option);
    return *out && **out ? OTA_OK : ota_err_set(err, OTA_USAGE, "--%s is required", option);
}
