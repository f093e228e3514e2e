/* SPDX-License-Identifier: Apache-2.0 */
/* MD5 of the ROM: partition tables have one, and neither PSA nor a lean mbedTLS need bring it. */
#include "crypto_chip.h"

#include "esp_random.h"
#include "esp_rom_md5.h"

enum ota_status ota_esp_md5(void *ctx, const void *p, size_t n, uint8_t out[16], struct ota_err *err) {
    md5_context_t md5;
    (void)ctx;
    (void)err;
    esp_rom_md5_init(&md5);
    esp_rom_md5_update(&md5, p, (uint32_t)n);
    esp_rom_md5_final(out, &md5);
    return OTA_OK;
}

/* For jitter and stream numbers; true random numbers once Wi-Fi, Bluetooth or the SAR ADC's noise is on. */
enum ota_status ota_esp_random(void *ctx, void *p, size_t n, struct ota_err *err) {
    (void)ctx;
    (void)err;
    esp_fill_random(p, n);
    return OTA_OK;
}
