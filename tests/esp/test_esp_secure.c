/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A board with Secure Boot v2, flash encryption and anti-rollback: what lies encrypted in its cells, what reads as noise, and what
 * esp_ota_ops would erase.
 */
#include "double/log.h"
#include "double/nvs.h"
#include "esp_image_format.h"
#include "esp_ota_ops.h"
#include "sim/statekv.h"
#include "state_hole.h"
#include "support/esp_world.h"
#include "support/fake_board.h"
#include "support/unit.h"

static struct ota_err err;
static struct esp_world world;
static const struct ota_boot_port *const port = &ota_esp_boot_port;

static int setup(void **state) {
    (void)state;
    esp_world_make(&world, 0);
    esp_world_boots(&world, "ota_0");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    esp_world_free(&world);
    return 0;
}

static enum ota_status flash_read(uint32_t off, void *p, size_t n) {
    return ota_esp_flash.read(ota_esp_flash.ctx, off, p, n, &err);
}
static enum ota_status flash_write(uint32_t off, const void *p, size_t n) {
    return ota_esp_flash.write(ota_esp_flash.ctx, off, p, n, &err);
}
static enum ota_status flash_erase(uint32_t off, uint32_t n) {
    return ota_esp_flash.erase(ota_esp_flash.ctx, off, n, &err);
}

static bool all_ff(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0xFF)
            return false;
    return true;
}

/* ---- flash encryption ---------------------------------------------------------------------------------- */

/* Written through the port, `off` reads back the same, and its cells hold something else exactly if it is encrypted. */
static void round_trip(uint32_t off, bool encrypted) {
    uint8_t text[32] = "what was written is what is read", back[sizeof text], cells[sizeof text];
    assert_ota_ok(flash_erase(off & ~(OTA_SECTOR - 1u), OTA_SECTOR));
    assert_ota_ok(flash_write(off, text, sizeof text));
    assert_ota_ok(flash_read(off, back, sizeof back));
    assert_memory_equal(back, text, sizeof text);
    esp_world_cells(off, cells, sizeof cells);
    if ((memcmp(cells, text, sizeof text) != 0) != encrypted)
        fail_msg("0x%x is %s", (unsigned)off, encrypted ? "not encrypted" : "encrypted");
}

/* What boot chain and esp_image_verify() read decrypted is encrypted: holes too, where images wait. */
static void test_trap_esp_encryption_is_where_the_chip_decrypts(void **state) {
    (void)state;
    round_trip(0x1000, true);
    round_trip(OTA_TABLE_DEFAULT_OFFSET, true);
    round_trip(ESP_OTADATA, true);
    round_trip(ESP_OTA_1, true);
    round_trip(ESP_SECRET, true);
    round_trip(ESP_HOLE, true);
    round_trip(ESP_LAST_HOLE + 0x3000, true);
    round_trip(ESP_STORAGE, false);
    round_trip(ESP_STATE, false);
}

/* 16 bytes are the smallest thing that is encrypted. */
static void test_trap_esp_encryption_works_on_blocks(void **state) {
    uint8_t bytes[32] = {1};
    (void)state;
    assert_ota_ok(flash_erase(ESP_SECRET, OTA_SECTOR));
    assert_ota(flash_write(ESP_SECRET + 8, bytes, 16), OTA_ARGUMENT);
    assert_ota(flash_write(ESP_SECRET, bytes, 20), OTA_ARGUMENT);
    assert_non_null(strstr(err.msg, "blocks of 16"));
    assert_ota_ok(flash_write(ESP_SECRET + 16, bytes, 16));
    assert_ota_ok(flash_read(ESP_SECRET + 17, bytes, 3)); /* reading may begin anywhere */
}

/* The agent erases the rest of a partition and compares it with FF; the cells are FF, the cache shows noise. */
static void test_trap_esp_encryption_makes_noise_of_erased_flash(void **state) {
    uint8_t bytes[0x340], cache[16];
    (void)state;
    memset(bytes, 0, 64);
    assert_ota_ok(flash_erase(ESP_SECRET, OTA_SECTOR));
    assert_ota_ok(flash_write(ESP_SECRET + 0x100, bytes, 64));
    esp_world_read(ESP_SECRET, cache, sizeof cache);
    assert_false(all_ff(cache, sizeof cache));
    assert_ota_ok(flash_read(ESP_SECRET, bytes, sizeof bytes));
    assert_true(all_ff(bytes, 0x100));
    for (unsigned i = 0x100; i < 0x140; i++)
        assert_int_equal(bytes[i], 0);
    assert_true(all_ff(bytes + 0x140, sizeof bytes - 0x140));
    /* Across the border of what is written, unaligned. */
    assert_ota_ok(flash_read(ESP_SECRET + 0xf5, bytes, 0x55));
    assert_true(all_ff(bytes, 0x0b));
    for (unsigned i = 0x0b; i < 0x4b; i++)
        assert_int_equal(bytes[i], 0);
    assert_true(all_ff(bytes + 0x4b, 0x0a));
}

/* FF that was written is not erased flash, and reads the same. */
static void test_esp_secure_written_ff_reads_as_ff(void **state) {
    uint8_t bytes[64], cells[64];
    (void)state;
    memset(bytes, 0xFF, sizeof bytes);
    assert_ota_ok(flash_erase(ESP_OTA_1, OTA_SECTOR));
    assert_ota_ok(flash_write(ESP_OTA_1, bytes, sizeof bytes));
    esp_world_cells(ESP_OTA_1, cells, sizeof cells);
    assert_false(all_ff(cells, 16));
    assert_ota_ok(flash_read(ESP_OTA_1, bytes, sizeof bytes));
    assert_true(all_ff(bytes, sizeof bytes));
}

static void test_esp_secure_cells_that_cannot_be_read(void **state) {
    uint8_t bytes[16];
    (void)state;
    double_chip.read_fault = ESP_ERR_TIMEOUT;
    double_chip.fail_after = 1; /* the cache succeeds */
    assert_ota(flash_read(ESP_SECRET, bytes, sizeof bytes), OTA_FLASH);
}

/* ---- Secure Boot --------------------------------------------------------------------------------------- */

static enum ota_status verify(uint32_t offset, const struct ota_buf *image, enum ota_kind kind) {
    return port->verify(port->ctx, offset, (uint32_t)image->len, kind, &err);
}

static void waits(uint32_t offset, const struct ota_buf *image) {
    uint8_t sector[OTA_SECTOR];
    for (size_t pos = 0; pos < image->len; pos += sizeof sector) {
        size_t n = image->len - pos < sizeof sector ? image->len - pos : sizeof sector;
        memset(sector, 0xFF, sizeof sector);
        memcpy(sector, image->p + pos, n);
        assert_ota_ok(flash_erase(offset + (uint32_t)pos, OTA_SECTOR));
        assert_ota_ok(flash_write(offset + (uint32_t)pos, sector, sizeof sector));
    }
}

static void test_esp_secure_bootloader_that_waits_is_checked_with_its_signature(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf good = esp_world_bootloader_bytes(&world, "next");
    OTA_CLEAN(ota_buf_free) struct ota_buf unsigned_one = fake_bootloader("next");
    (void)state;
    waits(ESP_HOLE + OTA_SECTOR, &good);
    assert_ota_ok(verify(ESP_HOLE + OTA_SECTOR, &good, OTA_KIND_BOOTLOADER));
    waits(ESP_HOLE, &unsigned_one);
    assert_ota(verify(ESP_HOLE, &unsigned_one, OTA_KIND_BOOTLOADER), OTA_SIGNATURE);
    assert_int_equal(double_chip.bootloader_offset, 0);
}

static void test_esp_secure_bootloader_of_another_key(void **state) {
    struct boot_signer other;
    OTA_CLEAN(ota_buf_free) struct ota_buf b = fake_bootloader("next");
    (void)state;
    boot_signer_make(&other, OTA_BOOT_ECDSA256);
    boot_sign(&other, &b, 0);
    waits(ESP_HOLE, &b);
    assert_ota(verify(ESP_HOLE, &b, OTA_KIND_BOOTLOADER), OTA_SIGNATURE);
    boot_signer_free(&other);
}

/* esp_image_verify() would refuse it there, signed or not. */
static void test_esp_secure_factory_app_that_waits_is_checked_by_its_signature(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf good = esp_world_app_bytes(&world, "next", 0);
    OTA_CLEAN(ota_buf_free) struct ota_buf bare = fake_app("next", false);
    OTA_CLEAN(ota_buf_free) struct ota_buf tiny = fake_data("x", 100);
    (void)state;
    waits(ESP_HOLE + OTA_SECTOR, &good);
    assert_ota_ok(verify(ESP_HOLE + OTA_SECTOR, &good, OTA_KIND_FACTORY));
    waits(ESP_HOLE + OTA_SECTOR, &bare);
    assert_ota(verify(ESP_HOLE + OTA_SECTOR, &bare, OTA_KIND_FACTORY), OTA_SIGNATURE);
    assert_ota(verify(ESP_HOLE + OTA_SECTOR, &tiny, OTA_KIND_FACTORY), OTA_SIGNATURE);
}

/* In a partition that is not encrypted the chip's check would read noise. */
static void test_trap_esp_verify_in_a_plain_partition(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf good = esp_world_bootloader_bytes(&world, "next");
    const esp_partition_pos_t pos = {ESP_STORAGE, ESP_DATA_SIZE};
    esp_image_metadata_t data;
    (void)state;
    waits(ESP_STORAGE, &good);
    assert_int_equal(esp_image_verify(ESP_IMAGE_VERIFY, &pos, &data), ESP_ERR_IMAGE_INVALID);
    assert_ota(verify(ESP_STORAGE, &good, OTA_KIND_BOOTLOADER), OTA_CONFIG);
    assert_non_null(strstr(err.msg, "storage is not encrypted"));
}

static void test_esp_secure_unsigned_app_is_not_activated(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bare = fake_app("next", false);
    (void)state;
    waits(ESP_OTA_1, &bare);
    assert_ota(port->activate(port->ctx, ESP_OTA_1, &err), OTA_SIGNATURE);
    assert_false(esp_world_read_entry(1).crc_ok); /* noise */
}

static void test_esp_secure_update_is_activated_and_confirmed(void **state) {
    (void)state;
    assert_ota_ok(port->activate(port->ctx, ESP_OTA_1, &err));
    esp_world_entry_is(1, 2, OTA_SLOT_NEW);
    esp_world_boots(&world, "ota_1");
    assert_ota_ok(port->confirm(port->ctx, &err));
    esp_world_boots(&world, "ota_1");
}

/* ---- anti-rollback ------------------------------------------------------------------------------------- */

static void test_trap_esp_activate_does_not_erase_an_old_app(void **state) {
    uint8_t first;
    (void)state;
    world.board.efuse.secure_version = 1;
    assert_ota(port->activate(port->ctx, ESP_OTA_1, &err), OTA_SECURE_VERSION);
    assert_string_equal(err.msg, "ota_1: secure version 0 is below the board's 1");
    assert_ota_ok(flash_read(ESP_OTA_1, &first, 1));
    assert_int_equal(first, 0xE9);
    assert_int_equal(esp_ota_set_boot_partition(double_chip_row("ota_1")), ESP_ERR_OTA_SMALL_SEC_VER); /* the trap */
    assert_ota_ok(flash_read(ESP_OTA_1, &first, 1));
    assert_int_equal(first, 0xFF);
}

static void test_trap_esp_activate_without_a_descriptor(void **state) {
    (void)state;
    assert_ota_ok(flash_erase(ESP_OTA_1, OTA_SECTOR));
    assert_ota(port->activate(port->ctx, ESP_OTA_1, &err), OTA_IMAGE_DESCRIPTOR);
}

static void test_trap_esp_confirm_burns_the_secure_version(void **state) {
    (void)state;
    esp_world_app(&world, ESP_OTA_1, "next", 3);
    assert_ota_ok(port->activate(port->ctx, ESP_OTA_1, &err));
    esp_world_boots(&world, "ota_1");
    assert_int_equal(world.board.efuse.secure_version, 0);
    assert_ota_ok(port->confirm(port->ctx, &err));
    assert_int_equal(world.board.efuse.secure_version, 3);
    assert_ota(port->invalidate(port->ctx, &err), OTA_NO_BOOT); /* the other one is too old by now */
}

/* ---- board --------------------------------------------------------------------------------------------- */

static void test_esp_secure_board_facts(void **state) {
    struct ota_board b;
    (void)state;
    world.board.efuse.secure_version = 5;
    assert_ota_ok(ota_esp_board(&b, &err));
    assert_true(b.boot.anti_rollback && b.boot.rollback && b.boot.flash_encryption);
    assert_int_equal(b.boot.secure_boot, 2);
    assert_int_equal(b.secure_version, 5);
    assert_false(b.recovery); /* a C3's ROM has none */
}

/* Before the first boot with encryption, and Secure Boot's first boot, the chip says no yet. */
static void test_esp_secure_board_before_the_fuses_are_burnt(void **state) {
    struct ota_board b;
    (void)state;
    world.board.efuse.boot.flash_encryption = false;
    world.board.efuse.boot.secure_boot = 0;
    assert_ota_ok(ota_esp_board(&b, &err));
    assert_false(b.boot.flash_encryption);
    assert_int_equal(b.boot.secure_boot, 0);
}

/* The eFuse of the recovery bootloader: only where ROM and revision have it, and only at an address that makes sense. */
static bool recovery_of(const char *chip, uint16_t revision, uint32_t offset) {
    struct ota_efuse *e = &world.board.efuse;
    struct ota_board b;
    e->chip = ota_chip_by_name(ota_span_str(chip));
    e->revision = revision;
    e->recovery = offset != 0;
    e->recovery_offset = offset;
    assert_ota_ok(ota_esp_board(&b, &err));
    assert_string_equal(b.chip->name, chip);
    assert_true(!b.recovery || b.recovery_offset == offset);
    return b.recovery;
}

static void test_esp_secure_board_recovery_bootloader(void **state) {
    (void)state;
    assert_false(recovery_of("esp32c5", 100, 0));
    assert_true(recovery_of("esp32c5", 100, 0x3f0000));
    assert_true(recovery_of("esp32c61", 100, 0x3f0000));
    assert_true(recovery_of("esp32p4", 300, 0x3f0000));
    assert_true(recovery_of("esp32s31", 0, 0x3f0000));
    assert_false(recovery_of("esp32p4", 199, 0x3f0000));
    assert_false(recovery_of("esp32c3", 4, 0x3f0000));
    double_log_clear();
    assert_false(recovery_of("esp32c5", 100, 0x8000));
    assert_true(double_logged("0x8000 cannot be one"));
    assert_false(recovery_of("esp32c5", 100, ESP_FLASH_SIZE));
}

static void test_esp_secure_board_says_which_bootloader_the_rom_started(void **state) {
    struct ota_board b;
    (void)state;
    assert_true(recovery_of("esp32c5", 100, 0x3f0000));
    assert_ota_ok(ota_esp_board(&b, &err));
    assert_false(b.on_recovery);
    double_chip.boot.recovery = true;
    assert_ota_ok(ota_esp_board(&b, &err));
    assert_true(b.on_recovery);
}

/* A bit for each version, and nothing while the ROM does not look. */
static void test_esp_secure_board_bootloader_secure_version(void **state) {
    struct ota_board b;
    (void)state;
    double_chip.boot_fuses = 0x7;
    assert_ota_ok(ota_esp_board(&b, &err));
    assert_int_equal(b.boot_secure_version, 0);
    double_chip.boot_fuses = 0x17;
    assert_ota_ok(ota_esp_board(&b, &err));
    assert_int_equal(b.boot_secure_version, 3);
}

/* The window is 0x8000 less what lies before it on a C5: 0x6000. */
static void test_esp_secure_state_hole_spares_the_recovery_bootloader(void **state) {
    static const struct {
        uint32_t recovery;
        bool free;
    } rows[] = {{ESP_LAST_HOLE - 0x6000, true},
                {ESP_LAST_HOLE - 0x5000, false},
                {ESP_LAST_HOLE, false},
                {ESP_LAST_HOLE + 0x9000, false},
                {ESP_LAST_HOLE + 0xA000, true}};
    (void)state;
    esp_world_free(&world);
    esp_world_make(&world, ESP_NO_STATE);
    double_state_offset = ESP_LAST_HOLE;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        const struct ota_chip *c3 = world.board.efuse.chip;
        esp_world_boots(&world, "ota_0");
        assert_true(recovery_of("esp32c5", 100, rows[i].recovery));
        if (ota_esp_state_hole_register() != rows[i].free)
            fail_msg("row %zu: recovery bootloader at 0x%x", i, (unsigned)rows[i].recovery);
        world.board.efuse.chip = c3;
        world.board.efuse.recovery = false;
    }
    double_state_offset = 0;
}

/* NVS encryption is on in this build: what an app without it kept would be erased. */
static void test_esp_secure_kv_spares_what_was_written_in_plain(void **state) {
    static const struct {
        uint8_t header[4];
        const char *key;
        uint8_t state; /* of the page's second entry */
        bool plain;
    } rows[] = {
        {{0, 1, 1, 0xFF}, "ota", 0xF8, true},       {{0, 1, 1, 0xFF}, "ota", 0xF0, false}, /* erased */
        {{0, 1, 1, 0xFF}, "ota", 0xFC, false},                                             /* power was cut over it */
        {{0, 1, 1, 0xFF}, "otax", 0xF8, false},     {{1, 1, 1, 0xFF}, "ota", 0xF8, false}, /* a key of another one */
        {{7, 9, 82, 120}, "\x12\x88", 0xF8, false},
    };
    const uint32_t page = ESP_STATE + 3 * OTA_SECTOR;
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        uint8_t bytes[OTA_SECTOR];
        struct ota_statekv store;
        esp_world_boots(&world, "ota_0");
        memset(bytes, 0xFF, sizeof bytes);
        bytes[32] = rows[i].state;
        memset(bytes + 96 + 8, 0, 16);
        memcpy(bytes + 96, rows[i].header, 4);
        memcpy(bytes + 96 + 8, rows[i].key, strlen(rows[i].key));
        double_chip_program(page, (struct ota_span){bytes, sizeof bytes}, false);
        assert_ota_ok(ota_statekv_open(&store, double_chip.cells, ESP_STATE, 2 * OTA_SECTOR, &err));
        double_nvs_reset();
        (void)double_nvs_put(OTA_STATE_LABEL, &store.port);
        const enum ota_status status = ota_esp_kv_open(&err);
        if (status != (rows[i].plain ? OTA_KV : OTA_OK))
            fail_msg("row %zu: %s (%s)", i, ota_status_name(status), err.msg);
        assert_true(double_nvs.partition[0].initialised != rows[i].plain);
        assert_true(!rows[i].plain || strstr(err.msg, "without NVS encryption"));
        ota_statekv_close(&store);
    }
    double_nvs_reset();
}

static void test_esp_secure_board_of_an_unknown_chip(void **state) {
    struct ota_board b;
    (void)state;
    double_chip.id = 0x7777;
    assert_ota(ota_esp_board(&b, &err), OTA_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "0x7777"));
}

/* ---- NVS encryption ------------------------------------------------------------------------------------ */

static struct ota_statekv store;

static struct double_nvs_partition *put_store(void) {
    assert_ota_ok(ota_statekv_open(&store, double_chip.cells, ESP_STATE, ESP_ID - ESP_STATE, &err));
    return double_nvs_put(OTA_STATE_LABEL, &store.port);
}

static bool has_keys(const struct double_nvs_partition *p) {
    static const nvs_sec_cfg_t none;
    return memcmp(&p->keys, &none, sizeof none) != 0;
}

/* nvs_flash_init_partition() alone would read encrypted entries as garbage, and drop them. */
static void test_trap_esp_nvs_encryption_is_not_automatic(void **state) {
    struct double_nvs_partition *p = put_store();
    (void)state;
    assert_ota_ok(ota_esp_kv_open(&err));
    assert_true(has_keys(p));
    assert_int_equal(double_nvs.keys_generated, 0);
    ota_statekv_close(&store);
}

static void test_esp_secure_nvs_keys_are_made_once(void **state) {
    struct double_nvs_partition *p = put_store();
    (void)state;
    double_nvs.read_keys = ESP_ERR_NVS_KEYS_NOT_INITIALIZED;
    assert_ota_ok(ota_esp_kv_open(&err));
    assert_true(has_keys(p));
    assert_int_equal(double_nvs.keys_generated, 1);
    double_nvs_reboot();
    assert_ota_ok(ota_esp_kv_open(&err));
    assert_int_equal(double_nvs.keys_generated, 1);
    ota_statekv_close(&store);
}

/* nvs_flash_init() makes new ones, and what the old ones encrypted in every partition is lost. */
static void test_trap_esp_nvs_keys_are_not_replaced(void **state) {
    struct double_nvs_partition *p = put_store();
    (void)state;
    double_nvs.read_keys = ESP_ERR_NVS_CORRUPT_KEY_PART;
    assert_ota(ota_esp_kv_open(&err), OTA_KV);
    assert_int_equal(double_nvs.keys_generated, 0);
    assert_false(p->initialised);
    ota_statekv_close(&store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_trap_esp_encryption_is_where_the_chip_decrypts),
        TEST(test_trap_esp_encryption_works_on_blocks),
        TEST(test_trap_esp_encryption_makes_noise_of_erased_flash),
        TEST(test_esp_secure_written_ff_reads_as_ff),
        TEST(test_esp_secure_cells_that_cannot_be_read),
        TEST(test_esp_secure_bootloader_that_waits_is_checked_with_its_signature),
        TEST(test_esp_secure_bootloader_of_another_key),
        TEST(test_esp_secure_factory_app_that_waits_is_checked_by_its_signature),
        TEST(test_trap_esp_verify_in_a_plain_partition),
        TEST(test_esp_secure_unsigned_app_is_not_activated),
        TEST(test_esp_secure_update_is_activated_and_confirmed),
        TEST(test_trap_esp_activate_does_not_erase_an_old_app),
        TEST(test_trap_esp_activate_without_a_descriptor),
        TEST(test_trap_esp_confirm_burns_the_secure_version),
        TEST(test_esp_secure_board_facts),
        TEST(test_esp_secure_board_before_the_fuses_are_burnt),
        TEST(test_esp_secure_board_recovery_bootloader),
        TEST(test_esp_secure_board_says_which_bootloader_the_rom_started),
        TEST(test_esp_secure_board_bootloader_secure_version),
        TEST(test_esp_secure_kv_spares_what_was_written_in_plain),
        TEST(test_esp_secure_state_hole_spares_the_recovery_bootloader),
        TEST(test_esp_secure_board_of_an_unknown_chip),
        TEST(test_trap_esp_nvs_encryption_is_not_automatic),
        TEST(test_esp_secure_nvs_keys_are_made_once),
        TEST(test_trap_esp_nvs_keys_are_not_replaced),
    };
    return cmocka_run_group_tests_name("esp_secure", tests, NULL, NULL);
}
