/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One header of a ustar archive.
 *
 *   0 name[100] | 100 mode[8] | 108 uid[8] | 116 gid[8] | 124 size[12] octal | 136 mtime[12] | 148 checksum[8] octal
 *   156 type | 157 linkname[100] | 257 "ustar" NUL "00" | 265 uname[32] | 297 gname[32] | 329 devices[16] | 345 prefix[155]
 */
#include <string.h>

#include "ota/bundle.h"

#define NAME 0u
#define NAME_LEN 100u
#define SIZE 124u
#define SIZE_LEN 12u
#define CHECKSUM 148u
#define CHECKSUM_LEN 8u
#define TYPE 156u
#define MAGIC 257u
#define PREFIX 345u
#define PREFIX_LEN 155u

/* Octal digits, ended by NUL or blank. */
static bool read_octal(const uint8_t *p, size_t n, uint64_t *out) {
    size_t i = 0;
    *out = 0;
    while (i < n && p[i] == ' ')
        i++;
    const size_t first = i;
    for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
        *out = *out << 3 | (uint64_t)(p[i] - '0');
    return i > first && (i == n || p[i] == '\0' || p[i] == ' ');
}

/* The sum of all bytes, its own field counted as blanks. */
static bool checksum_right(const uint8_t *block) {
    uint64_t wanted;
    uint32_t sum = 0;
    for (size_t i = 0; i < OTA_TAR_BLOCK; i++)
        sum += i >= CHECKSUM && i < CHECKSUM + CHECKSUM_LEN ? ' ' : block[i];
    return read_octal(block + CHECKSUM, CHECKSUM_LEN, &wanted) && wanted == sum;
}

static struct ota_span field(const uint8_t *p, size_t n) {
    size_t len = 0;
    while (len < n && p[len] != '\0')
        len++;
    return (struct ota_span){p, len};
}

static bool safe(struct ota_span s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= 0x20 || s.p[i] > 0x7E || s.p[i] == '\\')
            return false;
    return true;
}

static bool read_path(const uint8_t *block, char out[OTA_TAR_PATH_MAX]) {
    struct ota_span name = field(block + NAME, NAME_LEN), prefix = field(block + PREFIX, PREFIX_LEN);
    if (name.len == 0 || !safe(name) || !safe(prefix) || prefix.len + 1 + name.len >= OTA_TAR_PATH_MAX)
        return false;
    if (prefix.len == 0)
        return ota_span_copy(name, out, OTA_TAR_PATH_MAX);
    memcpy(out, prefix.p, prefix.len);
    out[prefix.len] = '/';
    return ota_span_copy(name, out + prefix.len + 1, OTA_TAR_PATH_MAX - prefix.len - 1);
}

static bool all_zeros(const uint8_t *block) {
    for (size_t i = 0; i < OTA_TAR_BLOCK; i++)
        if (block[i] != 0)
            return false;
    return true;
}

enum ota_status ota_tar_read(const uint8_t block[OTA_TAR_BLOCK], struct ota_tar_member *out, struct ota_err *err) {
    uint64_t size;
    out->path[0] = '\0';
    out->size = 0;
    if (all_zeros(block))
        return OTA_OK;
    if (memcmp(block + MAGIC, "ustar\00000", 8) != 0)
        return ota_err_set(err, OTA_BUNDLE, "this is no bundle (no ustar header): make one with otactl bundle");
    if (!checksum_right(block))
        return ota_err_set(err, OTA_BUNDLE, "a header is damaged (checksum): copy the bundle again");
    if ((block[TYPE] != '0' && block[TYPE] != '\0') || !read_path(block, out->path))
        return ota_err_set(err, OTA_BUNDLE, "a member is no regular file, or its path is not one of a bundle's");
    if (!read_octal(block + SIZE, SIZE_LEN, &size) || size > OTA_IMAGE_LENGTH_MAX)
        return ota_err_set(err, OTA_BUNDLE, "%s: its size is not one of a bundle's", out->path);
    out->size = (uint32_t)size;
    return OTA_OK;
}
