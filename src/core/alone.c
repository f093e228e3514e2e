/* SPDX-License-Identifier: Apache-2.0 */
/* An app that was confirmed without a server, in bytes and back. */
#include <string.h>

#include "ota/journal.h"

#include "core/record.h"

#define ALONE_VERSION 1u

static const char WHAT[] = "alone";

enum ota_status ota_alone_encode(const struct ota_alone_record *r, uint8_t *out, size_t cap, size_t *len,
                                 struct ota_err *err) {
    struct ota_writer w;
    ota_record_begin(&w, out, cap, ALONE_VERSION);
    ota_write_u32(&w, r->old_app_offset);
    ota_write_u8(&w, r->looks);
    ota_write_u64(&w, r->since);
    return ota_record_end(&w, WHAT, len, err);
}

enum ota_status ota_alone_decode(struct ota_span in, struct ota_alone_record *r, struct ota_err *err) {
    struct ota_reader rd;
    memset(r, 0, sizeof *r);
    OTA_TRY(ota_record_open(in, ALONE_VERSION, WHAT, &rd, err));
    r->old_app_offset = ota_read_u32(&rd);
    r->looks = ota_read_u8(&rd);
    r->since = ota_read_u64(&rd);
    return ota_record_close(&rd, true, WHAT, err);
}
