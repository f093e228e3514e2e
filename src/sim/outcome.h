/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a board's run, on stdout: a few lines, or one of JSON. */
#ifndef OTA_SIM_OUTCOME_H
#define OTA_SIM_OUTCOME_H

#include "sim/device.h"

/* Its failure, if there is one, is returned. */
OTA_MUST_USE enum ota_status ota_outcome_print(const struct ota_device_outcome *o, const struct ota_nor *nor, bool json,
                                               struct ota_err *err);

#endif
