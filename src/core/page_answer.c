/* SPDX-License-Identifier: Apache-2.0 */
/* What the page's server answers. */
#include <string.h>

#include "core/page_private.h"
#include "ota/scan.h"

#define JSON_TYPE "application/json"
#define PROBLEM_TYPE "application/problem+json"
#define RETRY_AFTER "5"
#define POLICY_OF_DATA "default-src 'none'; frame-ancestors 'none'"

/* Content-Length is the server's to say. */
static void begin(struct ota_page_answer *out, unsigned http, const char *type, const char *policy) {
    memset(out, 0, sizeof *out);
    out->status = http;
    ota_page_answer_add(out, "Content-Type", type);
    ota_page_answer_add(out, "Content-Security-Policy", policy);
    ota_page_answer_add(out, "X-Content-Type-Options", "nosniff");
    ota_page_answer_add(out, "Referrer-Policy", "no-referrer");
    ota_page_answer_add(out, "Cross-Origin-Resource-Policy", "same-origin");
    ota_page_answer_add(out, "Cache-Control", "no-store");
}

void ota_page_answer_add(struct ota_page_answer *out, const char *name, const char *value) {
    if (out->header_count < OTA_PAGE_HEADERS_MAX)
        out->header[out->header_count++] = (struct ota_page_header){name, value};
}

void ota_page_answer_page(struct ota_page *p, struct ota_page_answer *out) {
    begin(out, 200, "text/html; charset=utf-8", ota_page_html_policy);
    out->part[0] = ota_span_str(ota_page_html_head);
    out->part[1] = ota_span_str(p->token);
    out->part[2] = ota_span_str(ota_page_html_tail);
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static void open_object(struct ota_page *p, struct ota_json *j) {
    ota_json_init(j, p->text, sizeof p->text, false);
    ota_json_object(j);
}

static void finish(struct ota_page *p, struct ota_json *j, struct ota_page_answer *out) {
    ota_json_object_end(j);
    if (!j->bad)
        out->part[0] = (struct ota_span){(const uint8_t *)p->text, j->len};
    else
        out->status = 500; /* cannot be: the buffer holds the longest of them */
}

static void put_last(struct ota_json *j, const struct ota_report_record *r) {
    ota_json_key(j, "last");
    ota_json_object(j);
    ota_json_put_str(j, "code", r->code[0] ? r->code : ota_status_name(OTA_OK));
    ota_json_put_u64(j, "counter", r->counter);
    ota_json_put_str(j, "message", r->message);
    ota_json_put_str(j, "result", ota_result_name(r->result));
    ota_json_object_end(j);
}

void ota_page_answer_status(struct ota_page *p, struct ota_page_answer *out) {
    const struct ota_agent *a = p->cfg.agent;
    struct ota_json j;
    begin(out, 200, JSON_TYPE, POLICY_OF_DATA);
    open_object(p, &j);
    ota_json_put_str(&j, "board", a->cfg.identity.id);
    ota_json_put_bool(&j, "busy", p->open || a->reboot || a->state != OTA_STATE_IDLE);
    ota_json_put_str(&j, "channel", a->cfg.identity.channel);
    ota_json_put_u64(&j, "counter", a->board.counter);
    put_last(&j, &a->report);
    ota_json_put_u64(&j, "limit", a->cfg.flash->size);
    ota_json_put_bool(&j, "mixed", a->mixed);
    ota_json_put_str(&j, "product", a->cfg.identity.product);
    ota_json_put_u64(&j, "received", p->received);
    ota_json_put_str(&j, "running", p->cfg.version ? p->cfg.version : a->board.version);
    ota_json_put_str(&j, "state", ota_state_name(a->state));
    ota_json_put_u64(&j, "total", p->total);
    finish(p, &j, out);
}

void ota_page_answer_taken(struct ota_page *p, struct ota_page_answer *out) {
    const struct ota_agent *a = p->cfg.agent;
    const struct ota_release *r = &a->release;
    const bool again = a->reboot && a->journal.table_round;
    const char *what = !a->reboot ? "is there already: nothing to do"
                       : again
                           ? "brings a new partition table, which is verified: the board reboots to install it, and "
                             "then wants the bundle again"
                           : "is verified: the board reboots to install it";
    char message[OTA_ERR_MSG_MAX];
    struct ota_json j;
    (void)ota_format(message, sizeof message, "Release %u (%s) %s.", (unsigned)r->counter, r->version, what);
    begin(out, 200, JSON_TYPE, POLICY_OF_DATA);
    open_object(p, &j);
    ota_json_put_bool(&j, "again", again);
    ota_json_put_str(&j, "code", ota_status_name(OTA_OK));
    ota_json_put_u64(&j, "counter", r->counter);
    ota_json_put_str(&j, "message", message);
    ota_json_put_bool(&j, "reboot", a->reboot);
    ota_json_put_str(&j, "result", again ? "again" : a->reboot ? "reboots" : "there");
    ota_json_put_str(&j, "version", r->version);
    finish(p, &j, out);
    out->reboot = a->reboot;
}

/* ---- problems ------------------------------------------------------------------------------------------ */

/* RFC 9110, 15. */
static const char *reason(unsigned http) {
    switch (http) {
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 411:
        return "Length Required";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    default:
        return "Error";
    }
}

void ota_page_answer_problem(struct ota_page *p, unsigned http, enum ota_status code, const char *detail,
                             struct ota_page_answer *out) {
    char type[64] = "about:blank";
    struct ota_json j;
    if (code != OTA_OK)
        (void)ota_format(type, sizeof type, "urn:otaserve:problem:%s", ota_status_name(code));
    begin(out, http, PROBLEM_TYPE, POLICY_OF_DATA);
    open_object(p, &j);
    if (code != OTA_OK)
        ota_json_put_str(&j, "code", ota_status_name(code));
    ota_json_put_str(&j, "detail", detail);
    ota_json_put_u64(&j, "status", http);
    ota_json_put_str(&j, "title", code == OTA_OK ? reason(http) : ota_status_text(code));
    ota_json_put_str(&j, "type", type);
    finish(p, &j, out);
}

/* Was it the bundle, the moment, or the board. */
static unsigned http_of(enum ota_status code) {
    switch (code) {
    case OTA_BUSY:
        return 409;
    case OTA_FLASH:
    case OTA_READBACK:
    case OTA_KV:
    case OTA_JOURNAL:
    case OTA_MEMORY:
    case OTA_INTERNAL:
    case OTA_CONFIG:
        return 500;
    default:
        return 422;
    }
}

void ota_page_answer_refused(struct ota_page *p, const struct ota_err *why, struct ota_page_answer *out) {
    ota_page_answer_problem(p, http_of(why->code), why->code, why->msg, out);
}

void ota_page_answer_busy(struct ota_page *p, struct ota_page_answer *out) {
    ota_page_answer_problem(p, 503, OTA_BUSY, "this board is busy with an update: try again when it is decided", out);
    ota_page_answer_add(out, "Retry-After", RETRY_AFTER);
}
