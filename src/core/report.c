/* SPDX-License-Identifier: Apache-2.0 */
/* What the board has to tell, in bytes and back. */
#include <string.h>

#include "ota/journal.h"

#include "core/record.h"

#define REPORT_VERSION 1u

static const char WHAT[] = "report";

static const char *const result_names[] = {
    [OTA_RESULT_NONE] = "none",
    [OTA_RESULT_INSTALLED] = "installed",
    [OTA_RESULT_ROLLED_BACK] = "rolled-back",
    [OTA_RESULT_FAILED] = "failed",
};

const char *ota_result_name(enum ota_result r) {
    return (unsigned)r < OTA_ARRAY_LEN(result_names) ? result_names[r] : "unknown";
}

enum ota_status ota_report_encode(const struct ota_report_record *r, uint8_t *out, size_t cap, size_t *len,
                                  struct ota_err *err) {
    struct ota_writer w;
    ota_record_begin(&w, out, cap, REPORT_VERSION);
    ota_write_bytes(&w, r->stream, sizeof r->stream);
    ota_write_u32(&w, r->number);
    ota_write_u8(&w, r->pending);
    ota_write_u8(&w, (uint8_t)r->result);
    ota_write_u32(&w, r->counter);
    ota_write_str(&w, r->stage);
    ota_write_str(&w, r->code);
    ota_write_str(&w, r->message);
    ota_write_str(&w, r->label);
    return ota_record_end(&w, WHAT, len, err);
}

enum ota_status ota_report_decode(struct ota_span in, struct ota_report_record *r, struct ota_err *err) {
    struct ota_reader rd;
    memset(r, 0, sizeof *r);
    OTA_TRY(ota_record_open(in, REPORT_VERSION, WHAT, &rd, err));
    ota_read_bytes(&rd, r->stream, sizeof r->stream);
    r->number = ota_read_u32(&rd);
    uint8_t pending = ota_read_u8(&rd);
    uint8_t result = ota_read_u8(&rd);
    r->pending = pending != 0;
    r->result = (enum ota_result)result;
    r->counter = ota_read_u32(&rd);
    ota_read_str(&rd, r->stage, sizeof r->stage);
    ota_read_str(&rd, r->code, sizeof r->code);
    ota_read_str(&rd, r->message, sizeof r->message);
    ota_read_str(&rd, r->label, sizeof r->label);
    return ota_record_close(&rd, pending <= 1 && result < OTA_ARRAY_LEN(result_names), WHAT, err);
}
