/* SPDX-License-Identifier: Apache-2.0 */
/* otactl sign --secure-boot: signs an app, bootloader or data file for boards with Secure Boot v2. */
#include <stdio.h>
#include <string.h>

#include "ctl/boot_view.h"
#include "ctl/cmd.h"
#include "ctl/output_file.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/printable.h"
#include "image/signed_image.h"
#include "sign/boot_private.h"

#define KEY_FILE_MAX (64u * 1024u)

struct signing {
    const struct ota_args *args;
    struct ota_buf file; /* as it came */
    struct ota_signed_image image;
    struct ota_boot_named named[2 * OTA_SIGNATURE_BLOCKS_MAX];
    size_t named_count;
    cJSON *remarks;
};
static void signing_free(struct signing *s) {
    ota_buf_free(&s->file);
    ota_signed_image_free(&s->image);
    cJSON_Delete(s->remarks);
}

bool ota_ctl_signs_image(const struct ota_args *args) {
    static const char *const only[] = {"secure-boot", "public-key", "signature", "append",
                                       "output",      "chip",       "data",      "pad-only"};
    bool given = false;
    for (size_t i = 0; i < OTA_ARRAY_LEN(only); i++)
        given |= ota_args_has(args, only[i]);
    return given;
}

static enum ota_status check_usage(const struct ota_args *args, struct ota_err *err) {
    static const char *const of_roles[] = {"key", "previous", "yes"};
    static const char *const inputs[] = {"secure-boot", "public-key", "signature", "passphrase-file", NULL};
    size_t keys = ota_args_count(args, "secure-boot"), publics = ota_args_count(args, "public-key");
    for (size_t i = 0; i < OTA_ARRAY_LEN(of_roles); i++)
        if (ota_args_has(args, of_roles[i]))
            return ota_err_set(err, OTA_USAGE, "--%s is for roles and drafts, and this signs an image", of_roles[i]);
    if (ota_args_has(args, "pad-only") && keys + publics)
        return ota_err_set(err, OTA_USAGE, "--pad-only signs nothing: leave the keys away");
    if (keys + publics == 0 && !ota_args_has(args, "pad-only"))
        return ota_err_set(err, OTA_USAGE,
                           "an image is signed with --secure-boot KEY, or --public-key and --signature");
    if (publics != ota_args_count(args, "signature"))
        return ota_err_set(err, OTA_USAGE, "every --public-key wants its --signature, in the same order");
    if (keys > OTA_SIGNATURE_BLOCKS_MAX || publics > OTA_SIGNATURE_BLOCKS_MAX)
        return ota_err_set(err, OTA_USAGE, "an image has at most %u signatures", OTA_SIGNATURE_BLOCKS_MAX);
    if (!ota_args_has(args, "output"))
        return ota_err_set(err, OTA_USAGE, "where to? Add -o FILE; it may be the image itself");
    return ota_ctl_output_check(args, inputs, false, err);
}

/* ---- what is signed --------------------------------------------------------------------------------------- */

static enum ota_status read_chip(const struct ota_args *args, const struct ota_chip **out, struct ota_err *err) {
    const char *name = ota_args_get(args, "chip");
    *out = name ? ota_chip_by_name(ota_span_str(name)) : NULL;
    return name && !*out
               ? ota_err_set(err, OTA_USAGE, "unknown chip \"%.40s\"; write it as idf.py set-target does", name)
               : OTA_OK;
}

/* The metadata of this program is JSON, too, and boards would never look at such a signature on it. */
static bool is_json(const struct ota_buf *file) {
    size_t i = 0;
    while (i < file->len && strchr(" \t\r\n", file->p[i]) && file->p[i])
        i++;
    return i < file->len && file->p[i] == '{';
}

static enum ota_status open_image(struct signing *s, struct ota_err *err) {
    const char *path = ota_args_operand(s->args, 0);
    const struct ota_chip *chip = NULL;
    OTA_TRY(read_chip(s->args, &chip, err));
    OTA_TRY(ota_fs_read(path, OTA_IMAGE_LENGTH_MAX, &s->file, err));
    if (!ota_args_has(s->args, "data") && is_json(&s->file))
        return ota_err_set(err, OTA_USAGE,
                           "%s is JSON: a role is signed without --secure-boot; add --data if it goes into a data "
                           "partition",
                           path);
    if (ota_signed_image_open(&s->image, ota_buf_span(&s->file), chip, ota_args_has(s->args, "data"), err) != OTA_OK)
        return ota_err_place(err, path, 0);
    return OTA_OK;
}

/* ---- signatures ------------------------------------------------------------------------------------------- */

static bool is_signed_by(struct signing *s, const char *name, const struct ota_boot_key *key) {
    s->named[s->named_count++] = (struct ota_boot_named){.name = name, .key = *key};
    return ota_signatures_find(&s->image.signatures, &key->digest) >= 0;
}

/* Before the first signature is made: a token may count them, and a person type a PIN for nothing. */
static enum ota_status may_add(const struct signing *s, const struct ota_boot_key *key, struct ota_err *err) {
    if (s->image.found && !ota_args_has(s->args, "append"))
        return ota_err_set(
            err, OTA_EXISTS,
            "is signed already, by other keys: add --append for one more signature, or sign the unsigned "
            "file");
    return ota_signed_image_takes(&s->image, key, err);
}

/* Why a key could not be loaded, if it is plain to see. */
static enum ota_status explain_key(const char *reference, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf pem = {0};
    struct ota_err unread;
    if (!ota_fs_is_file(reference) || ota_fs_read(reference, KEY_FILE_MAX, &pem, &unread) != OTA_OK ||
        !ota_boot_key_is_public_pem(ota_buf_span(&pem)))
        return err->code;
    return ota_err_set(err, OTA_USAGE,
                       "%s is a public key; --secure-boot wants the private one (with a signature made elsewhere: "
                       "--public-key)",
                       reference);
}

static enum ota_status sign_with(struct signing *s, const char *reference, struct ota_err *err) {
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(s->args, "passphrase-file"));
    OTA_CLEAN(ota_boot_private_free) struct ota_boot_private *key = NULL;
    OTA_CLEAN(ota_buf_free) struct ota_buf signature = {0};
    if (ota_boot_private_load(reference, &from, &key, err) != OTA_OK)
        return explain_key(reference, err);
    const struct ota_boot_key *public = ota_boot_private_public(key);
    if (is_signed_by(s, reference, public))
        return OTA_OK;
    enum ota_status st = may_add(s, public, err);
    if (st == OTA_OK)
        st = ota_boot_private_sign(key, ota_signed_image_digest(&s->image, public->scheme), &signature, err);
    if (st == OTA_OK)
        st = ota_signed_image_add(&s->image, public, ota_buf_span(&signature), err);
    return st == OTA_OK ? OTA_OK : ota_err_place(err, ota_args_operand(s->args, 0), 0);
}

static enum ota_status take_external(struct signing *s, const char *public_file, const char *signature_file,
                                     struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf signature = {0};
    struct ota_boot_key key;
    OTA_TRY(ota_boot_key_load(public_file, NULL, &key, err));
    if (is_signed_by(s, public_file, &key))
        return OTA_OK;
    OTA_TRY(ota_fs_read(signature_file, OTA_BOOT_SIGNATURE_MAX, &signature, err));
    if (may_add(s, &key, err) != OTA_OK)
        return ota_err_place(err, ota_args_operand(s->args, 0), 0);
    if (ota_signed_image_add(&s->image, &key, ota_buf_span(&signature), err) != OTA_OK)
        return ota_err_place(err, signature_file, 0);
    return OTA_OK;
}

static enum ota_status sign_all(struct signing *s, struct ota_err *err) {
    for (size_t i = 0; i < ota_args_count(s->args, "secure-boot"); i++)
        OTA_TRY(sign_with(s, ota_args_at(s->args, "secure-boot", i), err));
    for (size_t i = 0; i < ota_args_count(s->args, "public-key"); i++)
        OTA_TRY(take_external(s, ota_args_at(s->args, "public-key", i), ota_args_at(s->args, "signature", i), err));
    return OTA_OK;
}

/* ---- the result ------------------------------------------------------------------------------------------- */

static void remark(struct signing *s, const char *text) {
    (void)cJSON_AddItemToArray(s->remarks, cJSON_CreateString(text));
}

/* Nothing that stops a chip, but what its owner wants to know. */
static void find_remarks(struct signing *s) {
    static const char *const insecure[] = {"esp32c5", "esp32c61", "esp32h2", "esp32p4"};
    const struct ota_chip *chip = s->image.kind == OTA_IMAGE_UNKNOWN ? NULL : s->image.chip;
    enum ota_boot_scheme scheme = s->image.signatures.block[0].scheme;
    bool ecdsa = scheme == OTA_BOOT_ECDSA256 || scheme == OTA_BOOT_ECDSA384;
    bool rev3 = s->image.min_rev >= 300;
    if (s->image.loose)
        remark(
            s,
            "The image does not fill its last MMU page, so that flash behind it, which nobody signed, is mapped with "
            "it: build with Secure Boot or signed apps enabled, and esptool pads it.");
    for (size_t i = 0; chip && ecdsa && i < OTA_ARRAY_LEN(insecure); i++)
        if (strcmp(insecure[i], chip->name) == 0)
            remark(s, "ESP-IDF calls Secure Boot with ECDSA unsafe on this chip (it wants "
                      "CONFIG_SECURE_BOOT_V2_FORCE_ENABLE_ECDSA); RSA is safe where the chip has it.");
    if (chip && strcmp(chip->name, "esp32") == 0 && !rev3)
        remark(s, "An esp32 has Secure Boot V2 from revision 3.0 on; the image takes older ones, too.");
    if (chip && strcmp(chip->name, "esp32p4") == 0 && scheme == OTA_BOOT_ECDSA384 && !rev3)
        remark(s, "An esp32p4 verifies P-384 from revision 3.0 on; the image takes older ones, too.");
    if (s->image.signatures.count > 1)
        remark(s, "Boards without Secure Boot that check apps on update look at block 0 only.");
}

static enum ota_status write_result(struct signing *s, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    const char *path = ota_args_get(s->args, "output");
    bool changed = s->image.signatures.count > s->image.found;
    if (ota_args_has(s->args, "pad-only"))
        return ota_ctl_output_write(path, ota_buf_span(&s->image.body), 0644, err);
    if (!changed && strcmp(path, ota_args_operand(s->args, 0)) == 0)
        return OTA_OK;
    if (changed)
        ota_signed_image_write(&s->image, &out);
    return ota_ctl_output_write(path, ota_buf_span(changed ? &out : &s->file), 0644, err);
}

static void report_json(struct signing *s) {
    const struct ota_signed_image *i = &s->image;
    const struct ota_boot_rules rules = {.chip = i->chip};
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "file", ota_args_operand(s->args, 0));
    (void)cJSON_AddStringToObject(tree, "output", ota_args_get(s->args, "output"));
    (void)cJSON_AddStringToObject(tree, "kind", ota_boot_view_kind(i->kind));
    (void)cJSON_AddItemToObject(tree, "chip", i->chip ? cJSON_CreateString(i->chip->name) : cJSON_CreateNull());
    (void)cJSON_AddNumberToObject(tree, "added", (double)(i->signatures.count - i->found));
    (void)cJSON_AddItemToObject(tree, "blocks", ota_boot_view_json(&i->signatures, &rules, s->named, s->named_count));
    (void)cJSON_AddItemToObject(tree, "remarks", OTA_STEAL(s->remarks));
    ota_ctl_print_json(&tree);
}

static void report_text(const struct signing *s) {
    const struct ota_signed_image *i = &s->image;
    const struct ota_boot_rules rules = {.chip = i->chip};
    size_t added = i->signatures.count - i->found;
    const char *out = ota_args_get(s->args, "output");
    if (ota_args_has(s->args, "pad-only")) {
        ota_print_line(stdout, "%s: %zu bytes, to be signed elsewhere; then: otactl sign --public-key F --signature F",
                       out, i->body.len);
        return;
    }
    if (added)
        ota_print_line(stdout, "%s: %s%s%s, %zu bytes signed; %zu signature%s added", out, ota_boot_view_kind(i->kind),
                       i->chip ? " for " : "", i->chip ? i->chip->name : "", i->body.len, added, added == 1 ? "" : "s");
    else
        ota_print_line(stdout, "%s: is already signed by %s; there was nothing to do", out,
                       s->named_count == 1 ? "that key" : "those keys");
    ota_boot_view_print(&i->signatures, &rules, s->named, s->named_count);
    for (const cJSON *line = s->remarks->child; line; line = line->next)
        ota_print_line(stdout, "%s", line->valuestring);
}

enum ota_status ota_ctl_sign_image(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(signing_free) struct signing s = {.args = args, .remarks = cJSON_CreateArray()};
    OTA_TRY(check_usage(args, err));
    OTA_TRY(open_image(&s, err));
    OTA_TRY(sign_all(&s, err));
    OTA_TRY(write_result(&s, err));
    find_remarks(&s);
    if (ota_ctl_json(args))
        report_json(&s);
    else
        report_text(&s);
    return OTA_OK;
}
