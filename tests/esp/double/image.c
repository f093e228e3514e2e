/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: ESP-IDF bootloader_support/src/esp_image_format.c, secure_boot_v2/secure_boot_signatures_app.c. What is a
 * bootloader is told by the address; without Secure Boot v2 nobody compares a bootloader's SHA-256.
 */
#include "double/chip.h"
#include "esp_image_format.h"
#include "esp_secure_boot.h"
#include "hal/efuse_hal.h"
#include "host/crypto.h"
#include "sim/window.h"
#include "support/unit.h"

static bool is_bootloader(uint32_t offset) {
    const struct ota_efuse *e = double_chip.efuse;
    return offset == ESP_PRIMARY_BOOTLOADER_OFFSET || offset == double_chip.bootloader_offset ||
           (e->recovery && offset == e->recovery_offset);
}

void esp_image_bootloader_offset_set(const uint32_t offset) {
    double_chip.bootloader_offset = offset;
}

/* (absolute address of the data) modulo the page must be that of the load address. */
static bool maps(const struct ota_image *image, uint32_t offset) {
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct ota_image_segment *s = &image->segment[i];
        if (ota_chip_maps(double_chip.efuse->chip, s->load_addr) &&
            (offset + s->offset) % 0x10000u != s->load_addr % 0x10000u)
            return false;
    }
    return true;
}

static bool whole(const struct ota_image *image, bool bootloader, uint32_t offset, uint32_t size) {
    const struct ota_efuse *e = double_chip.efuse;
    uint32_t end = image->length;
#ifdef OTA_ESP_SECURE
    const bool sha = true;
    end = (end + OTA_SECTOR - 1u) / OTA_SECTOR * OTA_SECTOR + OTA_SECTOR;
#else
    const bool sha = !bootloader;
#endif
    return image->chip_id == e->chip->id && image->min_rev <= e->revision && image->checksum_ok && end <= size &&
           (!sha || !image->hash_appended || image->hash_ok) && (bootloader || maps(image, offset));
}

esp_err_t esp_secure_boot_verify_signature(uint32_t src_addr, uint32_t length) {
    const struct double_chip *c = &double_chip;
    struct ota_window w;
    struct ota_err err;
    if (src_addr > c->plain.size || length > c->plain.size - src_addr)
        fail_msg("esp_secure_boot_verify_signature: 0x%x bytes at 0x%x", (unsigned)length, (unsigned)src_addr);
    const struct ota_source src = ota_window_source(&w, &c->plain, src_addr, c->plain.size - src_addr);
    return ota_secure_boot_check(c->efuse->chip, &c->efuse->keys, &src, length, &err) == OTA_OK
               ? ESP_OK
               : ESP_ERR_INVALID_STATE;
}

esp_err_t esp_image_verify(esp_image_load_mode_t mode, const esp_partition_pos_t *part, esp_image_metadata_t *data) {
    struct ota_image image;
    struct ota_err err;
    (void)mode;
    if (!part || !data)
        return ESP_ERR_INVALID_ARG;
    if (part->size > 0x1000000)
        return ESP_ERR_INVALID_ARG;
    *data = (esp_image_metadata_t){0};
    if (ota_window_image(&double_chip.plain, &ota_crypto_openssl, part->offset, part->size, &image, &err) != OTA_OK ||
        !whole(&image, is_bootloader(part->offset), part->offset, part->size))
        return ESP_ERR_IMAGE_INVALID;
#ifdef OTA_ESP_SECURE
    if (esp_secure_boot_verify_signature(part->offset, image.length) != ESP_OK)
        return ESP_ERR_IMAGE_INVALID;
#endif
    *data = (esp_image_metadata_t){part->offset, image.length};
    return ESP_OK;
}

bool esp_secure_boot_enabled(void) {
    return double_chip.efuse->boot.secure_boot != 0;
}

uint32_t esp_secure_boot_sig_block_size(void) {
    return OTA_SECTOR;
}
