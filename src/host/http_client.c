/* SPDX-License-Identifier: Apache-2.0 */
/* One request after the other over one connection; see http_client.h. */
#include "host/http_client.h"

#include <string.h>

#include "host/curl_tls.h"

#define CONNECT_TIMEOUT_S 15L
#define TOTAL_TIMEOUT_S 120L
#define SLOW_BYTES 16L /* per second, for SLOW_S in a row */
#define SLOW_S 30L

struct ota_http_client {
    CURL *easy;
    char *url, *authorization, *user_agent;
    struct ota_buf ca;
    bool (*stopped)(void);
    char text[CURL_ERROR_SIZE];
};

void ota_http_reply_free(struct ota_http_reply *r) {
    ota_buf_free(&r->body);
}

static enum ota_status check(const struct ota_http_client_config *cfg, struct ota_err *err) {
    if (strncmp(cfg->url, "https://", 8) != 0)
        return ota_err_set(err, OTA_CONFIG, "\"%s\" is no https:// address; a token travels over nothing else",
                           cfg->url);
    if (!cfg->token[0])
        return ota_err_set(err, OTA_CONFIG, "the token is empty");
    for (const char *p = cfg->token; *p; p++)
        if (*p < 0x21 || *p > 0x7E)
            return ota_err_set(err, OTA_CONFIG, "the token holds characters that no token has");
    return OTA_OK;
}

enum ota_status ota_http_client_new(const struct ota_http_client_config *cfg, struct ota_http_client **out,
                                    struct ota_err *err) {
    size_t n = strlen(cfg->url);
    OTA_TRY(check(cfg, err));
    OTA_CLEAN(ota_http_client_free) struct ota_http_client *c = ota_calloc(1, sizeof *c);
    while (n && cfg->url[n - 1] == '/')
        n--;
    c->url = ota_sprintf("%.*s", (int)n, cfg->url);
    c->authorization = ota_sprintf("Authorization: Bearer %s", cfg->token);
    c->user_agent = ota_strdup(cfg->user_agent);
    c->stopped = cfg->stopped;
    ota_buf_append(&c->ca, cfg->ca_pem.p, cfg->ca_pem.len);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(c->easy = curl_easy_init()))
        return ota_err_set(err, OTA_MEMORY, "curl does not start");
    *out = OTA_STEAL(c);
    return OTA_OK;
}

void ota_http_client_free(struct ota_http_client **client) {
    struct ota_http_client *c = *client;
    if (!c)
        return;
    if (c->easy)
        curl_easy_cleanup(c->easy);
    if (c->authorization)
        explicit_bzero(c->authorization, strlen(c->authorization));
    free(c->authorization);
    free(c->url);
    free(c->user_agent);
    ota_buf_free(&c->ca);
    free(c);
    *client = NULL;
}

/* ---- curl calls us ------------------------------------------------------------------------------------- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx) {
    struct ota_buf *body = ctx;
    if (size * n > OTA_HTTP_ANSWER_MAX - body->len)
        return 0;
    ota_buf_append(body, p, size * n);
    return size * n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const struct ota_http_client *client = ctx;
    (void)a, (void)b, (void)c, (void)d;
    return client->stopped && client->stopped();
}

/* ---- one request --------------------------------------------------------------------------------------- */

static struct curl_slist *add(struct curl_slist *list, char *line) {
    struct curl_slist *longer = curl_slist_append(list, line);
    free(line);
    return longer ? longer : list;
}

static struct curl_slist *headers(const struct ota_http_client *c, const struct ota_http_request *req) {
    struct curl_slist *list = add(NULL, ota_strdup(c->authorization));
    list = add(list, ota_strdup("Accept: application/json, application/problem+json"));
    if (req->type)
        list = add(list, ota_sprintf("Content-Type: %s", req->type));
    if (req->range)
        list = add(list, ota_sprintf("Content-Range: %s", req->range));
    return add(list, ota_strdup(req->range ? "Expect: 100-continue" : "Expect:"));
}

static void set_up(struct ota_http_client *c, const struct ota_http_request *req, const char *url,
                   struct curl_slist *list, struct ota_http_reply *out) {
    CURL *e = c->easy;
    curl_easy_reset(e); /* keeps the connection */
    ota_curl_secure(e, ota_buf_span(&c->ca), "https");
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_USERAGENT, c->user_agent);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(e, CURLOPT_TIMEOUT, TOTAL_TIMEOUT_S);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, SLOW_S);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->text);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, &out->body);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, c);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    if (!req->type)
        return;
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, (const char *)req->body.p);
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, req->method);
}

static enum ota_status result(struct ota_http_client *c, CURLcode code, struct ota_http_reply *out,
                              struct ota_err *err) {
    long status = 0;
    curl_off_t retry = 0;
    (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    out->status = (int)status;
    /* An answer counts even when the server did not want to read the rest of the body. */
    bool answered = status >= 400 && (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return ota_err_set(err, OTA_INTERRUPTED, "stopped");
    if (code != CURLE_OK && !answered)
        return ota_err_set(err, ota_curl_status(code), "%s: %s", c->url,
                           c->text[0] ? c->text : curl_easy_strerror(code));
    if (curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &retry) == CURLE_OK && retry > 0)
        out->retry_after = retry > 3600 ? 3600 : (uint32_t)retry;
    return OTA_OK;
}

enum ota_status ota_http_client_ask(struct ota_http_client *c, const struct ota_http_request *req,
                                    struct ota_http_reply *out, struct ota_err *err) {
    OTA_CLEAN_FREE char *url = ota_sprintf("%s%s", c->url, req->path);
    struct curl_slist *list = headers(c, req);
    out->status = 0;
    out->retry_after = 0;
    out->body.len = 0;
    c->text[0] = '\0';
    set_up(c, req, url, list, out);
    CURLcode code = curl_easy_perform(c->easy);
    curl_slist_free_all(list);
    return result(c, code, out, err);
}
