/* SPDX-License-Identifier: Apache-2.0 */
/* esp_http_server, with its traps: a header's value one byte too long for its buffer counts as whole, content_len has 32
 * bits and is 0 for chunks, a body is sent to HEAD as to GET. */
#include "double/http_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "double/clock.h"

struct double_httpd double_httpd;
static httpd_req_t request;
static const char *status, *type;

const char *http_method_str(enum http_method m) {
    static const char *const names[] = {"DELETE", "GET", "HEAD", "POST", "PUT", "CONNECT", "OPTIONS"};
    return (unsigned)m < sizeof names / sizeof names[0] ? names[m] : "<unknown>";
}

/* ---- the server ---------------------------------------------------------------------------------------- */

esp_err_t httpd_start(httpd_handle_t *handle, const httpd_config_t *config) {
    if (double_httpd.start != ESP_OK)
        return double_httpd.start;
    if (double_httpd.running)
        abort();
    double_httpd.config = *config;
    double_httpd.running = true;
    *handle = &double_httpd;
    return ESP_OK;
}

esp_err_t httpd_stop(httpd_handle_t handle) {
    if (handle != &double_httpd || !double_httpd.running)
        abort();
    double_httpd.stops++;
    if (double_httpd.while_it_stops)
        double_httpd.while_it_stops();
    if (double_httpd.stop != ESP_OK)
        return double_httpd.stop;
    if (double_httpd.config.global_user_ctx_free_fn)
        double_httpd.config.global_user_ctx_free_fn(double_httpd.config.global_user_ctx);
    else
        free(double_httpd.config.global_user_ctx);
    double_httpd.running = double_httpd.registered = false;
    return ESP_OK;
}

esp_err_t httpd_register_uri_handler(httpd_handle_t handle, const httpd_uri_t *uri_handler) {
    if (handle != &double_httpd)
        abort();
    if (double_httpd.register_uri == ESP_OK)
        double_httpd.handler = *uri_handler;
    double_httpd.registered = double_httpd.register_uri == ESP_OK;
    return double_httpd.register_uri;
}

void *httpd_get_global_user_ctx(httpd_handle_t handle) {
    return ((struct double_httpd *)handle)->config.global_user_ctx;
}

esp_err_t httpd_sess_set_recv_override(httpd_handle_t handle, int sockfd, httpd_recv_func_t recv_func) {
    (void)sockfd;
    ((struct double_httpd *)handle)->recv = recv_func;
    return ESP_OK;
}

/* Closes what open_fn refuses itself, after close_fn. */
bool double_httpd_connect(int fd) {
    struct double_httpd *d = &double_httpd;
    if (d->config.open_fn(d, fd) == ESP_OK)
        return true;
    d->config.close_fn(d, fd);
    if (close(fd) != 0) /* twice: another task's */
        abort();
    return false;
}

bool httpd_uri_match_wildcard(const char *reference, const char *uri, size_t match_upto) {
    (void)match_upto;
    return strcmp(reference, "/*") == 0 && uri[0] == '/';
}

/* ---- the request --------------------------------------------------------------------------------------- */

static const char *header(const char *field) {
    for (const struct double_httpd_header *h = double_httpd.headers; h && h->name; h++)
        if (strcasecmp(h->name, field) == 0)
            return h->value;
    return NULL;
}

size_t httpd_req_get_hdr_value_len(httpd_req_t *r, const char *field) {
    (void)r;
    return header(field) ? strlen(header(field)) : 0;
}

esp_err_t httpd_req_get_hdr_value_str(httpd_req_t *r, const char *field, char *val, size_t val_size) {
    const char *value = header(field);
    (void)r;
    if (!value)
        return ESP_ERR_NOT_FOUND;
    (void)snprintf(val, val_size, "%s", value);
    return val_size < strlen(value) ? ESP_ERR_HTTPD_RESULT_TRUNC : ESP_OK;
}

int httpd_req_recv(httpd_req_t *r, char *buf, size_t buf_len) {
    struct double_httpd *d = &double_httpd;
    size_t n = d->body_len - d->read;
    d->recvs++;
    double_clock.uptime_us += d->seconds * INT64_C(1000000);
    if (buf_len > r->content_len - d->read)
        buf_len = r->content_len - d->read;
    if (n == 0 && d->timeouts > 0) {
        d->timeouts--;
        return HTTPD_SOCK_ERR_TIMEOUT;
    }
    if (n == 0)
        return buf_len ? d->end : 0;
    if (d->step && n > d->step)
        n = d->step;
    if (n > buf_len)
        n = buf_len;
    memcpy(buf, d->body + d->read, n);
    d->read += n;
    return (int)n;
}

static size_t length(void) {
    const char *text = header("Content-Length");
    return !text || header("Transfer-Encoding") ? 0 : (uint32_t)strtoull(text, NULL, 10);
}

esp_err_t double_httpd_ask(enum http_method method, const char *uri) {
    struct double_httpd *d = &double_httpd;
    memset(&request, 0, sizeof request);
    request.handle = d;
    request.method = (int)method;
    (void)snprintf((char *)request.uri, sizeof request.uri, "%s", uri);
    request.content_len = length();
    request.user_ctx = d->handler.user_ctx;
    d->read = d->recvs = 0;
    d->text_len = 0;
    d->head[0] = d->text[0] = '\0';
    status = type = NULL;
    return d->handler.handler(&request);
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

static void add(const char *name, const char *value) {
    const size_t n = strlen(double_httpd.head);
    if ((size_t)snprintf(double_httpd.head + n, sizeof double_httpd.head - n, "%s: %s\n", name, value) >=
        sizeof double_httpd.head - n)
        abort();
}

esp_err_t httpd_resp_set_status(httpd_req_t *r, const char *text) {
    (void)r;
    status = text;
    return ESP_OK;
}

esp_err_t httpd_resp_set_type(httpd_req_t *r, const char *text) {
    (void)r;
    type = text;
    return ESP_OK;
}

esp_err_t httpd_resp_set_hdr(httpd_req_t *r, const char *field, const char *value) {
    unsigned lines = 0;
    (void)r;
    for (const char *p = double_httpd.head; *p; p++)
        lines += *p == '\n';
    if (lines >= double_httpd.config.max_resp_headers)
        return ESP_ERR_HTTPD_RESP_HDR;
    add(field, value);
    return ESP_OK;
}

esp_err_t httpd_resp_send(httpd_req_t *r, const char *buf, ssize_t buf_len) {
    char text[24];
    add("status", status ? status : "200 OK");
    add("Content-Type", type ? type : "text/html");
    (void)snprintf(text, sizeof text, "%zd", buf_len);
    add("Content-Length", text);
    return buf && buf_len && httpd_send(r, buf, (size_t)buf_len) < 0 ? ESP_FAIL : ESP_OK;
}

/* At most 1000 at once, as a full window takes them. */
int httpd_send(httpd_req_t *r, const char *buf, size_t buf_len) {
    struct double_httpd *d = &double_httpd;
    const size_t n = buf_len < 1000 ? buf_len : 1000;
    (void)r;
    if (d->send_fails_at && d->text_len + n > d->send_fails_at)
        return HTTPD_SOCK_ERR_TIMEOUT;
    if (d->text_len + n >= sizeof d->text)
        abort();
    memcpy(d->text + d->text_len, buf, n);
    d->text_len += n;
    d->text[d->text_len] = '\0';
    return (int)n;
}

const char *double_httpd_answered(const char *name, char *buf, size_t cap) {
    const size_t n = strlen(name);
    for (const char *line = double_httpd.head; *line; line = strchr(line, '\n') + 1)
        if (strncmp(line, name, n) == 0 && line[n] == ':') {
            (void)snprintf(buf, cap, "%.*s", (int)(strchr(line, '\n') - line - (long)n - 2), line + n + 2);
            return buf;
        }
    return NULL;
}
