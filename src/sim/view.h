/* SPDX-License-Identifier: Apache-2.0 */
/* A board that is switched off, looked at: nothing of its file changes. For show and read. */
#ifndef OTA_SIM_VIEW_H
#define OTA_SIM_VIEW_H

#include "host/buf.h"
#include "image/identity.h"
#include "sim/board.h"
#include "sim/rom.h"
#include "sim/statekv.h"

struct ota_view {
    struct ota_virtual_board board;
    struct ota_err no_boot;    /* code OTA_OK: it would boot boot.app */
    struct ota_rom_boot boot;  /* what the next reset would do; `table` is there unless table_bad */
    struct ota_err table_bad;  /* code OTA_OK: the table could be read */
    struct ota_err id_missing; /* likewise */
    struct ota_id_record id;
    struct ota_board_record installed; /* empty when ota_state has none or cannot be read */
    struct ota_journal journal;
    struct ota_report_record report;
    struct ota_err state_bad; /* code OTA_OK: ota_state could be read */
};
/* Fails only when the file is no board; what is wrong inside of it is told in the fields. */
OTA_MUST_USE enum ota_status ota_view_open(struct ota_view *v, const char *path, struct ota_err *err);
void ota_view_close(struct ota_view *v);

/* A run of flash that has a name. `used`: bytes that mean something; 0: not known. */
struct ota_view_area {
    char label[OTA_LABEL_MAX + 1];
    uint32_t offset, size, used;
};
/* A label of the table, @bootloader, @partition-table, or @running (also @ota): the slot that boots. LABEL. */
OTA_MUST_USE enum ota_status ota_view_find(const struct ota_view *v, const char *label, struct ota_view_area *out,
                                           struct ota_err *err);
/* The area of a row of the table. */
struct ota_view_area ota_view_row(const struct ota_view *v, const struct ota_partition *p);
/* Appends the first `length` bytes to *out. */
OTA_MUST_USE enum ota_status ota_view_bytes(const struct ota_view *v, const struct ota_view_area *area, uint32_t length,
                                            struct ota_buf *out, struct ota_err *err);

#endif
