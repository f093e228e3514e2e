/* SPDX-License-Identifier: Apache-2.0 */
#include "support/contract.h"
#include "support/http_server.h"
#include "support/unit.h"

#define PART(range, length) \
    "HTTP/1.1 206 Partial Content\r\nContent-Range: " range "\r\nContent-Length: " length "\r\n\r\n"

struct row {
    struct http_answer answer;
    uint64_t from; /* of the request */
    enum ota_status open;
    int status;
    uint64_t length, total;
    size_t body;
    enum ota_status end;
};

#define UNKNOWN OTA_LENGTH_UNKNOWN

static const struct row rows[] = {
    {{"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", 5000, .close = false},
     0,
     OTA_OK,
     200,
     5000,
     5000,
     5000,
     OTA_OK},
    {{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, .close = false}, 0, OTA_OK, 200, 0, 0, 0, OTA_OK},
    {{"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", 9, .close = false}, 0, OTA_OK, 404, 9, 9, 9, OTA_OK},
    {{"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", 0, .close = false}, 0, OTA_OK, 304, 0, 0, 0, OTA_OK},
    {{"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 0, .close = false},
     0,
     OTA_OK,
     302,
     0,
     0,
     0,
     OTA_OK},
    {{"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", 4000, .close = true},
     0,
     OTA_OK,
     200,
     5000,
     5000,
     4000,
     OTA_TRUNCATED},
    {{"HTTP/1.1 200 OK\r\n\r\n", 3000, .close = true}, 0, OTA_OK, 200, UNKNOWN, UNKNOWN, 3000, OTA_OK},
    {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxxx\r\n0\r\n\r\n", 0, .close = false},
     0,
     OTA_OK,
     200,
     UNKNOWN,
     UNKNOWN,
     3,
     OTA_OK},
    {{PART("bytes 100-149/150", "50"), 50, .close = false}, 100, OTA_OK, 206, 50, 150, 50, OTA_OK},
    {{PART("bytes 100-149/*", "50"), 50, .close = false}, 100, OTA_OK, 206, 50, UNKNOWN, 50, OTA_OK},
    {{"HTTP/1.1 200 OK\r\nContent-Length: 150\r\n\r\n", 150, .close = false}, 100, OTA_OK, 200, 150, 150, 150, OTA_OK},
    {{"HTTP/1.1 103 Early Hints\r\nETag: \"no\"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", 4,
      .close = false},
     0,
     OTA_OK,
     200,
     4,
     4,
     4,
     OTA_OK},
    {{PART("bytes 100-149/150", "51"), 51, .close = true}, 100, OTA_HTTP, 0, 0, 0, 0, OTA_OK},
    {{PART("bytes 0-9/10", "10"), 10, .close = true}, 0, OTA_HTTP, 0, 0, 0, 0, OTA_OK},
    {{"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n", 5, .close = true},
     0,
     OTA_HTTP,
     0,
     0,
     0,
     0,
     OTA_OK},
    {{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 6, .close = true},
     0,
     OTA_HTTP,
     0,
     0,
     0,
     0,
     OTA_OK},
    {{"", 0, .close = true}, 0, OTA_NETWORK, 0, 0, 0, 0, OTA_OK},
};

static enum ota_status read_all(const struct ota_transport *t, size_t *total, struct ota_err *err) {
    uint8_t part[700];
    size_t got = 1;
    enum ota_status st = OTA_OK;
    for (*total = 0; st == OTA_OK && got; *total += got) {
        got = 0;
        st = t->read(t->ctx, part, sizeof part, &got, err);
        for (size_t i = 0; i < got; i++)
            assert_int_equal(part[i], 'x');
    }
    return st;
}

static void check(size_t i, const struct ota_transport *t) {
    const struct row *r = &rows[i];
    const struct ota_request req = {.address = OTA_ADDRESS_METADATA, .path = "a", .range_from = r->from};
    struct ota_response resp;
    struct ota_err err = {0};
    size_t total;
    memset(&resp, 0xAA, sizeof resp);
    const enum ota_status opened = t->open(t->ctx, &req, &resp, &err);
    if (opened != r->open)
        fail_msg("row %zu: open is %s (%s)", i, ota_status_name(opened), err.msg);
    if (opened != OTA_OK)
        return;
    if (resp.status != r->status || resp.length != r->length || resp.total != r->total || resp.authenticated ||
        resp.etag[0] || resp.retry_after)
        fail_msg("row %zu: %d, %llu of %llu bytes", i, resp.status, (unsigned long long)resp.length,
                 (unsigned long long)resp.total);
    const enum ota_status ended = read_all(t, &total, &err);
    if (ended != r->end || total != r->body)
        fail_msg("row %zu: %zu bytes, then %s (%s)", i, total, ota_status_name(ended), err.msg);
    t->close(t->ctx);
}

void contract_transport(const struct ota_transport *(*to)(const char *url), void (*end)(void)) {
    struct http_answer answers[OTA_ARRAY_LEN(rows) + 1] = {{0}};
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++)
        answers[i] = rows[i].answer;
    struct http_server *server = http_server_start(answers, false);
    const struct ota_transport *t = to(http_server_url(server));
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++)
        check(i, t);
    assert_true(http_server_connections(server) < OTA_ARRAY_LEN(rows)); /* what can be kept is */
    end();
    http_server_stop(&server);
}
