/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secure Boot signatures of what goes into a release. Two may ask for them: ota.conf says by whom, the configuration of
 * a build that there must be one. The name of a file says nothing: with remote signing <project>.bin is the unsigned one.
 */
#include <string.h>

#include "host/signature.h"
#include "release/build_parts.h"

#define SIGN_COMMAND "otactl sign --secure-boot KEY"

/* ---- images -------------------------------------------------------------------------------------------- */

static enum ota_status check_blocks(const struct ota_signatures *found, struct ota_err *err) {
    for (size_t i = 0; i < found->count; i++)
        if (!found->block[i].valid)
            return ota_err_set(
                err, OTA_SIGNATURE,
                "signature block %zu does not hold: the file changed after it was signed, or is damaged; "
                "sign the unsigned file again: " SIGN_COMMAND,
                i);
    return OTA_OK;
}

static enum ota_status is_unsigned(const struct ota_candidates *c, const struct ota_candidate *file,
                                   const char *wanted_by, struct ota_err *err) {
    if (c->boot_known && c->signed_app && !c->signs)
        return ota_err_set(err, OTA_SIGNATURE,
                           "carries no Secure Boot signature: its build leaves signing to you "
                           "(CONFIG_SECURE_BOOT_BUILD_SIGNED_BINARIES is off); " SIGN_COMMAND " %s -o %s",
                           file->path, file->path);
    return ota_err_set(err, OTA_SIGNATURE, "carries no Secure Boot signature, which %s; " SIGN_COMMAND " %s -o %s",
                       wanted_by, file->path, file->path);
}

static void add_remedy(struct ota_err *err, const char *remedy) {
    size_t n = strlen(err->msg);
    (void)ota_format(err->msg + n, sizeof err->msg - n, "%s", remedy);
}

static enum ota_status check_policy(const struct ota_build_options *o, const struct ota_candidates *c,
                                    const struct ota_candidate *file, const struct ota_signatures *found,
                                    struct ota_err *err) {
    const struct ota_chip *chip = ota_chip_by_name(ota_span_str(o->chip));
    if (found->count == 0)
        return is_unsigned(c, file, "ota.conf requires", err);
    enum ota_status st = ota_boot_policy_check(o->policy, chip, found, err);
    /* Without Secure Boot the first block counts, so one more would not do. */
    if (st == OTA_SIGNATURE && !o->policy->signed_apps && found->count < ota_boot_key_count(chip))
        add_remedy(err, "; add it: " SIGN_COMMAND " --append");
    return st;
}

/* What the configuration of the build says, where ota.conf says nothing. */
static enum ota_status check_config(const struct ota_candidates *c, const struct ota_candidate *file,
                                    const struct ota_signatures *found, struct ota_err *err) {
    static const char wants[] = "its configuration asks for";
    bool v2 = c->boot.secure_boot == 2;
    if (c->boot.secure_boot == 1 ? !found->v1 : found->count == 0 && (v2 || !found->v1))
        return is_unsigned(c, file, wants, err);
    for (size_t i = 0; i < found->count; i++)
        if (c->scheme == OTA_BOOT_UNKNOWN || found->block[i].scheme == c->scheme)
            return OTA_OK;
    if (found->count == 0)
        return OTA_OK;
    return ota_err_set(err, OTA_SIGNATURE, "is signed with %s, but its build verifies %s; sign it with such a key",
                       ota_boot_layout(found->block[0].scheme)->name, ota_boot_layout(c->scheme)->name);
}

enum ota_status ota_build_check_signature(const struct ota_build_options *o, const struct ota_candidates *c,
                                          const struct ota_candidate *file, const struct ota_source *s, uint32_t length,
                                          struct ota_err *err) {
    struct ota_signatures found;
    bool wanted = file->kind == OTA_KIND_BOOTLOADER ? c->boot.secure_boot == 2 : c->signed_app;
    OTA_TRY(ota_signatures_read_behind(s, length, &found, err));
    OTA_TRY(check_blocks(&found, err));
    if (ota_boot_policy_wants(o->policy, file->kind))
        OTA_TRY(check_policy(o, c, file, &found, err));
    return c->boot_known && wanted ? check_config(c, file, &found, err) : OTA_OK;
}

/* ---- data ---------------------------------------------------------------------------------------------- */

/* ESP-IDF looks at the last whole sector that was written, and only in partitions of subtype undefined. */
enum ota_status ota_build_check_data_signature(struct ota_build *b, const struct ota_build_options *o,
                                               const struct ota_candidates *c, const struct ota_candidate *file,
                                               const struct ota_source *s, struct ota_err *err) {
    bool by_policy = o->policy && o->policy->signed_data;
    struct ota_signatures found;
    struct ota_source whole = *s;
    whole.size -= whole.size % OTA_SECTOR;
    if (!by_policy && !c->signed_data)
        return OTA_OK;
    if (!b->table_known) {
        ota_build_remark(b, "whether %s must be signed, only a partition table tells; name it with --table",
                         file->label);
        return OTA_OK;
    }
    const struct ota_partition *row = ota_table_by_label(&b->table, file->label);
    if (!row || row->type != OTA_PART_DATA || row->subtype != OTA_DATA_UNDEFINED)
        return OTA_OK;
    OTA_TRY(ota_signatures_read(&whole, whole.size, &found, err));
    OTA_TRY(check_blocks(&found, err));
    if (by_policy)
        return check_policy(o, c, file, &found, err);
    return found.count ? OTA_OK : is_unsigned(c, file, "its configuration asks for", err);
}
