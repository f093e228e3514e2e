/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTPS as a board speaks it, over libcurl's multi interface: the caller pulls, and curl is paused while its bytes
 * wait. One answer at a time; the connection stays open between requests. Nothing is followed, decoded or guessed:
 * what the server says about its answer is read strictly in core/http_head.c.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host/buf.h"
#include "host/curl_tls.h"
#include "host/passphrase.h"
#include "host/transport.h"
#include "ota/address.h"
#include "ota/http_head.h"

#define CONNECT_TIMEOUT_MS 10000u
#define STALL_TIMEOUT_MS 20000u
#define TOTAL_TIMEOUT_MS (30u * 60u * 1000u)
#define BUFFER_MAX 65536u
#define WAIT_MS 1000u

struct ota_curl {
    char *base[3]; /* by enum ota_address; NULL: not known */
    char *authorization, *user_agent;
    struct ota_buf ca, crt, key;
    uint32_t connect_ms, stall_ms, total_ms;

    CURLM *multi;
    CURL *easy;
    struct ota_transport port;
    uint64_t received;

    /* one request */
    char *url;
    char server[64]; /* "https://host:port", for messages: the caller knows what it asked for */
    struct curl_slist *sent;
    struct ota_http_head head;
    char text[CURL_ERROR_SIZE];
    uint64_t moved_ms; /* when something last arrived */
    size_t pos, len;   /* of what waits in `waiting` */
    bool paused, done, verify;
    CURLcode code;
    uint8_t waiting[BUFFER_MAX];
};

static uint64_t now_ms(void) {
    struct timespec ts = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

/* ---- curl calls us ------------------------------------------------------------------------------------- */

static size_t on_header(char *line, size_t size, size_t n, void *ctx) {
    struct ota_curl *c = ctx;
    c->moved_ms = now_ms();
    return ota_http_head_line(&c->head, (struct ota_span){(const uint8_t *)line, size * n}) ? size * n : 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx) {
    struct ota_curl *c = ctx;
    size_t len = size * n;
    c->moved_ms = now_ms();
    if (c->pos > 0) {
        memmove(c->waiting, c->waiting + c->pos, c->len - c->pos);
        c->len -= c->pos;
        c->pos = 0;
    }
    if (len > sizeof c->waiting - c->len) {
        c->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    memcpy(c->waiting + c->len, p, len);
    c->len += len;
    c->received += len;
    return len;
}

/* ---- errors -------------------------------------------------------------------------------------------- */

static const char *base_of(const struct ota_curl *c, enum ota_address address) {
    return (unsigned)address < OTA_ARRAY_LEN(c->base) ? c->base[address] : NULL;
}

static void name_server(struct ota_curl *c) {
    const struct ota_span origin = ota_address_origin(c->url);
    (void)ota_format(c->server, sizeof c->server, "%.*s", (int)origin.len, (const char *)origin.p);
}

static enum ota_status explain(const struct ota_curl *c, struct ota_err *err) {
    if (c->head.refused[0])
        return ota_err_set(err, OTA_HTTP, "%s: %s", c->server, c->head.refused);
    return ota_err_set(err, ota_curl_status(c->code), "%s: %s", c->server,
                       c->text[0] ? c->text : curl_easy_strerror(c->code));
}

/* ---- moving bytes -------------------------------------------------------------------------------------- */

static void take_messages(struct ota_curl *c) {
    int left;
    for (const CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));) {
        if (m->msg != CURLMSG_DONE)
            continue;
        c->done = true;
        c->code = m->data.result;
    }
}

/* Until the stall limit, at most WAIT_MS. */
static int wait_ms(const struct ota_curl *c) {
    uint64_t idle = now_ms() - c->moved_ms;
    uint64_t left = idle < c->stall_ms ? c->stall_ms - idle : 0;
    return left < WAIT_MS ? (int)left + 1 : (int)WAIT_MS;
}

/* Lets curl work once; waits for the network when it has nothing to do. The stall limit counts only the time spent
 * waiting here: the caller may be slow. */
static enum ota_status pump(struct ota_curl *c, struct ota_err *err) {
    int running;
    uint64_t received = c->received;
    bool had_head = c->head.complete;
    if (c->paused) {
        c->paused = false;
        (void)curl_easy_pause(c->easy, CURLPAUSE_CONT);
    }
    CURLMcode m = curl_multi_perform(c->multi, &running);
    take_messages(c);
    if (m == CURLM_OK && !c->done && c->received == received && c->head.complete == had_head)
        m = curl_multi_poll(c->multi, NULL, 0, wait_ms(c), NULL);
    if (m != CURLM_OK)
        return ota_err_set(err, OTA_NETWORK, "%s: %s", c->server, curl_multi_strerror(m));
    if (!c->done && now_ms() - c->moved_ms > c->stall_ms)
        return ota_err_set(err, OTA_TIMEOUT, "%s: nothing arrived for %u ms", c->server, (unsigned)c->stall_ms);
    return OTA_OK;
}

/* ---- one request --------------------------------------------------------------------------------------- */

static void send_header(struct ota_curl *c, const char *fmt, ...) OTA_PRINTF(2, 3);
static void send_header(struct ota_curl *c, const char *fmt, ...) {
    char line[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    struct curl_slist *longer = curl_slist_append(c->sent, line);
    if (longer)
        c->sent = longer;
}

/* The token goes to the API address and nowhere else. */
static void choose_headers(struct ota_curl *c, const struct ota_request *req) {
    if (req->address == OTA_ADDRESS_API && c->authorization)
        send_header(c, "%s", c->authorization);
    if (req->range_from > 0)
        send_header(c, "Range: bytes=%llu-", (unsigned long long)req->range_from);
    if (req->range_from > 0 && req->if_range)
        send_header(c, "If-Range: %s", req->if_range);
    if (req->if_none_match)
        send_header(c, "If-None-Match: %s", req->if_none_match);
    if (req->no_cache)
        send_header(c, "Cache-Control: no-cache");
    if (req->body.p) {
        send_header(c, "Content-Type: application/json");
        send_header(c, "Expect:");
    }
}

static void set_blob(CURL *e, CURLoption option, const struct ota_buf *b) {
    struct curl_blob blob = {.data = b->p, .len = b->len, .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(e, option, &blob);
}

/* What names the board goes only to servers that prove themselves. */
static void set_identity(struct ota_curl *c) {
    if (!c->verify || !c->crt.len)
        return;
    set_blob(c->easy, CURLOPT_SSLCERT_BLOB, &c->crt);
    set_blob(c->easy, CURLOPT_SSLKEY_BLOB, &c->key);
}

static void set_security(struct ota_curl *c) {
    CURL *e = c->easy;
    set_identity(c);
    ota_curl_secure(e, ota_buf_span(&c->ca), "https,http");
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, c->verify ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, c->verify ? 2L : 0L);
    curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, c->verify ? 1L : 0L);
}

static void set_options(struct ota_curl *c, const struct ota_request *req) {
    CURL *e = c->easy;
    curl_easy_setopt(e, CURLOPT_URL, c->url);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_USERAGENT, c->user_agent);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->sent);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_ms);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)c->total_ms);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->text);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
    if (req->body.p) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
        curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, req->body.p);
    }
}

static void end_request(struct ota_curl *c) {
    (void)curl_multi_remove_handle(c->multi, c->easy);
    curl_easy_reset(c->easy);
    curl_slist_free_all(c->sent);
    c->sent = NULL;
    free(OTA_STEAL(c->url));
}

static enum ota_status await_head(struct ota_curl *c, struct ota_err *err) {
    while (!c->head.complete && !c->done)
        OTA_TRY(pump(c, err));
    /* A line that broke behind the head is told by read(), after what arrived. */
    if (c->head.complete)
        return OTA_OK;
    if (c->code != CURLE_OK)
        return explain(c, err);
    return ota_err_set(err, OTA_HTTP, "%s: the answer has no header", c->server);
}

static void fill_response(struct ota_curl *c, struct ota_response *resp) {
    curl_off_t retry = 0;
    *resp = c->head.response;
    resp->authenticated = c->verify && ota_address_is_https(c->url);
    if (curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &retry) == CURLE_OK && retry > 0)
        resp->retry_after = retry > (curl_off_t)UINT32_MAX ? UINT32_MAX : (uint32_t)retry;
}

static enum ota_status begin(struct ota_curl *c, const struct ota_request *req, struct ota_response *resp,
                             struct ota_err *err) {
    choose_headers(c, req);
    set_options(c, req);
    set_security(c);
    if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
        return ota_err_set(err, OTA_INTERNAL, "%s: curl takes no request", c->server);
    OTA_TRY(await_head(c, err));
    enum ota_status status = ota_http_head_check(&c->head, req->range_from > 0, err);
    if (status != OTA_OK)
        return ota_err_prefix(err, "%s", c->server);
    fill_response(c, resp);
    return OTA_OK;
}

/* ---- port ---------------------------------------------------------------------------------------------- */

static enum ota_status transport_open(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                      struct ota_err *err) {
    struct ota_curl *c = ctx;
    const char *base = base_of(c, req->address);
    if (!base)
        return ota_err_set(err, OTA_CONFIG, "no address is known for %s",
                           req->address == OTA_ADDRESS_API ? "reports" : "downloads");
    c->url = ota_sprintf("%s%s", base, req->path);
    name_server(c);
    c->head = (struct ota_http_head){0};
    c->text[0] = '\0';
    c->pos = c->len = 0;
    c->paused = c->done = false;
    c->verify = !req->allow_unauthenticated || req->address == OTA_ADDRESS_API;
    c->code = CURLE_OK;
    c->moved_ms = now_ms();
    enum ota_status status = begin(c, req, resp, err);
    if (status != OTA_OK)
        end_request(c);
    return status;
}

static enum ota_status transport_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err) {
    struct ota_curl *c = ctx;
    if (c->pos == c->len)
        c->moved_ms = now_ms();
    while (c->pos == c->len && !c->done)
        OTA_TRY(pump(c, err));
    *got = c->len - c->pos < cap ? c->len - c->pos : cap;
    memcpy(p, c->waiting + c->pos, *got);
    c->pos += *got;
    return *got == 0 && cap > 0 && c->code != CURLE_OK ? explain(c, err) : OTA_OK;
}

static void transport_close(void *ctx) {
    end_request(ctx);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static enum ota_status copy_base(const char *url, char **out, struct ota_err *err) {
    if (!url || !url[0])
        return OTA_OK;
    OTA_TRY(ota_address_check(url, err));
    *out = ota_sprintf("%s%s", url, url[strlen(url) - 1] == '/' ? "" : "/");
    return OTA_OK;
}

static enum ota_status set_up(struct ota_curl *c, const struct ota_curl_config *cfg, struct ota_err *err) {
    OTA_TRY(copy_base(cfg->url_metadata, &c->base[OTA_ADDRESS_METADATA], err));
    OTA_TRY(copy_base(cfg->url_targets, &c->base[OTA_ADDRESS_TARGETS], err));
    OTA_TRY(copy_base(cfg->url_api, &c->base[OTA_ADDRESS_API], err));
    if (cfg->token) {
        OTA_TRY(ota_token_check(cfg->token, c->base[OTA_ADDRESS_API], err));
        c->authorization = ota_sprintf("Authorization: Bearer %s", cfg->token);
    }
    c->user_agent = ota_strdup(cfg->user_agent ? cfg->user_agent : "ota/" OTA_PROGRAM_VERSION);
    c->connect_ms = cfg->connect_timeout_ms ? cfg->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    c->stall_ms = cfg->stall_timeout_ms ? cfg->stall_timeout_ms : STALL_TIMEOUT_MS;
    c->total_ms = cfg->total_timeout_ms ? cfg->total_timeout_ms : TOTAL_TIMEOUT_MS;
    if (!cfg->client_crt.len != !cfg->client_key.len)
        return ota_err_set(err, OTA_CONFIG, "of client certificate and key one is missing: provision crt and key");
    ota_buf_append(&c->ca, cfg->ca_pem.p, cfg->ca_pem.len);
    ota_buf_append(&c->crt, cfg->client_crt.p, cfg->client_crt.len);
    ota_buf_append(&c->key, cfg->client_key.p, cfg->client_key.len);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(c->multi = curl_multi_init()) ||
        !(c->easy = curl_easy_init()))
        return ota_err_set(err, OTA_MEMORY, "curl does not start");
    return OTA_OK;
}

enum ota_status ota_curl_new(const struct ota_curl_config *cfg, struct ota_curl **out, struct ota_err *err) {
    OTA_CLEAN(ota_curl_free) struct ota_curl *c = ota_calloc(1, sizeof *c);
    c->port =
        (struct ota_transport){.ctx = c, .open = transport_open, .read = transport_read, .close = transport_close};
    OTA_TRY(set_up(c, cfg, err));
    *out = OTA_STEAL(c);
    return OTA_OK;
}

void ota_curl_free(struct ota_curl **curl) {
    struct ota_curl *c = *curl;
    if (!c)
        return;
    if (c->easy)
        curl_easy_cleanup(c->easy);
    if (c->multi)
        (void)curl_multi_cleanup(c->multi);
    for (size_t i = 0; i < OTA_ARRAY_LEN(c->base); i++)
        free(c->base[i]);
    free(c->authorization);
    free(c->user_agent);
    ota_buf_free(&c->ca);
    ota_buf_free(&c->crt);
    ota_secret_free(&c->key);
    free(c);
    *curl = NULL;
}

const struct ota_transport *ota_curl_transport(struct ota_curl *c) {
    return &c->port;
}

uint64_t ota_curl_received(const struct ota_curl *c) {
    return c->received;
}
