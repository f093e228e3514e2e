/* SPDX-License-Identifier: Apache-2.0 */
/* Images of a few sectors for a simulated board of any chip: what a power-cut proof can afford to write a thousand
 * times. */
#ifndef OTA_TESTS_SIM_IMAGES_H
#define OTA_TESTS_SIM_IMAGES_H

#include "host/buf.h"
#include "ota/image.h"

#define SIM_APP_LENGTH 0x2c00u        /* three sectors, the last one in part */
#define SIM_BOOTLOADER_LENGTH 0x1c00u /* two, likewise */
#define SIM_STORAGE_LENGTH 0x2800u    /* leaves a rest of its partition to erase */

struct sim_app {
    const struct ota_chip *chip;
    const char *version;
    uint32_t secure_version;
    size_t length; /* 0: SIM_APP_LENGTH; a multiple of 16 */
    bool faulty, no_network;
};
/* The caller frees them. Different versions differ in every sector. */
struct ota_buf sim_app(const struct sim_app *a);
struct ota_buf sim_bootloader(const struct ota_chip *chip, const char *version, size_t length, uint32_t flash_size);
struct ota_buf sim_data(const char *version, size_t length);

#endif
