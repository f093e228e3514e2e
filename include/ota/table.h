/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partition tables: ESP-IDF esp_flash_partitions.h, gen_esp32part.py.
 *
 *   N x entry 32 B | MD5 row (EB EB FF*14, MD5 of the entries) | end row FF*32 | FF up to 0xC00
 */
#ifndef OTA_TABLE_H
#define OTA_TABLE_H

#include "ota/ports.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_TABLE_LENGTH 0xC00u
#define OTA_TABLE_ROWS_MAX 95u
#define OTA_TABLE_ROWS_WITH_MD5 94u /* what a table we serve or write can hold */
#define OTA_TABLE_DEFAULT_OFFSET 0x8000u

enum {
    OTA_PART_APP = 0x00,
    OTA_PART_DATA = 0x01,
    OTA_PART_BOOTLOADER = 0x02,
    OTA_PART_TABLE = 0x03,
    OTA_PART_SECURE_CERT = 0x3F, /* esp_secure_cert: the board's certificate and key, as Espressif provisions them */
    OTA_APP_FACTORY = 0x00,
    OTA_APP_OTA_0 = 0x10,
    OTA_APP_OTA_15 = 0x1F,
    OTA_APP_TEST = 0x20,
    OTA_APP_TEE_0 = 0x30,
    OTA_APP_TEE_1 = 0x31,
    OTA_DATA_OTA = 0x00,
    OTA_DATA_PHY = 0x01,
    OTA_DATA_NVS = 0x02,
    OTA_DATA_COREDUMP = 0x03,
    OTA_DATA_NVS_KEYS = 0x04,
    OTA_DATA_EFUSE = 0x05,
    OTA_DATA_UNDEFINED = 0x06,
    OTA_DATA_ESPHTTPD = 0x80,
    OTA_DATA_FAT = 0x81,
    OTA_DATA_SPIFFS = 0x82,
    OTA_DATA_LITTLEFS = 0x83,
    OTA_DATA_TEE_OTA = 0x90,
    OTA_BOOT_PRIMARY = 0x00,
    OTA_BOOT_OTA = 0x01,
    OTA_BOOT_RECOVERY = 0x02,
    OTA_FLAG_ENCRYPTED = 1,
    OTA_FLAG_READONLY = 2
};

struct ota_partition {
    uint8_t type, subtype;
    uint32_t offset, size;
    char label[OTA_LABEL_MAX + 1];
    uint32_t flags;
};

struct ota_table {
    size_t length; /* bytes that were read; OTA_TABLE_LENGTH for a whole table */
    size_t count;
    bool has_md5, md5_ok, has_end;
    struct ota_partition row[OTA_TABLE_ROWS_MAX];
};

/* Reads rows up to the end marker. Accepts what gen_esp32part.py reads (but no row behind the MD5 row, which does not
 * cover it), and bare rows without MD5 or end; has_md5/md5_ok/has_end say what is there. At most one sector. */
OTA_MUST_USE enum ota_status ota_table_read(struct ota_span bytes, const struct ota_crypto *crypto,
                                            struct ota_table *out, struct ota_err *err);
/* May it be served and booted: exactly 0xC00 bytes read, MD5 right, end marker, alignment, order, overlap, unique
 * non-empty labels, otadata size, fits flash. table_offset and flash_size in bytes (0: not known, not checked). Every
 * message names the row. Source: gen_esp32part.py's verify(). */
OTA_MUST_USE enum ota_status ota_table_check(const struct ota_table *t, uint32_t table_offset, uint32_t flash_size,
                                             struct ota_err *err);
/* May `next` replace `now` over the air: app slots, otadata, nvs, nvs_keys, ota_state, ota_id, phy and recovery
 * neither move nor shrink nor vanish. */
OTA_MUST_USE enum ota_status ota_table_check_change(const struct ota_table *now, const struct ota_table *next,
                                                    struct ota_err *err);
/* out[OTA_TABLE_LENGTH] with MD5 row and end marker; rows as they stand. */
OTA_MUST_USE enum ota_status ota_table_write(const struct ota_table *t, const struct ota_crypto *crypto,
                                             uint8_t out[OTA_TABLE_LENGTH], struct ota_err *err);

const struct ota_partition *ota_table_by_label(const struct ota_table *t, const char *label); /* NULL */
const struct ota_partition *ota_table_by_type(const struct ota_table *t, uint8_t type, uint8_t subtype);
/* Contiguous app slots from ota_0 (stops at a hole, as the app API does). */
size_t ota_table_slot_count(const struct ota_table *t);
const struct ota_partition *ota_table_slot(const struct ota_table *t, size_t index);
/* May a release write this partition as data? LABEL for otadata, nvs, nvs_keys, phy, efuse, coredump, apps,
 * ota_state, ota_id, recovery. */
OTA_MUST_USE enum ota_status ota_table_updatable(const struct ota_partition *p, struct ota_err *err);
/* "app", "data", "0x40"; "ota_0", "spiffs", "0x12". buf is used for numbers. */
const char *ota_partition_type_name(const struct ota_partition *p, char buf[8]);
const char *ota_partition_subtype_name(const struct ota_partition *p, char buf[8]);

#ifdef __cplusplus
}
#endif

#endif
