/* SPDX-License-Identifier: Apache-2.0 */
/* What the board remembers of its server, in bytes and back. */
#include <string.h>

#include "ota/journal.h"

#include "core/record.h"

#define SERVER_VERSION 1u

static const char WHAT[] = "server";

enum ota_status ota_server_encode(const struct ota_server_record *r, uint8_t *out, size_t cap, size_t *len,
                                  struct ota_err *err) {
    struct ota_writer w;
    ota_record_begin(&w, out, cap, SERVER_VERSION);
    ota_write_u8(&w, r->unproven);
    return ota_record_end(&w, WHAT, len, err);
}

enum ota_status ota_server_decode(struct ota_span in, struct ota_server_record *r, struct ota_err *err) {
    struct ota_reader rd;
    memset(r, 0, sizeof *r);
    OTA_TRY(ota_record_open(in, SERVER_VERSION, WHAT, &rd, err));
    r->unproven = ota_read_u8(&rd);
    return ota_record_close(&rd, r->unproven <= OTA_UNPROVEN_POLLS, WHAT, err);
}
