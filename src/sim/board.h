/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual board: one file that holds its flash chip and, behind it, what a real board has in eFuses.
 *
 *   flash bytes | trailer 4096 B
 *   trailer   0 "OTAEFUSE" | 8 u32 form 2 | 12 u32 flash size | 16 u16 chip id | 18 u16 revision | 20 mac[6]
 *            26 u8 flags: 1 recovery, 2 anti-rollback, 4 flash encryption, 8 rollback | 27 u8 secure boot 0..2
 *            28 u32 table offset | 32 u32 recovery offset | 36 u32 secure version
 *            40 u8 digests of Secure Boot keys 0..3 | 41 zero[3] | 44 digest[3][32] | 140 u32 crc-0 of all before | FF
 *   form 1    ends with 40 u32 crc-0 of bytes 0..39; it is read as a board without keys
 *
 * The boot configuration is what the bootloader was built with; it stands here because its image does not say it.
 */
#ifndef OTA_SIM_BOARD_H
#define OTA_SIM_BOARD_H

#include "ota/agent.h"
#include "sim/nor.h"
#include "sim/secure_boot.h"

#define OTA_EFUSE_SIZE 4096u

struct ota_efuse {
    const struct ota_chip *chip;
    uint16_t revision; /* major*100+minor */
    uint8_t mac[6];
    uint32_t secure_version;
    bool recovery;
    uint32_t recovery_offset;
    struct ota_boot_config boot;
    struct ota_secure_boot_keys keys;
};
void ota_efuse_encode(const struct ota_efuse *e, uint32_t flash_size, uint8_t out[OTA_EFUSE_SIZE]);
/* JOURNAL when damaged or of another form; UNSUPPORTED for an unknown chip. */
OTA_MUST_USE enum ota_status ota_efuse_decode(const uint8_t in[OTA_EFUSE_SIZE], uint32_t flash_size,
                                              struct ota_efuse *out, struct ota_err *err);

struct ota_virtual_board {
    struct ota_nor nor;
    struct ota_efuse efuse;
};
OTA_MUST_USE enum ota_status ota_virtual_board_open(struct ota_virtual_board *b, const char *path,
                                                    enum ota_nor_mode mode, struct ota_err *err);
/* An erased flash of `size` bytes in memory (sim/nor.h), with these eFuses. */
OTA_MUST_USE enum ota_status ota_virtual_board_memory(struct ota_virtual_board *b, const struct ota_efuse *e,
                                                      uint32_t size, struct ota_err *err);
void ota_virtual_board_close(struct ota_virtual_board *b);

/* What the agent and the bootloader want to know; build_time and agent are the app's and stay empty. */
struct ota_board ota_efuse_facts(const struct ota_efuse *e);
/* Raises the anti-rollback eFuse; a lower or equal value changes nothing. */
OTA_MUST_USE enum ota_status ota_virtual_board_burn(struct ota_virtual_board *b, uint32_t secure_version,
                                                    struct ota_err *err);

#endif
