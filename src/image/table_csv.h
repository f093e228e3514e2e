/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partition tables as CSV: the grammar of ESP-IDF's gen_esp32part.py (6.0), so that the binary of a CSV that both take
 * is equal byte for byte. That grammar is wider than its documentation:
 *
 *   lines     UTF-8, or UTF-16 and UTF-32 by their byte order mark; '#' begins a comment only at the start of a line
 *   $NAME     and ${NAME} are replaced from the environment before a line is cut at its commas
 *   integers  Python's int(text, 0): 0x 0o 0b, single underscores, no leading zeros; then any number of suffixes K, M
 *   words     of types and subtypes in any case; an empty subtype is "undefined" (6), of an app it is an error
 *   offset    blank: behind the row before, rounded up to 64 KiB for apps, to 4 KiB for others
 *   size      -N: up to address N. Of a bootloader row always from its offset to the table's, of a partition_table row
 *             always one sector, whatever its cell says; so are the offsets of the rows primary and recovery
 *   flags     encrypted and readonly, ':' between them; what stands in a seventh column is ignored
 *
 * Refused here though it takes them: labels over 16 bytes (it cuts them silently); characters outside printable ASCII in
 * the columns behind the name, among them the digits of other scripts and a tab before K or M; variables that are not
 * set in any place of a line; words that end in K or M behind a number's meaning ("appk"); ends at 4 GiB or beyond; and
 * what could never be written (types over 255, sizes below 0). Quotes are part of a name, as there: a comma ends it all
 * the same, and ota_table_check() refuses the name.
 */
#ifndef OTA_IMAGE_TABLE_CSV_H
#define OTA_IMAGE_TABLE_CSV_H

#include "host/buf.h"
#include "ota/table.h"

#define OTA_TABLE_CSV_MAX (64u * 1024u)
#define OTA_TABLE_CSV_LINE_MAX 1024u /* with its variables replaced */
#define OTA_TABLE_EXTRA_MAX 64u

/* A subtype that a project adds: --extra-partition-subtypes of gen_esp32part.py. */
struct ota_table_subtype {
    uint8_t type, subtype;
    char name[OTA_NAME_MAX + 1]; /* lower case */
};
/* "app, name, 0x40". ARGUMENT, also for a value or name that the type has already. */
OTA_MUST_USE enum ota_status ota_table_subtype_read(const char *text, struct ota_table_subtype *out,
                                                    struct ota_err *err);

/* What a CSV does not say. */
struct ota_table_csv_rules {
    const char *name;      /* of the file, for messages */
    uint32_t table_offset; /* bytes from the start of the flash */
    bool bootloader_known, recovery_known;
    uint32_t bootloader_offset, recovery_offset;
    const struct ota_table_subtype *extra;
    size_t extra_count;
    const char *(*variable)(const char *name); /* NULL: there are none; returns NULL for one that is not set */
};
/* The table as it will be read back from the binary, and the line each row stands in. TABLE_FORMAT or TABLE_LAYOUT
 * with "<name>:<line>: " and the remedy. Of ota_table_check()'s rules only what placing the rows needs is checked. */
OTA_MUST_USE enum ota_status ota_table_csv_read(struct ota_span text, const struct ota_table_csv_rules *rules,
                                                struct ota_table *out, unsigned line[OTA_TABLE_ROWS_MAX],
                                                struct ota_err *err);
/* As gen_esp32part.py writes a binary's CSV. */
void ota_table_csv_write(const struct ota_table *t, struct ota_buf *out);

/* An address or size as the CSV has them: "0x8000", "32K". False when it is none. */
bool ota_table_csv_number(struct ota_span text, int64_t *out);

/* ---- its parts ----------------------------------------------------------------------------------------- */

/* Appends the text as UTF-8 with '\n' behind every line. TABLE_FORMAT: cut off inside a character. */
OTA_MUST_USE enum ota_status ota_table_csv_decode(struct ota_span text, struct ota_buf *out, struct ota_err *err);
/* One line with its variables replaced, appended to *out. TABLE_FORMAT. */
OTA_MUST_USE enum ota_status ota_table_csv_expand(struct ota_span line, const char *(*variable)(const char *name),
                                                  struct ota_buf *out, struct ota_err *err);
/* Without white space at either end. */
struct ota_span ota_table_csv_strip(struct ota_span text);
/* Number or word of the column Type or SubType, in any case. TABLE_FORMAT with the words there are. */
OTA_MUST_USE enum ota_status ota_table_csv_type(struct ota_span text, uint8_t *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_table_csv_subtype(struct ota_span text, uint8_t type,
                                                   const struct ota_table_csv_rules *rules, uint8_t *out,
                                                   struct ota_err *err);

#endif
