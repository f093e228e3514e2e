/* SPDX-License-Identifier: Apache-2.0 */
/*
 * esp_http_server around ota/page.h. The server has one task, which answers one request at a time: while a bundle comes,
 * everybody else waits.
 */
#include "ota_esp_page.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "esp_app_desc.h"
#include "esp_http_server.h"
#include "ota_esp.h"
#include "ota_esp_ports.h"
#include "sdkconfig.h"

#define PORT_DEFAULT 80u
#define STACK_SIZE 8192u /* ota/page.h's deepest path verifies signatures */
#define SOCKETS_MAX 3u   /* and three of the server's own, of lwIP's ten */
#define HEAD_MAX 2048u   /* of a request: browsers send more than the default of some configurations */
#define BODY_PART 1436u  /* what one TCP segment brings */

/* One wait for bytes. It is short for the sake of heads of requests, which nothing else hurries; a body may pause for
 * WAITS of them, which are the 30 s of ota/page.h. */
#define WAIT_S 5u
#define WAITS 6u
#define HEAD_MAX_S 30u     /* from its first byte to its last: the server itself only counts the wait for each */
#define BUNDLE_MAX_S 1800u /* for one that comes byte by byte: the agent is taken as long */
#define SWALLOW_MAX_S 120u /* for a body that nobody wants, before its sender is cut off */
#define ANSWER_MAX_S 60u   /* likewise for one that takes its answer by drops */

#define TAKE_WAIT_MS 1000u
#define LAST_ANSWER_US 1000000u /* for lwIP to send it, before the reboot */

/* Room for what is right of each header. */
struct head {
    char host[72], origin[80], type[48], token[OTA_PAGE_TOKEN_HEX + 1], length[20];
};

struct page_server {
    httpd_handle_t httpd;
    uint32_t address;                             /* of this board, in network order; 0: any */
    int refused;                                  /* a socket; -1: none */
    enum { BETWEEN, IN_HEAD, BEHIND_HEAD } stage; /* of the one request */
    uint64_t head_ms;                             /* when its head began */
    volatile bool stops;
    uint32_t flash_size;
    struct ota_page page;
    struct head head;
    char body[BODY_PART];
};

static struct page_server *server; /* NULL: stopped */

static uint64_t now_ms(void) {
    return ota_esp_clock.uptime_ms(ota_esp_clock.ctx);
}

/* ---- the head ------------------------------------------------------------------------------------------ */

/* In place of the server's own, which waits for each part of a head anew, and its task for no other client meanwhile: a head of
 * one byte every four seconds would keep it for hours, and ota_esp_page_stop() with it. One head at a time. */
static int receive_within(httpd_handle_t httpd, int fd, char *buf, size_t cap, int flags) {
    struct page_server *s = httpd_get_global_user_ctx(httpd);
    const uint64_t now = now_ms();
    if (s->stage == BETWEEN) {
        s->stage = IN_HEAD;
        s->head_ms = now;
    }
    if (s->stage == IN_HEAD && (s->stops || now - s->head_ms > HEAD_MAX_S * 1000ull))
        return HTTPD_SOCK_ERR_FAIL;
    const ssize_t got = recv(fd, buf, cap, flags);
    if (got >= 0)
        return (int)got;
    return errno == EAGAIN || errno == EINTR ? HTTPD_SOCK_ERR_TIMEOUT : HTTPD_SOCK_ERR_FAIL;
}

/* One that is too long is there, but empty: ota/page.h takes no such value for right. Its length is asked for first:
 * httpd_req_get_hdr_value_str() calls one that is longer by the NUL alone complete. */
static struct ota_span header(httpd_req_t *r, const char *name, char *buf, size_t cap) {
    const size_t len = httpd_req_get_hdr_value_len(r, name);
    buf[0] = '\0';
    if (len >= cap)
        return (struct ota_span){(const uint8_t *)buf, 0};
    if (httpd_req_get_hdr_value_str(r, name, buf, cap) != ESP_OK)
        return (struct ota_span){NULL, 0};
    return ota_span_str(buf);
}

static bool has(httpd_req_t *r, const char *name) {
    return httpd_req_get_hdr_value_len(r, name) > 0;
}

/* Not of r->content_len, which is 0 for a body without length or in chunks, and in 5.5 and 6.0 the lower 32 bits of
 * more. */
static uint64_t length_of(httpd_req_t *r, struct head *h) {
    const struct ota_span text = header(r, "Content-Length", h->length, sizeof h->length);
    uint64_t n = 0;
    if (text.len == 0 || has(r, "Transfer-Encoding"))
        return OTA_LENGTH_UNKNOWN;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return OTA_LENGTH_UNKNOWN;
        n = n * 10u + (uint64_t)(text.p[i] - '0'); /* 19 digits fit */
    }
    return n;
}

static struct ota_page_request read_head(httpd_req_t *r, struct head *h) {
    return (struct ota_page_request){
        .method = ota_span_str(http_method_str((enum http_method)r->method)),
        .path = {(const uint8_t *)r->uri, strcspn(r->uri, "?")},
        .host = header(r, "Host", h->host, sizeof h->host),
        .origin = header(r, "Origin", h->origin, sizeof h->origin),
        .content_type = header(r, "Content-Type", h->type, sizeof h->type),
        .token = header(r, "X-OTA-Token", h->token, sizeof h->token),
        .length = length_of(r, h),
    };
}

/* ---- the body ------------------------------------------------------------------------------------------ */

/* Bytes in s->body; 0 or less: the sender is gone. */
static int receive(struct page_server *s, httpd_req_t *r) {
    int got = HTTPD_SOCK_ERR_TIMEOUT;
    for (unsigned i = 0; i < WAITS && got == HTTPD_SOCK_ERR_TIMEOUT; i++)
        got = httpd_req_recv(r, s->body, sizeof s->body);
    return got;
}

/* The bytes that are left, *answer; false: the sender is gone. */
static bool feed(struct page_server *s, httpd_req_t *r, size_t *left, struct ota_page_answer *answer) {
    const uint64_t start = now_ms();
    bool good = true;
    while (*left > 0 && good) {
        const int got = receive(s, r);
        if (got <= 0 || now_ms() - start > BUNDLE_MAX_S * 1000ull)
            break;
        *left -= (size_t)got;
        good = ota_page_feed(&s->page, s->body, (size_t)got);
    }
    const bool complete = *left == 0 || !good;
    ota_page_end(&s->page, complete, answer);
    return complete;
}

/* A browser that is sending hears nothing before its end: what is left is read for its sake. */
static bool swallow(struct page_server *s, httpd_req_t *r, size_t left) {
    const uint64_t start = now_ms();
    while (left > 0) {
        const int got = receive(s, r);
        if (got <= 0 || now_ms() - start > SWALLOW_MAX_S * 1000ull)
            return false;
        left -= (size_t)got;
    }
    return true;
}

/* Whose end is known and near, and whose sender does not wait to be asked for it. */
static bool is_swallowed(const struct page_server *s, httpd_req_t *r, const struct ota_page_request *request) {
    if (has(r, "Transfer-Encoding") || has(r, "Expect"))
        return false;
    return request->length == OTA_LENGTH_UNKNOWN
               ? !has(r, "Content-Length")
               : request->length == r->content_len && request->length <= s->flash_size;
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

/* The head alone goes through httpd_resp_send(), which writes none without a Content-Length or in chunks; the parts
 * follow as they are, and none to HEAD. */
static bool send_answer(httpd_req_t *r, const struct ota_page_answer *a) {
    const uint64_t start = now_ms();
    char status[16];
    size_t total = 0;
    (void)snprintf(status, sizeof status, "%u %s", a->status, a->status == 200 ? "OK" : "");
    bool good = httpd_resp_set_status(r, status) == ESP_OK;
    for (size_t i = 0; i < a->header_count; i++)
        good &= (strcmp(a->header[i].name, "Content-Type") == 0
                     ? httpd_resp_set_type(r, a->header[i].value)
                     : httpd_resp_set_hdr(r, a->header[i].name, a->header[i].value)) == ESP_OK;
    for (size_t i = 0; i < OTA_PAGE_PARTS_MAX; i++)
        total += a->part[i].len;
    if (!good || httpd_resp_send(r, NULL, (ssize_t)total) != ESP_OK)
        return false;
    for (size_t i = 0; i < OTA_PAGE_PARTS_MAX && r->method != HTTP_HEAD; i++)
        for (size_t pos = 0; pos < a->part[i].len;) {
            const int sent = httpd_send(r, (const char *)a->part[i].p + pos, a->part[i].len - pos);
            if (sent <= 0 || now_ms() - start > ANSWER_MAX_S * 1000ull)
                return false;
            pos += (size_t)sent;
        }
    return true;
}

/* The agent is given back before a slow client is waited for, unless a reboot is due: that is ota_esp_give()'s. */
static esp_err_t answer_to(struct page_server *s, httpd_req_t *r) {
    struct ota_agent *agent = ota_esp_take(TAKE_WAIT_MS);
    struct ota_page_request request = read_head(r, &s->head);
    struct ota_page_answer answer;
    size_t left = r->content_len;
    bool there = true, swallowed = is_swallowed(s, r, &request);
    request.busy = agent == NULL;
    if (ota_page_request(&s->page, &request, &answer)) {
        there = feed(s, r, &left, &answer);
        swallowed = true;
    }
    const bool reboot = there && answer.reboot;
    if (agent && !reboot)
        ota_esp_give();
    const bool whole = there && swallowed && swallow(s, r, left);
    const bool told = there && send_answer(r, &answer);
    if (reboot) {
        (void)usleep(LAST_ANSWER_US);
        ota_esp_give();
    }
    return whole && told ? ESP_OK : ESP_FAIL;
}

static esp_err_t handle(httpd_req_t *r) {
    struct page_server *s = r->user_ctx;
    s->stage = BEHIND_HEAD;
    const esp_err_t rc = answer_to(s, r);
    s->stage = BETWEEN;
    return rc;
}

/* ---- who is let in ------------------------------------------------------------------------------------- */

#if CONFIG_LWIP_IPV6
/* The server listens at IPv6 then, to which IPv4 comes mapped. */
static bool is_mapped(const struct sockaddr_storage *here, uint32_t address) {
    static const uint8_t prefix[12] = {[10] = 0xFF, [11] = 0xFF};
    const uint8_t *p = (const uint8_t *)&((const struct sockaddr_in6 *)here)->sin6_addr;
    return here->ss_family == AF_INET6 && memcmp(p, prefix, sizeof prefix) == 0 &&
           memcmp(p + sizeof prefix, &address, sizeof address) == 0;
}
#else
static bool is_mapped(const struct sockaddr_storage *here, uint32_t address) {
    (void)here;
    (void)address;
    return false;
}
#endif

/* The server listens at all interfaces, and what a client says in `Host` proves nothing. A neighbour on another interface
 * that sends to this address hears nothing: lwIP in ESP-IDF routes by the address that an answer comes from. */
static bool is_for(uint32_t address, int fd) {
    struct sockaddr_storage here = {0};
    socklen_t n = sizeof here;
    if (getsockname(fd, (struct sockaddr *)&here, &n) != 0)
        return false;
    if (here.ss_family == AF_INET)
        return ((const struct sockaddr_in *)&here)->sin_addr.s_addr == address;
    return is_mapped(&here, address);
}

static esp_err_t on_open(httpd_handle_t httpd, int fd) {
    struct page_server *s = httpd_get_global_user_ctx(httpd);
    if ((s->address == 0 || is_for(s->address, fd)) &&
        httpd_sess_set_recv_override(httpd, fd, receive_within) == ESP_OK)
        return ESP_OK;
    s->refused = fd;
    return ESP_FAIL;
}

/* A socket that was refused the server closes itself, after this: a second close() could hit another task's socket of the
 * same number. */
static void on_close(httpd_handle_t httpd, int fd) {
    struct page_server *s = httpd_get_global_user_ctx(httpd);
    if (fd != s->refused)
        (void)close(fd);
    s->refused = -1;
    s->stage = BETWEEN;
}

/* ---- the server ---------------------------------------------------------------------------------------- */

static enum ota_status begin(struct page_server *s, const char *const *hosts, struct ota_err *err) {
    struct ota_agent *agent = ota_esp_take(TAKE_WAIT_MS * 10u);
    if (!agent)
        return ota_err_set(err, OTA_BUSY, "upload page: the agent is at work, or did not start");
    const struct ota_page_config cfg = {agent, hosts, esp_app_get_description()->version};
    const enum ota_status status = ota_page_begin(&s->page, &cfg, err);
    s->flash_size = agent->cfg.flash->size;
    ota_esp_give();
    return status;
}

/* Freed where it was made. */
static void keep(void *ctx) {
    (void)ctx;
}

static enum ota_status listen_at(struct page_server *s, uint16_t port, struct ota_err *err) {
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    const httpd_uri_t every = {.uri = "/*", .method = (httpd_method_t)HTTP_ANY, .handler = handle, .user_ctx = s};
    config.server_port = port;
    config.ctrl_port++; /* the application may have a server of its own */
    config.stack_size = STACK_SIZE;
    config.max_open_sockets = SOCKETS_MAX;
    config.max_uri_handlers = 1;
    config.max_resp_headers = OTA_PAGE_HEADERS_MAX;
    config.max_req_hdr_len = HEAD_MAX;
    config.backlog_conn = SOCKETS_MAX;
    config.lru_purge_enable = true;
    config.recv_wait_timeout = WAIT_S;
    config.send_wait_timeout = WAIT_S * WAITS;
    config.uri_match_fn = httpd_uri_match_wildcard;
    config.global_user_ctx = s;
    config.global_user_ctx_free_fn = keep;
    config.open_fn = on_open;
    config.close_fn = on_close;
    esp_err_t rc = httpd_start(&s->httpd, &config);
    if (rc == ESP_OK && (rc = httpd_register_uri_handler(s->httpd, &every)) != ESP_OK)
        (void)httpd_stop(s->httpd);
    if (rc == ESP_OK)
        return OTA_OK;
    return ota_err_set(err, rc == ESP_ERR_HTTPD_ALLOC_MEM || rc == ESP_ERR_HTTPD_TASK ? OTA_MEMORY : OTA_NETWORK,
                       "upload page: no server at port %u: %s", port, esp_err_to_name(rc));
}

enum ota_status ota_esp_page_start(const char *const *hosts, const char *address, uint16_t port, struct ota_err *err) {
    struct in_addr here = {0};
    if (server)
        return ota_err_set(err, OTA_BUSY, "upload page: it is open already");
    if (address && (inet_pton(AF_INET, address, &here) != 1 || here.s_addr == 0))
        return ota_err_set(err, OTA_ARGUMENT, "upload page: \"%s\" is no IPv4 address", address);
    struct page_server *s = calloc(1, sizeof *s);
    if (!s)
        return ota_err_set(err, OTA_MEMORY, "upload page: no %u bytes of heap", (unsigned)sizeof *s);
    s->address = here.s_addr;
    s->refused = -1;
    enum ota_status status = begin(s, hosts, err);
    if (status == OTA_OK)
        status = listen_at(s, port ? port : PORT_DEFAULT, err);
    if (status == OTA_OK)
        server = s;
    else
        free(s);
    return status;
}

void ota_esp_page_stop(void) {
    struct page_server *s = server;
    if (!s)
        return;
    s->stops = true;
    server = NULL;
    if (httpd_stop(s->httpd) == ESP_OK) { /* else its task goes on */
        free(s);
        return;
    }
    s->stops = false;
    server = s;
}
