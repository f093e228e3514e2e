/* SPDX-License-Identifier: Apache-2.0 */
/* otactl verify IMAGE: is it sound, and who signed it for Secure Boot. */
#include <stdio.h>
#include <string.h>

#include "ctl/boot_view.h"
#include "ctl/cmd.h"
#include "host/boot_rules.h"
#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/printable.h"
#include "image/inspect.h"
#include "sign/boot_private.h"

#define KEYS_MAX 16u

struct verifying {
    const struct ota_args *args;
    const char *path;
    struct ota_file_source file;
    struct ota_inspection found;
    struct ota_boot_named named[KEYS_MAX];
    size_t count;
    const char *v1_by; /* whose version 1 signature it is; NULL: not known */
    struct ota_boot_policy policy;
    struct ota_boot_rules rules; /* of its chip and of --product; of data, the chip may not be known */
};
static void verifying_free(struct verifying *v) {
    ota_inspection_free(&v->found);
    ota_file_source_close(&v->file);
}

static bool is_image(const struct verifying *v) {
    return v->found.kind == OTA_INSPECT_APP || v->found.kind == OTA_INSPECT_BOOTLOADER ||
           v->found.kind == OTA_INSPECT_IMAGE;
}

/* ---- the file --------------------------------------------------------------------------------------------- */

static enum ota_status read_keys(struct verifying *v, struct ota_err *err) {
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(v->args, "passphrase-file"));
    v->count = ota_args_count(v->args, "secure-boot");
    if (v->count > KEYS_MAX)
        return ota_err_set(err, OTA_USAGE, "more than %u keys", KEYS_MAX);
    for (size_t i = 0; i < v->count; i++) {
        v->named[i].name = ota_args_at(v->args, "secure-boot", i);
        OTA_TRY(ota_boot_key_load(v->named[i].name, &from, &v->named[i].key, err));
    }
    return OTA_OK;
}

/* What is wrong with the bytes; that a file may be no part of a release is nothing against it here. */
static enum ota_status judge(struct verifying *v, struct ota_err *err) {
    OTA_TRY(ota_inspect(&v->file.source, &ota_crypto_openssl, &v->found, err));
    if (!v->found.broken && (v->found.servable || !is_image(v)))
        return OTA_OK;
    *err = v->found.verdict;
    return ota_err_place(err, v->path, 0);
}

/* ---- signatures ------------------------------------------------------------------------------------------- */

/* Behind the image, or where there is none (a partition table), at the end of the file. */
static enum ota_status find_v1(struct verifying *v, struct ota_err *err) {
    uint64_t size = v->file.source.size;
    uint64_t at = is_image(v) ? v->found.image.length : size < OTA_SIGNATURE_V1_LEN ? 0 : size - OTA_SIGNATURE_V1_LEN;
    for (size_t i = 0; i < v->count && !v->v1_by; i++) {
        bool valid = false;
        OTA_TRY(ota_signature_v1_check(&v->file.source, at, &v->named[i].key, &valid, err));
        if (valid)
            v->v1_by = v->named[i].name;
    }
    v->found.signatures.v1 |= v->v1_by != NULL;
    return OTA_OK;
}

static enum ota_status is_ignored(const struct verifying *v, const char *name, size_t block, const char *why,
                                  struct ota_err *err) {
    return ota_err_set(err, OTA_SIGNATURE, "%s: the signature by %s, block %zu, does not count: %s", v->path, name,
                       block, why);
}

static enum ota_status check_keys(const struct verifying *v, struct ota_err *err) {
    const struct ota_signatures *s = &v->found.signatures;
    char why[64];
    for (size_t i = 0; i < v->count; i++) {
        const char *name = v->named[i].name;
        int at = ota_signatures_find(s, &v->named[i].key.digest);
        if (v->v1_by && strcmp(v->v1_by, name) == 0)
            continue;
        if (at < 0)
            return ota_err_set(err, OTA_SIGNATURE, "%s: is %s %s", v->path,
                               s->count || s->v1 ? "signed, but not by" : "not signed, so not by", name);
        if (ota_boot_rules_ignored(&v->rules, s, (size_t)at, why))
            return is_ignored(v, name, (size_t)at, why, err);
    }
    if (v->count == 0 && s->count == 0 && !s->v1 && v->found.kind == OTA_INSPECT_UNKNOWN)
        return ota_err_set(err, OTA_SIGNATURE,
                           "%s: neither an image nor signed, and a repository is a folder: nothing to verify", v->path);
    return OTA_OK;
}

/* --product: what push would ask of it. */
static enum ota_status read_product(struct verifying *v, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {0};
    const char *name = ota_args_get(v->args, "product");
    const struct ota_product_config *p = NULL;
    if (is_image(v))
        v->rules.chip = ota_chip_by_id(v->found.image.chip_id);
    if (!name)
        return OTA_OK;
    OTA_TRY(ota_ctl_workspace(v->args, &w, err));
    OTA_TRY(ota_workspace_product(&w, name, &p, err));
    const struct ota_chip *chip = ota_chip_by_name(ota_span_str(p->chip));
    if (is_image(v) && v->rules.chip != chip)
        return ota_err_set(err, OTA_CHIP, "%s: is for %s, but product %s is %s", v->path,
                           v->rules.chip ? v->rules.chip->name : "another chip", p->name, p->chip);
    OTA_TRY(ota_boot_policy_read(&w, p, &v->policy, err));
    v->rules.chip = chip;
    v->rules.policy = &v->policy;
    return OTA_OK;
}

static enum ota_kind kind_of(const struct verifying *v) {
    return !is_image(v) ? OTA_KIND_DATA : v->found.kind == OTA_INSPECT_BOOTLOADER ? OTA_KIND_BOOTLOADER : OTA_KIND_APP;
}

/* Does ota.conf say whose signatures it must carry? Then check_policy() found them. */
static bool is_required(const struct verifying *v) {
    const struct ota_boot_policy *policy = v->rules.policy;
    return policy && (kind_of(v) == OTA_KIND_DATA ? policy->count && policy->signed_data
                                                  : ota_boot_policy_wants(policy, kind_of(v)));
}

static enum ota_status check_policy(const struct verifying *v, struct ota_err *err) {
    const struct ota_boot_file judged = {
        .kind = kind_of(v),
        .path = v->path,
        .source = &v->file.source,
        .length = v->found.image.length,
    };
    struct ota_signatures again;
    if (v->rules.policy && ota_boot_rules_check(&v->rules, &judged, &again, err) != OTA_OK)
        return ota_err_place(err, v->path, 0);
    return OTA_OK;
}

/* ---- the result ------------------------------------------------------------------------------------------- */

/* What nothing but its signature tells is data, as it is to sign. */
static const char *kind_name(const struct verifying *v) {
    const struct ota_signatures *s = &v->found.signatures;
    return v->found.kind == OTA_INSPECT_UNKNOWN && (s->count || v->v1_by) ? "data"
                                                                          : ota_inspect_kind_name(v->found.kind);
}

static void report_json(const struct verifying *v) {
    const struct ota_signatures *s = &v->found.signatures;
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "file", v->path);
    (void)cJSON_AddBoolToObject(tree, "ok", true);
    (void)cJSON_AddStringToObject(tree, "kind", kind_name(v));
    (void)cJSON_AddBoolToObject(tree, "v1", s->v1);
    (void)cJSON_AddItemToObject(tree, "v1_key", v->v1_by ? cJSON_CreateString(v->v1_by) : cJSON_CreateNull());
    (void)cJSON_AddItemToObject(tree, "blocks", ota_boot_view_json(s, &v->rules, v->named, v->count));
    ota_ctl_print_json(&tree);
}

static void report_text(const struct verifying *v) {
    const struct ota_signatures *s = &v->found.signatures;
    bool any = s->count || s->v1;
    const struct ota_chip *chip = is_image(v) ? ota_chip_by_id(v->found.image.chip_id) : NULL;
    ota_print_line(stdout, "%s: %s%s%s, sound, %s", v->path, kind_name(v), chip ? " for " : "", chip ? chip->name : "",
                   any ? "signed" : "not signed for Secure Boot");
    ota_boot_view_print(s, &v->rules, v->named, v->count);
    if (s->v1)
        ota_print_line(stdout, "  version 1  %s%s",
                       v->v1_by ? "valid  " : "by a key that was not named (--secure-boot)", v->v1_by ? v->v1_by : "");
    if (v->count)
        printf("Signed by every key that was named.\n");
    if (is_required(v))
        printf("Signed by every key that ota.conf requires for %s.\n", ota_args_get(v->args, "product"));
}

enum ota_status ota_ctl_verify_image(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(verifying_free)
    struct verifying v = {.args = args, .path = ota_args_operand(args, 0), .file = {.fd = -1}};
    OTA_TRY(read_keys(&v, err));
    OTA_TRY(ota_file_source_open(&v.file, v.path, OTA_IMAGE_LENGTH_MAX, err));
    OTA_TRY(judge(&v, err));
    OTA_TRY(read_product(&v, err));
    OTA_TRY(find_v1(&v, err));
    OTA_TRY(check_keys(&v, err));
    OTA_TRY(check_policy(&v, err));
    if (ota_ctl_json(args))
        report_json(&v);
    else
        report_text(&v);
    return OTA_OK;
}
