/* SPDX-License-Identifier: Apache-2.0 */
/* What verbs share: their workspace, JSON on stdout, shares and times. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/cmd.h"
#include "host/json_tree.h"
#include "host/words.h"
#include "store/repo.h"

enum ota_status ota_ctl_workspace(const struct ota_args *args, struct ota_workspace *w, struct ota_err *err) {
    return ota_workspace_open(w, ota_args_get(args, "workspace"), err);
}

enum ota_status ota_ctl_product_role(const struct ota_workspace *w, const char *product, struct ota_buf *out,
                                     struct ota_err *err) {
    enum ota_status st = ota_repo_role(w, product, out, err);
    if (st == OTA_NOT_FOUND)
        return ota_err_set(err, OTA_CONFIG,
                           "product %s has no role in this repository; add it: otactl product add %s --chip CHIP",
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

enum ota_status ota_ctl_duration(const struct ota_args *args, const char *option, uint64_t max, uint64_t absent,
                                 uint64_t *out, struct ota_err *err) {
    static const struct {
        const char *name;
        uint64_t seconds;
    } units[] = {{"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}, {"y", 365 * 86400}};
    const char *text = ota_args_get(args, option);
    size_t digits = text ? strspn(text, "0123456789") : 0;
    uint32_t count = 0;
    *out = absent;
    if (!text)
        return OTA_OK;
    if (ota_words_number((struct ota_span){(const uint8_t *)text, digits}, UINT32_MAX, &count) && count > 0)
        for (size_t i = 0; i < OTA_ARRAY_LEN(units); i++)
            if (strcmp(text + digits, units[i].name) == 0 && count <= max / units[i].seconds) {
                *out = count * units[i].seconds;
                return OTA_OK;
            }
    return ota_err_set(err, OTA_USAGE, "--%s \"%.20s\" is no time from 1min to %llud, such as 12h or 90d", option, text,
                       (unsigned long long)(max / 86400));
}

uint64_t ota_ctl_now(void) {
    return (uint64_t)time(NULL);
}

const char *ota_ctl_user(char out[OTA_CTL_USER_MAX]) {
    const struct passwd *user = getpwuid(geteuid());
    (void)snprintf(out, OTA_CTL_USER_MAX, "%s", user ? user->pw_name : "");
    for (const char *c = out; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *c))
            out[0] = '\0';
    if (!out[0])
        (void)snprintf(out, OTA_CTL_USER_MAX, "uid-%u", (unsigned)geteuid());
    return out;
}
