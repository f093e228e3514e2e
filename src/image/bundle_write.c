/* SPDX-License-Identifier: Apache-2.0 */
/* Writes ustar archives; see bundle_write.h. */
#include "image/bundle_write.h"

#include <stdio.h>
#include <string.h>

#define NAME_AT 0u
#define NAME_LEN 100u
#define MODE_AT 100u
#define UID_AT 108u
#define GID_AT 116u
#define LENGTH_AT 124u
#define TIME_AT 136u
#define CHECKSUM_AT 148u
#define CHECKSUM_LEN 8u
#define TYPE_AT 156u
#define MAGIC_AT 257u
#define PREFIX_AT 345u
#define PREFIX_LEN 155u

static enum ota_status put(struct ota_bundle_writer *w, const void *p, size_t n, struct ota_err *err) {
    if (n == 0)
        return OTA_OK;
    OTA_TRY(w->sink->write(w->sink->ctx, p, n, err));
    w->bytes += n;
    return OTA_OK;
}

static void set(uint8_t *header, size_t at, const char *text, size_t n) {
    memcpy(header + at, text, n);
}

/* The whole in `name` if it fits, else the part before the first slash that leaves few enough bytes in `prefix`. */
static bool set_path(uint8_t *header, const char *path) {
    const size_t n = strlen(path);
    if (n > 0 && n <= NAME_LEN) {
        set(header, NAME_AT, path, n);
        return true;
    }
    for (size_t i = 1; i + 1 < n && i <= PREFIX_LEN; i++) {
        if (path[i] != '/' || n - i - 1 > NAME_LEN)
            continue;
        set(header, PREFIX_AT, path, i);
        set(header, NAME_AT, path + i + 1, n - i - 1);
        return true;
    }
    return false;
}

static void set_checksum(uint8_t *header) {
    char text[CHECKSUM_LEN];
    unsigned sum = 0;
    memset(header + CHECKSUM_AT, ' ', CHECKSUM_LEN);
    for (size_t i = 0; i < OTA_BUNDLE_WRITE_BLOCK; i++)
        sum += header[i];
    (void)snprintf(text, sizeof text, "%06o", sum);
    set(header, CHECKSUM_AT, text, CHECKSUM_LEN - 1); /* its NUL, too; the blank stays */
}

void ota_bundle_write_begin(struct ota_bundle_writer *w, const struct ota_bundle_sink *sink) {
    *w = (struct ota_bundle_writer){.sink = sink};
}

enum ota_status ota_bundle_write_file_begin(struct ota_bundle_writer *w, const char *path, uint64_t length,
                                            struct ota_err *err) {
    static const size_t zero_numbers[] = {UID_AT, GID_AT};
    uint8_t header[OTA_BUNDLE_WRITE_BLOCK] = {0};
    char octal[12];
    if (w->left)
        return ota_err_set(err, OTA_INTERNAL, "%s: the file before it is not complete", path);
    if (!set_path(header, path) || length > OTA_BUNDLE_WRITE_FILE_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "%s: name or length fit into no ustar header", path);
    set(header, MODE_AT, "0000644", 7);
    for (size_t i = 0; i < OTA_ARRAY_LEN(zero_numbers); i++)
        set(header, zero_numbers[i], "0000000", 7);
    (void)snprintf(octal, sizeof octal, "%011llo", (unsigned long long)length);
    set(header, LENGTH_AT, octal, 11);
    set(header, TIME_AT, "00000000000", 11);
    header[TYPE_AT] = '0';
    set(header, MAGIC_AT, "ustar\00000", 8);
    set_checksum(header);
    OTA_TRY(put(w, header, sizeof header, err));
    w->left = length;
    return OTA_OK;
}

enum ota_status ota_bundle_write_bytes(struct ota_bundle_writer *w, const void *p, size_t n, struct ota_err *err) {
    if (n > w->left)
        return ota_err_set(err, OTA_LENGTH, "more bytes than were announced");
    OTA_TRY(put(w, p, n, err));
    w->left -= n;
    return OTA_OK;
}

enum ota_status ota_bundle_write_file_end(struct ota_bundle_writer *w, struct ota_err *err) {
    static const uint8_t zeros[OTA_BUNDLE_WRITE_BLOCK];
    if (w->left)
        return ota_err_set(err, OTA_LENGTH, "%llu bytes fewer than were announced", (unsigned long long)w->left);
    return put(w, zeros, (size_t)(-w->bytes % OTA_BUNDLE_WRITE_BLOCK), err);
}

enum ota_status ota_bundle_write_end(struct ota_bundle_writer *w, struct ota_err *err) {
    static const uint8_t zeros[2 * OTA_BUNDLE_WRITE_BLOCK];
    return put(w, zeros, sizeof zeros, err);
}

enum ota_status ota_bundle_write_file(struct ota_bundle_writer *w, const char *path, struct ota_span bytes,
                                      struct ota_err *err) {
    OTA_TRY(ota_bundle_write_file_begin(w, path, bytes.len, err));
    OTA_TRY(ota_bundle_write_bytes(w, bytes.p, bytes.len, err));
    return ota_bundle_write_file_end(w, err);
}
