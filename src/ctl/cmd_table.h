/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs "table" share: a table from a CSV, from its binary or from a whole flash image. */
#ifndef OTA_CTL_CMD_TABLE_H
#define OTA_CTL_CMD_TABLE_H

#include "ctl/cmd.h"
#include "image/table_csv.h"
#include "ota/image.h"

enum ota_table_form { OTA_TABLE_CSV, OTA_TABLE_BINARY, OTA_TABLE_FLASH };

struct ota_table_file {
    const char *path;
    enum ota_table_form form;
    uint32_t offset;             /* of the table in the flash */
    uint32_t flash_size;         /* 0: not told */
    uint32_t flash_found;        /* what the flash image says of its size, to be shown; 0: nothing */
    const struct ota_chip *chip; /* NULL: not told */
    bool secure_v1;              /* app slots must be whole 64 KiB */
    struct ota_table table;
    unsigned line[OTA_TABLE_ROWS_MAX]; /* CSV: where each row stands */
    struct ota_table_subtype extra[OTA_TABLE_EXTRA_MAX];
};

/* Reads an operand by the options that the verbs have in common. */
OTA_MUST_USE enum ota_status ota_ctl_table_open(const struct ota_args *args, size_t operand, struct ota_table_file *out,
                                                struct ota_err *err);
/* The table in `path`, as its default options have it, for a chip that may be NULL. */
OTA_MUST_USE enum ota_status ota_ctl_table_read(const char *path, const struct ota_chip *chip,
                                                struct ota_table_file *out, struct ota_err *err);
/* The same of a table that lies at `offset`; 0: not told. Rows of a CSV without a place follow it. */
OTA_MUST_USE enum ota_status ota_ctl_table_read_at(const char *path, const struct ota_chip *chip, uint32_t offset,
                                                   struct ota_table_file *out, struct ota_err *err);
/* Notes on stderr, a line each. */
void ota_ctl_table_notes(const struct ota_buf *remarks);
/* ota_table_check(), --secure and --chip; the message names file and line. */
OTA_MUST_USE enum ota_status ota_ctl_table_check(const struct ota_table_file *f, struct ota_err *err);
/* Names the file in a message of ota_table_check(), and in a CSV line, column and remedy. Returns the code. */
enum ota_status ota_ctl_table_fault(const struct ota_table_file *f, struct ota_err *err);
/* Option of an address: absent leaves *out. USAGE. */
OTA_MUST_USE enum ota_status ota_ctl_address(const struct ota_args *args, const char *option, uint32_t *out,
                                             struct ota_err *err);

#endif
