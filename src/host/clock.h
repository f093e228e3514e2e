/* SPDX-License-Identifier: Apache-2.0 */
/* The clock port over the operating system. `now` is false when the kernel says the clock was never set (before
 * 2024). */
#ifndef OTA_HOST_CLOCK_H
#define OTA_HOST_CLOCK_H

#include "ota/ports.h"

extern const struct ota_clock ota_clock_system;

#endif
