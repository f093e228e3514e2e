/* SPDX-License-Identifier: Apache-2.0 */
/* See boot_rules.h. */
#include "host/boot_rules.h"

#include <string.h>

#include "host/shell_words.h"

#define SIGN_COMMAND "otactl sign --secure-boot KEY"

/* ---- what counts --------------------------------------------------------------------------------------- */

static bool build_wants(const struct ota_boot_rules *rules, enum ota_kind kind) {
    const struct ota_signing_config *build = rules->build;
    if (!build)
        return false;
    return kind == OTA_KIND_DATA ? build->data : kind == OTA_KIND_BOOTLOADER ? build->secure_boot == 2 : build->apps;
}

static bool policy_wants(const struct ota_boot_rules *rules, enum ota_kind kind) {
    if (kind == OTA_KIND_DATA)
        return rules->policy && rules->policy->count && rules->policy->signed_data;
    return ota_boot_policy_wants(rules->policy, kind);
}

bool ota_boot_rules_take_sector(const struct ota_boot_rules *rules, enum ota_kind kind) {
    return (build_wants(rules, kind) && !rules->build->v1) || (policy_wants(rules, kind) && !rules->policy->v1);
}

bool ota_boot_rules_secure_boot(const struct ota_boot_rules *rules) {
    return build_wants(rules, OTA_KIND_BOOTLOADER) || policy_wants(rules, OTA_KIND_BOOTLOADER);
}

unsigned ota_boot_rules_blocks(const struct ota_boot_rules *rules) {
    const struct ota_signing_config *build = rules->build;
    const struct ota_boot_policy *policy = rules->policy;
    bool on_update_only = (build && build->apps && build->secure_boot == 0) || (policy && policy->signed_apps);
    return on_update_only ? 1 : rules->chip ? ota_boot_key_count(rules->chip) : OTA_SIGNATURE_BLOCKS_MAX;
}

static bool known_scheme(const struct ota_boot_rules *rules, enum ota_boot_scheme scheme) {
    return !rules->chip || ota_boot_scheme_suits(scheme, rules->chip);
}

const char *ota_boot_rules_ignored(const struct ota_boot_rules *rules, const struct ota_signatures *found, size_t index,
                                   char out[64]) {
    const unsigned blocks = ota_boot_rules_blocks(rules);
    const enum ota_boot_scheme scheme = found->block[index].scheme;
    if (index >= blocks)
        (void)ota_format(out, 64, "%s", "boards look at the first signature only");
    else if (!known_scheme(rules, scheme))
        (void)ota_format(out, 64, "the %s does not know %s", rules->chip->name, ota_boot_layout(scheme)->name);
    else
        return NULL;
    return out;
}

static size_t counted(const struct ota_boot_rules *rules, const struct ota_signatures *found) {
    size_t blocks = ota_boot_rules_blocks(rules);
    return found->count < blocks ? found->count : blocks;
}

/* ---- what every signature must be ---------------------------------------------------------------------- */

static enum ota_status check_blocks(const struct ota_boot_rules *rules, const struct ota_signatures *found,
                                    struct ota_err *err) {
    for (size_t i = 0; i < found->count; i++)
        if (!found->block[i].valid)
            return ota_err_set(
                err, OTA_SIGNATURE,
                "signature block %zu does not hold: the file changed after it was signed, or is damaged; "
                "sign the unsigned file again: " SIGN_COMMAND,
                i);
    for (size_t i = 0; i < counted(rules, found); i++)
        if (!known_scheme(rules, found->block[i].scheme))
            return ota_err_set(err, OTA_SIGNATURE, "is signed with %s, which the %s does not know",
                               ota_boot_layout(found->block[i].scheme)->name, rules->chip->name);
    return OTA_OK;
}

/* ---- who asks for one ---------------------------------------------------------------------------------- */

static enum ota_status is_unsigned(const struct ota_boot_rules *rules, const struct ota_boot_file *file,
                                   const char *wanted_by, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_shell_word(file->path);
    if (build_wants(rules, file->kind) && !rules->build->signs)
        return ota_err_set(err, OTA_SIGNATURE,
                           "carries no Secure Boot signature: its build leaves signing to you "
                           "(CONFIG_SECURE_BOOT_BUILD_SIGNED_BINARIES is off); " SIGN_COMMAND " %s -o %s",
                           path, path);
    return ota_err_set(err, OTA_SIGNATURE, "carries no Secure Boot signature, which %s; " SIGN_COMMAND " %s -o %s",
                       wanted_by, path, path);
}

static enum ota_status lacks_v1(const struct ota_boot_file *file, const char *what, const char *wanted_by,
                                struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_shell_word(file->path);
    return ota_err_set(err, OTA_SIGNATURE,
                       "carries no Secure Boot V1 signature%s, which %s; espsecure sign-data --version 1 "
                       "--keyfile KEY %s",
                       what, wanted_by, path);
}

static void add_remedy(struct ota_err *err, const char *remedy) {
    size_t n = strlen(err->msg);
    (void)ota_format(err->msg + n, sizeof err->msg - n, "%s", remedy);
}

static enum ota_status check_policy_v1(const struct ota_boot_rules *rules, const struct ota_boot_file *file,
                                       struct ota_err *err) {
    bool valid = false;
    char by[OTA_BOOT_WORD_MAX + 16];
    OTA_TRY(ota_signature_v1_check(file->source, file->length, &rules->policy->key[0].public, &valid, err));
    (void)ota_format(by, sizeof by, " by %s", rules->policy->key[0].name);
    return valid ? OTA_OK : lacks_v1(file, by, "ota.conf requires", err);
}

static enum ota_status check_policy(const struct ota_boot_rules *rules, const struct ota_boot_file *file,
                                    const struct ota_signatures *found, struct ota_err *err) {
    const struct ota_boot_policy *policy = rules->policy;
    if (policy->v1)
        return check_policy_v1(rules, file, err);
    if (found->count == 0)
        return is_unsigned(rules, file, "ota.conf requires", err);
    enum ota_status st = ota_boot_policy_check(policy, rules->chip, found, err);
    /* Without Secure Boot the first block counts, so one more would not do. */
    if (st == OTA_SIGNATURE && !policy->signed_apps && found->count < ota_boot_key_count(rules->chip))
        add_remedy(err, "; add it: " SIGN_COMMAND " --append");
    return st;
}

/* What the configuration of the build says, where ota.conf may say nothing. */
static enum ota_status check_build(const struct ota_boot_rules *rules, const struct ota_boot_file *file,
                                   const struct ota_signatures *found, struct ota_err *err) {
    static const char wants[] = "its configuration asks for";
    const struct ota_signing_config *build = rules->build;
    bool either = build->secure_boot == 0 && build->scheme == OTA_BOOT_UNKNOWN; /* it does not say which version */
    if (build->v1 && file->kind != OTA_KIND_DATA)
        return found->v1 ? OTA_OK : lacks_v1(file, "", wants, err);
    if (found->count == 0)
        return either && found->v1 ? OTA_OK : is_unsigned(rules, file, wants, err);
    for (size_t i = 0; i < counted(rules, found); i++)
        if (build->scheme != OTA_BOOT_UNKNOWN && found->block[i].scheme != build->scheme)
            return ota_err_set(err, OTA_SIGNATURE,
                               "is signed with %s, but its build verifies %s; sign it with such a key",
                               ota_boot_layout(found->block[i].scheme)->name, ota_boot_layout(build->scheme)->name);
    return OTA_OK;
}

/* ---- a file -------------------------------------------------------------------------------------------- */

static enum ota_status read_found(const struct ota_boot_file *file, struct ota_signatures *found, struct ota_err *err) {
    return file->kind == OTA_KIND_DATA ? ota_signatures_read_data(file->source, found, err)
                                       : ota_signatures_read_behind(file->source, file->length, found, err);
}

enum ota_status ota_boot_rules_check(const struct ota_boot_rules *rules, const struct ota_boot_file *file,
                                     struct ota_signatures *found, struct ota_err *err) {
    if (rules->build && rules->policy && rules->build->secure_boot == 2 && rules->policy->signed_apps)
        return ota_err_set(
            err, OTA_CONFIG,
            "its build enables Secure Boot V2, and signed_apps in ota.conf is for boards without it: the "
            "two contradict each other; name the keys as secure_boot in ota.conf");
    OTA_TRY(read_found(file, found, err));
    OTA_TRY(check_blocks(rules, found, err));
    if (policy_wants(rules, file->kind))
        OTA_TRY(check_policy(rules, file, found, err));
    return build_wants(rules, file->kind) ? check_build(rules, file, found, err) : OTA_OK;
}
