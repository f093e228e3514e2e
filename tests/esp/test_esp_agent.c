/* SPDX-License-Identifier: Apache-2.0 */
/* The whole agent over the ESP port: updates of every kind of image, rollback, and the power cut at each operation. */
#include <inttypes.h>

#include "double/chip.h"
#include "double/nvs.h"
#include "ota_esp_ports.h"
#include "support/fake_chip.h"
#include "support/unit.h"

static struct ota_err err;
static struct fake_chip facts; /* what the board says of itself */
static struct ota_flash cells; /* the fake board's own ports, below the doubles */
static struct ota_kv records;

/* Reset: from the cells through ROM and bootloader to an app whose agent sees ESP-IDF alone. */
static bool reset(struct fake_board *b) {
    struct ota_board board;
    struct ota_err why;
    if (double_chip_boot(&b->log_port, &why) != OTA_OK)
        return false;
    double_nvs_reboot();
    assert_ota_ok(ota_esp_flash_open(&err));
    assert_ota_ok(ota_esp_kv_open(&err));
    assert_ota_ok(ota_esp_board(&board, &err));
    assert_memory_equal(&board.boot, &facts.sim.efuse.boot, sizeof board.boot);
    assert_int_equal(board.revision, facts.sim.efuse.revision);
    b->flash_port = ota_esp_flash;
    b->kv_port = ota_esp_kv;
    b->boot_port = ota_esp_boot_port;
    b->running = double_chip.running;
    return true;
}

static struct world *new_world(void) {
    struct world *w = world_new();
    fake_chip_put(&facts, w);
    cells = w->board->flash_port;
    records = w->board->kv_port;
    w->board->reset = reset;
    double_chip_put(&cells, &facts.sim.efuse);
    double_nvs_reset();
    (void)double_nvs_put(OTA_STATE_LABEL, &records);
    return w;
}

static void free_world(struct world *w) {
    assert_true(double_chip.protected);
    assert_int_equal(double_chip.iterators, 0);
    world_free(w);
    fake_chip_free(&facts);
}

static int setup(void **state) {
    *state = new_world();
    return 0;
}

static int teardown(void **state) {
    free_world(*state);
    return 0;
}

static void test_esp_agent_updates_everything(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "tbsa");
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_OK);
    world_expect_release_2(w, "tbsa");
    assert_true(fake_board_logged(w->board, "@bootloader"));
    assert_int_equal(w->server->reports, 2);
    assert_true(world_run(w));
    world_expect_release_2(w, "tbsa");
}

/* Round after round: slots take turns, holes are registered anew after each reboot. */
static void test_esp_agent_goes_on_updating(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "sa");
    assert_true(world_run(w));
    for (uint32_t counter = 3; counter < 8; counter++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf app = fake_app(counter % 2 ? "odd" : "even", false);
        OTA_CLEAN(ota_buf_free) struct ota_buf data = fake_data(counter % 2 ? "odd" : "even", 0x2000);
        struct ota_release *r = fake_server_release(w->server, counter, "x");
        fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", ota_buf_span(&data));
        fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
        fake_server_offer(w->server, counter);
        fake_server_publish(w->server);
        assert_true(world_run(w));
        assert_int_equal(w->agent->board.counter, counter);
        assert_true(fake_board_holds(w->board, w->board->running, ota_buf_span(&app)));
    }
}

static void test_esp_agent_rolls_back_a_faulty_app(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "F");
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(fake_chip_entry(w, 1).state, OTA_SLOT_INVALID);
    assert_true(fake_board_logged(w->board, "rolled back"));
}

static void test_esp_agent_rolls_back_to_factory(void **state) {
    struct world *w = *state;
    world_add_factory(w);
    w->board->flash[FAKE_SLOT_0] = 0; /* nothing in the slots */
    memset(w->board->flash + FAKE_OTADATA, 0xFF, OTA_SECTOR);
    fake_board_flash(w->board, FAKE_FACTORY, ota_buf_span(&w->one.app));
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_FACTORY);
    world_settle(w);
    world_release_2(w, "F");
    assert_true(world_run(w));
    assert_int_equal(w->board->running, FAKE_FACTORY);
    assert_int_equal(w->agent->board.counter, 1);
}

/* ---- flash encryption ---------------------------------------------------------------------------------- */

/* As the first boot with encryption leaves it: everything that the table's rules encrypt. */
static void encrypt(uint32_t offset, uint32_t length) {
    uint8_t *p = ota_calloc(1, length);
    assert_ota_ok(cells.read(cells.ctx, offset, p, length, &err));
    double_chip_program(offset, (struct ota_span){p, length}, true);
    free(p);
}

static void expect_plain(uint32_t offset, const struct ota_buf *wanted) {
    uint8_t *p = ota_calloc(1, wanted->len);
    assert_ota_ok(double_chip.plain.read(NULL, offset, p, wanted->len, &err));
    assert_memory_equal(p, wanted->p, wanted->len);
    free(p);
}

static void test_esp_agent_updates_an_encrypted_board(void **state) {
    struct world *w = *state;
    facts.sim.efuse.boot.flash_encryption = true;
    encrypt(0, FAKE_TABLE_OFFSET + OTA_SECTOR);
    encrypt(FAKE_OTADATA, 2 * OTA_SECTOR);
    encrypt(FAKE_SLOT_0, 0x4000);
    world_settle(w);
    struct ota_release *r = world_release_2(w, "tbsa");
    r->boot.flash_encryption = true;
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_OK);
    assert_int_equal(w->agent->board.counter, 2);
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    expect_plain(0, &w->two.bootloader);
    expect_plain(FAKE_TABLE_OFFSET, &w->two.table);
    expect_plain(FAKE_SLOT_1, &w->two.app);
    assert_true(fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(&w->two.storage))); /* not flagged */
    assert_false(fake_board_holds(w->board, FAKE_SLOT_1, ota_buf_span(&w->two.app)));
    assert_true(double_chip.boot.app->offset == FAKE_SLOT_1);
}

/* ---- power cuts ---------------------------------------------------------------------------------------- */

/* A bootloader on a chip without recovery has its window: it is left out here. */
static bool update_with_a_cut(const char *kinds, uint64_t cut, bool torn) {
    struct world *w = new_world();
    world_settle(w);
    world_release_2(w, kinds);
    w->board->cut_at = cut;
    w->board->torn = torn;
    bool whole = world_run(w);
    w->board->cut_at = 0;
    if (!whole && !(world_start(w) && world_run(w)))
        fail_msg("%s: cut %" PRIu64 "%s: the board is dead", kinds, cut, torn ? ", torn" : "");
    if (w->agent->board.counter != 2)
        fail_msg("%s: cut %" PRIu64 "%s: release %u", kinds, cut, torn ? ", torn" : "",
                 (unsigned)w->agent->board.counter);
    world_expect_release_2(w, kinds);
    free_world(w);
    return whole;
}

static void test_esp_agent_power_is_cut_at_every_operation(void **state) {
    unsigned cuts = 0;
    (void)state;
    for (uint64_t n = 1; !update_with_a_cut("sa", n, false); n++, cuts++)
        (void)update_with_a_cut("sa", n, true);
    assert_in_range(cuts, 20, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_esp_agent_updates_everything),
        TEST(test_esp_agent_goes_on_updating),
        TEST(test_esp_agent_rolls_back_a_faulty_app),
        TEST(test_esp_agent_rolls_back_to_factory),
        TEST(test_esp_agent_updates_an_encrypted_board),
        cmocka_unit_test(test_esp_agent_power_is_cut_at_every_operation),
    };
    return cmocka_run_group_tests_name("esp_agent", tests, NULL, NULL);
}
