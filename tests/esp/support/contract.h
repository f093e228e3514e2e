/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ota/ports.h and ota/agent.h promise of the ports, as assertions: the same for the simulator's and for the ESP's. What a port may
 * do beyond that is its own tests' matter.
 */
#ifndef OTA_TESTS_CONTRACT_H
#define OTA_TESTS_CONTRACT_H

#include "ota/agent.h"

/* `size` bytes at `offset`, whole sectors, may be written. */
void contract_flash(const struct ota_flash *flash, uint32_t offset, uint32_t size);

/* A board with two slots that hold apps; the first one runs, VALID, and the other has no entry. */
struct contract_boot {
    const struct ota_boot_port *(*reset)(void); /* the port that the app has then */
    void (*spoil)(uint32_t slot);               /* the app there does not verify any more */
    void (*mend)(uint32_t slot);                /* a new one is written there */
    uint32_t slot[2], no_slot;                  /* no_slot: a partition of another kind */
    uint32_t bootloader, bootloader_length;     /* one that waits */
};
void contract_boot_updates(const struct contract_boot *b);
void contract_boot_goes_back(const struct contract_boot *b);
void contract_boot_refuses(const struct contract_boot *b);
void contract_boot_falls_back(const struct contract_boot *b);

/* An empty store. `remount`: a reboot. */
void contract_kv(const struct ota_kv *kv, void (*remount)(void));

void contract_clock(const struct ota_clock *clock, void (*pass_ms)(uint32_t ms));
void contract_crypto(const struct ota_crypto *crypto);
void contract_inflate(const struct ota_inflate *inflate);

/* Makes a transport whose metadata lie below `url`; end() drops it. */
void contract_transport(const struct ota_transport *(*to)(const char *url), void (*end)(void));

#endif
