/* SPDX-License-Identifier: Apache-2.0 */
/* Getting one metadata file into the buffer, never a byte past its cap. */
#include <string.h>

#include "core/trust_private.h"

#define FILE_S 120u /* for one file, 8 KiB at most on the chip: 70 bytes a second, as for images */

/* Role names come from signed metadata, yet a path must hold safe characters only: RFC 3986's unreserved ones stay. */
static bool safe_in_path(uint8_t b) {
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '-' || b == '.' ||
           b == '_' || b == '~';
}

void ota_trust_file(uint64_t version, const char *role, char out[OTA_TRUST_FILE_MAX]) {
    static const char digits[] = "0123456789ABCDEF"; /* the case RFC 3986 asks for, and servers compare with */
    size_t n = ota_format(out, OTA_TRUST_FILE_MAX, "%llu.", (unsigned long long)version);
    for (const char *p = role; *p; p++) {
        const uint8_t b = (uint8_t)*p;
        if (safe_in_path(b))
            n += ota_format(out + n, OTA_TRUST_FILE_MAX - n, "%c", b);
        else
            n += ota_format(out + n, OTA_TRUST_FILE_MAX - n, "%%%c%c", digits[b >> 4], digits[b & 15]);
    }
    ota_format(out + n, OTA_TRUST_FILE_MAX - n, ".json");
}

/* Reads until the body ends or `limit` bytes are there. The transport notices a silent line; one that trickles is given
 * up here, or it would hold the board for a day. */
static enum ota_status read_up_to(struct ota_trust *t, size_t limit, size_t *len, bool *ended, struct ota_err *err) {
    const struct ota_transport *net = t->cfg.transport;
    const struct ota_clock *clock = t->cfg.clock;
    const uint64_t began_ms = clock->uptime_ms(clock->ctx);
    *ended = false;
    for (*len = 0; *len < limit && !*ended;) {
        size_t got = 0;
        OTA_TRY(net->read(net->ctx, t->cfg.buf + *len, limit - *len, &got, err));
        *ended = got == 0;
        *len += got;
        if (!*ended && *len < limit && clock->uptime_ms(clock->ctx) - began_ms >= FILE_S * 1000u)
            return ota_err_set(err, OTA_TIMEOUT, "not complete after %u s, at %zu bytes", FILE_S, *len);
    }
    return OTA_OK;
}

static enum ota_status read_body(struct ota_trust *t, const struct ota_trust_wanted *w, const struct ota_response *resp,
                                 size_t *len, struct ota_err *err) {
    size_t cap = w->cap < ota_trust_room(t) ? w->cap : ota_trust_room(t);
    bool known = resp->length != OTA_LENGTH_UNKNOWN, ended;
    if ((known && resp->length > cap) || (w->length != OTA_LENGTH_UNKNOWN && w->length > cap))
        return ota_err_set(err, OTA_TOO_LARGE, "larger than its cap of %zu bytes", cap);
    if (known && w->length != OTA_LENGTH_UNKNOWN && resp->length != w->length)
        return ota_err_set(err, OTA_LENGTH, "%llu bytes on the server, %llu signed", (unsigned long long)resp->length,
                           (unsigned long long)w->length);
    size_t limit = w->length != OTA_LENGTH_UNKNOWN ? (size_t)w->length : known ? (size_t)resp->length : cap;
    OTA_TRY(read_up_to(t, limit, len, &ended, err));
    if (w->length != OTA_LENGTH_UNKNOWN && *len != w->length)
        return ota_err_set(err, OTA_LENGTH, "%zu bytes received, %llu signed", *len, (unsigned long long)w->length);
    if (known && *len != resp->length)
        return ota_err_set(err, OTA_TRUNCATED, "%zu bytes received, %llu announced", *len,
                           (unsigned long long)resp->length);
    if (ended || known)
        return OTA_OK;
    /* The limit is full and the length was not announced: one byte more tells whether this was all. */
    uint8_t beyond;
    size_t got = 0;
    OTA_TRY(t->cfg.transport->read(t->cfg.transport->ctx, &beyond, sizeof beyond, &got, err));
    if (got)
        return ota_err_set(err, w->length != OTA_LENGTH_UNKNOWN ? OTA_LENGTH : OTA_TOO_LARGE,
                           "larger than its cap of %zu bytes", limit);
    return OTA_OK;
}

enum ota_status ota_trust_fetch(struct ota_trust *t, const struct ota_trust_wanted *wanted, struct ota_response *resp,
                                size_t *len, struct ota_err *err) {
    const struct ota_transport *net = t->cfg.transport;
    const struct ota_request req = {.address = OTA_ADDRESS_METADATA,
                                    .path = wanted->file,
                                    .if_none_match = wanted->if_none_match,
                                    .no_cache = wanted->no_cache,
                                    .allow_unauthenticated = t->allow_unauthenticated};
    *len = 0;
    memset(resp, 0, sizeof *resp);
    resp->length = OTA_LENGTH_UNKNOWN;
    enum ota_status status = net->open(net->ctx, &req, resp, err);
    t->authenticated = t->authenticated && status == OTA_OK && resp->authenticated;
    if (status != OTA_OK)
        return ota_err_prefix(err, "%s", wanted->file);
    if (resp->retry_after > t->retry_after)
        t->retry_after = resp->retry_after;
    if (resp->status == 200)
        status = read_body(t, wanted, resp, len, err);
    net->close(net->ctx);
    return status == OTA_OK ? OTA_OK : ota_err_prefix(err, "%s", wanted->file);
}

enum ota_status ota_trust_bad_status(const char *file, int status, struct ota_err *err) {
    return ota_err_set(err, OTA_HTTP, "%s: the server answered %d", file, status);
}

enum ota_status ota_trust_fetch_entry(struct ota_trust *t, const struct ota_meta_entry *entry, const char *file,
                                      size_t cap, size_t *len, struct ota_err *err) {
    const struct ota_trust_wanted wanted = {.file = file, .cap = cap, .length = entry->length};
    struct ota_response resp;
    uint8_t digest[OTA_SHA256_LEN];
    OTA_TRY(ota_trust_fetch(t, &wanted, &resp, len, err));
    if (resp.status != 200)
        return ota_trust_bad_status(file, resp.status, err);
    if (!entry->has_sha256)
        return OTA_OK;
    OTA_TRY(ota_sha256(t->cfg.crypto, t->cfg.buf, *len, digest, err));
    if (memcmp(digest, entry->sha256, sizeof digest) != 0)
        return ota_err_set(err, OTA_HASH, "%s: SHA-256 differs from the signed one", file);
    return OTA_OK;
}
