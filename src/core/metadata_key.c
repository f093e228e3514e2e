/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys, and the sets of them that may sign a role. */
#include <string.h>

#include "core/metadata_private.h"

#define POINT_LEN 64u

/* SubjectPublicKeyInfo of an uncompressed P-256 point (RFC 5480): this prefix, then X || Y. */
static const uint8_t spki_p256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

static bool cut_front(struct ota_span *s, const char *text) {
    size_t n = strlen(text);
    if (s->len < n || memcmp(s->p, text, n) != 0)
        return false;
    s->p += n;
    s->len -= n;
    return true;
}

/* Takes everything before `mark` (without dashes inside) into *before and removes both. */
static bool cut_until(struct ota_span *s, const char *mark, struct ota_span *before) {
    const uint8_t *dash = s->len ? memchr(s->p, '-', s->len) : NULL;
    if (!dash)
        return false;
    *before = (struct ota_span){s->p, (size_t)(dash - s->p)};
    s->len -= before->len;
    s->p = dash;
    return cut_front(s, mark);
}

static bool only_space(struct ota_span s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] != '\n' && s.p[i] != '\r' && s.p[i] != ' ' && s.p[i] != '\t')
            return false;
    return true;
}

enum ota_status ota_public_key_from_pem(struct ota_span pem, struct ota_public_key *out, struct ota_err *err) {
    uint8_t der[sizeof spki_p256 + POINT_LEN];
    struct ota_span body;
    size_t len;
    if (!cut_front(&pem, "-----BEGIN PUBLIC KEY-----") || !cut_until(&pem, "-----END PUBLIC KEY-----", &body) ||
        !only_space(pem))
        return ota_err_set(err, OTA_KEY, "not a PEM public key");
    if (!ota_base64_decode(body, der, sizeof der, &len) || len != sizeof der ||
        memcmp(der, spki_p256, sizeof spki_p256) != 0)
        return ota_err_set(err, OTA_KEY, "not an uncompressed P-256 public key");
    *out = (struct ota_public_key){.scheme = OTA_SCHEME_ECDSA_P256};
    memcpy(out->point, der + sizeof spki_p256, POINT_LEN);
    return OTA_OK;
}

bool ota_public_key_equal(const struct ota_public_key *a, const struct ota_public_key *b) {
    return a->scheme == b->scheme && memcmp(a->point, b->point, sizeof a->point) == 0;
}

uint32_t ota_keyid_crc(struct ota_span keyid) {
    return ota_crc32(0, keyid.p, keyid.len);
}

enum ota_status ota_metadata_key(const struct ota_value *key, const struct ota_crypto *crypto,
                                 struct ota_public_key *out, struct ota_err *err) {
    struct ota_value v, keyval;
    struct ota_span keytype, scheme, text;
    OTA_TRY(ota_scan_get(key, "keytype", &v, err));
    OTA_TRY(ota_scan_text(&v, "keytype", &keytype, err));
    OTA_TRY(ota_scan_get(key, "scheme", &v, err));
    OTA_TRY(ota_scan_text(&v, "scheme", &scheme, err));
    OTA_TRY(ota_scan_get(key, "keyval", &keyval, err));
    OTA_TRY(ota_scan_get(&keyval, "public", &v, err));
    OTA_TRY(ota_scan_text(&v, "public", &text, err));
    if (ota_span_equal_str(scheme, "ecdsa-sha2-nistp256") &&
        (ota_span_equal_str(keytype, "ecdsa") || ota_span_equal_str(keytype, "ecdsa-sha2-nistp256")))
        return ota_public_key_from_pem(text, out, err);
    if (!crypto->decode_key)
        return ota_err_set(err, OTA_UNSUPPORTED, "key scheme is not ecdsa-sha2-nistp256");
    return crypto->decode_key(crypto->ctx, keytype, scheme, text, out, err);
}

/* Member `keyid` of `keys`. */
static enum ota_status find_key(const struct ota_value *keys, struct ota_span keyid, struct ota_value *out, bool *found,
                                struct ota_err *err) {
    struct ota_scan it;
    struct ota_span name;
    OTA_TRY(ota_scan_object(keys, &it, err));
    for (;;) {
        OTA_TRY(ota_scan_next_member(&it, &name, out, found, err));
        if (!*found || ota_span_equal(name, keyid))
            return OTA_OK;
    }
}

/* A key of an unknown scheme, or one that the file does not list, can sign nothing here: it is passed over. */
static enum ota_status add_key(const struct ota_value *keys, struct ota_span keyid, const struct ota_crypto *crypto,
                               struct ota_signers *out, struct ota_err *err) {
    struct ota_value key;
    bool found;
    OTA_TRY(find_key(keys, keyid, &key, &found, err));
    if (!found)
        return OTA_OK;
    if (out->count == OTA_ROLE_KEYS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "more than %u keys in one role", OTA_ROLE_KEYS_MAX);
    struct ota_err reason;
    enum ota_status status = ota_metadata_key(&key, crypto, &out->key[out->count], &reason);
    if (status == OTA_UNSUPPORTED)
        return OTA_OK;
    if (status != OTA_OK) {
        *err = reason;
        return ota_err_prefix(err, "key %.*s", (int)(keyid.len < 8 ? keyid.len : 8), (const char *)keyid.p);
    }
    out->keyid_crc[out->count++] = ota_keyid_crc(keyid);
    return OTA_OK;
}

/* Is the index-th of these keyids the first of its name? */
static enum ota_status check_unique(const struct ota_value *keyids, struct ota_span keyid, size_t index,
                                    struct ota_err *err) {
    struct ota_scan it;
    struct ota_value v;
    struct ota_span before;
    bool more;
    OTA_TRY(ota_scan_array(keyids, &it, err));
    for (size_t i = 0; i < index; i++) {
        OTA_TRY(ota_scan_next_element(&it, &v, &more, err));
        OTA_TRY(ota_scan_raw(&v, "keyids", &before, err));
        if (ota_span_equal(before, keyid))
            return ota_err_set(err, OTA_METADATA_FIELD, "a keyid twice in one role");
    }
    return OTA_OK;
}

enum ota_status ota_signers_read(const struct ota_value *keys, const struct ota_value *role,
                                 const struct ota_crypto *crypto, struct ota_signers *out, struct ota_err *err) {
    struct ota_value v, keyids;
    struct ota_span keyid;
    struct ota_scan it;
    uint64_t threshold;
    bool more;
    out->count = 0;
    OTA_TRY(ota_scan_get(role, "threshold", &v, err));
    OTA_TRY(ota_scan_u64(&v, "threshold", 1, UINT32_MAX, &threshold, err));
    out->threshold = (uint32_t)threshold;
    OTA_TRY(ota_scan_get(role, "keyids", &keyids, err));
    OTA_TRY(ota_scan_array(&keyids, &it, err));
    for (size_t i = 0;; i++) {
        OTA_TRY(ota_scan_next_element(&it, &v, &more, err));
        if (!more)
            return OTA_OK;
        if (i == OTA_ROLE_KEYIDS_MAX)
            return ota_err_set(err, OTA_TOO_LARGE, "more than %u keyids in one role", OTA_ROLE_KEYIDS_MAX);
        OTA_TRY(ota_scan_raw(&v, "keyids", &keyid, err));
        OTA_TRY(check_unique(&keyids, keyid, i, err));
        OTA_TRY(add_key(keys, keyid, crypto, out, err));
    }
}

enum ota_status ota_root_signers(const struct ota_metadata *root, enum ota_role role, const struct ota_crypto *crypto,
                                 struct ota_signers *out, struct ota_err *err) {
    struct ota_value keys, roles, entry;
    OTA_TRY(ota_scan_get(&root->signed_value, "keys", &keys, err));
    OTA_TRY(ota_scan_get(&root->signed_value, "roles", &roles, err));
    OTA_TRY(ota_scan_get(&roles, ota_role_name(role), &entry, err));
    enum ota_status status = ota_signers_read(&keys, &entry, crypto, out, err);
    return status == OTA_OK ? OTA_OK : ota_err_prefix(err, "role %s", ota_role_name(role));
}

/* Every key of `a` is in `b`. */
static bool contained(const struct ota_signers *a, const struct ota_signers *b) {
    for (size_t i = 0; i < a->count; i++) {
        bool found = false;
        for (size_t k = 0; k < b->count && !found; k++)
            found = ota_public_key_equal(&a->key[i], &b->key[k]);
        if (!found)
            return false;
    }
    return true;
}

bool ota_signers_keep(const struct ota_signers *before, const struct ota_signers *after) {
    return after->threshold <= before->threshold && contained(before, after);
}
