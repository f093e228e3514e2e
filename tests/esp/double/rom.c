/* SPDX-License-Identifier: Apache-2.0 */
/* What the chip's ROM and eFuses give without much ado: MD5, random numbers, the MAC address. */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "esp_mac.h"
#include "esp_random.h"
#include "esp_rom_md5.h"
#include "support/unit.h"

void esp_rom_md5_init(md5_context_t *context) {
    context->running = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestInit_ex(context->running, EVP_md5(), NULL), 1);
}

void esp_rom_md5_update(md5_context_t *context, const void *buf, uint32_t len) {
    assert_int_equal(EVP_DigestUpdate(context->running, buf, len), 1);
}

void esp_rom_md5_final(uint8_t *digest, md5_context_t *context) {
    assert_int_equal(EVP_DigestFinal_ex(context->running, digest, NULL), 1);
    EVP_MD_CTX_free(context->running);
}

void esp_fill_random(void *buf, size_t len) {
    assert_int_equal(RAND_bytes(buf, (int)len), 1);
}

esp_err_t esp_read_mac(uint8_t *mac, esp_mac_type_t type) {
    static const uint8_t burnt[] = {0x30, 0xAE, 0xA4, 0x12, 0x34, 0x56};
    if (type != ESP_MAC_EFUSE_FACTORY)
        return ESP_ERR_NOT_SUPPORTED;
    memcpy(mac, burnt, sizeof burnt);
    return ESP_OK;
}
