/* SPDX-License-Identifier: Apache-2.0 */
/* The ROM's MD5, by OpenSSL. */
#ifndef OTA_TESTS_ESP_ROM_MD5_H
#define OTA_TESTS_ESP_ROM_MD5_H

#include <stdint.h>

#define ESP_ROM_MD5_DIGEST_LEN 16

typedef struct {
    void *running;
} md5_context_t;

void esp_rom_md5_init(md5_context_t *context);
void esp_rom_md5_update(md5_context_t *context, const void *buf, uint32_t len);
void esp_rom_md5_final(uint8_t *digest, md5_context_t *context);

#endif
