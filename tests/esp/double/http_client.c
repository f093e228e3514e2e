/* SPDX-License-Identifier: Apache-2.0 */
#include "double/http_client.h"

#include <limits.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "double/http_link.h"
#include "double/http_parser.h"
#include "host/buf.h"
#include "support/unit.h"

#define FIELDS_MAX 16u

enum state { INIT, CONNECTED, SENT_HEAD, SENT, HAS_HEAD, READING };

struct esp_http_client {
    esp_http_client_config_t cfg;
    struct double_link link;
    char *host, *path, *scheme;
    int port;
    esp_http_client_method_t method;
    int timeout_ms;
    struct {
        char *key, *value;
    } field[FIELDS_MAX]; /* in the order they were set */
    char *tx, *rx;
    enum state state;
    struct double_parser parser;
    /* The answer. */
    int status;
    int64_t length, processed;
    bool chunked, chunk_complete;
    char *key,
        *value; /* the field that is told when the next one, or the head's end, comes: of a trailer with the next head */
    char *orig_raw, *raw, *output; /* body that came with the head; where read() puts it */
    int raw_len;
    bool save_session, session_saved;
};

struct double_http double_http;

void double_http_reset(void) {
    double_http = (struct double_http){.idf = 610, .hurry = 1};
}

static int hurried(int ms) {
    const int divisor = double_http.hurry ? (int)double_http.hurry : 1;
    return ms > 0 && ms < divisor ? 1 : ms / divisor;
}

/* ---- events ---------------------------------------------------------------------------------------------- */

static void tell(esp_http_client_handle_t c, esp_http_client_event_t e) {
    e.client = c;
    e.user_data = c->cfg.user_data;
    if (c->cfg.event_handler)
        (void)c->cfg.event_handler(&e);
}

static void on_begin(void *ctx) {
    esp_http_client_handle_t c = ctx;
    c->chunked = c->chunk_complete = false;
}

static void on_status(void *ctx, int code) {
    esp_http_client_handle_t c = ctx;
    if (double_http.idf >= 600)
        c->status = code;
}

static void tell_field(esp_http_client_handle_t c) {
    if (c->key)
        tell(c, (esp_http_client_event_t){
                    .event_id = HTTP_EVENT_ON_HEADER, .header_key = c->key, .header_value = c->value});
    free(c->key);
    free(c->value);
    c->key = c->value = NULL;
}

static void on_field(void *ctx, const char *key, const char *value) {
    esp_http_client_handle_t c = ctx;
    const bool twice = double_http.doubled_range && strcasecmp(key, "Content-Range") == 0;
    tell_field(c);
    c->key = ota_strdup(key);
    c->value = ota_sprintf("%s%s", value, twice ? value : "");
    if (strcasecmp(key, "Transfer-Encoding") == 0 && strcmp(value, "chunked") == 0)
        c->chunked = true;
}

static void on_head(void *ctx) {
    esp_http_client_handle_t c = ctx;
    tell_field(c);
    c->status = c->parser.status;
    c->length = c->parser.chunked ? -1 : c->parser.length;
    c->processed = 0;
    c->state = HAS_HEAD;
}

static void on_body(void *ctx, const char *p, size_t n) {
    esp_http_client_handle_t c = ctx;
    if (c->output) { /* wherever that points */
        memcpy(c->output, p, n);
        c->output += n;
    } else if (c->state < READING) {
        assert_ptr_equal(c->orig_raw, c->raw); /* the client aborts: bytes of the answer before were not taken */
        c->orig_raw = realloc(c->orig_raw, (size_t)c->raw_len + n);
        assert_non_null(c->orig_raw);
        memcpy(c->orig_raw + c->raw_len, p, n);
        c->raw = c->orig_raw;
    }
    c->processed += (int64_t)n;
    c->raw_len += (int)n;
    tell(c, (esp_http_client_event_t){.event_id = HTTP_EVENT_ON_DATA, .data_len = (int)n});
}

static void on_complete(void *ctx) {
    ((esp_http_client_handle_t)ctx)->chunk_complete = true;
}

/* false: the client gives up, which it does since 6.1. */
static bool parse(esp_http_client_handle_t c, const char *p, int n) {
    const struct double_parser_calls calls = {c, on_begin, on_status, on_field, on_head, on_body, on_complete};
    return double_parser_feed(&c->parser, &calls, p, (size_t)n) || double_http.idf < 610;
}

/* ---- clients --------------------------------------------------------------------------------------------- */

static void set_text(char **at, const char *value, size_t n) {
    free(*at);
    *at = ota_sprintf("%.*s", (int)n, value);
}

/* Path alone in later calls, as a rule: another server would close the connection. */
esp_err_t esp_http_client_set_url(esp_http_client_handle_t client, const char *url) {
    const char *host = strstr(url, "://") + 3, *path = host + strcspn(host, "/");
    const char *colon = memchr(host, ':', (size_t)(path - host));
    char *before = client->host;
    client->host = NULL;
    set_text(&client->scheme, url, (size_t)(host - url) - 3);
    set_text(&client->host, host, (size_t)((colon ? colon : path) - host));
    set_text(&client->path, *path ? path : "/", strlen(*path ? path : "/"));
    client->port = colon ? atoi(colon + 1) : strcmp(client->scheme, "https") == 0 ? 443 : 80;
    if (before)
        assert_string_equal(before, client->host);
    free(before);
    return ESP_OK;
}

esp_http_client_handle_t esp_http_client_init(const esp_http_client_config_t *config) {
    esp_http_client_handle_t c = ota_calloc(1, sizeof *c);
    OTA_CLEAN_FREE char *host = NULL;
    c->cfg = *config;
    c->timeout_ms = config->timeout_ms;
    c->tx = ota_calloc(1, (size_t)config->buffer_size_tx);
    c->rx = ota_calloc(1, (size_t)config->buffer_size);
    c->save_session = config->save_client_session;
    assert_int_equal(esp_http_client_set_url(c, config->url), ESP_OK);
    host = ota_sprintf("%s:%d", c->host, c->port);
    (void)esp_http_client_set_header(c, "User-Agent", config->user_agent);
    (void)esp_http_client_set_header(c, "Host", host);
    double_link_init(&c->link, config);
    double_http.clients++;
    double_http.client_certificate = config->client_cert_pem != NULL;
    double_http.buffer_tx = config->buffer_size_tx;
    (void)ota_format(double_http.interface, sizeof double_http.interface, "%s",
                     config->if_name ? config->if_name->ifr_name : "");
    return c;
}

esp_err_t esp_http_client_cleanup(esp_http_client_handle_t client) {
    (void)esp_http_client_close(client);
    double_link_free(&client->link);
    for (size_t i = 0; i < FIELDS_MAX; i++) {
        free(client->field[i].key);
        free(client->field[i].value);
    }
    free(client->key);
    free(client->value);
    free(client->host);
    free(client->path);
    free(client->scheme);
    free(client->tx);
    free(client->rx);
    free(client->orig_raw);
    free(client);
    double_http.clients--;
    return ESP_OK;
}

esp_err_t esp_http_client_set_method(esp_http_client_handle_t client, esp_http_client_method_t method) {
    client->method = method;
    return ESP_OK;
}

esp_err_t esp_http_client_set_timeout_ms(esp_http_client_handle_t client, int timeout_ms) {
    client->timeout_ms = timeout_ms;
    return ESP_OK;
}

esp_err_t esp_http_client_set_header(esp_http_client_handle_t client, const char *key, const char *value) {
    (void)esp_http_client_delete_header(client, key);
    for (size_t i = 0; i < FIELDS_MAX; i++) {
        if (client->field[i].key)
            continue;
        client->field[i].key = ota_strdup(key);
        client->field[i].value = ota_strdup(value);
        return ESP_OK;
    }
    return ESP_ERR_NO_MEM;
}

esp_err_t esp_http_client_delete_header(esp_http_client_handle_t client, const char *key) {
    for (size_t i = 0; i < FIELDS_MAX; i++)
        if (client->field[i].key && strcasecmp(client->field[i].key, key) == 0) {
            free(client->field[i].key);
            free(client->field[i].value);
            client->field[i].key = client->field[i].value = NULL;
        }
    return ESP_OK;
}

/* ---- request --------------------------------------------------------------------------------------------- */

static esp_err_t connect_client(esp_http_client_handle_t c) {
    c->processed = 0;
    c->parser.state = PARSE_STATUS;
    c->parser.line_len = 0;
    if (c->state >= CONNECTED)
        return ESP_OK;
    if (c->session_saved)
        double_link_session_use(&c->link);
    if (!double_link_connect(&c->link, c->host, c->port, strcmp(c->scheme, "https") == 0, hurried(c->timeout_ms)))
        return ESP_ERR_HTTP_CONNECT;
    c->state = CONNECTED;
    if (c->save_session) {
        double_link_session_save(&c->link);
        c->session_saved = true;
    }
    tell(c, (esp_http_client_event_t){.event_id = HTTP_EVENT_ON_CONNECTED});
    return ESP_OK;
}

/* Lines go out in as many pieces as it takes; one that fits no piece ends the sending, without an error. */
static void generate(esp_http_client_handle_t c, int write_len, struct ota_buf *out) {
    const size_t size = (size_t)c->cfg.buffer_size_tx;
    const char *method = c->method == HTTP_METHOD_POST ? "POST" : "GET";
    char length[24];
    (void)ota_format(length, sizeof length, "%d", write_len);
    (void)esp_http_client_delete_header(c, "Content-Length");
    if (c->method == HTTP_METHOD_POST)
        (void)esp_http_client_set_header(c, "Content-Length", length);
    OTA_CLEAN_FREE char *first = ota_sprintf("%s %s HTTP/1.1\r\n", method, c->path);
    size_t taken = strlen(first);
    bool pending = true; /* the request line waits for the first line that fits behind it */
    for (size_t i = 0; i < FIELDS_MAX; i++) {
        if (!c->field[i].key)
            continue;
        OTA_CLEAN_FREE char *line = ota_sprintf("%s: %s\r\n", c->field[i].key, c->field[i].value);
        if (taken + strlen(line) + 3 > size) {
            if (pending || strlen(line) + 3 > size)
                return;
            taken = 0;
        }
        if (pending)
            ota_buf_str(out, first);
        pending = false;
        ota_buf_str(out, line);
        taken += strlen(line);
    }
    ota_buf_str(out, "\r\n");
}

esp_err_t esp_http_client_open(esp_http_client_handle_t client, int write_len) {
    OTA_CLEAN(ota_buf_free) struct ota_buf head = {0};
    const esp_err_t rc = connect_client(client);
    if (rc != ESP_OK)
        return rc;
    generate(client, write_len, &head);
    if (head.len && !double_link_write(&client->link, head.p, head.len)) {
        (void)esp_http_client_close(client);
        return ESP_ERR_HTTP_WRITE_DATA;
    }
    client->state = SENT_HEAD;
    return ESP_OK;
}

int esp_http_client_write(esp_http_client_handle_t client, const char *buffer, int len) {
    return double_link_write(&client->link, buffer, (size_t)len) ? len : -1;
}

/* ---- answer ---------------------------------------------------------------------------------------------- */

int64_t esp_http_client_fetch_headers(esp_http_client_handle_t client) {
    assert_true(client->state >= SENT_HEAD);
    client->state = SENT;
    client->status = -1;
    while (client->state < HAS_HEAD) {
        const int n = double_link_read(&client->link, client->rx, client->cfg.buffer_size, hurried(client->timeout_ms));
        if (n <= 0)
            return n == DOUBLE_LINK_TIMEOUT ? -ESP_ERR_HTTP_EAGAIN : ESP_FAIL;
        if (!parse(client, client->rx, n))
            return ESP_FAIL;
    }
    client->state = READING;
    if (client->length <= 0) {
        client->chunked = true;
        return 0;
    }
    return client->length;
}

int esp_http_client_get_status_code(esp_http_client_handle_t client) {
    return client->status;
}

bool esp_http_client_is_complete_data_received(esp_http_client_handle_t client) {
    return client->chunked ? client->chunk_complete : client->processed == client->length;
}

/* What came with the head. */
static int take_raw(esp_http_client_handle_t c, char *buffer, int len) {
    const int n = c->raw_len < len ? c->raw_len : len;
    if (n == 0)
        return 0;
    assert_non_null(c->raw);
    memcpy(buffer, c->raw, (size_t)n);
    c->raw += n;
    c->raw_len -= n;
    if (c->raw_len == 0) {
        free(c->orig_raw);
        c->orig_raw = c->raw = NULL;
    }
    return n;
}

/* Nothing more came: what read() makes of it. */
static int ended(esp_http_client_handle_t c, int n, int done) {
    if (n == DOUBLE_LINK_FIN && c->chunked && !parse(c, "", 0))
        return ESP_FAIL;
    if (n == DOUBLE_LINK_TIMEOUT)
        return done ? done : -ESP_ERR_HTTP_EAGAIN;
    return done == 0 && !esp_http_client_is_complete_data_received(c) ? ESP_FAIL : done;
}

int esp_http_client_read(esp_http_client_handle_t client, char *buffer, int len) {
    int done = take_raw(client, buffer, len);
    while (done < len) {
        const bool more = client->chunked ? !client->chunk_complete : client->processed < client->length;
        const int room = len - done < client->cfg.buffer_size ? len - done : client->cfg.buffer_size;
        if (!more)
            break;
        const int n = double_link_read(&client->link, client->rx, room, hurried(client->timeout_ms));
        if (n <= 0)
            return ended(client, n, done);
        client->output = buffer + done;
        if (!parse(client, client->rx, n))
            return ESP_FAIL; /* `output` stays */
        done += client->raw_len;
        client->raw_len = 0;
        client->output = NULL;
    }
    return done;
}

bool esp_http_client_is_persistent_connection(esp_http_client_handle_t client) {
    return client->parser.keep_alive;
}

esp_err_t esp_http_client_close(esp_http_client_handle_t client) {
    if (client->state > INIT)
        tell(client, (esp_http_client_event_t){.event_id = HTTP_EVENT_DISCONNECTED});
    client->state = INIT;
    double_link_close(&client->link);
    return ESP_OK;
}

int esp_http_client_get_socket(esp_http_client_handle_t client) {
    return client->link.fd;
}

esp_err_t esp_http_client_get_and_clear_last_tls_error(esp_http_client_handle_t client, int *tls_code, int *tls_flags) {
    const struct double_link_error e = client->link.error;
    client->link.error = (struct double_link_error){0};
    *tls_code = e.code;
    *tls_flags = e.flags;
    return e.last;
}

/* ---- interface ------------------------------------------------------------------------------------------- */

esp_err_t esp_netif_get_netif_impl_name(esp_netif_t *esp_netif, char *name) {
    if (!esp_netif->name)
        return ESP_ERR_INVALID_ARG;
    memcpy(name, esp_netif->name, strlen(esp_netif->name) + 1);
    return ESP_OK;
}
