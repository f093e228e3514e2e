/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RAM that a bootloader copies segments to. It refuses an app with a segment elsewhere ("bad load address range"), at
 * the first start and not before. Source: ESP-IDF soc/<chip>/include/soc/soc.h, esp_image_format.c; of the E22,
 * esptool targets/esp32e22.py.
 */
#include "ota/image.h"

struct range {
    uint16_t chip_id, kib;
    uint32_t start;
};

/* clang-format off */
static const struct range ram[] = {
    {0x0000, 328, 0x3FFAE000}, {0x0000, 296, 0x40078000}, /* with the APP CPU's cache, and RTC fast memory */
    {0x0000, 8, 0x3FF80000}, {0x0000, 8, 0x50000000},
    {0x0002, 320, 0x3FFB0000}, {0x0002, 328, 0x40020000},
    {0x0002, 8, 0x3FF9E000}, {0x0002, 8, 0x50000000},
    {0x0005, 384, 0x3FC80000}, {0x0005, 400, 0x4037C000}, {0x0005, 8, 0x50000000},
    {0x0009, 480, 0x3FC88000}, {0x0009, 448, 0x40370000},
    {0x0009, 8, 0x600FE000}, {0x0009, 8, 0x50000000},
    {0x000C, 256, 0x3FCA0000}, {0x000C, 272, 0x4037C000},
    {0x000D, 512, 0x40800000}, {0x000D, 16, 0x50000000},
    {0x0010, 320, 0x40800000}, {0x0010, 4, 0x50000000},
    {0x0012, 768, 0x4FF00000}, {0x0012, 32, 0x50108000}, {0x0012, 8, 0x30100000},
    {0x0014, 320, 0x40800000},
    {0x0017, 384, 0x40800000}, {0x0017, 16, 0x50000000},
    {0x0019, 320, 0x40800000}, {0x0019, 4, 0x50000000},
    {0x001C, 320, 0x40810000}, {0x001C, 16, 0x50000000},
    {0x001F, 2176, 0x30FE0000}, {0x001F, 32, 0xC0000000},
    {0x0020, 512, 0x2F000000}, {0x0020, 32, 0x2E000000},
};
/* clang-format on */

bool ota_chip_loads(const struct ota_chip *chip, uint32_t addr, uint32_t length) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(ram); i++) {
        const uint32_t at = addr - ram[i].start, size = ram[i].kib * 1024u; /* below the start: at is beyond any size */
        if (ram[i].chip_id == chip->id && at < size && length <= size - at)
            return true;
    }
    return false;
}
