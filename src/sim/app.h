/* SPDX-License-Identifier: Apache-2.0 */
/* What the running image says to the virtual board that "runs" it. */
#ifndef OTA_SIM_APP_H
#define OTA_SIM_APP_H

#include "ota/image.h"
#include "ota/table.h"

struct ota_app {
    bool faulty;         /* its self-test will fail: image/sample.h */
    bool no_network;     /* likewise: every request of it fails */
    uint64_t build_time; /* unix seconds of its descriptor's date and time; 0: unreadable */
};
/* `image` lies at the start of partition `p`. */
OTA_MUST_USE enum ota_status ota_app_read(const struct ota_flash *flash, const struct ota_partition *p,
                                          const struct ota_image *image, struct ota_app *out, struct ota_err *err);

#endif
