/* SPDX-License-Identifier: Apache-2.0 */
/* An SD card with a bundle on it, inserted in a virtual board: a door of the device. */
#ifndef OTA_SIM_CARD_H
#define OTA_SIM_CARD_H

#include <stdio.h>

#include "sim/device.h"

struct ota_card {
    const char *path; /* borrowed; looked for again at every reading */
    FILE *file;
    uint32_t committed; /* the release of a bundle that was taken and did not only bring a table; 0: none yet */
    bool told; /* that another update is to be decided first */
    unsigned readings;
    struct ota_bundle work;
    struct ota_bundle_file bundle;
    struct ota_device_door door;
};
/* Do not move *c afterwards. */
void ota_card_insert(struct ota_card *c, const char *path);

#endif
