/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_DOUBLE_APP_DESC_H
#define OTA_TESTS_DOUBLE_APP_DESC_H

#include "esp_app_desc.h"

/* Of the app that "runs". */
extern esp_app_desc_t double_app_desc;

#endif
