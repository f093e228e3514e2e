/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks by those who have no key: a card or page that brings wrong bundles, calls that come at the wrong time, a mirror
 * that lies in places. No byte goes where it must not, and when they are gone the board updates as ever.
 */
#include <stdio.h>

#include "support/unit.h"

#include "support/fake_bundle.h"
#include "support/fake_world.h"

#define DAY_MS (86400ull * 1000u)

static struct ota_err err;
static struct ota_bundle bundle;

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

static struct ota_buf pack(struct world *w, uint32_t counter) {
    struct fake_bundle made;
    fake_bundle_make(&made, w->server, counter);
    struct ota_buf out = fake_bundle_pack(&made);
    fake_bundle_free(&made);
    return out;
}

static void feed_junk(struct world *w) {
    uint8_t junk[OTA_TAR_BLOCK];
    memset(junk, 'x', sizeof junk);
    assert_ota_ok(ota_bundle_begin(&bundle, w->agent, OTA_DOOR_STREAM, &err));
    assert_ota(ota_bundle_feed(&bundle, junk, sizeof junk, &err), OTA_BUNDLE);
}

static size_t offset_of(const struct ota_buf *in, const struct ota_buf *image) {
    const uint8_t *at = memmem(in->p, in->len, image->p, image->len);
    assert_non_null(at);
    return (size_t)(at - in->p);
}

/* ---- calls at the wrong time --------------------------------------------------------------------------- */

/* The stager's step lies in the journal: whoever drops that in the middle of an image must not send it to address 0. */
static void test_attack_bundle_poll_in_the_middle_of_an_image(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    struct ota_buf b = pack(w, 2);
    const size_t at = offset_of(&b, &w->two.app) + OTA_SECTOR;
    fake_server_offer(w->server, 1);
    fake_server_publish(w->server);
    assert_ota_ok(ota_bundle_begin(&bundle, w->agent, OTA_DOOR_STREAM, &err));
    assert_ota_ok(ota_bundle_feed(&bundle, b.p, at, &err));
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_ota_ok(ota_bundle_feed(&bundle, b.p + at, b.len - at, &err));
    assert_true(fake_board_holds(w->board, 0, ota_buf_span(&w->one.bootloader)));
    assert_ota_ok(ota_bundle_end(&bundle, &err));
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    ota_buf_free(&b);
}

/* The same by a stager whose step was zeroed all the same: nothing is written over bootloader and table. */
static void test_attack_bundle_step_without_a_place(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    struct ota_buf b = pack(w, 2);
    const size_t at = offset_of(&b, &w->two.app) + OTA_SECTOR;
    assert_ota_ok(ota_bundle_begin(&bundle, w->agent, OTA_DOOR_STREAM, &err));
    assert_ota_ok(ota_bundle_feed(&bundle, b.p, at, &err));
    memset(&w->agent->journal, 0, sizeof w->agent->journal);
    assert_ota(ota_bundle_feed(&bundle, b.p + at, b.len - at, &err), OTA_INTERNAL);
    assert_true(fake_board_holds(w->board, 0, ota_buf_span(&w->one.bootloader)));
    assert_true(fake_board_holds(w->board, FAKE_TABLE_OFFSET, ota_buf_span(&w->one.table)));
    ota_buf_free(&b);
}

static void test_attack_bundle_two_at_once(void **state) {
    struct world *w = *state;
    static struct ota_bundle second;
    world_release_2(w, "a");
    struct ota_buf b = pack(w, 2);
    const size_t at = offset_of(&b, &w->two.app) + OTA_SECTOR;
    assert_ota_ok(ota_bundle_begin(&bundle, w->agent, OTA_DOOR_STREAM, &err));
    assert_ota_ok(ota_bundle_feed(&bundle, b.p, at, &err));
    assert_ota(ota_bundle_begin(&second, w->agent, OTA_DOOR_FILE, &err), OTA_BUSY);
    ota_bundle_abort(&second);
    assert_ota_ok(ota_bundle_feed(&bundle, b.p + at, b.len - at, &err));
    assert_ota_ok(ota_bundle_end(&bundle, &err));
    assert_true(w->agent->reboot);
    ota_buf_free(&b);
}

/* What was never staged is not committed, whatever stands in the slot. */
static void test_attack_bundle_step_that_was_never_staged(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    struct ota_buf b = pack(w, 2);
    assert_ota_ok(ota_bundle_begin(&bundle, w->agent, OTA_DOOR_STREAM, &err));
    assert_ota_ok(ota_bundle_feed(&bundle, b.p, b.len, &err));
    w->agent->journal.step[0].state = OTA_STEP_WAITING;
    assert_ota(ota_bundle_end(&bundle, &err), OTA_INTERNAL);
    assert_false(w->agent->reboot);
    world_expect_release_1(w);
    ota_buf_free(&b);
}

/* The application's word in the middle of a sector: the bytes stay what they were, and the word counts. */
static void test_attack_bundle_put_off_in_the_middle(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    struct ota_buf b = pack(w, 2);
    const size_t at = offset_of(&b, &w->two.app) + OTA_SECTOR + 100;
    assert_ota_ok(ota_bundle_begin(&bundle, w->agent, OTA_DOOR_STREAM, &err));
    assert_ota_ok(ota_bundle_feed(&bundle, b.p, at, &err));
    assert_ota_ok(ota_defer(w->agent, 3600, &err));
    assert_ota_ok(ota_bundle_feed(&bundle, b.p + at, b.len - at, &err));
    assert_ota(ota_bundle_end(&bundle, &err), OTA_BUSY);
    assert_false(w->agent->reboot);
    assert_ota_ok(ota_defer(w->agent, 0, &err));
    assert_ota_ok(ota_bundle_begin(&bundle, w->agent, OTA_DOOR_STREAM, &err));
    assert_ota_ok(ota_bundle_feed(&bundle, b.p, b.len, &err));
    assert_ota_ok(ota_bundle_end(&bundle, &err));
    assert_true(w->agent->reboot);
    ota_buf_free(&b);
}

/* ---- wrong bundles ------------------------------------------------------------------------------------- */

static void test_attack_bundle_junk_forgets_no_download(void **state) {
    struct world *w = *state;
    world_release_2(w, "sa");
    w->server->fault_path = "app.bin";
    w->server->break_after = 0x2800;
    assert_true(world_run(w));
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_STAGING);
    feed_junk(w);
    const unsigned images = w->server->image_requests, ranges = w->server->ranges;
    assert_true(world_run(w));
    assert_int_equal(w->server->image_requests - images, 1);
    assert_int_equal(w->server->ranges - ranges, 1);
    world_expect_release_2(w, "sa");
}

/* On a line that breaks in each run, with junk between the runs. */
static void test_attack_bundle_junk_keeps_no_board_from_updates(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    w->server->fault_path = "app.bin";
    for (unsigned i = 0; i < 40 && w->agent->board.counter == 1; i++) {
        w->server->break_after = 0x1800;
        assert_true(world_run(w));
        if (w->agent->board.counter == 1)
            feed_junk(w);
    }
    world_expect_release_2(w, "a");
}

/* Signed metadata can be had by anyone: behind it false images would wear the flash without end. */
static void test_attack_bundle_false_images_are_paused(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    struct ota_buf b = pack(w, 2);
    const size_t at = offset_of(&b, &w->two.app) + w->two.app.len - 1;
    unsigned taken = 0;
    w->server->down = true;
    b.p[at] ^= 1;
    for (unsigned minute = 0; minute < 7 * 1440; minute++) {
        w->board->uptime_ms += 60000;
        if (ota_bundle_begin(&bundle, w->agent, OTA_DOOR_STREAM, &err) != OTA_OK) {
            assert_non_null(strstr(err.msg, "try again in "));
            continue;
        }
        taken++;
        assert_ota(ota_bundle_feed(&bundle, b.p, b.len, &err), OTA_HASH);
    }
    assert_in_range(taken, 10, 25);
    b.p[at] ^= 1;
    w->board->uptime_ms += DAY_MS;
    assert_ota_ok(ota_bundle_begin(&bundle, w->agent, OTA_DOOR_STREAM, &err));
    assert_ota_ok(ota_bundle_feed(&bundle, b.p, b.len, &err));
    assert_ota_ok(ota_bundle_end(&bundle, &err));
    assert_true(w->agent->reboot);
    ota_buf_free(&b);
}

/* An old rollout that still offers what a board without a counter would take for its channel's word. */
static void test_attack_bundle_with_an_older_rollout(void **state) {
    struct world *w = *state;
    w->server->release[0].step[0].sha256[0] ^= 1; /* the running app is listed no more */
    world_release_2(w, "a");
    w->server->release[0].step[0].sha256[0] ^= 1;
    struct ota_buf b = pack(w, 2);
    fake_server_offer(w->server, 1);
    fake_server_publish(w->server);
    assert_true(world_run(w)); /* the board has seen the channel move back */
    for (size_t i = 0; i < w->agent->trust.role_count; i++)
        if (strcmp(w->agent->trust.roles[i].name, "thermo") == 0)
            w->agent->trust.roles[i].version = 1;
    w->agent->board.counter = 0;
    assert_ota_ok(ota_bundle_begin(&bundle, w->agent, OTA_DOOR_STREAM, &err));
    assert_ota(ota_bundle_feed(&bundle, b.p, b.len, &err), OTA_COUNTER);
    assert_non_null(strstr(err.msg, "cannot tell what it runs"));
    assert_false(w->agent->reboot);
    ota_buf_free(&b);
}

/* ---- proof --------------------------------------------------------------------------------------------- */

/* A file system counts its mounts: the new app's own writing is no reason to take it back. */
static void test_attack_bundle_app_that_writes_its_data_is_confirmed(void **state) {
    struct world *w = *state;
    world_release_2(w, "sa");
    struct ota_buf b = pack(w, 2);
    w->server->down = true;
    assert_ota_ok(ota_bundle_begin(&bundle, w->agent, OTA_DOOR_STREAM, &err));
    assert_ota_ok(ota_bundle_feed(&bundle, b.p, b.len, &err));
    assert_ota_ok(ota_bundle_end(&bundle, &err));
    assert_true(world_start(w));
    w->board->flash[FAKE_STORAGE + 100] ^= 1;
    assert_true(world_run(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_int_equal(w->agent->board.counter, 2);
    ota_buf_free(&b);
}

/* ---- mirrors ------------------------------------------------------------------------------------------- */

static enum ota_status (*honest_open)(void *, const struct ota_request *, struct ota_response *, struct ota_err *);
static struct world *spoiled;
static unsigned stamps;
static bool is_spoiled, healed;

/* Every second timestamp of a run is rubbish: that of the second poll. */
static enum ota_status spoil_second_poll(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                         struct ota_err *e) {
    struct fake_server *s = spoiled->server;
    const bool spoil = strstr(req->path, "timestamp.json") && ++stamps % 2 == 0 && !healed;
    for (size_t i = 0; i < s->file_count && strstr(req->path, "timestamp.json"); i++) {
        if (!strstr(s->file[i].path, "timestamp.json") || spoil == is_spoiled)
            continue;
        uint8_t *at = memmem(s->file[i].bytes.p, s->file[i].bytes.len, "\"version\":", 10);
        assert_non_null(at);
        at[10] ^= 1;
        is_spoiled = spoil;
    }
    return honest_open(ctx, req, resp, e);
}

static void test_attack_mirror_of_the_second_poll_gives_no_release_up(void **state) {
    struct world *w = spoiled = *state;
    world_release_2(w, "a");
    is_spoiled = healed = false;
    honest_open = w->server->port.open;
    w->server->port.open = spoil_second_poll;
    for (unsigned i = 0; i < 3 * OTA_TRIES_MAX; i++) {
        stamps = 0;
        assert_true(world_run(w));
        assert_int_equal(w->agent->board.failed_counter, 0);
    }
    healed = true;
    for (unsigned i = 0; i < 3 && w->agent->board.counter == 1; i++)
        assert_true(world_run(w)); /* the plan's week may just be over: then it is made anew first */
    world_expect_release_2(w, "a");
}

/* Wrong bytes of the image for two months: ever rarer, at last once a day, and never for good. */
static void test_attack_mirror_of_wrong_images_gives_no_release_up(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    struct fake_file *f = fake_server_served(w->server, 2, "app.bin");
    uint64_t seconds = 0;
    unsigned runs = 0;
    f->bytes.p[5000] ^= 1;
    for (; seconds < 60 * 86400ull; runs++) {
        assert_true(world_run(w));
        assert_int_equal(w->board->flash[FAKE_SLOT_1], 0xFF); /* no app that nobody signed is left to boot */
        seconds += w->sleep_s;
        assert_int_equal(w->agent->board.failed_counter, 0);
    }
    assert_in_range(runs, 60, 400);
    assert_true(world_start(w)); /* a reset does not make it hurry */
    assert_true(world_run(w));
    assert_true(w->agent->backoff >= 14);
    f->bytes.p[5000] ^= 1;
    for (unsigned i = 0; i < 3 && w->agent->board.counter == 1; i++)
        assert_true(world_run(w)); /* the plan's week may just be over: then it is made anew first */
    world_expect_release_2(w, "a");
}

static struct ota_buf third;

static void move_channel(struct fake_server *s) {
    struct ota_release *r = fake_server_release(s, 3, "3.0.0");
    fake_server_image(s, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&third));
    strcpy(r->chip, "esp32");
    fake_server_offer(s, 3);
    fake_server_publish(s);
}

/* The channel moves to what this board refuses, while it downloads: the one it has is not to blame. */
static void test_attack_mirror_release_is_not_blamed_for_another(void **state) {
    struct world *w = *state;
    third = fake_app("3.0.0", false);
    world_release_2(w, "a");
    w->server->on_image = move_channel;
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(w->agent->board.failed_counter, 0);
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 2);
    ota_buf_free(&third);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_attack_bundle_poll_in_the_middle_of_an_image),
        TEST(test_attack_bundle_step_without_a_place),
        TEST(test_attack_bundle_two_at_once),
        TEST(test_attack_bundle_step_that_was_never_staged),
        TEST(test_attack_bundle_put_off_in_the_middle),
        TEST(test_attack_bundle_junk_forgets_no_download),
        TEST(test_attack_bundle_junk_keeps_no_board_from_updates),
        TEST(test_attack_bundle_false_images_are_paused),
        TEST(test_attack_bundle_with_an_older_rollout),
        TEST(test_attack_bundle_app_that_writes_its_data_is_confirmed),
        TEST(test_attack_mirror_of_the_second_poll_gives_no_release_up),
        TEST(test_attack_mirror_of_wrong_images_gives_no_release_up),
        TEST(test_attack_mirror_release_is_not_blamed_for_another),
    };
    return cmocka_run_group_tests_name("attack_bundle", tests, NULL, NULL);
}
