/* SPDX-License-Identifier: Apache-2.0 */
/* Images in their zlib form: fewer bytes, the same flash; and what a faulty one can do, which is nothing. */
#include "support/unit.h"

#include "support/fake_world.h"

#include "host/inflate_zlib.h"

#define BROKEN_AT 3000u

static struct ota_inflate_zlib *zlib;

static int setup(void **state) {
    struct world *w = *state = world_new();
    zlib = ota_inflate_zlib_new();
    w->board->inflate = ota_inflate_zlib_port(zlib);
    world_settle(w);
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    ota_inflate_zlib_free(&zlib);
    return 0;
}

/* Release 2 with the app alone and its zlib form, of which faults are. */
static void offer_app(struct world *w) {
    world_release_2(w, "az");
    w->server->fault_path = ".z";
}

/* The same with another zlib form, signed. */
static void offer_app_as(struct world *w, struct ota_span z) {
    struct ota_release *r = world_release_2(w, "a");
    fake_server_pack(w->server, r, "app.bin", z);
    fake_server_publish(w->server);
}

static uint64_t packed_bytes(const struct world *w) {
    const struct ota_release *r = &w->server->release[w->server->release_count - 1];
    uint64_t sum = 0;
    for (size_t i = 0; i < r->step_count; i++)
        sum += r->step[i].z_length;
    return sum;
}

static const struct ota_journal_step *step(const struct world *w) {
    return &w->agent->journal.step[0];
}

static void expect_refused(struct world *w, enum ota_status code, const char *why) {
    assert_true(world_run(w));
    if (w->agent->last.code != code || !strstr(w->agent->last.msg, why))
        fail_msg("%s (%s), wanted %s: %s", ota_status_name(w->agent->last.code), w->agent->last.msg,
                 ota_status_name(code), why);
    world_expect_release_1(w);
    assert_int_equal(w->boots, 1);
    assert_int_equal(w->agent->board.failed_counter, 0);
    assert_int_equal(step(w)->state, OTA_STEP_WAITING);
    assert_int_equal(step(w)->done, 0);
}

static void expect_plain_form_installs(struct world *w) {
    assert_true(step(w)->plain);
    uint64_t bytes = w->server->image_bytes;
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_int_equal(w->server->image_bytes - bytes, w->two.app.len);
}

static void expect_packed_form_installs(struct world *w) {
    assert_false(step(w)->plain);
    uint64_t bytes = w->server->image_bytes;
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_int_equal(w->server->image_bytes - bytes, packed_bytes(w));
}

/* ---- installed ----------------------------------------------------------------------------------------- */

static void test_agent_packed_images_of_every_kind(void **state) {
    struct world *w = *state;
    world_release_2(w, "sbaz");
    assert_true(world_run(w));
    world_expect_release_2(w, "sba");
    assert_int_equal(w->server->image_requests, 3);
    assert_int_equal(w->server->image_bytes, packed_bytes(w));
    assert_true(packed_bytes(w) < (w->two.app.len + w->two.bootloader.len + w->two.storage.len) * 3 / 4);
}

static void test_agent_packed_table_too(void **state) {
    struct world *w = *state;
    world_release_2(w, "tsaz");
    assert_true(world_run(w));
    world_expect_release_2(w, "tsa");
    assert_int_equal(w->server->image_bytes, packed_bytes(w));
}

static void test_agent_packed_is_not_asked_for_without_inflate(void **state) {
    struct world *w = *state;
    w->board->inflate = NULL;
    assert_true(world_start(w));
    offer_app(w);
    w->server->status = 404;
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_int_equal(w->server->image_bytes, w->two.app.len);
}

static void test_agent_packed_is_not_asked_for_where_there_is_none(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_int_equal(w->server->image_bytes, w->two.app.len);
}

/* A board that had no inflate when it began: the plain form is resumed, not thrown away. */
static void test_agent_packed_does_not_replace_a_beginning(void **state) {
    struct world *w = *state;
    w->board->inflate = NULL;
    assert_true(world_start(w));
    offer_app(w);
    w->server->fault_path = "app.bin";
    w->server->break_after = 9000;
    assert_true(world_run(w));
    assert_int_equal(step(w)->done, 8192);
    w->board->inflate = ota_inflate_zlib_port(zlib);
    assert_true(world_start(w));
    uint64_t bytes = w->server->image_bytes;
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_int_equal(w->server->image_bytes - bytes, w->two.app.len - 8192);
}

/* ---- broken off ---------------------------------------------------------------------------------------- */

static void test_agent_packed_broken_off_begins_with_the_plain_form(void **state) {
    struct world *w = *state;
    offer_app(w);
    w->server->break_after = BROKEN_AT;
    expect_refused(w, OTA_NETWORK, "@ota: the connection broke");
    assert_int_equal(w->agent->tries.failed, 0);
    expect_plain_form_installs(w);
    assert_int_equal(w->server->ranges, 0);
}

static void test_agent_packed_broken_off_is_known_after_a_reset(void **state) {
    struct world *w = *state;
    offer_app(w);
    w->server->break_after = BROKEN_AT;
    expect_refused(w, OTA_NETWORK, "");
    assert_true(world_start(w));
    expect_plain_form_installs(w);
}

/* And the plain form, once begun, is resumed after another break and another reset. */
static void test_agent_packed_plain_form_is_resumed_then(void **state) {
    struct world *w = *state;
    offer_app(w);
    w->server->break_after = BROKEN_AT;
    expect_refused(w, OTA_NETWORK, "");
    w->server->fault_path = "app.bin";
    w->server->break_after = 9000;
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_NETWORK);
    assert_true(world_start(w));
    assert_int_equal(step(w)->done, 8192);
    assert_true(step(w)->plain);
    uint64_t bytes = w->server->image_bytes;
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_int_equal(w->server->image_bytes - bytes, w->two.app.len - 8192);
}

static void test_agent_packed_truncated(void **state) {
    struct world *w = *state;
    offer_app(w);
    w->server->announce = OTA_LENGTH_UNKNOWN;
    w->server->drop = 100;
    expect_refused(w, OTA_TRUNCATED, "the download ends after");
    expect_plain_form_installs(w);
}

static void test_agent_packed_line_that_trickles(void **state) {
    struct world *w = *state;
    offer_app(w);
    w->server->uptime_ms = &w->board->uptime_ms;
    w->server->trickle = 10;
    w->server->trickle_ms = 5000;
    expect_refused(w, OTA_TIMEOUT, "less than a sector arrived in 60 s");
    expect_plain_form_installs(w);
}

/* Nothing arrived, so nothing says that the line is too weak for it. */
static void test_agent_packed_is_asked_for_again_when_it_never_began(void **state) {
    struct world *w = *state;
    offer_app(w);
    w->server->status = 503;
    expect_refused(w, OTA_HTTP, "503");
    w->server->fault_path = NULL;
    expect_packed_form_installs(w);
}

/* ---- not there, or not possible ------------------------------------------------------------------------ */

static void test_agent_packed_missing_on_the_server(void **state) {
    struct world *w = *state;
    offer_app(w);
    w->server->status = 404;
    expect_refused(w, OTA_HTTP, "404");
    expect_plain_form_installs(w);
}

static void test_agent_packed_of_another_length_on_the_server(void **state) {
    struct world *w = *state;
    offer_app(w);
    w->server->announce = 5;
    expect_refused(w, OTA_LENGTH, "announces Content-Length 5");
    expect_plain_form_installs(w);
}

static enum ota_status no_memory(void *ctx, struct ota_err *e) {
    (void)ctx;
    return ota_err_set(e, OTA_MEMORY, "no 4 KiB in one piece");
}

static void test_agent_packed_without_memory_for_the_window(void **state) {
    struct world *w = *state;
    struct ota_inflate poor = *w->board->inflate;
    poor.begin = no_memory;
    w->board->inflate = &poor;
    assert_true(world_start(w));
    w->boots = 1;
    offer_app(w);
    expect_refused(w, OTA_MEMORY, "no 4 KiB in one piece");
    expect_plain_form_installs(w);
}

/* ---- tampered ------------------------------------------------------------------------------------------ */

/* One bit, wherever it is: header, a length, a literal, the Adler-32. */
static void test_agent_packed_tampered_bytes_are_refused(void **state) {
    (void)state;
    static const double places[] = {0, 0.01, 0.3, 0.5, 0.8, 1};
    for (size_t i = 0; i < OTA_ARRAY_LEN(places); i++) {
        struct world *w;
        setup((void **)&w);
        offer_app(w);
        struct fake_file *z = fake_server_served(w->server, 2, ".z");
        size_t at = (size_t)(places[i] * (double)(z->bytes.len - 1));
        z->bytes.p[at] ^= 0x10;
        assert_true(world_run(w));
        enum ota_status code = w->agent->last.code;
        if (code != OTA_HASH && code != OTA_LENGTH && code != OTA_IMAGE_SEGMENT)
            fail_msg("byte %zu: %s: %s", at, ota_status_name(code), w->agent->last.msg);
        world_expect_release_1(w);
        assert_int_equal(w->boots, 1);
        teardown((void **)&w);
    }
}

/* The header's level is a remark: what is inflated is right, and the bytes are still not the signed ones. */
static void test_agent_packed_other_bytes_for_the_same_image_are_refused(void **state) {
    struct world *w = *state;
    offer_app(w);
    uint8_t *p = fake_server_served(w->server, 2, ".z")->bytes.p;
    p[1] = (uint8_t)(p[1] ^ 0x40) & 0xe0;
    p[1] |= (uint8_t)(31u - (p[0] * 256u + p[1]) % 31u);
    expect_refused(w, OTA_HASH, "the compressed bytes received are not the signed ones");
    assert_int_equal(w->agent->tries.failed, 1);
    assert_non_null(strstr(ota_buf_text(&w->server->report), "\"code\":\"hash\""));
    expect_plain_form_installs(w);
    assert_int_equal(w->agent->tries.failed, 0);
}

static void test_agent_packed_too_many_bytes_are_refused(void **state) {
    struct world *w = *state;
    offer_app(w);
    w->server->announce = packed_bytes(w);
    w->server->append = 1;
    expect_refused(w, OTA_LENGTH, "the server sends more than the signed");
    expect_plain_form_installs(w);
}

/* ---- signed, and wrong --------------------------------------------------------------------------------- */

/* The zlib form of release 2's app with `more` bytes behind it, or the last -more missing. */
static struct ota_buf packed_app(int more, int window_bits) {
    OTA_CLEAN(ota_buf_free) struct ota_buf app = fake_app("2.0.0", false);
    if (more < 0)
        app.len -= (size_t)-more;
    for (int i = 0; i < more; i++)
        ota_buf_append(&app, "x", 1);
    return fake_server_deflate(ota_buf_span(&app), window_bits);
}

static void refuse_signed(struct world *w, struct ota_buf *z, enum ota_status code, const char *why) {
    offer_app_as(w, ota_buf_span(z));
    ota_buf_free(z);
    expect_refused(w, code, why);
    assert_int_equal(w->agent->tries.failed, 1);
    expect_plain_form_installs(w);
}

static void test_agent_packed_form_of_more_than_the_image(void **state) {
    struct ota_buf z = packed_app(1, WORLD_WINDOW_BITS);
    refuse_signed(*state, &z, OTA_LENGTH, "holds more than the signed 12240 bytes");
}

static void test_agent_packed_form_of_much_more_than_the_image(void **state) {
    struct world *w = *state;
    struct ota_buf z = packed_app(4 << 20, WORLD_WINDOW_BITS);
    refuse_signed(w, &z, OTA_LENGTH, "holds more than the signed 12240 bytes");
    const uint32_t behind = FAKE_SLOT_1 + FAKE_APP_LENGTH;
    for (uint32_t i = 0; i < OTA_SECTOR; i++)
        assert_int_equal(w->board->flash[behind + i], 0xFF);
}

static void test_agent_packed_form_of_less_than_the_image(void **state) {
    struct ota_buf z = packed_app(-1, WORLD_WINDOW_BITS);
    refuse_signed(*state, &z, OTA_LENGTH, "holds less than the signed 12240 bytes");
}

static void test_agent_packed_form_that_ends_early(void **state) {
    struct ota_buf z = packed_app(0, WORLD_WINDOW_BITS);
    z.len -= 5; /* no Adler-32 */
    refuse_signed(*state, &z, OTA_LENGTH, "holds less than");
}

static void test_agent_packed_form_with_bytes_behind_it(void **state) {
    struct ota_buf z = packed_app(0, WORLD_WINDOW_BITS);
    ota_buf_append(&z, "x", 1);
    refuse_signed(*state, &z, OTA_LENGTH, "bytes after the end of the compressed form");
}

static void test_agent_packed_form_with_a_stream_behind_it(void **state) {
    struct ota_buf z = packed_app(0, WORLD_WINDOW_BITS), again = packed_app(0, WORLD_WINDOW_BITS);
    ota_buf_append(&z, again.p, again.len);
    ota_buf_free(&again);
    refuse_signed(*state, &z, OTA_LENGTH, "bytes after the end of the compressed form");
}

static void test_agent_packed_form_with_a_larger_window(void **state) {
    struct ota_buf z = packed_app(0, 15);
    refuse_signed(*state, &z, OTA_HASH, "window");
}

static void test_agent_packed_form_that_is_none(void **state) {
    struct ota_buf z = fake_data("garbage", 4000);
    refuse_signed(*state, &z, OTA_HASH, "");
}

/* What zlib takes for an image is another one: the plain image's digest decides. */
static void test_agent_packed_form_of_another_image(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf app = fake_app("2.0.0", false);
    app.p[5000] ^= 1;
    struct ota_buf z = fake_server_deflate(ota_buf_span(&app), WORLD_WINDOW_BITS);
    refuse_signed(*state, &z, OTA_HASH, "the bytes received are not the signed ones");
}

/* ---- power --------------------------------------------------------------------------------------------- */

static void test_agent_packed_power_cut_at_every_operation(void **state) {
    struct world *w = *state;
    struct fake_saved at_start;
    world_release_2(w, "saz");
    fake_board_save(w->board, &at_start);
    w->board->ops = 0;
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
    const uint64_t operations = w->board->ops;
    for (uint64_t cut = 1; cut <= 2 * operations; cut++) {
        fake_board_restore(w->board, &at_start);
        w->board->cut_at = (cut + 1) / 2;
        w->board->torn = cut % 2 == 0;
        w->boots = 0;
        if (world_run(w) || (w->board->cut_at = 0, !world_start(w)) || !world_run(w))
            fail_msg("cut %llu of %llu halves", (unsigned long long)cut, 2 * (unsigned long long)operations);
        if (w->agent->board.counter != 2)
            assert_true(world_run(w)); /* the cut run may have backed off once more */
        if (w->agent->board.counter != 2)
            fail_msg("cut %llu ends on release %u: %s", (unsigned long long)cut, w->agent->board.counter,
                     w->agent->last.msg);
        world_expect_release_2(w, "sa");
    }
    fake_saved_free(&at_start);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_agent_packed_images_of_every_kind),
        TEST(test_agent_packed_table_too),
        TEST(test_agent_packed_is_not_asked_for_without_inflate),
        TEST(test_agent_packed_is_not_asked_for_where_there_is_none),
        TEST(test_agent_packed_does_not_replace_a_beginning),
        TEST(test_agent_packed_broken_off_begins_with_the_plain_form),
        TEST(test_agent_packed_broken_off_is_known_after_a_reset),
        TEST(test_agent_packed_plain_form_is_resumed_then),
        TEST(test_agent_packed_truncated),
        TEST(test_agent_packed_line_that_trickles),
        TEST(test_agent_packed_is_asked_for_again_when_it_never_began),
        TEST(test_agent_packed_missing_on_the_server),
        TEST(test_agent_packed_of_another_length_on_the_server),
        TEST(test_agent_packed_without_memory_for_the_window),
        cmocka_unit_test(test_agent_packed_tampered_bytes_are_refused),
        TEST(test_agent_packed_other_bytes_for_the_same_image_are_refused),
        TEST(test_agent_packed_too_many_bytes_are_refused),
        TEST(test_agent_packed_form_of_more_than_the_image),
        TEST(test_agent_packed_form_of_much_more_than_the_image),
        TEST(test_agent_packed_form_of_less_than_the_image),
        TEST(test_agent_packed_form_that_ends_early),
        TEST(test_agent_packed_form_with_bytes_behind_it),
        TEST(test_agent_packed_form_with_a_stream_behind_it),
        TEST(test_agent_packed_form_with_a_larger_window),
        TEST(test_agent_packed_form_that_is_none),
        TEST(test_agent_packed_form_of_another_image),
        TEST(test_agent_packed_power_cut_at_every_operation),
    };
    return cmocka_run_group_tests_name("agent_packed", tests, NULL, NULL);
}
