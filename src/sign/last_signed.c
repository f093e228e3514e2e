/* SPDX-License-Identifier: Apache-2.0 */
/* Reads, writes and asks keys/last-signed; see last_signed.h. */
#include "sign/last_signed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/crypto.h"
#include "host/fs.h"

#define FILE_MAX 1024u
#define HEX_FIELD "%64[0-9a-f]"

static void print(const struct ota_last_signed *s, struct ota_buf *out) {
    char last[OTA_SHA256_HEX_LEN + 1], base[OTA_SHA256_HEX_LEN + 1];
    ota_hex_encode(s->last, sizeof s->last, last);
    ota_hex_encode(s->base, sizeof s->base, base);
    ota_buf_printf(
        out, "last %s\nbase %s\ntimestamp %" PRIu64 "\nsnapshot %" PRIu64 "\nrollout %" PRIu64 "\nissued %" PRIu64 "\n",
        last, base, s->timestamp, s->snapshot, s->rollout, s->issued);
}

static bool parse(const struct ota_buf *text, struct ota_last_signed *s) {
    char last[OTA_SHA256_HEX_LEN + 1], base[OTA_SHA256_HEX_LEN + 1];
    OTA_CLEAN(ota_buf_free) struct ota_buf again = {0};
    if (sscanf(ota_buf_text(text),
               "last " HEX_FIELD " base " HEX_FIELD " timestamp %" SCNu64 " snapshot %" SCNu64 " rollout %" SCNu64
               " issued %" SCNu64,
               last, base, &s->timestamp, &s->snapshot, &s->rollout, &s->issued) != 6 ||
        !ota_hex_decode(ota_span_str(last), s->last, sizeof s->last) ||
        !ota_hex_decode(ota_span_str(base), s->base, sizeof s->base))
        return false;
    s->known = true;
    print(s, &again); /* nothing else in it, no other spelling */
    return ota_span_equal(ota_buf_span(text), ota_buf_span(&again));
}

enum ota_status ota_last_signed_read(const char *keys, struct ota_last_signed *out, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/" OTA_LAST_SIGNED, keys);
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    memset(out, 0, sizeof *out);
    if (!ota_fs_exists(path))
        return OTA_OK;
    OTA_TRY(ota_fs_read(path, FILE_MAX, &text, err));
    if (!parse(&text, out))
        return ota_err_set(err, OTA_JOURNAL,
                           "%s: damaged; if state/repo is the newest there is, remove the file and run: otactl restore "
                           "--merge",
                           path);
    return OTA_OK;
}

enum ota_status ota_last_signed_write(const char *keys, const struct ota_last_signed *s, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/" OTA_LAST_SIGNED, keys);
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0}, there = {0};
    struct ota_err ignored;
    print(s, &text);
    if (ota_fs_read(path, FILE_MAX, &there, &ignored) == OTA_OK &&
        ota_span_equal(ota_buf_span(&there), ota_buf_span(&text)))
        return OTA_OK;
    return ota_fs_write(path, text.p, text.len, 0600, err);
}

enum ota_status ota_last_signed_accepts(const struct ota_last_signed *s, struct ota_span timestamp, uint64_t version,
                                        struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    if (!s->known || version > s->timestamp)
        return OTA_OK;
    OTA_TRY(ota_sha256(&ota_crypto_openssl, timestamp.p, timestamp.len, digest, err));
    if (memcmp(digest, s->last, sizeof digest) == 0 || memcmp(digest, s->base, sizeof digest) == 0)
        return OTA_OK;
    return ota_err_set(
        err, OTA_ROLLBACK,
        "state/repo is older than what was signed last: it was brought back from a backup; to go on: otactl "
        "restore --merge [SOURCE]");
}

enum ota_status ota_last_signed_go_on(const char *keys, struct ota_span timestamp, uint64_t version,
                                      struct ota_err *err) {
    struct ota_last_signed s;
    OTA_TRY(ota_last_signed_read(keys, &s, err));
    OTA_TRY(ota_sha256(&ota_crypto_openssl, timestamp.p, timestamp.len, s.last, err));
    memcpy(s.base, s.last, sizeof s.base);
    s.known = true;
    s.timestamp = (s.timestamp > version ? s.timestamp : version) + 1; /* which nothing published has */
    return ota_last_signed_write(keys, &s, err);
}

enum ota_status ota_last_signed_behind(const struct ota_last_signed *s, struct ota_span timestamp, uint64_t version,
                                       bool *behind, struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    OTA_TRY(ota_sha256(&ota_crypto_openssl, timestamp.p, timestamp.len, digest, err));
    *behind = s->known && version < s->timestamp && memcmp(digest, s->last, sizeof digest) == 0;
    return OTA_OK;
}
