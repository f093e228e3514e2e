/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partition tables: reader, writer, look-ups. Source: ESP-IDF esp_flash_partitions.h, flash_partitions.c,
 * gen_esp32part.py.
 */
#include "ota/table.h"

#include <string.h>

#define ROW 32u
#define MAGIC 0x50AAu
#define MAGIC_MD5 0xEBEBu
#define MD5_LEN 16u

static bool all_ff(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0xFF)
            return false;
    return true;
}

static void read_row(const uint8_t r[ROW], struct ota_partition *out) {
    out->type = r[2];
    out->subtype = r[3];
    out->offset = ota_le32(r + 4);
    out->size = ota_le32(r + 8);
    memcpy(out->label, r + 12, OTA_LABEL_MAX);
    out->label[OTA_LABEL_MAX] = '\0';
    out->flags = ota_le32(r + 28);
}

/* The MD5 row covers exactly the rows before it. */
static enum ota_status read_md5(const uint8_t *table, size_t at, const struct ota_crypto *crypto, struct ota_table *out,
                                struct ota_err *err) {
    uint8_t md5[MD5_LEN];
    if (out->has_md5)
        return ota_err_set(err, OTA_TABLE_FORMAT, "row %zu: a second MD5 row", at / ROW);
    OTA_TRY(crypto->md5(crypto->ctx, table, at, md5, err));
    out->has_md5 = true;
    out->md5_ok = memcmp(table + at + ROW - MD5_LEN, md5, MD5_LEN) == 0;
    return OTA_OK;
}

enum ota_status ota_table_read(struct ota_span bytes, const struct ota_crypto *crypto, struct ota_table *out,
                               struct ota_err *err) {
    memset(out, 0, sizeof *out);
    out->length = bytes.len;
    if (bytes.len > OTA_SECTOR)
        return ota_err_set(err, OTA_TABLE_FORMAT, "%zu bytes; a partition table has %u", bytes.len, OTA_TABLE_LENGTH);
    size_t end = bytes.len < OTA_TABLE_LENGTH ? bytes.len : OTA_TABLE_LENGTH;
    for (size_t at = 0; at < end && !out->has_end; at += ROW) {
        const uint8_t *row = bytes.p + at;
        if (end - at < ROW)
            return ota_err_set(err, OTA_TABLE_FORMAT, "row %zu: the table is cut off inside it", at / ROW);
        if (all_ff(row, ROW)) {
            out->has_end = true;
        } else if (ota_le16(row) == MAGIC_MD5) {
            OTA_TRY(read_md5(bytes.p, at, crypto, out, err));
        } else if (ota_le16(row) != MAGIC) {
            return ota_err_set(err, OTA_TABLE_FORMAT, "row %zu: begins with 0x%04x, not 0x50aa: not a partition table",
                               at / ROW, ota_le16(row));
        } else if (out->has_md5) {
            return ota_err_set(err, OTA_TABLE_FORMAT, "row %zu: stands behind the MD5 row, which does not protect it",
                               at / ROW);
        } else if (out->count == OTA_TABLE_ROWS_MAX) {
            return ota_err_set(err, OTA_TABLE_FORMAT, "more than %u partitions", OTA_TABLE_ROWS_MAX);
        } else {
            read_row(row, &out->row[out->count++]);
        }
    }
    if (out->count == 0)
        return ota_err_set(err, OTA_TABLE_FORMAT, "not a partition table: it has no rows");
    return OTA_OK;
}

static void write_row(const struct ota_partition *p, uint8_t r[ROW]) {
    memset(r, 0, ROW);
    ota_put_le16(r, MAGIC);
    r[2] = p->type;
    r[3] = p->subtype;
    ota_put_le32(r + 4, p->offset);
    ota_put_le32(r + 8, p->size);
    memcpy(r + 12, p->label, strlen(p->label));
    ota_put_le32(r + 28, p->flags);
}

enum ota_status ota_table_write(const struct ota_table *t, const struct ota_crypto *crypto,
                                uint8_t out[OTA_TABLE_LENGTH], struct ota_err *err) {
    if (t->count == 0 || t->count > OTA_TABLE_ROWS_WITH_MD5)
        return ota_err_set(err, OTA_ARGUMENT, "%zu partitions; a table holds 1 to %u", t->count,
                           OTA_TABLE_ROWS_WITH_MD5);
    memset(out, 0xFF, OTA_TABLE_LENGTH);
    for (size_t i = 0; i < t->count; i++)
        write_row(&t->row[i], out + i * ROW);
    uint8_t *md5_row = out + t->count * ROW;
    ota_put_le16(md5_row, MAGIC_MD5);
    return crypto->md5(crypto->ctx, out, t->count * ROW, md5_row + ROW - MD5_LEN, err);
}

const struct ota_partition *ota_table_by_label(const struct ota_table *t, const char *label) {
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->row[i].label, label) == 0)
            return &t->row[i];
    return NULL;
}

const struct ota_partition *ota_table_by_type(const struct ota_table *t, uint8_t type, uint8_t subtype) {
    for (size_t i = 0; i < t->count; i++)
        if (t->row[i].type == type && t->row[i].subtype == subtype)
            return &t->row[i];
    return NULL;
}

size_t ota_table_slot_count(const struct ota_table *t) {
    size_t n = 0;
    while (ota_table_slot(t, n))
        n++;
    return n;
}

const struct ota_partition *ota_table_slot(const struct ota_table *t, size_t index) {
    if (index > OTA_APP_OTA_15 - OTA_APP_OTA_0)
        return NULL;
    return ota_table_by_type(t, OTA_PART_APP, (uint8_t)(OTA_APP_OTA_0 + index));
}
