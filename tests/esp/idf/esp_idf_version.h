/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_IDF_VERSION_H
#define OTA_TESTS_ESP_IDF_VERSION_H

#define ESP_IDF_VERSION_VAL(major, minor, patch) (((major) << 16) | ((minor) << 8) | (patch))
#define ESP_IDF_VERSION ESP_IDF_VERSION_VAL(6, 0, 2)

#endif
