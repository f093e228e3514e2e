/* SPDX-License-Identifier: Apache-2.0 */
/* How long and how often: tries, the deadline, deferral, the maintenance window, slow lines, copies that fail. */
#include "support/unit.h"

#include "support/fake_world.h"

#define HOUR 3600u
#define DAY (24u * HOUR)
#define MORNING (8u * 60u) /* FAKE_NOW, as a minute of the day */
#define TRIES_SEEN 100u
#define RUNS_MAX 400u
#define SECTOR_TRIES 3u /* of one copy */

static struct ota_err err;

static int setup(void **state) {
    *state = world_new();
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    return 0;
}

/* Release 2 on offer to a board at rest; what the configuration says must be set before. */
static void offer(struct world *w, const char *kinds) {
    world_settle(w);
    world_release_2(w, kinds);
    w->server->fault_path = "app.bin";
}

static void offer_again(struct world *w, uint32_t counter) {
    fake_server_offer(w->server, counter);
    fake_server_publish(w->server);
}

static void run(struct world *w) {
    assert_true(world_run(w));
}

static void expect_waiting(struct world *w) {
    run(w);
    world_expect_release_1(w);
    assert_int_equal(w->agent->board.failed_counter, 0);
}

static void expect_installed(struct world *w, const char *kinds) {
    w->server->fault_path = NULL;
    run(w);
    world_expect_release_2(w, kinds);
}

static bool reported(const struct world *w, const char *part) {
    return strstr(ota_buf_text(&w->server->report), part) != NULL;
}

/* The version a record is written in; 0: there is none. */
static unsigned version_of(const struct world *w, const char *key) {
    const struct ota_kv *kv = &w->board->kv_port;
    uint8_t bytes[OTA_JOURNAL_BYTES_MAX];
    size_t len;
    return kv->get(kv->ctx, key, bytes, sizeof bytes, &len, &err) == OTA_OK ? bytes[0] : 0;
}

static bool has_record(const struct world *w, const char *key) {
    return version_of(w, key) != 0;
}

static void expect_tries(const struct world *w, uint32_t counter, unsigned failed) {
    assert_int_equal(w->agent->tries.counter, counter);
    assert_int_equal(w->agent->tries.failed, failed);
    assert_true(has_record(w, "tries") == (counter > 0));
}

/* ---- tries --------------------------------------------------------------------------------------------- */

/* The slot's first sector takes nothing; called again: it does. */
static void damage(struct world *w) {
    w->board->worn_from = FAKE_SLOT_1;
    w->board->worn_to = FAKE_SLOT_1 + OTA_SECTOR;
    w->board->worn = w->board->worn ? 0 : UINT32_MAX;
}

static void fail_until_given_up(struct world *w) {
    for (unsigned i = 1; i < OTA_TRIES_MAX; i++) {
        expect_waiting(w);
        assert_int_equal(w->agent->last.code, OTA_FLASH);
        expect_tries(w, 2, i);
        if (i % 4 == 0)
            assert_true(world_start(w)); /* they are kept across resets */
    }
    run(w);
    world_expect_release_1(w);
    assert_int_equal(w->agent->board.failed_counter, 2);
    expect_tries(w, 0, 0);
}

static void test_agent_patience_fifteenth_fault_gives_up(void **state) {
    struct world *w = *state;
    offer(w, "a");
    damage(w);
    fail_until_given_up(w);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_true(reported(w, "\"code\":\"flash\""));
    assert_true(reported(w, "\"result\":\"failed\""));
    assert_true(fake_board_logged(w->board, "given up after 15 tries: it waits until channel stable offers another"));
}

/* Repaired on the server, signed anew, after a reset: the board cannot know, and does not ask. */
static void test_agent_patience_given_up_rests_until_the_channel_changes(void **state) {
    struct world *w = *state;
    offer(w, "a");
    damage(w);
    fail_until_given_up(w);
    damage(w);
    unsigned images = w->server->image_requests;
    fake_server_publish(w->server);
    assert_true(world_start(w));
    run(w);
    world_expect_release_1(w);
    assert_int_equal(w->server->image_requests, images);
    offer_again(w, 1);
    run(w);
    assert_int_equal(w->agent->board.failed_counter, 0);
    offer_again(w, 2);
    expect_installed(w, "a");
}

static void test_agent_patience_forgiven_release_has_all_its_tries(void **state) {
    struct world *w = *state;
    offer(w, "a");
    damage(w);
    fail_until_given_up(w);
    offer_again(w, 1);
    run(w);
    offer_again(w, 2);
    fail_until_given_up(w);
}

/* Wherever the power goes while the last try is noted: it ends given up, with its reason, and with all tries for later. */
static void test_agent_patience_power_cut_while_giving_up(void **state) {
    struct world *w = *state;
    struct fake_saved last_try;
    offer(w, "a");
    damage(w);
    for (unsigned i = 1; i < OTA_TRIES_MAX; i++)
        expect_waiting(w);
    fake_board_save(w->board, &last_try);
    bool was_cut = true;
    for (uint64_t cut = 1; was_cut; cut++) {
        fake_board_restore(w->board, &last_try);
        offer_again(w, 2);
        w->board->cut_at = cut;
        assert_true(world_start(w));
        was_cut = !world_run(w);
        w->board->cut_at = 0;
        assert_true(world_start(w));
        run(w);
        if (w->agent->board.failed_counter != 2 || w->agent->journal.phase != OTA_PHASE_IDLE)
            fail_msg("cut %llu: not given up", (unsigned long long)cut);
        if (!reported(w, "\"code\":\"flash\""))
            fail_msg("cut %llu: %s", (unsigned long long)cut, ota_buf_text(&w->server->report));
        offer_again(w, 1);
        run(w);
        if (has_record(w, "tries"))
            fail_msg("cut %llu: %u tries are left over", (unsigned long long)cut, w->agent->tries.failed);
    }
    fake_saved_free(&last_try);
}

static void test_agent_patience_success_forgets_tries(void **state) {
    struct world *w = *state;
    offer(w, "a");
    damage(w);
    expect_waiting(w);
    expect_waiting(w);
    expect_tries(w, 2, 2);
    damage(w);
    expect_installed(w, "a");
    expect_tries(w, 0, 0);
    assert_true(reported(w, "\"result\":\"installed\""));
}

static void test_agent_patience_each_release_has_its_own_tries(void **state) {
    struct world *w = *state;
    offer(w, "a");
    damage(w);
    for (unsigned i = 0; i < OTA_TRIES_MAX - 1; i++)
        expect_waiting(w);
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&w->two.app));
    offer_again(w, 3);
    expect_waiting(w);
    expect_tries(w, 3, 1);
}

/* Sectors of the slot that cannot be erased are the board's own fault: it counts, or a worn board would write for ever. */
static void test_agent_patience_worn_flash_counts(void **state) {
    struct world *w = *state;
    offer(w, "a");
    w->board->worn_from = FAKE_SLOT_1;
    w->board->worn_to = FAKE_SLOT_1 + OTA_SECTOR;
    w->board->worn = 2;
    expect_waiting(w);
    assert_int_equal(w->agent->last.code, OTA_FLASH);
    expect_waiting(w);
    expect_tries(w, 2, 2);
    expect_installed(w, "a");
}

static void break_line(struct fake_server *s, unsigned i) {
    s->break_after = i % 4 == 0 ? 100 : 0;
    s->status = i % 4 == 1 ? 503 : i % 4 == 2 ? 404 : 0;
    s->announce = i % 4 == 3 ? OTA_LENGTH_UNKNOWN : 0;
    s->drop = i % 4 == 3 ? 1000 : 0;
}

static void test_agent_patience_line_faults_never_count(void **state) {
    static const enum ota_status codes[] = {OTA_NETWORK, OTA_HTTP, OTA_HTTP, OTA_TRUNCATED};
    struct world *w = *state;
    w->board->deadline_s = UINT32_MAX;
    offer(w, "a");
    for (unsigned i = 0; i < TRIES_SEEN; i++) {
        break_line(w->server, i);
        expect_waiting(w);
        if (w->agent->last.code != codes[i % 4])
            fail_msg("run %u: %s", i, w->agent->last.msg);
        expect_tries(w, 0, 0);
    }
    expect_installed(w, "a");
}

/* Nobody answers at all, or the image's server proves nothing. */
static void test_agent_patience_absent_server_never_counts(void **state) {
    struct world *w = *state;
    w->board->deadline_s = UINT32_MAX;
    offer(w, "a");
    for (unsigned i = 0; i < TRIES_SEEN; i++) {
        w->server->down = i % 2 == 0;
        w->server->status = 503;
        expect_waiting(w);
        expect_tries(w, 0, 0);
    }
    w->server->down = false;
    expect_installed(w, "a");
}

/* ---- records ------------------------------------------------------------------------------------------- */

static void test_agent_patience_records_read_what_was_written(void **state) {
    struct ota_tries_record tries = {.counter = 7, .failed = OTA_TRIES_MAX, .copies = OTA_COPY_TRIES_MAX}, t;
    struct ota_defer_record defer = {.until = FAKE_NOW + 5}, d;
    uint8_t bytes[64];
    size_t len;
    (void)state;
    assert_ota_ok(ota_tries_encode(&tries, bytes, sizeof bytes, &len, &err));
    assert_ota_ok(ota_tries_decode((struct ota_span){bytes, len}, &t, &err));
    assert_int_equal(t.counter, 7);
    assert_int_equal(t.failed, OTA_TRIES_MAX);
    assert_int_equal(t.copies, OTA_COPY_TRIES_MAX);
    assert_ota(ota_tries_decode((struct ota_span){bytes, len - 1}, &t, &err), OTA_JOURNAL);
    tries.failed++;
    assert_ota_ok(ota_tries_encode(&tries, bytes, sizeof bytes, &len, &err));
    assert_ota(ota_tries_decode((struct ota_span){bytes, len}, &t, &err), OTA_JOURNAL);
    tries = (struct ota_tries_record){.counter = 7, .copies = OTA_COPY_TRIES_MAX + 1};
    assert_ota_ok(ota_tries_encode(&tries, bytes, sizeof bytes, &len, &err));
    assert_ota(ota_tries_decode((struct ota_span){bytes, len}, &t, &err), OTA_JOURNAL);
    assert_ota_ok(ota_defer_encode(&defer, bytes, sizeof bytes, &len, &err));
    assert_ota_ok(ota_defer_decode((struct ota_span){bytes, len}, &d, &err));
    assert_int_equal(d.until, defer.until);
    bytes[3] ^= 1;
    assert_ota(ota_defer_decode((struct ota_span){bytes, len}, &d, &err), OTA_JOURNAL);
}

/* Neither keeps a board from booting, or from its updates. */
static void test_agent_patience_damaged_records_are_set_aside(void **state) {
    struct world *w = *state;
    const struct ota_kv *kv = &w->board->kv_port;
    offer(w, "a");
    assert_ota_ok(kv->set(kv->ctx, "tries", "\1\2\3", 3, &err));
    assert_ota_ok(kv->set(kv->ctx, "defer", "\1\2\3\4\5\6\7\10\11\12\13\14\15", 13, &err));
    assert_true(world_start(w));
    assert_true(fake_board_logged(w->board, "set aside, the board finds out anew"));
    expect_installed(w, "a");
}

/* An update that the firmware before began: its journal stays one that it can read after a rollback. */
static void test_agent_patience_update_ends_in_the_form_its_journal_began(void **state) {
    struct world *w = *state;
    const struct ota_kv *kv = &w->board->kv_port;
    uint8_t bytes[OTA_JOURNAL_BYTES_MAX];
    size_t len;
    offer(w, "a");
    w->server->break_after = 9000;
    expect_waiting(w);
    assert_int_equal(version_of(w, "journal"), OTA_JOURNAL_VERSION);
    w->agent->journal.format = 1;
    assert_ota_ok(ota_journal_encode(&w->agent->journal, bytes, sizeof bytes, &len, &err));
    assert_ota_ok(kv->set(kv->ctx, "journal", bytes, len, &err));
    assert_true(world_start(w));
    assert_int_equal(w->agent->journal.step[0].done, 8192);
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_ACTIVATED);
    assert_int_equal(version_of(w, "journal"), 1);
    assert_true(world_start(w));
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_CONFIRMING);
    assert_int_equal(version_of(w, "journal"), 1);
    expect_installed(w, "a");
    assert_int_equal(w->server->ranges, 1);
    assert_false(has_record(w, "journal"));
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", ota_buf_span(&w->two.storage));
    w->board->refuse_activation = true;
    offer_again(w, 3);
    run(w);
    assert_int_equal(version_of(w, "journal"), OTA_JOURNAL_VERSION);
}

/* ---- deadline ------------------------------------------------------------------------------------------ */

static void test_agent_patience_deadline_drops_the_plan(void **state) {
    struct world *w = *state;
    w->board->deadline_s = 6 * HOUR;
    offer(w, "a");
    w->server->status = 503;
    uint64_t began = w->board->uptime_ms;
    for (unsigned i = 0; w->agent->tries.failed == 0; i++) {
        assert_in_range(i, 0, RUNS_MAX);
        if (i > 0)
            assert_int_equal(w->agent->journal.phase, OTA_PHASE_STAGING);
        expect_waiting(w);
    }
    assert_true(w->board->uptime_ms - began >= 6000ull * HOUR);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_false(has_record(w, "journal"));
    expect_tries(w, 2, 1);
    assert_true(reported(w, "\"code\":\"timeout\""));
    assert_true(reported(w, "\"stage\":\"plan\""));
    assert_true(fake_board_logged(w->board, "not installed within 21600 s: begins anew"));
    /* The next plan has all its time. */
    expect_waiting(w);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_STAGING);
    assert_int_equal(w->agent->journal.spent_s, 0);
    expect_installed(w, "a");
    expect_tries(w, 0, 0);
}

/* Whoever throttles the line must not decide what a board runs. */
static void test_agent_patience_deadlines_give_nothing_up(void **state) {
    struct world *w = *state;
    w->board->deadline_s = 1;
    offer(w, "a");
    w->server->status = 503;
    for (unsigned i = 0; i < 3 * OTA_TRIES_MAX; i++)
        expect_waiting(w);
    assert_int_equal(w->agent->tries.failed, OTA_TRIES_MAX);
    w->board->deadline_s = 0;
    assert_true(world_start(w));
    expect_installed(w, "a");
    expect_tries(w, 0, 0);
}

static enum ota_status (*sound_set)(void *ctx, const char *key, const void *p, size_t len, struct ota_err *err);
static unsigned journal_writes;

static enum ota_status counting_set(void *ctx, const char *key, const void *p, size_t len, struct ota_err *e) {
    journal_writes += strcmp(key, "journal") == 0;
    return sound_set(ctx, key, p, len, e);
}

/* Staged, and the application never agrees: a week of polls. */
static void test_agent_patience_time_spent_is_written_sixteen_times_at_most(void **state) {
    struct world *w = *state;
    offer(w, "a");
    w->board->refuse_activation = true;
    expect_waiting(w);
    uint64_t began = w->board->uptime_ms - 1000ull * w->sleep_s;
    sound_set = w->board->kv_port.set;
    w->board->kv_port.set = counting_set;
    journal_writes = 0;
    unsigned polls = 0;
    while (w->agent->journal.phase == OTA_PHASE_STAGING) {
        expect_waiting(w);
        assert_in_range(++polls, 0, RUNS_MAX);
    }
    w->board->kv_port.set = sound_set;
    assert_in_range(w->board->uptime_ms - began, 7000ull * DAY, 7000ull * DAY + 4000ull * HOUR);
    assert_in_range(polls, 100, RUNS_MAX);
    assert_in_range(journal_writes, 10, 16);
    expect_tries(w, 2, 1);
}

static void test_agent_patience_time_spent_survives_resets(void **state) {
    struct world *w = *state;
    const uint32_t deadline = 16 * HOUR;
    w->board->deadline_s = deadline;
    offer(w, "a");
    w->board->refuse_activation = true;
    uint64_t on_ms = 0, began = w->board->uptime_ms;
    for (unsigned i = 1; w->agent->tries.failed == 0; i++) {
        assert_in_range(i, 0, RUNS_MAX);
        expect_waiting(w);
        if (i % 4 != 0 || w->agent->tries.failed > 0)
            continue;
        uint32_t spent = w->agent->journal.spent_s;
        on_ms += w->board->uptime_ms - began;
        began = 0;
        assert_true(world_start(w));
        assert_in_range(w->agent->journal.spent_s, spent > deadline / 16 ? spent - deadline / 16 : 0, spent);
    }
    on_ms += w->board->uptime_ms - began;
    assert_in_range(on_ms, 1000ull * deadline, 2000ull * deadline);
}

/* ---- deferral ------------------------------------------------------------------------------------------ */

static void put_off(struct world *w, uint32_t seconds) {
    assert_ota_ok(ota_defer(w->agent, seconds, &err));
}

static void expect_put_off(struct world *w) {
    unsigned images = w->server->image_requests;
    expect_waiting(w);
    assert_int_equal(w->server->image_requests, images);
}

static void test_agent_patience_deferred_update_does_not_begin(void **state) {
    struct world *w = *state;
    offer(w, "a");
    put_off(w, 6 * HOUR);
    expect_put_off(w);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_int_equal(w->agent->last.code, OTA_OK);
    expect_put_off(w);
    assert_true(fake_board_logged(w->board, "put off by the application for"));
    w->board->uptime_ms += 6000ull * HOUR;
    expect_installed(w, "a");
}

static struct world *downloading;

static void defer_now(struct fake_server *s) {
    (void)s;
    put_off(downloading, 6 * HOUR);
}

/* Put off while it is downloaded: it is staged, and waits. */
static void test_agent_patience_deferred_while_staging_is_not_installed(void **state) {
    struct world *w = downloading = *state;
    offer(w, "a");
    w->server->on_image = defer_now;
    expect_waiting(w);
    assert_int_equal(w->agent->journal.step[0].state, OTA_STEP_STAGED);
    assert_int_equal(w->boots, 1);
    expect_put_off(w);
    w->board->uptime_ms += 6000ull * HOUR;
    uint64_t bytes = w->server->image_bytes;
    expect_installed(w, "a");
    assert_int_equal(w->server->image_bytes, bytes);
}

static void test_agent_patience_deferral_survives_a_reset_with_a_clock(void **state) {
    struct world *w = *state;
    offer(w, "a");
    put_off(w, 6 * HOUR);
    assert_true(world_start(w));
    expect_put_off(w);
    w->board->now += 6 * HOUR - 1;
    expect_put_off(w);
    w->board->now += 1;
    expect_installed(w, "a");
}

static void test_agent_patience_deferral_without_a_clock_ends_with_a_reset(void **state) {
    struct world *w = *state;
    w->board->no_clock = true;
    offer(w, "a");
    put_off(w, 6 * HOUR);
    assert_false(has_record(w, "defer"));
    expect_put_off(w);
    assert_true(world_start(w));
    expect_installed(w, "a");
}

/* The last word counts: what was said before with a clock does not come back. */
static void test_agent_patience_deferral_without_a_clock_replaces_one_with(void **state) {
    struct world *w = *state;
    offer(w, "a");
    put_off(w, OTA_DEFER_MAX_S);
    w->board->no_clock = true;
    put_off(w, HOUR);
    assert_false(has_record(w, "defer"));
    w->board->no_clock = false;
    assert_true(world_start(w));
    expect_installed(w, "a");
}

static void test_agent_patience_deferral_of_none_ends_it(void **state) {
    struct world *w = *state;
    offer(w, "a");
    put_off(w, 6 * HOUR);
    expect_put_off(w);
    put_off(w, 0);
    assert_false(has_record(w, "defer"));
    assert_true(world_start(w)); /* nor does it come back */
    expect_installed(w, "a");
}

/* The clock was years ahead when it was put off, and is right after the reset. */
static void test_agent_patience_wrong_clock_defers_nothing_for_years(void **state) {
    struct world *w = *state;
    offer(w, "a");
    w->board->now += 3650ull * DAY;
    put_off(w, 6 * HOUR);
    w->board->now -= 3650ull * DAY;
    expect_put_off(w); /* uptime knows */
    assert_true(world_start(w));
    expect_installed(w, "a");
}

/* While the board is on, its clock may jump as it likes. */
static void test_agent_patience_clock_that_jumps_ends_no_deferral(void **state) {
    struct world *w = *state;
    offer(w, "a");
    put_off(w, 12 * HOUR);
    w->board->now += DAY;
    expect_put_off(w);
    w->board->uptime_ms += 12000ull * HOUR;
    expect_installed(w, "a");
}

static void test_agent_patience_deferral_has_a_limit(void **state) {
    struct world *w = *state;
    offer(w, "a");
    assert_ota(ota_defer(w->agent, OTA_DEFER_MAX_S + 1, &err), OTA_ARGUMENT);
    assert_false(has_record(w, "defer"));
    put_off(w, OTA_DEFER_MAX_S);
    expect_put_off(w);
    put_off(w, 1);
    w->board->uptime_ms += 1000;
    expect_installed(w, "a");
}

static enum ota_status failing_set(void *ctx, const char *key, const void *p, size_t len, struct ota_err *e) {
    (void)ctx, (void)p, (void)len;
    return ota_err_set(e, OTA_KV, "no room for %s", key);
}

static void test_agent_patience_deferral_that_cannot_be_kept_holds_until_the_reset(void **state) {
    struct world *w = *state;
    offer(w, "a");
    sound_set = w->board->kv_port.set;
    w->board->kv_port.set = failing_set;
    assert_ota(ota_defer(w->agent, 6 * HOUR, &err), OTA_KV);
    w->board->kv_port.set = sound_set;
    expect_put_off(w);
    assert_true(world_start(w));
    expect_installed(w, "a");
}

/* ---- window -------------------------------------------------------------------------------------------- */

static void open_window(struct world *w, unsigned from, unsigned to) {
    w->board->window = (struct ota_maintenance){(uint16_t)from, (uint16_t)to};
}

static void expect_staged(struct world *w) {
    expect_waiting(w);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_STAGING);
    assert_int_equal(w->agent->journal.step[0].state, OTA_STEP_STAGED);
    assert_int_equal(w->agent->last.code, OTA_OK);
    assert_int_equal(w->boots, 1);
}

static void test_agent_patience_window_that_is_open(void **state) {
    struct world *w = *state;
    open_window(w, MORNING, MORNING + 1); /* its first minute */
    offer(w, "a");
    expect_installed(w, "a");
}

static void test_agent_patience_window_that_has_just_closed(void **state) {
    struct world *w = *state;
    open_window(w, MORNING - 60, MORNING);
    offer(w, "a");
    expect_staged(w);
    w->board->now += DAY - 1;
    expect_installed(w, "a");
}

/* Polls go on meanwhile; none of them is the one before the commit. */
static void test_agent_patience_window_is_waited_for(void **state) {
    struct world *w = *state;
    const unsigned from = MORNING + 5 * 60, to = from + 30;
    open_window(w, from, to);
    w->board->clock_runs = true;
    offer(w, "a");
    for (unsigned i = 0; w->agent->board.counter == 1; i++) {
        uint64_t minute = w->board->now % DAY / 60;
        unsigned polls = w->server->polls;
        bool open = minute >= from && minute < to;
        assert_in_range(i, 0, 20);
        assert_true(minute < to); /* no run sleeps through it */
        if (!open)
            expect_staged(w);
        else
            expect_installed(w, "a");
        if (!open)
            assert_int_equal(w->server->polls - polls, 1);
    }
    assert_true(fake_board_logged(w->board, "is staged and waits for the window at 13:00 UTC"));
}

/* Boards that wait for one window do not begin together, nor in its last minutes. */
static void test_agent_patience_sleep_ends_in_the_first_half_of_the_window(void **state) {
    struct world *w = *state;
    uint32_t least = UINT32_MAX, most = 0;
    w->board->now += 20;
    open_window(w, MORNING + 10, MORNING + 40);
    offer(w, "a");
    for (unsigned i = 0; i < 40; i++) {
        expect_staged(w);
        least = w->sleep_s < least ? w->sleep_s : least;
        most = w->sleep_s > most ? w->sleep_s : most;
    }
    assert_in_range(least, 580, 580 + 899);
    assert_in_range(most, 580, 580 + 899);
    assert_true(most > least);
}

static void test_agent_patience_window_over_midnight(void **state) {
    static const struct {
        uint32_t later_s;
        bool open;
    } at[] = {{0, false},        {14 * HOUR, false}, {15 * HOUR - 1, false}, {15 * HOUR, true},
              {16 * HOUR, true}, {19 * HOUR, true},  {23 * HOUR - 1, true},  {23 * HOUR, false}};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(at); i++) {
        struct world *w = world_new();
        w->board->now += at[i].later_s;
        open_window(w, 23 * 60, 7 * 60);
        offer(w, "a");
        if (at[i].open)
            expect_installed(w, "a");
        else
            expect_staged(w);
        if (w->board->running != (at[i].open ? FAKE_SLOT_1 : FAKE_SLOT_0))
            fail_msg("%u s after 08:00", at[i].later_s);
        world_free(w);
    }
}

static void test_agent_patience_window_without_a_clock_is_open(void **state) {
    struct world *w = *state;
    open_window(w, MORNING + 60, MORNING + 120);
    w->board->no_clock = true;
    offer(w, "a");
    expect_installed(w, "a");
    assert_true(fake_board_logged(w->board, "without a clock the maintenance window is not kept"));
}

/* Withdrawn while it waits: it is not installed when the window opens. */
static void test_agent_patience_withdrawn_before_the_window_is_dropped(void **state) {
    struct world *w = *state;
    open_window(w, MORNING + 60, MORNING + 120);
    offer(w, "a");
    expect_staged(w);
    offer_again(w, 1);
    w->board->now += HOUR;
    run(w);
    world_expect_release_1(w);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
}

static void test_agent_patience_window_is_in_minutes_of_the_day(void **state) {
    struct world *w = *state;
    for (unsigned i = 0; i < 2; i++) {
        open_window(w, i ? 1440 : 0, i ? 0 : 1440);
        struct ota_agent_config cfg = fake_board_config(w->board, &w->server->port, ota_buf_span(&w->server->root));
        assert_ota(ota_agent_init(w->agent, &cfg, &err), OTA_ARGUMENT);
    }
}

/* ---- slow lines ---------------------------------------------------------------------------------------- */

static void trickle(struct world *w, size_t bytes, size_t from, uint64_t ms) {
    w->server->uptime_ms = &w->board->uptime_ms;
    w->server->trickle = bytes;
    w->server->trickle_from = from;
    w->server->trickle_ms = ms;
}

static void expect_resumed(struct world *w, uint32_t kept) {
    assert_int_equal(w->agent->last.code, OTA_TIMEOUT);
    assert_int_equal(w->agent->journal.step[0].done, kept);
    expect_tries(w, 0, 0);
    uint64_t bytes = w->server->image_bytes;
    w->server->trickle = 0;
    expect_installed(w, "a");
    assert_int_equal(w->server->image_bytes - bytes, w->two.app.len - kept);
    assert_int_equal(w->server->ranges, kept > 0);
}

/* A byte now and then is no silence to the transport. */
static void test_agent_patience_metadata_that_trickles_is_given_up(void **state) {
    struct world *w = *state;
    offer(w, "a");
    w->server->fault_path = "m/timestamp.json";
    trickle(w, 1, 0, 19000);
    const uint64_t began = w->board->uptime_ms;
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_equal(w->agent->last.code, OTA_TIMEOUT);
    assert_non_null(strstr(w->agent->last.msg, "timestamp.json: not complete after 120 s"));
    assert_true(w->board->uptime_ms - began < 140000);
    world_expect_release_1(w);
    w->server->fault_path = NULL;
    expect_installed(w, "a");
}

static void test_agent_patience_metadata_may_be_slow(void **state) {
    struct world *w = *state;
    offer(w, "a");
    w->server->fault_path = "m/timestamp.json";
    trickle(w, 100, 0, 10000);
    expect_installed(w, "a");
}

static void test_agent_patience_stalled_line_is_given_up_and_resumed(void **state) {
    struct world *w = *state;
    offer(w, "a");
    trickle(w, 10, 5000, 5000);
    expect_waiting(w);
    assert_non_null(strstr(w->agent->last.msg, "less than a sector arrived in 60 s, at 4096 of 12240 bytes"));
    expect_resumed(w, 4096);
}

static void test_agent_patience_line_that_stalls_at_once(void **state) {
    struct world *w = *state;
    w->board->stall_s = 20;
    offer(w, "a");
    trickle(w, 100, 0, 1000);
    expect_waiting(w);
    assert_non_null(strstr(w->agent->last.msg, "less than a sector arrived in 20 s, at 0 of"));
    expect_resumed(w, 0);
}

/* 100 bytes a second are slow, and enough. */
static void test_agent_patience_slow_line_is_waited_for(void **state) {
    struct world *w = *state;
    offer(w, "a");
    w->server->fault_path = "app.bin";
    trickle(w, 1000, 0, 10000);
    run(w);
    world_expect_release_2(w, "a");
    assert_int_equal(w->server->image_requests, 1);
}

static void test_agent_patience_download_that_takes_too_long_is_resumed(void **state) {
    struct world *w = *state;
    w->board->download_s = 110;
    offer(w, "a");
    trickle(w, 1000, 0, 10000);
    expect_waiting(w);
    assert_non_null(strstr(w->agent->last.msg, "not complete after 110 s, at 8192 of 12240 bytes"));
    expect_resumed(w, 8192);
}

/* ---- copies -------------------------------------------------------------------------------------------- */

/* So many copies fail. */
static void wear_storage(struct world *w, unsigned copies) {
    w->board->worn_from = FAKE_STORAGE;
    w->board->worn_to = FAKE_STORAGE + FAKE_STORAGE_SIZE;
    w->board->worn = copies * SECTOR_TRIES;
}

static void test_agent_patience_third_copy_succeeds(void **state) {
    struct world *w = *state;
    offer(w, "sa");
    wear_storage(w, OTA_COPY_TRIES_MAX - 1);
    unsigned images = 0;
    for (unsigned i = 1; i < OTA_COPY_TRIES_MAX; i++) {
        expect_waiting(w);
        assert_int_equal(w->boots, 1 + i);
        assert_int_equal(w->agent->journal.phase, OTA_PHASE_COMMITTED);
        expect_tries(w, 2, 0);
        assert_int_equal(w->agent->tries.copies, i);
        assert_true(reported(w, "\"stage\":\"copy\""));
        assert_true(reported(w, "\"label\":\"storage\""));
        images = images ? images : w->server->image_requests;
    }
    expect_installed(w, "sa");
    assert_int_equal(w->server->image_requests, images); /* what is staged is copied, not downloaded */
    expect_tries(w, 0, 0);
}

static bool on_record(const struct world *w, const char *label) {
    for (size_t i = 0; i < w->agent->board.count; i++)
        if (strcmp(w->agent->board.installed[i].label, label) == 0)
            return true;
    return false;
}

/* Content faults before it leave the copy its own tries. */
static void test_agent_patience_copy_has_its_own_tries(void **state) {
    struct world *w = *state;
    offer(w, "sa");
    damage(w);
    for (unsigned i = 0; i < OTA_TRIES_MAX - 1; i++)
        expect_waiting(w);
    damage(w);
    wear_storage(w, OTA_COPY_TRIES_MAX - 1);
    for (unsigned i = 1; i < OTA_COPY_TRIES_MAX; i++) {
        expect_waiting(w);
        assert_int_equal(w->agent->tries.copies, i);
    }
    expect_installed(w, "sa");
}

/* Something spoils what waits after every commit: each round is a download and a reset, and there is an end to them. */
static void test_agent_patience_staged_bytes_that_never_last(void **state) {
    struct world *w = *state;
    offer(w, "s");
    unsigned commits = 0;
    while (w->agent->board.failed_counter == 0) {
        assert_in_range(commits, 0, OTA_TRIES_MAX - 1);
        assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
        if (!w->agent->reboot)
            continue;
        commits++;
        w->board->flash[w->agent->journal.step[0].stage_offset] ^= 1;
        assert_true(world_start(w));
    }
    assert_int_equal(commits, OTA_TRIES_MAX);
    assert_int_equal(w->agent->board.failed_counter, 2);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_true(fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(&w->one.storage)));
}

/* The label that is half copied counts as nothing: the next release with the old content writes it again. */
static void test_agent_patience_third_failed_copy_gives_up(void **state) {
    struct world *w = *state;
    offer(w, "sa");
    expect_installed(w, "sa");
    assert_true(on_record(w, "storage"));
    struct ota_buf storage = fake_data("3.0.0", WORLD_STORAGE_LENGTH);
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", ota_buf_span(&storage));
    offer_again(w, 3);
    wear_storage(w, OTA_COPY_TRIES_MAX);
    w->board->worn_from += OTA_SECTOR; /* the first sector is copied */
    for (unsigned i = 0; i < OTA_COPY_TRIES_MAX; i++) {
        assert_int_equal(w->agent->board.failed_counter, 0);
        run(w);
    }
    assert_int_equal(w->board->worn, 0);
    assert_int_equal(w->agent->board.failed_counter, 3);
    assert_int_equal(w->agent->board.counter, 2);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_false(on_record(w, "storage"));
    assert_false(fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(&w->two.storage)));
    expect_tries(w, 0, 0);
    r = fake_server_release(w->server, 4, "4.0.0");
    fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", ota_buf_span(&w->two.storage));
    offer_again(w, 4);
    run(w);
    assert_int_equal(w->agent->board.counter, 4);
    assert_true(fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(&w->two.storage)));
    ota_buf_free(&storage);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_agent_patience_fifteenth_fault_gives_up),
        TEST(test_agent_patience_given_up_rests_until_the_channel_changes),
        TEST(test_agent_patience_forgiven_release_has_all_its_tries),
        TEST(test_agent_patience_power_cut_while_giving_up),
        TEST(test_agent_patience_success_forgets_tries),
        TEST(test_agent_patience_each_release_has_its_own_tries),
        TEST(test_agent_patience_worn_flash_counts),
        TEST(test_agent_patience_line_faults_never_count),
        TEST(test_agent_patience_absent_server_never_counts),
        TEST(test_agent_patience_records_read_what_was_written),
        TEST(test_agent_patience_damaged_records_are_set_aside),
        TEST(test_agent_patience_update_ends_in_the_form_its_journal_began),
        TEST(test_agent_patience_deadline_drops_the_plan),
        TEST(test_agent_patience_deadlines_give_nothing_up),
        TEST(test_agent_patience_time_spent_is_written_sixteen_times_at_most),
        TEST(test_agent_patience_time_spent_survives_resets),
        TEST(test_agent_patience_deferred_update_does_not_begin),
        TEST(test_agent_patience_deferred_while_staging_is_not_installed),
        TEST(test_agent_patience_deferral_survives_a_reset_with_a_clock),
        TEST(test_agent_patience_deferral_without_a_clock_ends_with_a_reset),
        TEST(test_agent_patience_deferral_without_a_clock_replaces_one_with),
        TEST(test_agent_patience_deferral_of_none_ends_it),
        TEST(test_agent_patience_wrong_clock_defers_nothing_for_years),
        TEST(test_agent_patience_clock_that_jumps_ends_no_deferral),
        TEST(test_agent_patience_deferral_has_a_limit),
        TEST(test_agent_patience_deferral_that_cannot_be_kept_holds_until_the_reset),
        TEST(test_agent_patience_window_that_is_open),
        TEST(test_agent_patience_window_that_has_just_closed),
        TEST(test_agent_patience_window_is_waited_for),
        TEST(test_agent_patience_sleep_ends_in_the_first_half_of_the_window),
        TEST(test_agent_patience_window_over_midnight),
        TEST(test_agent_patience_window_without_a_clock_is_open),
        TEST(test_agent_patience_withdrawn_before_the_window_is_dropped),
        TEST(test_agent_patience_window_is_in_minutes_of_the_day),
        TEST(test_agent_patience_metadata_that_trickles_is_given_up),
        TEST(test_agent_patience_metadata_may_be_slow),
        TEST(test_agent_patience_stalled_line_is_given_up_and_resumed),
        TEST(test_agent_patience_line_that_stalls_at_once),
        TEST(test_agent_patience_slow_line_is_waited_for),
        TEST(test_agent_patience_download_that_takes_too_long_is_resumed),
        TEST(test_agent_patience_third_copy_succeeds),
        TEST(test_agent_patience_copy_has_its_own_tries),
        TEST(test_agent_patience_staged_bytes_that_never_last),
        TEST(test_agent_patience_third_failed_copy_gives_up),
    };
    return cmocka_run_group_tests_name("agent_patience", tests, NULL, NULL);
}
