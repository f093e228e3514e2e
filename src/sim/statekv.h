/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key-value store of partition `ota_state` on a simulated flash: what NVS is on the chip. One key has its old or
 * its new value after a power cut at any flash operation, and mounting writes nothing.
 *
 *   partition  half 0 | half 1                 each half of whole sectors
 *   half       "OTAK" | u32 generation | u32 crc-0 of the 8 bytes before | FF*4 | records | FF...
 *   record     u32 length of value, FFFFFFFF: erased | u8 length of key | 3 x 0 | key | value | u32 crc-0 of all before it | FF up to a multiple of 4
 *
 * The half whose header is right and whose generation is higher is in use. Records are appended; the last one of a
 * key counts. When there is no room, or the last write was cut, what is live goes to the other half, whose header is
 * written last.
 */
#ifndef OTA_SIM_STATEKV_H
#define OTA_SIM_STATEKV_H

#include "ota/ports.h"

#define OTA_STATEKV_KEYS_MAX 32u

struct ota_statekv_entry {
    char key[OTA_KV_KEY_MAX + 1];
    uint32_t at, length; /* of the value, in `image` */
};

struct ota_statekv {
    const struct ota_flash *flash;
    uint32_t offset, half; /* of the partition; bytes of one half */
    bool mounted;          /* a half is in use */
    bool lost;             /* neither half was usable though something had been written: everything is gone */
    bool dirty;            /* what lies behind `end` is not erased */
    unsigned active;
    uint32_t generation, end;
    uint8_t *image;    /* the active half */
    uint64_t changes;  /* sets and erases that had something to write, since it was opened */
    uint64_t fail_at;  /* the change that fails with KV and writes nothing; 0: none */
    bool fail_onwards; /* every later one too */
    size_t count;
    struct ota_statekv_entry entry[OTA_STATEKV_KEYS_MAX];
    struct ota_kv port; /* KV: flash failed, or it is full */
};

/* `size` bytes at `offset`: at least two sectors. FLASH. The flash port is borrowed. */
OTA_MUST_USE enum ota_status ota_statekv_open(struct ota_statekv *kv, const struct ota_flash *flash, uint32_t offset,
                                              uint32_t size, struct ota_err *err);
/* Also for one that did not open. */
void ota_statekv_close(struct ota_statekv *kv);

#endif
