/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVS partitions, format version 2: a writer for factory data (ota_id) and a reader that trusts nothing. Source:
 * ESP-IDF nvs_flash/src/nvs_types.hpp, nvs_page.cpp, nvs_storage.cpp; layout as esp-idf-nvs-partition-gen writes it.
 *
 *   page   4096 B   state u32 | sequence u32 | version FE | FF*19 | crc-F of 4..27 | bitmap 32 B | 126 entries
 *   entry    32 B   namespace | type | span | chunk | crc-F of 0..3, 8..31 | key[16] | data 8 B
 *   string, blob data: size u16 | FFFF | crc-F of the data, which follows in span - 1 entries
 *   blob index:        size u32 | chunks u8 | first u8 | FFFF
 *
 * Unlike the generator, naming a namespace again returns to it, a key that exists is refused, and strings of the full
 * 4000 bytes are accepted.
 */
#ifndef OTA_IMAGE_NVS_H
#define OTA_IMAGE_NVS_H

#include "host/buf.h"
#include "ota/bytes.h"

#define OTA_NVS_PAGE 4096u
#define OTA_NVS_KEY_MAX 15u
#define OTA_NVS_STRING_MAX 4000u /* with its NUL */
#define OTA_NVS_SIZE_MAX (16u * 1024u * 1024u)

enum ota_nvs_type {
    OTA_NVS_U8 = 0x01,
    OTA_NVS_I8 = 0x11,
    OTA_NVS_U16 = 0x02,
    OTA_NVS_I16 = 0x12,
    OTA_NVS_U32 = 0x04,
    OTA_NVS_I32 = 0x14,
    OTA_NVS_U64 = 0x08,
    OTA_NVS_I64 = 0x18,
    OTA_NVS_STRING = 0x21,
    OTA_NVS_BLOB_V1 = 0x41,
    OTA_NVS_BLOB_DATA = 0x42,
    OTA_NVS_BLOB = 0x48 /* its index */
};
/* "u8", "string", "blob"; NULL for a type that does not exist. */
const char *ota_nvs_type_name(uint8_t type);

/* ---- writing ------------------------------------------------------------------------------------------- */

/* Owns the image; ota_nvs_writer_free() it. From 0x3000 bytes on the last page stays free, as the device needs;
 * smaller partitions are read-only. */
struct ota_nvs_writer {
    uint8_t *image;
    size_t size;
    size_t page;        /* index of the page being filled; SIZE_MAX before the first */
    unsigned entry;     /* next free entry of it */
    uint8_t namespaces; /* created so far */
    uint8_t current;    /* index of the namespace selected, 0: none yet */
    /* Leave pages and cut blobs exactly as the generator does: no string ends at a page's last entry, and a blob that
     * meets a page with one entry left begins with a chunk of no bytes. */
    bool as_generator;
};
/* A multiple of 4096 from 0x1000 to OTA_NVS_SIZE_MAX. */
OTA_MUST_USE enum ota_status ota_nvs_writer_init(struct ota_nvs_writer *w, size_t size, struct ota_err *err);
void ota_nvs_writer_free(struct ota_nvs_writer *w);
/* Selects a namespace (1..15 characters), creating it as needed. */
OTA_MUST_USE enum ota_status ota_nvs_namespace(struct ota_nvs_writer *w, const char *name, struct ota_err *err);
/* An integer of the type's width; `value` is its two's complement. ARGUMENT when it does not fit the type. */
OTA_MUST_USE enum ota_status ota_nvs_put_number(struct ota_nvs_writer *w, const char *key, enum ota_nvs_type type,
                                                int64_t value, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_nvs_put_string(struct ota_nvs_writer *w, const char *key, const char *value,
                                                struct ota_err *err);
/* Split over pages as needed. After NO_SPACE the image holds part of the blob: give it up. */
OTA_MUST_USE enum ota_status ota_nvs_put_blob(struct ota_nvs_writer *w, const char *key, const void *p, size_t n,
                                              struct ota_err *err);

/* ---- reading ------------------------------------------------------------------------------------------- */

/* One written item, borrowed from the image: its data, or the 8 bytes of the entry for numbers and blob indices. */
struct ota_nvs_item {
    uint8_t ns; /* 0: the namespace directory, value[0] is the index */
    uint8_t type, chunk;
    char key[OTA_NVS_KEY_MAX + 1];
    const uint8_t *value;
    size_t length;
};
/* Every item in the order it was written. Checks every page and entry: TRUNCATED, JOURNAL (damaged, or encrypted). */
OTA_MUST_USE enum ota_status ota_nvs_each(struct ota_span image,
                                          void (*visit)(void *ctx, const struct ota_nvs_item *item), void *ctx,
                                          struct ota_err *err);
/* Appends the value (of a string without its NUL) to *out, the latest one written. NOT_FOUND; JOURNAL when damaged. */
OTA_MUST_USE enum ota_status ota_nvs_get_string(struct ota_span image, const char *ns, const char *key,
                                                struct ota_buf *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_nvs_get_blob(struct ota_span image, const char *ns, const char *key,
                                              struct ota_buf *out, struct ota_err *err);

/* ---- layout, shared by both ---------------------------------------------------------------------------- */

#define OTA_NVS_ENTRY 32u
#define OTA_NVS_ENTRIES 126u
#define OTA_NVS_BITMAP 32u
#define OTA_NVS_FIRST_ENTRY 64u
enum { OTA_NVS_ACTIVE = 0xFFFFFFFE, OTA_NVS_FULL = 0xFFFFFFFC, OTA_NVS_FREEING = 0xFFFFFFF8 };
uint32_t ota_nvs_page_crc(const uint8_t page[OTA_NVS_PAGE]);
uint32_t ota_nvs_entry_crc(const uint8_t entry[OTA_NVS_ENTRY]);

#endif
