/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted NVS partitions, by OpenSSL's AES-256 in XTS mode. */
#include "image/nvs_encrypt.h"

#include <openssl/evp.h>
#include <string.h>

#define WRITTEN 2u

static void cipher_free(EVP_CIPHER_CTX **c) {
    EVP_CIPHER_CTX_free(*c);
}

enum ota_status ota_nvs_key_read(struct ota_span bytes, uint8_t key[OTA_NVS_KEY_LEN], struct ota_err *err) {
    if (bytes.len != OTA_NVS_KEY_LEN && bytes.len != OTA_NVS_PAGE)
        return ota_err_set(err, OTA_KEY, "%zu bytes; a keys partition has %u, its keys alone have %u", bytes.len,
                           OTA_NVS_PAGE, OTA_NVS_KEY_LEN);
    if (bytes.len == OTA_NVS_PAGE &&
        ota_le32(bytes.p + OTA_NVS_KEY_LEN) != ota_crc32(0xFFFFFFFFu, bytes.p, OTA_NVS_KEY_LEN))
        return ota_err_set(err, OTA_KEY, "the CRC of the keys is wrong: no keys partition, or an encrypted one");
    if (memcmp(bytes.p, bytes.p + OTA_NVS_KEY_LEN / 2, OTA_NVS_KEY_LEN / 2) == 0)
        return ota_err_set(err, OTA_KEY, "data key and tweak key are equal: blank, or no keys");
    memcpy(key, bytes.p, OTA_NVS_KEY_LEN);
    return OTA_OK;
}

void ota_nvs_key_write(const uint8_t key[OTA_NVS_KEY_LEN], uint8_t out[OTA_NVS_PAGE]) {
    memset(out, 0xFF, OTA_NVS_PAGE);
    memcpy(out, key, OTA_NVS_KEY_LEN);
    ota_put_le32(out + OTA_NVS_KEY_LEN, ota_crc32(0xFFFFFFFFu, key, OTA_NVS_KEY_LEN));
}

static bool crypt_entry(EVP_CIPHER_CTX *c, uint8_t *entry, uint64_t address) {
    uint8_t tweak[16] = {0}, out[OTA_NVS_ENTRY];
    int n = 0;
    ota_put_le64(tweak, address);
    bool ok = EVP_CipherInit_ex(c, NULL, NULL, NULL, tweak, -1) == 1 &&
              EVP_CipherUpdate(c, out, &n, entry, (int)OTA_NVS_ENTRY) == 1 && n == (int)OTA_NVS_ENTRY;
    if (ok)
        memcpy(entry, out, sizeof out);
    return ok;
}

static bool crypt_page(EVP_CIPHER_CTX *c, uint8_t *page, uint64_t address) {
    for (unsigned i = 0; i < OTA_NVS_ENTRIES; i++) {
        size_t at = OTA_NVS_FIRST_ENTRY + (size_t)i * OTA_NVS_ENTRY;
        if ((page[OTA_NVS_BITMAP + i / 4] >> (i % 4 * 2) & 3) == WRITTEN && !crypt_entry(c, page + at, address + at))
            return false;
    }
    return true;
}

static enum ota_status apply(uint8_t *image, size_t size, const uint8_t key[OTA_NVS_KEY_LEN], int encrypt,
                             struct ota_err *err) {
    OTA_CLEAN(cipher_free) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = c && EVP_CipherInit_ex(c, EVP_aes_256_xts(), NULL, key, NULL, encrypt) == 1;
    for (size_t at = 0; ok && at + OTA_NVS_PAGE <= size; at += OTA_NVS_PAGE)
        ok = crypt_page(c, image + at, at);
    return ok ? OTA_OK : ota_err_set(err, OTA_KEY, "these keys cannot be used for AES-256 in XTS mode");
}

enum ota_status ota_nvs_encrypt(uint8_t *image, size_t size, const uint8_t key[OTA_NVS_KEY_LEN], struct ota_err *err) {
    return apply(image, size, key, 1, err);
}

enum ota_status ota_nvs_decrypt(uint8_t *image, size_t size, const uint8_t key[OTA_NVS_KEY_LEN], struct ota_err *err) {
    return apply(image, size, key, 0, err);
}
