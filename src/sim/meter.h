/* SPDX-License-Identifier: Apache-2.0 */
/* A transport that counts what passes through it, and that is dead while the board's power is off. */
#ifndef OTA_SIM_METER_H
#define OTA_SIM_METER_H

#include "ota/ports.h"

#define OTA_METER_STATUSES_MAX 12u

struct ota_meter {
    const struct ota_transport *inner;
    const bool *off; /* power is off */
    unsigned requests;
    unsigned unanswered; /* of them: no connection, or it broke before the answer */
    size_t status_count;
    struct {
        int status;
        unsigned count;
    } status[OTA_METER_STATUSES_MAX]; /* in order of appearance; one that finds no room is not listed */
    uint64_t image_bytes;             /* of bodies from the targets address */
    bool image;
    struct ota_transport port;
};
/* The counts go on over several boots: only `inner` changes. */
void ota_meter_init(struct ota_meter *m, const bool *off);
void ota_meter_connect(struct ota_meter *m, const struct ota_transport *inner);
/* "3 requests (2 x 200, 404), 1024 bytes of images" */
void ota_meter_format(const struct ota_meter *m, char *out, size_t cap);

#endif
