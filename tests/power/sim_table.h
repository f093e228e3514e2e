/* SPDX-License-Identifier: Apache-2.0 */
/* The partition table of a simulated board (sim_world.h shows it). */
#ifndef OTA_TESTS_SIM_TABLE_H
#define OTA_TESTS_SIM_TABLE_H

#include "sim_world.h"

/* recovery: where the eFuse's recovery bootloader lies, 0: none. extra: with a data partition "extra" behind storage. */
void sim_table(const struct sim_config *c, uint32_t recovery, bool extra, struct ota_table *out);

#endif
