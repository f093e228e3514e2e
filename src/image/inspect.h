/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is and whether a board would take it: what esptool image-info, espsecure signature-info-v2 and
 * gen_esp32part.py say about it. The kind comes from the bytes, never from the name.
 *
 * JSON (numbers are integers, digests lower-case hex, members of other kinds absent):
 *   file, size, sha256
 *   kind         "app" "bootloader" "image" (Espressif image, neither) "partition-table" "otadata" "nvs" "merged-flash" "unknown"
 *   broken       its structure, a checksum or a digest is wrong
 *   servable     may be part of a release;  code ("ok", else a status name) and reason ("" when there is nothing to say) tell why (not)
 *   image        chip (null: unknown), chip_id, length, entry, flash_mode, flash_freq, flash_size (texts as esptool's, null: unknown code),
 *                spi_mode, spi_speed, spi_size (header codes), wp_pin, spi_pin_drv[6], min_rev_legacy, min_rev, max_rev,
 *                segments[{load_addr, length, offset (of its data), memory[]}],
 *                checksum, checksum_calculated, checksum_valid, hash_appended, hash (calculated), hash_stored, hash_valid (null: none appended)
 *   app          project, version, time, date, idf, elf_sha256, secure_version, min_efuse_block_rev, max_efuse_block_rev,
 *                mmu_page_size, spi_flash_mode
 *   bootloader   descriptor (false: older than IDF 5.2), and with one: version, idf, date_time, secure_version
 *   signature    (images and unknown) v1 (bool), blocks[{scheme, crc_valid, digest_valid, valid (both, and the signature verifies), key_digest}]
 *   table        has_md5, md5_valid, has_end, rows[{label, type, subtype, offset, size, encrypted, readonly}]
 *   otadata      active (0, 1 or null), entries[{seq (null: blank), state, crc_valid, usable}]
 *   nvs          items[{namespace, key, type, length, value (numbers only)}]; contents of strings and blobs are never shown, they may be secret
 */
#ifndef OTA_IMAGE_INSPECT_H
#define OTA_IMAGE_INSPECT_H

#include <cjson/cJSON.h>

#include "host/buf.h"
#include "host/signature.h"
#include "image/nvs.h"
#include "ota/image.h"
#include "ota/otadata.h"
#include "ota/table.h"

enum ota_inspect_kind {
    OTA_INSPECT_UNKNOWN,
    OTA_INSPECT_APP,
    OTA_INSPECT_BOOTLOADER,
    OTA_INSPECT_IMAGE,
    OTA_INSPECT_TABLE,
    OTA_INSPECT_OTADATA,
    OTA_INSPECT_NVS,
    OTA_INSPECT_MERGED
};

struct ota_inspect_nvs {
    char ns[OTA_NVS_KEY_MAX + 1], key[OTA_NVS_KEY_MAX + 1]; /* ns "" when its entry is missing */
    uint8_t type;
    size_t length;
    uint64_t value; /* of numbers: as stored */
};

struct ota_inspection {
    uint64_t size;
    uint8_t sha256[OTA_SHA256_LEN];
    enum ota_inspect_kind kind;
    bool broken, servable;
    struct ota_err verdict; /* code OTA_OK when servable; msg may hold a remark then, else "" */
    bool parsed;            /* the part of `kind` below is filled */
    struct ota_image image; /* APP, BOOTLOADER, IMAGE */
    struct ota_signatures signatures;
    struct ota_table table;
    struct ota_otadata_entry otadata[2];
    struct ota_inspect_nvs *nvs; /* owned */
    size_t nvs_count;
};

/* Fails only when the file cannot be read; what is wrong with its contents is in the result. ota_inspection_free() it
 * either way. */
OTA_MUST_USE enum ota_status ota_inspect(const struct ota_source *src, const struct ota_crypto *crypto,
                                         struct ota_inspection *out, struct ota_err *err);
void ota_inspection_free(struct ota_inspection *i);

const char *ota_inspect_kind_name(enum ota_inspect_kind kind);
/* The caller frees the tree with ota_json_tree_free(). */
cJSON *ota_inspect_json(const struct ota_inspection *i, const char *file);
/* Appends paragraphs of text, ended by a newline. */
void ota_inspect_text(const struct ota_inspection *i, const char *file, struct ota_buf *out);

/* ---- words that both forms use; NULL for a code that is not used ---- */
const char *ota_flash_mode_name(uint8_t spi_mode);
const char *ota_flash_size_name(uint8_t spi_size);
/* "40"; of the image's chip. */
const char *ota_flash_mhz(const struct ota_image *image);

#endif
