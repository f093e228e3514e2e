/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chips of the ESP32 family: one row each. Source: esptool targets/<chip>.py (ids, addresses, flash frequencies),
 * ESP-IDF soc_caps.h and bootloader Kconfig (limits, recovery, eFuse widths).
 */
#include "ota/image.h"

#define KIB(n) ((n)*1024u)
#define PAGES_64K 0x40u /* bit n: 1 << n KiB */
#define PAGES_16K_64K 0x70u
#define PAGES_8K_64K 0x78u
#define PAGES_32K_256K 0x1E0u

#define SPEED_80 \
    { "40", "26", "20", "80" }
#define SPEED_80_NO_26 \
    { "40", NULL, "20", "80" }
#define SPEED_60 \
    { "30", "20", "15", "60" }
#define SPEED_48 \
    { "24", "16", "12", "48" }
/* 80 and 40 MHz share code 0 on the C6 (a ROM erratum). */
#define SPEED_C6 \
    { "80", NULL, "20", NULL }

/* clang-format off */
static const struct ota_chip chips[] = {
    /* id, name, bootloader offset and limit, pages, recovery from revision, secure version bits, speeds, DROM, IROM */
    {0x0000, "esp32",    0x1000, KIB(48), PAGES_64K,      false, 0,   32, SPEED_80,       0x3F400000, 0x3F800000, 0x400D0000, 0x40400000},
    {0x0002, "esp32s2",  0x1000, KIB(64), PAGES_64K,      false, 0,   16, SPEED_80,       0x3F000000, 0x3F3F0000, 0x40080000, 0x40B80000},
    {0x0005, "esp32c3",  0x0000, KIB(64), PAGES_64K,      false, 0,   16, SPEED_80,       0x3C000000, 0x3C800000, 0x42000000, 0x42800000},
    {0x0009, "esp32s3",  0x0000, KIB(64), PAGES_64K,      false, 0,   16, SPEED_80,       0x3C000000, 0x3E000000, 0x42000000, 0x44000000},
    {0x000C, "esp32c2",  0x0000, KIB(64), PAGES_16K_64K,  false, 0,   4,  SPEED_60,       0x3C000000, 0x3C400000, 0x42000000, 0x42400000},
    {0x000D, "esp32c6",  0x0000, KIB(64), PAGES_8K_64K,   false, 0,   16, SPEED_C6,       0x42000000, 0x43000000, 0x42000000, 0x43000000},
    {0x0010, "esp32h2",  0x0000, KIB(64), PAGES_8K_64K,   false, 0,   16, SPEED_48,       0x42000000, 0x43000000, 0x42000000, 0x43000000},
    {0x0012, "esp32p4",  0x2000, KIB(64), PAGES_64K,      true,  300, 16, SPEED_80,       0x40000000, 0x4C000000, 0x40000000, 0x4C000000},
    {0x0014, "esp32c61", 0x0000, KIB(80), PAGES_8K_64K,   true,  100, 16, SPEED_80_NO_26, 0x42000000, 0x44000000, 0x42000000, 0x44000000},
    {0x0017, "esp32c5",  0x2000, KIB(80), PAGES_64K,      true,  100, 9,  SPEED_80_NO_26, 0x42000000, 0x44000000, 0x42000000, 0x44000000},
    {0x0019, "esp32h21", 0x0000, KIB(64), PAGES_8K_64K,   false, 0,   16, SPEED_48,       0x42000000, 0x43000000, 0x42000000, 0x43000000},
    {0x001C, "esp32h4",  0x2000, KIB(80), PAGES_8K_64K,   false, 0,   16, SPEED_48,       0x42000000, 0x44000000, 0x42000000, 0x44000000},
    {0x001F, "esp32e22", 0x0000, 0,       PAGES_64K,      false, 0,   16, SPEED_80,       0x3C000000, 0x40000000, 0x3C000000, 0x40000000},
    {0x0020, "esp32s31", 0x2000, KIB(80), PAGES_32K_256K, true,  0,   16, SPEED_80_NO_26, 0x40000000, 0x54000000, 0x40000000, 0x54000000},
};
/* clang-format on */

const struct ota_chip *ota_chip_at(size_t index) {
    return index < OTA_ARRAY_LEN(chips) ? &chips[index] : NULL;
}

const struct ota_chip *ota_chip_by_id(uint16_t id) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(chips); i++)
        if (chips[i].id == id)
            return &chips[i];
    return NULL;
}

const struct ota_chip *ota_chip_by_name(struct ota_span name) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(chips); i++)
        if (ota_span_equal_str(name, chips[i].name))
            return &chips[i];
    return NULL;
}

bool ota_chip_maps(const struct ota_chip *chip, uint32_t addr) {
    return (addr >= chip->drom_start && addr < chip->drom_end) || (addr >= chip->irom_start && addr < chip->irom_end);
}
