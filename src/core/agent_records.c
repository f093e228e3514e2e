/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's records in the key-value store: loaded once, written only when something changed. */
#include <string.h>

#include "core/agent_private.h"

static const char KEY_BOARD[] = "board";
static const char KEY_JOURNAL[] = "journal";
static const char KEY_REPORT[] = "report";
static const char KEY_SERVER[] = "server";
static const char KEY_TRIES[] = "tries";
static const char KEY_DEFER[] = "defer";
#define DEFER_BYTES (1u + 8u + 4u) /* version, until, CRC */

/* *in is empty when the key is absent. */
static enum ota_status get(struct ota_agent *a, const char *key, struct ota_span *in, struct ota_err *err) {
    const struct ota_kv *kv = a->cfg.kv;
    size_t len = 0;
    enum ota_status status = kv->get(kv->ctx, key, a->scratch.bytes, sizeof a->scratch.bytes, &len, err);
    if (status == OTA_NOT_FOUND) {
        *in = (struct ota_span){0};
        return OTA_OK;
    }
    *in = (struct ota_span){a->scratch.bytes, len};
    return status == OTA_OK ? OTA_OK : ota_err_prefix(err, "record %s", key);
}

static enum ota_status put(struct ota_agent *a, const char *key, size_t len, struct ota_err *err) {
    const struct ota_kv *kv = a->cfg.kv;
    if (kv->set(kv->ctx, key, a->scratch.bytes, len, err) != OTA_OK)
        return ota_err_prefix(err, "record %s", key);
    return OTA_OK;
}

static enum ota_status drop(struct ota_agent *a, const char *key, void *record, size_t size, struct ota_err *err) {
    const struct ota_kv *kv = a->cfg.kv;
    if (kv->erase(kv->ctx, key, err) != OTA_OK)
        return ota_err_prefix(err, "record %s", key);
    memset(record, 0, size);
    return OTA_OK;
}

enum ota_status ota_agent_save_board(struct ota_agent *a, struct ota_err *err) {
    size_t len;
    OTA_TRY(ota_board_encode(&a->board, a->scratch.bytes, sizeof a->scratch.bytes, &len, err));
    return put(a, KEY_BOARD, len, err);
}

enum ota_status ota_agent_save_journal(struct ota_agent *a, struct ota_err *err) {
    size_t len;
    OTA_TRY(ota_journal_encode(&a->journal, a->scratch.bytes, sizeof a->scratch.bytes, &len, err));
    return put(a, KEY_JOURNAL, len, err);
}

enum ota_status ota_agent_drop_journal(struct ota_agent *a, struct ota_err *err) {
    return drop(a, KEY_JOURNAL, &a->journal, sizeof a->journal, err);
}

enum ota_status ota_agent_save_report(struct ota_agent *a, struct ota_err *err) {
    size_t len;
    OTA_TRY(ota_report_encode(&a->report, a->scratch.bytes, sizeof a->scratch.bytes, &len, err));
    return put(a, KEY_REPORT, len, err);
}

enum ota_status ota_agent_save_server(struct ota_agent *a, struct ota_err *err) {
    size_t len;
    OTA_TRY(ota_server_encode(&a->server, a->scratch.bytes, sizeof a->scratch.bytes, &len, err));
    return put(a, KEY_SERVER, len, err);
}

enum ota_status ota_agent_save_tries(struct ota_agent *a, struct ota_err *err) {
    size_t len;
    OTA_TRY(ota_tries_encode(&a->tries, a->scratch.bytes, sizeof a->scratch.bytes, &len, err));
    return put(a, KEY_TRIES, len, err);
}

enum ota_status ota_agent_drop_tries(struct ota_agent *a, struct ota_err *err) {
    return drop(a, KEY_TRIES, &a->tries, sizeof a->tries, err);
}

enum ota_status ota_agent_save_defer(struct ota_agent *a, struct ota_err *err) {
    const struct ota_kv *kv = a->cfg.kv;
    uint8_t bytes[DEFER_BYTES]; /* the application calls while a sector may be filling up in scratch */
    size_t len;
    OTA_TRY(ota_defer_encode(&a->defer, bytes, sizeof bytes, &len, err));
    if (kv->set(kv->ctx, KEY_DEFER, bytes, len, err) != OTA_OK)
        return ota_err_prefix(err, "record %s", KEY_DEFER);
    return OTA_OK;
}

enum ota_status ota_agent_drop_defer(struct ota_agent *a, struct ota_err *err) {
    return drop(a, KEY_DEFER, &a->defer, sizeof a->defer, err);
}

/* A record that cannot be read counts as absent: the board goes on, and what it held is found out again. */
static void set_aside(struct ota_agent *a, void *record, size_t size, const struct ota_err *why) {
    memset(record, 0, size);
    ota_log(a->cfg.log, OTA_LOG_WARNING, "%s: set aside, the board finds out anew", why->msg);
}

enum ota_status ota_agent_load_records(struct ota_agent *a, struct ota_err *err) {
    struct ota_span in;
    OTA_TRY(get(a, KEY_BOARD, &in, err));
    if (in.len > 0 && ota_board_decode(in, &a->board, err) != OTA_OK)
        set_aside(a, &a->board, sizeof a->board, err);
    OTA_TRY(get(a, KEY_JOURNAL, &in, err));
    if (in.len > 0 && ota_journal_decode(in, &a->journal, err) != OTA_OK)
        set_aside(a, &a->journal, sizeof a->journal, err);
    OTA_TRY(get(a, KEY_REPORT, &in, err));
    if (in.len > 0 && ota_report_decode(in, &a->report, err) != OTA_OK) {
        set_aside(a, &a->report, sizeof a->report, err);
        in.len = 0;
    }
    const bool unheard = in.len == 0;
    OTA_TRY(get(a, KEY_SERVER, &in, err));
    if (in.len > 0 && ota_server_decode(in, &a->server, err) != OTA_OK)
        set_aside(a, &a->server, sizeof a->server, err);
    OTA_TRY(get(a, KEY_TRIES, &in, err));
    if (in.len > 0 && ota_tries_decode(in, &a->tries, err) != OTA_OK)
        set_aside(a, &a->tries, sizeof a->tries, err);
    OTA_TRY(get(a, KEY_DEFER, &in, err));
    if (in.len > 0 && ota_defer_decode(in, &a->defer, err) != OTA_OK)
        set_aside(a, &a->defer, sizeof a->defer, err);
    if (unheard)
        a->report.pending = true; /* the fleet hears of a new board at its first run */
    ota_agent_judge_board(a);
    return OTA_OK;
}

void ota_agent_at(struct ota_agent *a, const char *label) {
    ota_format(a->label, sizeof a->label, "%s", label ? label : "");
    a->done = a->total = 0;
}

enum ota_status ota_agent_note(struct ota_agent *a, enum ota_result result, const char *stage, uint32_t counter,
                               const struct ota_err *why, struct ota_err *err) {
    struct ota_report_record *r = &a->report;
    const char *code = ota_status_name(why ? why->code : OTA_OK);
    if (r->result == result && r->counter == counter && strcmp(r->stage, stage) == 0 && strcmp(r->code, code) == 0 &&
        strcmp(r->label, a->label) == 0)
        return OTA_OK;
    r->pending = true;
    r->result = result;
    r->counter = counter;
    ota_format(r->stage, sizeof r->stage, "%s", stage);
    ota_format(r->code, sizeof r->code, "%s", code);
    ota_format(r->message, sizeof r->message, "%s", why ? why->msg : "");
    ota_format(r->label, sizeof r->label, "%s", a->label);
    return ota_agent_save_report(a, err);
}

static struct ota_installed *find(struct ota_board_record *b, const char *label) {
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->installed[i].label, label) == 0)
            return &b->installed[i];
    return NULL;
}

const struct ota_installed *ota_agent_installed(const struct ota_agent *a, const char *label) {
    for (size_t i = 0; i < a->board.count; i++)
        if (strcmp(a->board.installed[i].label, label) == 0)
            return &a->board.installed[i];
    return NULL;
}

/* A new label in a full record takes the place of the one that was installed longest ago. */
static struct ota_installed *room_for(struct ota_board_record *b) {
    if (b->count < OTA_BOARD_LABELS_MAX)
        return &b->installed[b->count++];
    struct ota_installed *oldest = &b->installed[0];
    for (size_t i = 1; i < b->count; i++)
        if (b->installed[i].counter < oldest->counter)
            oldest = &b->installed[i];
    return oldest;
}

void ota_agent_set_installed(struct ota_agent *a, const struct ota_journal_step *s, uint32_t counter) {
    struct ota_installed *at = find(&a->board, s->image.label);
    if (!at)
        at = room_for(&a->board);
    memset(at, 0, sizeof *at);
    ota_format(at->label, sizeof at->label, "%s", s->image.label);
    at->counter = counter;
    at->offset = s->dest_offset;
    at->size = s->dest_size;
    at->length = s->image.length;
    memcpy(at->sha256, s->image.sha256, sizeof at->sha256);
}

void ota_agent_forget_installed(struct ota_agent *a, const char *label) {
    struct ota_installed *at = find(&a->board, label);
    if (!at)
        return;
    *at = a->board.installed[--a->board.count];
    memset(&a->board.installed[a->board.count], 0, sizeof *at);
}

void ota_agent_judge_board(struct ota_agent *a) {
    a->counter_unknown = a->board.counter == 0;
    a->mixed = false;
    for (size_t i = 0; i < a->board.count; i++)
        if (!a->counter_unknown && a->board.installed[i].counter > a->board.counter)
            a->mixed = true;
}
