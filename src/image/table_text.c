/* SPDX-License-Identifier: Apache-2.0 */
/* A partition table as JSON and in columns. */
#include "image/table_text.h"

#include "host/json_tree.h"
#include "host/printable.h"

void ota_table_add_json(cJSON *object, const struct ota_table *t) {
    cJSON_AddBoolToObject(object, "has_md5", t->has_md5);
    cJSON_AddBoolToObject(object, "md5_valid", t->md5_ok);
    cJSON_AddBoolToObject(object, "has_end", t->has_end);
    cJSON *rows = cJSON_AddArrayToObject(object, "rows");
    for (size_t n = 0; n < t->count; n++) {
        const struct ota_partition *p = &t->row[n];
        char type[8], subtype[8];
        OTA_CLEAN_FREE char *label = ota_strdup(p->label);
        if (!ota_utf8_valid(ota_span_str(label)))
            for (char *c = label; *c; c++)
                if ((unsigned char)*c >= 0x80)
                    *c = '?';
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "label", label);
        cJSON_AddStringToObject(row, "type", ota_partition_type_name(p, type));
        cJSON_AddStringToObject(row, "subtype", ota_partition_subtype_name(p, subtype));
        cJSON_AddNumberToObject(row, "offset", p->offset);
        cJSON_AddNumberToObject(row, "size", p->size);
        cJSON_AddBoolToObject(row, "encrypted", (p->flags & OTA_FLAG_ENCRYPTED) != 0);
        cJSON_AddBoolToObject(row, "readonly", (p->flags & OTA_FLAG_READONLY) != 0);
        cJSON_AddItemToArray(rows, row);
    }
}

/* "1700K", "1M", else in hexadecimal. */
static const char *size_text(uint64_t size, char out[24]) {
    if (size && size % 0x100000u == 0)
        ota_format(out, 24, "%lluM", (unsigned long long)(size / 0x100000u));
    else if (size && size % 0x400u == 0)
        ota_format(out, 24, "%lluK", (unsigned long long)(size / 0x400u));
    else
        ota_format(out, 24, "0x%llx", (unsigned long long)size);
    return out;
}

static void put_row(struct ota_buf *out, const char *label, const char *type, const char *subtype, uint64_t from,
                    uint64_t to, const char *flags) {
    char size[24];
    ota_buf_printf(out, "%-16s  %-15s %-10s 0x%06llx  0x%06llx  %7s%s%s\n", label, type, subtype,
                   (unsigned long long)from, (unsigned long long)to, size_text(to - from, size), flags[0] ? "  " : "",
                   flags);
}

static void put_partition(struct ota_buf *out, const struct ota_partition *p) {
    static const char *const flags[4] = {"", "encrypted", "readonly", "encrypted:readonly"};
    char type[8], subtype[8];
    OTA_CLEAN_FREE char *label = ota_strdup(p->label);
    (void)ota_printable_clean(label);
    put_row(out, label, ota_partition_type_name(p, type), ota_partition_subtype_name(p, subtype), p->offset,
            (uint64_t)p->offset + p->size, flags[p->flags & 3u]);
}

void ota_table_text(const struct ota_table *t, uint32_t table_offset, uint32_t flash_size, struct ota_buf *out) {
    uint64_t end = (uint64_t)table_offset + OTA_SECTOR;
    ota_buf_printf(out, "%-16s  %-15s %-10s %-8s  %-8s  %7s  %s\n", "LABEL", "TYPE", "SUBTYPE", "OFFSET", "END", "SIZE",
                   "FLAGS");
    for (size_t n = 0; n < t->count; n++) {
        const struct ota_partition *p = &t->row[n];
        if (p->offset >= end + OTA_SECTOR)
            put_row(out, "(free)", "", "", end, p->offset, "");
        put_partition(out, p);
        if ((uint64_t)p->offset + p->size > end)
            end = (uint64_t)p->offset + p->size;
    }
    if (flash_size >= end + OTA_SECTOR)
        put_row(out, "(free)", "", "", end, flash_size, "");
}
