/* SPDX-License-Identifier: Apache-2.0 */
/* The backup of a bootloader for the ROM's recovery: only one that works takes the place of another. */
#include "support/unit.h"

#include "support/fake_world.h"

static struct ota_err err;

static int setup(void **state) {
    struct world *w = world_new();
    w->board->recovery = true;
    world_settle(w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    return 0;
}

/* A bootloader and the sector of its signature behind it. */
static struct ota_buf signed_bootloader(struct ota_span image, uint8_t signature) {
    struct ota_buf out = {0};
    ota_buf_append(&out, image.p, image.len);
    while (out.len % OTA_SECTOR != 0)
        ota_buf_append(&out, "\xff", 1);
    for (size_t i = 0; i < OTA_SECTOR; i++)
        ota_buf_append(&out, &signature, 1);
    return out;
}

static void offer_2(struct world *w, struct ota_span bootloader) {
    struct ota_buf app = fake_app("2.0.0", false);
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_BOOTLOADER, OTA_LABEL_BOOTLOADER, "bootloader.bin", bootloader);
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    ota_buf_free(&app);
}

/* Walk 2439: power was cut when the new image was written, and its signature not yet. It went over the backup, and the
 * next cut ended the board. */
static void test_agent_backup_is_not_taken_of_a_bootloader_without_its_signature(void **state) {
    struct world *w = *state;
    struct ota_buf image = fake_bootloader("2.0.0");
    struct ota_buf whole = signed_bootloader(ota_buf_span(&image), 2),
                   part = signed_bootloader(ota_buf_span(&image), 1);
    offer_2(w, ota_buf_span(&whole));
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    fake_board_flash(w->board, FAKE_RECOVERY, ota_buf_span(&w->one.bootloader));
    fake_board_flash(w->board, 0, ota_buf_span(&part));
    assert_true(world_start(w));
    assert_true(fake_board_holds(w->board, FAKE_RECOVERY, ota_buf_span(&w->one.bootloader)));
    assert_true(fake_board_holds(w->board, 0, ota_buf_span(&whole)));
    ota_buf_free(&image);
    ota_buf_free(&whole);
    ota_buf_free(&part);
}

/* A release that only signs anew what is there: there is no backup yet, so it is made. */
static void test_agent_backup_is_taken_before_a_new_signature(void **state) {
    struct world *w = *state;
    struct ota_buf whole = signed_bootloader(ota_buf_span(&w->one.bootloader), 2);
    offer_2(w, ota_buf_span(&whole));
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    assert_true(world_start(w));
    assert_true(fake_board_holds(w->board, FAKE_RECOVERY, ota_buf_span(&w->one.bootloader)));
    assert_true(fake_board_holds(w->board, 0, ota_buf_span(&whole)));
    ota_buf_free(&whole);
}

/* Anti-rollback of bootloaders: the primary one is whole, and the ROM starts the other. */
static void test_agent_backup_is_not_taken_of_a_bootloader_that_the_rom_refused(void **state) {
    struct world *w = *state;
    struct ota_buf refused = fake_bootloader("0.9.0");
    world_release_2(w, "ab");
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    fake_board_flash(w->board, FAKE_RECOVERY, ota_buf_span(&w->one.bootloader));
    fake_board_flash(w->board, 0, ota_buf_span(&refused));
    w->board->on_recovery = true;
    assert_true(world_start(w));
    assert_true(fake_board_holds(w->board, FAKE_RECOVERY, ota_buf_span(&w->one.bootloader)));
    assert_true(fake_board_holds(w->board, 0, ota_buf_span(&w->two.bootloader)));
    ota_buf_free(&refused);
}

/* One that the ROM would refuse is not installed, and what works stays where it is. */
static void test_agent_backup_bootloader_below_the_rom_s_secure_version_is_refused(void **state) {
    struct world *w = *state;
    w->board->boot_secure_version = 1;
    assert_true(world_start(w));
    world_release_2(w, "ab");
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_SECURE_VERSION);
    assert_non_null(strstr(w->agent->last.msg, "secure version 0 of the bootloader is below the board's 1"));
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_true(fake_board_holds(w->board, 0, ota_buf_span(&w->one.bootloader)));
    world_expect_release_1(w);
}

/* Sectors of the primary bootloader were lost: the board runs on the other one, and is repaired over the air. */
static void test_agent_backup_that_runs_is_what_a_repair_is_judged_by(void **state) {
    struct world *w = *state;
    uint8_t lost[OTA_SECTOR];
    memset(lost, 0, sizeof lost);
    fake_board_flash(w->board, FAKE_RECOVERY, ota_buf_span(&w->one.bootloader));
    fake_board_flash(w->board, 0, (struct ota_span){lost, sizeof lost});
    world_release_2(w, "ab");
    assert_true(world_run(w));
    world_expect_release_2(w, "ab");
    assert_true(fake_board_holds(w->board, FAKE_RECOVERY, ota_buf_span(&w->one.bootloader)));
}

/* Nor are the settings of a primary one that the ROM refused of any account. */
static void test_agent_backup_that_runs_has_the_flash_settings(void **state) {
    struct world *w = *state;
    struct ota_buf other = {0};
    ota_buf_append(&other, w->one.bootloader.p, w->one.bootloader.len);
    other.p[2] = 0; /* flash mode */
    fake_board_flash(w->board, FAKE_RECOVERY, ota_buf_span(&w->one.bootloader));
    fake_board_flash(w->board, 0, ota_buf_span(&other));
    w->board->on_recovery = true;
    assert_true(world_start(w));
    world_release_2(w, "ab");
    assert_true(world_run(w));
    world_expect_release_2(w, "ab");
    assert_true(fake_board_holds(w->board, FAKE_RECOVERY, ota_buf_span(&w->one.bootloader)));
    ota_buf_free(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_agent_backup_is_not_taken_of_a_bootloader_without_its_signature),
        TEST(test_agent_backup_is_taken_before_a_new_signature),
        TEST(test_agent_backup_is_not_taken_of_a_bootloader_that_the_rom_refused),
        TEST(test_agent_backup_bootloader_below_the_rom_s_secure_version_is_refused),
        TEST(test_agent_backup_that_runs_is_what_a_repair_is_judged_by),
        TEST(test_agent_backup_that_runs_has_the_flash_settings),
    };
    return cmocka_run_group_tests_name("agent_backup", tests, NULL, NULL);
}
