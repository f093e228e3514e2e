/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_table.h"

#include <string.h>

#define STATE_SIZE 0xC000u
#define STAGING 0x60000u
#define STAGING_SIZE 0x10000u

const struct sim_layout *sim_layout(const struct sim_config *c) {
    static const struct sim_layout small = {
        SIM_FLASH_SIZE, SIM_SLOT_SIZE,         SIM_SLOT_1,         SIM_STATE, SIM_STORAGE, SIM_STORAGE_SIZE,
        SIM_APP_LENGTH, SIM_BOOTLOADER_LENGTH, SIM_STORAGE_LENGTH,
    };
    static const struct sim_layout full = {
        0x400000, 0x180000, 0x1A0000, 0x320000, 0x330000, 0x40000, 0x14CC80, 0x5000, 0x3F000,
    };
    return c->full_size ? &full : &small;
}

static void add(struct ota_table *t, const struct ota_partition *p) {
    t->row[t->count++] = *p;
}

/* A partition that nothing uses, so that there is no hole. */
static void cover(struct ota_table *t, const char *label, uint32_t from, uint32_t to) {
    struct ota_partition p = {OTA_PART_DATA, OTA_DATA_UNDEFINED, from, to - from, "", 0};
    (void)ota_format(p.label, sizeof p.label, "%s", label);
    add(t, &p);
}

void sim_table(const struct sim_config *c, uint32_t recovery, bool extra, struct ota_table *out) {
    static const struct ota_partition low[] = {
        {OTA_PART_DATA, OTA_DATA_NVS, 0x9000, 0x4000, "nvs", 0},
        {OTA_PART_DATA, OTA_DATA_OTA, SIM_OTADATA, 0x2000, "otadata", 0},
        {OTA_PART_DATA, OTA_DATA_PHY, 0xF000, 0x1000, "phy_init", 0},
    };
    static const struct ota_partition factory = {OTA_PART_APP,  OTA_APP_FACTORY, SIM_FACTORY,
                                                 SIM_SLOT_SIZE, "factory",       0};
    const struct sim_layout *l = sim_layout(c);
    const struct ota_partition high[] = {
        {OTA_PART_APP, OTA_APP_OTA_0, SIM_SLOT_0, l->slot_size, "ota_0", 0},
        {OTA_PART_APP, OTA_APP_OTA_0 + 1, l->slot_1, l->slot_size, "ota_1", 0},
        {OTA_PART_DATA, OTA_DATA_NVS, l->state, STATE_SIZE, OTA_STATE_LABEL, 0},
        {OTA_PART_DATA, OTA_DATA_NVS, l->state + STATE_SIZE, 0x4000, OTA_ID_LABEL, OTA_FLAG_READONLY},
        {OTA_PART_DATA, OTA_DATA_SPIFFS, l->storage, l->storage_size, "storage", 0},
    };
    static const struct ota_partition staging = {OTA_PART_DATA, OTA_DATA_UNDEFINED, STAGING,
                                                 STAGING_SIZE,  OTA_STAGING_LABEL,  0};
    uint32_t end = recovery ? recovery : l->flash, at = l->storage + l->storage_size;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < OTA_ARRAY_LEN(low); i++)
        add(out, &low[i]);
    if (c->factory)
        add(out, &factory);
    else
        cover(out, "spare", SIM_FACTORY, SIM_FACTORY + SIM_SLOT_SIZE);
    for (size_t i = 0; i < OTA_ARRAY_LEN(high); i++)
        add(out, &high[i]);
    if (extra)
        cover(out, "extra", at, at + OTA_SECTOR);
    at += extra ? OTA_SECTOR : 0;
    if (c->staging == SIM_STAGE_HOLE)
        return;
    cover(out, "pad", at, STAGING);
    if (c->staging == SIM_STAGE_PARTITION)
        add(out, &staging);
    else
        cover(out, "pad2", STAGING, STAGING + STAGING_SIZE);
    cover(out, "rest", STAGING + STAGING_SIZE, end);
}
