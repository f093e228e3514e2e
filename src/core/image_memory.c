/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RAM that a bootloader copies segments to. It refuses an app with a segment elsewhere ("bad load address range"), at
 * the first start and not before. Source: ESP-IDF soc/<chip>/include/soc/soc.h, esp_image_format.c; of the E22,
 * esptool targets/esp32e22.py.
 */
#include "ota/image.h"

struct range {
    uint16_t chip_id;
    uint32_t start, end; /* exclusive */
};

/* clang-format off */
static const struct range ram[] = {
    {0x0000, 0x3FFAE000, 0x40000000}, {0x0000, 0x40078000, 0x400C2000}, /* with the APP CPU's cache, and RTC fast memory */
    {0x0000, 0x3FF80000, 0x3FF82000}, {0x0000, 0x50000000, 0x50002000},
    {0x0002, 0x3FFB0000, 0x40000000}, {0x0002, 0x40020000, 0x40072000},
    {0x0002, 0x3FF9E000, 0x3FFA0000}, {0x0002, 0x50000000, 0x50002000},
    {0x0005, 0x3FC80000, 0x3FCE0000}, {0x0005, 0x4037C000, 0x403E0000}, {0x0005, 0x50000000, 0x50002000},
    {0x0009, 0x3FC88000, 0x3FD00000}, {0x0009, 0x40370000, 0x403E0000},
    {0x0009, 0x600FE000, 0x60100000}, {0x0009, 0x50000000, 0x50002000},
    {0x000C, 0x3FCA0000, 0x3FCE0000}, {0x000C, 0x4037C000, 0x403C0000},
    {0x000D, 0x40800000, 0x40880000}, {0x000D, 0x50000000, 0x50004000},
    {0x0010, 0x40800000, 0x40850000}, {0x0010, 0x50000000, 0x50001000},
    {0x0012, 0x4FF00000, 0x4FFC0000}, {0x0012, 0x50108000, 0x50110000}, {0x0012, 0x30100000, 0x30102000},
    {0x0014, 0x40800000, 0x40850000},
    {0x0017, 0x40800000, 0x40860000}, {0x0017, 0x50000000, 0x50004000},
    {0x0019, 0x40800000, 0x40850000}, {0x0019, 0x50000000, 0x50001000},
    {0x001C, 0x40810000, 0x40860000}, {0x001C, 0x50000000, 0x50004000},
    {0x001F, 0x30FE0000, 0x31200000}, {0x001F, 0xC0000000, 0xC0008000},
    {0x0020, 0x2F000000, 0x2F080000}, {0x0020, 0x2E000000, 0x2E008000},
};
/* clang-format on */

bool ota_chip_loads(const struct ota_chip *chip, uint32_t addr, uint32_t length) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(ram); i++)
        if (ram[i].chip_id == chip->id && addr >= ram[i].start && addr < ram[i].end && length <= ram[i].end - addr)
            return true;
    return false;
}
