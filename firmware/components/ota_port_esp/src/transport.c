/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTPS over esp_http_client's open, fetch_headers and read: nothing is followed, retried with a password or decoded.
 * What the server says about its answer goes, field by field, through the reader that the host uses (core/http_head.c).
 *
 *   open()   connects unless the server's connection is there still, sends, reads the head
 *   read()   waits for the first byte and takes what came with it: esp_http_client would fill the buffer, however slowly
 *            its bytes come, and the agent could not judge that
 *   close()  keeps the connection when the body was read to its end
 *
 * A client that failed in whatever way is thrown away: what is left in it (bytes of an answer that were not taken, the
 * caller's buffer, a session) would come back in the next request.
 */
#include "transport.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "esp_tls_errors.h"
#include "ota/address.h"
#include "ota/http_head.h"

#define ADDRESSES 3u
#define DRAIN_MAX \
    1024u /* the rest of an answer that nobody reads is read, when it is no more: that is cheaper than TLS */

struct answer {
    struct ota_http_head head;
    int code;        /* the status as the client had it last: another one, another head */
    bool any;        /* a field came: the server answers */
    bool complete;   /* the head */
    bool ended;      /* the body */
    bool connected;  /* a connection was made for it */
    bool spoilt;     /* the client holds bytes behind the body */
    size_t buffered; /* of the body, that came with the head */
    uint64_t left;
};

static struct {
    const char *base[ADDRESSES];
    struct ota_esp_server servers[ADDRESSES];
    struct ota_esp_server *by_address[ADDRESSES];
    char *authorization;
    struct ota_esp_server *now; /* between open() and close() */
    struct answer answer;
} net;

/* ---- the client calls us --------------------------------------------------------------------------------- */

static struct ota_span text(const char *s) {
    return s ? ota_span_str(s) : (struct ota_span){0};
}

/* With CONFIG_ESP_HTTP_CLIENT_ENABLE_GET_CONTENT_RANGE (esp_https_ota selects it) the client has this value twice. */
static struct ota_span once(struct ota_span v) {
    const struct ota_span half = {v.p, v.len / 2};
    if (v.len % 2 == 0 && v.len && memcmp(v.p, v.p + half.len, half.len) == 0)
        return half;
    return v;
}

/* An interim answer's head and the one behind it may come in one go; only the client's status tells them apart. */
static void on_field(struct answer *a, int code, struct ota_span name, struct ota_span value) {
    if (a->complete || a->buffered || a->head.refused[0]) /* a trailer says nothing that counts */
        return;
    if (code != a->code)
        ota_http_head_again(&a->head);
    a->code = code;
    a->any = true;
    if (ota_http_head_is(name, "Content-Range"))
        value = once(value);
    (void)ota_http_head_field(&a->head, name, value);
}

static void on_body(struct answer *a, esp_http_client_handle_t client, size_t n) {
    if (!a->complete)
        a->buffered += n;
    else
        (void)esp_http_client_set_timeout_ms(client, 0); /* what else is there already, and no more */
}

static esp_err_t on_event(esp_http_client_event_t *e) {
    struct ota_esp_server *s = e->user_data;
    struct answer *a = &net.answer;
    switch (e->event_id) {
    case HTTP_EVENT_ON_CONNECTED:
        s->connected = a->connected = true;
        s->connections++;
        ota_esp_watch(esp_http_client_get_socket(e->client));
        break;
    case HTTP_EVENT_DISCONNECTED:
        ota_esp_watch_let_go();
        s->connected = false;
        break;
    case HTTP_EVENT_ON_HEADER:
        on_field(a, esp_http_client_get_status_code(e->client), text(e->header_key), text(e->header_value));
        break;
    case HTTP_EVENT_ON_DATA:
        on_body(a, e->client, (size_t)e->data_len);
        break;
    default:
        break;
    }
    return ESP_OK;
}

/* ---- sending --------------------------------------------------------------------------------------------- */

static bool field(esp_http_client_handle_t client, const char *name, const char *value) {
    if (value)
        return esp_http_client_set_header(client, name, value) == ESP_OK;
    (void)esp_http_client_delete_header(client, name);
    return true;
}

/* Every request says of each field whether it has one: the client keeps those of the request before. */
static bool set_fields(esp_http_client_handle_t c, const struct ota_request *req) {
    char range[40];
    (void)ota_format(range, sizeof range, "bytes=%llu-", (unsigned long long)req->range_from);
    return field(c, "Authorization", req->address == OTA_ADDRESS_API ? net.authorization : NULL) &&
           field(c, "Range", req->range_from > 0 ? range : NULL) &&
           field(c, "If-Range", req->range_from > 0 ? req->if_range : NULL) &&
           field(c, "If-None-Match", req->if_none_match) &&
           field(c, "Cache-Control", req->no_cache ? "no-cache" : NULL) &&
           field(c, "Content-Type", req->body.p ? "application/json" : NULL);
}

static bool set_url(esp_http_client_handle_t c, const struct ota_request *req) {
    const char *base = net.base[req->address];
    const size_t n = strlen(base) + strlen(req->path) + 2;
    char *url = malloc(n);
    if (url)
        (void)ota_format(url, n, "%s%s%s", base, base[strlen(base) - 1] == '/' ? "" : "/", req->path);
    const bool good = url && esp_http_client_set_url(c, url) == ESP_OK;
    free(url);
    return good;
}

static enum ota_status prepare(esp_http_client_handle_t c, const struct ota_request *req, struct ota_err *err) {
    if (!set_url(c, req) || !set_fields(c, req))
        return ota_err_set(err, OTA_MEMORY, "no memory for a request");
    (void)esp_http_client_set_method(c, req->body.p ? HTTP_METHOD_POST : HTTP_METHOD_GET);
    (void)esp_http_client_set_timeout_ms(c, OTA_ESP_CONNECT_MS);
    (void)ota_esp_tls_error(c); /* of the request before */
    return OTA_OK;
}

static bool write_body(esp_http_client_handle_t c, struct ota_span body) {
    while (body.len) {
        const int n = esp_http_client_write(c, (const char *)body.p, body.len < INT_MAX ? (int)body.len : INT_MAX);
        if (n <= 0)
            return false;
        body.p += n;
        body.len -= (size_t)n;
    }
    return true;
}

static enum ota_status send_request(struct ota_esp_server *s, const struct ota_request *req,
                                    struct ota_esp_tls_error *why, struct ota_err *err) {
    OTA_TRY(prepare(s->client, req, err));
    if (s->connected)
        ota_esp_watch(esp_http_client_get_socket(s->client));
    const esp_err_t opened = esp_http_client_open(s->client, (int)req->body.len);
    if (opened == ESP_OK) {
        (void)esp_http_client_set_timeout_ms(s->client, OTA_ESP_STALL_MS);
        if (write_body(s->client, req->body))
            return OTA_OK;
    }
    *why = ota_esp_tls_error(s->client);
    if (opened != ESP_OK && opened != ESP_ERR_HTTP_WRITE_DATA)
        return ota_esp_connect_failed(*why, err);
    return ota_esp_connection_broke(*why, false, err);
}

/* ---- the head -------------------------------------------------------------------------------------------- */

static enum ota_status too_slow(struct ota_err *err) {
    return ota_err_set(err, OTA_TIMEOUT, "what arrives is too slow: stopped after %u s", OTA_ESP_WATCH_MS / 1000u);
}

static enum ota_status no_head(struct ota_esp_server *s, int64_t got, struct ota_esp_tls_error *why,
                               struct ota_err *err) {
    *why = ota_esp_tls_error(s->client);
    if (got == -ESP_ERR_HTTP_EAGAIN)
        return ota_err_set(err, OTA_TIMEOUT, "nothing arrived for %u ms", (unsigned)OTA_ESP_STALL_MS);
    if (why->last == ESP_OK) /* nothing is wrong with the connection */
        return ota_err_set(err, OTA_HTTP, "the answer is not HTTP/1.1");
    return ota_esp_connection_broke(*why, false, err);
}

/* Interim answers (1xx) are passed over; how many, the limit of lines says. */
static enum ota_status fetch_head(struct ota_esp_server *s, struct ota_esp_tls_error *why, struct ota_err *err) {
    struct ota_http_head *h = &net.answer.head;
    do {
        ota_http_head_again(h);
        net.answer.code = -1;
        const int64_t got = esp_http_client_fetch_headers(s->client);
        if (h->refused[0])
            break;
        if (got < 0)
            return no_head(s, got, why, err);
        const int code = esp_http_client_get_status_code(s->client);
        if (!ota_http_head_status(h, code < 0 ? 0 : (uint64_t)code))
            break;
    } while (h->response.status < 200);
    return h->refused[0] ? ota_err_set(err, OTA_HTTP, "%s", h->refused) : OTA_OK;
}

static enum ota_status judge_head(struct answer *a, const struct ota_request *req, struct ota_err *err) {
    OTA_TRY(ota_http_head_check(&a->head, req->range_from > 0, err));
    a->complete = true;
    a->left = a->head.response.length;
    a->spoilt = a->left != OTA_LENGTH_UNKNOWN && a->buffered > a->left;
    if (a->spoilt)
        a->buffered = (size_t)a->left;
    return OTA_OK;
}

static enum ota_status exchange(struct ota_esp_server *s, const struct ota_request *req, struct ota_esp_tls_error *why,
                                struct ota_err *err) {
    OTA_TRY(send_request(s, req, why, err));
    OTA_TRY(fetch_head(s, why, err));
    return judge_head(&net.answer, req, err);
}

/* ---- one request ----------------------------------------------------------------------------------------- */

/* Was it the connection that had been kept, or the session kept with the one before, that failed: not a byte of an answer
 * came, and a new client may fare better. */
static bool was_stale(const struct ota_esp_server *s, bool kept, struct ota_esp_tls_error why, enum ota_status status) {
    if (net.answer.any || net.answer.connected)
        return false;
    if (kept && status == OTA_HTTP) /* a connection that was reset looks like one that brought no HTTP */
        return true;
    if (status != OTA_NETWORK)
        return false;
    return kept || (s->connections > 0 && (why.last == ESP_OK || why.last == ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED));
}

static enum ota_status talk(struct ota_esp_server *s, enum ota_esp_proof proof, const struct ota_request *req,
                            struct ota_err *err) {
    bool again;
    enum ota_status status;
    do {
        struct ota_esp_tls_error why = {0};
        net.answer = (struct answer){.code = -1};
        OTA_TRY(ota_esp_client_ready(s, proof, on_event, err));
        const bool kept = s->connected;
        status = exchange(s, req, &why, err);
        const bool late = ota_esp_watch_end();
        if (status == OTA_OK)
            return OTA_OK;
        if (late)
            status = too_slow(err);
        again = was_stale(s, kept, why, status);
        ota_esp_client_drop(s);
    } while (again);
    return status;
}

static void rest_but(const struct ota_esp_server *s) {
    for (size_t i = 0; i < ADDRESSES; i++)
        if (net.servers[i].client && &net.servers[i] != s)
            (void)esp_http_client_close(net.servers[i].client);
}

/* With CA and bundle both, the one that held last comes first; the other when the server does not prove itself so. */
static enum ota_status prove(struct ota_esp_server *s, const struct ota_request *req, struct ota_err *err) {
    const enum ota_esp_proof other = s->worked == OTA_ESP_PROOF_CA ? OTA_ESP_PROOF_BUNDLE : OTA_ESP_PROOF_CA;
    if (!ota_esp_client_can(s->worked))
        s->worked = other;
    enum ota_status status = talk(s, s->worked, req, err);
    if (status != OTA_TLS || s->worked == other || !ota_esp_client_can(other))
        return status;
    status = talk(s, other, req, err);
    if (status == OTA_OK)
        s->worked = other;
    return status;
}

static enum ota_status check_request(const struct ota_request *req, struct ota_err *err) {
    if ((unsigned)req->address >= ADDRESSES || !net.base[req->address])
        return ota_err_set(err, OTA_CONFIG, "no address is known for %s",
                           req->address == OTA_ADDRESS_API ? "reports" : "downloads");
    if (strlen("POST  HTTP/1.1\r\n") + strlen(net.base[req->address]) + strlen(req->path) > ota_esp_client_room() ||
        req->body.len > INT_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "the request is too long: raise CONFIG_OTA_HTTP_BUFFER");
    return OTA_OK;
}

static enum ota_status transport_open(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                      struct ota_err *err) {
    (void)ctx;
    OTA_TRY(check_request(req, err));
    struct ota_esp_server *s = net.by_address[req->address];
    const bool without =
        req->allow_unauthenticated && req->address != OTA_ADDRESS_API && ota_esp_client_can(OTA_ESP_PROOF_NONE);
    rest_but(s);
    enum ota_status status = without ? talk(s, OTA_ESP_PROOF_NONE, req, err) : prove(s, req, err);
    if (status != OTA_OK) {
        const struct ota_span origin = ota_address_origin(s->base);
        return ota_err_prefix(err, "%.*s", (int)origin.len, (const char *)origin.p);
    }
    net.now = s;
    *resp = net.answer.head.response;
    resp->authenticated = !without && ota_address_is_https(s->base);
    return OTA_OK;
}

/* ---- the body -------------------------------------------------------------------------------------------- */

static enum ota_status at_end(struct answer *a, const struct ota_esp_server *s, struct ota_err *err) {
    if (a->left != OTA_LENGTH_UNKNOWN || !esp_http_client_is_complete_data_received(s->client))
        return ota_err_set(err, OTA_TRUNCATED, "the answer ended before it was complete");
    a->ended = true;
    return OTA_OK;
}

static enum ota_status read_failed(const struct ota_esp_server *s, int n, struct ota_err *err) {
    const struct ota_esp_tls_error why = ota_esp_tls_error(s->client);
    if (n == -ESP_ERR_HTTP_EAGAIN)
        return ota_err_set(err, OTA_TIMEOUT, "nothing arrived for %u ms", (unsigned)OTA_ESP_STALL_MS);
    if (why.last == ESP_OK)
        return ota_err_set(err, OTA_HTTP, "the body is not chunked as it should be");
    return ota_esp_connection_broke(why, true, err);
}

static enum ota_status read_some(struct ota_esp_server *s, void *p, size_t cap, size_t *got, struct ota_err *err) {
    struct answer *a = &net.answer;
    if (cap > a->left)
        cap = (size_t)a->left;
    if (a->buffered && cap > a->buffered) /* beyond them it would wait */
        cap = a->buffered;
    if (cap == 0 || a->ended)
        return OTA_OK;
    ota_esp_watch(esp_http_client_get_socket(s->client));
    const int n = esp_http_client_read(s->client, p, cap < INT_MAX ? (int)cap : INT_MAX);
    if (ota_esp_watch_end() && n <= 0)
        return too_slow(err);
    if (n < 0)
        return read_failed(s, n, err);
    if (n == 0)
        return at_end(a, s, err);
    *got = (size_t)n;
    a->buffered -= *got < a->buffered ? *got : a->buffered;
    if (a->left != OTA_LENGTH_UNKNOWN)
        a->left -= *got;
    return OTA_OK;
}

static enum ota_status transport_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err) {
    struct ota_esp_server *s = net.now;
    (void)ctx;
    *got = 0;
    if (!s->client)
        return ota_err_set(err, OTA_NETWORK, "the connection broke");
    (void)esp_http_client_set_timeout_ms(s->client, OTA_ESP_STALL_MS);
    const enum ota_status status = read_some(s, p, cap, got, err);
    if (status == OTA_OK)
        return OTA_OK;
    ota_esp_client_drop(s);
    const struct ota_span origin = ota_address_origin(s->base);
    return ota_err_prefix(err, "%.*s", (int)origin.len, (const char *)origin.p);
}

/* Reads what is there already of a body nobody read. A chunked one may have a trailer, whose last field the client keeps and
 * gives to the head of the next answer. */
static bool drained(struct ota_esp_server *s) {
    struct answer *a = &net.answer;
    struct ota_err ignored;
    uint8_t rest[128];
    size_t got = 1;
    (void)esp_http_client_set_timeout_ms(s->client, 0);
    while (got && a->left != OTA_LENGTH_UNKNOWN && a->left <= DRAIN_MAX && a->left > 0)
        if (read_some(s, rest, sizeof rest, &got, &ignored) != OTA_OK)
            return false;
    return !a->spoilt && !a->head.chunked && (a->left == 0 || a->ended);
}

static void transport_close(void *ctx) {
    struct ota_esp_server *s = net.now;
    (void)ctx;
    net.now = NULL;
    if (!s->client)
        return;
    if (!drained(s))
        ota_esp_client_drop(s);
    else if (!esp_http_client_is_persistent_connection(s->client))
        (void)esp_http_client_close(s->client);
}

const struct ota_transport ota_esp_transport = {
    .open = transport_open, .read = transport_read, .close = transport_close};

/* ---- life ------------------------------------------------------------------------------------------------ */

static enum ota_status set_base(enum ota_address address, const char *url, struct ota_err *err) {
    if (!url || !url[0])
        return OTA_OK;
    OTA_TRY(ota_address_check(url, err));
    if (ota_address_is_https(url) && !ota_esp_client_can(OTA_ESP_PROOF_CA) && !ota_esp_client_can(OTA_ESP_PROOF_BUNDLE))
        return ota_err_set(
            err, OTA_CONFIG,
            "%s cannot prove its name: provision ca in ota_id (CONFIG_OTA_TLS_CA), or set CONFIG_OTA_TLS_BUNDLE", url);
    struct ota_esp_server *s = net.servers;
    while (s->base && !ota_span_equal(ota_address_origin(s->base), ota_address_origin(url)))
        s++;
    s->base = url;
    net.base[address] = url;
    net.by_address[address] = s;
    return OTA_OK;
}

static enum ota_status set_token(const char *token, struct ota_err *err) {
    static const char scheme[] = "Bearer ";
    if (!token || !token[0])
        return OTA_OK;
    OTA_TRY(ota_token_check(token, net.base[OTA_ADDRESS_API], err));
    const size_t n = sizeof scheme + strlen(token);
    net.authorization = malloc(n);
    if (!net.authorization)
        return ota_err_set(err, OTA_MEMORY, "no memory for the token");
    (void)ota_format(net.authorization, n, "%s%s", scheme, token);
    return OTA_OK;
}

void ota_esp_transport_rest(void) {
    rest_but(NULL);
}

enum ota_status ota_esp_transport_open(const struct ota_esp_transport_config *cfg, struct ota_err *err) {
    for (size_t i = 0; i < ADDRESSES; i++)
        ota_esp_client_drop(&net.servers[i]);
    free(net.authorization);
    memset(&net, 0, sizeof net);
    OTA_TRY(ota_esp_client_config(cfg, err));
    OTA_TRY(set_base(OTA_ADDRESS_METADATA, cfg->url_metadata, err));
    OTA_TRY(set_base(OTA_ADDRESS_TARGETS, cfg->url_targets, err));
    OTA_TRY(set_base(OTA_ADDRESS_API, cfg->url_api, err));
    return set_token(cfg->token, err);
}
