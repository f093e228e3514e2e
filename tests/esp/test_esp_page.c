/* SPDX-License-Identifier: Apache-2.0 */
/* The upload page over esp_http_server: what it reads of a request, within which bounds, and when it gives the agent back. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "double/app_desc.h"
#include "double/clock.h"
#include "double/http_server.h"
#include "ota_esp.h"
#include "ota_esp_page.h"
#include "support/fake_bundle.h"
#include "support/fake_world.h"
#include "support/unit.h"

#define HOST "192.168.4.1"

static struct ota_err err;
static struct world *world;
static struct ota_buf bundle;
static char token[64], length[32];
static struct double_httpd_header headers[8];
static unsigned taken, given, slept_s;
static bool busy, given_when_answered;

/* ---- what the page leans on ------------------------------------------------------------------------------ */

struct ota_agent *ota_esp_take(uint32_t wait_ms) {
    assert_int_equal(taken, given);
    if (busy)
        return NULL;
    (void)wait_ms;
    taken++;
    return world->agent;
}

void ota_esp_give(void) {
    given++;
    given_when_answered = double_httpd.head[0] != '\0';
}

int usleep(useconds_t us) {
    slept_s += us / 1000000u;
    return 0;
}

static int setup(void **state) {
    static const char *const hosts[] = {HOST, NULL};
    (void)state;
    memset(&double_httpd, 0, sizeof double_httpd);
    double_clock = (struct double_clock){0};
    snprintf(double_app_desc.version, sizeof double_app_desc.version, "1.0.0");
    taken = given = slept_s = 0;
    busy = given_when_answered = false;
    world = world_new();
    world_settle(world);
    assert_ota_ok(ota_esp_page_start(hosts, NULL, 0, &err));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    ota_esp_page_stop();
    ota_buf_free(&bundle);
    world_free(world);
    return 0;
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static void expect(unsigned http, const char *part) {
    char buf[200], code[8];
    snprintf(code, sizeof code, "%u ", http);
    assert_non_null(double_httpd_answered("status", buf, sizeof buf));
    if (strncmp(buf, code, strlen(code)) != 0 || !strstr(double_httpd.text, part))
        fail_msg("%s %s, wanted %u with ...%s...", buf, double_httpd.text, http, part);
    snprintf(code, sizeof code, "%zu", double_httpd.text_len);
    assert_string_equal(double_httpd_answered("Content-Length", buf, sizeof buf), code);
    assert_int_equal(taken, given);
}

static void set(const char *name, const char *value) {
    size_t i = 0;
    while (headers[i].name && strcmp(headers[i].name, name) != 0)
        i++;
    assert_in_range(i, 0, 6);
    headers[i] = (struct double_httpd_header){name, value};
}

static void begin(const char *host) {
    memset(headers, 0, sizeof headers);
    double_httpd.headers = headers;
    set("Host", host);
}

static esp_err_t get(const char *uri) {
    begin(HOST);
    return double_httpd_ask(HTTP_GET, uri);
}

static void begin_post(struct ota_span body) {
    get("/");
    const char *at = strstr(double_httpd.text, "name='token' content='");
    assert_non_null(at);
    snprintf(token, sizeof token, "%.32s", at + strlen("name='token' content='"));
    snprintf(length, sizeof length, "%zu", body.len);
    begin(HOST);
    set("Content-Type", "application/octet-stream");
    set("X-OTA-Token", token);
    set("Content-Length", length);
    double_httpd.body = body.p;
    double_httpd.body_len = body.len;
}

static struct ota_span bundle_of_2(void) {
    struct fake_bundle made;
    (void)world_release_2(world, "a");
    fake_bundle_make(&made, world->server, 2);
    bundle = fake_bundle_pack(&made);
    fake_bundle_free(&made);
    return ota_buf_span(&bundle);
}

/* ---- heads --------------------------------------------------------------------------------------------- */

static void test_esp_page_answers_in_parts_with_one_length(void **state) {
    char buf[300];
    (void)state;
    assert_int_equal(get("/"), ESP_OK);
    expect(200, "<!doctype html>");
    assert_non_null(strstr(double_httpd.text, "</html>\n"));
    assert_string_equal(double_httpd_answered("Content-Type", buf, sizeof buf), "text/html; charset=utf-8");
    assert_null(strstr(strstr(double_httpd.head, "Content-Type:") + 1, "Content-Type:"));
    assert_non_null(double_httpd_answered("Content-Security-Policy", buf, sizeof buf));
    assert_int_equal(get("/status?x=1"), ESP_OK);
    expect(200, "\"running\":\"1.0.0\"");
    assert_int_equal(get("/nothing"), ESP_OK);
    expect(404, "Not Found");
}

static void test_esp_page_answers_head_without_a_body(void **state) {
    char buf[16];
    (void)state;
    begin(HOST);
    assert_int_equal(double_httpd_ask(HTTP_HEAD, "/"), ESP_OK);
    assert_int_equal(double_httpd.text_len, 0);
    assert_non_null(double_httpd_answered("Content-Length", buf, sizeof buf));
    assert_in_range(strtoul(buf, NULL, 10), 5000, 10000);
}

static void test_esp_page_refuses_other_methods(void **state) {
    static const enum http_method methods[] = {HTTP_DELETE, HTTP_PUT, HTTP_OPTIONS, (enum http_method)33};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(methods); i++) {
        begin(HOST);
        (void)double_httpd_ask(methods[i], "/status");
        expect(405, "another method");
    }
}

/* The server cuts a value that is one byte too long for its buffer and calls it whole: "192.168.4.1" must not come out of a
 * longer name. */
static void test_esp_page_takes_no_header_that_was_cut(void **state) {
    char long_name[200];
    (void)state;
    for (size_t n = sizeof HOST; n < sizeof long_name - 1; n++) {
        snprintf(long_name, sizeof long_name, "%s:", HOST);
        memset(long_name + strlen(long_name), '8', n - strlen(long_name));
        long_name[n] = '\0';
        begin(long_name);
        (void)double_httpd_ask(HTTP_GET, "/status");
        expect(n < 72 ? 200 : 403, "");
    }
    begin_post(bundle_of_2());
    for (size_t more = 1; more < 20; more++) {
        memset(token + 32, 'x', more);
        token[32 + more] = '\0';
        (void)double_httpd_ask(HTTP_POST, "/bundle");
        expect(403, "X-OTA-Token");
    }
    assert_false(world->agent->fed);
}

static void test_esp_page_refuses_other_names_and_sites(void **state) {
    (void)state;
    begin("evil.example");
    (void)double_httpd_ask(HTTP_GET, "/");
    expect(403, "not called so");
    memset(headers, 0, sizeof headers);
    (void)double_httpd_ask(HTTP_GET, "/");
    expect(403, "not called so");
    begin_post(bundle_of_2());
    set("Origin", "http://evil.example");
    (void)double_httpd_ask(HTTP_POST, "/bundle");
    expect(403, "another site");
    set("Origin", "");
    (void)double_httpd_ask(HTTP_POST, "/bundle");
    expect(403, "another site");
}

/* content_len says 0 for chunks, and the lower 32 bits of a length beyond them. */
static void test_esp_page_wants_a_length_that_can_be(void **state) {
    static const struct {
        const char *length, *encoding;
        unsigned http;
    } rows[] = {
        {NULL, NULL, 411},
        {NULL, "chunked", 411},
        {"100", "chunked", 411},
        {"4294967396", NULL, 413},
        {"999999999999999999", NULL, 413},
        {"99999999999999999999999", NULL, 411},
        {"-1", NULL, 411},
        {"1e3", NULL, 411},
        {"8388608", NULL, 413},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        static const uint8_t zeros[4096];
        begin_post((struct ota_span){zeros, sizeof zeros});
        set("Content-Length", rows[i].length ? rows[i].length : "");
        set("Transfer-Encoding", rows[i].encoding ? rows[i].encoding : "");
        if (double_httpd_ask(HTTP_POST, "/bundle") != ESP_FAIL && rows[i].length)
            fail_msg("row %zu: the connection goes on behind a body without end", i);
        expect(rows[i].http, "");
        assert_false(world->agent->fed);
    }
}

/* ---- bodies -------------------------------------------------------------------------------------------- */

static void test_esp_page_installs_and_reboots_when_it_has_answered(void **state) {
    (void)state;
    begin_post(bundle_of_2());
    double_httpd.step = 700;
    assert_int_equal(double_httpd_ask(HTTP_POST, "/bundle"), ESP_OK);
    expect(200, "\"result\":\"reboots\"");
    assert_true(world->agent->reboot);
    assert_true(given_when_answered); /* ota_esp_give() reboots */
    assert_int_equal(slept_s, 1);
}

static void test_esp_page_reads_on_for_a_browser_that_still_sends(void **state) {
    struct ota_span b = bundle_of_2();
    (void)state;
    bundle.p[0] ^= 1;
    begin_post(b);
    assert_int_equal(double_httpd_ask(HTTP_POST, "/bundle"), ESP_OK);
    expect(422, "\"code\":\"bundle\"");
    assert_int_equal(double_httpd.read, b.len);
    assert_false(given_when_answered); /* and before the rest was read */
    set("X-OTA-Token", "");
    assert_int_equal(double_httpd_ask(HTTP_POST, "/bundle"), ESP_OK);
    expect(403, "X-OTA-Token");
    assert_int_equal(double_httpd.read, b.len);
    set("Expect", "100-continue");
    assert_int_equal(double_httpd_ask(HTTP_POST, "/bundle"), ESP_FAIL);
    expect(403, "X-OTA-Token");
    assert_int_equal(double_httpd.read, 0);
}

static void test_esp_page_does_not_read_on_for_ever(void **state) {
    (void)state;
    begin_post(bundle_of_2());
    set("X-OTA-Token", "");
    double_httpd.step = 1;
    double_httpd.seconds = 20;
    assert_int_equal(double_httpd_ask(HTTP_POST, "/bundle"), ESP_FAIL);
    expect(403, "X-OTA-Token");
    assert_in_range(double_httpd.recvs, 1, 8);
}

static void test_esp_page_waits_half_a_minute_for_more(void **state) {
    struct ota_span b = bundle_of_2();
    (void)state;
    begin_post(b);
    double_httpd.body_len = 5000;
    for (int end = HTTPD_SOCK_ERR_TIMEOUT; end <= 0; end++) {
        double_httpd.timeouts = end == HTTPD_SOCK_ERR_TIMEOUT ? 100 : 0;
        double_httpd.end = end;
        assert_int_equal(double_httpd_ask(HTTP_POST, "/bundle"), ESP_FAIL);
        assert_int_equal(double_httpd.head[0], '\0');
        assert_false(world->agent->fed);
        assert_int_equal(taken, given);
        if (end == HTTPD_SOCK_ERR_TIMEOUT)
            assert_int_equal(double_httpd.timeouts, 94); /* six of five seconds */
    }
    world_expect_release_1(world);
}

static void test_esp_page_says_that_the_agent_is_at_work(void **state) {
    char buf[16];
    (void)state;
    begin_post(bundle_of_2());
    busy = true;
    assert_int_equal(double_httpd_ask(HTTP_POST, "/bundle"), ESP_OK);
    expect(503, "\"code\":\"busy\"");
    assert_string_equal(double_httpd_answered("Retry-After", buf, sizeof buf), "5");
    assert_int_equal(get("/"), ESP_OK);
    expect(200, "<!doctype html>");
}

static void test_esp_page_closes_what_cannot_be_answered(void **state) {
    (void)state;
    double_httpd.send_fails_at = 3000;
    assert_int_equal(get("/"), ESP_FAIL);
    assert_int_equal(taken, given);
}

/* ---- who is let in ------------------------------------------------------------------------------------- */

/* A client of a server that listens at every address, as ESP-IDF's does; the client's end in *client, the server's is returned.
 */
static int connect_to(int family, const char *address, int *client) {
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6};
    struct sockaddr_in any4 = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    socklen_t n = family == AF_INET6 ? sizeof any6 : sizeof any4;
    struct sockaddr *any = family == AF_INET6 ? (struct sockaddr *)&any6 : (struct sockaddr *)&any4;
    const int listener = socket(family, SOCK_STREAM, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, any, n), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, any, &n), 0);
    to.sin_port = family == AF_INET6 ? any6.sin6_port : any4.sin_port;
    assert_int_equal(inet_pton(AF_INET, address, &to.sin_addr), 1);
    *client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(*client, (struct sockaddr *)&to, sizeof to), 0);
    const int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    close(listener);
    return fd;
}

static void expect_let_in(int family, const char *address, bool in) {
    int client;
    const int fd = connect_to(family, address, &client);
    if (double_httpd_connect(fd) != in)
        fail_msg("%s, family %d: %s", address, family, in ? "refused" : "let in");
    if (in)
        double_httpd.config.close_fn(&double_httpd, fd);
    assert_int_equal(close(fd), -1); /* closed it is, and once */
    close(client);
}

static void test_esp_page_answers_at_its_own_address_alone(void **state) {
    static const char *const hosts[] = {"127.0.0.2", NULL};
    static const int families[] = {AF_INET, AF_INET6};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(families); i++)
        expect_let_in(families[i], "127.0.0.1", true);
    ota_esp_page_stop();
    assert_ota_ok(ota_esp_page_start(hosts, "127.0.0.2", 0, &err));
    for (size_t i = 0; i < OTA_ARRAY_LEN(families); i++) {
        expect_let_in(families[i], "127.0.0.2", true);
        expect_let_in(families[i], "127.0.0.1", false);
        expect_let_in(families[i], "127.0.0.3", false);
        expect_let_in(families[i], "127.0.0.2", true);
    }
    expect_let_in(AF_INET, "127.0.0.1", false);
    assert_false(double_httpd_connect(open("/dev/null", O_RDONLY))); /* no address at all */
}

static void test_esp_page_wants_an_address_that_is_one(void **state) {
    static const char *const wrong[] = {"", "thermo", "0.0.0.0", "192.168.4.1:80", "fe80::1"};
    (void)state;
    ota_esp_page_stop();
    for (size_t i = 0; i < OTA_ARRAY_LEN(wrong); i++)
        assert_ota(ota_esp_page_start(NULL, wrong[i], 0, &err), OTA_ARGUMENT);
}

/* ---- how long ------------------------------------------------------------------------------------------ */

static int slow_client, slow_fd;

/* Seconds for which a head is read that brings a byte every `pause_s`. */
static unsigned head_of(unsigned pause_s) {
    char byte;
    for (unsigned s = 0; s < 3600; s += pause_s) {
        assert_int_equal(write(slow_client, "G", 1), 1);
        if (double_httpd.recv(&double_httpd, slow_fd, &byte, 1, 0) != 1)
            return s;
        double_clock.uptime_us += INT64_C(1000000) * pause_s;
    }
    return 3600;
}

static void test_esp_page_waits_for_a_head_for_so_long_and_no_longer(void **state) {
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        slow_fd = connect_to(AF_INET, "127.0.0.1", &slow_client);
        assert_true(double_httpd_connect(slow_fd));
        assert_in_range(head_of(4), 30, 35);
        double_httpd.config.close_fn(&double_httpd, slow_fd);
        close(slow_client);
    }
    /* A connection that is kept: each request has its own time. */
    slow_fd = connect_to(AF_INET, "127.0.0.1", &slow_client);
    assert_true(double_httpd_connect(slow_fd));
    for (unsigned i = 0; i < 5; i++) {
        char byte;
        assert_int_equal(write(slow_client, "G", 1), 1);
        assert_int_equal(double_httpd.recv(&double_httpd, slow_fd, &byte, 1, 0), 1);
        assert_int_equal(get("/"), ESP_OK);
        double_clock.uptime_us += INT64_C(40000000);
    }
    close(slow_client);
    double_httpd.config.close_fn(&double_httpd, slow_fd);
}

static void read_the_head_meanwhile(void) {
    char byte;
    assert_int_equal(double_httpd.recv(&double_httpd, slow_fd, &byte, 1, 0), HTTPD_SOCK_ERR_FAIL);
    double_httpd.config.close_fn(&double_httpd, slow_fd);
}

static void test_esp_page_stops_whatever_head_is_coming(void **state) {
    char byte;
    (void)state;
    slow_fd = connect_to(AF_INET, "127.0.0.1", &slow_client);
    assert_true(double_httpd_connect(slow_fd));
    assert_int_equal(write(slow_client, "GE", 2), 2);
    assert_int_equal(double_httpd.recv(&double_httpd, slow_fd, &byte, 1, 0), 1);
    double_httpd.while_it_stops = read_the_head_meanwhile;
    ota_esp_page_stop();
    assert_int_equal(double_httpd.stops, 1);
    assert_int_equal(close(slow_fd), -1);
    close(slow_client);
}

static void test_esp_page_does_not_take_a_bundle_for_ever(void **state) {
    struct ota_span b = bundle_of_2();
    (void)state;
    begin_post(b);
    double_httpd.step = 1;
    double_httpd.seconds = 29;
    assert_int_equal(double_httpd_ask(HTTP_POST, "/bundle"), ESP_FAIL);
    assert_in_range(double_httpd.recvs, 1800 / 29, 1800 / 29 + 2);
    assert_false(world->agent->fed);
    assert_int_equal(taken, given);
}

/* ---- beginning and end --------------------------------------------------------------------------------- */

static void test_esp_page_is_one_small_server(void **state) {
    (void)state;
    assert_int_equal(double_httpd.config.server_port, 80);
    assert_int_equal(double_httpd.config.max_open_sockets, 3);
    assert_true(double_httpd.config.lru_purge_enable);
    assert_in_range(double_httpd.config.stack_size, 6144, 8192);
    assert_int_equal((int)double_httpd.handler.method, HTTP_ANY);
    assert_ota(ota_esp_page_start(NULL, NULL, 8080, &err), OTA_BUSY);
    ota_esp_page_stop();
    ota_esp_page_stop();
    assert_int_equal(double_httpd.stops, 1);
    assert_ota_ok(ota_esp_page_start(NULL, NULL, 8080, &err));
    assert_int_equal(double_httpd.config.server_port, 8080);
}

static void test_esp_page_that_cannot_start_leaves_nothing(void **state) {
    (void)state;
    ota_esp_page_stop();
    double_httpd.start = ESP_ERR_HTTPD_TASK;
    assert_ota(ota_esp_page_start(NULL, NULL, 0, &err), OTA_MEMORY);
    double_httpd.start = ESP_FAIL;
    assert_ota(ota_esp_page_start(NULL, NULL, 0, &err), OTA_NETWORK);
    double_httpd.start = ESP_OK;
    double_httpd.register_uri = ESP_ERR_HTTPD_ALLOC_MEM;
    assert_ota(ota_esp_page_start(NULL, NULL, 0, &err), OTA_MEMORY);
    assert_false(double_httpd.running);
    double_httpd.register_uri = ESP_OK;
    busy = true;
    assert_ota(ota_esp_page_start(NULL, NULL, 0, &err), OTA_BUSY);
    assert_int_equal(taken, given);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_esp_page_answers_in_parts_with_one_length),
        TEST(test_esp_page_answers_head_without_a_body),
        TEST(test_esp_page_refuses_other_methods),
        TEST(test_esp_page_takes_no_header_that_was_cut),
        TEST(test_esp_page_refuses_other_names_and_sites),
        TEST(test_esp_page_wants_a_length_that_can_be),
        TEST(test_esp_page_installs_and_reboots_when_it_has_answered),
        TEST(test_esp_page_reads_on_for_a_browser_that_still_sends),
        TEST(test_esp_page_does_not_read_on_for_ever),
        TEST(test_esp_page_waits_half_a_minute_for_more),
        TEST(test_esp_page_says_that_the_agent_is_at_work),
        TEST(test_esp_page_closes_what_cannot_be_answered),
        TEST(test_esp_page_answers_at_its_own_address_alone),
        TEST(test_esp_page_wants_an_address_that_is_one),
        TEST(test_esp_page_waits_for_a_head_for_so_long_and_no_longer),
        TEST(test_esp_page_stops_whatever_head_is_coming),
        TEST(test_esp_page_does_not_take_a_bundle_for_ever),
        TEST(test_esp_page_is_one_small_server),
        TEST(test_esp_page_that_cannot_start_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
