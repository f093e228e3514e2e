/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports of boards: JSON into rows.
 *
 * A member that is absent counts as empty, one of an unknown name is ignored (newer agents may tell more), one of the
 * wrong type or size is refused. Text with control characters, those of direction too, is refused: it will be shown
 * on terminals.
 */
#include "store/fleet_db.h"

#include <string.h>
#include <time.h>

#include "host/json_tree.h"
#include "host/printable.h"

#define QUARANTINE_MAX 1000
#define HISTORY_MAX 50 /* reports kept per board */
#define LABELS_MAX 32
#define INTEGER_MAX 9007199254740991.0 /* largest that a JSON number carries exactly */

struct label {
    char label[OTA_LABEL_MAX + 1], sha256[OTA_SHA256_HEX_LEN + 1];
    uint64_t counter;
};
struct last {
    char code[24], label[OTA_LABEL_MAX + 1], message[160], result[24], stage[24];
    uint64_t counter;
};
struct report {
    char agent[64], channel[OTA_NAME_MAX + 1], chip[OTA_CHIP_NAME_MAX + 1], product[OTA_NAME_MAX + 1], state[24],
        stream[33], table[OTA_SHA256_HEX_LEN + 1], version[OTA_VERSION_MAX + 1];
    uint64_t counter, number, secure_version, time;
    bool counter_unknown, mixed, time_unverified;
    struct last last;
    size_t label_count;
    struct label labels[LABELS_MAX];
};

enum kind { TEXT, NUMBER, FLAG };
struct field {
    const char *name;
    enum kind kind;
    size_t offset, size;
    double max;
};
#define TEXT_FIELD(s, m, json) \
    { json, TEXT, offsetof(struct s, m), sizeof(((struct s *)0)->m), 0 }
#define NUMBER_FIELD(s, m, max) \
    { #m, NUMBER, offsetof(struct s, m), 0, max }
#define FLAG_FIELD(s, m) \
    { #m, FLAG, offsetof(struct s, m), 0, 0 }

static const struct field report_fields[] = {
    TEXT_FIELD(report, agent, "agent"),
    TEXT_FIELD(report, channel, "channel"),
    TEXT_FIELD(report, chip, "chip"),
    TEXT_FIELD(report, product, "product"),
    TEXT_FIELD(report, state, "state"),
    TEXT_FIELD(report, stream, "stream"),
    TEXT_FIELD(report, table, "table"),
    TEXT_FIELD(report, version, "version"),
    NUMBER_FIELD(report, counter, OTA_COUNTER_MAX),
    NUMBER_FIELD(report, number, UINT32_MAX),
    NUMBER_FIELD(report, secure_version, UINT32_MAX),
    NUMBER_FIELD(report, time, INTEGER_MAX),
    FLAG_FIELD(report, counter_unknown),
    FLAG_FIELD(report, mixed),
    FLAG_FIELD(report, time_unverified),
    {0},
};
static const struct field last_fields[] = {
    TEXT_FIELD(last, code, "code"),
    TEXT_FIELD(last, label, "label"),
    TEXT_FIELD(last, message, "message"),
    TEXT_FIELD(last, result, "result"),
    TEXT_FIELD(last, stage, "stage"),
    NUMBER_FIELD(last, counter, OTA_COUNTER_MAX),
    {0},
};
static const struct field label_fields[] = {
    TEXT_FIELD(label, label, "label"),
    TEXT_FIELD(label, sha256, "sha256"),
    NUMBER_FIELD(label, counter, OTA_COUNTER_MAX),
    {0},
};

/* A stored text is shown in tables and on pages, too: beside what a terminal must not see, no Arabic letter mark
 * (U+061C) and no line or paragraph separator (U+2028, U+2029). */
static bool fit_to_show(const char *text) {
    return ota_printable(text) && !strstr(text, "\xD8\x9C") && !strstr(text, "\xE2\x80\xA8") &&
           !strstr(text, "\xE2\x80\xA9");
}

/* A message is for people: what does not fit is cut, at a character boundary. Names and digests must fit. */
static bool take_text(const cJSON *v, const struct field *f, char *out) {
    if (!cJSON_IsString(v) || !fit_to_show(v->valuestring))
        return false;
    (void)ota_format(out, f->size, "%s", v->valuestring);
    return strlen(v->valuestring) < f->size || strcmp(f->name, "message") == 0;
}

static bool take_number(const cJSON *v, const struct field *f, uint64_t *out) {
    if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= f->max))
        return false;
    *out = (uint64_t)v->valuedouble;
    return (double)*out == v->valuedouble;
}

static bool take(const cJSON *v, const struct field *f, void *into) {
    void *place = (char *)into + f->offset;
    switch (f->kind) {
    case TEXT:
        return take_text(v, f, place);
    case NUMBER:
        return take_number(v, f, place);
    case FLAG:
        *(bool *)place = cJSON_IsTrue(v);
        return cJSON_IsBool(v);
    }
    return false;
}

static enum ota_status read_fields(const cJSON *object, const struct field *fields, void *into, struct ota_err *err) {
    if (!cJSON_IsObject(object))
        return ota_err_set(err, OTA_ARGUMENT, "a JSON object is wanted");
    for (const struct field *f = fields; f->name; f++) {
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, f->name);
        if (v && !take(v, f, into))
            return ota_err_set(err, OTA_ARGUMENT, "\"%s\" is of the wrong type, too long or out of range", f->name);
    }
    return OTA_OK;
}

static enum ota_status read_labels(const cJSON *array, struct report *r, struct ota_err *err) {
    const cJSON *item;
    if (array && !cJSON_IsArray(array))
        return ota_err_set(err, OTA_ARGUMENT, "\"labels\" is not an array");
    cJSON_ArrayForEach(item, array) {
        if (r->label_count == LABELS_MAX)
            return ota_err_set(err, OTA_ARGUMENT, "more than %d labels", LABELS_MAX);
        enum ota_status st = read_fields(item, label_fields, &r->labels[r->label_count++], err);
        if (st != OTA_OK)
            return ota_err_prefix(err, "labels");
    }
    return OTA_OK;
}

static enum ota_status read_report(struct ota_span body, struct report *r, struct ota_err *err) {
    OTA_CLEAN(ota_json_tree_free) cJSON *tree = NULL;
    memset(r, 0, sizeof *r);
    OTA_TRY(ota_json_tree_parse(body, "report", OTA_REPORT_MAX, &tree, err));
    OTA_TRY(read_fields(tree, report_fields, r, err));
    const cJSON *last = cJSON_GetObjectItemCaseSensitive(tree, "last");
    if (last && read_fields(last, last_fields, &r->last, err) != OTA_OK)
        return ota_err_prefix(err, "last");
    OTA_TRY(read_labels(cJSON_GetObjectItemCaseSensitive(tree, "labels"), r, err));
    if (!ota_name_valid(ota_span_str(r->product)) || (r->channel[0] && !ota_name_valid(ota_span_str(r->channel))))
        return ota_err_set(err, OTA_ARGUMENT, "\"product\" or \"channel\" is not a name");
    if (!r->stream[0] || !r->number)
        return ota_err_set(err, OTA_ARGUMENT, "\"stream\" or \"number\" is missing");
    return OTA_OK;
}

static enum ota_status put_history(struct ota_fleet *f, const char *id, const struct report *r, bool *fresh,
                                   struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_REPORT_ADD, &s, err));
    ota_fleet_bind_text(s, 1, id);
    ota_fleet_bind_text(s, 2, r->stream);
    (void)sqlite3_bind_int64(s, 3, (sqlite3_int64)r->number);
    (void)sqlite3_bind_int64(s, 4, (sqlite3_int64)time(NULL));
    (void)sqlite3_bind_int64(s, 5, (sqlite3_int64)r->last.counter);
    ota_fleet_bind_text(s, 6, r->last.result);
    ota_fleet_bind_text(s, 7, r->last.code);
    ota_fleet_bind_text(s, 8, r->last.stage);
    ota_fleet_bind_text(s, 9, r->last.label);
    ota_fleet_bind_text(s, 10, r->last.message);
    OTA_TRY(ota_fleet_step(f, s, err));
    *fresh = sqlite3_changes(f->db) > 0;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_REPORT_PRUNE, &s, err));
    ota_fleet_bind_text(s, 1, id);
    (void)sqlite3_bind_int(s, 2, HISTORY_MAX);
    return ota_fleet_step(f, s, err);
}

static enum ota_status put_current(struct ota_fleet *f, const char *id, const struct report *r, bool *newest,
                                   struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_DEVICE_REPORTED, &s, err));
    ota_fleet_bind_text(s, 1, id);
    ota_fleet_bind_text(s, 2, r->stream);
    (void)sqlite3_bind_int64(s, 3, (sqlite3_int64)r->number);
    ota_fleet_bind_text(s, 4, r->product);
    ota_fleet_bind_text(s, 5, r->channel);
    ota_fleet_bind_text(s, 6, r->agent);
    ota_fleet_bind_text(s, 7, r->chip);
    (void)sqlite3_bind_int64(s, 8, (sqlite3_int64)r->counter);
    (void)sqlite3_bind_int(s, 9, r->counter_unknown);
    ota_fleet_bind_text(s, 10, r->version);
    ota_fleet_bind_text(s, 11, r->state);
    (void)sqlite3_bind_int64(s, 12, (sqlite3_int64)r->secure_version);
    ota_fleet_bind_text(s, 13, r->table);
    (void)sqlite3_bind_int64(s, 14, (sqlite3_int64)r->time);
    (void)sqlite3_bind_int(s, 15, r->time_unverified);
    (void)sqlite3_bind_int(s, 16, r->mixed);
    ota_fleet_bind_text(s, 17, r->last.result);
    ota_fleet_bind_text(s, 18, r->last.code);
    ota_fleet_bind_text(s, 19, r->last.message);
    ota_fleet_bind_text(s, 20, r->last.stage);
    ota_fleet_bind_text(s, 21, r->last.label);
    (void)sqlite3_bind_int64(s, 22, (sqlite3_int64)r->last.counter);
    OTA_TRY(ota_fleet_step(f, s, err));
    *newest = sqlite3_changes(f->db) > 0;
    return OTA_OK;
}

static enum ota_status put_labels(struct ota_fleet *f, const char *id, const struct report *r, struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_LABEL_CLEAR, &s, err));
    ota_fleet_bind_text(s, 1, id);
    OTA_TRY(ota_fleet_step(f, s, err));
    for (size_t i = 0; i < r->label_count; i++) {
        OTA_TRY(ota_fleet_statement(f, OTA_FLEET_LABEL_ADD, &s, err));
        ota_fleet_bind_text(s, 1, id);
        ota_fleet_bind_text(s, 2, r->labels[i].label);
        (void)sqlite3_bind_int64(s, 3, (sqlite3_int64)r->labels[i].counter);
        ota_fleet_bind_text(s, 4, r->labels[i].sha256);
        OTA_TRY(ota_fleet_step(f, s, err));
    }
    return OTA_OK;
}

static enum ota_status put_known(struct ota_fleet *f, const char *id, const struct report *r, const char *address,
                                 struct ota_err *err) {
    bool fresh = false, newest = false;
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_DEVICE_SEEN, &s, err));
    ota_fleet_bind_text(s, 1, id);
    (void)sqlite3_bind_int64(s, 2, (sqlite3_int64)time(NULL));
    ota_fleet_bind_text(s, 3, address);
    OTA_TRY(ota_fleet_step(f, s, err));
    if (sqlite3_changes(f->db) == 0)
        return ota_err_set(err, OTA_NOT_FOUND, "board %s was removed meanwhile", id);
    OTA_TRY(put_history(f, id, r, &fresh, err));
    if (fresh)
        OTA_TRY(put_current(f, id, r, &newest, err));
    return newest ? put_labels(f, id, r, err) : OTA_OK;
}

static enum ota_status put_stranger(struct ota_fleet *f, const char *id, const struct report *r, const char *address,
                                    struct ota_err *err) {
    sqlite3_stmt *s;
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_STRANGER_ADD, &s, err));
    ota_fleet_bind_text(s, 1, id);
    ota_fleet_bind_text(s, 2, r->product);
    ota_fleet_bind_text(s, 3, address);
    (void)sqlite3_bind_int64(s, 4, (sqlite3_int64)time(NULL));
    OTA_TRY(ota_fleet_step(f, s, err));
    OTA_TRY(ota_fleet_statement(f, OTA_FLEET_STRANGER_PRUNE, &s, err));
    (void)sqlite3_bind_int(s, 1, QUARANTINE_MAX);
    return ota_fleet_step(f, s, err);
}

static enum ota_status put(struct ota_fleet *f, const char *id, const struct report *r, const char *address,
                           bool quarantine, struct ota_err *err) {
    struct ota_err second;
    OTA_TRY(ota_fleet_simple(f, OTA_FLEET_BEGIN, err));
    enum ota_status st = quarantine ? put_stranger(f, id, r, address, err) : put_known(f, id, r, address, err);
    if (st == OTA_OK)
        st = ota_fleet_simple(f, OTA_FLEET_COMMIT, err);
    if (st != OTA_OK)
        (void)!ota_fleet_simple(f, OTA_FLEET_ROLLBACK, &second);
    return st;
}

enum ota_status ota_fleet_report(struct ota_fleet *f, const char *id, struct ota_span body, const char *address,
                                 bool quarantine, struct ota_err *err) {
    struct report r;
    OTA_TRY(read_report(body, &r, err));
    OTA_TRY(ota_fleet_lock(f, err));
    enum ota_status st = put(f, id, &r, address, quarantine, err);
    ota_fleet_unlock(f);
    return st;
}
