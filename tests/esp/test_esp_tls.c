/* SPDX-License-Identifier: Apache-2.0 */
/* What the ESP transport makes of a server's proof, and to whom it says who the board is. */
#include <signal.h>
#include <stdio.h>

#include "double/heap.h"
#include "esp_tls_errors.h"
#include "support/esp_net.h"

static struct http_server *other;

static int set_up(void **state) {
    (void)state;
    double_http_reset();
    double_heap = (struct double_heap)DOUBLE_HEAP_USUAL;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    esp_net_end();
    if (other)
        http_server_stop(&other);
    return 0;
}

static const struct http_answer fives[] = {{OK_HEAD("5"), 5, .close = false},
                                           {OK_HEAD("5"), 5, .close = false},
                                           {OK_HEAD("5"), 5, .close = false},
                                           {OK_HEAD("5"), 5, .close = false},
                                           {OK_HEAD("5"), 5, .close = false},
                                           {OK_HEAD("5"), 5, .close = false},
                                           {0}};

static void fetch(const struct ota_request *req, bool authenticated) {
    struct ota_response resp;
    assert_ota_ok(esp_net_get(req, &resp));
    assert_int_equal(resp.authenticated, authenticated);
    esp_net_body(5, OTA_OK);
}

/* ---- proof ------------------------------------------------------------------------------------------------ */

static void test_esp_tls_authenticates_the_server_by_the_ca_given(void **state) {
    static const struct http_answer answers[] = {{OK_HEAD("70000"), 70000, .close = false},
                                                 {OK_HEAD("3"), 3, .close = false},
                                                 {OK_HEAD("100"), 50, .reset = true},
                                                 {0}};
    struct ota_response resp;
    uint8_t part[200];
    size_t got = 0, total = 0;
    enum ota_status st;
    (void)state;
    esp_net.server = http_server_start(answers, true);
    esp_net_open(NULL, esp_net_ca(esp_net.server));
    assert_ota_ok(esp_net_get(&esp_net_metadata, &resp));
    assert_true(resp.authenticated);
    esp_net_body(70000, OTA_OK);
    assert_ota_ok(esp_net_get(&esp_net_metadata, &resp));
    esp_net_body(3, OTA_OK);
    assert_int_equal(http_server_connections(esp_net.server), 1);
    assert_ota_ok(esp_net_get(&esp_net_metadata, &resp));
    while ((st = net->read(net->ctx, part, sizeof part, &got, &err)) == OTA_OK && got)
        total += got;
    net->close(net->ctx);
    assert_int_equal(total, 50);
    assert_true(st == OTA_TRUNCATED || st == OTA_NETWORK);
}

static void test_esp_tls_refuses_a_server_of_another_ca(void **state) {
    struct ota_response resp;
    (void)state;
    other = http_server_start(fives, true);
    esp_net.server = http_server_start(fives, true);
    esp_net_open(NULL, esp_net_ca(other));
    assert_ota(esp_net_get(&esp_net_metadata, &resp), OTA_TLS);
    assert_string_equal(http_server_request(esp_net.server, 0), "");
    assert_non_null(strstr(err.msg, "https://localhost:"));
}

static void test_esp_tls_refuses_another_name(void **state) {
    struct ota_response resp;
    char url[64];
    (void)state;
    esp_net.server = http_server_start(fives, true);
    (void)snprintf(url, sizeof url, "https://127.0.0.1%s", strrchr(http_server_url(esp_net.server), ':'));
    esp_net.config = (struct ota_esp_transport_config){.url_metadata = url, .ca_pem = esp_net_ca(esp_net.server)};
    assert_ota_ok(ota_esp_transport_open(&esp_net.config, &err));
    assert_ota(esp_net_get(&esp_net_metadata, &resp), OTA_TLS);
}

static void test_esp_tls_authenticates_the_server_by_the_bundle(void **state) {
    (void)state;
    esp_net.server = http_server_start(fives, true);
    double_http.bundle = esp_net_ca(esp_net.server);
    esp_net_open(NULL, (struct ota_span){0});
    fetch(&esp_net_metadata, true);
}

/* The private CA was retired, say: one open() tries both, and the next one begins with what held. */
static void test_esp_tls_tries_ca_and_bundle_and_remembers(void **state) {
    (void)state;
    other = http_server_start(fives, true);
    esp_net.server = http_server_start(fives, true);
    double_http.bundle = esp_net_ca(esp_net.server);
    esp_net_open(NULL, esp_net_ca(other));
    fetch(&esp_net_metadata, true);
    assert_int_equal(double_http.handshakes, 2);
    ota_esp_transport_rest();
    fetch(&esp_net_metadata, true);
    assert_int_equal(double_http.handshakes, 3);
    double_http.bundle = esp_net_ca(other); /* and back */
    esp_net.config.ca_pem = esp_net_ca(esp_net.server);
    ota_esp_transport_rest();
    fetch(&esp_net_metadata, true);
    assert_int_equal(double_http.handshakes, 5);
}

/* Other failures say nothing about the proof: the second try would cost the time of another. */
static void test_esp_tls_tries_the_bundle_for_want_of_proof_alone(void **state) {
    struct ota_response resp;
    (void)state;
    other = http_server_start(fives, true);
    esp_net.server = http_server_start(fives, true);
    double_http.bundle = esp_net_ca(esp_net.server);
    double_http.handshake_code = 0x7F00;
    esp_net_open(NULL, esp_net_ca(other));
    assert_ota(esp_net_get(&esp_net_metadata, &resp), OTA_MEMORY);
    assert_int_equal(double_http.handshakes, 1);
}

/* After OTA_TLS often enough the agent does without a proof: nothing else may be called that. */
static void test_trap_tls_only_a_certificate_says_who_the_server_is(void **state) {
    static const struct {
        int code;
        enum ota_status status;
    } rows[] = {
        {0x2700, OTA_TLS},     /* X509_CERT_VERIFY_FAILED */
        {0x3000, OTA_TLS},     /* X509_FATAL_ERROR: nothing in the bundle */
        {0x2562, OTA_TLS},     /* X509_INVALID_EXTENSIONS and ASN1's */
        {0x2880, OTA_MEMORY},  /* X509_ALLOC_FAILED */
        {0x7F00, OTA_MEMORY},  /* SSL_ALLOC_FAILED */
        {0x0010, OTA_MEMORY},  /* MPI_ALLOC_FAILED */
        {141, OTA_MEMORY},     /* PSA_ERROR_INSUFFICIENT_MEMORY */
        {0x7280, OTA_NETWORK}, /* SSL_CONN_EOF */
        {0x7780, OTA_NETWORK}, /* SSL_FATAL_ALERT_MESSAGE */
        {0x0050, OTA_NETWORK}, /* NET_CONN_RESET */
        {0x2F80, OTA_NETWORK}, /* PKCS5_BAD_INPUT_DATA */
        {0x6800, OTA_TIMEOUT}, /* SSL_TIMEOUT */
    };
    struct ota_response resp;
    (void)state;
    esp_net.server = http_server_start(fives, true);
    esp_net_open(NULL, esp_net_ca(esp_net.server));
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        double_http.handshake_code = rows[i].code;
        const enum ota_status got = esp_net_get(&esp_net_metadata, &resp);
        if (got != rows[i].status)
            fail_msg("-0x%04x: %s (%s)", (unsigned)rows[i].code, ota_status_name(got), err.msg);
    }
}

/* A signature that could not be checked for want of memory makes a certificate untrusted. */
static void test_esp_tls_a_full_heap_says_nothing_about_the_server(void **state) {
    static const struct {
        struct double_heap heap;
        enum ota_status status;
    } rows[] = {
        {DOUBLE_HEAP_USUAL, OTA_TLS},
        {{16384, 4096}, OTA_TLS},
        {{16383, 91234}, OTA_MEMORY},
        {{65536, 4095}, OTA_MEMORY},
    };
    struct ota_response resp;
    (void)state;
    other = http_server_start(fives, true);
    esp_net.server = http_server_start(fives, true);
    esp_net_open(NULL, esp_net_ca(other));
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        double_heap = rows[i].heap;
        const enum ota_status got = esp_net_get(&esp_net_metadata, &resp);
        if (got != rows[i].status)
            fail_msg("row %zu: %s (%s)", i, ota_status_name(got), err.msg);
    }
}

static void test_esp_tls_a_broken_handshake_is_network(void **state) {
    static const struct http_answer answers[] = {{"garbage\r\n\r\n", 0, .close = true}, {0}};
    struct ota_response resp;
    char url[64];
    (void)state;
    double_http.hurry = 50;
    esp_net.server = http_server_start(answers, false);
    (void)snprintf(url, sizeof url, "https://localhost%s", strrchr(http_server_url(esp_net.server), ':'));
    esp_net.config = (struct ota_esp_transport_config){.url_metadata = url};
    assert_ota_ok(ota_esp_transport_open(&esp_net.config, &err));
    const enum ota_status status = esp_net_get(&esp_net_metadata, &resp);
    assert_true(status == OTA_NETWORK || status == OTA_TIMEOUT);
}

static void test_esp_tls_a_ca_that_is_none_is_a_wrong_configuration(void **state) {
    struct ota_response resp;
    (void)state;
    esp_net.server = http_server_start(fives, true);
    esp_net_open(NULL, (struct ota_span){(const uint8_t *)"no certificate", 15});
    assert_ota(esp_net_get(&esp_net_metadata, &resp), OTA_CONFIG);
    assert_non_null(strstr(err.msg, "PEM"));
}

/* ---- without a proof -------------------------------------------------------------------------------------- */

static unsigned hooked;
static void hook(void *ctx, void *config) {
    (void)ctx;
    ((esp_http_client_config_t *)config)->skip_cert_common_name_check = true;
    hooked++;
}

/* What may come without a proof comes, and no more than that; nothing goes along that names the board. */
static void test_esp_tls_asks_for_no_proof_where_none_is_wanted(void **state) {
    const struct ota_request unproven = {
        .address = OTA_ADDRESS_METADATA, .path = "timestamp.json", .allow_unauthenticated = true};
    const struct ota_request report = {.address = OTA_ADDRESS_API,
                                       .path = "devices/t/reports",
                                       .body = ota_span_str("{}"),
                                       .allow_unauthenticated = true};
    struct ota_response resp;
    (void)state;
    other = http_server_start(fives, true);
    esp_net.server = http_server_start(fives, true);
    esp_net_open("ota_secret", esp_net_ca(other));
    esp_net.config.connection = hook;
    esp_net.config.client_crt = esp_net.config.client_key = (struct ota_span){(const uint8_t *)"PEM", 4};
    hooked = 0;
    fetch(&unproven, false);
    assert_int_equal(hooked, 0);
    assert_false(double_http.client_certificate);
    assert_ota(esp_net_get(&esp_net_metadata, &resp), OTA_TLS);
    assert_true(hooked > 0);
    assert_true(double_http.client_certificate);
    assert_ota(esp_net_get(&report, &resp), OTA_TLS);
    fetch(&unproven, false);
    assert_false(double_http.client_certificate);
    assert_string_equal(http_server_request(esp_net.server, 2), "");
    for (size_t i = 0; i < 2; i++)
        assert_null(strstr(http_server_request(esp_net.server, i), "ota_secret"));
}

/* A connection that was made without a proof is no proof for what comes next. */
static void test_esp_tls_an_unproven_connection_is_not_kept_for_others(void **state) {
    const struct ota_request unproven = {
        .address = OTA_ADDRESS_METADATA, .path = "timestamp.json", .allow_unauthenticated = true};
    (void)state;
    esp_net.server = http_server_start(fives, true);
    esp_net_open(NULL, esp_net_ca(esp_net.server));
    fetch(&unproven, false);
    fetch(&esp_net_metadata, true);
    fetch(&unproven, false); /* nor the other way round: it would name the board */
    assert_int_equal(http_server_connections(esp_net.server), 3);
    assert_int_equal(double_http.resumptions, 0);
}

static void test_esp_tls_the_applications_hook_cannot_switch_names_off(void **state) {
    struct ota_response resp;
    char url[64];
    (void)state;
    esp_net.server = http_server_start(fives, true);
    (void)snprintf(url, sizeof url, "https://127.0.0.1%s", strrchr(http_server_url(esp_net.server), ':'));
    esp_net.config = (struct ota_esp_transport_config){
        .url_metadata = url, .ca_pem = esp_net_ca(esp_net.server), .connection = hook};
    assert_ota_ok(ota_esp_transport_open(&esp_net.config, &err));
    assert_ota(esp_net_get(&esp_net_metadata, &resp), OTA_TLS);
}

/* ---- sessions --------------------------------------------------------------------------------------------- */

static void test_esp_tls_the_second_handshake_is_a_short_one(void **state) {
    (void)state;
    esp_net.server = http_server_start(fives, true);
    esp_net_open(NULL, esp_net_ca(esp_net.server));
    for (unsigned i = 0; i < 4; i++) {
        fetch(&esp_net_metadata, true);
        ota_esp_transport_rest();
    }
    assert_int_equal(http_server_connections(esp_net.server), 4);
    assert_int_equal(double_http.resumptions, 2);
}

/* esp_http_client goes on pointing to the session it freed when a connection leaves none. */
static void test_trap_tls_a_freed_session_is_not_used(void **state) {
    (void)state;
    esp_net.server = http_server_start(fives, true);
    esp_net_open(NULL, esp_net_ca(esp_net.server));
    for (unsigned i = 0; i < 5; i++) {
        double_http.no_session = i == 1 || i == 3;
        fetch(&esp_net_metadata, true);
        ota_esp_transport_rest();
    }
}

static void test_esp_tls_a_session_that_fails_is_given_up(void **state) {
    (void)state;
    esp_net.server = http_server_start(fives, true);
    esp_net_open(NULL, esp_net_ca(esp_net.server));
    fetch(&esp_net_metadata, true);
    ota_esp_transport_rest();
    double_http.refuse_session = true;
    fetch(&esp_net_metadata, true);
    assert_int_equal(double_http.resumptions, 1);
    assert_int_equal(double_http.handshakes, 3);
}

/* ---- who the board is ------------------------------------------------------------------------------------- */

static void test_esp_tls_gives_the_token_to_the_api_alone(void **state) {
    struct ota_response resp;
    (void)state;
    esp_net.server = http_server_start(fives, true);
    esp_net_open("ota_secret", esp_net_ca(esp_net.server));
    for (unsigned i = 0; i < 4; i++) {
        const struct ota_request req = {.address = (enum ota_address)((i + 1) % 3), .path = "x"};
        assert_ota_ok(esp_net_get(&req, &resp));
        esp_net_body(5, OTA_OK);
    }
    assert_int_equal(http_server_connections(esp_net.server), 1); /* one server, whatever it is asked for */
    for (size_t i = 0; i < 4; i++)
        if ((strstr(http_server_request(esp_net.server, i), "\r\nAuthorization: Bearer ota_secret\r\n") != NULL) !=
            (i == 1))
            fail_msg("request %zu", i);
}

/* The line must fit the client's buffer. */
static void test_esp_tls_a_long_token_arrives_whole(void **state) {
    const struct ota_request report = {.address = OTA_ADDRESS_API, .path = "x", .body = ota_span_str("{}")};
    char token[1500];
    struct ota_response resp;
    (void)state;
    memset(token, 't', sizeof token);
    token[sizeof token - 1] = '\0';
    esp_net.server = http_server_start(fives, true);
    esp_net_open(token, esp_net_ca(esp_net.server));
    assert_ota_ok(esp_net_get(&report, &resp));
    esp_net_body(5, OTA_OK);
    assert_non_null(strstr(http_server_request(esp_net.server, 0), token));
}

static void test_esp_tls_refuses_a_configuration_that_leaks(void **state) {
    struct ota_esp_transport_config cfg = {
        .url_metadata = "https://localhost:1/metadata", .url_api = "http://localhost:1", .token = "t"};
    const struct ota_request req = {.address = OTA_ADDRESS_API, .path = "x"};
    struct ota_response resp;
    (void)state;
    assert_ota(ota_esp_transport_open(&cfg, &err), OTA_CONFIG);
    assert_null(strstr(err.msg, "\"t\""));
    cfg.url_api = "https://localhost:1";
    cfg.token = "a\r\nX: y";
    assert_ota(ota_esp_transport_open(&cfg, &err), OTA_CONFIG);
    cfg.token = NULL;
    cfg.url_metadata = "file:///etc/passwd";
    assert_ota(ota_esp_transport_open(&cfg, &err), OTA_CONFIG);
    cfg.url_metadata = "https://board:hush@localhost:1/metadata";
    assert_ota(ota_esp_transport_open(&cfg, &err), OTA_CONFIG);
    assert_null(strstr(err.msg, "hush"));
    cfg.url_metadata = NULL;
    cfg.client_crt = (struct ota_span){(const uint8_t *)"PEM", 4};
    assert_ota(ota_esp_transport_open(&cfg, &err), OTA_CONFIG);
    assert_non_null(strstr(err.msg, "key"));
    cfg.client_key = (struct ota_span){(const uint8_t *)"PEM", 3};
    assert_ota(ota_esp_transport_open(&cfg, &err), OTA_CONFIG);
    assert_non_null(strstr(err.msg, "NUL"));
    cfg.client_key.len = 4;
    cfg.url_api = NULL;
    assert_ota_ok(ota_esp_transport_open(&cfg, &err));
    assert_ota(net->open(net->ctx, &req, &resp, &err), OTA_CONFIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_esp_tls_authenticates_the_server_by_the_ca_given),
        TEST(test_esp_tls_refuses_a_server_of_another_ca),
        TEST(test_esp_tls_refuses_another_name),
        TEST(test_esp_tls_authenticates_the_server_by_the_bundle),
        TEST(test_esp_tls_tries_ca_and_bundle_and_remembers),
        TEST(test_esp_tls_tries_the_bundle_for_want_of_proof_alone),
        TEST(test_trap_tls_only_a_certificate_says_who_the_server_is),
        TEST(test_esp_tls_a_full_heap_says_nothing_about_the_server),
        TEST(test_esp_tls_a_broken_handshake_is_network),
        TEST(test_esp_tls_a_ca_that_is_none_is_a_wrong_configuration),
        TEST(test_esp_tls_asks_for_no_proof_where_none_is_wanted),
        TEST(test_esp_tls_an_unproven_connection_is_not_kept_for_others),
        TEST(test_esp_tls_the_applications_hook_cannot_switch_names_off),
        TEST(test_esp_tls_the_second_handshake_is_a_short_one),
        TEST(test_trap_tls_a_freed_session_is_not_used),
        TEST(test_esp_tls_a_session_that_fails_is_given_up),
        TEST(test_esp_tls_gives_the_token_to_the_api_alone),
        TEST(test_esp_tls_a_long_token_arrives_whole),
        TEST(test_esp_tls_refuses_a_configuration_that_leaks),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* the server writes to connections that were given up */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
