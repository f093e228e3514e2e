/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope of every record the agent keeps in the key-value store.
 *
 *   u8 format version | fields, little-endian | u32 CRC-32 (crc-0) of all before it
 */
#ifndef OTA_RECORD_H
#define OTA_RECORD_H

#include "ota/bytes.h"
#include "ota/err.h"

void ota_record_begin(struct ota_writer *w, uint8_t *out, size_t cap, uint8_t version);
/* Adds the CRC; INTERNAL when the record did not fit. */
OTA_MUST_USE enum ota_status ota_record_end(struct ota_writer *w, const char *what, size_t *len, struct ota_err *err);
/* Checks CRC and version, leaves *r at the first field. JOURNAL otherwise. */
OTA_MUST_USE enum ota_status ota_record_open(struct ota_span in, uint8_t version, const char *what,
                                             struct ota_reader *r, struct ota_err *err);
/* JOURNAL unless every field was there, each was in range (`sane`) and nothing is left over. */
OTA_MUST_USE enum ota_status ota_record_close(const struct ota_reader *r, bool sane, const char *what,
                                              struct ota_err *err);

#endif
