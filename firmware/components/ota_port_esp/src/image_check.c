/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is a bootloader is told by its address: esp_image_verify() is told that one lies at `offset`, and told otherwise again.
 *
 * An app that waits is not where it will run, and esp_image_verify() would refuse it: its segments are not congruent with the
 * MMU's pages there. What the agent does not know itself is the signature, which has a call of its own.
 */
#include "image_check.h"

#include "esp_image_format.h"
#include "failed.h"
#include "hal/efuse_hal.h"
#include "ota_esp_ports.h"
#include "region.h"
#include "sdkconfig.h"

#ifdef CONFIG_SECURE_SIGNED_ON_UPDATE
#include "esp_secure_boot.h"
#define SIGNATURES_COUNT true
#else
#define SIGNATURES_COUNT false
#endif

enum ota_status ota_esp_image_refused(const char *name, struct ota_err *err) {
    return ota_err_set(err, SIGNATURES_COUNT ? OTA_SIGNATURE : OTA_IMAGE_HASH,
                       "%s: ESP-IDF's own check refuses it; its lines in the log say why", name);
}

/* The check decrypts whatever it reads. */
static enum ota_status check_readable(uint32_t offset, struct ota_err *err) {
    struct ota_esp_region r;
    OTA_TRY(ota_esp_region_at(offset, ota_esp_flash.size, &r, err));
    if (r.encrypted || !efuse_hal_flash_encryption_enabled())
        return OTA_OK;
    return ota_err_set(err, OTA_CONFIG,
                       "%s is not encrypted, and the chip reads all images decrypted: give it the flag `encrypted`",
                       ota_esp_region_name(&r));
}

static enum ota_status check_bootloader(uint32_t offset, uint32_t length, struct ota_err *err) {
    const esp_partition_pos_t pos = {.offset = offset, .size = (length + OTA_SECTOR - 1u) & ~(OTA_SECTOR - 1u)};
    esp_image_metadata_t data;
    esp_image_bootloader_offset_set(offset);
    esp_err_t rc = esp_image_verify(ESP_IMAGE_VERIFY, &pos, &data);
    esp_image_bootloader_offset_set(ESP_PRIMARY_BOOTLOADER_OFFSET);
    return rc == ESP_OK ? OTA_OK : ota_esp_image_refused("the new bootloader", err);
}

static enum ota_status check_app(uint32_t offset, uint32_t length, struct ota_err *err) {
#ifdef CONFIG_SECURE_SIGNED_ON_UPDATE
    const uint32_t block = esp_secure_boot_sig_block_size();
    if (length <= block)
        return ota_err_set(err, OTA_SIGNATURE, "the new app is not signed");
    esp_err_t rc = esp_secure_boot_verify_signature(offset, length - block);
    if (rc != ESP_OK)
        return ota_esp_failed(err, OTA_SIGNATURE, rc, "signature of the new app");
#else
    (void)offset, (void)length, (void)err;
#endif
    return OTA_OK;
}

enum ota_status ota_esp_image_check(uint32_t offset, uint32_t length, enum ota_kind kind, struct ota_err *err) {
    if (!ota_kind_is_image(kind))
        return OTA_OK;
    OTA_TRY(check_readable(offset, err));
    return kind == OTA_KIND_BOOTLOADER ? check_bootloader(offset, length, err) : check_app(offset, length, err);
}
