/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "esp_err.h"
#include "esp_image_format.h"
#include "esp_ota_ops.h"
#include "nvs.h"

#define ROW(code) \
    { code, #code }

const char *esp_err_to_name(esp_err_t code) {
    static const struct {
        esp_err_t code;
        const char *name;
    } rows[] = {
        ROW(ESP_OK),
        ROW(ESP_FAIL),
        ROW(ESP_ERR_NO_MEM),
        ROW(ESP_ERR_INVALID_ARG),
        ROW(ESP_ERR_INVALID_STATE),
        ROW(ESP_ERR_INVALID_SIZE),
        ROW(ESP_ERR_NOT_FOUND),
        ROW(ESP_ERR_NOT_SUPPORTED),
        ROW(ESP_ERR_TIMEOUT),
        ROW(ESP_ERR_NOT_ALLOWED),
        ROW(ESP_ERR_IMAGE_INVALID),
        ROW(ESP_ERR_OTA_VALIDATE_FAILED),
        ROW(ESP_ERR_OTA_SMALL_SEC_VER),
        ROW(ESP_ERR_OTA_ROLLBACK_FAILED),
        ROW(ESP_ERR_NVS_NOT_INITIALIZED),
        ROW(ESP_ERR_NVS_NOT_FOUND),
        ROW(ESP_ERR_NVS_NOT_ENOUGH_SPACE),
        ROW(ESP_ERR_NVS_NO_FREE_PAGES),
        ROW(ESP_ERR_NVS_NEW_VERSION_FOUND),
        ROW(ESP_ERR_NVS_PART_NOT_FOUND),
        ROW(ESP_ERR_NVS_CORRUPT_KEY_PART),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code)
            return rows[i].name;
    return "UNKNOWN ERROR";
}
