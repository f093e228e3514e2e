/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs "nvs" share. */
#ifndef OTA_CTL_CMD_NVS_H
#define OTA_CTL_CMD_NVS_H

#include "host/args.h"
#include "image/nvs_encrypt.h"

/* --size of a partition, or `absent`. USAGE. */
OTA_MUST_USE enum ota_status ota_ctl_nvs_size(const struct ota_args *args, uint32_t absent, uint32_t *out,
                                              struct ota_err *err);
/* --keys FILE, which others may not read. *given false: there is none. */
OTA_MUST_USE enum ota_status ota_ctl_nvs_keys(const struct ota_args *args, uint8_t key[OTA_NVS_KEY_LEN], bool *given,
                                              struct ota_err *err);

#endif
