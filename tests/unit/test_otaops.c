/* SPDX-License-Identifier: Apache-2.0 */
/* The app's view of otadata: what activate, confirm and invalidate write, refuse and survive. */
#include "host/crypto.h"
#include "sim/otaops.h"
#include "support/unit.h"
#include "support/virtual_world.h"

static struct ota_err err;
static struct virtual_world world;
static struct ota_otaops ops;

/* A board whose slots hold "zero" and "one". */
static void make(unsigned rows) {
    virtual_make(&world, "esp32c3", rows);
    virtual_app(&world, VIRTUAL_OTA_0, "zero", 0);
    virtual_app(&world, VIRTUAL_OTA_1, "one", 0);
    if (rows & HAS_FACTORY)
        virtual_app(&world, VIRTUAL_FACTORY, "factory", 0);
}

static int set_up(void **state) {
    (void)state;
    make(HAS_OTA_0 | HAS_OTA_1);
    return 0;
}

static int set_up_with_factory(void **state) {
    (void)state;
    make(HAS_FACTORY | HAS_OTA_0 | HAS_OTA_1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    virtual_free(&world);
    return 0;
}

/* Resets the board; the app of this version must come up. */
static void boot(const char *label) {
    assert_ota_ok(virtual_boot(&world, &err));
    assert_string_equal(world.boot.app->label, label);
    ota_otaops_init(&ops, &world.board, &ota_crypto_openssl, &world.boot.table, world.boot.app);
}

static enum ota_status activate(uint32_t offset) {
    return ops.port.activate(ops.port.ctx, offset, &err);
}
static enum ota_status confirm(void) {
    return ops.port.confirm(ops.port.ctx, &err);
}
static enum ota_status invalidate(void) {
    return ops.port.invalidate(ops.port.ctx, &err);
}

static void state_is(uint32_t offset, bool has_entry, enum ota_slot_state wanted) {
    enum ota_slot_state got;
    bool has;
    assert_ota_ok(ops.port.state(ops.port.ctx, offset, &got, &has, &err));
    assert_int_equal(has, has_entry);
    assert_string_equal(ota_slot_state_name(got), ota_slot_state_name(wanted));
}

static void entry_is(unsigned index, uint32_t seq, enum ota_slot_state state) {
    struct ota_otadata_entry e = virtual_read_entry(&world, index);
    assert_int_equal(e.seq, seq);
    assert_string_equal(ota_slot_state_name(e.state), ota_slot_state_name(state));
}

static void test_otaops_says_what_runs(void **state) {
    uint32_t offset;
    (void)state;
    boot("ota_0");
    assert_ota_ok(ops.port.running(ops.port.ctx, &offset, &err));
    assert_int_equal(offset, VIRTUAL_OTA_0);
    state_is(VIRTUAL_OTA_0, true, OTA_SLOT_VALID);
    state_is(VIRTUAL_OTA_1, false, OTA_SLOT_UNDEFINED);
    state_is(0x12345000, false, OTA_SLOT_UNDEFINED);
}

static void test_otaops_update_is_activated_and_confirmed(void **state) {
    (void)state;
    boot("ota_0");
    assert_ota_ok(activate(VIRTUAL_OTA_1));
    entry_is(0, 1, OTA_SLOT_VALID);
    entry_is(1, 2, OTA_SLOT_NEW);
    boot("ota_1");
    state_is(VIRTUAL_OTA_1, true, OTA_SLOT_PENDING_VERIFY);
    assert_ota_ok(confirm());
    assert_ota_ok(confirm());
    entry_is(1, 2, OTA_SLOT_VALID);
    boot("ota_1");
    assert_ota_ok(activate(VIRTUAL_OTA_0)); /* the next update goes back */
    entry_is(0, 3, OTA_SLOT_NEW);
    boot("ota_0");
}

static void test_otaops_without_rollback_writes_undefined(void **state) {
    (void)state;
    world.board.efuse.boot.rollback = false;
    boot("ota_0");
    assert_ota_ok(activate(VIRTUAL_OTA_1));
    entry_is(1, 2, OTA_SLOT_UNDEFINED);
    boot("ota_1");
}

static void test_otaops_activating_the_active_slot_rewrites_its_entry(void **state) {
    (void)state;
    boot("ota_0");
    assert_ota_ok(activate(VIRTUAL_OTA_1));
    assert_ota_ok(activate(VIRTUAL_OTA_1));
    entry_is(0, 1, OTA_SLOT_VALID);
    entry_is(1, 2, OTA_SLOT_NEW);
}

static void test_otaops_activate_verifies_the_image(void **state) {
    (void)state;
    boot("ota_0");
    virtual_damage(&world, VIRTUAL_OTA_1 + 0x3000);
    assert_ota(activate(VIRTUAL_OTA_1), OTA_IMAGE_CHECKSUM);
    virtual_app(&world, VIRTUAL_OTA_1, NULL, 0);
    assert_ota(activate(VIRTUAL_OTA_1), OTA_IMAGE_MAGIC);
    assert_ota(activate(VIRTUAL_OTADATA), OTA_ARGUMENT);
    boot("ota_0");
    state_is(VIRTUAL_OTA_1, false, OTA_SLOT_UNDEFINED);
}

static void test_otaops_activate_erases_a_slot_below_the_secure_version(void **state) {
    uint8_t first;
    (void)state;
    boot("ota_0");
    world.board.efuse.boot.anti_rollback = true;
    world.board.efuse.secure_version = 1;
    assert_ota(activate(VIRTUAL_OTA_1), OTA_SECURE_VERSION);
    assert_ota_ok(world.board.nor.port.read(world.board.nor.port.ctx, VIRTUAL_OTA_1, &first, 1, &err));
    assert_int_equal(first, 0xFF);
}

static void test_otaops_activating_factory_erases_otadata(void **state) {
    (void)state;
    boot("factory");
    assert_ota_ok(activate(VIRTUAL_OTA_0));
    entry_is(0, 1, OTA_SLOT_NEW); /* no active entry: sector 0 */
    boot("ota_0");
    assert_ota_ok(confirm());
    assert_ota_ok(activate(VIRTUAL_FACTORY));
    boot("factory");
    assert_int_equal(virtual_read_entry(&world, 0).seq, UINT32_MAX);
}

/* The traps of esp_ota_mark_app_valid: it would mark what the active entry names. */
static void test_otaops_confirm_refuses_what_does_not_run(void **state) {
    (void)state;
    boot("ota_0");
    assert_ota_ok(activate(VIRTUAL_OTA_1));
    assert_ota(confirm(), OTA_ROLLED_BACK); /* activated, not yet rebooted */
    entry_is(1, 2, OTA_SLOT_NEW);
    virtual_app(&world, VIRTUAL_OTA_1, NULL, 0);
    boot("ota_0"); /* the fallback runs while the entry names ota_1 */
    assert_ota(confirm(), OTA_ROLLED_BACK);
    assert_ota(invalidate(), OTA_ROLLED_BACK);
    entry_is(1, 2, OTA_SLOT_PENDING_VERIFY);
}

static void test_otaops_confirm_refuses_factory(void **state) {
    (void)state;
    boot("factory");
    assert_ota(confirm(), OTA_ROLLED_BACK);
    state_is(VIRTUAL_FACTORY, false, OTA_SLOT_UNDEFINED);
}

static void test_otaops_confirm_burns_the_secure_version(void **state) {
    (void)state;
    world.board.efuse.boot.anti_rollback = true;
    virtual_app(&world, VIRTUAL_OTA_1, "one", 4);
    boot("ota_0");
    assert_ota_ok(activate(VIRTUAL_OTA_1));
    boot("ota_1");
    assert_int_equal(world.board.efuse.secure_version, 0);
    assert_ota_ok(confirm());
    assert_int_equal(world.board.efuse.secure_version, 4);
    ota_virtual_board_close(&world.board);
    assert_ota_ok(ota_virtual_board_open(&world.board, world.path, OTA_NOR_WRITE, &err));
    assert_int_equal(world.board.efuse.secure_version, 4);
    assert_ota_ok(ota_virtual_board_burn(&world.board, 2, &err)); /* eFuses do not go back */
    assert_int_equal(world.board.efuse.secure_version, 4);
}

static void test_otaops_invalidate_returns_to_the_other_slot(void **state) {
    (void)state;
    boot("ota_0");
    assert_ota_ok(activate(VIRTUAL_OTA_1));
    boot("ota_1");
    assert_ota_ok(invalidate());
    entry_is(1, 2, OTA_SLOT_INVALID);
    boot("ota_0");
    state_is(VIRTUAL_OTA_1, true, OTA_SLOT_INVALID);
}

static void test_otaops_invalidate_is_refused_when_nothing_else_boots(void **state) {
    (void)state;
    boot("ota_0");
    assert_ota(invalidate(), OTA_NO_BOOT); /* the other entry is blank and there is no factory */
    assert_ota_ok(activate(VIRTUAL_OTA_1));
    boot("ota_1");
    virtual_damage(&world, VIRTUAL_OTA_0 + 0x3000);
    assert_ota(invalidate(), OTA_NO_BOOT);
    entry_is(1, 2, OTA_SLOT_PENDING_VERIFY);
}

static void test_otaops_invalidate_returns_to_factory(void **state) {
    (void)state;
    boot("factory");
    assert_ota_ok(activate(VIRTUAL_OTA_0));
    boot("ota_0");
    assert_ota_ok(invalidate());
    boot("factory");
}

static void test_otaops_activate_wants_a_trusted_signature(void **state) {
    struct boot_signer s, stranger;
    struct ota_efuse *e = &world.board.efuse;
    (void)state;
    boot("ota_0");
    boot_signer_make(&s, OTA_BOOT_ECDSA256);
    boot_signer_make(&stranger, OTA_BOOT_ECDSA256);
    virtual_sign(&world, VIRTUAL_OTA_0, &s);
    virtual_sign(&world, VIRTUAL_OTA_1, &stranger);
    e->boot.secure_boot = 2;
    e->keys.count = 1;
    memcpy(e->keys.digest[0], s.digest, sizeof s.digest);
    assert_ota(activate(VIRTUAL_OTA_1), OTA_SIGNATURE);
    virtual_app(&world, VIRTUAL_OTA_1, NULL, 0); /* and the signature with it */
    virtual_app(&world, VIRTUAL_OTA_1, "one", 0);
    assert_ota(activate(VIRTUAL_OTA_1), OTA_SIGNATURE);
    virtual_sign(&world, VIRTUAL_OTA_1, &s);
    assert_ota_ok(activate(VIRTUAL_OTA_1));
    boot_signer_free(&s);
    boot_signer_free(&stranger);
}

/* What is read afterwards may be neither the old entry nor the new one, as long as an app starts. */
static void test_otaops_a_torn_entry_leaves_something_that_boots(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        for (unsigned how = OTA_NOR_CUT_AFTER; how < OTA_NOR_CUT_COUNT; how++) {
            uint64_t n = 1 + seed % 2;
            virtual_entry(&world, 0, 1, OTA_SLOT_VALID);
            virtual_entry(&world, 1, 2, OTA_SLOT_NEW);
            boot("ota_1");
            world.board.nor.seed = seed;
            world.board.nor.operations = 0;
            ota_nor_cut_power(&world.board.nor, n, (enum ota_nor_cut)how);
            assert_ota(confirm(), OTA_FLASH);
            ota_nor_power_on(&world.board.nor);
            if (virtual_boot(&world, &err) != OTA_OK)
                fail_msg("cut %u (%s, seed %u): %s", (unsigned)n, ota_nor_cut_name((enum ota_nor_cut)how),
                         (unsigned)seed, err.msg);
        }
    }
}

static void test_otaops_a_cut_leaves_something_that_boots(void **state) {
    (void)state;
    for (unsigned how = OTA_NOR_CUT_CLEAN; how <= OTA_NOR_CUT_TORN; how++) {
        for (uint64_t n = 1; n <= 2; n++) {
            virtual_entry(&world, 0, 1, OTA_SLOT_VALID);
            virtual_entry(&world, 1, 2, OTA_SLOT_NEW);
            boot("ota_1");
            ota_nor_cut_power(&world.board.nor, n, (enum ota_nor_cut)how);
            assert_ota(confirm(), OTA_FLASH);
            ota_nor_power_on(&world.board.nor);
            boot("ota_0"); /* not confirmed, or the entry was lost */
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define FACTORY_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_with_factory, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_otaops_says_what_runs),
        TEST(test_otaops_update_is_activated_and_confirmed),
        TEST(test_otaops_without_rollback_writes_undefined),
        TEST(test_otaops_activating_the_active_slot_rewrites_its_entry),
        TEST(test_otaops_activate_verifies_the_image),
        TEST(test_otaops_activate_erases_a_slot_below_the_secure_version),
        FACTORY_TEST(test_otaops_activating_factory_erases_otadata),
        TEST(test_otaops_confirm_refuses_what_does_not_run),
        FACTORY_TEST(test_otaops_confirm_refuses_factory),
        TEST(test_otaops_confirm_burns_the_secure_version),
        TEST(test_otaops_invalidate_returns_to_the_other_slot),
        TEST(test_otaops_invalidate_is_refused_when_nothing_else_boots),
        FACTORY_TEST(test_otaops_invalidate_returns_to_factory),
        TEST(test_otaops_activate_wants_a_trusted_signature),
        TEST(test_otaops_a_torn_entry_leaves_something_that_boots),
        TEST(test_otaops_a_cut_leaves_something_that_boots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
