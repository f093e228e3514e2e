/* SPDX-License-Identifier: Apache-2.0 */
/* Names of partition types and subtypes, as in the CSV of gen_esp32part.py. */
#include "ota/table.h"

struct name {
    uint8_t type, subtype;
    const char *name;
};

static const char *const types[] = {"app", "data", "bootloader", "partition_table"};

/* clang-format off */
static const struct name subtypes[] = {
    {OTA_PART_APP, OTA_APP_FACTORY, "factory"},
    {OTA_PART_APP, OTA_APP_TEST, "test"},
    {OTA_PART_APP, OTA_APP_TEE_0, "tee_0"},
    {OTA_PART_APP, OTA_APP_TEE_1, "tee_1"},
    {OTA_PART_DATA, OTA_DATA_OTA, "ota"},
    {OTA_PART_DATA, OTA_DATA_PHY, "phy"},
    {OTA_PART_DATA, OTA_DATA_NVS, "nvs"},
    {OTA_PART_DATA, OTA_DATA_COREDUMP, "coredump"},
    {OTA_PART_DATA, OTA_DATA_NVS_KEYS, "nvs_keys"},
    {OTA_PART_DATA, OTA_DATA_EFUSE, "efuse"},
    {OTA_PART_DATA, OTA_DATA_UNDEFINED, "undefined"},
    {OTA_PART_DATA, OTA_DATA_ESPHTTPD, "esphttpd"},
    {OTA_PART_DATA, OTA_DATA_FAT, "fat"},
    {OTA_PART_DATA, OTA_DATA_SPIFFS, "spiffs"},
    {OTA_PART_DATA, OTA_DATA_LITTLEFS, "littlefs"},
    {OTA_PART_DATA, OTA_DATA_TEE_OTA, "tee_ota"},
    {OTA_PART_BOOTLOADER, OTA_BOOT_PRIMARY, "primary"},
    {OTA_PART_BOOTLOADER, OTA_BOOT_OTA, "ota"},
    {OTA_PART_BOOTLOADER, OTA_BOOT_RECOVERY, "recovery"},
    {OTA_PART_TABLE, OTA_BOOT_PRIMARY, "primary"},
    {OTA_PART_TABLE, OTA_BOOT_OTA, "ota"},
};
/* clang-format on */

static const char *number(uint8_t value, char buf[8]) {
    ota_format(buf, 8, "0x%02x", value);
    return buf;
}

const char *ota_partition_type_name(const struct ota_partition *p, char buf[8]) {
    return p->type < OTA_ARRAY_LEN(types) ? types[p->type] : number(p->type, buf);
}

const char *ota_partition_subtype_name(const struct ota_partition *p, char buf[8]) {
    if (p->type == OTA_PART_APP && p->subtype >= OTA_APP_OTA_0 && p->subtype <= OTA_APP_OTA_15) {
        ota_format(buf, 8, "ota_%d", p->subtype - OTA_APP_OTA_0);
        return buf;
    }
    for (size_t i = 0; i < OTA_ARRAY_LEN(subtypes); i++)
        if (subtypes[i].type == p->type && subtypes[i].subtype == p->subtype)
            return subtypes[i].name;
    return number(p->subtype, buf);
}
