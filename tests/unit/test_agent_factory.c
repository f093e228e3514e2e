/* SPDX-License-Identifier: Apache-2.0 */
/* The factory app over the air: an `app` for the label `factory`, copied like data and never activated. */
#include "support/unit.h"

#include <stdio.h>

#include "support/fake_world.h"

#define LABEL_IN_ROLE "\"kind\":\"app\",\"label\":\"factory\""

static struct ota_err err;

static int setup(void **state) {
    *state = world_new();
    return 0;
}

static int setup_factory(void **state) {
    struct world *w = *state = world_new();
    world_add_factory(w);
    world_settle(w);
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    return 0;
}

static bool reported(const struct world *w, const char *part) {
    return strstr(ota_buf_text(&w->server->report), part) != NULL;
}

static bool factory_is(const struct world *w, const struct ota_buf *image) {
    return fake_board_holds(w->board, FAKE_FACTORY, ota_buf_span(image));
}

/* ---- in metadata --------------------------------------------------------------------------------------- */

/* Release 2 as the product's role says it, with `from` replaced. The role's text is in *text. */
static enum ota_status read_listed(const struct world *w, const char *from, const char *to, struct ota_buf *text,
                                   struct ota_release *out) {
    char path[OTA_TARGET_PATH_MAX];
    struct ota_metadata role;
    const struct fake_file *file = w->server->file;
    bool found;
    snprintf(path, sizeof path, "m/%llu.thermo.json", (unsigned long long)w->server->version);
    while (strcmp(file->path, path) != 0)
        file++;
    const char *whole = ota_buf_text(&file->bytes), *at = strstr(whole, from);
    assert_non_null(at);
    text->len = 0;
    ota_buf_printf(text, "%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from));
    assert_ota_ok(ota_metadata_parse(text->p, &text->len, "targets", &role, &err));
    return ota_release_read(&role, "thermo", 2, out, &found, &err);
}

static void test_agent_factory_is_an_app_for_its_label(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    struct ota_release r;
    world_release_2(w, "sfa");
    assert_ota_ok(read_listed(w, LABEL_IN_ROLE, LABEL_IN_ROLE, &text, &r));
    assert_int_equal(r.step_count, 3);
    assert_int_equal(r.step[0].kind, OTA_KIND_DATA);
    assert_int_equal(r.step[1].kind, OTA_KIND_FACTORY);
    assert_string_equal(r.step[1].label, OTA_LABEL_FACTORY);
    assert_int_equal(r.step[2].kind, OTA_KIND_APP);
    assert_string_equal(ota_kind_name(OTA_KIND_FACTORY), "app");
    assert_string_equal(ota_kind_label(OTA_KIND_FACTORY), OTA_LABEL_FACTORY);
    assert_true(ota_kind_is_image(OTA_KIND_FACTORY));
}

static void test_agent_factory_label_takes_no_other_image(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    struct ota_release r;
    world_release_2(w, "f");
    assert_ota(read_listed(w, LABEL_IN_ROLE, "\"kind\":\"bootloader\",\"label\":\"factory\"", &text, &r),
               OTA_IMAGE_KIND);
    assert_ota(read_listed(w, LABEL_IN_ROLE, "\"kind\":\"partition-table\",\"label\":\"factory\"", &text, &r),
               OTA_IMAGE_KIND);
    assert_ota(read_listed(w, LABEL_IN_ROLE, "\"kind\":\"app\",\"label\":\"storage\"", &text, &r), OTA_IMAGE_KIND);
    assert_ota(read_listed(w, LABEL_IN_ROLE, "\"kind\":\"app\",\"label\":\"Factory\"", &text, &r), OTA_IMAGE_KIND);
}

static struct ota_release of_kinds(const enum ota_kind *kind, uint8_t count) {
    struct ota_release r = {.chip = "esp32c3", .step_count = count, .has_boot = true, .risk = true, .compat = true};
    for (size_t i = 0; i < count; i++) {
        const char *label = ota_kind_label(kind[i]);
        r.step[i].kind = kind[i];
        snprintf(r.step[i].label, sizeof r.step[i].label, "%s", label ? label : "storage");
    }
    return r;
}

static void test_agent_factory_comes_between_bootloader_and_app(void **state) {
    static const enum ota_kind order[] = {OTA_KIND_TABLE, OTA_KIND_DATA, OTA_KIND_BOOTLOADER, OTA_KIND_FACTORY,
                                          OTA_KIND_APP};
    (void)state;
    struct ota_release r = of_kinds(order, OTA_ARRAY_LEN(order));
    assert_ota_ok(ota_release_check(&r, &err));
    for (size_t i = 1; i < OTA_ARRAY_LEN(order); i++) {
        const enum ota_kind swapped[] = {order[i], order[i - 1]};
        r = of_kinds(swapped, 2);
        assert_ota(ota_release_check(&r, &err), OTA_METADATA_FIELD);
        assert_non_null(strstr(err.msg, "partition table, data, bootloader, factory app, app"));
    }
    const enum ota_kind twice[] = {OTA_KIND_FACTORY, OTA_KIND_FACTORY};
    r = of_kinds(twice, 2);
    assert_ota(ota_release_check(&r, &err), OTA_METADATA_FIELD);
}

static void test_agent_factory_with_an_app_needs_compat(void **state) {
    static const enum ota_kind both[] = {OTA_KIND_FACTORY, OTA_KIND_APP};
    (void)state;
    struct ota_release r = of_kinds(both, 2);
    assert_ota_ok(ota_release_check(&r, &err));
    r.compat = false;
    assert_ota(ota_release_check(&r, &err), OTA_COMPAT);
    r = of_kinds(both, 1); /* alone: no other app has to get along with it */
    r.compat = false;
    assert_ota_ok(ota_release_check(&r, &err));
}

/* ---- installed ----------------------------------------------------------------------------------------- */

static void test_agent_factory_is_copied_at_boot_and_not_activated(void **state) {
    struct world *w = *state;
    uint8_t otadata[2 * OTA_SECTOR];
    memcpy(otadata, w->board->flash + FAKE_OTADATA, sizeof otadata);
    world_release_2(w, "f");
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_COMMITTED);
    assert_true(factory_is(w, &w->one.factory)); /* while the system runs nothing is written there */
    assert_true(world_start(w));
    assert_true(factory_is(w, &w->two.factory));
    assert_true(world_run(w));
    world_expect_release_2(w, "f");
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_int_equal(w->boots, 2);
    assert_memory_equal(w->board->flash + FAKE_OTADATA, otadata, sizeof otadata);
    assert_true(reported(w, "\"label\":\"factory\""));
    assert_true(reported(w, "\"result\":\"installed\""));
}

static void test_agent_factory_comes_with_an_app(void **state) {
    struct world *w = *state;
    world_release_2(w, "fa");
    assert_true(world_run(w));
    world_expect_release_2(w, "fa");
}

/* What is left of a longer factory app lies behind the new one's end, where nobody reads. */
static void test_agent_factory_writes_no_more_than_the_image(void **state) {
    struct world *w = *state;
    const uint32_t behind = FAKE_FACTORY + FAKE_APP_LENGTH;
    fake_board_flash(w->board, behind, ota_span_str("the old one's tail"));
    world_release_2(w, "f");
    assert_true(world_run(w));
    world_expect_release_2(w, "f");
    assert_true(fake_board_holds(w->board, behind, ota_span_str("the old one's tail")));
}

static void test_agent_factory_that_is_there_is_skipped(void **state) {
    struct world *w = *state;
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_FACTORY, OTA_LABEL_FACTORY, "factory.bin", ota_buf_span(&w->one.factory));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 2);
    assert_int_equal(w->boots, 1);
    assert_int_equal(w->server->image_requests, 0);
    assert_int_equal(w->board->flash_writes, 0);
    assert_true(fake_board_logged(w->board, "factory is there already: skipped"));
}

/* The board's rescue when both slots are lost. */
static void test_agent_factory_boots_when_nothing_else_does(void **state) {
    struct world *w = *state;
    world_release_2(w, "f");
    assert_true(world_run(w));
    memset(w->board->flash + FAKE_SLOT_0, 0, OTA_SECTOR);
    assert_true(fake_board_boot(w->board));
    assert_int_equal(w->board->running, FAKE_FACTORY);
}

/* Committed, and the slot that ran went bad before the reset: the bootloader starts the factory app, which is not
 * overwritten under its own feet, nor ever after. */
static void test_agent_factory_that_was_fallen_back_to_is_not_overwritten(void **state) {
    struct world *w = *state;
    world_release_2(w, "f");
    for (unsigned i = 0; i < 5 && !w->agent->reboot; i++)
        assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_COMMITTED);
    w->board->flash[FAKE_SLOT_0 + 0x100] ^= 1;
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_FACTORY);
    for (unsigned i = 0; i < OTA_COPY_TRIES_MAX + 1; i++)
        assert_true(world_run(w));
    assert_true(factory_is(w, &w->one.factory));
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_true(fake_board_boot(w->board));
}

/* ---- refused ------------------------------------------------------------------------------------------- */

static void expect_refused(struct world *w, enum ota_status code, const char *why) {
    assert_true(world_run(w));
    if (w->agent->last.code != code)
        fail_msg("%s (%s), wanted %s", ota_status_name(w->agent->last.code), w->agent->last.msg, ota_status_name(code));
    assert_non_null(strstr(w->agent->last.msg, why));
    assert_non_null(strstr(w->agent->last.msg, "factory"));
    assert_int_equal(w->agent->board.counter, 1);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_true(reported(w, "\"label\":\"factory\""));
    assert_int_equal(w->boots, 1);
}

static void test_agent_factory_that_runs_is_not_replaced(void **state) {
    struct world *w = *state;
    world_add_factory(w);
    memset(w->board->flash + FAKE_OTADATA, 0xFF, 2 * OTA_SECTOR);
    fake_board_flash(w->board, FAKE_FACTORY, ota_buf_span(&w->one.app));
    world_settle(w);
    assert_int_equal(w->board->running, FAKE_FACTORY);
    world_release_2(w, "fa");
    expect_refused(w, OTA_UNSUPPORTED, "the factory app runs");
    assert_int_equal(w->server->image_requests, 0);
    assert_true(factory_is(w, &w->one.app));
}

static void test_agent_factory_needs_its_partition(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "f");
    expect_refused(w, OTA_LABEL, "no factory app");
    assert_int_equal(w->server->image_requests, 0);
}

static void test_agent_factory_is_useless_with_anti_rollback(void **state) {
    struct world *w = *state;
    w->board->anti_rollback = true;
    world_add_factory(w);
    world_settle(w);
    world_release_2(w, "f");
    expect_refused(w, OTA_UNSUPPORTED, "anti-rollback");
    assert_int_equal(w->server->image_requests, 0);
    assert_true(factory_is(w, &w->one.factory));
}

static void offer_factory(struct world *w, const struct ota_buf *image) {
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_FACTORY, OTA_LABEL_FACTORY, "factory.bin", ota_buf_span(image));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
}

static void test_agent_factory_that_is_too_large_is_not_downloaded(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf image = fake_data("large", FAKE_FACTORY_SIZE + 1);
    offer_factory(w, &image);
    expect_refused(w, OTA_SLOT_SIZE, "65537 bytes do not fit");
    assert_int_equal(w->server->image_requests, 0);
}

/* Its first KiB says so: given up before the rest is downloaded. */
static void test_agent_factory_for_another_chip_is_no_further_downloaded(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf image = fake_app("2.0.0", false);
    image.p[12] = 9; /* ESP32-S3 */
    offer_factory(w, &image);
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_CHIP);
    assert_int_equal(w->agent->tries.failed, 1); /* it could be a mirror's bytes */
    assert_in_range(w->server->image_bytes, 1, FAKE_APP_LENGTH / 2);
    assert_true(factory_is(w, &w->one.factory));
}

static void test_agent_factory_that_is_no_app_is_given_up(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf image = fake_bootloader("2.0.0");
    offer_factory(w, &image);
    expect_refused(w, OTA_IMAGE_KIND, "this is a bootloader, not an app");
    assert_int_equal(w->agent->board.failed_counter, 2);
    assert_true(factory_is(w, &w->one.factory));
}

/* A data image does not get into it by the partition's own label. */
static void test_agent_factory_partition_takes_no_data(void **state) {
    struct world *w = *state;
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_DATA, "rescue", "rescue.bin", ota_buf_span(&w->one.app));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_LABEL);
    assert_int_equal(w->server->image_requests, 0);
    assert_true(factory_is(w, &w->one.factory));
}

/* ---- power --------------------------------------------------------------------------------------------- */

static void survive_cut(struct world *w, const char *kinds, const struct fake_saved *at_start, uint64_t cut,
                        bool torn) {
    struct fake_board *b = w->board;
    fake_board_restore(b, at_start);
    b->cut_at = cut;
    b->torn = torn;
    w->boots = 0;
    if (world_run(w))
        fail_msg("cut %llu was never reached", (unsigned long long)cut);
    b->cut_at = 0;
    if (!fake_board_boot(b) || b->running == FAKE_FACTORY)
        fail_msg("cut %llu%s: no slot boots", (unsigned long long)cut, torn ? " torn" : "");
    assert_true(world_start(w));
    assert_true(world_run(w));
    if (w->agent->board.counter != 2)
        assert_true(world_run(w)); /* the cut run may have backed off once more */
    if (w->agent->board.counter != 2)
        fail_msg("cut %llu%s: ends on release %u: %s", (unsigned long long)cut, torn ? " torn" : "",
                 w->agent->board.counter, w->agent->last.msg);
    world_expect_release_2(w, kinds);
}

static void cut_everywhere(struct world *w, const char *kinds) {
    struct fake_saved at_start;
    world_release_2(w, kinds);
    fake_board_save(w->board, &at_start);
    w->board->ops = 0;
    assert_true(world_run(w));
    world_expect_release_2(w, kinds);
    uint64_t operations = w->board->ops;
    for (unsigned torn = 0; torn < 2; torn++)
        for (uint64_t cut = 1; cut <= operations; cut++)
            survive_cut(w, kinds, &at_start, cut, torn);
    print_message("# %s: %llu operations, cut at each, clean and torn\n", kinds, (unsigned long long)operations);
    fake_saved_free(&at_start);
}

static void test_agent_factory_power_cut_leaves_the_slot(void **state) {
    cut_everywhere(*state, "f");
}

static void test_agent_factory_power_cut_with_an_app(void **state) {
    cut_everywhere(*state, "fa");
}

/* ---- where it waits ------------------------------------------------------------------------------------ */

/* Storage, the last row before the factory app's, fills every hole; the passive slot is all that is left. */
static void leave_no_hole(struct world *w, bool factory) {
    struct ota_agent_config cfg = fake_board_config(w->board, &w->server->port, (struct ota_span){0});
    struct ota_span bytes = {w->board->flash + FAKE_TABLE_OFFSET, OTA_TABLE_LENGTH};
    struct ota_table t;
    assert_ota_ok(ota_table_read(bytes, cfg.crypto, &t, &err));
    if (factory) {
        t.row[t.count - 2].size = FAKE_FACTORY - t.row[t.count - 2].offset;
        t.row[t.count - 1].size = FAKE_FLASH_SIZE - FAKE_FACTORY;
    } else {
        t.row[t.count - 1].size = FAKE_FLASH_SIZE - FAKE_STORAGE;
    }
    assert_ota_ok(ota_table_write(&t, cfg.crypto, w->board->flash + FAKE_TABLE_OFFSET, &err));
}

/* Staged in the passive slot, then installed: whatever waited there, the slot is no app to boot. */
static void expect_slot_unbootable(struct world *w, const char *kinds) {
    struct fake_board *b = w->board;
    uint8_t first[OTA_SECTOR];
    memcpy(first, b->flash + FAKE_SLOT_1, sizeof first);
    world_release_2(w, kinds);
    for (unsigned installed = 0; installed < 2; installed++) {
        b->refuse_activation = !installed;
        assert_true(world_run(w));
        if (!installed)
            assert_int_equal(w->agent->journal.step[0].stage_offset, FAKE_SLOT_1 + OTA_SECTOR);
        assert_memory_equal(b->flash + FAKE_SLOT_1, first, sizeof first);
        b->flash[FAKE_SLOT_0] ^= 1;
        assert_true(!fake_board_boot(b) || b->running == FAKE_FACTORY);
        b->flash[FAKE_SLOT_0] ^= 1;
        assert_true(world_start(w));
    }
    assert_int_equal(w->agent->board.counter, 2);
}

static void test_agent_factory_waiting_in_a_slot_does_not_boot_there(void **state) {
    struct world *w = *state;
    world_add_factory(w);
    leave_no_hole(w, true);
    world_settle(w);
    expect_slot_unbootable(w, "f");
    world_expect_release_2(w, "f");
}

static void test_agent_factory_nor_does_a_bootloader_that_waits_there(void **state) {
    struct world *w = *state;
    leave_no_hole(w, false);
    world_settle(w);
    expect_slot_unbootable(w, "b");
    world_expect_release_2(w, "b");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_FACTORY(name) cmocka_unit_test_setup_teardown(name, setup_factory, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_agent_factory_is_an_app_for_its_label),
        TEST(test_agent_factory_label_takes_no_other_image),
        TEST(test_agent_factory_comes_between_bootloader_and_app),
        TEST(test_agent_factory_with_an_app_needs_compat),
        TEST_FACTORY(test_agent_factory_is_copied_at_boot_and_not_activated),
        TEST_FACTORY(test_agent_factory_comes_with_an_app),
        TEST_FACTORY(test_agent_factory_writes_no_more_than_the_image),
        TEST_FACTORY(test_agent_factory_that_is_there_is_skipped),
        TEST_FACTORY(test_agent_factory_boots_when_nothing_else_does),
        TEST(test_agent_factory_that_runs_is_not_replaced),
        TEST(test_agent_factory_needs_its_partition),
        TEST(test_agent_factory_is_useless_with_anti_rollback),
        TEST_FACTORY(test_agent_factory_that_is_too_large_is_not_downloaded),
        TEST_FACTORY(test_agent_factory_that_was_fallen_back_to_is_not_overwritten),
        TEST_FACTORY(test_agent_factory_for_another_chip_is_no_further_downloaded),
        TEST_FACTORY(test_agent_factory_that_is_no_app_is_given_up),
        TEST_FACTORY(test_agent_factory_partition_takes_no_data),
        TEST_FACTORY(test_agent_factory_power_cut_leaves_the_slot),
        TEST_FACTORY(test_agent_factory_power_cut_with_an_app),
        TEST(test_agent_factory_waiting_in_a_slot_does_not_boot_there),
        TEST(test_agent_factory_nor_does_a_bootloader_that_waits_there),
    };
    return cmocka_run_group_tests_name("agent_factory", tests, NULL, NULL);
}
