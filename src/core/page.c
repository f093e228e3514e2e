/* SPDX-License-Identifier: Apache-2.0 */
/* Which request may do what, and the body of the one that brings a bundle. */
#include "ota/page.h"

#include <string.h>

#include "core/page_private.h"

#define BUNDLE_TYPE "application/octet-stream"

/* ---- the head ------------------------------------------------------------------------------------------ */

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Hosts, schemes and media types know no case. */
static bool same(struct ota_span a, struct ota_span b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

static bool begins(struct ota_span s, const char *start, struct ota_span *rest) {
    const struct ota_span first = ota_span_str(start);
    if (s.len < first.len || !same((struct ota_span){s.p, first.len}, first))
        return false;
    *rest = (struct ota_span){s.p + first.len, s.len - first.len};
    return true;
}

/* "name:8080", "[fe80::1]:80": without the port. Empty when it is not of that form. */
static struct ota_span name_of(struct ota_span host) {
    size_t n = 0;
    while (n < host.len && host.p[n] != (host.p[0] == '[' ? ']' : ':'))
        n++;
    if (n < host.len && host.p[n] == ']')
        n++;
    for (size_t i = n; i < host.len; i++)
        if (i == n ? host.p[i] != ':' : host.p[i] < '0' || host.p[i] > '9')
            return (struct ota_span){host.p, 0};
    return (struct ota_span){host.p, n};
}

static bool host_is_ours(const struct ota_page *p, struct ota_span host) {
    const char *const *name = p->cfg.hosts;
    if (!name)
        return true;
    if (!host.p || host.len == 0)
        return false;
    while (*name && !same(name_of(host), ota_span_str(*name)))
        name++;
    return *name != NULL;
}

/* A browser names the page's site with every POST; other programs name none. */
static bool origin_is_ours(const struct ota_page_request *r) {
    struct ota_span rest;
    if (!r->origin.p)
        return true;
    return r->host.p && (begins(r->origin, "http://", &rest) || begins(r->origin, "https://", &rest)) &&
           same(rest, r->host);
}

static bool token_is_right(const struct ota_page *p, struct ota_span token) {
    return token.p && token.len == OTA_PAGE_TOKEN_HEX && ota_equal_secret(token.p, p->token, OTA_PAGE_TOKEN_HEX);
}

static bool type_is_right(struct ota_span type) {
    struct ota_span rest;
    return type.p && begins(type, BUNDLE_TYPE, &rest) && (rest.len == 0 || rest.p[0] == ';' || rest.p[0] == ' ');
}

static bool refuse(struct ota_page *p, unsigned http, const char *detail, struct ota_page_answer *out) {
    ota_page_answer_problem(p, http, OTA_OK, detail, out);
    return false;
}

static bool begin_bundle(struct ota_page *p, const struct ota_page_request *r, struct ota_page_answer *out) {
    struct ota_agent *a = p->cfg.agent;
    if (!origin_is_ours(r))
        return refuse(p, 403, "another site may not send anything to this board", out);
    if (!token_is_right(p, r->token))
        return refuse(p, 403, "X-OTA-Token is missing or of an earlier boot: load the page again", out);
    if (!type_is_right(r->content_type))
        return refuse(p, 415, "a bundle is sent as " BUNDLE_TYPE, out);
    if (r->length == OTA_LENGTH_UNKNOWN)
        return refuse(p, 411, "Content-Length is missing", out);
    if (r->length > a->cfg.flash->size)
        return refuse(p, 413, "larger than the flash of this board", out);
    if (r->busy) {
        ota_page_answer_busy(p, out);
        return false;
    }
    struct ota_err why = {.code = OTA_OK};
    enum ota_status status =
        p->open ? ota_err_set(&why, OTA_BUSY, "another bundle is being sent to this board: wait for its end")
                : ota_bundle_begin(&p->bundle, a, OTA_DOOR_STREAM, &why);
    if (status != OTA_OK) {
        ota_page_answer_refused(p, &why, out);
        return false;
    }
    p->open = true;
    p->total = r->length;
    p->received = p->paced = 0;
    p->why.code = OTA_OK;
    p->started_ms = p->paced_ms = a->cfg.clock->uptime_ms(a->cfg.clock->ctx);
    return true;
}

static bool is_get(const struct ota_page_request *r) {
    return ota_span_equal_str(r->method, "GET") || ota_span_equal_str(r->method, "HEAD");
}

static bool wrong_method(struct ota_page *p, const char *allowed, struct ota_page_answer *out) {
    ota_page_answer_problem(p, 405, OTA_OK, "this path knows another method", out);
    ota_page_answer_add(out, "Allow", allowed);
    return false;
}

bool ota_page_request(struct ota_page *p, const struct ota_page_request *r, struct ota_page_answer *answer) {
    const bool page = ota_span_equal_str(r->path, "/"), status = ota_span_equal_str(r->path, "/status");
    if (!host_is_ours(p, r->host))
        return refuse(p, 403, "this board is not called so: use the address it gave", answer);
    if (ota_span_equal_str(r->path, "/bundle"))
        return ota_span_equal_str(r->method, "POST") ? begin_bundle(p, r, answer) : wrong_method(p, "POST", answer);
    if (!page && !status)
        return refuse(p, 404, "there is only / with its /status and /bundle", answer);
    if (!is_get(r))
        return wrong_method(p, "GET, HEAD", answer);
    if (page)
        ota_page_answer_page(p, answer);
    else if (r->busy)
        ota_page_answer_busy(p, answer);
    else
        ota_page_answer_status(p, answer);
    return false;
}

/* ---- the body ------------------------------------------------------------------------------------------ */

/* Whoever sends slower than this keeps the agent from its work. */
static enum ota_status check_pace(struct ota_page *p, uint64_t now, struct ota_err *err) {
    if (p->received - p->paced >= OTA_SECTOR) {
        p->paced = p->received;
        p->paced_ms = now;
    }
    if (now - p->paced_ms <= OTA_PAGE_STALL_S * 1000ull)
        return OTA_OK;
    return ota_err_set(err, OTA_TIMEOUT, "less than %u bytes came in %u s: move closer and send the bundle again",
                       OTA_SECTOR, OTA_PAGE_STALL_S);
}

static enum ota_status take(struct ota_page *p, const void *data, size_t n, struct ota_err *err) {
    const struct ota_clock *clock = p->cfg.agent->cfg.clock;
    if (n > p->total - p->received)
        return ota_err_set(err, OTA_LENGTH, "more bytes than Content-Length says");
    const uint64_t now = clock->uptime_ms(clock->ctx);
    if (now - p->started_ms > OTA_PAGE_TIME_MAX_S * 1000ull)
        return ota_err_set(err, OTA_TIMEOUT, "the upload took more than %u minutes", OTA_PAGE_TIME_MAX_S / 60u);
    p->received += n;
    OTA_TRY(check_pace(p, now, err));
    return ota_bundle_feed(&p->bundle, data, n, err);
}

bool ota_page_feed(struct ota_page *p, const void *data, size_t n) {
    if (!p->open)
        return false;
    if (p->why.code == OTA_OK && take(p, data, n, &p->why) != OTA_OK)
        ota_bundle_abort(&p->bundle);
    return p->why.code == OTA_OK;
}

void ota_page_end(struct ota_page *p, bool complete, struct ota_page_answer *answer) {
    struct ota_err *why = &p->why;
    if (!p->open) {
        (void)refuse(p, 400, "no bundle is being sent", answer);
        return;
    }
    p->open = false;
    if (why->code == OTA_OK && (!complete || p->received < p->total)) {
        ota_bundle_abort(&p->bundle);
        ota_log(p->cfg.agent->cfg.log, OTA_LOG_WARNING, "the upload of a bundle broke off after %llu of %llu bytes",
                (unsigned long long)p->received, (unsigned long long)p->total);
        (void)refuse(p, 400, "the upload broke off: send the bundle again", answer);
        return;
    }
    if (why->code == OTA_OK && ota_bundle_end(&p->bundle, why) == OTA_OK)
        ota_page_answer_taken(p, answer);
    else
        ota_page_answer_refused(p, why, answer);
}

bool ota_page_open(const struct ota_page *p) {
    return p->open;
}

enum ota_status ota_page_begin(struct ota_page *p, const struct ota_page_config *cfg, struct ota_err *err) {
    const struct ota_crypto *c = cfg->agent->cfg.crypto;
    uint8_t secret[OTA_PAGE_TOKEN_HEX / 2];
    memset(p, 0, sizeof *p);
    p->cfg = *cfg;
    OTA_TRY(c->random(c->ctx, secret, sizeof secret, err));
    ota_hex_encode(secret, sizeof secret, p->token);
    return OTA_OK;
}
