/* SPDX-License-Identifier: Apache-2.0 */
/* The boot chain of the board under test, after ESP-IDF's bootloader with rollback, and its esp_ota_ops. */
#ifndef OTA_TESTS_FAKE_BOOT_H
#define OTA_TESTS_FAKE_BOOT_H

#include "fake_board.h"

struct ota_boot_port fake_boot_port(struct fake_board *b);

#endif
