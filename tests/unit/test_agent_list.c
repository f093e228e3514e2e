/* SPDX-License-Identifier: Apache-2.0 */
/* The application's list of labels, as users of ADF's ota_service know it, and the status it shows. */
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

static void test_agent_list_updates_what_it_names(void **state) {
    struct world *w = *state;
    struct ota_list_item list[] = {{.label = "storage"}, {.label = OTA_LABEL_APP, .reboot = true}, {.label = "extra"}};
    bool urgent = false;
    world_release_2(w, "sa");
    assert_ota_ok(ota_upgrade(w->agent, list, OTA_ARRAY_LEN(list), &urgent, &err));
    assert_int_equal(list[0].result, OTA_ITEM_STAGED);
    assert_int_equal(list[1].result, OTA_ITEM_STAGED);
    assert_int_equal(list[2].result, OTA_ITEM_NONE);
    assert_true(urgent);
    assert_true(w->agent->reboot);
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
}

/* Nothing that was updated wants the reboot at once: it is due all the same, when the application likes. */
static void test_agent_list_reboot_may_wait(void **state) {
    struct world *w = *state;
    struct ota_list_item list[] = {{.label = "storage"}, {.label = OTA_LABEL_APP, .reboot = true}};
    bool urgent = true;
    world_release_2(w, "s");
    assert_ota_ok(ota_upgrade(w->agent, list, OTA_ARRAY_LEN(list), &urgent, &err));
    assert_false(urgent);
    assert_true(w->agent->reboot);
    assert_int_equal(list[1].result, OTA_ITEM_NONE);
}

static void test_agent_list_without_a_label_refuses_before_download(void **state) {
    struct world *w = *state;
    struct ota_list_item list[] = {{.label = OTA_LABEL_APP}};
    bool urgent;
    world_release_2(w, "sa");
    assert_ota(ota_upgrade(w->agent, list, OTA_ARRAY_LEN(list), &urgent, &err), OTA_REFUSED_BY_APP);
    assert_non_null(strstr(err.msg, "storage"));
    assert_int_equal(w->server->image_requests, 0);
    world_expect_release_1(w);
    assert_true(world_run(w)); /* a run without a list is bound by none */
    world_expect_release_2(w, "sa");
}

/* The first image fails for good, the second is fetched all the same; nothing is installed. */
static void fail_storage(struct world *w, struct ota_list_item list[2], enum ota_item_result app) {
    bool urgent;
    world_release_2(w, "sa");
    w->server->fault_path = "storage.bin";
    w->server->status = 503;
    assert_ota(ota_upgrade(w->agent, list, 2, &urgent, &err), OTA_HTTP);
    assert_int_equal(list[0].result, OTA_ITEM_FAILED);
    assert_int_equal(list[0].code, OTA_HTTP);
    assert_int_equal(list[1].result, app);
    assert_false(w->agent->reboot);
    assert_false(urgent);
    world_expect_release_1(w);
    w->server->fault_path = NULL;
    w->server->image_bytes = 0;
    assert_ota_ok(ota_upgrade(w->agent, list, 2, &urgent, &err));
    assert_int_equal(list[0].result, OTA_ITEM_STAGED);
    assert_int_equal(list[1].result, OTA_ITEM_STAGED);
}

static void test_agent_list_goes_on_behind_a_failure(void **state) {
    struct world *w = *state;
    struct ota_list_item list[] = {{.label = "storage"}, {.label = OTA_LABEL_APP}};
    fail_storage(w, list, OTA_ITEM_STAGED);
    assert_int_equal(w->server->image_bytes, WORLD_STORAGE_LENGTH); /* the app was there */
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
}

static void test_agent_list_stops_on_failure(void **state) {
    struct world *w = *state;
    struct ota_list_item list[] = {{.label = "storage", .stop_on_failure = true}, {.label = OTA_LABEL_APP}};
    fail_storage(w, list, OTA_ITEM_NONE);
    assert_int_equal(w->server->image_bytes, WORLD_STORAGE_LENGTH + w->two.app.len);
}

/* ADF's endless loop: an app that is no newer "succeeds", and the board reboots for ever. */
static void test_agent_list_of_what_is_there_reboots_nobody(void **state) {
    struct world *w = *state;
    struct ota_list_item list[] = {{.label = "storage", .reboot = true}, {.label = OTA_LABEL_APP, .reboot = true}};
    bool urgent;
    assert_ota_ok(ota_upgrade(w->agent, list, OTA_ARRAY_LEN(list), &urgent, &err));
    assert_false(urgent);
    assert_false(w->agent->reboot);
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&w->one.app));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    assert_ota_ok(ota_upgrade(w->agent, list, OTA_ARRAY_LEN(list), &urgent, &err));
    assert_false(urgent);
    assert_false(w->agent->reboot);
    assert_int_equal(w->agent->board.counter, 2);
}

static void test_agent_list_needs_labels(void **state) {
    struct world *w = *state;
    struct ota_list_item list[] = {{.label = "a b"}};
    bool urgent;
    assert_ota(ota_upgrade(w->agent, list, 1, &urgent, &err), OTA_ARGUMENT);
}

static void test_agent_list_status_shows_what_goes_on(void **state) {
    struct world *w = *state;
    struct ota_agent_status s;
    ota_agent_get_status(w->agent, &s);
    assert_int_equal(s.counter, 1);
    assert_string_equal(s.version, "1.0.0");
    assert_int_equal(s.next_counter, 0);
    world_release_2(w, "a");
    w->board->refuse_activation = true;
    assert_true(world_run(w));
    ota_agent_get_status(w->agent, &s);
    assert_int_equal(s.phase, OTA_PHASE_STAGING);
    assert_int_equal(s.next_counter, 2);
    assert_string_equal(s.next_version, "2.0.0");
    assert_false(s.reboot);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_agent_list_updates_what_it_names),
        TEST(test_agent_list_reboot_may_wait),
        TEST(test_agent_list_without_a_label_refuses_before_download),
        TEST(test_agent_list_goes_on_behind_a_failure),
        TEST(test_agent_list_stops_on_failure),
        TEST(test_agent_list_of_what_is_there_reboots_nobody),
        TEST(test_agent_list_needs_labels),
        TEST(test_agent_list_status_shows_what_goes_on),
    };
    return cmocka_run_group_tests_name("agent_list", tests, NULL, NULL);
}
