/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a virtual board: its flash and its eFuses. */
#include "sim/board.h"
#include "host/err_place.h"

#include <string.h>

#define MAGIC "OTAEFUSE"
#define FORM 2u
#define COVERED 140u
#define FORM_1 1u /* before it knew keys */
#define COVERED_1 40u

enum { FLAG_RECOVERY = 1, FLAG_ANTI_ROLLBACK = 2, FLAG_FLASH_ENCRYPTION = 4, FLAG_ROLLBACK = 8 };

void ota_efuse_encode(const struct ota_efuse *e, uint32_t flash_size, uint8_t out[OTA_EFUSE_SIZE]) {
    struct ota_writer w = {.p = out, .cap = OTA_EFUSE_SIZE};
    unsigned flags = (e->recovery ? FLAG_RECOVERY : 0u) | (e->boot.anti_rollback ? FLAG_ANTI_ROLLBACK : 0u) |
                     (e->boot.flash_encryption ? FLAG_FLASH_ENCRYPTION : 0u) | (e->boot.rollback ? FLAG_ROLLBACK : 0u);
    memset(out, 0xFF, OTA_EFUSE_SIZE);
    ota_write_bytes(&w, MAGIC, strlen(MAGIC));
    ota_write_u32(&w, FORM);
    ota_write_u32(&w, flash_size);
    ota_write_u16(&w, e->chip->id);
    ota_write_u16(&w, e->revision);
    ota_write_bytes(&w, e->mac, sizeof e->mac);
    ota_write_u8(&w, (uint8_t)flags);
    ota_write_u8(&w, e->boot.secure_boot);
    ota_write_u32(&w, e->boot.table_offset);
    ota_write_u32(&w, e->recovery_offset);
    ota_write_u32(&w, e->secure_version);
    ota_write_u32(&w, e->keys.count);
    ota_write_bytes(&w, e->keys.digest, sizeof e->keys.digest);
    ota_write_u32(&w, ota_crc32(0, out, COVERED));
}

static void read_facts(struct ota_reader *r, struct ota_efuse *out) {
    out->chip = ota_chip_by_id(ota_read_u16(r));
    out->revision = ota_read_u16(r);
    ota_read_bytes(r, out->mac, sizeof out->mac);
    unsigned flags = ota_read_u8(r);
    out->recovery = flags & FLAG_RECOVERY;
    out->boot.anti_rollback = flags & FLAG_ANTI_ROLLBACK;
    out->boot.flash_encryption = flags & FLAG_FLASH_ENCRYPTION;
    out->boot.rollback = flags & FLAG_ROLLBACK;
    out->boot.secure_boot = ota_read_u8(r);
    out->boot.table_offset = ota_read_u32(r);
    out->recovery_offset = ota_read_u32(r);
    out->secure_version = ota_read_u32(r);
}

static void read_keys(struct ota_reader *r, struct ota_secure_boot_keys *out) {
    out->count = ota_read_u8(r);
    (void)ota_read_u8(r);
    (void)ota_read_u16(r);
    ota_read_bytes(r, out->digest, sizeof out->digest);
}

static bool whole(const uint8_t *in, uint32_t covered) {
    return ota_le32(in + covered) == ota_crc32(0, in, covered);
}

/* A wrong offset would make the bootloader look beyond the flash or into itself. */
static bool offsets_sane(const struct ota_efuse *e, uint32_t flash_size) {
    uint32_t table = e->boot.table_offset, recovery = e->recovery_offset;
    if (table % OTA_SECTOR || table <= e->chip->bootloader_offset || table > flash_size - OTA_SECTOR)
        return false;
    uint32_t room = table - e->chip->bootloader_offset;
    return !e->recovery || (recovery % OTA_SECTOR == 0 && recovery > table && recovery <= flash_size - room);
}

enum ota_status ota_efuse_decode(const uint8_t in[OTA_EFUSE_SIZE], uint32_t flash_size, struct ota_efuse *out,
                                 struct ota_err *err) {
    struct ota_reader r = {.p = in, .len = OTA_EFUSE_SIZE};
    char magic[sizeof MAGIC] = "";
    memset(out, 0, sizeof *out);
    ota_read_bytes(&r, magic, strlen(MAGIC));
    uint32_t form = ota_read_u32(&r), size = ota_read_u32(&r);
    if (strcmp(magic, MAGIC) != 0)
        return ota_err_set(err, OTA_JOURNAL, "no flash file of a virtual board; make one with otadevice create");
    bool known = (form == FORM && whole(in, COVERED)) || (form == FORM_1 && whole(in, COVERED_1));
    if (!known || size != flash_size)
        return ota_err_set(err, OTA_JOURNAL, "the eFuses at its end are damaged: make the board anew");
    read_facts(&r, out);
    if (form == FORM)
        read_keys(&r, &out->keys);
    if (!out->chip)
        return ota_err_set(err, OTA_UNSUPPORTED, "is a board of a chip that this otadevice does not know");
    if (out->boot.secure_boot > 2 || out->keys.count > OTA_SECURE_BOOT_KEYS_MAX || !offsets_sane(out, flash_size))
        return ota_err_set(err, OTA_JOURNAL, "the eFuses at its end contradict the flash: make the board anew");
    return OTA_OK;
}

static enum ota_status read_efuse(struct ota_virtual_board *b, struct ota_err *err) {
    uint8_t bytes[OTA_EFUSE_SIZE];
    OTA_TRY(ota_nor_read_extra(&b->nor, 0, bytes, sizeof bytes, err));
    if (ota_efuse_decode(bytes, b->nor.size, &b->efuse, err) != OTA_OK)
        return ota_err_place(err, b->nor.path, 0);
    return OTA_OK;
}

enum ota_status ota_virtual_board_open(struct ota_virtual_board *b, const char *path, enum ota_nor_mode mode,
                                       struct ota_err *err) {
    memset(b, 0, sizeof *b);
    OTA_TRY(ota_nor_open(&b->nor, path, OTA_EFUSE_SIZE, mode, err));
    enum ota_status status = read_efuse(b, err);
    if (status != OTA_OK)
        ota_virtual_board_close(b);
    return status;
}

static enum ota_status write_efuse(struct ota_virtual_board *b, struct ota_err *err) {
    uint8_t bytes[OTA_EFUSE_SIZE];
    ota_efuse_encode(&b->efuse, b->nor.size, bytes);
    return ota_nor_write_extra(&b->nor, 0, bytes, sizeof bytes, err);
}

enum ota_status ota_virtual_board_memory(struct ota_virtual_board *b, const struct ota_efuse *e, uint32_t size,
                                         struct ota_err *err) {
    *b = (struct ota_virtual_board){.efuse = *e};
    OTA_TRY(ota_nor_memory(&b->nor, size, OTA_EFUSE_SIZE, err));
    return write_efuse(b, err);
}

void ota_virtual_board_close(struct ota_virtual_board *b) {
    ota_nor_close(&b->nor);
}

struct ota_board ota_efuse_facts(const struct ota_efuse *e) {
    return (struct ota_board){
        .chip = e->chip,
        .revision = e->revision,
        .table_offset = e->boot.table_offset,
        .boot = e->boot,
        .secure_version = e->secure_version,
        .recovery = e->recovery,
        .recovery_offset = e->recovery_offset,
    };
}

enum ota_status ota_virtual_board_burn(struct ota_virtual_board *b, uint32_t secure_version, struct ota_err *err) {
    if (secure_version <= b->efuse.secure_version)
        return OTA_OK;
    b->efuse.secure_version = secure_version;
    return write_efuse(b, err);
}
