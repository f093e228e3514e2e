/* SPDX-License-Identifier: Apache-2.0 */
/* How boards are shown by `device list` and `fleet list`: one table, one JSON form. */
#ifndef OTA_CTL_FLEET_VIEW_H
#define OTA_CTL_FLEET_VIEW_H

#include "ctl/cmd.h"
#include "store/fleet.h"

/* state/fleet.db of the workspace. */
OTA_MUST_USE enum ota_status ota_ctl_fleet(const struct ota_workspace *w, struct ota_fleet **out, struct ota_err *err);

/* "now", "5 min ago", "3 h ago", "12 d ago"; "never" for 0. */
void ota_ctl_age(uint64_t then, uint64_t now, char out[24]);

/* Prints every board (product NULL: of all products): text() for each in a table under `heading`, or
 * {"devices":[json()...]}. */
struct ota_fleet_view {
    const char *heading;
    const char *empty; /* said when there is no board */
    void (*text)(const struct ota_fleet_device *d, uint64_t now);
    cJSON *(*json)(const struct ota_fleet_device *d);
};
OTA_MUST_USE enum ota_status ota_ctl_fleet_show(const struct ota_args *args, const struct ota_fleet_view *view,
                                                struct ota_err *err);

#endif
