/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVS: what a namespace of a partition holds lies in a store of the simulator or of a test, one per partition. The store keeps its
 * promise after power cuts; how NVS does that is NVS's matter.
 */
#ifndef OTA_TESTS_DOUBLE_NVS_H
#define OTA_TESTS_DOUBLE_NVS_H

#include "nvs_flash.h"
#include "ota/ports.h"

#define DOUBLE_NVS_PARTITIONS_MAX 3u

struct double_nvs_partition {
    const char *label;      /* NULL: unused */
    const char *name_space; /* the only one; NULL: any that is opened for writing comes into being */
    const struct ota_kv *store;
    void (*erase)(void *ctx); /* nvs_flash_erase_partition() */
    void *erase_ctx;
    esp_err_t unusable; /* what nvs_flash_init_partition() says until the partition is erased; ESP_OK */
    bool initialised, open;
    nvs_sec_cfg_t keys; /* it was initialised with, all 0: plain */
};

struct double_nvs {
    struct double_nvs_partition partition[DOUBLE_NVS_PARTITIONS_MAX];
    nvs_sec_scheme_t scheme;
    esp_err_t read_keys; /* of the scheme; ESP_OK: they are there */
    unsigned keys_generated;
    unsigned commits;
    unsigned uncommitted;           /* sets and erases since the last commit */
    esp_err_t set_fault, get_fault; /* of the next call */
};
extern struct double_nvs double_nvs;

/* No partition, no handle, no fault. */
void double_nvs_reset(void);
/* All borrowed. */
struct double_nvs_partition *double_nvs_put(const char *label, const struct ota_kv *store);
/* A reboot: handles are gone. */
void double_nvs_reboot(void);

#endif
