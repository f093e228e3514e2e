/* SPDX-License-Identifier: Apache-2.0 */
/* The third door: a bundle, whole or in pieces, right or wrong, from a file or a stream, and how its app is confirmed. */
#include "support/unit.h"

#include <stdio.h>

#include "support/fake_bundle.h"
#include "support/fake_world.h"

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

/* Pieces of `step` bytes. The board polls nothing: no network is needed. */
static enum ota_status feed(struct world *w, enum ota_door door, struct ota_span bytes, size_t step) {
    w->board->uptime_ms += 86400000ull + 1u; /* no pause after the one before */
    enum ota_status status = ota_bundle_begin(&bundle, w->agent, door, &err);
    for (size_t pos = 0; status == OTA_OK && pos < bytes.len; pos += step)
        status = ota_bundle_feed(&bundle, bytes.p + pos, bytes.len - pos < step ? bytes.len - pos : step, &err);
    return status == OTA_OK ? ota_bundle_end(&bundle, &err) : status;
}

/* Release 2 is published and made into a bundle; the channel offers it to nobody, and the server goes away. */
static struct ota_buf bundle_of_2(struct world *w, const char *kinds) {
    struct fake_bundle made;
    world_release_2(w, kinds);
    w->server->channel.permille = 0;
    fake_server_publish(w->server);
    fake_bundle_make(&made, w->server, 2);
    struct ota_buf out = fake_bundle_pack(&made);
    fake_bundle_free(&made);
    w->server->down = true;
    return out;
}

static void expect_refused(struct world *w, struct ota_span bytes, enum ota_status code, const char *part) {
    const uint64_t writes = w->board->kv_writes;
    enum ota_status status = feed(w, OTA_DOOR_STREAM, bytes, 4096);
    if (status != code || !strstr(err.msg, part))
        fail_msg("%s (%s), wanted %s: ...%s...", ota_status_name(status), err.msg, ota_status_name(code), part);
    assert_false(w->agent->reboot);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_in_range(w->board->kv_writes, writes, writes + 2);
    world_expect_release_1(w);
}

/* ---- installing ---------------------------------------------------------------------------------------- */

static void test_bundle_installs_without_a_network(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "sba");
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    assert_true(w->agent->reboot);
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "sba");
    ota_buf_free(&b);
}

static void test_bundle_comes_in_pieces_of_any_size(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "sa");
    static const size_t steps[] = {1, 7, 511, 512, 513, 65536};
    for (size_t i = 0; i < OTA_ARRAY_LEN(steps); i++) {
        w->board->refuse_activation = i + 1 < OTA_ARRAY_LEN(steps);
        assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), steps[i]),
                   w->board->refuse_activation ? OTA_BUSY : OTA_OK);
    }
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
    ota_buf_free(&b);
}

static void test_bundle_with_a_table_is_fed_twice(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "tsba");
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    assert_true(world_start(w));
    assert_true(fake_board_holds(w->board, FAKE_TABLE_OFFSET, ota_buf_span(&w->two.table)));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "tsba");
    ota_buf_free(&b);
}

static void test_bundle_of_what_is_there_writes_nothing_to_flash(void **state) {
    struct world *w = *state;
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&w->one.app));
    fake_server_publish(w->server);
    struct fake_bundle made;
    fake_bundle_make(&made, w->server, 2);
    struct ota_buf b = fake_bundle_pack(&made);
    uint64_t before = w->board->flash_writes;
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    assert_false(w->agent->reboot);
    assert_int_equal(w->agent->board.counter, 2);
    assert_int_equal(w->board->flash_writes, before);
    fake_bundle_free(&made);
    ota_buf_free(&b);
}

/* An interrupted download's place is used anew, and its journal is gone. */
static void test_bundle_replaces_a_download_that_broke_off(void **state) {
    struct world *w = *state;
    struct fake_bundle made;
    world_release_2(w, "sa");
    fake_bundle_make(&made, w->server, 2);
    struct ota_buf b = fake_bundle_pack(&made);
    w->server->fault_path = "app.bin";
    w->server->break_after = 0x1800;
    assert_true(world_run(w));
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_STAGING);
    w->server->down = true;
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
    fake_bundle_free(&made);
    ota_buf_free(&b);
}

static void test_bundle_cut_short_by_power_leaves_the_board_as_it_was(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "sa");
    w->board->ops = 0;
    w->board->cut_at = 6;
    assert_int_not_equal(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    w->board->cut_at = 0;
    assert_true(world_start(w));
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    world_expect_release_1(w);
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
    ota_buf_free(&b);
}

/* ---- proof --------------------------------------------------------------------------------------------- */

static void install_from(struct world *w, struct fake_bundle_file *f) {
    w->board->bundle = &f->port;
    assert_true(world_start(w)); /* with the file in its configuration */
    assert_ota_ok(ota_bundle_install(w->agent, &f->port, &err));
    assert_true(world_start(w));
}

static void test_bundle_file_is_read_again_before_its_app_is_confirmed(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "sa");
    struct fake_bundle_file f;
    fake_bundle_file(&f, ota_buf_span(&b));
    install_from(w, &f);
    assert_int_equal(f.opened, 1);
    assert_true(world_run(w));
    assert_int_equal(f.opened, 2);
    world_expect_release_2(w, "sa");
    ota_buf_free(&b);
}

/* The new app cannot read the card, the old one can: the new one goes for good. */
static void test_bundle_app_that_cannot_read_its_file_is_rolled_back(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    struct fake_bundle_file f;
    fake_bundle_file(&f, ota_buf_span(&b));
    install_from(w, &f);
    f.unreadable = true;
    for (unsigned i = 0; i < 300 && w->board->running == FAKE_SLOT_1; i++) {
        assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
        w->board->uptime_ms += 1000ull * w->sleep_s;
        if (w->agent->reboot)
            assert_true(world_start(w));
    }
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    f.unreadable = false;
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(w->agent->board.failed_counter, 2);
    expect_refused(w, ota_buf_span(&b), OTA_ROLLED_BACK, "failed on this board");
    ota_buf_free(&b);
}

/* Nobody can read it: not the new app's fault. */
static void test_bundle_file_that_nobody_can_read_confirms_offline(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    struct fake_bundle_file f;
    fake_bundle_file(&f, ota_buf_span(&b));
    install_from(w, &f);
    f.unreadable = true;
    assert_true(world_run(w));
    assert_string_equal(w->agent->report.message, "confirmed-offline");
    f.unreadable = false;
    world_expect_release_2(w, "a");
    ota_buf_free(&b);
}

/* Any image of it, though its metadata still is the same. */
static void test_bundle_file_that_changed_proves_nothing(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "sa");
    struct fake_bundle_file f;
    fake_bundle_file(&f, ota_buf_span(&b));
    install_from(w, &f);
    uint8_t *image = memmem(b.p, b.len, w->two.storage.p, w->two.storage.len);
    assert_non_null(image);
    image[100] ^= 1;
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_equal(w->agent->state, OTA_STATE_CONFIRMING);
    assert_int_equal(w->agent->last.code, OTA_HASH);
    image[100] ^= 1;
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
    ota_buf_free(&b);
}

static void test_bundle_file_that_is_gone_is_a_stream(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "sa");
    struct fake_bundle_file f;
    fake_bundle_file(&f, ota_buf_span(&b));
    install_from(w, &f);
    f.gone = true;
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
    ota_buf_free(&b);
}

static void test_bundle_stream_whose_bytes_changed_in_flash_is_not_confirmed(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "ba");
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    w->board->flash[0x1000] ^= 1; /* the bootloader */
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_equal(w->agent->state, OTA_STATE_CONFIRMING);
    assert_int_equal(w->agent->last.code, OTA_READBACK);
    ota_buf_free(&b);
}

static void test_bundle_faulty_app_is_rolled_back(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "F");
    const unsigned reports = w->server->reports;
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(w->agent->board.failed_counter, 2);
    assert_int_equal(w->server->reports, reports);
    w->agent->board.counter = 0; /* whatever else it knows or not, it is not tried again */
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_ROLLED_BACK);
    ota_buf_free(&b);
}

/* ---- refused ------------------------------------------------------------------------------------------- */

static void test_bundle_older_than_the_board_is_refused(void **state) {
    struct world *w = *state;
    struct fake_bundle made;
    fake_bundle_make(&made, w->server, 1);
    struct ota_buf b = fake_bundle_pack(&made);
    expect_refused(w, ota_buf_span(&b), OTA_COUNTER, "release 1 (1.0.0) is not newer than release 1 (1.0.0)");
    fake_bundle_free(&made);
    ota_buf_free(&b);
}

/* The board knows a newer role of the product than the bundle's. */
static void test_bundle_made_before_what_the_board_knows_is_refused(void **state) {
    struct world *w = *state;
    struct fake_bundle made;
    struct ota_release *r = world_release_2(w, "a");
    fake_bundle_make(&made, w->server, 2);
    struct ota_buf b = fake_bundle_pack(&made);
    r->secure_version = 7; /* signed anew */
    w->server->channel.permille = 0;
    fake_server_publish(w->server);
    assert_true(world_run(w));
    expect_refused(w, ota_buf_span(&b), OTA_ROLLBACK, "made before what this board knows");
    fake_bundle_free(&made);
    ota_buf_free(&b);
}

static void test_bundle_of_another_product_is_refused(void **state) {
    struct world *w = *state;
    struct fake_bundle made;
    world_release_2(w, "a");
    fake_bundle_make(&made, w->server, 2);
    char *at = strstr(fake_bundle_member(&made, "release.txt")->path, "thermo");
    memcpy(at, "valves", 6);
    struct ota_buf b = fake_bundle_pack(&made);
    expect_refused(w, ota_buf_span(&b), OTA_BUNDLE, "a bundle for product valves; this board is a thermo");
    fake_bundle_free(&made);
    ota_buf_free(&b);
}

/* Each member left out in its turn; and each with a bit flipped in its last quarter. */
static void test_bundle_without_any_of_its_members_is_refused(void **state) {
    struct world *w = *state;
    struct fake_bundle made;
    world_release_2(w, "tsba");
    fake_bundle_make(&made, w->server, 2);
    const size_t count = made.count;
    fake_bundle_free(&made);
    for (size_t i = 0; i < count; i++) {
        fake_bundle_make(&made, w->server, 2);
        fake_bundle_drop(&made, made.member[i].path);
        struct ota_buf b = fake_bundle_pack(&made);
        expect_refused(w, ota_buf_span(&b), OTA_BUNDLE, "");
        fake_bundle_free(&made);
        ota_buf_free(&b);
    }
}

static void test_bundle_with_a_changed_bit_is_refused(void **state) {
    struct world *w = *state;
    struct fake_bundle made;
    world_release_2(w, "sba");
    fake_bundle_make(&made, w->server, 2);
    const size_t count = made.count;
    fake_bundle_free(&made);
    for (size_t i = 2; i < count; i++) { /* neither the notes nor a root that is known is looked at */
        fake_bundle_make(&made, w->server, 2);
        made.member[i].bytes.p[made.member[i].bytes.len - 40] ^= 1;
        struct ota_buf b = fake_bundle_pack(&made);
        enum ota_status status = feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096);
        if (status == OTA_OK || w->agent->reboot)
            fail_msg("%s changed, and nobody noticed", made.member[i].path);
        world_expect_release_1(w);
        fake_bundle_free(&made);
        ota_buf_free(&b);
    }
}

static void test_bundle_out_of_order_is_refused(void **state) {
    struct world *w = *state;
    struct fake_bundle made;
    world_release_2(w, "sa");
    fake_bundle_make(&made, w->server, 2);
    const size_t count = made.count;
    fake_bundle_free(&made);
    for (size_t i = 0; i + 3 < count; i++) { /* two images may stand in any order */
        fake_bundle_make(&made, w->server, 2);
        struct fake_member first = made.member[i];
        made.member[i] = made.member[i + 1];
        made.member[i + 1] = first;
        struct ota_buf b = fake_bundle_pack(&made);
        expect_refused(w, ota_buf_span(&b), OTA_BUNDLE, "");
        fake_bundle_free(&made);
        ota_buf_free(&b);
    }
}

static void test_bundle_cut_anywhere_is_refused(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    for (size_t len = 0; len < b.len; len += len % 512 == 511 ? 1 : 511)
        expect_refused(w, (struct ota_span){b.p, len}, OTA_TRUNCATED, "send it again");
    ota_buf_free(&b);
}

static void test_bundle_that_goes_on_is_refused(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    uint8_t zeros[512] = {0};
    for (unsigned i = 0; i < 18; i++)
        ota_buf_append(&b, zeros, sizeof zeros); /* as tar fills a record */
    size_t len = b.len;
    ota_buf_append(&b, b.p, 512);
    expect_refused(w, ota_buf_span(&b), OTA_BUNDLE, "goes on after its end");
    b.len = len;
    for (unsigned i = 0; i < 64; i++)
        ota_buf_append(&b, zeros, sizeof zeros);
    expect_refused(w, ota_buf_span(&b), OTA_BUNDLE, "goes on after its end");
    b.len = len;
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    ota_buf_free(&b);
}

static void test_bundle_that_is_none_is_refused(void **state) {
    struct world *w = *state;
    struct ota_buf none = {0};
    for (unsigned i = 0; i < 2000; i++)
        ota_buf_append(&none, "\xE9 app", 5);
    expect_refused(w, ota_buf_span(&none), OTA_BUNDLE, "this is no bundle");
    memset(none.p, 0, none.len);
    expect_refused(w, ota_buf_span(&none), OTA_BUNDLE, "ends before its release.txt");
    expect_refused(w, (struct ota_span){none.p, 0}, OTA_TRUNCATED, "after 0 bytes");
    ota_buf_free(&none);
}

static void test_bundle_of_a_stranger_is_refused(void **state) {
    struct world *w = *state;
    struct fake_server *other = fake_server_new();
    struct ota_release *r = fake_server_release(other, 2, "2.0.0");
    struct ota_buf app = fake_app("2.0.0", false);
    struct fake_bundle made;
    fake_server_image(other, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(other, 2);
    fake_server_publish(other);
    fake_bundle_make(&made, other, 2);
    struct ota_buf b = fake_bundle_pack(&made);
    expect_refused(w, ota_buf_span(&b), OTA_SIGNATURE, "timestamp");
    fake_bundle_free(&made);
    fake_server_free(other);
    ota_buf_free(&app);
    ota_buf_free(&b);
}

/* The snapshot names it by its hash, and yet another key than the product's signed it. */
static void test_bundle_with_a_role_by_another_key_is_refused(void **state) {
    struct world *w = *state;
    w->server->product_key = w->server->key[OTA_ROLE_SNAPSHOT];
    struct ota_buf b = bundle_of_2(w, "a");
    expect_refused(w, ota_buf_span(&b), OTA_SIGNATURE, "thermo");
    ota_buf_free(&b);
}

static void test_bundle_with_an_image_twice_is_refused(void **state) {
    struct world *w = *state;
    struct fake_bundle made;
    world_release_2(w, "sa");
    fake_bundle_make(&made, w->server, 2);
    struct fake_member *last = &made.member[made.count - 1], *again = &made.member[made.count++];
    memset(again, 0, sizeof *again);
    memcpy(again->path, last->path, sizeof again->path);
    ota_buf_append(&again->bytes, last->bytes.p, last->bytes.len);
    struct ota_buf b = fake_bundle_pack(&made);
    expect_refused(w, ota_buf_span(&b), OTA_BUNDLE, "came already");
    fake_bundle_free(&made);
    ota_buf_free(&b);
}

/* What online keys sign may be out of date in a drawer; what offline keys sign may not. */
static void test_bundle_expiry_of_offline_roles_only(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    w->board->now =
        FAKE_NOW + 31ull * 86400u; /* product role, snapshot, timestamp and rollout have 30 days, root 300 */
    expect_refused(w, ota_buf_span(&b), OTA_EXPIRED, "thermo");
    ota_buf_free(&b);
}

static void test_bundle_with_expired_targets_is_refused(void **state) {
    struct world *w = *state;
    w->server->targets_days = 10;
    struct ota_buf b = bundle_of_2(w, "a");
    w->board->now = FAKE_NOW + 11ull * 86400u;
    expect_refused(w, ota_buf_span(&b), OTA_EXPIRED, "targets");
    ota_buf_free(&b);
}

static void test_bundle_over_too_old_a_release_is_refused(void **state) {
    struct world *w = *state;
    struct fake_bundle made;
    world_release_2(w, "a");
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&w->two.app));
    r->from_min = 2;
    fake_server_publish(w->server);
    fake_bundle_make(&made, w->server, 3);
    struct ota_buf b = fake_bundle_pack(&made);
    expect_refused(w, ota_buf_span(&b), OTA_COUNTER, "needs release 2 or newer, this board is at 1");
    fake_bundle_free(&made);
    ota_buf_free(&b);
}

static void test_bundle_needs_its_channel(void **state) {
    struct world *w = *state;
    struct ota_release *r = world_release_2(w, "a");
    struct fake_bundle made;
    strcpy(r->channel[0], "beta");
    fake_server_publish(w->server);
    fake_bundle_make(&made, w->server, 2);
    struct ota_buf b = fake_bundle_pack(&made);
    expect_refused(w, ota_buf_span(&b), OTA_CHANNEL, "channel stable");
    fake_bundle_free(&made);
    ota_buf_free(&b);
}

/* Without knowing what runs, only the channel's own release: any other could be older. */
static void test_bundle_for_a_board_that_does_not_know_its_release(void **state) {
    struct world *w = *state;
    static const char *const keys[] = {"board", "ts", "roles", "snapshot"};
    w->server->release[0].step[0].sha256[0] ^= 1; /* the running app is listed no more */
    struct fake_bundle made;
    world_release_2(w, "a");
    fake_server_offer(w->server, 1);
    fake_server_publish(w->server);
    w->server->release[0].step[0].sha256[0] ^= 1;
    fake_bundle_make(&made, w->server, 2);
    struct ota_buf b = fake_bundle_pack(&made);
    fake_bundle_free(&made);
    for (size_t i = 0; i < OTA_ARRAY_LEN(keys); i++)
        fake_board_forget(w->board, keys[i]);
    assert_true(world_start(w));
    assert_int_equal(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_COUNTER);
    assert_non_null(strstr(err.msg, "cannot tell what it runs"));
    ota_buf_free(&b);
    fake_server_offer(w->server, 2);
    w->server->release[0].step[0].sha256[0] ^= 1;
    fake_server_publish(w->server);
    w->server->release[0].step[0].sha256[0] ^= 1;
    fake_bundle_make(&made, w->server, 2);
    b = fake_bundle_pack(&made);
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    assert_true(w->agent->reboot);
    fake_bundle_free(&made);
    ota_buf_free(&b);
}

static void test_bundle_while_an_app_is_on_trial_is_refused(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_BUSY);
    assert_true(world_start(w));
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_BUSY);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    ota_buf_free(&b);
}

/* The stream owns journal and buffers until it ends. */
static void test_bundle_half_fed_keeps_the_board_from_polling(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "sa");
    struct ota_bundle other;
    w->server->down = false;
    const unsigned before = w->server->requests;
    assert_ota_ok(ota_bundle_begin(&bundle, w->agent, OTA_DOOR_STREAM, &err));
    assert_ota_ok(ota_bundle_feed(&bundle, b.p, b.len - 3000, &err));
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_not_equal(w->sleep_s, 0);
    assert_int_equal(w->server->requests, before);
    assert_ota(ota_bundle_begin(&other, w->agent, OTA_DOOR_STREAM, &err), OTA_BUSY);
    ota_bundle_abort(&other);
    assert_ota_ok(ota_bundle_feed(&bundle, b.p + b.len - 3000, 3000, &err));
    assert_ota_ok(ota_bundle_end(&bundle, &err));
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
    ota_buf_free(&b);
}

static void test_bundle_not_now_says_the_application(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "sa");
    w->board->refuse_start = true;
    expect_refused(w, ota_buf_span(&b), OTA_BUSY, "not now");
    w->board->refuse_start = false;
    w->board->refuse_image = true;
    expect_refused(w, ota_buf_span(&b), OTA_REFUSED_BY_APP, "storage");
    w->board->refuse_image = false;
    assert_ota(feed(w, OTA_DOOR_STREAM, ota_buf_span(&b), 4096), OTA_OK);
    ota_buf_free(&b);
}

/* ---- the archive --------------------------------------------------------------------------------------- */

static void test_bundle_tar_refuses_what_is_no_file_of_a_bundle(void **unused) {
    (void)unused;
    struct fake_bundle made = {.count = 1};
    struct ota_tar_member m;
    snprintf(made.member[0].path, sizeof made.member[0].path, "metadata/1.root.json");
    struct ota_buf b = fake_bundle_pack(&made);
    uint8_t block[OTA_TAR_BLOCK];
    static const struct {
        size_t at;
        uint8_t byte;
    } wrong[] = {{156, '2'},  {156, '5'}, {0, '\\'},  {3, ' '},  {3, 0x80},
                 {124, 0x80}, {130, 'x'}, {257, 'U'}, {263, ' '}};
    assert_ota_ok(ota_tar_read(b.p, &m, &err));
    assert_string_equal(m.path, "metadata/1.root.json");
    assert_int_equal(m.size, 0);
    for (size_t i = 0; i < OTA_ARRAY_LEN(wrong); i++) {
        unsigned sum = 0;
        memcpy(block, b.p, sizeof block);
        block[wrong[i].at] = wrong[i].byte;
        memset(block + 148, ' ', 8);
        for (size_t k = 0; k < sizeof block; k++)
            sum += block[k];
        snprintf((char *)block + 148, 8, "%06o", sum);
        assert_ota(ota_tar_read(block, &m, &err), OTA_BUNDLE);
    }
    memcpy(block, b.p, sizeof block);
    block[300] ^= 1;
    assert_ota(ota_tar_read(block, &m, &err), OTA_BUNDLE);
    assert_non_null(strstr(err.msg, "checksum"));
    ota_buf_free(&b);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_bundle_installs_without_a_network),
        TEST(test_bundle_comes_in_pieces_of_any_size),
        TEST(test_bundle_with_a_table_is_fed_twice),
        TEST(test_bundle_of_what_is_there_writes_nothing_to_flash),
        TEST(test_bundle_replaces_a_download_that_broke_off),
        TEST(test_bundle_cut_short_by_power_leaves_the_board_as_it_was),
        TEST(test_bundle_file_is_read_again_before_its_app_is_confirmed),
        TEST(test_bundle_app_that_cannot_read_its_file_is_rolled_back),
        TEST(test_bundle_file_that_nobody_can_read_confirms_offline),
        TEST(test_bundle_file_that_changed_proves_nothing),
        TEST(test_bundle_file_that_is_gone_is_a_stream),
        TEST(test_bundle_stream_whose_bytes_changed_in_flash_is_not_confirmed),
        TEST(test_bundle_faulty_app_is_rolled_back),
        TEST(test_bundle_older_than_the_board_is_refused),
        TEST(test_bundle_made_before_what_the_board_knows_is_refused),
        TEST(test_bundle_of_another_product_is_refused),
        TEST(test_bundle_without_any_of_its_members_is_refused),
        TEST(test_bundle_with_a_changed_bit_is_refused),
        TEST(test_bundle_out_of_order_is_refused),
        TEST(test_bundle_cut_anywhere_is_refused),
        TEST(test_bundle_that_goes_on_is_refused),
        TEST(test_bundle_that_is_none_is_refused),
        TEST(test_bundle_of_a_stranger_is_refused),
        TEST(test_bundle_with_a_role_by_another_key_is_refused),
        TEST(test_bundle_with_an_image_twice_is_refused),
        TEST(test_bundle_expiry_of_offline_roles_only),
        TEST(test_bundle_with_expired_targets_is_refused),
        TEST(test_bundle_over_too_old_a_release_is_refused),
        TEST(test_bundle_needs_its_channel),
        TEST(test_bundle_for_a_board_that_does_not_know_its_release),
        TEST(test_bundle_while_an_app_is_on_trial_is_refused),
        TEST(test_bundle_half_fed_keeps_the_board_from_polling),
        TEST(test_bundle_not_now_says_the_application),
        cmocka_unit_test(test_bundle_tar_refuses_what_is_no_file_of_a_bundle),
    };
    return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
