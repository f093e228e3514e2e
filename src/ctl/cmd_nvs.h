/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs "nvs" share. */
#ifndef OTA_CTL_CMD_NVS_H
#define OTA_CTL_CMD_NVS_H

#include "host/args.h"

/* --size of a partition, or `absent`. USAGE. */
OTA_MUST_USE enum ota_status ota_ctl_nvs_size(const struct ota_args *args, uint32_t absent, uint32_t *out,
                                              struct ota_err *err);

#endif
