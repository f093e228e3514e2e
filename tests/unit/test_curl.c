/* SPDX-License-Identifier: Apache-2.0 */
/* The libcurl transport against a server that says anything: bodies of wrong length, ranges, headers, TLS, what is sent to whom. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "host/fs.h"
#include "host/transport.h"
#include "support/http_server.h"
#include "support/unit.h"

#define OK_HEAD(length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n"

static struct ota_err err;
static struct http_server *server;
static struct ota_curl *curl;
static const struct ota_transport *net;

static struct ota_span client_crt, client_key;

static void connect_with(const char *token, struct ota_span ca) {
    const char *url = http_server_url(server);
    char meta[96], targets[96], api[96];
    (void)snprintf(meta, sizeof meta, "%s/metadata", url);
    (void)snprintf(targets, sizeof targets, "%s/targets/", url);
    (void)snprintf(api, sizeof api, "%s/api/v1", url);
    const struct ota_curl_config cfg = {
        .url_metadata = meta,
        .url_targets = targets,
        .url_api = api,
        .ca_pem = ca,
        .token = token,
        .client_crt = client_crt,
        .client_key = client_key,
        .user_agent = "test/1",
        .connect_timeout_ms = 2000,
        .stall_timeout_ms = strncmp(url, "https:", 6) == 0 ? 10000 : 300, /* a busy machine is slow at handshakes */
    };
    assert_ota_ok(ota_curl_new(&cfg, &curl, &err));
    net = ota_curl_transport(curl);
}

static void start(const struct http_answer *answers) {
    server = http_server_start(answers, false);
    connect_with(NULL, (struct ota_span){0});
}

static int tear_down(void **state) {
    (void)state;
    ota_curl_free(&curl);
    http_server_stop(&server);
    client_crt = client_key = (struct ota_span){0};
    return 0;
}

static const struct ota_request metadata = {.address = OTA_ADDRESS_METADATA, .path = "timestamp.json"};

static enum ota_status get(const struct ota_request *req, struct ota_response *resp) {
    memset(resp, 0xAA, sizeof *resp); /* every field must be set */
    return net->open(net->ctx, req, resp, &err);
}

static void read_body(size_t wanted, enum ota_status status) {
    http_body_is(net, wanted, status, &err);
}

/* ---- bodies -------------------------------------------------------------------------------------------- */

static void test_curl_reads_a_body_and_keeps_the_connection(void **state) {
    static const struct http_answer answers[] = {
        {OK_HEAD("300000"), 300000, .close = false},
        {OK_HEAD("0"), 0, .close = false},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n", 3, .close = false},
        {OK_HEAD("5"), 5, .close = false},
        {0}};
    struct ota_response resp;
    (void)state;
    start(answers);
    assert_ota_ok(get(&metadata, &resp));
    assert_int_equal(resp.status, 200);
    assert_int_equal(resp.length, 300000);
    assert_int_equal(resp.total, 300000);
    assert_int_equal(resp.range_from, 0);
    assert_string_equal(resp.etag, "");
    assert_int_equal(resp.retry_after, 0);
    assert_false(resp.authenticated);
    read_body(300000, OTA_OK);
    assert_ota_ok(get(&metadata, &resp));
    read_body(0, OTA_OK);
    assert_ota_ok(get(&metadata, &resp));
    assert_int_equal(resp.status, 404);
    read_body(3, OTA_OK);
    assert_ota_ok(get(&metadata, &resp));
    read_body(5, OTA_OK);
    assert_int_equal(http_server_connections(server), 1);
    assert_int_equal(ota_curl_received(curl), 300008);
}

static void test_curl_goes_on_after_an_answer_left_unread(void **state) {
    static const struct http_answer answers[] = {
        {OK_HEAD("10000000"), 10000000, .close = false}, {OK_HEAD("5"), 5, .close = false}, {0}};
    struct ota_response resp;
    uint8_t some[100];
    size_t got;
    (void)state;
    start(answers);
    assert_ota_ok(get(&metadata, &resp));
    assert_ota_ok(net->read(net->ctx, some, sizeof some, &got, &err));
    net->close(net->ctx);
    assert_true(ota_curl_received(curl) <= 65536); /* bounded: the rest stayed on the line */
    assert_ota_ok(get(&metadata, &resp));
    read_body(5, OTA_OK);
}

static void test_curl_a_short_body_is_truncated(void **state) {
    static const struct http_answer answers[] = {{OK_HEAD("100000"), 60000, .close = true}, {0}};
    struct ota_response resp;
    (void)state;
    start(answers);
    assert_ota_ok(get(&metadata, &resp));
    read_body(60000, OTA_TRUNCATED); /* what arrived is given first */
    assert_non_null(strstr(err.msg, "40000"));
}

static void test_curl_a_long_body_ends_at_its_content_length(void **state) {
    static const struct http_answer answers[] = {
        {OK_HEAD("100"), 5000, .close = true}, {OK_HEAD("7"), 7, .close = false}, {0}};
    struct ota_response resp;
    (void)state;
    start(answers);
    assert_ota_ok(get(&metadata, &resp));
    read_body(100, OTA_OK);
    /* The surplus is never taken for an answer: the line is given up, at once or with the next request. */
    if (get(&metadata, &resp) != OTA_OK) {
        assert_true(err.code == OTA_HTTP || err.code == OTA_NETWORK);
        assert_ota_ok(get(&metadata, &resp));
    }
    assert_int_equal(resp.status, 200);
    read_body(7, OTA_OK);
}

static void test_curl_a_body_without_length_ends_with_the_connection(void **state) {
    static const struct http_answer answers[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", 5000, .close = true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "3\r\nxxx\r\n2\r\nxx\r\n0\r\nContent-Length: 9\r\n\r\n",
         0, .close = false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxx", 0, .close = true},
        {0}};
    struct ota_response resp;
    (void)state;
    start(answers);
    assert_ota_ok(get(&metadata, &resp));
    assert_true(resp.length == OTA_LENGTH_UNKNOWN);
    read_body(5000, OTA_OK);
    assert_ota_ok(get(&metadata, &resp));
    assert_true(resp.length == OTA_LENGTH_UNKNOWN);
    read_body(5, OTA_OK);
    assert_ota_ok(get(&metadata, &resp));
    read_body(2, OTA_TRUNCATED);
}

static void test_curl_a_stalled_body_times_out(void **state) {
    static const struct http_answer answers[] = {{OK_HEAD("10"), 10, .stall_ms = 900}, {0}};
    struct ota_response resp;
    (void)state;
    start(answers);
    assert_ota_ok(get(&metadata, &resp));
    read_body(0, OTA_TIMEOUT);
}

/* Time that the caller takes between reads is not the server's fault. */
/* A server that keeps the line alive with a byte now and then: the whole answer has its time, too. */
static void test_attack_slow_body(void **state) {
    static const struct http_answer answers[] = {{OK_HEAD("1000"), 1000, .drip_ms = 50}, {0}};
    struct ota_response resp;
    uint8_t part[100];
    size_t got = 1, total = 0;
    (void)state;
    server = http_server_start(answers, false);
    const struct ota_curl_config cfg = {
        .url_metadata = http_server_url(server), .stall_timeout_ms = 10000, .total_timeout_ms = 500};
    assert_ota_ok(ota_curl_new(&cfg, &curl, &err));
    net = ota_curl_transport(curl);
    assert_ota_ok(get(&metadata, &resp));
    enum ota_status status = OTA_OK;
    for (; status == OTA_OK && got > 0; total += got)
        status = net->read(net->ctx, part, sizeof part, &got, &err);
    assert_int_equal(status, OTA_TIMEOUT);
    assert_in_range(total, 1, 20);
    net->close(net->ctx);
}

static void test_curl_a_slow_reader_does_not_time_out(void **state) {
    static const struct http_answer answers[] = {{OK_HEAD("200000"), 200000, .close = false}, {0}};
    const struct timespec pause = {.tv_nsec = 500 * 1000 * 1000};
    struct ota_response resp;
    uint8_t first[1];
    size_t got;
    (void)state;
    start(answers);
    assert_ota_ok(get(&metadata, &resp));
    assert_ota_ok(net->read(net->ctx, first, 1, &got, &err));
    (void)nanosleep(&pause, NULL);
    read_body(199999, OTA_OK);
}

static void test_curl_an_empty_answer_and_a_closed_port_are_network(void **state) {
    static const struct http_answer answers[] = {{"", 0, .close = true}, {0}};
    struct ota_response resp;
    (void)state;
    start(answers);
    assert_ota(get(&metadata, &resp), OTA_NETWORK);
    http_server_stop(&server);
    assert_ota(get(&metadata, &resp), OTA_NETWORK);
    assert_non_null(strstr(err.msg, "http://localhost:"));
}

/* A buffer that was emptied and filled again to the same level is progress. */
static void test_curl_does_not_wait_for_what_is_there(void **state) {
    static const struct http_answer answers[] = {{OK_HEAD("4000000"), 4000000, .close = false}, {0}};
    struct ota_response resp;
    struct timespec before, after;
    (void)state;
    server = http_server_start(answers, true);
    connect_with(NULL, http_server_ca(server));
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    assert_ota_ok(get(&metadata, &resp));
    read_body(4000000, OTA_OK);
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(after.tv_sec - before.tv_sec < 20); /* it takes milliseconds, or a minute */
}

/* ---- ranges -------------------------------------------------------------------------------------------- */

#define PART(range, length) \
    "HTTP/1.1 206 Partial Content\r\nContent-Range: " range "\r\nContent-Length: " length "\r\n\r\n"

static const struct ota_request rest = {
    .address = OTA_ADDRESS_TARGETS, .path = "a.bin", .range_from = 100, .if_range = "\"v1\""};

static void test_curl_asks_for_the_rest(void **state) {
    static const struct http_answer answers[] = {{PART("bytes 100-149/150", "50"), 50, .close = false},
                                                 {PART("bytes 100-149/*", "50"), 50, .close = false},
                                                 {OK_HEAD("150"), 150, .close = false},
                                                 {"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */150\r\n"
                                                  "Content-Length: 0\r\n\r\n",
                                                  0, .close = false},
                                                 {0}};
    struct ota_response resp;
    (void)state;
    start(answers);
    assert_ota_ok(get(&rest, &resp));
    assert_int_equal(resp.status, 206);
    assert_int_equal(resp.range_from, 100);
    assert_int_equal(resp.length, 50);
    assert_int_equal(resp.total, 150);
    read_body(50, OTA_OK);
    const char *request = http_server_request(server, 0);
    assert_non_null(strstr(request, "GET /targets/a.bin HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "\r\nRange: bytes=100-\r\n"));
    assert_non_null(strstr(request, "\r\nIf-Range: \"v1\"\r\n"));
    assert_null(strstr(request, "If-None-Match"));
    assert_ota_ok(get(&rest, &resp));
    assert_true(resp.total == OTA_LENGTH_UNKNOWN);
    read_body(50, OTA_OK);
    assert_ota_ok(get(&rest, &resp));
    assert_int_equal(resp.status, 200);
    read_body(150, OTA_OK);
    assert_ota_ok(get(&rest, &resp));
    assert_int_equal(resp.status, 416);
    read_body(0, OTA_OK);
}

static void test_curl_refuses_parts_that_contradict_themselves(void **state) {
    static const struct http_answer answers[] = {
        {PART("bytes 100-149/150", "51"), 51, .close = true},
        {PART("bytes 100-149/149", "50"), 50, .close = true},
        {PART("bytes 149-100/150", "50"), 50, .close = true},
        {PART("bytes 100-/150", "50"), 50, .close = true},
        {PART("bytes=100-149/150", "50"), 50, .close = true},
        {PART("bytes 100-149/150 ", "50"), 50, .close = true}, /* white space at the end is none */
        {PART("bytes 100-149/150, 1-2/3", "50"), 50, .close = true},
        {PART("bytes 99999999999999999999-99999999999999999999/99999999999999999999", "1"), 1, .close = true},
        {"HTTP/1.1 206 Partial Content\r\nContent-Length: 50\r\n\r\n", 50, .close = true},
        {"HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=b\r\nContent-Length: 50\r\n\r\n",
         50, .close = true},
        {0}};
    struct ota_response resp;
    (void)state;
    start(answers);
    for (size_t i = 0; answers[i].head; i++) {
        if (i == 5) {
            assert_ota_ok(get(&rest, &resp));
            net->close(net->ctx);
        } else if (get(&rest, &resp) != OTA_HTTP) {
            fail_msg("answer %zu was taken", i);
        }
    }
}

static void test_curl_refuses_a_part_of_what_was_asked_whole(void **state) {
    static const struct http_answer answers[] = {{PART("bytes 0-9/10", "10"), 10, .close = false}, {0}};
    struct ota_response resp;
    (void)state;
    start(answers);
    assert_ota(get(&metadata, &resp), OTA_HTTP);
}

/* ---- headers ------------------------------------------------------------------------------------------- */

static void test_curl_reads_validators_and_retry_after(void **state) {
    static const struct http_answer answers[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\neTag:\t\"abc-1\" \r\n\r\n", 0, .close = false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: W/\"abc\"\r\n\r\n", 0, .close = false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: abc\r\n\r\n", 0, .close = false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"a\"b\"\r\n\r\n", 0, .close = false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \""
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\r\n\r\n",
         0, .close = false},
        {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 120\r\n\r\n", 0, .close = false},
        {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: soon\r\n\r\n", 0, .close = false},
        {"HTTP/1.1 304 Not Modified\r\nETag: \"abc-1\"\r\n\r\n", 0, .close = false},
        {0}};
    static const char *const etag[] = {"\"abc-1\"", "", "", "", "", "", "", "\"abc-1\""};
    struct ota_response resp;
    (void)state;
    start(answers);
    for (size_t i = 0; i < OTA_ARRAY_LEN(etag); i++) {
        assert_ota_ok(get(&metadata, &resp));
        assert_string_equal(resp.etag, etag[i]);
        assert_int_equal(resp.retry_after, i == 5 ? 120 : 0);
        assert_int_equal(resp.length, 0);
        read_body(0, OTA_OK);
    }
    assert_int_equal(http_server_connections(server), 1);
}

static void test_curl_sends_if_none_match(void **state) {
    static const struct http_answer answers[] = {{"HTTP/1.1 304 Not Modified\r\n\r\n", 0, .close = false}, {0}};
    const struct ota_request req = {
        .address = OTA_ADDRESS_METADATA, .path = "timestamp.json", .if_none_match = "\"abc\"", .no_cache = true};
    struct ota_response resp;
    (void)state;
    start(answers);
    assert_ota_ok(get(&req, &resp));
    assert_int_equal(resp.status, 304);
    read_body(0, OTA_OK);
    const char *request = http_server_request(server, 0);
    assert_non_null(strstr(request, "\r\nIf-None-Match: \"abc\"\r\n"));
    assert_non_null(strstr(request, "\r\nCache-Control: no-cache\r\n"));
    assert_non_null(strstr(request, "\r\nUser-Agent: test/1\r\n"));
    assert_null(strstr(request, "Accept-Encoding"));
    assert_null(strstr(request, "Range"));
}

static void test_curl_refuses_heads_that_are_not_strict(void **state) {
    static const struct http_answer answers[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 6, .close = true},
        {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", 5, .close = true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\n", 5, .close = true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", 5, .close = true},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n", 5, .close = true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 5, .close = true},
        {"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", 0, .close = true},
        {0}};
    struct ota_response resp;
    (void)state;
    start(answers);
    for (size_t i = 0; answers[i].head; i++) {
        enum ota_status st = get(&metadata, &resp);
        if (st != OTA_HTTP)
            fail_msg("answer %zu: %s (%s)", i, ota_status_name(st), st ? err.msg : "");
    }
}

static void test_curl_refuses_an_endless_head(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf lines = {0}, bytes = {0};
    ota_buf_str(&lines, "HTTP/1.1 200 OK\r\n");
    for (unsigned i = 0; i < 150; i++)
        ota_buf_printf(&lines, "X-%u: y\r\n", i);
    ota_buf_str(&lines, "\r\n");
    ota_buf_printf(&bytes, "HTTP/1.1 200 OK\r\nX: %020000d\r\n\r\n", 1);
    const struct http_answer answers[] = {
        {ota_buf_text(&lines), 0, .close = true}, {ota_buf_text(&bytes), 0, .close = true}, {0}};
    struct ota_response resp;
    start(answers);
    assert_ota(get(&metadata, &resp), OTA_HTTP);
    assert_ota(get(&metadata, &resp), OTA_HTTP);
    assert_non_null(strstr(err.msg, "too long"));
    (void)tear_down(state); /* before the answers go */
}

static void test_curl_passes_interim_answers_over(void **state) {
    static const struct http_answer answers[] = {
        {"HTTP/1.1 103 Early Hints\r\nETag: \"early\"\r\nContent-Length: 9\r\n\r\n"
         "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
         4, .close = false},
        {0}};
    struct ota_response resp;
    (void)state;
    start(answers);
    assert_ota_ok(get(&metadata, &resp));
    assert_int_equal(resp.status, 200);
    assert_int_equal(resp.length, 4);
    assert_string_equal(resp.etag, "");
    read_body(4, OTA_OK);
}

static void test_curl_follows_no_redirect(void **state) {
    static const struct http_answer answers[] = {
        {"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", 0, .close = false}, {0}};
    struct ota_response resp;
    (void)state;
    start(answers);
    assert_ota_ok(get(&metadata, &resp));
    assert_int_equal(resp.status, 302);
    read_body(0, OTA_OK);
    assert_string_equal(http_server_request(server, 1), "");
}

static void test_curl_posts_json(void **state) {
    static const struct http_answer answers[] = {{"HTTP/1.1 204 No Content\r\n\r\n", 0, .close = false}, {0}};
    const struct ota_request req = {
        .address = OTA_ADDRESS_API, .path = "devices/b1/reports", .body = ota_span_str("{\"a\":1}")};
    struct ota_response resp;
    (void)state;
    start(answers);
    assert_ota_ok(get(&req, &resp));
    assert_int_equal(resp.status, 204);
    assert_int_equal(resp.length, 0);
    read_body(0, OTA_OK);
    const char *request = http_server_request(server, 0);
    assert_non_null(strstr(request, "POST /api/v1/devices/b1/reports HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(request, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(request, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(request, "Expect"));
    assert_null(strstr(request, "Authorization"));
}

/* ---- TLS and tokens ------------------------------------------------------------------------------------ */

static void test_curl_authenticates_the_server_by_the_ca_given(void **state) {
    static const struct http_answer answers[] = {{OK_HEAD("70000"), 70000, .close = false},
                                                 {OK_HEAD("3"), 3, .close = false},
                                                 {OK_HEAD("100"), 50, .reset = true},
                                                 {0}};
    struct ota_response resp;
    (void)state;
    server = http_server_start(answers, true);
    connect_with(NULL, http_server_ca(server));
    assert_ota_ok(get(&metadata, &resp));
    assert_true(resp.authenticated);
    read_body(70000, OTA_OK);
    assert_ota_ok(get(&metadata, &resp));
    read_body(3, OTA_OK);
    assert_int_equal(http_server_connections(server), 1);
    assert_ota_ok(get(&metadata, &resp));
    uint8_t part[200];
    size_t got = 0, total = 0;
    enum ota_status st;
    while ((st = net->read(net->ctx, part, sizeof part, &got, &err)) == OTA_OK && got)
        total += got;
    net->close(net->ctx);
    assert_int_equal(total, 50);
    assert_true(st == OTA_TRUNCATED || st == OTA_NETWORK);
}

static void test_curl_refuses_a_server_of_another_ca(void **state) {
    static const struct http_answer answers[] = {{OK_HEAD("0"), 0, .close = false}, {0}};
    struct ota_response resp;
    (void)state;
    struct http_server *other = http_server_start(answers, true);
    server = http_server_start(answers, true);
    connect_with(NULL, http_server_ca(other));
    assert_ota(get(&metadata, &resp), OTA_TLS);
    assert_string_equal(http_server_request(server, 0), "");
    ota_curl_free(&curl);
    connect_with(NULL, (struct ota_span){0}); /* the system's do not know it either */
    assert_ota(get(&metadata, &resp), OTA_TLS);
    http_server_stop(&other);
}

/* What may come without a proof comes, and no more than that. */
static void test_curl_asks_for_no_proof_where_none_is_wanted(void **state) {
    static const struct http_answer answers[] = {
        {OK_HEAD("3"), 3, .close = true}, {OK_HEAD("3"), 3, .close = true}, {OK_HEAD("3"), 3, .close = true}, {0}};
    const struct ota_request unproven = {
        .address = OTA_ADDRESS_METADATA, .path = "timestamp.json", .allow_unauthenticated = true};
    const struct ota_request report = {.address = OTA_ADDRESS_API,
                                       .path = "devices/t/reports",
                                       .body = ota_span_str("{}"),
                                       .allow_unauthenticated = true};
    struct ota_response resp;
    (void)state;
    struct http_server *other = http_server_start(answers, true);
    server = http_server_start(answers, true);
    connect_with("ota_secret", http_server_ca(other));
    assert_ota_ok(get(&unproven, &resp));
    assert_false(resp.authenticated);
    read_body(3, OTA_OK);
    assert_ota(get(&metadata, &resp), OTA_TLS);
    assert_ota(get(&report, &resp), OTA_TLS);
    assert_ota_ok(get(&unproven, &resp));
    read_body(3, OTA_OK);
    for (size_t i = 0; i < 3; i++)
        assert_null(strstr(http_server_request(server, i), "ota_secret"));
    assert_string_equal(http_server_request(server, 2), "");
    http_server_stop(&other);
}

/* A handshake that breaks is a broken line: only a name that was not proved counts as that. */
static void test_curl_a_broken_handshake_is_network(void **state) {
    static const struct http_answer answers[] = {{"garbage\r\n\r\n", 0, .close = true}, {0}};
    struct ota_response resp;
    char url[64];
    (void)state;
    server = http_server_start(answers, false);
    (void)snprintf(url, sizeof url, "https://localhost%s", strrchr(http_server_url(server), ':'));
    const struct ota_curl_config cfg = {.url_metadata = url, .stall_timeout_ms = 300};
    assert_ota_ok(ota_curl_new(&cfg, &curl, &err));
    net = ota_curl_transport(curl);
    enum ota_status status = get(&metadata, &resp);
    assert_true(status == OTA_NETWORK || status == OTA_TIMEOUT);
}

static void test_curl_refuses_another_name(void **state) {
    static const struct http_answer answers[] = {{OK_HEAD("0"), 0, .close = false}, {0}};
    struct ota_response resp;
    char url[64];
    (void)state;
    server = http_server_start(answers, true);
    (void)snprintf(url, sizeof url, "https://127.0.0.1%s", strrchr(http_server_url(server), ':'));
    const struct ota_curl_config cfg = {.url_metadata = url, .ca_pem = http_server_ca(server)};
    assert_ota_ok(ota_curl_new(&cfg, &curl, &err));
    net = ota_curl_transport(curl);
    assert_ota(get(&metadata, &resp), OTA_TLS);
}

static void test_curl_gives_the_token_to_the_api_alone(void **state) {
    static const struct http_answer answers[] = {
        {OK_HEAD("0"), 0, .close = false}, {OK_HEAD("0"), 0, .close = false}, {OK_HEAD("0"), 0, .close = false}, {0}};
    struct ota_response resp;
    (void)state;
    server = http_server_start(answers, true);
    connect_with("ota_secret", http_server_ca(server));
    for (unsigned i = 0; i < 3; i++) {
        const struct ota_request req = {.address = (enum ota_address)i, .path = "x"};
        assert_ota_ok(get(&req, &resp));
        net->close(net->ctx);
    }
    assert_null(strstr(http_server_request(server, OTA_ADDRESS_METADATA), "ota_secret"));
    assert_null(strstr(http_server_request(server, OTA_ADDRESS_TARGETS), "ota_secret"));
    assert_non_null(strstr(http_server_request(server, OTA_ADDRESS_API), "\r\nAuthorization: Bearer ota_secret\r\n"));
}

/* Appends a new key and a certificate of its own, PEM. */
static void make_client(struct ota_buf *crt, struct ota_buf *key) {
    OTA_CLEAN_FREE char *dir = ota_strdup("/tmp/ota-curl-XXXXXX");
    assert_non_null(mkdtemp(dir));
    OTA_CLEAN_FREE char *command = ota_sprintf("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                                               "-subj /CN=t -keyout %s/key -out %s/crt 2>/dev/null",
                                               dir, dir);
    OTA_CLEAN_FREE char *crt_path = ota_sprintf("%s/crt", dir);
    OTA_CLEAN_FREE char *key_path = ota_sprintf("%s/key", dir);
    assert_int_equal(system(command), 0);
    assert_ota_ok(ota_fs_read(crt_path, 65536, crt, &err));
    assert_ota_ok(ota_fs_read(key_path, 65536, key, &err));
    assert_ota_ok(ota_fs_remove_tree(dir, &err));
    client_crt = ota_buf_span(crt);
    client_key = ota_buf_span(key);
}

static void test_curl_shows_its_certificate(void **state) {
    static const struct http_answer answers[] = {
        {OK_HEAD("0"), 0, .close = false}, {OK_HEAD("0"), 0, .close = false}, {OK_HEAD("0"), 0, .close = false}, {0}};
    OTA_CLEAN(ota_buf_free) struct ota_buf crt = {0}, key = {0};
    struct ota_response resp;
    (void)state;
    make_client(&crt, &key);
    server = http_server_start(answers, true);
    connect_with(NULL, http_server_ca(server));
    for (unsigned i = 0; i < 3; i++) {
        const struct ota_request req = {.address = (enum ota_address)i, .path = "x"};
        assert_ota_ok(get(&req, &resp));
        net->close(net->ctx);
    }
    assert_int_equal(http_server_connections(server), 1); /* the same for each address: one is enough */
    assert_int_equal(http_server_named(server), 1);
}

/* Neither on a connection of its own, nor on one that was opened with a proof. */
static void test_curl_shows_no_certificate_where_no_proof_is_wanted(void **state) {
    static const struct http_answer answers[] = {
        {OK_HEAD("3"), 3, .close = true}, {OK_HEAD("3"), 3, .close = true}, {OK_HEAD("3"), 3, .close = true}, {0}};
    const struct ota_request unproven = {
        .address = OTA_ADDRESS_METADATA, .path = "timestamp.json", .allow_unauthenticated = true};
    OTA_CLEAN(ota_buf_free) struct ota_buf crt = {0}, key = {0};
    struct ota_response resp;
    (void)state;
    make_client(&crt, &key);
    server = http_server_start(answers, true);
    connect_with(NULL, http_server_ca(server));
    assert_ota_ok(get(&unproven, &resp));
    read_body(3, OTA_OK);
    assert_int_equal(http_server_named(server), 0);
    assert_ota_ok(get(&metadata, &resp));
    read_body(3, OTA_OK);
    assert_int_equal(http_server_named(server), 1);
    assert_ota_ok(get(&unproven, &resp));
    read_body(3, OTA_OK);
    assert_int_equal(http_server_connections(server), 3);
    assert_int_equal(http_server_named(server), 1);
}

/* The server proved nothing wrong: this must not count as one that cannot prove its name. */
static void test_curl_a_broken_certificate_is_the_boards_own_fault(void **state) {
    static const struct http_answer answers[] = {{OK_HEAD("0"), 0, .close = false}, {0}};
    OTA_CLEAN(ota_buf_free) struct ota_buf crt = {0}, key = {0};
    struct ota_response resp;
    (void)state;
    make_client(&crt, &key);
    server = http_server_start(answers, true);
    client_crt = ota_span_str("no PEM");
    connect_with(NULL, http_server_ca(server));
    assert_ota(get(&metadata, &resp), OTA_CONFIG);
    const struct ota_curl_config half = {.url_metadata = "https://localhost:1", .client_key = client_key};
    ota_curl_free(&curl);
    assert_ota(ota_curl_new(&half, &curl, &err), OTA_CONFIG);
    assert_non_null(strstr(err.msg, "one is missing"));
}

static void test_curl_refuses_a_configuration_that_leaks(void **state) {
    struct ota_curl_config cfg = {
        .url_metadata = "https://localhost:1/metadata", .url_api = "http://localhost:1", .token = "t"};
    (void)state;
    assert_ota(ota_curl_new(&cfg, &curl, &err), OTA_CONFIG);
    assert_null(strstr(err.msg, "\"t\""));
    cfg.url_api = "https://localhost:1";
    cfg.token = "a\r\nX: y";
    assert_ota(ota_curl_new(&cfg, &curl, &err), OTA_CONFIG);
    cfg.token = NULL;
    cfg.url_metadata = "file:///etc/passwd";
    assert_ota(ota_curl_new(&cfg, &curl, &err), OTA_CONFIG);
    cfg.url_metadata = "https://board:hush@localhost:1/metadata";
    assert_ota(ota_curl_new(&cfg, &curl, &err), OTA_CONFIG);
    assert_null(strstr(err.msg, "hush"));
    cfg.url_metadata = "https://localhost:1/metadata/@2";
    cfg.url_api = NULL;
    assert_ota_ok(ota_curl_new(&cfg, &curl, &err));
    net = ota_curl_transport(curl);
    const struct ota_request req = {.address = OTA_ADDRESS_API, .path = "x"};
    struct ota_response resp;
    assert_ota(get(&req, &resp), OTA_CONFIG);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_curl_reads_a_body_and_keeps_the_connection),
        TEST(test_curl_goes_on_after_an_answer_left_unread),
        TEST(test_curl_a_short_body_is_truncated),
        TEST(test_curl_a_long_body_ends_at_its_content_length),
        TEST(test_curl_a_body_without_length_ends_with_the_connection),
        TEST(test_curl_a_stalled_body_times_out),
        TEST(test_attack_slow_body),
        TEST(test_curl_a_slow_reader_does_not_time_out),
        TEST(test_curl_an_empty_answer_and_a_closed_port_are_network),
        TEST(test_curl_does_not_wait_for_what_is_there),
        TEST(test_curl_asks_for_the_rest),
        TEST(test_curl_refuses_parts_that_contradict_themselves),
        TEST(test_curl_refuses_a_part_of_what_was_asked_whole),
        TEST(test_curl_reads_validators_and_retry_after),
        TEST(test_curl_sends_if_none_match),
        TEST(test_curl_refuses_heads_that_are_not_strict),
        TEST(test_curl_refuses_an_endless_head),
        TEST(test_curl_passes_interim_answers_over),
        TEST(test_curl_follows_no_redirect),
        TEST(test_curl_posts_json),
        TEST(test_curl_authenticates_the_server_by_the_ca_given),
        TEST(test_curl_refuses_a_server_of_another_ca),
        TEST(test_curl_asks_for_no_proof_where_none_is_wanted),
        TEST(test_curl_shows_its_certificate),
        TEST(test_curl_shows_no_certificate_where_no_proof_is_wanted),
        TEST(test_curl_a_broken_certificate_is_the_boards_own_fault),
        TEST(test_curl_a_broken_handshake_is_network),
        TEST(test_curl_refuses_another_name),
        TEST(test_curl_gives_the_token_to_the_api_alone),
        TEST(test_curl_refuses_a_configuration_that_leaks),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* the server writes to connections that were given up */
    (void)unsetenv("http_proxy");
    (void)unsetenv("https_proxy");
    (void)unsetenv("HTTPS_PROXY");
    (void)unsetenv("ALL_PROXY");
    (void)unsetenv("all_proxy");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
