/* SPDX-License-Identifier: Apache-2.0 */
/* How often a release failed on this board, in bytes and back. */
#include <string.h>

#include "ota/journal.h"

#include "core/record.h"

#define TRIES_VERSION 1u

static const char WHAT[] = "tries";

enum ota_status ota_tries_encode(const struct ota_tries_record *r, uint8_t *out, size_t cap, size_t *len,
                                 struct ota_err *err) {
    struct ota_writer w;
    ota_record_begin(&w, out, cap, TRIES_VERSION);
    ota_write_u32(&w, r->counter);
    ota_write_u8(&w, r->failed);
    ota_write_u8(&w, r->copies);
    return ota_record_end(&w, WHAT, len, err);
}

enum ota_status ota_tries_decode(struct ota_span in, struct ota_tries_record *r, struct ota_err *err) {
    struct ota_reader rd;
    memset(r, 0, sizeof *r);
    OTA_TRY(ota_record_open(in, TRIES_VERSION, WHAT, &rd, err));
    r->counter = ota_read_u32(&rd);
    r->failed = ota_read_u8(&rd);
    r->copies = ota_read_u8(&rd);
    return ota_record_close(&rd, r->failed <= OTA_TRIES_MAX && r->copies <= OTA_COPY_TRIES_MAX, WHAT, err);
}
