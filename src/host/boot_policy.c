/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and applies a product's signature policy; see boot_policy.h. */
#include "host/boot_policy.h"

#include <string.h>

#include "host/fs.h"

#define FILE_MAX 8192u
#define SHOWN 16 /* of a digest, in messages */

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool is_digest_len(size_t n) {
    return n == OTA_SHA256_LEN || n == OTA_BOOT_DIGEST_C2;
}

static bool from_hex(const char *word, struct ota_boot_digest *out) {
    size_t n = strlen(word) / 2;
    if (strlen(word) % 2 || !is_digest_len(n) || !ota_hex_decode(ota_span_str(word), out->byte, n))
        return false;
    out->len = n;
    return true;
}

/* As a file that somebody made with an editor, or with the output of keys digest, has it. */
static bool from_text(const struct ota_buf *bytes, struct ota_boot_digest *out) {
    size_t n = bytes->len;
    char word[2 * OTA_SHA256_LEN + 1];
    while (n && strchr(" \t\r\n", bytes->p[n - 1]) && bytes->p[n - 1])
        n--;
    return ota_span_copy((struct ota_span){bytes->p, n}, word, sizeof word) && from_hex(word, out);
}

static enum ota_status from_file(const struct ota_workspace *w, const char *word, struct ota_boot_key *out,
                                 struct ota_err *err) {
    OTA_CLEAN_FREE char *path = word[0] == '/' ? ota_strdup(word) : ota_workspace_path(w, "%s", word);
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_TRY(ota_fs_read(path, FILE_MAX, &bytes, err));
    if (from_text(&bytes, &out->digest))
        return OTA_OK;
    if (is_digest_len(bytes.len)) {
        memcpy(out->digest.byte, bytes.p, bytes.len);
        out->digest.len = bytes.len;
        return OTA_OK;
    }
    if (!ota_boot_key_is_public_pem(ota_buf_span(&bytes)))
        return ota_err_set(err, OTA_CONFIG,
                           "%s: neither a public key in PEM form nor a digest of 32 or 16 bytes, raw or in "
                           "hexadecimal; otactl keys digest tells it",
                           word);
    return ota_boot_key_from_pem(ota_buf_span(&bytes), word, out, err);
}

static enum ota_status read_key(const struct ota_workspace *w, const char *word, const struct ota_chip *chip,
                                struct ota_boot_key *out, struct ota_err *err) {
    if (!from_hex(word, &out->digest))
        OTA_TRY(from_file(w, word, out, err));
    if (out->digest.len < ota_boot_digest_len(chip))
        return ota_err_set(err, OTA_CONFIG, "%.64s: a digest of 16 bytes is the ESP32-C2's; the %s keeps 32", word,
                           chip->name);
    if (out->scheme != OTA_BOOT_UNKNOWN && !ota_boot_scheme_suits(out->scheme, chip) && !ota_boot_key_is_v1(out, chip))
        return ota_err_set(err, OTA_CONFIG, "%.100s is a key of %s, which the %s does not know", word,
                           ota_boot_layout(out->scheme)->key, chip->name);
    return OTA_OK;
}

enum ota_status ota_boot_policy_read(const struct ota_workspace *w, const struct ota_product_config *p,
                                     struct ota_boot_policy *out, struct ota_err *err) {
    const struct ota_chip *chip = ota_chip_by_name(ota_span_str(p->chip));
    memset(out, 0, sizeof *out);
    out->signed_apps = p->signed_apps;
    out->signed_data = p->signed_data;
    if (!p->signed_apps && p->boot_key_count > ota_boot_key_count(chip))
        return ota_err_set(err, OTA_CONFIG, "ota.conf: product %s: the %s has room for %u key", p->name, p->chip,
                           ota_boot_key_count(chip));
    for (size_t i = 0; i < p->boot_key_count; i++) {
        memcpy(out->key[i].name, p->boot_key[i], sizeof out->key[i].name);
        if (read_key(w, p->boot_key[i], chip, &out->key[i].public, err) != OTA_OK)
            return ota_err_prefix(err, "ota.conf: product %s: %s", p->name,
                                  p->signed_apps ? "signed_apps" : "secure_boot");
        out->v1 |= ota_boot_key_is_v1(&out->key[i].public, chip);
        out->count++;
    }
    if (out->v1 && out->signed_data)
        return ota_err_set(err, OTA_CONFIG,
                           "ota.conf: product %s: signed_data: %s is a key of version 1, and data is verified by "
                           "version 2 only",
                           p->name, out->key[0].name);
    return OTA_OK;
}

/* ---- applying ------------------------------------------------------------------------------------------ */

bool ota_boot_policy_wants(const struct ota_boot_policy *policy, enum ota_kind kind) {
    bool app = kind == OTA_KIND_APP || kind == OTA_KIND_FACTORY;
    return policy && policy->count && (app || (kind == OTA_KIND_BOOTLOADER && !policy->signed_apps && !policy->v1));
}

static enum ota_status missing(const struct ota_boot_policy *policy, size_t key, const char *what,
                               struct ota_err *err) {
    char hex[2 * OTA_SHA256_LEN + 1];
    ota_hex_encode(policy->key[key].public.digest.byte, policy->key[key].public.digest.len, hex);
    return ota_err_set(err, OTA_SIGNATURE, "%s %.100s (digest %.*s...), which %s in ota.conf requires", what,
                       policy->key[key].name, SHOWN, hex, policy->signed_apps ? "signed_apps" : "secure_boot");
}

enum ota_status ota_boot_policy_check(const struct ota_boot_policy *policy, const struct ota_chip *chip,
                                      const struct ota_signatures *found, struct ota_err *err) {
    unsigned looked_at = policy->signed_apps ? 1 : ota_boot_key_count(chip);
    for (size_t i = 0; i < policy->count; i++) {
        int at = ota_signatures_find(found, &policy->key[i].public.digest);
        if (at < 0)
            return missing(policy, i, "carries no valid signature by", err);
        if ((unsigned)at >= looked_at)
            return missing(policy, i,
                           "has in another block than the first, the only one boards look at, the signature by", err);
        if (!ota_boot_scheme_suits(found->block[at].scheme, chip))
            return ota_err_set(err, OTA_SIGNATURE, "is signed with %s, which the %s does not know",
                               ota_boot_layout(found->block[at].scheme)->name, chip->name);
    }
    return OTA_OK;
}
