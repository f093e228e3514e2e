/* SPDX-License-Identifier: Apache-2.0 */
/* Until when the application put updates off, in bytes and back. */
#include <string.h>

#include "ota/journal.h"

#include "core/record.h"

#define DEFER_VERSION 1u

static const char WHAT[] = "defer";

enum ota_status ota_defer_encode(const struct ota_defer_record *r, uint8_t *out, size_t cap, size_t *len,
                                 struct ota_err *err) {
    struct ota_writer w;
    ota_record_begin(&w, out, cap, DEFER_VERSION);
    ota_write_u64(&w, r->until);
    return ota_record_end(&w, WHAT, len, err);
}

enum ota_status ota_defer_decode(struct ota_span in, struct ota_defer_record *r, struct ota_err *err) {
    struct ota_reader rd;
    memset(r, 0, sizeof *r);
    OTA_TRY(ota_record_open(in, DEFER_VERSION, WHAT, &rd, err));
    r->until = ota_read_u64(&rd);
    return ota_record_close(&rd, true, WHAT, err);
}
