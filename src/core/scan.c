/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cursor over canonical bytes. The grammar was checked when the bytes were canonicalised; every step here is bounded
 * all the same, so that a span of anything else gives an error and never a read outside of it.
 */
#include "ota/scan.h"

#include <string.h>

static enum ota_status broken(struct ota_err *err) {
    return ota_err_set(err, OTA_JSON_SYNTAX, "not canonical JSON");
}

/* End of the string that opens at p[at], or 0. */
static size_t string_end(const uint8_t *p, size_t len, size_t at) {
    for (size_t i = at + 1; i < len; i++) {
        if (p[i] == '\\')
            i++;
        else if (p[i] == '"')
            return i + 1;
    }
    return 0;
}

/* End of the container that opens at p[at], or 0. */
static size_t container_end(const uint8_t *p, size_t len, size_t at) {
    size_t depth = 0;
    for (size_t i = at; i < len;) {
        uint8_t b = p[i];
        if (b == '"') {
            i = string_end(p, len, i);
            if (i == 0)
                return 0;
            continue;
        }
        i++;
        if (b == '{' || b == '[')
            depth++;
        else if ((b == '}' || b == ']') && --depth == 0)
            return i;
    }
    return 0;
}

static size_t number_end(const uint8_t *p, size_t len, size_t at) {
    size_t i = at + (p[at] == '-');
    while (i < len && p[i] >= '0' && p[i] <= '9')
        i++;
    return i;
}

static enum ota_status value_at(const uint8_t *p, size_t len, size_t at, struct ota_value *out, struct ota_err *err) {
    if (at >= len)
        return broken(err);
    size_t end;
    switch (p[at]) {
    case '{':
        out->token = OTA_TOKEN_OBJECT;
        end = container_end(p, len, at);
        break;
    case '[':
        out->token = OTA_TOKEN_ARRAY;
        end = container_end(p, len, at);
        break;
    case '"':
        out->token = OTA_TOKEN_STRING;
        end = string_end(p, len, at);
        break;
    case 't':
        out->token = OTA_TOKEN_TRUE;
        end = at + 4;
        break;
    case 'f':
        out->token = OTA_TOKEN_FALSE;
        end = at + 5;
        break;
    case 'n':
        out->token = OTA_TOKEN_NULL;
        end = at + 4;
        break;
    default:
        out->token = OTA_TOKEN_INTEGER;
        end = number_end(p, len, at);
    }
    if (end <= at || end > len)
        return broken(err);
    out->raw = (struct ota_span){p + at, end - at};
    return OTA_OK;
}

enum ota_status ota_scan_value(struct ota_span canonical, struct ota_value *out, struct ota_err *err) {
    OTA_TRY(value_at(canonical.p, canonical.len, 0, out, err));
    return out->raw.len == canonical.len ? OTA_OK : broken(err);
}

static enum ota_status open_as(const struct ota_value *v, enum ota_token token, struct ota_scan *it,
                               struct ota_err *err) {
    if (v->token != token)
        return ota_err_set(err, OTA_METADATA_TYPE, "expected %s", token == OTA_TOKEN_OBJECT ? "an object" : "an array");
    *it = (struct ota_scan){.p = v->raw.p + 1, .len = v->raw.len - 2, .first = true};
    return OTA_OK;
}

enum ota_status ota_scan_object(const struct ota_value *v, struct ota_scan *it, struct ota_err *err) {
    return open_as(v, OTA_TOKEN_OBJECT, it, err);
}
enum ota_status ota_scan_array(const struct ota_value *v, struct ota_scan *it, struct ota_err *err) {
    return open_as(v, OTA_TOKEN_ARRAY, it, err);
}

/* Passes the comma between two items; *more = false at the end. */
static enum ota_status step(struct ota_scan *it, bool *more, struct ota_err *err) {
    *more = it->pos < it->len;
    if (!*more)
        return OTA_OK;
    if (!it->first && it->p[it->pos++] != ',')
        return broken(err);
    it->first = false;
    return OTA_OK;
}

enum ota_status ota_scan_next_element(struct ota_scan *it, struct ota_value *v, bool *more, struct ota_err *err) {
    OTA_TRY(step(it, more, err));
    if (!*more)
        return OTA_OK;
    OTA_TRY(value_at(it->p, it->len, it->pos, v, err));
    it->pos += v->raw.len;
    return OTA_OK;
}

enum ota_status ota_scan_next_member(struct ota_scan *it, struct ota_span *key, struct ota_value *v, bool *more,
                                     struct ota_err *err) {
    struct ota_value name;
    OTA_TRY(ota_scan_next_element(it, &name, more, err));
    if (!*more)
        return OTA_OK;
    if (name.token != OTA_TOKEN_STRING || it->pos >= it->len || it->p[it->pos] != ':')
        return broken(err);
    it->pos++;
    OTA_TRY(value_at(it->p, it->len, it->pos, v, err));
    it->pos += v->raw.len;
    *key = (struct ota_span){name.raw.p + 1, name.raw.len - 2};
    return OTA_OK;
}

enum ota_status ota_scan_find(const struct ota_value *object, const char *name, struct ota_value *out, bool *found,
                              struct ota_err *err) {
    struct ota_scan it;
    struct ota_span key;
    *found = false;
    if (ota_scan_object(object, &it, err) != OTA_OK)
        return ota_err_prefix(err, "around \"%s\"", name);
    for (bool more = true;;) {
        OTA_TRY(ota_scan_next_member(&it, &key, out, &more, err));
        if (!more)
            return OTA_OK;
        if (ota_span_equal_str(key, name)) {
            *found = true;
            return OTA_OK;
        }
    }
}

enum ota_status ota_scan_get(const struct ota_value *object, const char *name, struct ota_value *out,
                             struct ota_err *err) {
    bool found;
    OTA_TRY(ota_scan_find(object, name, out, &found, err));
    return found ? OTA_OK : ota_err_set(err, OTA_METADATA_FIELD, "\"%s\" is missing", name);
}

static enum ota_status wrong_type(const char *what, const char *wanted, struct ota_err *err) {
    return ota_err_set(err, OTA_METADATA_TYPE, "\"%s\" is not %s", what, wanted);
}

enum ota_status ota_scan_raw(const struct ota_value *v, const char *what, struct ota_span *out, struct ota_err *err) {
    if (v->token != OTA_TOKEN_STRING)
        return wrong_type(what, "a string", err);
    *out = (struct ota_span){v->raw.p + 1, v->raw.len - 2};
    return OTA_OK;
}

enum ota_status ota_scan_text(const struct ota_value *v, const char *what, struct ota_span *out, struct ota_err *err) {
    OTA_TRY(ota_scan_raw(v, what, out, err));
    if (out->len && memchr(out->p, '\\', out->len))
        return ota_err_set(err, OTA_METADATA_FIELD, "\"%s\" contains '\"' or '\\'", what);
    return OTA_OK;
}

enum ota_status ota_scan_string(const struct ota_value *v, const char *what, char *out, size_t cap, size_t *len,
                                struct ota_err *err) {
    if (v->token != OTA_TOKEN_STRING)
        return wrong_type(what, "a string", err);
    size_t n = 0;
    for (size_t i = 1; i + 1 < v->raw.len; i++) {
        i += v->raw.p[i] == '\\';
        if (n + 1 >= cap)
            return ota_err_set(err, OTA_METADATA_FIELD, "\"%s\" is longer than %zu bytes", what, cap - 1);
        out[n++] = (char)v->raw.p[i];
    }
    out[n] = '\0';
    if (len)
        *len = n;
    return OTA_OK;
}

enum ota_status ota_scan_u64(const struct ota_value *v, const char *what, uint64_t min, uint64_t max, uint64_t *out,
                             struct ota_err *err) {
    if (v->token != OTA_TOKEN_INTEGER)
        return wrong_type(what, "a number", err);
    uint64_t n = 0;
    bool negative = v->raw.p[0] == '-';
    for (size_t i = negative; i < v->raw.len && i <= OTA_SCAN_DIGITS_MAX; i++)
        n = n * 10 + (uint64_t)(v->raw.p[i] - '0');
    if (negative || n < min || n > max)
        return ota_err_set(err, OTA_METADATA_FIELD, "\"%s\" is not in %llu..%llu", what, (unsigned long long)min,
                           (unsigned long long)max);
    *out = n;
    return OTA_OK;
}

enum ota_status ota_scan_bool(const struct ota_value *v, const char *what, bool *out, struct ota_err *err) {
    if (v->token != OTA_TOKEN_TRUE && v->token != OTA_TOKEN_FALSE)
        return wrong_type(what, "true or false", err);
    *out = v->token == OTA_TOKEN_TRUE;
    return OTA_OK;
}

enum ota_status ota_scan_sha256(const struct ota_value *v, const char *what, uint8_t out[OTA_SHA256_LEN],
                                struct ota_err *err) {
    struct ota_span text;
    OTA_TRY(ota_scan_text(v, what, &text, err));
    if (!ota_hex_decode(text, out, OTA_SHA256_LEN))
        return ota_err_set(err, OTA_METADATA_FIELD, "\"%s\" is not 64 lower-case hex digits", what);
    return OTA_OK;
}

enum ota_status ota_scan_time(const struct ota_value *v, const char *what, uint64_t *unix_seconds,
                              struct ota_err *err) {
    struct ota_span text;
    OTA_TRY(ota_scan_text(v, what, &text, err));
    if (!ota_time_parse(text, unix_seconds))
        return ota_err_set(err, OTA_METADATA_FIELD, "\"%s\" is not a time like 2026-01-31T12:00:00Z", what);
    return OTA_OK;
}
