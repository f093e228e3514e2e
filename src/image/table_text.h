/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A partition table for people and for programs.
 *
 * JSON: has_md5, md5_valid, has_end, rows[{label, type, subtype, offset, size, encrypted, readonly}]
 */
#ifndef OTA_IMAGE_TABLE_TEXT_H
#define OTA_IMAGE_TABLE_TEXT_H

#include <cjson/cJSON.h>

#include "host/buf.h"
#include "ota/table.h"

/* Adds the members to an object. Labels may be hostile: what is not UTF-8 becomes '?'. */
void ota_table_add_json(cJSON *object, const struct ota_table *t);
/* Aligned columns with a heading; free room of a sector and more behind the table is shown as "(free)", up to
 * `flash_size` when it is not 0. */
void ota_table_text(const struct ota_table *t, uint32_t table_offset, uint32_t flash_size, struct ota_buf *out);

#endif
