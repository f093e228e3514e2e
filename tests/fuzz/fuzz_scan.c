/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonicaliser and scanner. What is accepted does not grow, is a fixed point, passes the check of canonical form,
 * can be walked whole, and equals what the writer makes of the walked values, in canonical and in wire form.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define WALK_DEPTH_MAX (OTA_SCAN_DEPTH_MAX + 1u)

static bool copy_value(const struct ota_value *v, struct ota_json *out, unsigned depth);

static void copy_key(struct ota_span raw, struct ota_json *out) {
    struct ota_value quoted = {OTA_TOKEN_STRING, {raw.p - 1, raw.len + 2}};
    char key[OTA_SCAN_KEY_MAX + 1];
    struct ota_err err;
    if (ota_scan_string(&quoted, "key", key, sizeof key, NULL, &err) != OTA_OK)
        out->bad = true;
    else
        ota_json_key(out, key);
}

static bool copy_object(const struct ota_value *v, struct ota_json *out, unsigned depth) {
    struct ota_scan it;
    struct ota_span key;
    struct ota_value member;
    struct ota_err err;
    bool more = true;
    ota_json_object(out);
    if (ota_scan_object(v, &it, &err) != OTA_OK)
        return false;
    while (more) {
        if (ota_scan_next_member(&it, &key, &member, &more, &err) != OTA_OK)
            return false;
        if (!more)
            break;
        copy_key(key, out);
        if (!copy_value(&member, out, depth + 1))
            return false;
    }
    ota_json_object_end(out);
    return true;
}

static bool copy_array(const struct ota_value *v, struct ota_json *out, unsigned depth) {
    struct ota_scan it;
    struct ota_value element;
    struct ota_err err;
    bool more = true;
    ota_json_array(out);
    if (ota_scan_array(v, &it, &err) != OTA_OK)
        return false;
    while (more) {
        if (ota_scan_next_element(&it, &element, &more, &err) != OTA_OK ||
            (more && !copy_value(&element, out, depth + 1)))
            return false;
    }
    ota_json_array_end(out);
    return true;
}

static bool copy_string(const struct ota_value *v, struct ota_json *out) {
    struct ota_err err;
    size_t len;
    char *text = (char *)fuzz_copy(v->raw.p, v->raw.len);
    bool good = ota_scan_string(v, "text", text, v->raw.len, &len, &err) == OTA_OK;
    if (good)
        ota_json_span(out, (struct ota_span){(uint8_t *)text, len});
    free(text);
    return good;
}

static bool copy_integer(const struct ota_value *v, struct ota_json *out) {
    struct ota_err err;
    uint64_t n;
    if (v->raw.p[0] == '-') {
        fuzz_promise(ota_scan_u64(v, "n", 0, UINT64_MAX, &n, &err) != OTA_OK);
        ota_json_raw(out, v->raw);
        return true;
    }
    if (ota_scan_u64(v, "n", 0, UINT64_MAX, &n, &err) != OTA_OK)
        return false;
    ota_json_u64(out, n);
    return true;
}

static bool copy_value(const struct ota_value *v, struct ota_json *out, unsigned depth) {
    if (depth > WALK_DEPTH_MAX)
        return false;
    switch (v->token) {
    case OTA_TOKEN_OBJECT:
        return copy_object(v, out, depth);
    case OTA_TOKEN_ARRAY:
        return copy_array(v, out, depth);
    case OTA_TOKEN_STRING:
        return copy_string(v, out);
    case OTA_TOKEN_INTEGER:
        return copy_integer(v, out);
    case OTA_TOKEN_TRUE:
    case OTA_TOKEN_FALSE:
        ota_json_bool(out, v->token == OTA_TOKEN_TRUE);
        return true;
    case OTA_TOKEN_NULL:
        ota_json_null(out);
        return true;
    }
    return false;
}

/* Writes what the walk reads; false when the walk fails. The caller frees *text. */
static bool rewrite(struct ota_span bytes, bool canonical, char **text, size_t *len) {
    struct ota_value v;
    struct ota_err err;
    struct ota_json out;
    size_t cap = 6 * bytes.len + 16; /* \u00XX is the longest escape */
    *text = (char *)calloc(1, cap);
    ota_json_init(&out, *text, cap, canonical);
    bool whole = ota_scan_value(bytes, &v, &err) == OTA_OK && copy_value(&v, &out, 0);
    fuzz_promise(!whole || !out.bad || bytes.len > OTA_SCAN_KEY_MAX);
    *len = out.len;
    return whole && !out.bad;
}

static bool has_control(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] < 0x20)
            return true;
    return false;
}

/* bytes: what was accepted, in canonical form. */
static void check_canonical(uint8_t *bytes, size_t len) {
    struct ota_err err;
    char *text;
    size_t text_len;
    fuzz_promise(ota_scan_check_canonical(bytes, len, &err) == OTA_OK);
    fuzz_promise(rewrite((struct ota_span){bytes, len}, true, &text, &text_len));
    fuzz_promise(text_len == len && memcmp(text, bytes, len) == 0);
    free(text);
    fuzz_promise(rewrite((struct ota_span){bytes, len}, false, &text, &text_len));
    fuzz_promise(ota_scan_canonicalize((uint8_t *)text, &text_len, &err) == OTA_OK);
    fuzz_promise(text_len == len && memcmp(text, bytes, len) == 0);
    free(text);
}

/* The check changes nothing, and canonical input without raw control bytes is wire form, too, that stays as it is. */
static void check_untouched(const uint8_t *data, size_t size) {
    struct ota_err err;
    uint8_t *copy = fuzz_copy(data, size);
    size_t len = size;
    bool canonical = ota_scan_check_canonical(copy, size, &err) == OTA_OK;
    fuzz_promise(!canonical || memcmp(copy, data, size) == 0);
    if (canonical && !has_control(data, size)) {
        fuzz_promise(ota_scan_canonicalize(copy, &len, &err) == OTA_OK);
        fuzz_promise(len == size && memcmp(copy, data, size) == 0);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ota_err err;
    char *text;
    size_t len = size;
    uint8_t *copy = fuzz_copy(data, size);
    rewrite((struct ota_span){copy, size}, true, &text, &len); /* any bytes: no promise but to stay inside */
    free(text);
    len = size;
    if (ota_scan_canonicalize(copy, &len, &err) == OTA_OK) {
        fuzz_promise(len <= size);
        uint8_t *canonical = fuzz_copy(copy, len);
        check_canonical(canonical, len);
        free(canonical);
    }
    free(copy);
    check_untouched(data, size);
    return 0;
}
