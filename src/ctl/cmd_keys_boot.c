/* SPDX-License-Identifier: Apache-2.0 */
/* otactl keys new --secure-boot, keys digest: keys that sign images for Secure Boot, and what eFuses hold of them. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/output_file.h"
#include "sign/boot_private.h"

static void add_digest(cJSON *tree, const struct ota_boot_key *key, size_t len) {
    char hex[OTA_SHA256_HEX_LEN + 1];
    ota_hex_encode(key->digest.byte, len, hex);
    (void)cJSON_AddStringToObject(tree, "scheme", ota_boot_layout(key->scheme)->name);
    (void)cJSON_AddStringToObject(tree, "digest", hex);
}

/* ---- keys new --secure-boot ------------------------------------------------------------------------------- */

enum ota_status ota_ctl_new_boot_key(const struct ota_args *args, const char *path, const struct ota_buf *passphrase,
                                     struct ota_err *err) {
    const char *word = ota_args_get(args, "secure-boot");
    enum ota_boot_scheme scheme = ota_boot_scheme_by_name(word);
    OTA_CLEAN(ota_boot_private_free) struct ota_boot_private *key = NULL;
    OTA_CLEAN(ota_buf_free) struct ota_buf pem = {0};
    char hex[OTA_SHA256_HEX_LEN + 1];
    if (scheme == OTA_BOOT_UNKNOWN)
        return ota_err_set(err, OTA_USAGE, "--secure-boot \"%.20s\": take rsa3072, ecdsa256 or ecdsa384", word);
    OTA_TRY(ota_boot_private_generate(scheme, &key, err));
    OTA_TRY(ota_boot_private_write_public(key, &pem, err));
    OTA_TRY(ota_boot_private_save(key, path, passphrase, err));
    OTA_TRY(ota_ctl_save_public(path, ota_buf_span(&pem), err));
    const struct ota_boot_key *public = ota_boot_private_public(key);
    ota_hex_encode(public->digest.byte, OTA_SHA256_LEN, hex);
    if (!ota_ctl_json(args)) {
        printf("%s: a key for Secure Boot, %s, %s; its public half is in %s.pub\ndigest %s\n", path,
               ota_boot_layout(scheme)->key, passphrase->len ? "encrypted" : "not encrypted", path, hex);
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "file", path);
    add_digest(tree, public, OTA_SHA256_LEN);
    (void)cJSON_AddStringToObject(tree, "public", ota_buf_text(&pem));
    (void)cJSON_AddBoolToObject(tree, "encrypted", passphrase->len > 0);
    ota_ctl_print_json(&tree);
    return OTA_OK;
}

/* ---- keys digest ------------------------------------------------------------------------------------------ */

static enum ota_status check_chip(const struct ota_args *args, const struct ota_boot_key *key, size_t *len,
                                  struct ota_err *err) {
    const char *name = ota_args_get(args, "chip");
    const struct ota_chip *chip = name ? ota_chip_by_name(ota_span_str(name)) : NULL;
    *len = chip ? ota_boot_digest_len(chip) : OTA_SHA256_LEN;
    if (name && !chip)
        return ota_err_set(err, OTA_USAGE, "unknown chip \"%.40s\"; write it as idf.py set-target does", name);
    if (chip && !ota_boot_scheme_suits(key->scheme, chip))
        return ota_err_set(err, OTA_UNSUPPORTED, "Secure Boot of the %s does not know %s", chip->name,
                           ota_boot_layout(key->scheme)->name);
    return OTA_OK;
}

enum ota_status ota_cmd_keys_digest(const struct ota_args *args, struct ota_err *err) {
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(args, "passphrase-file"));
    const char *reference = ota_args_operand(args, 0), *out = ota_args_get(args, "output");
    static const char *const inputs[] = {"passphrase-file", NULL};
    struct ota_boot_key key;
    char hex[OTA_SHA256_HEX_LEN + 1];
    size_t len = 0;
    if (out)
        OTA_TRY(ota_ctl_output_check(args, inputs, true, err));
    OTA_TRY(ota_boot_key_load(reference, &from, &key, err));
    OTA_TRY(check_chip(args, &key, &len, err));
    if (out)
        OTA_TRY(ota_ctl_output_write(out, (struct ota_span){key.digest.byte, len}, 0644, err));
    ota_hex_encode(key.digest.byte, len, hex);
    if (!ota_ctl_json(args)) {
        printf("%s\n", hex);
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "key", reference);
    add_digest(tree, &key, len);
    ota_ctl_print_json(&tree);
    return OTA_OK;
}
