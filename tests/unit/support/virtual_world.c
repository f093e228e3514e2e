/* SPDX-License-Identifier: Apache-2.0 */
#include "support/virtual_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "image/sample.h"
#include "sim/window.h"
#include "support/unit.h"

static struct ota_err err;

void virtual_chip(struct virtual_world *w, uint32_t extra) {
    memset(w, 0, sizeof *w);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/ota-sim.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    (void)snprintf(w->path, sizeof w->path, "%s/flash", w->dir);
    size_t n = VIRTUAL_FLASH_SIZE + extra;
    OTA_CLEAN_FREE uint8_t *blank = malloc(n);
    assert_non_null(blank);
    memset(blank, 0xFF, n);
    assert_ota_ok(ota_fs_write(w->path, blank, n, 0600, &err));
}

void virtual_free(struct virtual_world *w) {
    ota_virtual_board_close(&w->board);
    assert_ota_ok(ota_fs_remove_tree(w->dir, &err));
}

static void write_flash(struct virtual_world *w, uint32_t offset, const uint8_t *p, size_t n) {
    const struct ota_flash *f = &w->board.nor.port;
    uint8_t sector[OTA_SECTOR];
    assert_ota_ok(f->erase(f->ctx, offset, (uint32_t)(n + OTA_SECTOR - 1) & ~(OTA_SECTOR - 1u), &err));
    for (size_t pos = 0; pos < n; pos += sizeof sector) {
        size_t part = n - pos < sizeof sector ? n - pos : sizeof sector;
        memset(sector, 0xFF, sizeof sector);
        memcpy(sector, p + pos, part);
        assert_ota_ok(f->write(f->ctx, offset + (uint32_t)pos, sector, sizeof sector, &err));
    }
}

/* ---- table --------------------------------------------------------------------------------------------- */

static void add_row(struct ota_table *t, uint8_t type, uint8_t subtype, uint32_t offset, uint32_t size,
                    const char *label) {
    struct ota_partition *p = &t->row[t->count++];
    *p = (struct ota_partition){.type = type, .subtype = subtype, .offset = offset, .size = size};
    (void)snprintf(p->label, sizeof p->label, "%s", label);
}

static void write_table(struct virtual_world *w, unsigned rows) {
    static const struct {
        unsigned bit;
        uint8_t subtype;
        uint32_t offset;
        const char *label;
    } apps[] = {
        {HAS_FACTORY, OTA_APP_FACTORY, VIRTUAL_FACTORY, "factory"},
        {HAS_OTA_0, OTA_APP_OTA_0, VIRTUAL_OTA_0, "ota_0"},
        {HAS_OTA_1, OTA_APP_OTA_0 + 1, VIRTUAL_OTA_1, "ota_1"},
        {HAS_OTA_2, OTA_APP_OTA_0 + 2, VIRTUAL_OTA_2, "ota_2"},
        {HAS_TEST, OTA_APP_TEST, VIRTUAL_TEST, "test"},
    };
    struct ota_table t = {0};
    uint8_t bytes[OTA_TABLE_LENGTH];
    add_row(&t, OTA_PART_DATA, OTA_DATA_NVS, 0x9000, 0x4000, "nvs");
    if (!(rows & NO_OTADATA))
        add_row(&t, OTA_PART_DATA, OTA_DATA_OTA, VIRTUAL_OTADATA, rows & SMALL_OTADATA ? 0x1000 : 0x2000, "otadata");
    for (size_t i = 0; i < OTA_ARRAY_LEN(apps); i++)
        if (rows & apps[i].bit)
            add_row(&t, OTA_PART_APP, apps[i].subtype, apps[i].offset, VIRTUAL_SLOT_SIZE, apps[i].label);
    assert_ota_ok(ota_table_write(&t, &ota_crypto_openssl, bytes, &err));
    write_flash(w, OTA_TABLE_DEFAULT_OFFSET, bytes, sizeof bytes);
}

void virtual_make(struct virtual_world *w, const char *chip, unsigned rows) {
    uint8_t trailer[OTA_EFUSE_SIZE];
    virtual_chip(w, OTA_EFUSE_SIZE);
    const struct ota_efuse e = {
        .chip = ota_chip_by_name(ota_span_str(chip)),
        .revision = 100,
        .boot = {.rollback = true, .table_offset = OTA_TABLE_DEFAULT_OFFSET},
    };
    ota_efuse_encode(&e, VIRTUAL_FLASH_SIZE, trailer);
    int fd = open(w->path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, trailer, sizeof trailer, VIRTUAL_FLASH_SIZE), sizeof trailer);
    assert_int_equal(close(fd), 0);
    assert_ota_ok(ota_virtual_board_open(&w->board, w->path, OTA_NOR_WRITE, &err));
    write_table(w, rows);
    virtual_bootloader(w, e.chip->bootloader_offset);
}

/* ---- images -------------------------------------------------------------------------------------------- */

void virtual_bootloader(struct virtual_world *w, uint32_t offset) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    const struct ota_sample s = {.chip = w->board.efuse.chip, .project = "thermo", .version = "1"};
    assert_ota_ok(ota_sample_bootloader(&s, &ota_crypto_openssl, &b, &err));
    write_flash(w, offset, b.p, b.len);
}

/* The secure version is patched in; the appended SHA-256 and the checksum follow. */
static void set_secure_version(struct ota_buf *b, uint32_t secure_version) {
    uint8_t *field = b->p + OTA_APP_DESC_OFFSET + 4, *digest = b->p + b->len - OTA_SHA256_LEN;
    for (unsigned i = 0; i < 4; i++)
        digest[-1] = (uint8_t)(digest[-1] ^ field[i] ^ (uint8_t)(secure_version >> (8 * i)));
    ota_put_le32(field, secure_version);
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, b->p, b->len - OTA_SHA256_LEN, digest, &err));
}

void virtual_app(struct virtual_world *w, uint32_t offset, const char *version, uint32_t secure_version) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    const struct ota_flash *f = &w->board.nor.port;
    if (!version) {
        assert_ota_ok(f->erase(f->ctx, offset, VIRTUAL_SLOT_SIZE, &err));
        return;
    }
    const struct ota_sample s = {
        .chip = w->board.efuse.chip, .project = "thermo", .version = version, .app_size = OTA_SAMPLE_APP_SIZE_MIN};
    assert_ota_ok(ota_sample_app(&s, &ota_crypto_openssl, &b, &err));
    set_secure_version(&b, secure_version);
    write_flash(w, offset, b.p, b.len);
}

void virtual_bend(struct virtual_world *w, uint32_t offset, uint32_t at, uint8_t value) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    const struct ota_flash *f = &w->board.nor.port;
    struct ota_image image;
    assert_ota_ok(ota_window_image(f, &ota_crypto_openssl, offset, VIRTUAL_SLOT_SIZE, &image, &err));
    ota_buf_reserve(&b, image.length);
    assert_ota_ok(f->read(f->ctx, offset, b.p, image.length, &err));
    uint8_t *digest = b.p + image.length - OTA_SHA256_LEN;
    if (at >= OTA_APP_DESC_OFFSET) /* the checksum covers segments alone */
        digest[-1] = (uint8_t)(digest[-1] ^ b.p[at] ^ value);
    b.p[at] = value;
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, b.p, image.length - OTA_SHA256_LEN, digest, &err));
    write_flash(w, offset, b.p, image.length);
}

void virtual_sign(struct virtual_world *w, uint32_t offset, struct boot_signer *by) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    const struct ota_flash *f = &w->board.nor.port;
    struct ota_image image;
    assert_ota_ok(ota_window_image(f, &ota_crypto_openssl, offset, VIRTUAL_SLOT_SIZE, &image, &err));
    ota_buf_reserve(&b, image.length);
    assert_ota_ok(f->read(f->ctx, offset, b.p, image.length, &err));
    b.len = image.length;
    boot_sign(by, &b, 0);
    write_flash(w, offset, b.p, b.len);
}

void virtual_damage(struct virtual_world *w, uint32_t offset) {
    const struct ota_flash *f = &w->board.nor.port;
    uint8_t sector[OTA_SECTOR];
    uint32_t base = offset & ~(OTA_SECTOR - 1u);
    assert_ota_ok(f->read(f->ctx, base, sector, sizeof sector, &err));
    sector[offset - base] ^= 1;
    write_flash(w, base, sector, sizeof sector);
}

/* ---- otadata ------------------------------------------------------------------------------------------- */

static void put_entry(struct virtual_world *w, unsigned index, const uint8_t bytes[OTA_OTADATA_ENTRY]) {
    write_flash(w, VIRTUAL_OTADATA + index * OTA_SECTOR, bytes, OTA_OTADATA_ENTRY);
}

void virtual_entry(struct virtual_world *w, unsigned index, uint32_t seq, enum ota_slot_state state) {
    uint8_t bytes[OTA_OTADATA_ENTRY];
    ota_otadata_encode(seq, state, bytes);
    put_entry(w, index, bytes);
}

void virtual_bad_crc(struct virtual_world *w, unsigned index) {
    virtual_damage(w, VIRTUAL_OTADATA + index * OTA_SECTOR + 28);
}

struct ota_otadata_entry virtual_read_entry(struct virtual_world *w, unsigned index) {
    const struct ota_flash *f = &w->board.nor.port;
    uint8_t bytes[OTA_OTADATA_ENTRY];
    struct ota_otadata_entry e;
    assert_ota_ok(f->read(f->ctx, VIRTUAL_OTADATA + index * OTA_SECTOR, bytes, sizeof bytes, &err));
    ota_otadata_decode(bytes, &e);
    return e;
}

/* ---- boot ---------------------------------------------------------------------------------------------- */

static void keep_line(void *ctx, enum ota_log_level level, const char *text) {
    struct virtual_world *w = ctx;
    size_t n = strlen(w->log);
    (void)level;
    (void)snprintf(w->log + n, sizeof w->log - n, "%s\n", text);
}

enum ota_status virtual_boot(struct virtual_world *w, struct ota_err *why) {
    const struct ota_board facts = ota_efuse_facts(&w->board.efuse);
    const struct ota_log log = {.ctx = w, .line = keep_line};
    const struct ota_rom rom = {&w->board.nor.port, &facts, &ota_crypto_openssl, &log, &w->board.efuse.keys};
    w->log[0] = '\0';
    return ota_rom_start(&rom, &w->boot, why);
}

void virtual_boots(struct virtual_world *w, const char *label, const char *version) {
    assert_ota_ok(virtual_boot(w, &err));
    assert_string_equal(w->boot.app->label, label);
    assert_string_equal(w->boot.image.app.version, version);
}
