/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the otadata partition and the slot they select. Source: ESP-IDF bootloader_common.c,
 * bootloader_utility.c, esp_ota_ops.c. */
#include "ota/otadata.h"

#include <string.h>

#define BLANK UINT32_MAX

/* State and label are not covered. */
static uint32_t seq_crc(const uint8_t seq[4]) {
    return ota_crc32(0xFFFFFFFFu, seq, 4);
}

const char *ota_slot_state_name(enum ota_slot_state s) {
    switch (s) {
    case OTA_SLOT_NEW:
        return "new";
    case OTA_SLOT_PENDING_VERIFY:
        return "pending-verify";
    case OTA_SLOT_VALID:
        return "valid";
    case OTA_SLOT_INVALID:
        return "invalid";
    case OTA_SLOT_ABORTED:
        return "aborted";
    case OTA_SLOT_UNDEFINED:
        return "undefined";
    }
    return "unknown";
}

void ota_otadata_decode(const uint8_t bytes[OTA_OTADATA_ENTRY], struct ota_otadata_entry *out) {
    out->seq = ota_le32(bytes);
    out->state = (enum ota_slot_state)(int32_t)ota_le32(bytes + 24);
    out->crc_ok = ota_le32(bytes + 28) == seq_crc(bytes);
}

void ota_otadata_encode(uint32_t seq, enum ota_slot_state state, uint8_t out[OTA_OTADATA_ENTRY]) {
    memset(out, 0xFF, OTA_OTADATA_ENTRY);
    ota_put_le32(out, seq);
    ota_put_le32(out + 24, (uint32_t)state);
    ota_put_le32(out + 28, seq_crc(out));
}

bool ota_otadata_usable(const struct ota_otadata_entry *e) {
    return e->seq != BLANK && e->crc_ok && e->state != OTA_SLOT_INVALID && e->state != OTA_SLOT_ABORTED;
}

int ota_otadata_active(const struct ota_otadata_entry e[2]) {
    bool a = ota_otadata_usable(&e[0]), b = ota_otadata_usable(&e[1]);
    if (a && b)
        return e[1].seq > e[0].seq;
    return a ? 0 : b ? 1 : -1;
}

uint32_t ota_otadata_slot(uint32_t seq, uint32_t slot_count) {
    return slot_count ? (seq - 1u) % slot_count : 0;
}

uint32_t ota_otadata_next_seq(uint32_t active_seq, uint32_t slot, uint32_t slot_count) {
    uint32_t seq = slot + 1u;
    if (slot_count == 0 || seq > active_seq)
        return seq;
    seq += (active_seq - seq) / slot_count * slot_count; /* the last one up to active_seq */
    return seq < BLANK - slot_count ? seq + slot_count : 0;
}
