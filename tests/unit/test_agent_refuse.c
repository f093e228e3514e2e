/* SPDX-License-Identifier: Apache-2.0 */
/* What a board does not install though the product's key signed it: rules that metadata can tell, then staged bytes. */
#include "support/unit.h"

#include "support/fake_world.h"

static struct ota_err err;

static int setup(void **state) {
    struct world *w = world_new();
    world_settle(w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    return 0;
}

static void expect_refused(struct world *w, enum ota_status code) {
    assert_true(world_run(w));
    if (w->agent->last.code != code)
        fail_msg("got %s (%s), wanted %s", ota_status_name(w->agent->last.code), w->agent->last.msg,
                 ota_status_name(code));
    world_expect_release_1(w);
}

/* ---- metadata ------------------------------------------------------------------------------------------ */

static void test_agent_refuses_an_older_chip_than_the_release_needs(void **state) {
    struct world *w = *state;
    world_release_2(w, "a")->chip_rev_min = (uint16_t)(w->agent->cfg.board.revision + 1);
    fake_server_publish(w->server);
    expect_refused(w, OTA_CHIP_REVISION);
    assert_int_equal(w->server->image_requests, 0);
}

/* Only an app has a secure version: data reaches a board whose eFuse is ahead. */
static void test_agent_refuses_no_data_for_a_secure_version(void **state) {
    struct world *w = *state;
    w->agent->cfg.board.boot.anti_rollback = true;
    w->agent->cfg.board.secure_version = 3;
    world_release_2(w, "s");
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
}

static void test_agent_refuses_an_app_below_the_secure_version(void **state) {
    struct world *w = *state;
    w->agent->cfg.board.boot.anti_rollback = true;
    w->agent->cfg.board.secure_version = 3;
    world_release_2(w, "a");
    expect_refused(w, OTA_SECURE_VERSION);
    assert_int_equal(w->server->image_requests, 0);
}

static void test_agent_refuses_a_need_it_does_not_know(void **state) {
    struct world *w = *state;
    struct ota_release *r = world_release_2(w, "a");
    r->need_count = 1;
    strcpy(r->need[0], "teleport");
    fake_server_publish(w->server);
    expect_refused(w, OTA_NEEDS);
    assert_int_equal(w->server->image_requests, 0);
}

static void test_agent_refuses_a_bootloader_under_secure_boot_v1(void **state) {
    struct world *w = *state;
    w->agent->cfg.board.boot.secure_boot = 1;
    world_release_2(w, "ba")->boot.secure_boot = 1;
    fake_server_publish(w->server);
    expect_refused(w, OTA_UNSUPPORTED);
    assert_int_equal(w->server->image_requests, 0);
}

/* The chip can start a recovery bootloader, but this board's eFuse does not name one. */
static void test_agent_refuses_a_bootloader_without_recovery_or_risk(void **state) {
    struct world *w = *state;
    w->agent->cfg.board.chip = ota_chip_by_name(ota_span_str("esp32c5"));
    w->agent->cfg.board.revision = 100;
    struct ota_release *r = world_release_2(w, "ba");
    strcpy(r->chip, "esp32c5");
    r->chip_rev_min = 100;
    r->risk = false;
    fake_server_publish(w->server);
    expect_refused(w, OTA_RISK);
    assert_non_null(strstr(w->agent->last.msg, "this board"));
    assert_int_equal(w->server->image_requests, 0);
}

/* ---- exchanged while it was downloaded ----------------------------------------------------------------- */

static void offer_another(struct fake_server *s) {
    struct ota_buf app = fake_app("3.0.0", false);
    struct ota_release *r = fake_server_release(s, 3, "3.0.0");
    fake_server_image(s, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(s, 3);
    fake_server_publish(s);
    ota_buf_free(&app);
}

static void test_agent_refuses_a_release_that_another_replaced(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    w->server->on_image = offer_another;
    expect_refused(w, OTA_WITHDRAWN);
}

static void exchange_image(struct fake_server *s) {
    s->release[s->release_count - 1].step[0].sha256[0] ^= 1;
    fake_server_publish(s);
}

static void test_agent_refuses_a_release_whose_image_was_exchanged(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    w->server->on_image = exchange_image;
    expect_refused(w, OTA_WITHDRAWN);
}

/* ---- staged bytes -------------------------------------------------------------------------------------- */

/* The head is as it should be; a byte further behind is not. */
static void expect_damage_found(struct world *w, enum ota_kind kind, const char *label, struct ota_buf *image) {
    image->p[image->len / 2] ^= 1;
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, kind, label, "image.bin", ota_buf_span(image));
    r->risk = r->has_boot = kind != OTA_KIND_APP;
    r->boot = w->agent->cfg.board.boot;
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_in_range(w->agent->last.code, OTA_IMAGE_MAGIC, OTA_IMAGE_KIND);
    assert_int_not_equal(w->server->image_requests, 0);
    assert_string_equal(w->agent->report.stage, "verify"); /* before anything is committed */
    world_expect_release_1(w);
    ota_buf_free(image);
}

static void test_agent_refuses_an_app_that_is_damaged_inside(void **state) {
    struct ota_buf app = fake_app("2.0.0", false);
    expect_damage_found(*state, OTA_KIND_APP, OTA_LABEL_APP, &app);
}

static void test_agent_refuses_a_bootloader_that_is_damaged_inside(void **state) {
    struct ota_buf bootloader = fake_bootloader("2.0.0");
    expect_damage_found(*state, OTA_KIND_BOOTLOADER, OTA_LABEL_BOOTLOADER, &bootloader);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_agent_refuses_an_older_chip_than_the_release_needs),
        TEST(test_agent_refuses_no_data_for_a_secure_version),
        TEST(test_agent_refuses_an_app_below_the_secure_version),
        TEST(test_agent_refuses_a_need_it_does_not_know),
        TEST(test_agent_refuses_a_bootloader_under_secure_boot_v1),
        TEST(test_agent_refuses_a_bootloader_without_recovery_or_risk),
        TEST(test_agent_refuses_a_release_that_another_replaced),
        TEST(test_agent_refuses_a_release_whose_image_was_exchanged),
        TEST(test_agent_refuses_an_app_that_is_damaged_inside),
        TEST(test_agent_refuses_a_bootloader_that_is_damaged_inside),
    };
    return cmocka_run_group_tests_name("agent_refuse", tests, NULL, NULL);
}
