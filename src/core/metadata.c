/* SPDX-License-Identifier: Apache-2.0 */
/* Envelope, header and signatures of one TUF metadata file. */
#include "ota/metadata.h"

#include <string.h>

/* DER P-256 needs 72 bytes, RSA-4096 the whole. */
#define SIGNATURE_BYTES_MAX 512u

const char *ota_role_name(enum ota_role role) {
    static const char *const names[OTA_ROLE_COUNT] = {"root", "targets", "snapshot", "timestamp"};
    return names[role];
}

/* "1.N" or "1.N.N": an unknown minor version is compatible, another major one is not. */
static bool spec_version_known(struct ota_span s) {
    if (s.len < 3 || s.p[0] != '1' || s.p[1] != '.')
        return false;
    size_t dots = 1;
    for (size_t i = 2; i < s.len; i++) {
        bool digit = s.p[i] >= '0' && s.p[i] <= '9';
        if (!digit && (s.p[i] != '.' || s.p[i - 1] == '.' || ++dots > 2))
            return false;
    }
    return s.p[s.len - 1] != '.';
}

static enum ota_status read_header(struct ota_metadata *m, const char *type, struct ota_err *err) {
    struct ota_value v;
    struct ota_span spec;
    OTA_TRY(ota_scan_get(&m->signed_value, "_type", &v, err));
    OTA_TRY(ota_scan_text(&v, "_type", &m->type, err));
    if (!ota_span_equal_str(m->type, type))
        return ota_err_set(err, OTA_METADATA_TYPE, "_type is not \"%s\"", type);
    OTA_TRY(ota_scan_get(&m->signed_value, "spec_version", &v, err));
    OTA_TRY(ota_scan_text(&v, "spec_version", &spec, err));
    if (!spec_version_known(spec))
        return ota_err_set(err, OTA_SPEC_VERSION, "spec_version is not 1.x");
    OTA_TRY(ota_scan_get(&m->signed_value, "version", &v, err));
    OTA_TRY(ota_scan_u64(&v, "version", 1, UINT64_MAX, &m->version, err));
    OTA_TRY(ota_scan_get(&m->signed_value, "expires", &v, err));
    return ota_scan_time(&v, "expires", &m->expires, err);
}

static enum ota_status read_envelope(struct ota_span bytes, const char *type, struct ota_metadata *out,
                                     struct ota_err *err) {
    struct ota_value file;
    OTA_TRY(ota_scan_value(bytes, &file, err));
    OTA_TRY(ota_scan_get(&file, "signatures", &out->signatures, err));
    OTA_TRY(ota_scan_get(&file, "signed", &out->signed_value, err));
    if (out->signatures.token != OTA_TOKEN_ARRAY)
        return ota_err_set(err, OTA_METADATA_TYPE, "\"signatures\" is not an array");
    return read_header(out, type, err);
}

enum ota_status ota_metadata_parse(uint8_t *buf, size_t *len, const char *type, struct ota_metadata *out,
                                   struct ota_err *err) {
    OTA_TRY(ota_scan_canonicalize(buf, len, err));
    return read_envelope((struct ota_span){buf, *len}, type, out, err);
}

enum ota_status ota_metadata_parse_canonical(uint8_t *buf, size_t len, const char *type, struct ota_metadata *out,
                                             struct ota_err *err) {
    OTA_TRY(ota_scan_check_canonical(buf, len, err));
    return read_envelope((struct ota_span){buf, len}, type, out, err);
}

/* ---- signatures ---- */

static enum ota_status read_signature(const struct ota_value *v, struct ota_span *keyid, struct ota_span *sig,
                                      struct ota_err *err) {
    struct ota_value field;
    OTA_TRY(ota_scan_get(v, "keyid", &field, err));
    OTA_TRY(ota_scan_raw(&field, "keyid", keyid, err));
    OTA_TRY(ota_scan_get(v, "sig", &field, err));
    return ota_scan_raw(&field, "sig", sig, err);
}

/* Two signatures under one keyid would let an attacker choose which of them is looked at. */
static enum ota_status check_signatures(const struct ota_metadata *m, struct ota_err *err) {
    struct ota_scan it, before;
    struct ota_value v, other;
    struct ota_span keyid, sig, seen;
    bool more;
    size_t count = 0;
    OTA_TRY(ota_scan_array(&m->signatures, &it, err));
    for (;; count++) {
        OTA_TRY(ota_scan_next_element(&it, &v, &more, err));
        if (!more)
            return OTA_OK;
        if (count == OTA_ROLE_SIGNATURES_MAX)
            return ota_err_set(err, OTA_TOO_LARGE, "more than %u signatures", OTA_ROLE_SIGNATURES_MAX);
        OTA_TRY(read_signature(&v, &keyid, &sig, err));
        OTA_TRY(ota_scan_array(&m->signatures, &before, err));
        for (size_t i = 0; i < count; i++) {
            OTA_TRY(ota_scan_next_element(&before, &other, &more, err));
            OTA_TRY(read_signature(&other, &seen, &sig, err));
            if (ota_span_equal(seen, keyid))
                return ota_err_set(err, OTA_SIGNATURE, "two signatures under one keyid");
        }
    }
}

/* Was the key itself, under whatever keyid, counted already? */
static bool counted(const struct ota_signers *s, uint32_t used, size_t index) {
    for (size_t i = 0; i < s->count; i++)
        if (used & 1u << i && ota_public_key_equal(&s->key[i], &s->key[index]))
            return true;
    return false;
}

static enum ota_status check_one(const struct ota_metadata *m, const struct ota_public_key *key, struct ota_span hex,
                                 const struct ota_crypto *crypto, bool *valid, struct ota_err *err) {
    uint8_t sig[SIGNATURE_BYTES_MAX];
    *valid = false;
    if (hex.len == 0 || hex.len > 2 * sizeof sig || !ota_hex_decode(hex, sig, hex.len / 2))
        return OTA_OK;
    return crypto->verify(crypto->ctx, key, m->signed_value.raw, (struct ota_span){sig, hex.len / 2}, valid, err);
}

/* Marks the key that made this signature in *used, unless it was counted already. */
static enum ota_status try_keys(const struct ota_metadata *m, const struct ota_signers *s, struct ota_span keyid,
                                struct ota_span hex, const struct ota_crypto *crypto, uint32_t *used, bool *valid,
                                struct ota_err *err) {
    const uint32_t crc = ota_keyid_crc(keyid);
    *valid = false;
    for (size_t i = 0; i < s->count && !*valid; i++) {
        if (s->keyid_crc[i] != crc || counted(s, *used, i))
            continue;
        OTA_TRY(check_one(m, &s->key[i], hex, crypto, valid, err));
        if (*valid)
            *used |= 1u << i;
    }
    return OTA_OK;
}

enum ota_status ota_metadata_verify(const struct ota_metadata *m, const struct ota_signers *signers,
                                    const struct ota_crypto *crypto, struct ota_err *err) {
    struct ota_scan it;
    struct ota_value v;
    struct ota_span keyid, hex;
    uint32_t used = 0, good = 0;
    bool more, valid;
    OTA_TRY(check_signatures(m, err));
    OTA_TRY(ota_scan_array(&m->signatures, &it, err));
    while (good < signers->threshold) {
        OTA_TRY(ota_scan_next_element(&it, &v, &more, err));
        if (!more)
            return ota_err_set(err, OTA_SIGNATURE, "%u of %u needed signatures are valid", (unsigned)good,
                               (unsigned)signers->threshold);
        OTA_TRY(read_signature(&v, &keyid, &hex, err));
        OTA_TRY(try_keys(m, signers, keyid, hex, crypto, &used, &valid, err));
        good += valid;
    }
    return OTA_OK;
}
