/* SPDX-License-Identifier: Apache-2.0 */
/* The gate before cJSON. */
#include "host/json_tree.h"

#include <string.h>

#include "core/utf8.h"

bool ota_utf8_valid(struct ota_span text) {
    for (size_t i = 0; i < text.len;) {
        size_t n = ota_utf8_length(text.p + i, text.len - i);
        if (n == 0 || text.p[i] == 0)
            return false;
        i += n;
    }
    return true;
}

static size_t digits(struct ota_span t, size_t at) {
    size_t n = 0;
    while (at + n < t.len && t.p[at + n] >= '0' && t.p[at + n] <= '9')
        n++;
    return n;
}

/* Length of the number at `at` (RFC 8259 6), 0 when it is none or does not end where a value may. cJSON takes
 * whatever strtod() does. */
static size_t number_length(struct ota_span t, size_t at) {
    size_t i = at + (t.p[at] == '-'), n = digits(t, i);
    if (n == 0 || (n > 1 && t.p[i] == '0'))
        return 0;
    i += n;
    if (i < t.len && t.p[i] == '.') {
        n = digits(t, ++i);
        if (n == 0)
            return 0;
        i += n;
    }
    if (i < t.len && (t.p[i] == 'e' || t.p[i] == 'E')) {
        i++;
        if (i < t.len && (t.p[i] == '+' || t.p[i] == '-'))
            i++;
        n = digits(t, i);
        if (n == 0)
            return 0;
        i += n;
    }
    return i == t.len || memchr(" \t\r\n,]}", t.p[i], 7) ? i - at : 0;
}

/* Depth of nesting, numbers, and what may not stand in a string; the rest of the grammar is left to cJSON. */
static enum ota_status check_text(struct ota_span t, const char *name, struct ota_err *err) {
    bool in_string = false;
    unsigned depth = 0;
    for (size_t i = 0; i < t.len; i++) {
        uint8_t c = t.p[i];
        if (in_string && c < 0x20)
            return ota_err_set(err, OTA_JSON_SYNTAX, "%s: byte %zu: a control character in a string", name, i);
        if (in_string && c == '\\') {
            if (t.len - i >= 6 && memcmp(t.p + i, "\\u0000", 6) == 0)
                return ota_err_set(err, OTA_JSON_UTF8, "%s: byte %zu: \\u0000 in a string", name, i);
            i++;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '{' || c == '[')) {
            if (++depth > OTA_JSON_TREE_DEPTH_MAX)
                return ota_err_set(err, OTA_JSON_DEPTH, "%s: byte %zu: nested more than %u deep", name, i,
                                   OTA_JSON_TREE_DEPTH_MAX);
        } else if (!in_string && (c == '-' || (c >= '0' && c <= '9'))) {
            size_t n = number_length(t, i);
            if (n == 0)
                return ota_err_set(err, OTA_JSON_NUMBER, "%s: byte %zu: not a JSON number", name, i);
            i += n - 1;
        } else if (!in_string && (c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return OTA_OK;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum ota_status check_object_keys(const cJSON *object, const char *name, struct ota_err *err) {
    size_t n = 0, i = 0;
    for (const cJSON *m = object->child; m; m = m->next)
        n++;
    if (n < 2)
        return OTA_OK;
    OTA_CLEAN_FREE const char **keys = calloc(n, sizeof *keys);
    if (!keys)
        return ota_err_set(err, OTA_MEMORY, "%s: out of memory", name);
    for (const cJSON *m = object->child; m; m = m->next)
        keys[i++] = m->string;
    qsort(keys, n, sizeof *keys, by_text);
    for (i = 1; i < n; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            return ota_err_set(err, OTA_JSON_KEYS, "%s: the key \"%.64s\" appears twice", name, keys[i]);
    return OTA_OK;
}

/* Recursion is bounded: check_text() has bounded the depth. */
static enum ota_status check_keys(const cJSON *value, const char *name, struct ota_err *err) {
    if (cJSON_IsObject(value))
        OTA_TRY(check_object_keys(value, name, err));
    for (const cJSON *child = value->child; child; child = child->next)
        OTA_TRY(check_keys(child, name, err));
    return OTA_OK;
}

static bool only_blanks(const char *p, const char *end) {
    while (p < end && strchr(" \t\r\n", *p) && *p)
        p++;
    return p == end;
}

enum ota_status ota_json_tree_parse(struct ota_span text, const char *name, size_t max, cJSON **out,
                                    struct ota_err *err) {
    if (text.len > max)
        return ota_err_set(err, OTA_TOO_LARGE, "%s: %zu bytes of JSON, over the cap of %zu", name, text.len, max);
    if (!ota_utf8_valid(text))
        return ota_err_set(err, OTA_JSON_UTF8, "%s: not UTF-8 text", name);
    OTA_TRY(check_text(text, name, err));
    const char *begin = (const char *)text.p, *end = NULL;
    OTA_CLEAN(ota_json_tree_free) cJSON *tree = text.len ? cJSON_ParseWithLengthOpts(begin, text.len, &end, 0) : NULL;
    if (!tree)
        return ota_err_set(err, OTA_JSON_SYNTAX, "%s: not JSON (near byte %zu)", name,
                           end && end >= begin ? (size_t)(end - begin) : 0u);
    if (!only_blanks(end, begin + text.len))
        return ota_err_set(err, OTA_JSON_TRAILING, "%s: bytes after the JSON value", name);
    OTA_TRY(check_keys(tree, name, err));
    *out = OTA_STEAL(tree);
    return OTA_OK;
}

void ota_json_tree_free(cJSON **tree) {
    cJSON_Delete(*tree);
    *tree = NULL;
}

const cJSON *ota_json_tree_object(const cJSON *object, const char *name) {
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsObject(m) ? m : NULL;
}

const char *ota_json_tree_string(const cJSON *object, const char *name) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}
