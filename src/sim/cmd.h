/* SPDX-License-Identifier: Apache-2.0 */
/* otadevice's verbs: one handler per verb in cmd_<verb>.c. */
#ifndef OTA_SIM_CMD_H
#define OTA_SIM_CMD_H

#include "host/args.h"

enum ota_status ota_cmd_sample(const struct ota_args *args, struct ota_err *err);

#endif
