/* SPDX-License-Identifier: Apache-2.0 */
/* What several verbs need: JSON on stdout, required options, the clock. */
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

enum ota_status ota_sim_clock(const struct ota_args *args, uint64_t *out, struct ota_err *err) {
    const char *text = ota_args_get(args, "clock");
    *out = 0;
    if (!text || (ota_time_parse(ota_span_str(text), out) && *out > 0))
        return OTA_OK;
    return ota_err_set(err, OTA_USAGE, "--clock %.40s: a time like 2031-01-01T00:00:00Z is wanted", text);
}
