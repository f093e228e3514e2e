/* SPDX-License-Identifier: Apache-2.0 */
/* Roles that name keys, read back to be changed; see role.h. */
#include <stdio.h>
#include <string.h>

#include "sign/role.h"

static enum ota_status foreign(struct ota_err *err, const char *what) {
    return ota_err_set(err, OTA_UNSUPPORTED, "%s was not written by otactl and would be lost", what);
}

/* The key object is written back by ota_key_write(), so it must be one of those. */
static enum ota_status read_key(const struct ota_value *keys, const char *keyid, struct ota_key_public *out,
                                struct ota_err *err) {
    struct ota_value key, v;
    struct ota_span text;
    size_t n = 0;
    OTA_TRY(ota_scan_get(keys, keyid, &key, err));
    OTA_TRY(ota_scan_get(&key, "keytype", &v, err));
    OTA_TRY(ota_scan_text(&v, "keytype", &text, err));
    if (!ota_span_equal_str(text, "ecdsa"))
        return foreign(err, "a key that is not ecdsa");
    OTA_TRY(ota_scan_get(&key, "scheme", &v, err));
    OTA_TRY(ota_scan_text(&v, "scheme", &text, err));
    if (!ota_span_equal_str(text, "ecdsa-sha2-nistp256"))
        return foreign(err, "a key that is not ecdsa-sha2-nistp256");
    OTA_TRY(ota_scan_get(&key, "keyval", &v, err));
    OTA_TRY(ota_scan_get(&v, "public", &v, err));
    OTA_TRY(ota_scan_string(&v, "public", out->pem, sizeof out->pem, &n, err));
    memcpy(out->keyid, keyid, strlen(keyid) + 1);
    return OTA_OK;
}

static enum ota_status read_keyid(const struct ota_value *v, char out[OTA_SHA256_HEX_LEN + 1], struct ota_err *err) {
    struct ota_span text;
    OTA_TRY(ota_scan_text(v, "keyids", &text, err));
    if (text.len != OTA_SHA256_HEX_LEN || !ota_span_copy(text, out, OTA_SHA256_HEX_LEN + 1))
        return foreign(err, "a keyid that is no SHA-256");
    return OTA_OK;
}

static enum ota_status read_by(const struct ota_value *keys, const struct ota_value *role, struct ota_role_by *out,
                               struct ota_err *err) {
    struct ota_value v;
    struct ota_scan it;
    uint64_t threshold;
    OTA_TRY(ota_scan_get(role, "threshold", &v, err));
    OTA_TRY(ota_scan_u64(&v, "threshold", 1, UINT32_MAX, &threshold, err));
    out->threshold = (uint32_t)threshold;
    out->count = 0;
    OTA_TRY(ota_scan_get(role, "keyids", &v, err));
    OTA_TRY(ota_scan_array(&v, &it, err));
    for (bool more = true;;) {
        char keyid[OTA_SHA256_HEX_LEN + 1];
        OTA_TRY(ota_scan_next_element(&it, &v, &more, err));
        if (!more)
            return OTA_OK;
        if (out->count == OTA_ROLE_KEYS_MAX)
            return ota_err_set(err, OTA_TOO_LARGE, "more than %u keys in one role", OTA_ROLE_KEYS_MAX);
        OTA_TRY(read_keyid(&v, keyid, err));
        OTA_TRY(read_key(keys, keyid, &out->key[out->count], err));
        out->count++;
    }
}

static enum ota_status read_root(const struct ota_metadata *m, struct ota_role_root *out, struct ota_err *err) {
    struct ota_value keys, roles, role;
    OTA_TRY(ota_scan_get(&m->signed_value, "keys", &keys, err));
    OTA_TRY(ota_scan_get(&m->signed_value, "roles", &roles, err));
    for (int i = 0; i < OTA_ROLE_COUNT; i++) {
        OTA_TRY(ota_scan_get(&roles, ota_role_name((enum ota_role)i), &role, err));
        OTA_TRY(read_by(&keys, &role, &out->by[i], err));
    }
    return OTA_OK;
}

enum ota_status ota_role_root_read(const struct ota_metadata *m, struct ota_role_root *out, struct ota_err *err) {
    memset(out, 0, sizeof *out);
    out->version = m->version;
    out->expires = m->expires;
    return read_root(m, out, err) == OTA_OK ? OTA_OK : ota_err_prefix(err, "role root");
}

/* The one path that write_delegation() gives this role. */
static enum ota_status check_path(const struct ota_value *delegation, const char *wanted, struct ota_err *err) {
    struct ota_value v;
    struct ota_scan it;
    struct ota_span path;
    bool more;
    OTA_TRY(ota_scan_get(delegation, "paths", &v, err));
    OTA_TRY(ota_scan_array(&v, &it, err));
    OTA_TRY(ota_scan_next_element(&it, &v, &more, err));
    if (!more)
        return foreign(err, "a delegation without a path");
    OTA_TRY(ota_scan_text(&v, "paths", &path, err));
    OTA_TRY(ota_scan_next_element(&it, &v, &more, err));
    return !more && ota_span_equal_str(path, wanted) ? OTA_OK : foreign(err, "a delegation with other paths");
}

static enum ota_status read_delegation(const struct ota_value *keys, const struct ota_value *delegation,
                                       struct ota_role_targets *out, struct ota_err *err) {
    struct ota_value v;
    char name[OTA_NAME_MAX + 1], path[OTA_DELEGATION_PATH_MAX + 1];
    struct ota_span text;
    OTA_TRY(ota_scan_get(delegation, "name", &v, err));
    OTA_TRY(ota_scan_text(&v, "name", &text, err));
    if (!ota_span_copy(text, name, sizeof name))
        return foreign(err, "a delegation to no product");
    if (strcmp(name, "rollout") == 0) {
        OTA_TRY(check_path(delegation, "rollout/*/*", err));
        return read_by(keys, delegation, &out->rollout, err);
    }
    if (!ota_name_valid(text) || ota_name_reserved(text))
        return foreign(err, "a delegation to no product");
    if (out->count == OTA_PRODUCTS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "more than %u products", OTA_PRODUCTS_MAX);
    (void)snprintf(path, sizeof path, "img/%s/*/*", name);
    OTA_TRY(check_path(delegation, path, err));
    struct ota_role_delegation *d = &out->product[out->count++];
    memcpy(d->name, name, sizeof name);
    return read_by(keys, delegation, &d->by, err);
}

static enum ota_status check_no_targets(const struct ota_metadata *m, struct ota_err *err) {
    struct ota_scan it;
    struct ota_target entry;
    bool more;
    OTA_TRY(ota_targets_begin(m, &it, err));
    OTA_TRY(ota_targets_next(&it, &entry, &more, err));
    return more ? foreign(err, "a file that targets itself lists") : OTA_OK;
}

static enum ota_status read_targets(const struct ota_metadata *m, struct ota_role_targets *out, struct ota_err *err) {
    struct ota_value delegations, keys, roles, v;
    struct ota_scan it;
    OTA_TRY(check_no_targets(m, err));
    OTA_TRY(ota_scan_get(&m->signed_value, "delegations", &delegations, err));
    OTA_TRY(ota_scan_get(&delegations, "keys", &keys, err));
    OTA_TRY(ota_scan_get(&delegations, "roles", &roles, err));
    OTA_TRY(ota_scan_array(&roles, &it, err));
    for (bool more = true;;) {
        OTA_TRY(ota_scan_next_element(&it, &v, &more, err));
        if (!more)
            return OTA_OK;
        OTA_TRY(read_delegation(&keys, &v, out, err));
    }
}

enum ota_status ota_role_targets_read(const struct ota_metadata *m, struct ota_role_targets *out, struct ota_err *err) {
    memset(out, 0, sizeof *out);
    out->version = m->version;
    out->expires = m->expires;
    return read_targets(m, out, err) == OTA_OK ? OTA_OK : ota_err_prefix(err, "role targets");
}
