/* SPDX-License-Identifier: Apache-2.0 */
/* The role that speaks for a release: found by the search from targets on, and heard only about the paths it was
 * delegated. */
#include <string.h>

#include "core/agent_private.h"

enum ota_status ota_agent_open_role(struct ota_agent *a, uint32_t counter, struct ota_agent_role *role,
                                    struct ota_err *err) {
    char path[OTA_TARGET_PATH_MAX];
    struct ota_target entry;
    struct ota_delegation *by = &a->scratch.by;
    if (!ota_release_path(a->cfg.identity.product, counter, "release.txt", path, sizeof path))
        return ota_err_set(err, OTA_INTERNAL, "release %u: path too long", (unsigned)counter);
    if (ota_trust_open(&a->trust, path, &role->role, &entry, by, err) != OTA_OK)
        return ota_err_prefix(err, "release %u", (unsigned)counter);
    if (by->nested)
        return ota_err_set(err, OTA_DELEGATION,
                           "release %u: role %s was delegated by a role other than targets: have targets name it",
                           (unsigned)counter, by->name);
    memcpy(role->path, by->path, sizeof role->path);
    return OTA_OK;
}

/* Targets itself may list anything; it was not delegated, and so has no path. */
static bool may_list(const struct ota_agent_role *role, const char *product, uint32_t counter, const char *file) {
    char path[OTA_TARGET_PATH_MAX];
    if (!ota_release_path(product, counter, file, path, sizeof path))
        return false;
    return role->path[0] == '\0' || ota_path_matches(ota_span_str(role->path), ota_span_str(path));
}

enum ota_status ota_agent_read_listed(struct ota_agent *a, const struct ota_agent_role *role, uint32_t counter,
                                      bool *found, struct ota_err *err) {
    const char *product = a->cfg.identity.product;
    *found = false;
    if (!may_list(role, product, counter, "release.txt"))
        return OTA_OK;
    OTA_TRY(ota_release_read(&role->role, product, counter, &a->release, found, err));
    for (size_t i = 0; *found && i < a->release.step_count; i++)
        if (!may_list(role, product, counter, a->release.step[i].file))
            return ota_err_set(err, OTA_DELEGATION, "release %u: its role may not list %s, only %s", (unsigned)counter,
                               a->release.step[i].file, role->path);
    return OTA_OK;
}
