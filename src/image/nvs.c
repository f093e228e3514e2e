/* SPDX-License-Identifier: Apache-2.0 */
/* NVS reader: walks pages by sequence number and checks every CRC. */
#include "image/nvs.h"

#include <string.h>

#define BLANK UINT32_MAX
#define VERSION_2 0xFE
#define VERSION_1 0xFF

enum entry_state { ENTRY_ERASED = 0, ENTRY_WRITTEN = 2, ENTRY_EMPTY = 3 };

static const struct {
    uint8_t type;
    const char *name;
} type_names[] = {
    {OTA_NVS_U8, "u8"},
    {OTA_NVS_I8, "i8"},
    {OTA_NVS_U16, "u16"},
    {OTA_NVS_I16, "i16"},
    {OTA_NVS_U32, "u32"},
    {OTA_NVS_I32, "i32"},
    {OTA_NVS_U64, "u64"},
    {OTA_NVS_I64, "i64"},
    {OTA_NVS_STRING, "string"},
    {OTA_NVS_BLOB_V1, "blob_v1"},
    {OTA_NVS_BLOB_DATA, "blob_data"},
    {OTA_NVS_BLOB, "blob"},
};

const char *ota_nvs_type_name(uint8_t type) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(type_names); i++)
        if (type_names[i].type == type)
            return type_names[i].name;
    return NULL;
}

uint32_t ota_nvs_page_crc(const uint8_t page[OTA_NVS_PAGE]) {
    return ota_crc32(0xFFFFFFFFu, page + 4, 24);
}

uint32_t ota_nvs_entry_crc(const uint8_t entry[OTA_NVS_ENTRY]) {
    return ota_crc32(ota_crc32(0xFFFFFFFFu, entry, 4), entry + 8, 24);
}

static bool page_blank(const uint8_t *page) {
    for (size_t i = 0; i < OTA_NVS_PAGE; i++)
        if (page[i] != 0xFF)
            return false;
    return true;
}

static enum ota_status check_page(const uint8_t *page, size_t index, struct ota_err *err) {
    uint32_t state = ota_le32(page);
    if (state != OTA_NVS_ACTIVE && state != OTA_NVS_FULL && state != OTA_NVS_FREEING)
        return ota_err_set(err, OTA_JOURNAL, "NVS page %zu: state 0x%08x: damaged, or not NVS", index, state);
    if (page[8] != VERSION_2 && page[8] != VERSION_1)
        return ota_err_set(err, OTA_JOURNAL, "NVS page %zu: format version byte 0x%02x is not known", index, page[8]);
    if (ota_le32(page + 28) != ota_nvs_page_crc(page))
        return ota_err_set(err, OTA_JOURNAL, "NVS page %zu: the CRC of its header is wrong", index);
    return OTA_OK;
}

static enum entry_state entry_state(const uint8_t *page, unsigned i) {
    return (enum entry_state)(page[OTA_NVS_BITMAP + i / 4] >> (i % 4 * 2) & 3);
}

static bool has_data(uint8_t type) {
    return type == OTA_NVS_STRING || type == OTA_NVS_BLOB_V1 || type == OTA_NVS_BLOB_DATA;
}

/* The item that begins at entry i; *span is how far it reaches. */
static enum ota_status read_item(const uint8_t *page, unsigned i, struct ota_nvs_item *item, unsigned *span,
                                 struct ota_err *err) {
    const uint8_t *e = page + OTA_NVS_FIRST_ENTRY + (size_t)i * OTA_NVS_ENTRY;
    if (ota_le32(e + 4) != ota_nvs_entry_crc(e))
        return ota_err_set(err, OTA_JOURNAL, "its CRC is wrong: damaged, or the partition is encrypted");
    *span = e[2];
    if (*span == 0 || *span > OTA_NVS_ENTRIES - i)
        return ota_err_set(err, OTA_JOURNAL, "spans %u entries, which leave the page", *span);
    for (unsigned n = 1; n < *span; n++)
        if (entry_state(page, i + n) != ENTRY_WRITTEN)
            return ota_err_set(err, OTA_JOURNAL, "entry %u of its data was not written", i + n);
    *item = (struct ota_nvs_item){.ns = e[0], .type = e[1], .chunk = e[3], .value = e + 24, .length = 8};
    if (!ota_nvs_type_name(item->type))
        return ota_err_set(err, OTA_JOURNAL, "type 0x%02x is not known", item->type);
    if (!memchr(e + 8, 0, sizeof item->key))
        return ota_err_set(err, OTA_JOURNAL, "its key has no end");
    memcpy(item->key, e + 8, sizeof item->key);
    if (!has_data(item->type))
        return OTA_OK;
    item->value = e + OTA_NVS_ENTRY;
    item->length = ota_le16(e + 24);
    if (item->length > (size_t)(*span - 1) * OTA_NVS_ENTRY)
        return ota_err_set(err, OTA_JOURNAL, "%zu bytes do not fit its %u entries", item->length, *span);
    if (ota_le32(e + 28) != ota_crc32(0xFFFFFFFFu, item->value, item->length))
        return ota_err_set(err, OTA_JOURNAL, "the CRC of its data is wrong");
    return OTA_OK;
}

static enum ota_status each_item(const uint8_t *page, size_t index,
                                 void (*visit)(void *ctx, const struct ota_nvs_item *item), void *ctx,
                                 struct ota_err *err) {
    OTA_TRY(check_page(page, index, err));
    for (unsigned i = 0, span; i < OTA_NVS_ENTRIES; i += span) {
        span = 1;
        if (entry_state(page, i) != ENTRY_WRITTEN)
            continue;
        struct ota_nvs_item item;
        if (read_item(page, i, &item, &span, err) != OTA_OK)
            return ota_err_prefix(err, "NVS page %zu, entry %u", index, i);
        if (visit)
            visit(ctx, &item);
    }
    return OTA_OK;
}

/* Blank pages aside, the page that follows (*seq, *index) in order of sequence number. */
static bool next_page(struct ota_span image, bool first, uint32_t *seq, size_t *index) {
    bool found = false;
    uint32_t best_seq = 0;
    size_t best = 0;
    for (size_t i = 0; i < image.len / OTA_NVS_PAGE; i++) {
        const uint8_t *page = image.p + i * OTA_NVS_PAGE;
        uint32_t s = ota_le32(page + 4);
        bool after = first || s > *seq || (s == *seq && i > *index);
        if (!after || (found && s >= best_seq) || (ota_le32(page) == BLANK && page_blank(page)))
            continue;
        found = true;
        best_seq = s;
        best = i;
    }
    *seq = best_seq;
    *index = best;
    return found;
}

enum ota_status ota_nvs_each(struct ota_span image, void (*visit)(void *ctx, const struct ota_nvs_item *item),
                             void *ctx, struct ota_err *err) {
    if (image.len == 0 || image.len % OTA_NVS_PAGE != 0 || image.len > OTA_NVS_SIZE_MAX)
        return ota_err_set(err, OTA_TRUNCATED, "%zu bytes; an NVS partition has whole pages of %u", image.len,
                           OTA_NVS_PAGE);
    uint32_t seq = 0;
    size_t index = 0;
    for (bool first = true; next_page(image, first, &seq, &index); first = false)
        OTA_TRY(each_item(image.p + index * OTA_NVS_PAGE, index, visit, ctx, err));
    return OTA_OK;
}

/* ---- look-ups: the last match wins, as on the device ---- */

struct wanted {
    uint8_t ns, type;
    int chunk; /* -1: any */
    const char *key;
    bool found;
    struct ota_nvs_item item;
};

static void match(void *ctx, const struct ota_nvs_item *item) {
    struct wanted *w = ctx;
    if (item->ns == w->ns && item->type == w->type && (w->chunk < 0 || item->chunk == w->chunk) &&
        strcmp(item->key, w->key) == 0) {
        w->found = true;
        w->item = *item;
    }
}

static enum ota_status find(struct ota_span image, const char *ns, struct wanted *w, struct ota_err *err) {
    struct wanted directory = {.ns = 0, .type = OTA_NVS_U8, .chunk = -1, .key = ns};
    OTA_TRY(ota_nvs_each(image, match, &directory, err));
    if (!directory.found || directory.item.value[0] == 0)
        return ota_err_set(err, OTA_NOT_FOUND, "NVS has no namespace \"%s\"", ns);
    w->ns = directory.item.value[0];
    OTA_TRY(ota_nvs_each(image, match, w, err));
    return w->found ? OTA_OK : ota_err_set(err, OTA_NOT_FOUND, "NVS has no key \"%s\" in namespace \"%s\"", w->key, ns);
}

enum ota_status ota_nvs_get_string(struct ota_span image, const char *ns, const char *key, struct ota_buf *out,
                                   struct ota_err *err) {
    struct wanted w = {.type = OTA_NVS_STRING, .chunk = -1, .key = key};
    OTA_TRY(find(image, ns, &w, err));
    const uint8_t *nul = w.item.length ? memchr(w.item.value, 0, w.item.length) : NULL;
    if (!nul || (size_t)(nul - w.item.value) + 1 != w.item.length)
        return ota_err_set(err, OTA_JOURNAL, "NVS string \"%s\" does not end at its length", key);
    ota_buf_append(out, w.item.value, w.item.length - 1);
    return OTA_OK;
}

static enum ota_status append_chunks(struct ota_span image, const char *ns, const struct ota_nvs_item *index,
                                     struct ota_buf *out, struct ota_err *err) {
    uint32_t total = ota_le32(index->value), got = 0;
    for (unsigned n = 0; n < index->value[4]; n++) {
        struct wanted w = {.type = OTA_NVS_BLOB_DATA, .chunk = (int)(index->value[5] + n), .key = index->key};
        if (find(image, ns, &w, err) != OTA_OK)
            return ota_err_set(err, OTA_JOURNAL, "NVS blob \"%s\": chunk %u of %u is missing", index->key, n,
                               index->value[4]);
        ota_buf_append(out, w.item.value, w.item.length);
        got += (uint32_t)w.item.length;
    }
    if (got != total)
        return ota_err_set(err, OTA_JOURNAL, "NVS blob \"%s\": its chunks have %u bytes, its index says %u", index->key,
                           got, total);
    return OTA_OK;
}

enum ota_status ota_nvs_get_blob(struct ota_span image, const char *ns, const char *key, struct ota_buf *out,
                                 struct ota_err *err) {
    struct wanted old = {.type = OTA_NVS_BLOB_V1, .chunk = -1, .key = key};
    struct wanted index = {.type = OTA_NVS_BLOB, .chunk = -1, .key = key};
    enum ota_status status = find(image, ns, &index, err);
    if (status == OTA_OK)
        return append_chunks(image, ns, &index.item, out, err);
    if (status != OTA_NOT_FOUND)
        return status;
    OTA_TRY(find(image, ns, &old, err));
    ota_buf_append(out, old.item.value, old.item.length);
    return OTA_OK;
}
