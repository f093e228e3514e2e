/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a partition table's CSV, and where they come to lie. Source: ESP-IDF gen_esp32part.py. */
#include "image/table_csv.h"

#include <string.h>

#include "host/err_place.h"
#include "host/json_tree.h"

#define APP_ALIGN 0x10000u

enum { NAME, TYPE, SUBTYPE, OFFSET, SIZE, FLAGS, COLUMNS };
static const char *const columns[COLUMNS] = {"Name", "Type", "SubType", "Offset", "Size", "Flags"};

/* A row before it has its place. */
struct row {
    struct ota_partition p;
    bool offset_blank;
    int64_t offset, size; /* size below 0: up to that address */
};

struct reading {
    const struct ota_table_csv_rules *rules;
    struct ota_table *table;
    unsigned *line;
    uint64_t end; /* of the row before */
};

static bool is_primary(const struct ota_partition *p) {
    return (p->type == OTA_PART_BOOTLOADER || p->type == OTA_PART_TABLE) && p->subtype == OTA_BOOT_PRIMARY;
}

/* ---- cells --------------------------------------------------------------------------------------------- */

static enum ota_status check_cell(struct ota_span cell, unsigned column, struct ota_err *err) {
    for (size_t i = 0; i < cell.len; i++)
        if (cell.p[i] < 0x20 || (cell.p[i] > 0x7E && column != NAME))
            return ota_err_set(err, OTA_TABLE_FORMAT,
                               "byte %zu of the column %s is no printable ASCII character; type it again", i + 1,
                               columns[column]);
    return OTA_OK;
}

static enum ota_status cut(struct ota_span line, struct ota_span cell[COLUMNS], struct ota_err *err) {
    if (!memchr(line.p, ',', line.len) && memchr(line.p, ';', line.len))
        return ota_err_set(err, OTA_TABLE_FORMAT,
                           "no comma in it, but semicolons: columns are separated by commas; save the file so");
    for (unsigned c = 0; c < COLUMNS; c++) {
        const uint8_t *comma = line.len ? memchr(line.p, ',', line.len) : NULL;
        struct ota_span text = {line.p, comma ? (size_t)(comma - line.p) : line.len};
        size_t used = text.len + (comma ? 1 : 0);
        cell[c] = ota_table_csv_strip(text);
        OTA_TRY(check_cell(cell[c], c, err));
        line.p += used;
        line.len -= used;
    }
    return OTA_OK;
}

/* Names that are not ASCII are left to ota_table_check(), which refuses them. */
static enum ota_status read_label(struct ota_span cell, struct ota_partition *p, struct ota_err *err) {
    if (!ota_utf8_valid(cell))
        return ota_err_set(err, OTA_TABLE_FORMAT, "the name is not UTF-8; save the file as UTF-8");
    if (!ota_span_copy(cell, p->label, sizeof p->label))
        return ota_err_set(err, OTA_TABLE_FORMAT, "the name \"%.*s\" has %zu bytes; a label has at most %u, shorten it",
                           (int)(cell.len < 40 ? cell.len : 40), (const char *)cell.p, cell.len, OTA_LABEL_MAX);
    return OTA_OK;
}

static enum ota_status read_number(struct ota_span cell, unsigned column, int64_t *out, struct ota_err *err) {
    if (!ota_table_csv_number(cell, out))
        return ota_err_set(err, OTA_TABLE_FORMAT, "%s \"%.*s\" is no number; write it as 0x10000, 65536 or 64K%s",
                           columns[column], (int)(cell.len < 32 ? cell.len : 32), (const char *)cell.p,
                           column == OFFSET ? ", or leave it empty" : "");
    if (*out > UINT32_MAX || *out < -(int64_t)UINT32_MAX || (column == OFFSET && *out < 0))
        return ota_err_set(err, OTA_TABLE_FORMAT, "%s \"%.*s\" is beyond 32 bits", columns[column],
                           (int)(cell.len < 32 ? cell.len : 32), (const char *)cell.p);
    return OTA_OK;
}

/* Offsets that the build knows better than the CSV, which may have anything in that cell. */
static enum ota_status read_offset(struct ota_span cell, const struct ota_table_csv_rules *r, struct row *row,
                                   struct ota_err *err) {
    const struct ota_partition *p = &row->p;
    if (p->type == OTA_PART_TABLE && p->subtype == OTA_BOOT_PRIMARY) {
        row->offset = r->table_offset;
    } else if (p->type == OTA_PART_BOOTLOADER && p->subtype == OTA_BOOT_PRIMARY) {
        row->offset = r->bootloader_offset;
    } else if (p->type == OTA_PART_BOOTLOADER && p->subtype == OTA_BOOT_RECOVERY) {
        if (!r->recovery_known)
            return ota_err_set(err, OTA_TABLE_FORMAT,
                               "where the recovery bootloader lies is not in a CSV; add "
                               "--recovery-bootloader-offset ADDRESS");
        row->offset = r->recovery_offset;
    } else if (cell.len == 0) {
        row->offset_blank = true;
    } else {
        return read_number(cell, OFFSET, &row->offset, err);
    }
    return OTA_OK;
}

static enum ota_status read_size(struct ota_span cell, const struct ota_table_csv_rules *r, struct row *row,
                                 struct ota_err *err) {
    if (row->p.type == OTA_PART_BOOTLOADER) {
        if (!r->bootloader_known)
            return ota_err_set(err, OTA_TABLE_FORMAT,
                               "where the bootloader lies is not in a CSV; add --chip CHIP, or "
                               "--primary-bootloader-offset ADDRESS");
        row->size = (int64_t)r->table_offset - r->bootloader_offset;
        if (row->size <= 0)
            return ota_err_set(err, OTA_TABLE_LAYOUT, "the bootloader at 0x%x must lie below the table at 0x%x",
                               (unsigned)r->bootloader_offset, (unsigned)r->table_offset);
        return OTA_OK;
    }
    if (row->p.type == OTA_PART_TABLE) {
        row->size = OTA_SECTOR;
        return OTA_OK;
    }
    if (cell.len == 0)
        return ota_err_set(err, OTA_TABLE_FORMAT, "the column Size is empty; write a size such as 64K");
    return read_number(cell, SIZE, &row->size, err);
}

static enum ota_status read_flags(struct ota_span cell, struct ota_partition *p, struct ota_err *err) {
    while (cell.len) {
        const uint8_t *colon = memchr(cell.p, ':', cell.len);
        struct ota_span flag = {cell.p, colon ? (size_t)(colon - cell.p) : cell.len};
        size_t used = flag.len + (colon ? 1 : 0);
        if (ota_span_equal_str(flag, "encrypted"))
            p->flags |= OTA_FLAG_ENCRYPTED;
        else if (ota_span_equal_str(flag, "readonly"))
            p->flags |= OTA_FLAG_READONLY;
        else if (flag.len && flag.p[0] == '#')
            return ota_err_set(err, OTA_TABLE_FORMAT, "a comment has a line of its own; move it above this row");
        else if (flag.len)
            return ota_err_set(err, OTA_TABLE_FORMAT, "Flags \"%.*s\" is not encrypted, readonly or encrypted:readonly",
                               (int)(flag.len < 32 ? flag.len : 32), (const char *)flag.p);
        cell.p += used;
        cell.len -= used;
    }
    return OTA_OK;
}

static enum ota_status read_row(struct ota_span line, const struct ota_table_csv_rules *rules, struct row *row,
                                struct ota_err *err) {
    struct ota_span cell[COLUMNS];
    OTA_TRY(cut(line, cell, err));
    OTA_TRY(read_label(cell[NAME], &row->p, err));
    OTA_TRY(ota_table_csv_type(cell[TYPE], &row->p.type, err));
    OTA_TRY(ota_table_csv_subtype(cell[SUBTYPE], row->p.type, rules, &row->p.subtype, err));
    OTA_TRY(read_size(cell[SIZE], rules, row, err));
    OTA_TRY(read_offset(cell[OFFSET], rules, row, err));
    return read_flags(cell[FLAGS], &row->p, err);
}

/* ---- places -------------------------------------------------------------------------------------------- */

static enum ota_status place(struct reading *r, struct row *row, struct ota_err *err) {
    uint64_t align = row->p.type == OTA_PART_APP ? APP_ALIGN : OTA_SECTOR;
    if (!is_primary(&row->p)) {
        if (row->offset_blank)
            row->offset = (int64_t)((r->end + align - 1) / align * align);
        else if ((uint64_t)row->offset < r->end)
            return ota_err_set(err, OTA_TABLE_LAYOUT,
                               "offset 0x%llx lies before 0x%llx, where %s ends; leave the column Offset empty, or "
                               "write 0x%llx",
                               (unsigned long long)row->offset, (unsigned long long)r->end,
                               r->table->count ? "the row above" : "the sector of the table",
                               (unsigned long long)((r->end + align - 1) / align * align));
        if (row->size < 0)
            row->size = -row->size - row->offset;
        if (row->size < 0)
            return ota_err_set(err, OTA_TABLE_LAYOUT, "its size ends it below its offset 0x%llx",
                               (unsigned long long)row->offset);
        r->end = (uint64_t)row->offset + (uint64_t)row->size;
        if (r->end > UINT32_MAX)
            return ota_err_set(err, OTA_TABLE_LAYOUT, "ends at 0x%llx, beyond every flash", (unsigned long long)r->end);
    }
    row->p.offset = (uint32_t)row->offset;
    row->p.size = (uint32_t)row->size;
    return OTA_OK;
}

static enum ota_status take_line(struct reading *r, struct ota_span text, unsigned number, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf line = {0};
    struct row row = {0};
    text = ota_table_csv_strip(text);
    if (text.len == 0 || text.p[0] == '#')
        return OTA_OK;
    OTA_TRY(ota_table_csv_expand(text, r->rules->variable, &line, err));
    text = ota_table_csv_strip(ota_buf_span(&line));
    if (text.len == 0 || text.p[0] == '#')
        return OTA_OK;
    if (r->table->count == OTA_TABLE_ROWS_WITH_MD5)
        return ota_err_set(err, OTA_TABLE_FORMAT, "a table holds %u partitions; this is one more",
                           OTA_TABLE_ROWS_WITH_MD5);
    OTA_TRY(read_row(text, r->rules, &row, err));
    OTA_TRY(place(r, &row, err));
    r->line[r->table->count] = number;
    r->table->row[r->table->count++] = row.p;
    return OTA_OK;
}

static enum ota_status take_lines(struct reading *r, struct ota_span text, struct ota_err *err) {
    for (unsigned number = 1; text.len; number++) {
        const uint8_t *end = memchr(text.p, '\n', text.len);
        struct ota_span line = {text.p, end ? (size_t)(end - text.p) : text.len};
        size_t used = line.len + (end ? 1 : 0);
        if (take_line(r, line, number, err) != OTA_OK)
            return ota_err_place(err, r->rules->name, number);
        text.p += used;
        text.len -= used;
    }
    if (r->table->count == 0)
        return ota_err_set(err, OTA_TABLE_FORMAT, "%s: no row; one is: factory, app, factory, , 1M", r->rules->name);
    return OTA_OK;
}

enum ota_status ota_table_csv_read(struct ota_span text, const struct ota_table_csv_rules *rules, struct ota_table *out,
                                   unsigned line[OTA_TABLE_ROWS_MAX], struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf lines = {0};
    memset(out, 0, sizeof *out);
    if (text.len > OTA_TABLE_CSV_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "%s: %zu bytes; a table's CSV has at most %u", rules->name, text.len,
                           OTA_TABLE_CSV_MAX);
    if (ota_table_csv_decode(text, &lines, err) != OTA_OK)
        return ota_err_place(err, rules->name, 0);
    struct reading r = {rules, out, line, (uint64_t)rules->table_offset + OTA_SECTOR};
    OTA_TRY(take_lines(&r, ota_buf_span(&lines), err));
    out->length = OTA_TABLE_LENGTH;
    out->has_md5 = out->md5_ok = out->has_end = true;
    return OTA_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static void put_word(struct ota_buf *out, const char *name, uint8_t value) {
    if (strncmp(name, "0x", 2) == 0)
        ota_buf_printf(out, "%u,", value);
    else
        ota_buf_printf(out, "%s,", name);
}

static void put_size(struct ota_buf *out, uint32_t size) {
    if (size % 0x100000u == 0)
        ota_buf_printf(out, "%uM,", size / 0x100000u);
    else if (size % 0x400u == 0)
        ota_buf_printf(out, "%uK,", size / 0x400u);
    else
        ota_buf_printf(out, "0x%x,", size);
}

void ota_table_csv_write(const struct ota_table *t, struct ota_buf *out) {
    ota_buf_str(out, "# ESP-IDF Partition Table\n# Name, Type, SubType, Offset, Size, Flags\n");
    for (size_t i = 0; i < t->count; i++) {
        const struct ota_partition *p = &t->row[i];
        char buf[8];
        const bool encrypted = (p->flags & OTA_FLAG_ENCRYPTED) != 0, readonly = (p->flags & OTA_FLAG_READONLY) != 0;
        ota_buf_printf(out, "%s,", p->label);
        put_word(out, ota_partition_type_name(p, buf), p->type);
        put_word(out, ota_partition_subtype_name(p, buf), p->subtype);
        ota_buf_printf(out, "0x%x,", p->offset);
        put_size(out, p->size);
        ota_buf_printf(out, "%s%s%s\n", encrypted ? "encrypted" : "", encrypted && readonly ? ":" : "",
                       readonly ? "readonly" : "");
    }
}
