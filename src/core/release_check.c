/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for every release, whatever the board. */
#include <string.h>

#include "core/release_private.h"
#include "ota/image.h"

/* Features beyond the base format that this agent can do; none so far. */
static const char *const needs_known[] = {NULL};

bool ota_need_known(const char *need) {
    for (const char *const *n = needs_known; *n; n++)
        if (strcmp(*n, need) == 0)
            return true;
    return false;
}

enum ota_status ota_release_check_steps(const struct ota_release *r, struct ota_err *err) {
    for (size_t i = 0; i < r->step_count; i++) {
        if (i && ota_kind_order(r->step[i - 1].kind) > ota_kind_order(r->step[i].kind))
            return ota_err_set(err, OTA_METADATA_FIELD,
                               "steps are out of order: partition table, data, bootloader, factory app, app");
        for (size_t k = 0; k < i; k++)
            if (strcmp(r->step[k].label, r->step[i].label) == 0)
                return ota_err_set(err, OTA_METADATA_FIELD, "two steps for label %s", r->step[i].label);
    }
    return OTA_OK;
}

static bool has_kind(const struct ota_release *r, enum ota_kind kind) {
    for (size_t i = 0; i < r->step_count; i++)
        if (r->step[i].kind == kind)
            return true;
    return false;
}

/* A bootloader or table can leave a board without a way to boot. */
static enum ota_status check_boot(const struct ota_release *r, const struct ota_chip *chip, struct ota_err *err) {
    if (!has_kind(r, OTA_KIND_BOOTLOADER) && !has_kind(r, OTA_KIND_TABLE))
        return OTA_OK;
    if (!r->has_boot)
        return ota_err_set(err, OTA_BOOT_CONFIG, "a bootloader or partition table needs the signed \"boot\" settings");
    bool recovery = chip->recovery && r->chip_rev_min >= chip->recovery_rev_min;
    if (!recovery && !r->risk)
        return ota_err_set(err, OTA_RISK,
                           "%s has no ROM recovery: the signer must accept the risk of a bootloader or table update",
                           r->chip);
    return OTA_OK;
}

enum ota_status ota_release_check(const struct ota_release *r, struct ota_err *err) {
    for (size_t i = 0; i < r->need_count; i++)
        if (!ota_need_known(r->need[i]))
            return ota_err_set(err, OTA_NEEDS, "needs \"%s\", which this agent does not know", r->need[i]);
    const struct ota_chip *chip = ota_chip_by_name(ota_span_str(r->chip));
    if (!chip)
        return ota_err_set(err, OTA_CHIP, "unknown chip \"%s\"", r->chip);
    OTA_TRY(ota_release_check_steps(r, err));
    if (has_kind(r, OTA_KIND_APP) && r->step_count > 1 && !r->compat)
        return ota_err_set(err, OTA_COMPAT,
                           "an app with other images needs the signer's word that the old app works with them");
    return check_boot(r, chip, err);
}
