/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_NVS_SEC_PROVIDER_H
#define OTA_TESTS_NVS_SEC_PROVIDER_H

#define ESP_ERR_NVS_SEC_HMAC_KEY_NOT_FOUND 0xF001

#endif
