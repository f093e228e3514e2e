/* SPDX-License-Identifier: Apache-2.0 */
/* What is installed on the board, in bytes and back. */
#include <string.h>

#include "ota/journal.h"

#include "core/record.h"

static const char WHAT[] = "board";

static void write_installed(struct ota_writer *w, const struct ota_installed *i) {
    ota_write_str(w, i->label);
    ota_write_u32(w, i->counter);
    ota_write_u32(w, i->offset);
    ota_write_u32(w, i->size);
    ota_write_u32(w, i->length);
    ota_write_bytes(w, i->sha256, sizeof i->sha256);
}

static void read_installed(struct ota_reader *r, struct ota_installed *i) {
    ota_read_str(r, i->label, sizeof i->label);
    i->counter = ota_read_u32(r);
    i->offset = ota_read_u32(r);
    i->size = ota_read_u32(r);
    i->length = ota_read_u32(r);
    ota_read_bytes(r, i->sha256, sizeof i->sha256);
}

enum ota_status ota_board_encode(const struct ota_board_record *b, uint8_t *out, size_t cap, size_t *len,
                                 struct ota_err *err) {
    const uint8_t format = b->format ? b->format : OTA_BOARD_VERSION;
    struct ota_writer w;
    ota_record_begin(&w, out, cap, format);
    ota_write_u32(&w, b->counter);
    ota_write_str(&w, b->version);
    ota_write_u32(&w, b->failed_counter);
    if (format > 1)
        ota_write_u32(&w, b->app_offset);
    ota_write_u8(&w, b->count);
    for (size_t i = 0; i < b->count && i < OTA_BOARD_LABELS_MAX; i++)
        write_installed(&w, &b->installed[i]);
    return ota_record_end(&w, WHAT, len, err);
}

enum ota_status ota_board_decode(struct ota_span in, struct ota_board_record *b, struct ota_err *err) {
    struct ota_reader r;
    memset(b, 0, sizeof *b);
    OTA_TRY(ota_record_open(in, in.len && in.p[0] == 1 ? 1 : OTA_BOARD_VERSION, WHAT, &r, err));
    b->format = in.p[0];
    b->counter = ota_read_u32(&r);
    ota_read_str(&r, b->version, sizeof b->version);
    b->failed_counter = ota_read_u32(&r);
    if (b->format > 1)
        b->app_offset = ota_read_u32(&r);
    b->count = ota_read_u8(&r);
    bool sane = b->count <= OTA_BOARD_LABELS_MAX && b->counter <= OTA_COUNTER_MAX;
    for (size_t i = 0; sane && i < b->count; i++)
        read_installed(&r, &b->installed[i]);
    return ota_record_close(&r, sane, WHAT, err);
}
