/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A board of 4 MB in the simulator's flash, on which an app runs over the ESP port and ESP-IDF's doubles. In a secure build flash is
 * encrypted and images are signed.
 */
#ifndef OTA_TESTS_ESP_WORLD_H
#define OTA_TESTS_ESP_WORLD_H

#include "double/chip.h"
#include "host/buf.h"
#include "ota_esp_ports.h"
#include "support/boot_signer.h"

#define ESP_FLASH_SIZE 0x400000u
#define ESP_OTADATA 0xd000u
#define ESP_SLOT_SIZE 0x40000u
#define ESP_OTA_0 0x10000u
#define ESP_OTA_1 0x50000u
#define ESP_OTA_2 0x90000u   /* only with ESP_HAS_OTA_2 */
#define ESP_FACTORY 0xD0000u /* ... */
#define ESP_TEST 0x110000u
#define ESP_OTA_3 0x150000u /* behind a hole, without ota_2 */
#define ESP_STATE 0x190000u
#define ESP_ID 0x19c000u
#define ESP_STORAGE 0x1a0000u /* plain */
#define ESP_SECRET 0x1a8000u  /* flagged encrypted */
#define ESP_DATA_SIZE 0x8000u
#define ESP_HOLE 0x1b0000u /* up to ESP_ODD, in which no row lies */
#define ESP_ODD 0x1c0000u  /* ends within a sector */
#define ESP_ODD_SIZE 0x1800u
#define ESP_LAST_HOLE 0x1c2000u /* up to the end of the flash */

enum {
    ESP_HAS_FACTORY = 1,
    ESP_HAS_OTA_2 = 2,
    ESP_HAS_TEST = 4,
    ESP_HAS_OTA_3 = 8,    /* and no ota_2: a hole in the numbers */
    ESP_HAS_PRIMARY = 16, /* rows for bootloader and table */
    ESP_NO_OTADATA = 32,
    ESP_SMALL_OTADATA = 64,
    ESP_ENCRYPTED_STATE = 128, /* ota_state flagged encrypted */
    ESP_NO_STATE = 256
};

struct esp_world {
    struct ota_virtual_board board;
    struct boot_signer signer;
    struct ota_log log; /* of ROM and bootloader */
};

/* Bootloader, table, "zero" in ota_0, "one" in ota_1, and "factory"; otadata is blank. Not started yet. */
void esp_world_make(struct esp_world *w, unsigned rows);
void esp_world_free(struct esp_world *w);

/* Reset; the app of this label must run. The port is opened. */
void esp_world_boots(struct esp_world *w, const char *label);
/* An app of this version at `offset`; secure builds: signed. */
void esp_world_app(struct esp_world *w, uint32_t offset, const char *version, uint32_t secure_version);
struct ota_buf esp_world_app_bytes(struct esp_world *w, const char *version, uint32_t secure_version);
struct ota_buf esp_world_bootloader_bytes(struct esp_world *w, const char *version);
void esp_world_entry(unsigned index, uint32_t seq, enum ota_slot_state state);
struct ota_otadata_entry esp_world_read_entry(unsigned index);
void esp_world_entry_is(unsigned index, uint32_t seq, enum ota_slot_state state);
/* The bytes as ROM, bootloader and cache read them. */
void esp_world_read(uint32_t offset, void *p, size_t n);
/* The cells themselves. */
void esp_world_cells(uint32_t offset, void *p, size_t n);

#endif
