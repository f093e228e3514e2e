/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pull scanner for JSON without a tree and without a heap, and the OLPC canonical form of it.
 *
 * One grammar, two modes. WIRE is RFC 8259 (escapes, foreign white space). CANONICAL is what TUF signs
 * (OLPC canonical JSON: sorted keys, no white space, raw bytes in strings, only '"' and '\' escaped).
 * Both refuse: unsorted or duplicate keys, floats, exponents, "-0", leading zeros, more than 15 digits, bad UTF-8,
 * \u0000, lone surrogates, depth over 16, bytes after the value.
 *
 * The verifier turns a received buffer into canonical form in place (never longer than the input),
 * checks signatures over a span of those bytes, and reads those same bytes with the same scanner.
 */
#ifndef OTA_SCAN_H
#define OTA_SCAN_H

#include "ota/bytes.h"
#include "ota/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_SCAN_DEPTH_MAX 16u
#define OTA_SCAN_DIGITS_MAX 15u
#define OTA_SCAN_KEY_MAX 256u /* bytes of one object key, decoded */

/* Rewrites buf[0..*len) from wire form to canonical form; *len becomes the new length (<= old). On error the
 * contents of buf are undefined. Errors: the JSON_* codes; the message has the offset. */
OTA_MUST_USE enum ota_status ota_scan_canonicalize(uint8_t *buf, size_t *len, struct ota_err *err);
/* Checks that buf[0..len) is canonical form already (bytes that were kept in a store). Same errors; buf is not
 * changed. */
OTA_MUST_USE enum ota_status ota_scan_check_canonical(uint8_t *buf, size_t len, struct ota_err *err);

enum ota_token {
    OTA_TOKEN_OBJECT,
    OTA_TOKEN_ARRAY,
    OTA_TOKEN_STRING,
    OTA_TOKEN_INTEGER,
    OTA_TOKEN_TRUE,
    OTA_TOKEN_FALSE,
    OTA_TOKEN_NULL,
};

/* One value: its kind and the canonical bytes it covers (strings with their quotes). */
struct ota_value {
    enum ota_token token;
    struct ota_span raw;
};

/* A cursor over canonical bytes; made by the functions below, copied freely. */
struct ota_scan {
    const uint8_t *p;
    size_t len, pos;
    bool first;
};

/* The single value that fills `canonical` wholly. The bytes must come from ota_scan_canonicalize() or have passed
 * ota_scan_check_canonical(). */
OTA_MUST_USE enum ota_status ota_scan_value(struct ota_span canonical, struct ota_value *out, struct ota_err *err);

/* Iterate: open (METADATA_TYPE if the value is of another kind), then next until *more is false.
 * A key is raw: its bytes between the quotes, still with \" and \\ . Compare with ota_span_equal_str(). */
OTA_MUST_USE enum ota_status ota_scan_object(const struct ota_value *v, struct ota_scan *it, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_scan_next_member(struct ota_scan *it, struct ota_span *key, struct ota_value *v,
                                                  bool *more, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_scan_array(const struct ota_value *v, struct ota_scan *it, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_scan_next_element(struct ota_scan *it, struct ota_value *v, bool *more,
                                                   struct ota_err *err);

/* Member of an object by name. The optional form sets *found; the other fails with METADATA_FIELD. */
OTA_MUST_USE enum ota_status ota_scan_find(const struct ota_value *object, const char *name, struct ota_value *out,
                                           bool *found, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_scan_get(const struct ota_value *object, const char *name, struct ota_value *out,
                                          struct ota_err *err);

/* Typed reads. `what` names the field in the message. Wrong kind: METADATA_TYPE; out of range: METADATA_FIELD.
 * ota_scan_text() gives the bytes between the quotes and refuses values that contain an escape (\" or \\):
 * names, digests and dates never do. ota_scan_string() undoes the escapes into out[cap], NUL-terminated. */
OTA_MUST_USE enum ota_status ota_scan_text(const struct ota_value *v, const char *what, struct ota_span *out,
                                           struct ota_err *err);
/* The bytes between the quotes as they stand, escapes and all: to be compared with other raw ones, object keys too. */
OTA_MUST_USE enum ota_status ota_scan_raw(const struct ota_value *v, const char *what, struct ota_span *out,
                                          struct ota_err *err);
OTA_MUST_USE enum ota_status ota_scan_string(const struct ota_value *v, const char *what, char *out, size_t cap,
                                             size_t *len, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_scan_u64(const struct ota_value *v, const char *what, uint64_t min, uint64_t max,
                                          uint64_t *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_scan_bool(const struct ota_value *v, const char *what, bool *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_scan_sha256(const struct ota_value *v, const char *what, uint8_t out[OTA_SHA256_LEN],
                                             struct ota_err *err);
OTA_MUST_USE enum ota_status ota_scan_time(const struct ota_value *v, const char *what, uint64_t *unix_seconds,
                                           struct ota_err *err);

/* ---- writing ------------------------------------------------------------------------------------------- */

/* Compact JSON into a fixed buffer. The caller gives keys in sorted order where it matters (signed metadata).
 * After an overrun `bad` is set and the rest is dropped: check it once at the end. In canonical form strings
 * are written raw (only '"' and '\' escaped), else as RFC 8259 wants them. */
struct ota_json {
    char *p;
    size_t cap, len;
    bool canonical;
    bool bad;
    bool comma;
};
void ota_json_init(struct ota_json *j, char *p, size_t cap, bool canonical);
void ota_json_object(struct ota_json *j);
void ota_json_object_end(struct ota_json *j);
void ota_json_array(struct ota_json *j);
void ota_json_array_end(struct ota_json *j);
void ota_json_key(struct ota_json *j, const char *key);
void ota_json_str(struct ota_json *j, const char *s);
void ota_json_span(struct ota_json *j, struct ota_span s); /* a string; invalid UTF-8 becomes U+FFFD */
void ota_json_u64(struct ota_json *j, uint64_t v);
void ota_json_bool(struct ota_json *j, bool v);
void ota_json_null(struct ota_json *j);
void ota_json_hex(struct ota_json *j, const uint8_t *p, size_t n); /* a string of lower-case hex */
void ota_json_raw(struct ota_json *j, struct ota_span value);      /* a value already in JSON form */
/* A member: key and value. */
void ota_json_put_str(struct ota_json *j, const char *key, const char *value);
void ota_json_put_u64(struct ota_json *j, const char *key, uint64_t value);
void ota_json_put_bool(struct ota_json *j, const char *key, bool value);

#ifdef __cplusplus
}
#endif

#endif
