/* SPDX-License-Identifier: Apache-2.0 */
/* Signs what a role writer puts down and wraps it; see role_seal.h. */
#include "sign/role_seal.h"

#include <string.h>

#define SPEC_VERSION "1.0.31"
#define ROOM (64u * 1024u) /* far above every cap: a file over its cap is measured before it is refused */

void ota_role_write_type(struct ota_json *j, const char *type) {
    ota_json_key(j, "_type");
    ota_json_str(j, type);
}

void ota_role_write_expires(struct ota_json *j, uint64_t expires) {
    char text[OTA_TIME_TEXT_MAX];
    ota_time_format(expires, text);
    ota_json_key(j, "expires");
    ota_json_str(j, text);
}

void ota_role_write_spec_version(struct ota_json *j) {
    ota_json_key(j, "spec_version");
    ota_json_str(j, SPEC_VERSION);
}

void ota_role_write_version(struct ota_json *j, uint64_t version) {
    ota_json_key(j, "version");
    ota_json_u64(j, version);
}

static void begin(struct ota_json *j, struct ota_buf *b, bool canonical) {
    ota_buf_reserve(b, ROOM);
    ota_json_init(j, (char *)b->p, ROOM, canonical);
}

static void write_signature(struct ota_json *j, const struct ota_key *key, const struct ota_key_signature *sig) {
    ota_json_object(j);
    ota_json_key(j, "keyid");
    ota_json_str(j, ota_key_public(key)->keyid);
    ota_json_key(j, "sig");
    ota_json_hex(j, sig->der, sig->len);
    ota_json_object_end(j);
}

static enum ota_status too_large(const struct ota_role_form *form, size_t size, struct ota_err *err) {
    return ota_err_set(err, OTA_TOO_LARGE, "role %s: %zu bytes, boards hold %zu; %s", form->name, size, form->cap,
                       form->remedy);
}

static enum ota_status write_file(const struct ota_role_form *form, const void *role, const struct ota_role_keys *keys,
                                  const struct ota_key_signature *sig, struct ota_buf *out, struct ota_err *err) {
    struct ota_json j;
    begin(&j, out, false);
    ota_json_object(&j);
    ota_json_key(&j, "signatures");
    ota_json_array(&j);
    for (size_t i = 0; i < keys->count; i++)
        write_signature(&j, keys->key[i], &sig[i]);
    ota_json_array_end(&j);
    ota_json_key(&j, "signed");
    form->write(&j, role);
    ota_json_object_end(&j);
    if (j.bad || j.len > form->cap)
        return too_large(form, j.len, err);
    out->len = j.len;
    out->p[out->len] = 0;
    return OTA_OK;
}

enum ota_status ota_role_seal(const struct ota_role_form *form, const void *role, const struct ota_role_keys *keys,
                              struct ota_buf *out, struct ota_err *err) {
    if (keys->count > OTA_ROLE_SIGNERS_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "role %s: %zu keys to sign with; at most %u are possible", form->name,
                           keys->count, OTA_ROLE_SIGNERS_MAX);
    OTA_CLEAN(ota_buf_free) struct ota_buf canonical = {0};
    struct ota_json j;
    begin(&j, &canonical, true);
    form->write(&j, role);
    if (j.bad)
        return too_large(form, j.len, err);
    struct ota_key_signature sig[OTA_ROLE_SIGNERS_MAX];
    struct ota_span message = {(const uint8_t *)j.p, j.len};
    for (size_t i = 0; i < keys->count; i++)
        OTA_TRY(ota_key_sign(keys->key[i], message, &sig[i], err));
    return write_file(form, role, keys, sig, out, err);
}
