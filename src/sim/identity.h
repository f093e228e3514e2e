/* SPDX-License-Identifier: Apache-2.0 */
/* Who a board is: NVS partition `ota_id`, namespace "ota", written once by provisioning. */
#ifndef OTA_SIM_IDENTITY_H
#define OTA_SIM_IDENTITY_H

#include "host/buf.h"
#include "ota/ports.h"

/* Owned; NULL or empty for what is not there. `token` is a secret: never shown. */
struct ota_id_record {
    char *id, *product, *channel, *groups;
    char *url_meta, *url_targets, *url_api, *token;
    struct ota_buf root, ca;
};
void ota_id_record_free(struct ota_id_record *r);

/* The partition's bytes, `size` of them (a multiple of 4096), appended to *out. */
OTA_MUST_USE enum ota_status ota_id_record_write(const struct ota_id_record *r, uint32_t size, struct ota_buf *out,
                                                 struct ota_err *err);
/* JOURNAL when damaged; CONFIG when id, product, channel, root or an URL is missing. Free it also after an error. */
OTA_MUST_USE enum ota_status ota_id_record_read(const struct ota_flash *flash, uint32_t offset, uint32_t size,
                                                struct ota_id_record *out, struct ota_err *err);

#endif
