/* SPDX-License-Identifier: Apache-2.0 */
/* Memory maps of the chips, one table each. */
#include "image/memory_map.h"

#define PADDING_END 0x10000u /* segments "loaded" below it only fill the file */

struct range {
    uint32_t start, end; /* end exclusive */
    const char *name;
};

/* clang-format off */
static const struct range esp32[] = {
    {0x3F400000, 0x3F800000, "DROM"},
    {0x3F800000, 0x3FC00000, "EXTRAM_DATA"},
    {0x3FF80000, 0x3FF82000, "RTC_DRAM"},
    {0x3FF90000, 0x40000000, "BYTE_ACCESSIBLE"},
    {0x3FFAE000, 0x40000000, "DRAM"},
    {0x3FFE0000, 0x3FFFFFFC, "DIRAM_DRAM"},
    {0x40000000, 0x40070000, "IROM"},
    {0x40070000, 0x40078000, "CACHE_PRO"},
    {0x40078000, 0x40080000, "CACHE_APP"},
    {0x40080000, 0x400A0000, "IRAM"},
    {0x400A0000, 0x400BFFFC, "DIRAM_IRAM"},
    {0x400C0000, 0x400C2000, "RTC_IRAM"},
    {0x400D0000, 0x40400000, "IROM"},
    {0x50000000, 0x50002000, "RTC_DATA"},
};
static const struct range esp32s2[] = {
    {0x3F000000, 0x3FF80000, "DROM"},
    {0x3F500000, 0x3FF80000, "EXTRAM_DATA"},
    {0x3FF9E000, 0x3FFA0000, "RTC_DRAM"},
    {0x3FF9E000, 0x40000000, "BYTE_ACCESSIBLE"},
    {0x3FF9E000, 0x40072000, "MEM_INTERNAL"},
    {0x3FFB0000, 0x40000000, "DRAM"},
    {0x40000000, 0x4001A100, "IROM_MASK"},
    {0x40020000, 0x40070000, "IRAM"},
    {0x40070000, 0x40072000, "RTC_IRAM"},
    {0x40080000, 0x40800000, "IROM"},
    {0x50000000, 0x50002000, "RTC_DATA"},
};
static const struct range esp32c3[] = {
    {0x3C000000, 0x3C800000, "DROM"},
    {0x3FC80000, 0x3FCE0000, "DRAM"},
    {0x3FC88000, 0x3FD00000, "BYTE_ACCESSIBLE"},
    {0x3FF00000, 0x3FF20000, "DROM_MASK"},
    {0x40000000, 0x40060000, "IROM_MASK"},
    {0x42000000, 0x42800000, "IROM"},
    {0x4037C000, 0x403E0000, "IRAM"},
    {0x50000000, 0x50002000, "RTC_IRAM"},
    {0x50000000, 0x50002000, "RTC_DRAM"},
    {0x600FE000, 0x60100000, "MEM_INTERNAL2"},
};
static const struct range esp32s3[] = {
    {0x3C000000, 0x3D000000, "DROM"},
    {0x3D000000, 0x3E000000, "EXTRAM_DATA"},
    {0x600FE000, 0x60100000, "RTC_DRAM"},
    {0x3FC88000, 0x3FD00000, "BYTE_ACCESSIBLE"},
    {0x3FC88000, 0x403E2000, "MEM_INTERNAL"},
    {0x3FC88000, 0x3FD00000, "DRAM"},
    {0x40000000, 0x4001A100, "IROM_MASK"},
    {0x40370000, 0x403E0000, "IRAM"},
    {0x600FE000, 0x60100000, "RTC_IRAM"},
    {0x42000000, 0x42800000, "IROM"},
    {0x50000000, 0x50002000, "RTC_DATA"},
};
static const struct range esp32c2[] = {
    {0x3C000000, 0x3C400000, "DROM"},
    {0x3FCA0000, 0x3FCE0000, "DRAM"},
    {0x3FC88000, 0x3FD00000, "BYTE_ACCESSIBLE"},
    {0x3FF00000, 0x3FF50000, "DROM_MASK"},
    {0x40000000, 0x40090000, "IROM_MASK"},
    {0x42000000, 0x42400000, "IROM"},
    {0x4037C000, 0x403C0000, "IRAM"},
};
static const struct range esp32c6[] = {
    {0x42000000, 0x43000000, "DROM"},
    {0x40800000, 0x40880000, "DRAM"},
    {0x40800000, 0x40880000, "BYTE_ACCESSIBLE"},
    {0x4004AC00, 0x40050000, "DROM_MASK"},
    {0x40000000, 0x4004AC00, "IROM_MASK"},
    {0x42000000, 0x43000000, "IROM"},
    {0x40800000, 0x40880000, "IRAM"},
    {0x50000000, 0x50004000, "RTC_IRAM"},
    {0x50000000, 0x50004000, "RTC_DRAM"},
    {0x600FE000, 0x60100000, "MEM_INTERNAL2"},
};
static const struct range esp32p4[] = {
    {0x40000000, 0x4C000000, "DROM"},
    {0x4FF00000, 0x4FFA0000, "DRAM"},
    {0x4FF00000, 0x4FFA0000, "BYTE_ACCESSIBLE"},
    {0x4FC00000, 0x4FC20000, "DROM_MASK"},
    {0x4FC00000, 0x4FC20000, "IROM_MASK"},
    {0x40000000, 0x4C000000, "IROM"},
    {0x4FF00000, 0x4FFA0000, "IRAM"},
    {0x50108000, 0x50110000, "RTC_IRAM"},
    {0x50108000, 0x50110000, "RTC_DRAM"},
    {0x600FE000, 0x60100000, "MEM_INTERNAL2"},
};
static const struct range esp32c61[] = {
    {0x42000000, 0x44000000, "DROM"},
    {0x40800000, 0x40860000, "DRAM"},
    {0x40800000, 0x40860000, "BYTE_ACCESSIBLE"},
    {0x4004AC00, 0x40050000, "DROM_MASK"},
    {0x40000000, 0x4004AC00, "IROM_MASK"},
    {0x42000000, 0x44000000, "IROM"},
    {0x40800000, 0x40860000, "IRAM"},
    {0x50000000, 0x50004000, "RTC_IRAM"},
    {0x50000000, 0x50004000, "RTC_DRAM"},
    {0x600FE000, 0x60100000, "MEM_INTERNAL2"},
};
static const struct range esp32c5[] = {
    {0x42000000, 0x44000000, "DROM"},
    {0x40800000, 0x40860000, "DRAM"},
    {0x40800000, 0x40860000, "BYTE_ACCESSIBLE"},
    {0x4003A000, 0x40040000, "DROM_MASK"},
    {0x40000000, 0x4003A000, "IROM_MASK"},
    {0x42000000, 0x44000000, "IROM"},
    {0x40800000, 0x40860000, "IRAM"},
    {0x50000000, 0x50004000, "RTC_IRAM"},
    {0x50000000, 0x50004000, "RTC_DRAM"},
    {0x600FE000, 0x60100000, "MEM_INTERNAL2"},
};
static const struct range esp32h4[] = {
    {0x42000000, 0x44000000, "DROM"},
    {0x40810000, 0x40860000, "DRAM"},
    {0x40810000, 0x40860000, "BYTE_ACCESSIBLE"},
    {0x40000000, 0x40050000, "DROM_MASK"},
    {0x40000000, 0x40050000, "IROM_MASK"},
    {0x42000000, 0x44000000, "IROM"},
    {0x40810000, 0x40860000, "IRAM"},
    {0x50000000, 0x50004000, "RTC_IRAM"},
    {0x50000000, 0x50004000, "RTC_DRAM"},
    {0x60000000, 0x60100000, "MEM_INTERNAL2"},
};
static const struct range esp32e22[] = {
    {0x3C000000, 0x40000000, "DROM"},
    {0x31000000, 0x31200000, "DRAM"},
    {0x31000000, 0x31200000, "BYTE_ACCESSIBLE"},
    {0x30000000, 0x30120000, "DROM_MASK"},
    {0x30000000, 0x30120000, "IROM_MASK"},
    {0x3C000000, 0x40000000, "IROM"},
    {0x30FE0000, 0x31200000, "IRAM"},
    {0xC0000000, 0xC0008000, "RTC_IRAM"},
    {0xC0000000, 0xC0008000, "RTC_DRAM"},
};
static const struct range esp32s31[] = {
    {0x40000000, 0x54000000, "DROM"},
    {0x2F000000, 0x2F080000, "DRAM"},
    {0x2F000000, 0x2F080000, "BYTE_ACCESSIBLE"},
    {0x2F800000, 0x2F850000, "DROM_MASK"},
    {0x2F800000, 0x2F850000, "IROM_MASK"},
    {0x40000000, 0x54000000, "IROM"},
    {0x2F000000, 0x2F080000, "IRAM"},
    {0x2E000000, 0x2E008000, "RTC_IRAM"},
    {0x2E000000, 0x2E008000, "RTC_DRAM"},
};
/* clang-format on */

#define MAP(id, ranges) \
    { id, ranges, OTA_ARRAY_LEN(ranges) }
static const struct {
    uint16_t chip_id;
    const struct range *range;
    size_t count;
} maps[] = {
    MAP(0x0000, esp32),   MAP(0x0002, esp32s2), MAP(0x0005, esp32c3),  MAP(0x0009, esp32s3),  MAP(0x000C, esp32c2),
    MAP(0x000D, esp32c6), MAP(0x0010, esp32c6), MAP(0x0012, esp32p4),  MAP(0x0014, esp32c61), MAP(0x0017, esp32c5),
    MAP(0x0019, esp32c6), MAP(0x001C, esp32h4), MAP(0x001F, esp32e22), MAP(0x0020, esp32s31),
};

const char *ota_memory_name(uint16_t chip_id, uint32_t addr, size_t n) {
    for (size_t m = 0; m < OTA_ARRAY_LEN(maps); m++) {
        if (maps[m].chip_id != chip_id)
            continue;
        if (addr < PADDING_END)
            return n == 0 ? "PADDING" : NULL;
        for (size_t i = 0; i < maps[m].count; i++)
            if (addr >= maps[m].range[i].start && addr < maps[m].range[i].end && n-- == 0)
                return maps[m].range[i].name;
    }
    return NULL;
}
