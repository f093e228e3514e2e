/* SPDX-License-Identifier: Apache-2.0 */
/* Byte order, bounded text, hex, base64, CRC-32: what every reader and record needs. No allocation. */
#ifndef OTA_BYTES_H
#define OTA_BYTES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_SHA256_LEN 32u
#define OTA_SHA256_HEX_LEN 64u
#define OTA_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A borrowed run of bytes; not NUL-terminated. */
struct ota_span {
    const uint8_t *p;
    size_t len;
};

uint16_t ota_le16(const uint8_t *p);
uint32_t ota_le32(const uint8_t *p);
uint64_t ota_le64(const uint8_t *p);
uint32_t ota_be32(const uint8_t *p);
void ota_put_le16(uint8_t *p, uint16_t v);
void ota_put_le32(uint8_t *p, uint32_t v);
void ota_put_le64(uint8_t *p, uint64_t v);

struct ota_span ota_span_str(const char *s);
bool ota_span_equal(struct ota_span a, struct ota_span b);
bool ota_span_equal_str(struct ota_span a, const char *s);
/* memcmp order, a shorter prefix first. <0, 0, >0. */
int ota_span_compare(struct ota_span a, struct ota_span b);
/* Copies a and a NUL into out[cap]; false (out = "") when it does not fit or a holds a NUL byte. */
bool ota_span_copy(struct ota_span a, char *out, size_t cap);

/* snprintf for the core, which has no stdio: %s %.*s %c %d %u %x %o %zu %llu %llx, with 0 and width, and %%.
 * Returns the length written (< cap); cuts what does not fit at a UTF-8 character boundary. */
size_t ota_format(char *out, size_t cap, const char *fmt, ...) OTA_PRINTF(3, 4);
size_t ota_vformat(char *out, size_t cap, const char *fmt, va_list args) OTA_PRINTF(3, 0);

/* out[2*n+1], lower case, NUL-terminated. */
void ota_hex_encode(const uint8_t *p, size_t n, char *out);
/* Exactly 2*n lower-case digits; false otherwise. */
bool ota_hex_decode(struct ota_span hex, uint8_t *out, size_t n);
/* Standard alphabet, padding required, white space between lines skipped. false when bad or over cap. */
bool ota_base64_decode(struct ota_span text, uint8_t *out, size_t cap, size_t *len);

/* zlib's CRC-32 (reflected 0xEDB88320): ota_crc32(0, ...) is the ordinary "crc-0" and
 * ota_crc32(0xFFFFFFFF, ...) what esp_rom_crc32_le(UINT32_MAX, ...) returns ("crc-F"). */
uint32_t ota_crc32(uint32_t crc, const void *data, size_t len);

/* Constant time; for digests and tokens. */
bool ota_equal_secret(const void *a, const void *b, size_t len);

/* Bounded little-endian record writer and reader: after the first overrun `bad` is set, writes are dropped
 * and reads give 0, so that callers check once at the end. */
struct ota_writer {
    uint8_t *p;
    size_t cap, len;
    bool bad;
};
struct ota_reader {
    const uint8_t *p;
    size_t len, pos;
    bool bad;
};
void ota_write_u8(struct ota_writer *w, uint8_t v);
void ota_write_u16(struct ota_writer *w, uint16_t v);
void ota_write_u32(struct ota_writer *w, uint32_t v);
void ota_write_u64(struct ota_writer *w, uint64_t v);
void ota_write_bytes(struct ota_writer *w, const void *p, size_t n);
/* u8 length, then the bytes; at most 255. */
void ota_write_str(struct ota_writer *w, const char *s);
uint8_t ota_read_u8(struct ota_reader *r);
uint16_t ota_read_u16(struct ota_reader *r);
uint32_t ota_read_u32(struct ota_reader *r);
uint64_t ota_read_u64(struct ota_reader *r);
void ota_read_bytes(struct ota_reader *r, void *p, size_t n);
void ota_read_str(struct ota_reader *r, char *out, size_t cap); /* does not fit or holds a NUL: bad */

/* Days and seconds of "YYYY-MM-DDTHH:MM:SSZ" (the only form TUF uses), years 1970..9999. */
bool ota_time_parse(struct ota_span text, uint64_t *unix_seconds);
#define OTA_TIME_TEXT_MAX 21
void ota_time_format(uint64_t unix_seconds, char out[OTA_TIME_TEXT_MAX]);

/* A name of a product or channel: [a-z0-9][a-z0-9-]{0,31}. */
#define OTA_NAME_MAX 32u
bool ota_name_valid(struct ota_span name);
/* The five role names no product may take: root, targets, snapshot, timestamp, rollout. */
bool ota_name_reserved(struct ota_span name);
/* A file of a release: [A-Za-z0-9][A-Za-z0-9._-]{0,47}, without "..". */
#define OTA_FILE_MAX 48u
bool ota_file_valid(struct ota_span name);
/* A partition label: 1..16 printable ASCII bytes without '/', '"', '\\', or a special label (@ota, ...). */
#define OTA_LABEL_MAX 16u
bool ota_label_valid(struct ota_span label);
/* A device id: [A-Za-z0-9][A-Za-z0-9._:-]{0,63}. */
#define OTA_DEVICE_ID_MAX 64u
bool ota_device_id_valid(struct ota_span id);
/* The groups a board is in: names as of channels, a comma and blanks between them; "" for none. */
#define OTA_GROUPS_TEXT_MAX 255u
bool ota_groups_valid(struct ota_span groups);

#ifdef __cplusplus
}
#endif

#endif
