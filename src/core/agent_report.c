/* SPDX-License-Identifier: Apache-2.0 */
/* The report: what runs and how the last update went, POSTed when something changed and kept until a server took it. */
#include <string.h>

#include "core/agent_private.h"

static enum ota_status ensure_stream(struct ota_agent *a, struct ota_err *err) {
    static const uint8_t none[sizeof a->report.stream];
    const struct ota_crypto *c = a->cfg.crypto;
    if (memcmp(a->report.stream, none, sizeof none) != 0)
        return OTA_OK;
    OTA_TRY(c->random(c->ctx, a->report.stream, sizeof a->report.stream, err));
    a->report.number = 1; /* a server takes 0 for a missing number */
    return ota_agent_save_report(a, err);
}

static void put_hex(struct ota_json *j, const char *key, const uint8_t *p, size_t n) {
    ota_json_key(j, key);
    ota_json_hex(j, p, n);
}

static void put_labels(struct ota_json *j, const struct ota_board_record *b) {
    ota_json_key(j, "labels");
    ota_json_array(j);
    for (size_t i = 0; i < b->count; i++) {
        const struct ota_installed *l = &b->installed[i];
        ota_json_object(j);
        ota_json_put_u64(j, "counter", l->counter);
        ota_json_put_str(j, "label", l->label);
        put_hex(j, "sha256", l->sha256, sizeof l->sha256);
        ota_json_object_end(j);
    }
    ota_json_array_end(j);
}

static void put_last(struct ota_json *j, const struct ota_report_record *r) {
    ota_json_key(j, "last");
    ota_json_object(j);
    ota_json_put_str(j, "code", r->code[0] ? r->code : ota_status_name(OTA_OK));
    ota_json_put_u64(j, "counter", r->counter);
    ota_json_put_str(j, "label", r->label);
    ota_json_put_str(j, "message", r->message);
    ota_json_put_str(j, "result", ota_result_name(r->result));
    ota_json_put_str(j, "stage", r->stage);
    ota_json_object_end(j);
}

/* Into cfg.buf, keys sorted. */
static enum ota_status build(struct ota_agent *a, const uint8_t table[OTA_SHA256_LEN], struct ota_span *body,
                             struct ota_err *err) {
    const struct ota_identity *id = &a->cfg.identity;
    struct ota_json j;
    ota_json_init(&j, (char *)a->cfg.buf, a->cfg.cap, false);
    ota_json_object(&j);
    ota_json_put_str(&j, "agent", a->cfg.board.agent);
    ota_json_put_str(&j, "channel", id->channel);
    ota_json_put_str(&j, "chip", a->cfg.board.chip->name);
    ota_json_put_u64(&j, "counter", a->board.counter);
    ota_json_put_bool(&j, "counter_unknown", a->counter_unknown);
    put_labels(&j, &a->board);
    put_last(&j, &a->report);
    ota_json_put_bool(&j, "mixed", a->mixed);
    ota_json_put_u64(&j, "number", a->report.number);
    ota_json_put_str(&j, "product", id->product);
    ota_json_put_u64(&j, "secure_version", a->cfg.board.secure_version);
    ota_json_put_str(&j, "state", ota_phase_name(a->journal.phase));
    put_hex(&j, "stream", a->report.stream, sizeof a->report.stream);
    put_hex(&j, "table", table, OTA_SHA256_LEN);
    ota_json_put_u64(&j, "time", a->trust.now);
    ota_json_put_bool(&j, "time_unverified", a->trust.time_unverified);
    ota_json_put_str(&j, "version", a->board.version);
    ota_json_object_end(&j);
    if (j.bad)
        return ota_err_set(err, OTA_INTERNAL, "report: over %zu bytes", a->cfg.cap);
    *body = (struct ota_span){a->cfg.buf, j.len};
    return OTA_OK;
}

/* Not now, says the server: the report stays pending, and nothing is wrong with the board. */
static bool put_off(const struct ota_response *r) {
    return r->status == 429 || r->status == 503;
}

static enum ota_status judge_answer(struct ota_agent *a, const struct ota_response *r, bool *taken,
                                    struct ota_err *err) {
    *taken = r->status >= 200 && r->status < 300;
    if (*taken)
        return OTA_OK;
    if (r->retry_after > a->retry_after)
        a->retry_after = r->retry_after;
    if (put_off(r)) {
        ota_log(a->cfg.log, OTA_LOG_WARNING, "report: the server takes none now (%d); the next run sends it again",
                r->status);
        return OTA_OK;
    }
    if (r->status == 401 || r->status == 403)
        return ota_err_set(
            err, OTA_UNAUTHORIZED,
            "report: the server refused this board's token or certificate (%d): otactl device add gives a new token",
            r->status);
    return ota_err_set(err, OTA_HTTP, "report: the server answered %d", r->status);
}

static enum ota_status post(struct ota_agent *a, struct ota_span body, bool *taken, struct ota_err *err) {
    const struct ota_transport *t = a->cfg.transport;
    struct ota_response resp;
    char path[sizeof "devices//reports" + OTA_DEVICE_ID_MAX];
    ota_format(path, sizeof path, "devices/%s/reports", a->cfg.identity.id);
    struct ota_request req = {.address = OTA_ADDRESS_API, .path = path, .body = body};
    OTA_TRY(t->open(t->ctx, &req, &resp, err));
    t->close(t->ctx);
    return judge_answer(a, &resp, taken, err);
}

enum ota_status ota_agent_report(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    uint8_t table[OTA_SHA256_LEN];
    struct ota_span body = {0};
    bool taken = false;
    if (!a->cfg.reports || !a->report.pending || a->fed) { /* whoever feeds a bundle waits for its end */
        *event = OTA_EVENT_NOTHING;
        return OTA_OK;
    }
    OTA_TRY(ensure_stream(a, err));
    OTA_TRY(ota_agent_hash(a, a->cfg.board.table_offset, OTA_TABLE_LENGTH, table, err));
    OTA_TRY(build(a, table, &body, err));
    enum ota_status status = post(a, body, &taken, err);
    if (status == OTA_TLS && a->unproven[OTA_ADDRESS_METADATA]) {
        ota_log(a->cfg.log, OTA_LOG_WARNING, "report: kept until the server proves its name");
        status = OTA_OK;
    }
    OTA_TRY(status);
    if (!taken) {
        *event = OTA_EVENT_NOTHING;
        return OTA_OK;
    }
    ota_log(a->cfg.log, OTA_LOG_INFO, "report %u: release %u (%s), %s", (unsigned)a->report.number,
            (unsigned)a->board.counter, a->board.version[0] ? a->board.version : "unknown",
            a->report.result == OTA_RESULT_NONE ? "no update yet" : ota_result_name(a->report.result));
    a->report.pending = false;
    a->report.number++;
    return ota_agent_save_report(a, err);
}
