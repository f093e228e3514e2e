/* SPDX-License-Identifier: Apache-2.0 */
/* ROM and bootloader: which app starts, for every state of otadata, and what is written on the way. */
#include "image/sample.h"
#include "support/unit.h"
#include "support/virtual_world.h"

static struct ota_err err;
static struct virtual_world world;

static void make(unsigned rows) {
    virtual_make(&world, "esp32c3", rows);
    if (rows & HAS_FACTORY)
        virtual_app(&world, VIRTUAL_FACTORY, "factory", 0);
    if (rows & HAS_OTA_0)
        virtual_app(&world, VIRTUAL_OTA_0, "zero", 0);
    if (rows & HAS_OTA_1)
        virtual_app(&world, VIRTUAL_OTA_1, "one", 0);
    if (rows & HAS_OTA_2)
        virtual_app(&world, VIRTUAL_OTA_2, "two", 0);
    if (rows & HAS_TEST)
        virtual_app(&world, VIRTUAL_TEST, "test", 0);
}

static int tear_down(void **state) {
    (void)state;
    virtual_free(&world);
    return 0;
}

static void entry_is(unsigned index, uint32_t seq, enum ota_slot_state state) {
    struct ota_otadata_entry e = virtual_read_entry(&world, index);
    assert_int_equal(e.seq, seq);
    assert_true(e.crc_ok);
    assert_string_equal(ota_slot_state_name(e.state), ota_slot_state_name(state));
}

static void entry_is_blank(unsigned index) {
    assert_int_equal(virtual_read_entry(&world, index).seq, UINT32_MAX);
}

static void does_not_boot(const char *why) {
    assert_ota(virtual_boot(&world, &err), OTA_NO_BOOT);
    if (!strstr(err.msg, why))
        fail_msg("\"%s\" is not in \"%s\"", why, err.msg);
}

#define RECOVERY 0x1F0000u
#define SLOTS (HAS_OTA_0 | HAS_OTA_1)

/* ---- ROM and table ------------------------------------------------------------------------------------- */

static void test_rom_needs_a_bootloader_with_a_right_checksum(void **state) {
    (void)state;
    make(SLOTS);
    virtual_damage(&world, world.board.efuse.chip->bootloader_offset + 0x1000);
    does_not_boot("bootloader at 0x0: its checksum is wrong");
}

static void test_rom_does_not_compare_a_bootloaders_sha256(void **state) {
    (void)state;
    make(SLOTS);
    /* Two equal changes cancel out in the checksum. */
    virtual_damage(&world, world.board.efuse.chip->bootloader_offset + 0x1000);
    virtual_damage(&world, world.board.efuse.chip->bootloader_offset + 0x1001);
    virtual_boots(&world, "ota_0", "zero");
}

static void test_rom_refuses_a_bootloader_of_another_chip(void **state) {
    (void)state;
    make(SLOTS);
    world.board.efuse.chip = ota_chip_by_name(ota_span_str("esp32s3"));
    does_not_boot("chip id 0x0005");
}

static void test_rom_starts_the_recovery_bootloader(void **state) {
    (void)state;
    virtual_make(&world, "esp32c5", SLOTS);
    virtual_app(&world, VIRTUAL_OTA_0, "zero", 0);
    virtual_bootloader(&world, 0x1F0000);
    virtual_damage(&world, world.board.efuse.chip->bootloader_offset + 0x1000);
    does_not_boot("its checksum is wrong");
    world.board.efuse.recovery = true;
    world.board.efuse.recovery_offset = 0x1F0000;
    virtual_boots(&world, "ota_0", "zero");
    assert_true(world.boot.recovery);
    virtual_damage(&world, 0x1F1000);
    does_not_boot("recovery bootloader at 0x1f0000");
}

static void test_rom_needs_a_sound_table(void **state) {
    (void)state;
    make(SLOTS);
    virtual_damage(&world, OTA_TABLE_DEFAULT_OFFSET + 28);
    does_not_boot("partition table at 0x8000: its MD5 is wrong");
    const struct ota_flash *f = &world.board.nor.port;
    assert_ota_ok(f->erase(f->ctx, OTA_TABLE_DEFAULT_OFFSET, OTA_SECTOR, &err));
    does_not_boot("it has no rows");
}

/* The chip has 2 MiB, and slots up to 1.125 MiB. */
static void test_rom_takes_the_flash_size_of_the_bootloaders_header(void **state) {
    static const struct {
        uint8_t size_speed;
        uint32_t size;
    } headers[] = {{0x00, 0x100000}, {0x10, 0x200000}, {0x20, 0x400000}, {0x70, 0x8000000}, {0xF0, 0x200000}};
    (void)state;
    make(SLOTS | HAS_OTA_2);
    for (size_t i = 0; i < OTA_ARRAY_LEN(headers); i++) {
        virtual_bend(&world, world.board.efuse.chip->bootloader_offset, 3, headers[i].size_speed);
        if (headers[i].size == 0x100000)
            does_not_boot("partition table at 0x8000: row 4 ends beyond the flash as the bootloader's header has it");
        else
            virtual_boots(&world, "ota_0", "zero");
        assert_int_equal(world.boot.flash_size, headers[i].size);
    }
}

static void test_rom_takes_the_flash_size_of_the_bootloader_that_started(void **state) {
    (void)state;
    virtual_make(&world, "esp32c5", SLOTS | HAS_OTA_2);
    virtual_app(&world, VIRTUAL_OTA_0, "zero", 0);
    virtual_bootloader(&world, RECOVERY);
    virtual_bend(&world, RECOVERY, 3, 0x00);
    world.board.efuse.recovery = true;
    world.board.efuse.recovery_offset = RECOVERY;
    virtual_boots(&world, "ota_0", "zero");
    virtual_damage(&world, world.board.efuse.chip->bootloader_offset + 0x1000);
    does_not_boot("as the bootloader's header has it");
}

/* ---- otadata ------------------------------------------------------------------------------------------- */

static void test_rom_without_otadata_starts_factory(void **state) {
    (void)state;
    make(HAS_FACTORY | HAS_OTA_0 | NO_OTADATA);
    virtual_boots(&world, "factory", "factory");
}

static void test_rom_refuses_a_small_otadata(void **state) {
    (void)state;
    make(HAS_FACTORY | SLOTS | SMALL_OTADATA);
    does_not_boot("otadata has 0x1000 bytes");
}

static void test_rom_blank_otadata_starts_factory(void **state) {
    (void)state;
    make(HAS_FACTORY | SLOTS);
    virtual_boots(&world, "factory", "factory");
    entry_is_blank(0);
    entry_is_blank(1);
}

static void test_rom_blank_otadata_without_factory_is_written(void **state) {
    (void)state;
    make(SLOTS);
    virtual_boots(&world, "ota_0", "zero");
    entry_is(0, 1, OTA_SLOT_VALID);
    entry_is_blank(1);
}

static void test_rom_blank_otadata_names_the_slot_that_loads(void **state) {
    (void)state;
    make(SLOTS);
    virtual_app(&world, VIRTUAL_OTA_0, NULL, 0);
    virtual_boots(&world, "ota_1", "one");
    entry_is(0, 2, OTA_SLOT_VALID);
}

static void test_rom_both_ruled_out_starts_factory_or_slot_0(void **state) {
    (void)state;
    make(HAS_FACTORY | SLOTS);
    virtual_entry(&world, 0, 1, OTA_SLOT_INVALID);
    virtual_entry(&world, 1, 2, OTA_SLOT_ABORTED);
    virtual_boots(&world, "factory", "factory");
    virtual_free(&world);
    make(SLOTS);
    virtual_entry(&world, 0, 3, OTA_SLOT_INVALID);
    virtual_entry(&world, 1, 2, OTA_SLOT_ABORTED);
    virtual_boots(&world, "ota_0", "zero");
    entry_is(0, 3, OTA_SLOT_INVALID); /* not blank: nothing is written */
    entry_is(1, 2, OTA_SLOT_ABORTED);
}

static void test_rom_without_slots_starts_factory(void **state) {
    (void)state;
    make(HAS_FACTORY);
    virtual_entry(&world, 0, 1, OTA_SLOT_VALID);
    virtual_boots(&world, "factory", "factory");
}

static void test_rom_starts_the_slot_of_the_larger_sequence(void **state) {
    (void)state;
    make(HAS_FACTORY | SLOTS);
    virtual_entry(&world, 0, 5, OTA_SLOT_VALID);
    virtual_entry(&world, 1, 6, OTA_SLOT_UNDEFINED);
    virtual_boots(&world, "ota_1", "one");
    virtual_entry(&world, 1, 6, OTA_SLOT_INVALID);
    virtual_boots(&world, "ota_0", "zero");
    virtual_entry(&world, 1, 6, OTA_SLOT_VALID);
    virtual_bad_crc(&world, 1);
    virtual_boots(&world, "ota_0", "zero");
}

static void test_rom_new_becomes_pending_then_aborted(void **state) {
    (void)state;
    make(SLOTS);
    virtual_entry(&world, 0, 1, OTA_SLOT_VALID);
    virtual_entry(&world, 1, 2, OTA_SLOT_NEW);
    virtual_boots(&world, "ota_1", "one");
    entry_is(1, 2, OTA_SLOT_PENDING_VERIFY);
    virtual_boots(&world, "ota_0", "zero");
    entry_is(1, 2, OTA_SLOT_ABORTED);
    entry_is(0, 1, OTA_SLOT_VALID);
}

static void test_rom_without_rollback_leaves_states_alone(void **state) {
    (void)state;
    make(SLOTS);
    world.board.efuse.boot.rollback = false;
    virtual_entry(&world, 0, 1, OTA_SLOT_PENDING_VERIFY);
    virtual_entry(&world, 1, 2, OTA_SLOT_NEW);
    virtual_boots(&world, "ota_1", "one");
    virtual_boots(&world, "ota_1", "one");
    entry_is(0, 1, OTA_SLOT_PENDING_VERIFY);
    entry_is(1, 2, OTA_SLOT_NEW);
}

static void test_rom_bad_crc_in_both_starts_factory(void **state) {
    (void)state;
    make(HAS_FACTORY | SLOTS);
    virtual_entry(&world, 0, 1, OTA_SLOT_VALID);
    virtual_entry(&world, 1, 2, OTA_SLOT_VALID);
    virtual_bad_crc(&world, 0);
    virtual_bad_crc(&world, 1);
    virtual_boots(&world, "factory", "factory");
    virtual_app(&world, VIRTUAL_FACTORY, NULL, 0);
    virtual_boots(&world, "ota_0", "zero");
    assert_false(virtual_read_entry(&world, 0).crc_ok); /* nothing was written */
}

/* ---- fallback ------------------------------------------------------------------------------------------ */

/* Neither a CRC that is wrong nor anything else of the entry is put right on the way. */
static void test_rom_aborting_changes_the_state_alone(void **state) {
    (void)state;
    make(SLOTS);
    virtual_entry(&world, 0, 1, OTA_SLOT_VALID);
    virtual_entry(&world, 1, 2, OTA_SLOT_PENDING_VERIFY);
    virtual_bad_crc(&world, 1);
    virtual_boots(&world, "ota_0", "zero");
    struct ota_otadata_entry e = virtual_read_entry(&world, 1);
    assert_int_equal(e.seq, 2);
    assert_false(e.crc_ok);
    assert_string_equal(ota_slot_state_name(e.state), ota_slot_state_name(OTA_SLOT_ABORTED));
}

static void test_rom_falls_back_down_then_up_then_to_test(void **state) {
    (void)state;
    make(HAS_FACTORY | SLOTS | HAS_OTA_2 | HAS_TEST);
    virtual_entry(&world, 0, 2, OTA_SLOT_VALID);
    virtual_boots(&world, "ota_1", "one");
    virtual_damage(&world, VIRTUAL_OTA_1 + 0x2000);
    virtual_boots(&world, "ota_0", "zero");
    virtual_app(&world, VIRTUAL_OTA_0, NULL, 0);
    virtual_boots(&world, "factory", "factory");
    virtual_app(&world, VIRTUAL_FACTORY, NULL, 0);
    virtual_boots(&world, "ota_2", "two");
    virtual_app(&world, VIRTUAL_OTA_2, NULL, 0);
    virtual_boots(&world, "test", "test");
    virtual_app(&world, VIRTUAL_TEST, NULL, 0);
    does_not_boot("no app verifies");
    entry_is(0, 2, OTA_SLOT_VALID); /* and so at every boot */
}

static void test_rom_refuses_an_app_of_another_chip(void **state) {
    (void)state;
    make(SLOTS);
    const struct ota_chip *own = world.board.efuse.chip;
    world.board.efuse.chip = ota_chip_by_name(ota_span_str("esp32s3"));
    virtual_app(&world, VIRTUAL_OTA_0, "foreign", 0);
    world.board.efuse.chip = own;
    virtual_boots(&world, "ota_1", "one");
    assert_non_null(strstr(world.log, "made for esp32s3"));
}

/* With pages of 128 KiB the offset of the slot counts, which is a multiple of 64 KiB. */
static void test_rom_maps_pages_from_where_the_slot_is(void **state) {
    (void)state;
    virtual_make(&world, "esp32s31", SLOTS);
    world.board.efuse.revision = 0;
    virtual_app(&world, VIRTUAL_OTA_0, "zero", 0);
    virtual_app(&world, VIRTUAL_OTA_1, "one", 0);
    virtual_boots(&world, "ota_0", "zero");
    virtual_bend(&world, VIRTUAL_OTA_0, OTA_APP_DESC_OFFSET + 180, 17);
    virtual_boots(&world, "ota_1", "one");
    assert_non_null(strstr(world.log, "ota_0 at 0x60000: segment"));
}

static void test_rom_follows_holes_as_the_bootloader_counts(void **state) {
    (void)state;
    make(HAS_FACTORY | HAS_OTA_0 | HAS_OTA_2); /* two slots; sequence 2 selects index 1, which is not there */
    virtual_entry(&world, 0, 2, OTA_SLOT_VALID);
    virtual_boots(&world, "ota_0", "zero");
}

/* ---- anti-rollback ------------------------------------------------------------------------------------- */

static void test_rom_anti_rollback_skips_old_apps(void **state) {
    (void)state;
    make(SLOTS);
    world.board.efuse.boot.anti_rollback = true;
    world.board.efuse.secure_version = 2;
    virtual_app(&world, VIRTUAL_OTA_0, "old", 1);
    virtual_app(&world, VIRTUAL_OTA_1, "new", 2);
    virtual_entry(&world, 0, 1, OTA_SLOT_VALID);
    virtual_boots(&world, "ota_1", "new");
    virtual_app(&world, VIRTUAL_OTA_1, "old", 1);
    does_not_boot("secure version");
}

static void test_rom_anti_rollback_burns_for_a_valid_app_only(void **state) {
    (void)state;
    make(SLOTS);
    world.board.efuse.boot.anti_rollback = true;
    virtual_app(&world, VIRTUAL_OTA_1, "new", 3);
    virtual_entry(&world, 1, 2, OTA_SLOT_NEW);
    virtual_boots(&world, "ota_1", "new");
    assert_int_equal(world.boot.secure_version, 0);
    virtual_entry(&world, 1, 2, OTA_SLOT_VALID);
    virtual_boots(&world, "ota_1", "new");
    assert_int_equal(world.boot.secure_version, 3);
}

static void test_rom_anti_rollback_searches_when_otadata_is_blank(void **state) {
    (void)state;
    make(SLOTS);
    world.board.efuse.boot.anti_rollback = true;
    world.board.efuse.secure_version = 1;
    virtual_app(&world, VIRTUAL_OTA_1, "new", 1);
    virtual_boots(&world, "ota_1", "new");
    entry_is(0, 2, OTA_SLOT_VALID);
}

/* ---- Secure Boot v2 ------------------------------------------------------------------------------------ */

/* A bootloader and two apps, signed; eFuse trusts the key. */
static void make_signed(struct boot_signer *by, const char *chip) {
    virtual_make(&world, chip, SLOTS);
    uint32_t bootloader = world.board.efuse.chip->bootloader_offset;
    virtual_app(&world, VIRTUAL_OTA_0, "zero", 0);
    virtual_app(&world, VIRTUAL_OTA_1, "one", 0);
    boot_signer_make(by, OTA_BOOT_ECDSA256);
    virtual_sign(&world, bootloader, by);
    virtual_sign(&world, VIRTUAL_OTA_0, by);
    virtual_sign(&world, VIRTUAL_OTA_1, by);
    world.board.efuse.boot.secure_boot = 2;
    world.board.efuse.keys.count = 1;
    memcpy(world.board.efuse.keys.digest[0], by->digest, sizeof by->digest);
}

static void test_rom_secure_boot_skips_an_app_that_is_not_signed_right(void **state) {
    struct boot_signer s, stranger;
    (void)state;
    make_signed(&s, "esp32c3");
    boot_signer_make(&stranger, OTA_BOOT_ECDSA256);
    virtual_boots(&world, "ota_0", "zero");
    virtual_app(&world, VIRTUAL_OTA_0, NULL, 0); /* and the signature with it */
    virtual_app(&world, VIRTUAL_OTA_0, "zero", 0);
    virtual_boots(&world, "ota_1", "one");
    assert_non_null(strstr(world.log, "ota_0 at 0x60000: it is not signed"));
    virtual_sign(&world, VIRTUAL_OTA_0, &stranger);
    virtual_boots(&world, "ota_1", "one");
    assert_non_null(strstr(world.log, "no eFuse trusts the key"));
    virtual_sign(&world, VIRTUAL_OTA_0, &s);
    virtual_boots(&world, "ota_0", "zero");
    boot_signer_free(&s);
    boot_signer_free(&stranger);
}

static void test_rom_secure_boot_wants_a_signed_bootloader(void **state) {
    struct boot_signer s, stranger;
    (void)state;
    make_signed(&s, "esp32c3");
    boot_signer_make(&stranger, OTA_BOOT_ECDSA256);
    virtual_damage(&world, OTA_SAMPLE_BOOTLOADER_SIZE + 40);
    does_not_boot("bootloader at 0x0: its signature block is damaged");
    virtual_sign(&world, 0, &stranger);
    does_not_boot("bootloader at 0x0: no eFuse trusts the key");
    virtual_sign(&world, 0, &s);
    assert_ota_ok(virtual_boot(&world, &err));
    boot_signer_free(&s);
    boot_signer_free(&stranger);
}

static void test_rom_secure_boot_recovers_with_a_signed_bootloader(void **state) {
    struct boot_signer s;
    (void)state;
    make_signed(&s, "esp32c61");
    world.board.efuse.recovery = true;
    world.board.efuse.recovery_offset = RECOVERY;
    virtual_bootloader(&world, RECOVERY);
    virtual_damage(&world, 0x1000);
    does_not_boot("recovery bootloader");
    virtual_sign(&world, RECOVERY, &s);
    assert_ota_ok(virtual_boot(&world, &err));
    assert_true(world.boot.recovery);
    boot_signer_free(&s);
}

/* ---- power cuts ---------------------------------------------------------------------------------------- */

static void test_rom_boots_after_a_cut_at_any_of_its_writes(void **state) {
    (void)state;
    for (unsigned how = OTA_NOR_CUT_CLEAN; how < OTA_NOR_CUT_COUNT; how++) {
        for (uint64_t n = 1; n <= 4; n++) {
            make(SLOTS);
            virtual_entry(&world, 0, 1, OTA_SLOT_PENDING_VERIFY);
            virtual_entry(&world, 1, 2, OTA_SLOT_NEW);
            ota_nor_cut_power(&world.board.nor, n, (enum ota_nor_cut)how);
            assert_ota(virtual_boot(&world, &err), OTA_FLASH);
            ota_nor_power_on(&world.board.nor);
            assert_ota_ok(virtual_boot(&world, &err));
            virtual_free(&world);
        }
    }
    make(SLOTS);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_rom_needs_a_bootloader_with_a_right_checksum),
        TEST(test_rom_does_not_compare_a_bootloaders_sha256),
        TEST(test_rom_refuses_a_bootloader_of_another_chip),
        TEST(test_rom_starts_the_recovery_bootloader),
        TEST(test_rom_needs_a_sound_table),
        TEST(test_rom_takes_the_flash_size_of_the_bootloaders_header),
        TEST(test_rom_takes_the_flash_size_of_the_bootloader_that_started),
        TEST(test_rom_without_otadata_starts_factory),
        TEST(test_rom_refuses_a_small_otadata),
        TEST(test_rom_blank_otadata_starts_factory),
        TEST(test_rom_blank_otadata_without_factory_is_written),
        TEST(test_rom_blank_otadata_names_the_slot_that_loads),
        TEST(test_rom_both_ruled_out_starts_factory_or_slot_0),
        TEST(test_rom_without_slots_starts_factory),
        TEST(test_rom_starts_the_slot_of_the_larger_sequence),
        TEST(test_rom_new_becomes_pending_then_aborted),
        TEST(test_rom_without_rollback_leaves_states_alone),
        TEST(test_rom_bad_crc_in_both_starts_factory),
        TEST(test_rom_aborting_changes_the_state_alone),
        TEST(test_rom_falls_back_down_then_up_then_to_test),
        TEST(test_rom_refuses_an_app_of_another_chip),
        TEST(test_rom_maps_pages_from_where_the_slot_is),
        TEST(test_rom_follows_holes_as_the_bootloader_counts),
        TEST(test_rom_anti_rollback_skips_old_apps),
        TEST(test_rom_anti_rollback_burns_for_a_valid_app_only),
        TEST(test_rom_anti_rollback_searches_when_otadata_is_blank),
        TEST(test_rom_secure_boot_skips_an_app_that_is_not_signed_right),
        TEST(test_rom_secure_boot_wants_a_signed_bootloader),
        TEST(test_rom_secure_boot_recovers_with_a_signed_bootloader),
        TEST(test_rom_boots_after_a_cut_at_any_of_its_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
