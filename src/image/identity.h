/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a board is: NVS partition `ota_id`, namespace "ota", written once by provisioning.
 *
 *   strings id product channel groups url_meta url_targets url_api token; blobs root ca crt key
 */
#ifndef OTA_IMAGE_IDENTITY_H
#define OTA_IMAGE_IDENTITY_H

#include "host/id_record.h"
#include "ota/ports.h"

/* The partition's bytes, `size` of them (a multiple of 4096), appended to *out. */
OTA_MUST_USE enum ota_status ota_id_record_write(const struct ota_id_record *r, uint32_t size, struct ota_buf *out,
                                                 struct ota_err *err);
/* JOURNAL when damaged; CONFIG when id, product, channel, root or an URL is missing. Free it also after an error. */
OTA_MUST_USE enum ota_status ota_id_record_read(const struct ota_flash *flash, uint32_t offset, uint32_t size,
                                                struct ota_id_record *out, struct ota_err *err);
/* The same of the partition's bytes. */
OTA_MUST_USE enum ota_status ota_id_record_parse(struct ota_span image, struct ota_id_record *out, struct ota_err *err);

#endif
