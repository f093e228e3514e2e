/* SPDX-License-Identifier: Apache-2.0 */
/* The board's page: which request may do what, how a bundle comes through it, and what is said when it does not. */
#include "support/unit.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "ota/page.h"
#include "support/fake_bundle.h"
#include "support/fake_world.h"

#define HOST "192.168.4.1"

static struct ota_err err;
static struct ota_page page;
static struct ota_page_answer answer;
static char body[16384]; /* of the answer */

static void open_page(struct world *w, const char *const *hosts) {
    const struct ota_page_config cfg = {w->agent, hosts, "1.0.0"};
    assert_ota_ok(ota_page_begin(&page, &cfg, &err));
}

static int setup(void **state) {
    static const char *const hosts[] = {HOST, "board.local", "[fe80::1]", NULL};
    struct world *w = world_new();
    world_settle(w);
    open_page(w, hosts);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    return 0;
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static void read_answer(void) {
    size_t n = 0;
    for (size_t i = 0; i < OTA_PAGE_PARTS_MAX; i++) {
        assert_in_range(answer.part[i].len, 0, sizeof body - n - 1);
        if (answer.part[i].len)
            memcpy(body + n, answer.part[i].p, answer.part[i].len);
        n += answer.part[i].len;
    }
    body[n] = '\0';
}

static const char *header(const char *name) {
    for (size_t i = 0; i < answer.header_count; i++)
        if (strcmp(answer.header[i].name, name) == 0)
            return answer.header[i].value;
    return "";
}

static struct ota_page_request get(const char *path) {
    return (struct ota_page_request){.method = ota_span_str("GET"),
                                     .path = ota_span_str(path),
                                     .host = ota_span_str(HOST),
                                     .length = OTA_LENGTH_UNKNOWN};
}

static struct ota_page_request post(uint64_t length) {
    return (struct ota_page_request){.method = ota_span_str("POST"),
                                     .path = ota_span_str("/bundle"),
                                     .host = ota_span_str(HOST),
                                     .content_type = ota_span_str("application/octet-stream"),
                                     .token = ota_span_str(page.token),
                                     .length = length};
}

static bool asks_for_body(const struct ota_page_request *r) {
    bool feed = ota_page_request(&page, r, &answer);
    if (!feed)
        read_answer();
    return feed;
}

static void expect_problem(unsigned http, const char *part) {
    char status[24];
    snprintf(status, sizeof status, "\"status\":%u", http);
    if (answer.status != http || !strstr(body, part) || !strstr(body, status))
        fail_msg("%u %s, wanted %u with ...%s...", answer.status, body, http, part);
    assert_string_equal(header("Content-Type"), "application/problem+json");
    assert_false(answer.reboot);
}

static void expect_answer(const struct ota_page_request *r, unsigned http, const char *part) {
    assert_false(asks_for_body(r));
    expect_problem(http, part);
    assert_false(ota_page_open(&page));
}

/* Sends all of it and reads the answer. */
static void upload(struct ota_span bytes, size_t step) {
    const struct ota_page_request r = post(bytes.len);
    if (!asks_for_body(&r))
        fail_msg("no body is wanted: %u %s", answer.status, body);
    bool good = true;
    for (size_t pos = 0; good && pos < bytes.len; pos += step)
        good = ota_page_feed(&page, bytes.p + pos, bytes.len - pos < step ? bytes.len - pos : step);
    ota_page_end(&page, true, &answer);
    read_answer();
    assert_false(ota_page_open(&page));
}

static struct ota_buf bundle_of(struct world *w, uint32_t counter) {
    struct fake_bundle made;
    fake_bundle_make(&made, w->server, counter);
    struct ota_buf out = fake_bundle_pack(&made);
    fake_bundle_free(&made);
    w->server->down = true;
    return out;
}

static struct ota_buf bundle_of_2(struct world *w, const char *kinds) {
    world_release_2(w, kinds);
    return bundle_of(w, 2);
}

/* ---- the page ------------------------------------------------------------------------------------------ */

static void test_page_holds_its_token_and_nothing_from_elsewhere(void **unused) {
    (void)unused;
    const struct ota_page_request r = get("/");
    assert_false(asks_for_body(&r));
    assert_int_equal(answer.status, 200);
    assert_string_equal(header("Content-Type"), "text/html; charset=utf-8");
    assert_string_equal(header("Cache-Control"), "no-store");
    assert_string_equal(header("X-Content-Type-Options"), "nosniff");
    char meta[80];
    snprintf(meta, sizeof meta, "<meta name='token' content='%s'>", page.token);
    assert_non_null(strstr(body, meta));
    static const char *const absent[] = {"http:", "https:", "//", "innerHTML", "eval(", " style=", " onclick"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(absent); i++)
        if (strstr(body, absent[i]))
            fail_msg("the page has %s", absent[i]);
}

static void expect_hash(const char *tag) {
    char open[16], close[16], wanted[80];
    uint8_t digest[32], text[48];
    snprintf(open, sizeof open, "<%s>", tag);
    snprintf(close, sizeof close, "</%s>", tag);
    const char *from = strstr(body, open), *to = from ? strstr(from, close) : NULL;
    assert_non_null(to);
    from += strlen(open);
    assert_int_equal(EVP_Digest(from, (size_t)(to - from), digest, NULL, EVP_sha256(), NULL), 1);
    EVP_EncodeBlock(text, digest, sizeof digest);
    snprintf(wanted, sizeof wanted, "%s-src 'sha256-%s'", tag, (const char *)text);
    if (!strstr(header("Content-Security-Policy"), wanted))
        fail_msg("ota_page_html_policy must have: %s", wanted);
}

static void test_page_policy_allows_its_own_script_and_style_alone(void **unused) {
    (void)unused;
    const struct ota_page_request r = get("/");
    assert_false(asks_for_body(&r));
    expect_hash("script");
    expect_hash("style");
    const char *policy = header("Content-Security-Policy");
    assert_non_null(strstr(policy, "default-src 'none'"));
    assert_non_null(strstr(policy, "frame-ancestors 'none'"));
    assert_null(strstr(policy, "unsafe"));
}

static void test_page_token_is_new_with_every_boot(void **state) {
    char before[sizeof page.token];
    memcpy(before, page.token, sizeof before);
    open_page(*state, NULL);
    assert_int_equal(strlen(page.token), OTA_PAGE_TOKEN_HEX);
    assert_string_not_equal(before, page.token);
}

static void test_page_status_says_what_runs(void **state) {
    struct world *w = *state;
    const struct ota_page_request r = get("/status");
    assert_false(asks_for_body(&r));
    assert_int_equal(answer.status, 200);
    assert_string_equal(header("Content-Type"), "application/json");
    char wanted[400];
    snprintf(
        wanted, sizeof wanted,
        "{\"board\":\"%s\",\"busy\":false,\"channel\":\"stable\",\"counter\":1,\"last\":{\"code\":\"ok\",\"counter\":0,"
        "\"message\":\"\",\"result\":\"none\"},\"limit\":4194304,\"mixed\":false,\"product\":\"thermo\",\"received\":0,"
        "\"running\":\"1.0.0\",\"state\":\"idle\",\"total\":0}",
        w->agent->cfg.identity.id);
    assert_string_equal(body, wanted);
}

static void test_page_status_escapes_what_it_tells(void **state) {
    struct world *w = *state;
    const struct ota_page_request r = get("/status");
    w->agent->report.result = OTA_RESULT_FAILED;
    snprintf(w->agent->report.message, sizeof w->agent->report.message, "</script>\"\\\n\x80");
    assert_false(asks_for_body(&r));
    assert_non_null(strstr(body, "\"message\":\"</script>\\\"\\\\\\n\xEF\xBF\xBD\""));
    memset(w->agent->report.message, 1, sizeof w->agent->report.message - 1); /* six bytes each */
    assert_false(asks_for_body(&r));
    assert_int_equal(answer.status, 200);
    assert_int_equal(body[strlen(body) - 1], '}');
}

static void test_page_answers_head_as_get(void **unused) {
    (void)unused;
    struct ota_page_request r = get("/status");
    r.method = ota_span_str("HEAD");
    assert_false(asks_for_body(&r));
    assert_int_equal(answer.status, 200);
}

/* The agent is not looked at: its fields are another task's. */
static void test_page_says_that_the_agent_is_at_work(void **state) {
    struct world *w = *state;
    struct ota_page_request r = get("/status");
    static const char why[] =
        "\"code\":\"busy\",\"detail\":\"this board is busy with an update: try again when it is decided\"";
    r.busy = true;
    expect_answer(&r, 503, why);
    assert_string_equal(header("Retry-After"), "5");
    r = post(1024);
    r.busy = true;
    expect_answer(&r, 503, why);
    assert_string_equal(header("Retry-After"), "5");
    assert_false(w->agent->fed);
    r.token = ota_span_str("");
    expect_answer(&r, 403, "X-OTA-Token");
    r = get("/");
    r.busy = true;
    assert_false(asks_for_body(&r));
    assert_int_equal(answer.status, 200);
}

/* ---- who may ------------------------------------------------------------------------------------------- */

static void test_page_knows_three_paths(void **unused) {
    (void)unused;
    static const char *const paths[] = {"", "/x", "/status/", "/bundle/", "//", "/STATUS", "*"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(paths); i++) {
        const struct ota_page_request r = get(paths[i]);
        expect_answer(&r, 404, "\"title\":\"Not Found\",\"type\":\"about:blank\"");
    }
}

static void test_page_refuses_other_methods(void **unused) {
    (void)unused;
    static const char *const methods[] = {"PUT", "DELETE", "OPTIONS", "get", ""};
    static const char *const paths[] = {"/", "/status", "/bundle"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(methods); i++)
        for (size_t k = 0; k < OTA_ARRAY_LEN(paths); k++) {
            struct ota_page_request r = post(100);
            r.method = ota_span_str(methods[i]);
            r.path = ota_span_str(paths[k]);
            expect_answer(&r, 405, "another method");
            assert_string_equal(header("Allow"), k == 2 ? "POST" : "GET, HEAD");
        }
    struct ota_page_request r = post(100);
    r.path = ota_span_str("/");
    expect_answer(&r, 405, "another method");
    r = get("/bundle");
    expect_answer(&r, 405, "another method");
}

static void test_page_refuses_names_that_are_not_its_own(void **unused) {
    (void)unused;
    static const char *const ours[] = {HOST, HOST ":80", "BOARD.local:8080", "[fe80::1]", "[FE80::1]:80"};
    static const char *const others[] = {
        "evil.example", "evil.example:80", HOST ".evil.example", "evil.example@" HOST, "", "[fe80::1].example",
        ":80",          "192.168.4.11",    HOST ":80x"};
    struct ota_page_request r = get("/status");
    for (size_t i = 0; i < OTA_ARRAY_LEN(ours); i++) {
        r.host = ota_span_str(ours[i]);
        assert_false(asks_for_body(&r));
        assert_int_equal(answer.status, 200);
    }
    for (size_t i = 0; i <= OTA_ARRAY_LEN(others); i++) {
        const struct ota_span host = i < OTA_ARRAY_LEN(others) ? ota_span_str(others[i]) : (struct ota_span){NULL, 0};
        r = get("/");
        r.host = host;
        expect_answer(&r, 403, "not called so");
        r = post(100);
        r.host = host;
        expect_answer(&r, 403, "not called so");
    }
}

static void test_page_without_a_list_takes_any_name(void **state) {
    struct ota_page_request r = get("/status");
    open_page(*state, NULL);
    r.host = ota_span_str("10.0.0.7:8080");
    assert_false(asks_for_body(&r));
    assert_int_equal(answer.status, 200);
    r.host.p = NULL;
    assert_false(asks_for_body(&r));
    assert_int_equal(answer.status, 200);
}

static void test_page_refuses_another_site(void **unused) {
    (void)unused;
    static const char *const others[] = {
        "http://evil.example", "null", "", "http://" HOST ":8080", "ftp://" HOST, "http://" HOST ".evil", HOST,
        "http://board.local"};
    struct ota_page_request r = post(100);
    for (size_t i = 0; i < OTA_ARRAY_LEN(others); i++) {
        r.origin = ota_span_str(others[i]);
        expect_answer(&r, 403, "another site");
    }
    r.origin = ota_span_str("http://" HOST);
    assert_true(asks_for_body(&r));
    ota_page_end(&page, false, &answer);
    r.host = ota_span_str(HOST ":8080");
    r.origin = ota_span_str("https://" HOST ":8080");
    assert_true(asks_for_body(&r));
    ota_page_end(&page, false, &answer);
}

static void test_page_wants_its_token(void **unused) {
    (void)unused;
    struct ota_page_request r = post(100);
    char wrong[sizeof page.token];
    for (size_t i = 0; i < OTA_PAGE_TOKEN_HEX; i++) {
        memcpy(wrong, page.token, sizeof wrong);
        wrong[i] = wrong[i] == '0' ? '1' : '0';
        r.token = ota_span_str(wrong);
        expect_answer(&r, 403, "X-OTA-Token");
        r.token = (struct ota_span){(const uint8_t *)page.token, i};
        expect_answer(&r, 403, "X-OTA-Token");
    }
    r.token.p = NULL;
    expect_answer(&r, 403, "load the page again");
}

static void test_page_wants_the_type_of_a_bundle(void **unused) {
    (void)unused;
    static const char *const others[] = {"text/plain", "multipart/form-data; boundary=x", "application/octet-streams",
                                         ""};
    struct ota_page_request r = post(100);
    for (size_t i = 0; i < OTA_ARRAY_LEN(others); i++) {
        r.content_type = ota_span_str(others[i]);
        expect_answer(&r, 415, "application/octet-stream");
    }
    r.content_type.p = NULL;
    expect_answer(&r, 415, "application/octet-stream");
    r.content_type = ota_span_str("Application/Octet-Stream; charset=binary");
    assert_true(asks_for_body(&r));
    ota_page_end(&page, false, &answer);
}

static void test_page_wants_a_length_that_fits(void **unused) {
    (void)unused;
    struct ota_page_request r = post(OTA_LENGTH_UNKNOWN);
    expect_answer(&r, 411, "Content-Length");
    r.length = FAKE_FLASH_SIZE + 1u;
    expect_answer(&r, 413, "larger than the flash");
    r.length = OTA_LENGTH_UNKNOWN - 1u;
    expect_answer(&r, 413, "larger than the flash");
    r.length = FAKE_FLASH_SIZE;
    assert_true(asks_for_body(&r));
    ota_page_end(&page, false, &answer);
}

/* ---- a bundle ------------------------------------------------------------------------------------------ */

static void test_page_installs_a_bundle(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "sba");
    upload(ota_buf_span(&b), 1000);
    assert_int_equal(answer.status, 200);
    assert_string_equal(
        body, "{\"again\":false,\"code\":\"ok\",\"counter\":2,\"message\":\"Release 2 (2.0.0) is verified: the "
              "board reboots to install it.\",\"reboot\":true,\"result\":\"reboots\",\"version\":\"2.0.0\"}");
    assert_true(answer.reboot);
    assert_true(w->agent->reboot);
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "sba");
    ota_buf_free(&b);
}

static void test_page_asks_again_after_a_new_table(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "tsa");
    upload(ota_buf_span(&b), 4096);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(body, "\"again\":true"));
    assert_non_null(strstr(body, "\"result\":\"again\""));
    assert_true(answer.reboot);
    assert_true(world_start(w));
    open_page(w, NULL);
    upload(ota_buf_span(&b), 4096);
    assert_non_null(strstr(body, "\"again\":false"));
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "tsa");
    ota_buf_free(&b);
}

static void test_page_says_that_all_is_there_already(void **state) {
    struct world *w = *state;
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&w->one.app));
    fake_server_publish(w->server);
    struct ota_buf b = bundle_of(w, 2);
    upload(ota_buf_span(&b), 4096);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(body, "\"reboot\":false,\"result\":\"there\""));
    assert_false(answer.reboot);
    assert_int_equal(w->agent->board.counter, 2);
    ota_buf_free(&b);
}

static void expect_refused(struct world *w, struct ota_span bytes, unsigned http, enum ota_status code,
                           const char *part) {
    char wanted[64];
    upload(bytes, 512);
    expect_problem(http, part);
    snprintf(wanted, sizeof wanted, "\"code\":\"%s\"", ota_status_name(code));
    assert_non_null(strstr(body, wanted));
    snprintf(wanted, sizeof wanted, "\"type\":\"urn:otaserve:problem:%s\"", ota_status_name(code));
    assert_non_null(strstr(body, wanted));
    assert_false(w->agent->reboot);
    world_expect_release_1(w);
}

static void test_page_says_why_a_bundle_is_refused(void **state) {
    struct world *w = *state;
    struct ota_buf old = bundle_of(w, 1);
    expect_refused(w, ota_buf_span(&old), 422, OTA_COUNTER, "release 1 (1.0.0) is not newer");
    struct ota_buf b = bundle_of_2(w, "a");
    char *at = memmem(b.p, b.len, "img/thermo", 10);
    memcpy(at + 4, "valves", 6); /* the header's checksum notices */
    expect_refused(w, ota_buf_span(&b), 422, OTA_BUNDLE, "checksum");
    memcpy(at + 4, "thermo", 6);
    b.p[b.len - 5000] ^= 1;
    expect_refused(w, ota_buf_span(&b), 422, OTA_HASH, "@ota");
    b.p[b.len - 5000] ^= 1;
    expect_refused(w, (struct ota_span){b.p, b.len - 512}, 422, OTA_TRUNCATED, "send it again");
    expect_refused(w, (struct ota_span){b.p, 0}, 422, OTA_TRUNCATED, "after 0 bytes");
    upload(ota_buf_span(&b), 512);
    assert_int_equal(answer.status, 200);
    ota_buf_free(&old);
    ota_buf_free(&b);
}

static void test_page_refuses_a_bundle_of_a_stranger_and_of_another_product(void **state) {
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
    expect_refused(w, ota_buf_span(&b), 422, OTA_SIGNATURE, "timestamp");
    memcpy(strstr(fake_bundle_member(&made, "release.txt")->path, "thermo"), "<b>\"xy", 6);
    ota_buf_free(&b);
    b = fake_bundle_pack(&made);
    expect_refused(w, ota_buf_span(&b), 422, OTA_BUNDLE, "a bundle for product <b>\\\"xy; this board is a thermo");
    fake_bundle_free(&made);
    fake_server_free(other);
    ota_buf_free(&app);
    ota_buf_free(&b);
}

/* What follows a failure is not looked at. */
static void test_page_ends_with_the_first_failure(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    static const uint8_t none[1024] = {'n', 'o'};
    const struct ota_page_request r = post(sizeof none + b.len);
    assert_true(asks_for_body(&r));
    assert_false(ota_page_feed(&page, none, sizeof none));
    assert_false(ota_page_feed(&page, b.p, b.len));
    ota_page_end(&page, true, &answer);
    read_answer();
    expect_problem(422, "no bundle");
    assert_false(w->agent->reboot);
    ota_buf_free(&b);
}

static void test_page_upload_that_breaks_off_leaves_the_board_as_it_was(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "sa");
    for (size_t len = 0; len < b.len; len += 3333) {
        w->board->uptime_ms += 86400000ull + 1u; /* three may break off in a row, then there are pauses */
        const struct ota_page_request r = post(b.len);
        assert_true(asks_for_body(&r));
        assert_true(ota_page_feed(&page, b.p, len));
        ota_page_end(&page, len % 2, &answer); /* a server may take a closed connection for the end */
        read_answer();
        expect_problem(400, "broke off");
        assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
        world_expect_release_1(w);
    }
    assert_true(fake_board_logged(w->board, "broke off after 0 of"));
    w->board->uptime_ms += 86400000ull + 1u;
    upload(ota_buf_span(&b), 4096);
    assert_int_equal(answer.status, 200);
    ota_buf_free(&b);
}

static void test_page_takes_no_more_than_the_length(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    const struct ota_page_request r = post(b.len - 1);
    assert_true(asks_for_body(&r));
    assert_false(ota_page_feed(&page, b.p, b.len));
    ota_page_end(&page, true, &answer);
    read_answer();
    expect_problem(422, "more bytes than Content-Length");
    assert_false(w->agent->reboot);
    ota_buf_free(&b);
}

static void test_page_ends_an_upload_that_trickles(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    const struct ota_page_request r = post(b.len);
    assert_true(asks_for_body(&r));
    for (unsigned i = 0; i < OTA_PAGE_STALL_S / 20u; i++) {
        w->board->uptime_ms += 20000;
        assert_true(ota_page_feed(&page, b.p + i, 1));
    }
    w->board->uptime_ms += 20000;
    assert_false(ota_page_feed(&page, b.p + 100, 1));
    ota_page_end(&page, true, &answer);
    read_answer();
    expect_problem(422, "less than 4096 bytes came in 60 s");
    assert_false(ota_page_open(&page));
    ota_buf_free(&b);
}

static void test_page_ends_an_upload_that_takes_too_long(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    const struct ota_page_request r = post(b.len);
    assert_true(asks_for_body(&r));
    w->board->uptime_ms += OTA_PAGE_TIME_MAX_S * 1000ull - 10u;
    page.paced_ms = w->board->uptime_ms; /* as if it had come at a fair pace */
    assert_true(ota_page_feed(&page, b.p, 1));
    w->board->uptime_ms += 1000;
    assert_false(ota_page_feed(&page, b.p + 1, 1));
    ota_page_end(&page, true, &answer);
    read_answer();
    expect_problem(422, "took more than 30 minutes");
    ota_buf_free(&b);
}

static void test_page_takes_one_upload_at_a_time(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    const struct ota_page_request r = post(b.len), status = get("/status");
    assert_true(asks_for_body(&r));
    assert_true(ota_page_feed(&page, b.p, 5000));
    assert_false(asks_for_body(&r));
    expect_problem(409, "another bundle is being sent");
    assert_true(ota_page_open(&page));
    assert_false(asks_for_body(&status));
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"total\":%zu}", b.len);
    assert_non_null(strstr(body, "\"busy\":true"));
    assert_non_null(strstr(body, "\"received\":5000"));
    assert_non_null(strstr(body, wanted));
    assert_true(ota_page_feed(&page, b.p + 5000, b.len - 5000));
    ota_page_end(&page, true, &answer);
    assert_int_equal(answer.status, 200);
    assert_true(answer.reboot);
    assert_false(asks_for_body(&r));
    expect_problem(409, "reboot is due");
    ota_buf_free(&b);
}

static void test_page_says_not_now_while_an_app_is_on_trial(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    upload(ota_buf_span(&b), 4096);
    assert_true(world_start(w));
    open_page(w, NULL);
    const struct ota_page_request r = post(b.len);
    expect_answer(&r, 409, "\"code\":\"busy\"");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    ota_buf_free(&b);
}

static void test_page_blames_the_board_for_its_flash(void **state) {
    struct world *w = *state;
    struct ota_buf b = bundle_of_2(w, "a");
    w->board->worn_from = FAKE_SLOT_1;
    w->board->worn_to = FAKE_SLOT_1 + 0x100000u;
    w->board->worn = 1000;
    expect_refused(w, ota_buf_span(&b), 500, OTA_FLASH, "@ota");
    ota_buf_free(&b);
}

static void test_page_knows_an_end_without_a_beginning(void **unused) {
    (void)unused;
    assert_false(ota_page_feed(&page, "x", 1));
    ota_page_end(&page, true, &answer);
    read_answer();
    expect_problem(400, "no bundle is being sent");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_page_holds_its_token_and_nothing_from_elsewhere),
        TEST(test_page_policy_allows_its_own_script_and_style_alone),
        TEST(test_page_token_is_new_with_every_boot),
        TEST(test_page_status_says_what_runs),
        TEST(test_page_status_escapes_what_it_tells),
        TEST(test_page_answers_head_as_get),
        TEST(test_page_says_that_the_agent_is_at_work),
        TEST(test_page_knows_three_paths),
        TEST(test_page_refuses_other_methods),
        TEST(test_page_refuses_names_that_are_not_its_own),
        TEST(test_page_without_a_list_takes_any_name),
        TEST(test_page_refuses_another_site),
        TEST(test_page_wants_its_token),
        TEST(test_page_wants_the_type_of_a_bundle),
        TEST(test_page_wants_a_length_that_fits),
        TEST(test_page_installs_a_bundle),
        TEST(test_page_asks_again_after_a_new_table),
        TEST(test_page_says_that_all_is_there_already),
        TEST(test_page_says_why_a_bundle_is_refused),
        TEST(test_page_refuses_a_bundle_of_a_stranger_and_of_another_product),
        TEST(test_page_ends_with_the_first_failure),
        TEST(test_page_upload_that_breaks_off_leaves_the_board_as_it_was),
        TEST(test_page_takes_no_more_than_the_length),
        TEST(test_page_ends_an_upload_that_trickles),
        TEST(test_page_ends_an_upload_that_takes_too_long),
        TEST(test_page_takes_one_upload_at_a_time),
        TEST(test_page_says_not_now_while_an_app_is_on_trial),
        TEST(test_page_blames_the_board_for_its_flash),
        TEST(test_page_knows_an_end_without_a_beginning),
    };
    return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
