/* SPDX-License-Identifier: Apache-2.0 */
/* Signature blocks against eFuse digests. */
#include "sim/secure_boot.h"

#include <string.h>

void ota_secure_boot_burn(const struct ota_chip *chip, const struct ota_signatures *bootloader,
                          struct ota_secure_boot_keys *keys) {
    memset(keys, 0, sizeof *keys);
    for (size_t i = 0; i < bootloader->count && i < ota_boot_key_count(chip); i++)
        memcpy(keys->digest[keys->count++], bootloader->block[i].key_digest, ota_boot_digest_len(chip));
}

static bool trusted(const struct ota_chip *chip, const struct ota_secure_boot_keys *keys, const uint8_t *digest) {
    size_t n = ota_boot_digest_len(chip);
    for (unsigned i = 0; i < keys->count && i < ota_boot_key_count(chip); i++)
        if (memcmp(keys->digest[i], digest, n) == 0)
            return true;
    return false;
}

static enum ota_status check_block(const struct ota_chip *chip, const struct ota_secure_boot_keys *keys,
                                   const struct ota_signature_block *b, struct ota_err *err) {
    if (!b->crc_ok)
        return ota_err_set(err, OTA_SIGNATURE, "its signature block is damaged");
    if (!b->digest_ok)
        return ota_err_set(err, OTA_SIGNATURE, "its signature was made over other bytes");
    if (!trusted(chip, keys, b->key_digest))
        return ota_err_set(err, OTA_SIGNATURE, "no eFuse trusts the key of its signature");
    if (!b->valid || b->scheme == OTA_BOOT_ECDSA192)
        return ota_err_set(err, OTA_SIGNATURE, "its %s signature does not verify", ota_boot_layout(b->scheme)->name);
    return OTA_OK;
}

static enum ota_status check_blocks(const struct ota_chip *chip, const struct ota_secure_boot_keys *keys,
                                    const struct ota_signatures *found, struct ota_err *err) {
    struct ota_err later;
    enum ota_status first = check_block(chip, keys, &found->block[0], err);
    for (unsigned i = 1; first != OTA_OK && i < found->count && i < ota_boot_key_count(chip); i++)
        if (check_block(chip, keys, &found->block[i], &later) == OTA_OK)
            return OTA_OK;
    return first;
}

enum ota_status ota_secure_boot_check(const struct ota_chip *chip, const struct ota_secure_boot_keys *keys,
                                      const struct ota_source *src, uint32_t length, struct ota_err *err) {
    struct ota_signatures found;
    uint64_t at = ((uint64_t)length + OTA_SECTOR - 1u) / OTA_SECTOR * OTA_SECTOR;
    if (keys->count == 0)
        return OTA_OK;
    if (at + OTA_SECTOR > src->size)
        return ota_err_set(err, OTA_SIGNATURE, "there is no room for a signature behind it");
    OTA_TRY(ota_signatures_read_behind(src, length, &found, err));
    if (found.count == 0)
        return ota_err_set(err, OTA_SIGNATURE, "it is not signed");
    return check_blocks(chip, keys, &found, err);
}
