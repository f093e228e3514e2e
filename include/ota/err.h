/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status codes and the one error object.
 *
 * A function that can fail returns `enum ota_status` and takes `struct ota_err *err` last (never NULL).
 * On failure it has filled *err; on OTA_OK *err is untouched. Callers add context with ota_err_prefix()
 * ("slot 1: ..."). Only main() and verbs print.
 */
#ifndef OTA_ERR_H
#define OTA_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_ERR_MSG_MAX 256

/* symbol, stable name (reports, problem+json type), exit code, what it means */
#define OTA_STATUS_TABLE(X)                                                                          \
    X(OK, "ok", 0, "done")                                                                           \
    X(USAGE, "usage", 2, "the command line is wrong")                                                \
    X(ARGUMENT, "argument", 1, "a value is out of its range")                                        \
    X(INTERNAL, "internal", 1, "a fault in this program")                                            \
    X(MEMORY, "memory", 1, "out of memory")                                                          \
    X(IO, "io", 1, "a file or folder could not be read or written")                                  \
    X(NO_SPACE, "no-space", 1, "the disk is full")                                                   \
    X(PERMISSION, "permission", 1, "not allowed to read or write")                                   \
    X(NOT_FOUND, "not-found", 1, "it does not exist")                                                \
    X(EXISTS, "exists", 1, "it exists already")                                                      \
    X(BUSY, "busy", 1, "another process holds it, or did not answer in time")                        \
    X(INTERRUPTED, "interrupted", 1, "stopped by a signal")                                          \
    X(WORKSPACE, "workspace", 2, "no workspace here")                                                \
    X(CONFIG, "config", 1, "the configuration is wrong")                                             \
    X(TOO_LARGE, "too-large", 1, "larger than its cap")                                              \
    X(TRUNCATED, "truncated", 1, "ends before it is complete")                                       \
    X(LENGTH, "length", 1, "length differs from the signed one")                                     \
    X(HASH, "hash", 1, "SHA-256 differs from the signed one")                                        \
    X(JSON_SYNTAX, "json-syntax", 1, "not RFC 8259 JSON")                                            \
    X(JSON_UTF8, "json-utf8", 1, "bad UTF-8 or escape in a JSON string")                             \
    X(JSON_NUMBER, "json-number", 1, "a float, an exponent or more than 15 digits")                  \
    X(JSON_KEYS, "json-keys", 1, "unsorted or duplicate JSON keys")                                  \
    X(JSON_DEPTH, "json-depth", 1, "JSON nested too deep")                                           \
    X(JSON_TRAILING, "json-trailing", 1, "bytes after the JSON value")                               \
    X(METADATA_TYPE, "metadata-type", 1, "a role's _type or a field's type is wrong")                \
    X(METADATA_FIELD, "metadata-field", 1, "a field is missing or out of range")                     \
    X(SPEC_VERSION, "spec-version", 1, "TUF spec_version is not 1.x")                                \
    X(KEY, "key", 1, "a public or private key cannot be used")                                       \
    X(SIGNATURE, "signature", 1, "fewer valid signatures than the threshold")                        \
    X(VERSION, "version", 1, "version differs from the one its parent names")                        \
    X(ROLLBACK, "rollback", 1, "older than what is trusted already")                                 \
    X(EXPIRED, "expired", 1, "metadata is past its expiry")                                          \
    X(ISSUED, "issued", 1, "issued after an offline role expires")                                   \
    X(DELEGATION, "delegation", 1, "no delegated role may sign this path")                           \
    X(CHANNEL, "channel", 1, "the release may not be offered on this channel")                       \
    X(NEEDS, "needs", 1, "the release needs a feature this agent does not know")                     \
    X(COUNTER, "counter", 1, "not newer than what runs, or below from_min")                          \
    X(COMPAT, "compat", 1, "an app with other images needs the signer's compat word")                \
    X(RISK, "risk", 1, "may brick a board without ROM recovery; the signer must accept the risk")    \
    X(CHIP, "chip", 1, "for another chip")                                                           \
    X(CHIP_REVISION, "chip-revision", 1, "for another chip revision")                                \
    X(SECURE_VERSION, "secure-version", 1, "secure version below the board's")                       \
    X(BOOT_CONFIG, "boot-config", 1, "built for another boot configuration")                         \
    X(IMAGE_MAGIC, "image-magic", 1, "not an Espressif image")                                       \
    X(IMAGE_HEADER, "image-header", 1, "an image header field is out of range")                      \
    X(IMAGE_SEGMENT, "image-segment", 1, "a segment is out of range")                                \
    X(IMAGE_CHECKSUM, "image-checksum", 1, "image checksum is wrong")                                \
    X(IMAGE_HASH, "image-hash", 1, "image's appended SHA-256 is wrong")                              \
    X(IMAGE_SIGNATURE, "image-signature", 1, "not signed with a key that this board's eFuses trust") \
    X(IMAGE_DESCRIPTOR, "image-descriptor", 1, "app descriptor missing or wrong")                    \
    X(IMAGE_SMALL, "image-small", 1, "under 1024 bytes: cannot be installed over the air")           \
    X(IMAGE_KIND, "image-kind", 1, "this kind of file cannot go to that label")                      \
    X(TABLE_FORMAT, "table-format", 1, "not a partition table")                                      \
    X(TABLE_MD5, "table-md5", 1, "partition table MD5 missing or wrong")                             \
    X(TABLE_LAYOUT, "table-layout", 1, "partitions overlap, are misaligned or do not fit")           \
    X(TABLE_CHANGE, "table-change", 1, "moves or shrinks a partition that must stay")                \
    X(LABEL, "label", 1, "no such partition, or one that must not be updated")                       \
    X(SLOT_SIZE, "slot-size", 1, "does not fit its partition")                                       \
    X(STAGING, "staging", 1, "no room to stage it")                                                  \
    X(FLASH, "flash", 1, "flash could not be read, erased or written")                               \
    X(READBACK, "readback", 1, "flash reads back other than written")                                \
    X(KV, "kv", 1, "the key-value store failed or is full")                                          \
    X(JOURNAL, "journal", 1, "a stored record is damaged or of an unknown version")                  \
    X(NETWORK, "network", 1, "no connection, or it broke")                                           \
    X(TLS, "tls", 1, "the server could not be authenticated")                                        \
    X(TIMEOUT, "timeout", 1, "took too long")                                                        \
    X(HTTP, "http", 1, "unexpected HTTP answer")                                                     \
    X(UNAUTHORIZED, "unauthorized", 1, "token missing, wrong or revoked")                            \
    X(SELF_TEST, "self-test", 1, "the new app's self-test failed")                                   \
    X(ROLLED_BACK, "rolled-back", 1, "the new app was rolled back")                                  \
    X(REFUSED_BY_APP, "refused-by-app", 1, "the application's hook said no")                         \
    X(BUNDLE, "bundle", 1, "not a bundle, or one whose parts do not fit together")                   \
    X(WITHDRAWN, "withdrawn", 1, "the release is not offered any more")                              \
    X(NO_BOOT, "no-boot", 1, "no bootable app")                                                      \
    X(CLOCK, "clock", 1, "the clock is before the last signature")                                   \
    X(UNSUPPORTED, "unsupported", 1, "this build or chip cannot do it")

enum ota_status {
#define OTA_X(sym, name, exit_code, text) OTA_##sym,
    OTA_STATUS_TABLE(OTA_X)
#undef OTA_X
        OTA_STATUS_COUNT
};

struct ota_err {
    enum ota_status code;
    char msg[OTA_ERR_MSG_MAX]; /* UTF-8, NUL-terminated, one line, cut when too long */
};

#define OTA_MUST_USE __attribute__((warn_unused_result))
#define OTA_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Stable lower-case name ("json-keys"), exit code (0, 1, 2), meaning; defined for every value. */
const char *ota_status_name(enum ota_status code);
int ota_status_exit_code(enum ota_status code);
const char *ota_status_text(enum ota_status code);
/* Was it the form of a JSON text (OTA_JSON_*), whatever it said. */
bool ota_status_is_json(enum ota_status code);

/* Fill *err and return `code`: `return ota_err_set(err, OTA_X, "...")`. Formats: see ota_format(). */
enum ota_status ota_err_set(struct ota_err *err, enum ota_status code, const char *fmt, ...) OTA_PRINTF(3, 4);

/* Put "<context>: " before the message, keep and return the code. */
enum ota_status ota_err_prefix(struct ota_err *err, const char *fmt, ...) OTA_PRINTF(2, 3);

/* Leave the calling function with the status of `expr` unless it is OTA_OK. */
#define OTA_TRY(expr)                      \
    do {                                   \
        enum ota_status ota_try_ = (expr); \
        if (ota_try_ != OTA_OK)            \
            return ota_try_;               \
    } while (0)

#ifdef __cplusplus
}
#endif

#endif
