/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_table.h"

#include <string.h>

#define BEHIND_STORAGE (SIM_STORAGE + SIM_STORAGE_SIZE)
#define STAGING 0x60000u
#define STAGING_SIZE 0x10000u

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
    static const struct ota_partition high[] = {
        {OTA_PART_APP, OTA_APP_OTA_0, SIM_SLOT_0, SIM_SLOT_SIZE, "ota_0", 0},
        {OTA_PART_APP, OTA_APP_OTA_0 + 1, SIM_SLOT_1, SIM_SLOT_SIZE, "ota_1", 0},
        {OTA_PART_DATA, OTA_DATA_NVS, SIM_STATE, 0xC000, OTA_STATE_LABEL, 0},
        {OTA_PART_DATA, OTA_DATA_NVS, 0x4C000, 0x4000, OTA_ID_LABEL, OTA_FLAG_READONLY},
        {OTA_PART_DATA, OTA_DATA_SPIFFS, SIM_STORAGE, SIM_STORAGE_SIZE, "storage", 0},
    };
    static const struct ota_partition staging = {OTA_PART_DATA, OTA_DATA_UNDEFINED, STAGING,
                                                 STAGING_SIZE,  OTA_STAGING_LABEL,  0};
    uint32_t end = recovery ? recovery : SIM_FLASH_SIZE, at = BEHIND_STORAGE;
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
