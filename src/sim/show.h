/* SPDX-License-Identifier: Apache-2.0 */
/* A board as JSON: what `otadevice show --json` prints. The token is never in it. */
#ifndef OTA_SIM_SHOW_H
#define OTA_SIM_SHOW_H

#include "host/json_tree.h"
#include "sim/view.h"

/* The caller frees *out. FLASH, IO. */
OTA_MUST_USE enum ota_status ota_show_tree(const struct ota_view *v, cJSON **out, struct ota_err *err);

#endif
