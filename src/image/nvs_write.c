/* SPDX-License-Identifier: Apache-2.0 */
/* NVS writer: pages are filled in order; an item that does not fit closes the page. */
#include "image/nvs.h"

#include <string.h>

#define NAMESPACES_MAX 254u
#define CHUNKS_MAX 127u
#define RESERVE_FROM 0x3000u

enum ota_status ota_nvs_writer_init(struct ota_nvs_writer *w, size_t size, struct ota_err *err) {
    *w = (struct ota_nvs_writer){.page = SIZE_MAX};
    if (size == 0 || size % OTA_NVS_PAGE != 0 || size > OTA_NVS_SIZE_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "%zu bytes; an NVS partition has whole pages of %u", size, OTA_NVS_PAGE);
    w->image = ota_calloc(1, size);
    memset(w->image, 0xFF, size);
    w->size = size;
    return OTA_OK;
}

void ota_nvs_writer_free(struct ota_nvs_writer *w) {
    free(w->image);
    *w = (struct ota_nvs_writer){.page = SIZE_MAX};
}

static uint8_t *page_at(struct ota_nvs_writer *w) {
    return w->image + w->page * OTA_NVS_PAGE;
}

static enum ota_status open_page(struct ota_nvs_writer *w, struct ota_err *err) {
    size_t pages = w->size / OTA_NVS_PAGE - (w->size >= RESERVE_FROM ? 1 : 0);
    if (w->page + 1 >= pages)
        return ota_err_set(err, OTA_NO_SPACE, "the NVS partition of %zu bytes is full", w->size);
    if (w->page != SIZE_MAX)
        ota_put_le32(page_at(w), OTA_NVS_FULL);
    w->page++;
    w->entry = 0;
    uint8_t *page = page_at(w);
    ota_put_le32(page, OTA_NVS_ACTIVE);
    ota_put_le32(page + 4, (uint32_t)w->page);
    page[8] = 0xFE;
    ota_put_le32(page + 28, ota_nvs_page_crc(page));
    return OTA_OK;
}

static unsigned entries_left(const struct ota_nvs_writer *w) {
    return w->page == SIZE_MAX ? 0 : OTA_NVS_ENTRIES - w->entry;
}

static enum ota_status make_room(struct ota_nvs_writer *w, unsigned entries, struct ota_err *err) {
    return entries_left(w) >= entries ? OTA_OK : open_page(w, err);
}

/* One item into the current page, which has room. `field` is the entry's 8 data bytes; `data` follows it. */
static void put_item(struct ota_nvs_writer *w, uint8_t ns, uint8_t type, uint8_t chunk, const char *key,
                     const uint8_t field[8], const void *data, size_t length) {
    uint8_t *page = page_at(w);
    uint8_t *e = page + OTA_NVS_FIRST_ENTRY + (size_t)w->entry * OTA_NVS_ENTRY;
    unsigned span = 1 + (unsigned)((length + OTA_NVS_ENTRY - 1) / OTA_NVS_ENTRY);
    e[0] = ns;
    e[1] = type;
    e[2] = (uint8_t)span;
    e[3] = chunk;
    memset(e + 8, 0, OTA_NVS_KEY_MAX + 1);
    memcpy(e + 8, key, strlen(key));
    memcpy(e + 24, field, 8);
    ota_put_le32(e + 4, ota_nvs_entry_crc(e));
    if (length)
        memcpy(e + OTA_NVS_ENTRY, data, length);
    for (unsigned i = w->entry; i < w->entry + span; i++)
        page[OTA_NVS_BITMAP + i / 4] &= (uint8_t) ~(1u << (i % 4 * 2)); /* 11 empty -> 10 written */
    w->entry += span;
}

static void put_data(struct ota_nvs_writer *w, uint8_t type, uint8_t chunk, const char *key, const void *data,
                     size_t n) {
    uint8_t field[8];
    ota_put_le16(field, (uint16_t)n);
    ota_put_le16(field + 2, 0xFFFF);
    ota_put_le32(field + 4, ota_crc32(0xFFFFFFFFu, data, n));
    put_item(w, w->current, type, chunk, key, field, data, n);
}

static enum ota_status check_name(const char *what, const char *name, struct ota_err *err) {
    if (name[0] == '\0' || strlen(name) > OTA_NVS_KEY_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "NVS %s \"%s\": 1 to %u characters", what, name, OTA_NVS_KEY_MAX);
    return OTA_OK;
}

struct lookup {
    uint8_t ns;
    const char *key;
    uint8_t index; /* value of a namespace entry */
    bool found;
};

static void look(void *ctx, const struct ota_nvs_item *item) {
    struct lookup *l = ctx;
    if (item->ns == l->ns && strcmp(item->key, l->key) == 0) {
        l->found = true;
        l->index = item->value[0];
    }
}

static enum ota_status lookup(const struct ota_nvs_writer *w, struct lookup *l, struct ota_err *err) {
    return ota_nvs_each((struct ota_span){w->image, w->size}, look, l, err);
}

enum ota_status ota_nvs_namespace(struct ota_nvs_writer *w, const char *name, struct ota_err *err) {
    OTA_TRY(check_name("namespace", name, err));
    struct lookup l = {.ns = 0, .key = name};
    OTA_TRY(lookup(w, &l, err));
    if (l.found) {
        w->current = l.index;
        return OTA_OK;
    }
    if (w->namespaces == NAMESPACES_MAX)
        return ota_err_set(err, OTA_NO_SPACE, "NVS holds %u namespaces", NAMESPACES_MAX);
    OTA_TRY(make_room(w, 1, err));
    w->current = ++w->namespaces;
    uint8_t field[8] = {w->current, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    put_item(w, 0, OTA_NVS_U8, 0xFF, name, field, NULL, 0);
    return OTA_OK;
}

static enum ota_status check_key(const struct ota_nvs_writer *w, const char *key, struct ota_err *err) {
    OTA_TRY(check_name("key", key, err));
    if (w->current == 0)
        return ota_err_set(err, OTA_ARGUMENT, "NVS key \"%s\": no namespace was selected", key);
    struct lookup l = {.ns = w->current, .key = key};
    OTA_TRY(lookup(w, &l, err));
    return l.found ? ota_err_set(err, OTA_EXISTS, "NVS key \"%s\" is there already", key) : OTA_OK;
}

enum ota_status ota_nvs_put_number(struct ota_nvs_writer *w, const char *key, enum ota_nvs_type type, int64_t value,
                                   struct ota_err *err) {
    OTA_TRY(check_key(w, key, err));
    unsigned width = type & 0x0Fu, bits = width * 8;
    bool is_signed = (type & 0x10u) != 0;
    if (type == OTA_NVS_STRING || (width != 1 && width != 2 && width != 4 && width != 8) || type > OTA_NVS_I64)
        return ota_err_set(err, OTA_ARGUMENT, "NVS key \"%s\": type 0x%02x is not a number", key, (unsigned)type);
    int64_t max = bits == 64 ? INT64_MAX : (INT64_C(1) << (is_signed ? bits - 1 : bits)) - 1;
    int64_t min = !is_signed ? (bits == 64 ? INT64_MIN : 0) : -max - 1;
    if (value < min || value > max)
        return ota_err_set(err, OTA_ARGUMENT, "NVS key \"%s\": the value does not fit %s", key,
                           ota_nvs_type_name((uint8_t)type));
    OTA_TRY(make_room(w, 1, err));
    uint8_t field[8];
    ota_put_le64(field, (uint64_t)value);
    memset(field + width, 0xFF, 8 - width);
    put_item(w, w->current, (uint8_t)type, 0xFF, key, field, NULL, 0);
    return OTA_OK;
}

enum ota_status ota_nvs_put_string(struct ota_nvs_writer *w, const char *key, const char *value, struct ota_err *err) {
    OTA_TRY(check_key(w, key, err));
    size_t n = strlen(value) + 1;
    if (n > OTA_NVS_STRING_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "NVS key \"%s\": a string has at most %u characters", key,
                           OTA_NVS_STRING_MAX - 1);
    unsigned entries = 1 + (unsigned)((n + OTA_NVS_ENTRY - 1) / OTA_NVS_ENTRY);
    bool spare = w->as_generator && entries < OTA_NVS_ENTRIES;
    OTA_TRY(make_room(w, entries + (spare ? 1 : 0), err));
    put_data(w, OTA_NVS_STRING, 0xFF, key, value, n);
    return OTA_OK;
}

enum ota_status ota_nvs_put_blob(struct ota_nvs_writer *w, const char *key, const void *p, size_t n,
                                 struct ota_err *err) {
    OTA_TRY(check_key(w, key, err));
    const uint8_t *from = n ? p : (const uint8_t *)"";
    size_t left = n;
    unsigned chunks = 0;
    do {
        bool bytes = left && !w->as_generator;
        OTA_TRY(make_room(w, bytes ? 2 : 1, err)); /* no chunk without bytes beside one with */
        if (chunks == CHUNKS_MAX)
            return ota_err_set(err, OTA_TOO_LARGE, "NVS key \"%s\": %zu bytes are too many for one blob", key, n);
        size_t room = (size_t)(entries_left(w) - 1) * OTA_NVS_ENTRY;
        size_t chunk = left < room ? left : room;
        put_data(w, OTA_NVS_BLOB_DATA, (uint8_t)chunks++, key, from, chunk);
        from += chunk;
        left -= chunk;
    } while (left);
    OTA_TRY(make_room(w, 1, err));
    uint8_t field[8];
    ota_put_le32(field, (uint32_t)n);
    field[4] = (uint8_t)chunks;
    field[5] = 0;
    ota_put_le16(field + 6, 0xFFFF);
    put_item(w, w->current, OTA_NVS_BLOB, 0xFF, key, field, NULL, 0);
    return OTA_OK;
}
