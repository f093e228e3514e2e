/* SPDX-License-Identifier: Apache-2.0 */
/* Adds signatures to roles; see role_sign.h. */
#include "sign/role_sign.h"

#include <string.h>

#include "host/crypto.h"
#include "sign/role_seal.h"

enum ota_status ota_role_sign_open(struct ota_span file, struct ota_role_file *out, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf peeked = {0};
    struct ota_value whole, content, v;
    struct ota_span type;
    char name[OTA_ROLE_NAME_MAX + 1];
    if (file.len > OTA_METADATA_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "%zu bytes; a role has at most %u", file.len, OTA_METADATA_MAX);
    ota_buf_append(&peeked, file.p, file.len);
    OTA_TRY(ota_scan_canonicalize(peeked.p, &peeked.len, err));
    OTA_TRY(ota_scan_value(ota_buf_span(&peeked), &whole, err));
    OTA_TRY(ota_scan_get(&whole, "signed", &content, err));
    OTA_TRY(ota_scan_get(&content, "_type", &v, err));
    OTA_TRY(ota_scan_text(&v, "_type", &type, err));
    if (!ota_span_copy(type, name, sizeof name))
        return ota_err_set(err, OTA_METADATA_TYPE, "\"_type\" is no role's");
    ota_role_file_set(out, name, file);
    return ota_role_file_parse(out, name, err);
}

/* ---- the list of signatures ------------------------------------------------------------------------------- */

static enum ota_status keyid_of(const struct ota_value *signature, struct ota_span *keyid, struct ota_err *err) {
    struct ota_value v;
    OTA_TRY(ota_scan_get(signature, "keyid", &v, err));
    return ota_scan_text(&v, "keyid", keyid, err);
}

/* Signatures to put down; the ones the file has come first. */
struct list {
    size_t count;
    struct entry {
        struct ota_span keyid;
        struct ota_value value; /* token OTA_TOKEN_NULL: made here */
        const struct ota_key_signature *made;
    } entry[OTA_ROLE_SIGNATURES_MAX];
};

static enum ota_status slot_of(struct list *l, struct ota_span keyid, size_t *at, struct ota_err *err) {
    for (*at = 0; *at < l->count; (*at)++)
        if (ota_span_equal(l->entry[*at].keyid, keyid))
            return OTA_OK;
    if (l->count == OTA_ROLE_SIGNATURES_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "more than %u signatures", OTA_ROLE_SIGNATURES_MAX);
    l->entry[l->count++].keyid = keyid;
    return OTA_OK;
}

static enum ota_status put(struct list *l, struct ota_span keyid, const struct ota_value *value,
                           const struct ota_key_signature *made, struct ota_err *err) {
    size_t at;
    OTA_TRY(slot_of(l, keyid, &at, err));
    l->entry[at].value = value ? *value : (struct ota_value){.token = OTA_TOKEN_NULL};
    l->entry[at].made = made;
    return OTA_OK;
}

static enum ota_status read_list(const struct ota_role_file *f, struct list *out, struct ota_err *err) {
    struct ota_scan it;
    struct ota_value v;
    struct ota_span keyid;
    *out = (struct list){0};
    OTA_TRY(ota_scan_array(&f->meta.signatures, &it, err));
    for (bool more = true;;) {
        OTA_TRY(ota_scan_next_element(&it, &v, &more, err));
        if (!more)
            return OTA_OK;
        OTA_TRY(keyid_of(&v, &keyid, err));
        OTA_TRY(put(out, keyid, &v, NULL, err));
    }
}

static void write_list(struct ota_json *j, const struct list *l) {
    ota_json_key(j, "signatures");
    ota_json_array(j);
    for (size_t i = 0; i < l->count; i++) {
        if (!l->entry[i].made) {
            ota_role_write_value(j, &l->entry[i].value);
            continue;
        }
        ota_json_object(j);
        ota_json_key(j, "keyid");
        ota_json_span(j, l->entry[i].keyid);
        ota_json_key(j, "sig");
        ota_json_hex(j, l->entry[i].made->der, l->entry[i].made->len);
        ota_json_object_end(j);
    }
    ota_json_array_end(j);
}

static enum ota_status write_file(const struct ota_role_file *f, const struct list *l, struct ota_buf *out,
                                  struct ota_err *err) {
    struct ota_json j;
    ota_buf_reserve(out, OTA_METADATA_MAX);
    ota_json_init(&j, (char *)out->p, OTA_METADATA_MAX, false);
    ota_json_object(&j);
    write_list(&j, l);
    ota_json_key(&j, "signed");
    ota_role_write_value(&j, &f->meta.signed_value);
    ota_json_object_end(&j);
    if (j.bad)
        return ota_err_set(err, OTA_TOO_LARGE, "role %s: over %u bytes with one more signature", f->name,
                           OTA_METADATA_MAX);
    out->len = j.len;
    out->p[out->len] = 0;
    return OTA_OK;
}

/* ---- adding ---------------------------------------------------------------------------------------------- */

/* Tokens answer over a wire; a board that refuses is found out too late. */
static enum ota_status check_own(const struct ota_key *key, struct ota_span message,
                                 const struct ota_key_signature *made, struct ota_err *err) {
    struct ota_public_key public;
    bool valid = false;
    OTA_TRY(ota_public_key_from_pem(ota_span_str(ota_key_public(key)->pem), &public, err));
    const struct ota_span der = {made->der, made->len};
    OTA_TRY(ota_crypto_openssl.verify(ota_crypto_openssl.ctx, &public, message, der, &valid, err));
    return valid ? OTA_OK : ota_err_set(err, OTA_KEY, "the key made a signature that does not verify");
}

enum ota_status ota_role_add_signature(struct ota_span file, const struct ota_key *key, struct ota_buf *out,
                                       struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    struct ota_key_signature made;
    struct list l;
    OTA_TRY(ota_role_sign_open(file, &f, err));
    OTA_TRY(read_list(&f, &l, err));
    OTA_TRY(ota_key_sign(key, f.meta.signed_value.raw, &made, err));
    OTA_TRY(check_own(key, f.meta.signed_value.raw, &made, err));
    OTA_TRY(put(&l, ota_span_str(ota_key_public(key)->keyid), NULL, &made, err));
    return write_file(&f, &l, out, err);
}

/* ---- whose ---------------------------------------------------------------------------------------------- */

enum ota_status ota_role_by_signers(const struct ota_role_by *by, struct ota_signers *out, struct ota_err *err) {
    *out = (struct ota_signers){.threshold = by->threshold, .count = (uint8_t)by->count};
    for (size_t i = 0; i < by->count; i++) {
        out->keyid_crc[i] = ota_keyid_crc(ota_span_str(by->key[i].keyid));
        OTA_TRY(ota_public_key_from_pem(ota_span_str(by->key[i].pem), &out->key[i], err));
    }
    return OTA_OK;
}

bool ota_role_by_names(const struct ota_role_by *by, const char *keyid) {
    for (size_t i = 0; i < by->count; i++)
        if (strcmp(by->key[i].keyid, keyid) == 0)
            return true;
    return false;
}

/* ---- judging --------------------------------------------------------------------------------------------- */

enum ota_status ota_role_signed_by(const struct ota_role_file *f, const struct ota_signers *signers, uint32_t *by,
                                   struct ota_err *err) {
    *by = 0;
    for (uint8_t i = 0; i < signers->count; i++) {
        struct ota_signers one = {.threshold = 1, .count = 1};
        struct ota_err why;
        one.keyid_crc[0] = signers->keyid_crc[i];
        one.key[0] = signers->key[i];
        enum ota_status st = ota_metadata_verify(&f->meta, &one, &ota_crypto_openssl, &why);
        if (st == OTA_OK)
            *by |= 1u << i;
        else if (st != OTA_SIGNATURE)
            return ota_err_set(err, st, "%s", why.msg);
    }
    return OTA_OK;
}

/* The signature that was counted for this key. */
static const struct entry *find(const struct list *l, uint32_t keyid_crc) {
    for (size_t i = 0; i < l->count; i++)
        if (ota_keyid_crc(l->entry[i].keyid) == keyid_crc)
            return &l->entry[i];
    return NULL;
}

enum ota_status ota_role_take_signatures(struct ota_span file, struct ota_span copy, const struct ota_signers *signers,
                                         struct ota_buf *out, size_t *taken, struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0}, from = {0};
    struct list l, offered;
    uint32_t had, has;
    *taken = 0;
    OTA_TRY(ota_role_sign_open(file, &f, err));
    OTA_TRY(ota_role_sign_open(copy, &from, err));
    if (!ota_span_equal(f.meta.signed_value.raw, from.meta.signed_value.raw))
        return ota_err_set(err, OTA_HASH, "role %s: what was signed differs from what is here", f.name);
    OTA_TRY(read_list(&f, &l, err));
    OTA_TRY(read_list(&from, &offered, err));
    OTA_TRY(ota_role_signed_by(&f, signers, &had, err));
    OTA_TRY(ota_role_signed_by(&from, signers, &has, err));
    for (uint8_t i = 0; i < signers->count; i++) {
        const struct entry *e = has & ~had & 1u << i ? find(&offered, signers->keyid_crc[i]) : NULL;
        if (!e)
            continue;
        OTA_TRY(put(&l, e->keyid, &e->value, NULL, err));
        (*taken)++;
    }
    return write_file(&f, &l, out, err);
}
