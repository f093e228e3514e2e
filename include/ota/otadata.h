/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otadata: two sectors, one 32-byte entry at the start of each. ESP-IDF esp_flash_partitions.h, bootloader_utility.c.
 *
 *   0 u32 ota_seq | 4 label[20] FF | 24 u32 state | 28 u32 crc-F of the 4 bytes of ota_seq
 */
#ifndef OTA_OTADATA_H
#define OTA_OTADATA_H

#include "ota/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_OTADATA_SIZE 0x2000u
#define OTA_OTADATA_ENTRY 32u

enum ota_slot_state {
    OTA_SLOT_NEW = 0,
    OTA_SLOT_PENDING_VERIFY = 1,
    OTA_SLOT_VALID = 2,
    OTA_SLOT_INVALID = 3,
    OTA_SLOT_ABORTED = 4,
    OTA_SLOT_UNDEFINED = -1
};
const char *ota_slot_state_name(enum ota_slot_state s);

struct ota_otadata_entry {
    uint32_t seq; /* 1.., 0xFFFFFFFF blank */
    enum ota_slot_state state;
    bool crc_ok;
};
void ota_otadata_decode(const uint8_t bytes[OTA_OTADATA_ENTRY], struct ota_otadata_entry *out);
void ota_otadata_encode(uint32_t seq, enum ota_slot_state state, uint8_t out[OTA_OTADATA_ENTRY]);
bool ota_otadata_usable(const struct ota_otadata_entry *e);
/* 0 or 1: the usable entry with the larger seq (tie: 0); -1: none. */
int ota_otadata_active(const struct ota_otadata_entry e[2]);
/* Slot index an entry selects. */
uint32_t ota_otadata_slot(uint32_t seq, uint32_t slot_count);
/* Smallest seq above `active_seq` (0: none) that selects `slot` (< slot_count); 0 when 32 bits are used up. */
uint32_t ota_otadata_next_seq(uint32_t active_seq, uint32_t slot, uint32_t slot_count);

#ifdef __cplusplus
}
#endif

#endif
