/* SPDX-License-Identifier: Apache-2.0 */
/* The agent in its task: what an application may ask of it while it is at work, and when it must not be there at all. */
#include <string.h>

#include "double/clock.h"
#include "double/freertos.h"
#include "double/log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "ota_esp_private.h"
#include "support/fake_world.h"
#include "support/unit.h"

#define SECONDS(n) ((n)*1000u)

static struct world *world;
static struct ota_err err;
static bool no_state, no_identity, on_trial;
static unsigned invalidated, freed;
static TickType_t slow_open, slow_read; /* of each request, of each read of an app */
static void (*at_progress)(void);

/* ---- ports: the fake board's ----------------------------------------------------------------------------- */

struct ota_flash ota_esp_flash;

enum ota_status ota_esp_flash_open(struct ota_err *e) {
    (void)e;
    ota_esp_flash = world->board->flash_port;
    return OTA_OK;
}

static enum ota_status get(void *ctx, const char *key, void *p, size_t cap, size_t *len, struct ota_err *e) {
    (void)ctx;
    return world->board->kv_port.get(world->board, key, p, cap, len, e);
}

static enum ota_status set(void *ctx, const char *key, const void *p, size_t len, struct ota_err *e) {
    (void)ctx;
    return world->board->kv_port.set(world->board, key, p, len, e);
}

static enum ota_status erase(void *ctx, const char *key, struct ota_err *e) {
    (void)ctx;
    return world->board->kv_port.erase(world->board, key, e);
}

const struct ota_kv ota_esp_kv = {.get = get, .set = set, .erase = erase};

enum ota_status ota_esp_kv_open(struct ota_err *e) {
    return no_state ? ota_err_set(e, OTA_NOT_FOUND, "none") : OTA_OK;
}

static enum ota_status running(void *ctx, uint32_t *offset, struct ota_err *e) {
    (void)ctx;
    return world->board->boot_port.running(world->board, offset, e);
}

static enum ota_status state_of(void *ctx, uint32_t offset, enum ota_slot_state *state, bool *has_entry,
                                struct ota_err *e) {
    (void)ctx;
    *state = OTA_SLOT_PENDING_VERIFY;
    *has_entry = true;
    return on_trial ? OTA_OK : world->board->boot_port.state(world->board, offset, state, has_entry, e);
}

static enum ota_status activate(void *ctx, uint32_t offset, struct ota_err *e) {
    (void)ctx;
    return world->board->boot_port.activate(world->board, offset, e);
}

static enum ota_status confirm(void *ctx, struct ota_err *e) {
    (void)ctx;
    return world->board->boot_port.confirm(world->board, e);
}

static enum ota_status invalidate(void *ctx, struct ota_err *e) {
    (void)ctx;
    invalidated++;
    return on_trial ? OTA_OK : world->board->boot_port.invalidate(world->board, e);
}

const struct ota_boot_port ota_esp_boot_port = {
    .running = running, .state = state_of, .activate = activate, .confirm = confirm, .invalidate = invalidate};

enum ota_status ota_esp_board(struct ota_board *out, struct ota_err *e) {
    (void)e;
    *out = fake_board_config(world->board, NULL, (struct ota_span){0}).board;
    return OTA_OK;
}

/* ---- identity and transport ------------------------------------------------------------------------------ */

/* As identity.c: ota_state's word comes first. */
enum ota_status ota_esp_identity_load(const struct ota_esp_trust *trust, struct ota_esp_identity *out,
                                      struct ota_err *e) {
    static char channel[OTA_NAME_MAX + 1];
    size_t len = 0;
    struct ota_err unused;
    (void)trust;
    if (no_identity)
        return ota_err_set(e, OTA_CONFIG, "no product is known");
    (void)ota_format(channel, sizeof channel, "stable");
    if (get(NULL, "channel", channel, sizeof channel - 1, &len, &unused) == OTA_OK)
        channel[len] = '\0';
    *out = (struct ota_esp_identity){
        .who = {.id = "t-0001",
                .product = "thermo",
                .channel = channel,
                .groups = "lab",
                .root = ota_buf_span(&world->server->root)},
        .url_api = "https://api",
        .token = "secret",
    };
    return OTA_OK;
}

void ota_esp_identity_free(struct ota_esp_identity *identity) {
    (void)identity;
    freed++;
}

enum ota_status ota_esp_transport_open(const struct ota_esp_transport_config *cfg, struct ota_err *e) {
    (void)cfg;
    (void)e;
    return OTA_OK;
}

static struct esp_netif_obj *bound;

void ota_esp_transport_bind(struct esp_netif_obj *interface) {
    bound = interface;
}

static bool is_app;
static unsigned connected; /* since the transport was told to rest */

void ota_esp_transport_rest(void) {
    connected = 0;
}

static enum ota_status http_open(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                 struct ota_err *e) {
    (void)ctx;
    if (slow_open)
        vTaskDelay(slow_open);
    is_app = strstr(req->path, "app.bin") != NULL;
    connected++;
    return world->server->port.open(world->server->port.ctx, req, resp, e);
}

static enum ota_status http_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *e) {
    (void)ctx;
    if (slow_read && is_app)
        vTaskDelay(slow_read);
    return world->server->port.read(world->server->port.ctx, p, cap, got, e);
}

static void http_close(void *ctx) {
    (void)ctx;
    world->server->port.close(world->server->port.ctx);
}

const struct ota_transport ota_esp_transport = {.open = http_open, .read = http_read, .close = http_close};

/* ---- the application --------------------------------------------------------------------------------------- */

static void progress(void *ctx, const char *label, uint32_t done, uint32_t total) {
    (void)ctx;
    assert_string_equal(label, "@ota");
    assert_true(done <= total);
    if (at_progress)
        at_progress();
}

static const struct ota_esp_config config = {.hooks = {.progress = progress}};

static void boot_and_start(void) {
    assert_ota_ok(ota_esp_boot(&config, &err));
    assert_ota_ok(ota_esp_start(NULL, &err));
}

static struct ota_agent_status status(void) {
    struct ota_agent_status s;
    ota_esp_status(&s);
    return s;
}

/* True: it came to its end, false: the board restarted. */
static bool power_on(void (*app_main)(void)) {
    assert_true(fake_board_boot(world->board));
    double_log_clear();
    return double_freertos_run(app_main);
}

static void expect_log(const char *part) {
    if (!double_logged(part))
        fail_msg("no \"%s\" in the log:\n%s", part, double_log_text());
}

static int setup(void **state) {
    (void)state;
    world = world_new();
    no_state = no_identity = on_trial = false;
    invalidated = freed = 0;
    slow_open = slow_read = 0;
    at_progress = NULL;
    double_freertos = (struct double_freertos){.reset_reason = ESP_RST_POWERON};
    double_clock = (struct double_clock){.set = true, .now = (time_t)FAKE_NOW};
    return 0;
}

static int teardown(void **state) {
    (void)state;
    world_free(world);
    return 0;
}

static void expect_release(unsigned counter) {
    *world->agent = ota_esp_agent;
    if (counter == 1)
        world_expect_release_1(world);
    else
        world_expect_release_2(world, "a");
}

/* ---- start ------------------------------------------------------------------------------------------------- */

static void until_it_slept(void) {
    boot_and_start();
    vTaskDelay(SECONDS(60));
}

static void test_esp_task_polls_and_sleeps(void **state) {
    (void)state;
    connected = 99;
    assert_true(power_on(until_it_slept));
    expect_log("product thermo, channel stable");
    expect_log("stack 3120 of 8192 bytes never used, heap minimum 91234");
    assert_int_equal(status().counter, 1);
    assert_in_range(ota_esp_next_run(), 2600, 4500);
    assert_false(ota_esp_undecided());
    assert_int_equal(connected, 0); /* no TLS session is kept while it sleeps */
    assert_string_equal(ota_esp_identity()->id, "t-0001");
}

static void without_updates(void) {
    assert_int_not_equal(ota_esp_boot(&config, &err), OTA_OK);
    assert_ota(ota_esp_start(NULL, &err), OTA_CONFIG);
    assert_ota(ota_esp_defer(5, &err), OTA_CONFIG);
    assert_null(ota_esp_take(0));
    ota_esp_check();
    assert_int_equal(status().counter, 0);
}

static void test_esp_task_is_not_there_without_its_partition(void **state) {
    (void)state;
    no_state = true;
    assert_true(power_on(without_updates));
    expect_log("E (ota) updates are off: the partition table has no \"ota_state\"");
}

static void test_esp_task_is_not_there_without_identity(void **state) {
    (void)state;
    no_identity = true;
    assert_true(power_on(without_updates));
    expect_log("E (ota) updates are off: no product is known");
    assert_int_equal(invalidated, 0);
}

static void test_esp_task_is_not_there_without_memory(void **state) {
    (void)state;
    double_freertos.no_task = true;
    assert_true(power_on(without_updates));
}

/* It could never be updated again. */
static void test_esp_task_gives_an_app_up_in_which_it_cannot_start(void **state) {
    (void)state;
    no_identity = on_trial = true;
    assert_false(power_on(without_updates));
    assert_int_equal(invalidated, 1);
}

static void test_esp_task_says_what_reset_the_board(void **state) {
    (void)state;
    double_freertos.reset_reason = ESP_RST_BROWNOUT;
    assert_true(power_on(until_it_slept));
    expect_log("W (ota) a brownout reset the board: an update goes on where it was");
}

/* ---- an update --------------------------------------------------------------------------------------------- */

static void proves_itself(void) {
    assert_ota_ok(ota_esp_boot(&config, &err));
    assert_true(ota_esp_undecided());
    assert_ota_ok(ota_esp_start(NULL, &err));
    vTaskDelay(SECONDS(1)); /* without the delay of other first looks */
    assert_false(ota_esp_undecided());
}

static void test_esp_task_updates_and_proves_the_new_app(void **state) {
    (void)state;
    assert_true(power_on(until_it_slept));
    (void)world_release_2(world, "a");
    assert_false(power_on(until_it_slept));
    assert_true(power_on(proves_itself));
    assert_int_equal(status().counter, 2);
    assert_int_equal(status().result, OTA_RESULT_INSTALLED);
    expect_release(2);
}

/* ---- while it is at work ----------------------------------------------------------------------------------- */

static void defers_during_the_download(void) {
    boot_and_start();
    while (status().total == 0)
        vTaskDelay(10);
    assert_null(ota_esp_take(10));
    assert_ota_ok(ota_esp_defer(3600, &err));
    assert_true(status().done < status().total);
    vTaskDelay(SECONDS(120));
}

static void test_esp_task_hears_a_deferral_between_two_sectors(void **state) {
    (void)state;
    assert_true(power_on(until_it_slept));
    (void)world_release_2(world, "a");
    slow_read = 1000;
    assert_true(power_on(defers_during_the_download));
    assert_int_equal(status().phase, OTA_PHASE_STAGING);
    expect_release(1);
}

static enum ota_status in_hook;

static void defer_in_hook(void) {
    struct ota_err e;
    in_hook = ota_esp_defer(3600, &e);
    if (ota_esp_take(0))
        in_hook = OTA_INTERNAL; /* a bundle into the midst of a run */
}

static void test_esp_task_hears_a_deferral_out_of_a_hook(void **state) {
    (void)state;
    assert_true(power_on(until_it_slept));
    (void)world_release_2(world, "a");
    in_hook = OTA_INTERNAL;
    at_progress = defer_in_hook;
    assert_true(power_on(until_it_slept));
    assert_ota_ok(in_hook);
    expect_release(1);
}

static void is_not_heard(void) {
    boot_and_start();
    vTaskDelay(SECONDS(15));
    assert_ota(ota_esp_defer(3600, &err), OTA_BUSY);
    assert_null(ota_esp_take(1000));
    vTaskDelay(SECONDS(600));
    assert_ota_ok(ota_esp_defer(0, &err)); /* what was given up is not in the way */
}

static void test_esp_task_that_hangs_in_a_request_is_busy(void **state) {
    (void)state;
    slow_open = SECONDS(60);
    assert_true(power_on(is_not_heard));
}

static void reboots_on_give(void) {
    assert_ota_ok(ota_esp_boot(&config, &err));
    struct ota_agent *a = ota_esp_take(0);
    assert_non_null(a);
    assert_null(ota_esp_take(0)); /* the same task */
    a->reboot = true;
    ota_esp_give();
    fail_msg("the board goes on");
}

static void test_esp_task_reboots_when_a_bundle_wants_it(void **state) {
    (void)state;
    assert_false(power_on(reboots_on_give));
}

/* ---- steering ---------------------------------------------------------------------------------------------- */

static void installs_outside_of_the_window(void) {
    boot_and_start();
    struct ota_agent *a = ota_esp_take(0);
    a->cfg.window = (struct ota_maintenance){600, 660}; /* it is 08:00 */
    ota_esp_give();
    vTaskDelay(SECONDS(60));
    assert_int_equal(status().phase, OTA_PHASE_STAGING);
    ota_esp_install_now();
    vTaskDelay(SECONDS(60));
    fail_msg("it still waits");
}

static void test_esp_task_installs_now_whatever_the_window_says(void **state) {
    (void)state;
    assert_true(power_on(until_it_slept));
    (void)world_release_2(world, "a");
    assert_false(power_on(installs_outside_of_the_window));
}

static const char *kept(const char *key) {
    static char text[300];
    struct ota_err unused;
    size_t len = 0;
    return get(NULL, key, text, sizeof text - 1, &len, &unused) == OTA_OK ? (text[len] = '\0', text) : "";
}

static void changes_its_membership(void) {
    until_it_slept();
    const unsigned polls = world->server->polls;
    assert_ota_ok(ota_esp_set_channel("beta", &err));
    vTaskDelay(SECONDS(1));
    assert_int_equal(world->server->polls, polls + 1); /* it offers something else */
    assert_string_equal(ota_esp_identity()->channel, "beta");
    assert_string_equal(kept("channel"), "beta");
    assert_ota_ok(ota_esp_set_groups("lab, home", &err));
    assert_string_equal(ota_esp_identity()->groups, "lab, home");
    assert_ota(ota_esp_set_channel("Beta!", &err), OTA_CONFIG);
    assert_ota(ota_esp_set_groups("a,,b", &err), OTA_CONFIG);
    assert_string_equal(ota_esp_identity()->channel, "beta");
}

static void goes_back(void) {
    assert_ota_ok(ota_esp_boot(&config, &err));
    assert_string_equal(ota_esp_identity()->channel, "beta");
    assert_ota_ok(ota_esp_set_channel(NULL, &err));
    assert_string_equal(ota_esp_identity()->channel, "stable");
    assert_string_equal(kept("channel"), "");
    assert_int_equal(freed, 1);
}

static void test_esp_task_keeps_another_channel_until_it_is_taken_back(void **state) {
    (void)state;
    assert_true(power_on(changes_its_membership));
    assert_true(power_on(goes_back));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_esp_task_polls_and_sleeps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_task_is_not_there_without_its_partition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_task_is_not_there_without_identity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_task_is_not_there_without_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_task_gives_an_app_up_in_which_it_cannot_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_task_says_what_reset_the_board, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_task_updates_and_proves_the_new_app, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_task_hears_a_deferral_between_two_sectors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_task_hears_a_deferral_out_of_a_hook, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_task_that_hangs_in_a_request_is_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_task_reboots_when_a_bundle_wants_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_task_installs_now_whatever_the_window_says, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_task_keeps_another_channel_until_it_is_taken_back, setup, teardown),
    };
    return cmocka_run_group_tests_name("esp_task", tests, NULL, NULL);
}
