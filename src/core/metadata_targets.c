/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of snapshot and timestamp; targets and delegations. TUF specification 1.0.x sections 4.4 to 4.6. */
#include <string.h>

#include "core/metadata_private.h"

enum ota_status ota_role_name_copy(struct ota_span name, char out[OTA_ROLE_NAME_MAX + 1], struct ota_err *err) {
    bool good = name.len > 0 && ota_span_copy(name, out, OTA_ROLE_NAME_MAX + 1);
    for (size_t i = 0; good && i < name.len; i++)
        good = name.p[i] >= 0x20 && name.p[i] != 0x7f && name.p[i] != '\\';
    if (!good)
        return ota_err_set(err, OTA_METADATA_FIELD, "a role's name is not 1 to %u printable bytes", OTA_ROLE_NAME_MAX);
    return OTA_OK;
}

/* Optional "hashes": only sha256 matters to us. */
static enum ota_status read_hashes(const struct ota_value *entry, struct ota_value *hashes, bool *has,
                                   uint8_t out[OTA_SHA256_LEN], struct ota_err *err) {
    struct ota_value v;
    OTA_TRY(ota_scan_find(entry, "hashes", hashes, has, err));
    if (!*has) {
        hashes->raw = (struct ota_span){NULL, 0};
        return OTA_OK;
    }
    OTA_TRY(ota_scan_find(hashes, "sha256", &v, has, err));
    return *has ? ota_scan_sha256(&v, "sha256", out, err) : OTA_OK;
}

static enum ota_status read_meta_entry(struct ota_span key, const struct ota_value *v, struct ota_meta_entry *out,
                                       struct ota_err *err) {
    static const char suffix[] = ".json";
    const size_t suffix_len = sizeof suffix - 1;
    struct ota_value field;
    bool found;
    *out = (struct ota_meta_entry){.length = OTA_LENGTH_UNKNOWN};
    if (key.len <= suffix_len || memcmp(key.p + key.len - suffix_len, suffix, suffix_len) != 0)
        return ota_err_set(err, OTA_METADATA_FIELD, "an entry of \"meta\" does not end in .json");
    OTA_TRY(ota_role_name_copy((struct ota_span){key.p, key.len - suffix_len}, out->name, err));
    OTA_TRY(ota_scan_get(v, "version", &field, err));
    OTA_TRY(ota_scan_u64(&field, "version", 1, UINT64_MAX, &out->version, err));
    OTA_TRY(ota_scan_find(v, "length", &field, &found, err));
    if (found)
        OTA_TRY(ota_scan_u64(&field, "length", 1, UINT64_MAX, &out->length, err));
    return read_hashes(v, &field, &out->has_sha256, out->sha256, err);
}

enum ota_status ota_meta_entries(const struct ota_metadata *m, struct ota_meta_entry *out, size_t cap, size_t *count,
                                 struct ota_err *err) {
    struct ota_value meta, v;
    struct ota_scan it;
    struct ota_span key;
    *count = 0;
    OTA_TRY(ota_scan_get(&m->signed_value, "meta", &meta, err));
    OTA_TRY(ota_scan_object(&meta, &it, err));
    for (bool more;; ++*count) {
        OTA_TRY(ota_scan_next_member(&it, &key, &v, &more, err));
        if (!more)
            return OTA_OK;
        if (*count == cap)
            return ota_err_set(err, OTA_TOO_LARGE, "more than %zu entries in \"meta\"", cap);
        OTA_TRY(read_meta_entry(key, &v, &out[*count], err));
    }
}

enum ota_status ota_timestamp_issued(const struct ota_metadata *m, uint64_t *unix_seconds, bool *found,
                                     struct ota_err *err) {
    struct ota_value v;
    OTA_TRY(ota_scan_find(&m->signed_value, "issued", &v, found, err));
    return *found ? ota_scan_time(&v, "issued", unix_seconds, err) : OTA_OK;
}

/* ---- delegations ---- */

/* A star is retried one byte longer each time what follows it does not match; only the last star needs that. */
bool ota_path_matches(struct ota_span pattern, struct ota_span path) {
    size_t i = 0, k = 0, star = SIZE_MAX, resume = 0;
    while (k < path.len) {
        uint8_t want = i < pattern.len ? pattern.p[i] : 0;
        if (i < pattern.len && want == '*') {
            star = i++;
            resume = k;
        } else if (i < pattern.len && (want == path.p[k] || (want == '?' && path.p[k] != '/'))) {
            i++;
            k++;
        } else if (star != SIZE_MAX && path.p[resume] != '/') {
            i = star + 1;
            k = ++resume;
        } else {
            return false;
        }
    }
    while (i < pattern.len && pattern.p[i] == '*')
        i++;
    return i == pattern.len;
}

/* The first pattern, or with `target` the first that matches it. */
static enum ota_status match_paths(const struct ota_value *role, const char *target, struct ota_span *pattern,
                                   bool *found, struct ota_err *err) {
    struct ota_value v;
    struct ota_scan it;
    OTA_TRY(ota_scan_get(role, "paths", &v, err));
    OTA_TRY(ota_scan_array(&v, &it, err));
    do {
        OTA_TRY(ota_scan_next_element(&it, &v, found, err));
        if (!*found)
            return OTA_OK;
        OTA_TRY(ota_scan_text(&v, "paths", pattern, err));
    } while (target && !ota_path_matches(*pattern, ota_span_str(target)));
    return OTA_OK;
}

static enum ota_status read_delegation(const struct ota_value *keys, const struct ota_value *role,
                                       struct ota_span pattern, const struct ota_crypto *crypto,
                                       struct ota_delegation *out, struct ota_err *err) {
    struct ota_value v;
    struct ota_span name;
    OTA_TRY(ota_scan_get(role, "name", &v, err));
    OTA_TRY(ota_scan_text(&v, "name", &name, err));
    OTA_TRY(ota_role_name_copy(name, out->name, err));
    for (int top = 0; top < OTA_ROLE_COUNT; top++)
        if (ota_span_equal_str(name, ota_role_name((enum ota_role)top)))
            return ota_err_set(err, OTA_METADATA_FIELD, "a delegation to the top-level role %s", out->name);
    if (!ota_span_copy(pattern, out->path, sizeof out->path))
        return ota_err_set(err, OTA_METADATA_FIELD, "role %s: a path is longer than %u bytes", out->name,
                           OTA_DELEGATION_PATH_MAX);
    OTA_TRY(ota_scan_get(role, "terminating", &v, err));
    OTA_TRY(ota_scan_bool(&v, "terminating", &out->terminating, err));
    enum ota_status status = ota_signers_read(keys, role, crypto, &out->signers, err);
    return status == OTA_OK ? OTA_OK : ota_err_prefix(err, "role %s", out->name);
}

/* The index-th delegation that matches `target` (any, when NULL). */
static enum ota_status nth_delegation(const struct ota_metadata *targets, const char *target, size_t index,
                                      const struct ota_crypto *crypto, struct ota_delegation *out, bool *found,
                                      struct ota_err *err) {
    struct ota_value delegations, keys, v;
    struct ota_scan it;
    struct ota_span pattern = {NULL, 0};
    OTA_TRY(ota_scan_find(&targets->signed_value, "delegations", &delegations, found, err));
    if (!*found)
        return OTA_OK;
    OTA_TRY(ota_scan_get(&delegations, "keys", &keys, err));
    OTA_TRY(ota_scan_get(&delegations, "roles", &v, err));
    OTA_TRY(ota_scan_array(&v, &it, err));
    for (bool match;;) {
        OTA_TRY(ota_scan_next_element(&it, &v, found, err));
        if (!*found)
            return OTA_OK;
        OTA_TRY(match_paths(&v, target, &pattern, &match, err));
        if (target && !match)
            continue;
        if (index-- == 0)
            return read_delegation(&keys, &v, match ? pattern : (struct ota_span){NULL, 0}, crypto, out, err);
    }
}

enum ota_status ota_targets_delegation(const struct ota_metadata *targets, const char *target, size_t index,
                                       const struct ota_crypto *crypto, struct ota_delegation *out, bool *found,
                                       struct ota_err *err) {
    return nth_delegation(targets, target, index, crypto, out, found, err);
}
enum ota_status ota_targets_delegation_at(const struct ota_metadata *targets, size_t index,
                                          const struct ota_crypto *crypto, struct ota_delegation *out, bool *found,
                                          struct ota_err *err) {
    return nth_delegation(targets, NULL, index, crypto, out, found, err);
}

/* ---- targets ---- */

enum ota_status ota_targets_begin(const struct ota_metadata *m, struct ota_scan *it, struct ota_err *err) {
    struct ota_value targets;
    OTA_TRY(ota_scan_get(&m->signed_value, "targets", &targets, err));
    return ota_scan_object(&targets, it, err);
}

enum ota_status ota_targets_next(struct ota_scan *it, struct ota_target *out, bool *more, struct ota_err *err) {
    struct ota_value v, field;
    OTA_TRY(ota_scan_next_member(it, &out->path, &v, more, err));
    if (!*more)
        return OTA_OK;
    OTA_TRY(ota_scan_get(&v, "length", &field, err));
    OTA_TRY(ota_scan_u64(&field, "length", 0, UINT64_MAX, &out->length, err));
    OTA_TRY(read_hashes(&v, &out->hashes, &out->has_sha256, out->sha256, err));
    return ota_scan_find(&v, "custom", &out->custom, &out->has_custom, err);
}

enum ota_status ota_targets_find(const struct ota_metadata *m, const char *path, struct ota_target *out, bool *found,
                                 struct ota_err *err) {
    struct ota_scan it;
    OTA_TRY(ota_targets_begin(m, &it, err));
    do {
        OTA_TRY(ota_targets_next(&it, out, found, err));
    } while (*found && !ota_span_equal_str(out->path, path));
    return OTA_OK;
}
