/* SPDX-License-Identifier: Apache-2.0 */
/* The bundle that ota_esp_install_file() read last, also before a reboot: the agent's `bundle`. NOT_FOUND when there was
 * none, or it cannot be opened. */
#ifndef OTA_ESP_BUNDLE_FILE_H
#define OTA_ESP_BUNDLE_FILE_H

#include "ota/bundle.h"

extern const struct ota_bundle_file ota_esp_bundle_file;

#endif
