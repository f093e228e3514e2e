/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies at a flash address, and by which of ESP-IDF's calls it is reached.
 *
 *   0 .. bootloader        nobody's: Secure Boot v1's digest (ESP32), the key manager's sectors (C5, P4): read only
 *   bootloader .. table    raw, unless the table has a row for it (PrimaryBTLDR)
 *   table                  raw, unless the table has a row for it (PrimaryPrtTable)
 *   rows of the table      esp_partition, encrypted as flag and type say
 *   holes                  registered with esp_partition at their first use, of a type that flash encryption encrypts: what waits
 *                          there is read by the chip's own image check, which decrypts
 *
 * What the application registered in a hole for itself is its own, be it that the agent had a use for the place: read only.
 *
 * A registered hole stays so until the reboot: the application cannot register it for something else while an image waits.
 */
#ifndef OTA_ESP_REGION_H
#define OTA_ESP_REGION_H

#include "esp_partition.h"
#include "ota/err.h"

enum ota_esp_guard {
    OTA_ESP_OPEN,
    OTA_ESP_DANGEROUS,  /* bootloader and table: ESP-IDF aborts unless its protection is switched off */
    OTA_ESP_READONLY,   /* a row says so */
    OTA_ESP_RUNNING,    /* the app that runs */
    OTA_ESP_REGISTERED, /* the application's, without a row */
    OTA_ESP_FOREIGN     /* belongs to nobody, or shares its sector with a row */
};

struct ota_esp_region {
    uint32_t start, end;              /* flash addresses, end exclusive */
    const esp_partition_t *partition; /* NULL: raw */
    bool encrypted;                   /* the chip encrypts it */
    enum ota_esp_guard guard;
};

/* How many rows the table has that the board booted with: partitions behind them were registered. */
void ota_esp_region_rows(size_t n);
/* The region of `offset`, which lies on a chip of `flash_size` bytes. FLASH: a hole could not be registered; MEMORY. */
OTA_MUST_USE enum ota_status ota_esp_region_at(uint32_t offset, uint32_t flash_size, struct ota_esp_region *out,
                                               struct ota_err *err);
/* "ota_1", "the bootloader", ... */
const char *ota_esp_region_name(const struct ota_esp_region *r);

#endif
