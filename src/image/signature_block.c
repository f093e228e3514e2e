/* SPDX-License-Identifier: Apache-2.0 */
/* See signature_block.h. */
#include "image/signature_block.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <string.h>

static void clean_ecdsa(ECDSA_SIG **s) {
    ECDSA_SIG_free(*s);
}

static bool put_ecdsa(struct ota_span der, size_t n, uint8_t *out) {
    const unsigned char *p = der.p;
    OTA_CLEAN(clean_ecdsa) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.len);
    bool ok = sig && p == der.p + der.len && BN_bn2lebinpad(ECDSA_SIG_get0_r(sig), out, (int)n) == (int)n &&
              BN_bn2lebinpad(ECDSA_SIG_get0_s(sig), out + n, (int)n) == (int)n;
    ERR_clear_error();
    return ok;
}

static bool put_rsa(struct ota_span big_endian, size_t n, uint8_t *out) {
    for (size_t b = 0; big_endian.len == n && b < n; b++)
        out[b] = big_endian.p[n - 1 - b];
    return big_endian.len == n;
}

enum ota_status ota_signature_block_make(const struct ota_boot_key *key, struct ota_span digest,
                                         struct ota_span signature, uint8_t out[OTA_SIGNATURE_BLOCK_LEN],
                                         struct ota_err *err) {
    const struct ota_boot_layout *l = ota_boot_layout(key->scheme);
    bool rsa = key->scheme == OTA_BOOT_RSA3072;
    memset(out, 0, OTA_SIGNATURE_BLOCK_LEN);
    out[0] = OTA_SIGNATURE_BLOCK_MAGIC;
    out[1] = l->version;
    out[2] = l->hash;
    memcpy(out + 4, digest.p, digest.len);
    memcpy(out + l->key_at, key->area, l->key_len);
    if (!(rsa ? put_rsa : put_ecdsa)(signature, l->number_len, out + l->signature_at))
        return ota_err_set(err, OTA_SIGNATURE, "no signature of %s: that is %s", l->name,
                           rsa ? "384 bytes, big-endian" : "DER");
    if (!ota_boot_key_verifies(key, digest.p, out + l->signature_at))
        return ota_err_set(err, OTA_SIGNATURE, "the signature is not of this file, padded to 4096 bytes, by this key");
    ota_put_le32(out + OTA_SIGNATURE_CRC_AT, ota_crc32(0, out, OTA_SIGNATURE_CRC_AT));
    return OTA_OK;
}
