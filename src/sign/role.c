/* SPDX-License-Identifier: Apache-2.0 */
/* root, targets, snapshot, timestamp: the roles that name keys and files; see role.h. */
#include "sign/role.h"

#include <stdio.h>
#include <string.h>

#include "host/crypto.h"
#include "sign/role_seal.h"

#define KEYS_MAX ((OTA_PRODUCTS_MAX + 1u) * OTA_ROLE_KEYS_MAX) /* of all roles one file names */

struct key_list {
    size_t count;
    const struct ota_key_public *key[KEYS_MAX];
};

struct ota_role_by ota_role_by_key(const struct ota_key_public *key) {
    return (struct ota_role_by){.threshold = 1, .count = 1, .key = {*key}};
}

static void collect(struct key_list *list, const struct ota_role_by *by) {
    for (size_t i = 0; i < by->count && list->count < KEYS_MAX; i++)
        list->key[list->count++] = &by->key[i];
}

static int compare_keys(const void *a, const void *b) {
    const struct ota_key_public *const *x = a, *const *y = b;
    return strcmp((*x)->keyid, (*y)->keyid);
}

/* "keys": each key once, sorted by keyid. */
static void write_keys(struct ota_json *j, struct key_list *list) {
    qsort(list->key, list->count, sizeof list->key[0], compare_keys);
    ota_json_key(j, "keys");
    ota_json_object(j);
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0 && strcmp(list->key[i]->keyid, list->key[i - 1]->keyid) == 0)
            continue;
        ota_json_key(j, list->key[i]->keyid);
        ota_key_write(j, list->key[i]);
    }
    ota_json_object_end(j);
}

static void write_keyids(struct ota_json *j, const struct ota_role_by *by) {
    ota_json_key(j, "keyids");
    ota_json_array(j);
    for (size_t i = 0; i < by->count; i++)
        ota_json_str(j, by->key[i].keyid);
    ota_json_array_end(j);
}

static void write_threshold(struct ota_json *j, const struct ota_role_by *by) {
    ota_json_key(j, "threshold");
    ota_json_u64(j, by->threshold);
}

/* Whether boards could read it, and anybody meet it. */
static enum ota_status check_by(const char *role, const struct ota_role_by *by, struct ota_err *err) {
    if (by->count == 0 || by->count > OTA_ROLE_KEYS_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "role %s: %zu keys; 1 to %u are possible", role, by->count,
                           OTA_ROLE_KEYS_MAX);
    if (by->threshold == 0 || by->threshold > by->count)
        return ota_err_set(err, OTA_ARGUMENT, "role %s: %u signatures of %zu keys are not possible", role,
                           by->threshold, by->count);
    for (size_t i = 0; i < by->count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(by->key[i].keyid, by->key[k].keyid) == 0)
                return ota_err_set(err, OTA_ARGUMENT, "role %s: key %.8s is named twice", role, by->key[i].keyid);
    return OTA_OK;
}

static void write_root(struct ota_json *j, const void *role) {
    static const enum ota_role sorted[OTA_ROLE_COUNT] = {OTA_ROLE_ROOT, OTA_ROLE_SNAPSHOT, OTA_ROLE_TARGETS,
                                                         OTA_ROLE_TIMESTAMP};
    const struct ota_role_root *r = role;
    struct key_list keys = {0};
    for (size_t i = 0; i < OTA_ROLE_COUNT; i++)
        collect(&keys, &r->by[i]);
    ota_json_object(j);
    ota_role_write_type(j, "root");
    ota_json_key(j, "consistent_snapshot");
    ota_json_bool(j, true);
    ota_role_write_expires(j, r->expires);
    write_keys(j, &keys);
    ota_json_key(j, "roles");
    ota_json_object(j);
    for (size_t i = 0; i < OTA_ROLE_COUNT; i++) {
        ota_json_key(j, ota_role_name(sorted[i]));
        ota_json_object(j);
        write_keyids(j, &r->by[sorted[i]]);
        write_threshold(j, &r->by[sorted[i]]);
        ota_json_object_end(j);
    }
    ota_json_object_end(j);
    ota_role_write_spec_version(j);
    ota_role_write_version(j, r->version);
    ota_json_object_end(j);
}

enum ota_status ota_role_root(const struct ota_role_root *r, const struct ota_role_keys *keys, struct ota_buf *out,
                              struct ota_err *err) {
    static const struct ota_role_form form = {"root", OTA_CAP_ROOT, "name fewer keys", write_root};
    for (int role = 0; role < OTA_ROLE_COUNT; role++)
        OTA_TRY(check_by(ota_role_name((enum ota_role)role), &r->by[role], err));
    return ota_role_seal(&form, r, keys, out, err);
}

static void write_delegation(struct ota_json *j, const char *name, const char *path, bool terminating,
                             const struct ota_role_by *by) {
    ota_json_object(j);
    write_keyids(j, by);
    ota_json_key(j, "name");
    ota_json_str(j, name);
    ota_json_key(j, "paths");
    ota_json_array(j);
    ota_json_str(j, path);
    ota_json_array_end(j);
    ota_json_key(j, "terminating");
    ota_json_bool(j, terminating);
    write_threshold(j, by);
    ota_json_object_end(j);
}

static void write_delegations(struct ota_json *j, const struct ota_role_targets *r) {
    struct key_list keys = {0};
    for (size_t i = 0; i < r->count; i++)
        collect(&keys, &r->product[i].by);
    collect(&keys, &r->rollout);
    ota_json_key(j, "delegations");
    ota_json_object(j);
    write_keys(j, &keys);
    ota_json_key(j, "roles");
    ota_json_array(j);
    for (size_t i = 0; i < r->count; i++) {
        char path[OTA_DELEGATION_PATH_MAX + 1];
        (void)snprintf(path, sizeof path, "img/%s/*/*", r->product[i].name);
        write_delegation(j, r->product[i].name, path, false, &r->product[i].by);
    }
    write_delegation(j, "rollout", "rollout/*/*", true, &r->rollout);
    ota_json_array_end(j);
    ota_json_object_end(j);
}

static void write_targets(struct ota_json *j, const void *role) {
    const struct ota_role_targets *r = role;
    ota_json_object(j);
    ota_role_write_type(j, "targets");
    write_delegations(j, r);
    ota_role_write_expires(j, r->expires);
    ota_role_write_spec_version(j);
    ota_json_key(j, "targets");
    ota_json_object(j);
    ota_json_object_end(j);
    ota_role_write_version(j, r->version);
    ota_json_object_end(j);
}

enum ota_status ota_role_targets(const struct ota_role_targets *r, const struct ota_role_keys *keys,
                                 struct ota_buf *out, struct ota_err *err) {
    static const struct ota_role_form form = {
        "targets", OTA_CAP_TARGETS, "a repository holds at most 12 products; make a second workspace", write_targets};
    if (r->count > OTA_PRODUCTS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "role targets: %zu products; %s", r->count, form.remedy);
    for (size_t i = 0; i < r->count; i++)
        OTA_TRY(check_by(r->product[i].name, &r->product[i].by, err));
    OTA_TRY(check_by("rollout", &r->rollout, err));
    return ota_role_seal(&form, r, keys, out, err);
}

static void write_entry(struct ota_json *j, const struct ota_meta_entry *e) {
    char file[OTA_ROLE_NAME_MAX + 8];
    (void)snprintf(file, sizeof file, "%s.json", e->name);
    ota_json_key(j, file);
    ota_json_object(j);
    if (e->has_sha256) {
        ota_json_key(j, "hashes");
        ota_json_object(j);
        ota_json_key(j, "sha256");
        ota_json_hex(j, e->sha256, sizeof e->sha256);
        ota_json_object_end(j);
    }
    if (e->length != OTA_LENGTH_UNKNOWN) {
        ota_json_key(j, "length");
        ota_json_u64(j, e->length);
    }
    ota_role_write_version(j, e->version);
    ota_json_object_end(j);
}

/* By file name: '-' sorts before the '.' of ".json". */
static int compare_entries(const void *a, const void *b) {
    const struct ota_meta_entry *const *x = a, *const *y = b;
    char left[OTA_ROLE_NAME_MAX + 8], right[OTA_ROLE_NAME_MAX + 8];
    (void)snprintf(left, sizeof left, "%s.json", (*x)->name);
    (void)snprintf(right, sizeof right, "%s.json", (*y)->name);
    return strcmp(left, right);
}

static void write_snapshot(struct ota_json *j, const void *role) {
    const struct ota_role_snapshot *r = role;
    const struct ota_meta_entry *sorted[OTA_SNAPSHOT_ENTRIES_MAX] = {NULL};
    for (size_t i = 0; i < r->count; i++)
        sorted[i] = &r->entry[i];
    qsort(sorted, r->count, sizeof sorted[0], compare_entries);
    ota_json_object(j);
    ota_role_write_type(j, "snapshot");
    ota_role_write_expires(j, r->expires);
    ota_json_key(j, "meta");
    ota_json_object(j);
    for (size_t i = 0; i < r->count; i++)
        write_entry(j, sorted[i]);
    ota_json_object_end(j);
    ota_role_write_spec_version(j);
    ota_role_write_version(j, r->version);
    ota_json_object_end(j);
}

enum ota_status ota_role_snapshot(const struct ota_role_snapshot *r, const struct ota_role_keys *keys,
                                  struct ota_buf *out, struct ota_err *err) {
    static const struct ota_role_form form = {"snapshot", OTA_CAP_SNAPSHOT,
                                              "a repository holds at most 12 products; make a second workspace",
                                              write_snapshot};
    if (r->count > OTA_SNAPSHOT_ENTRIES_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "role snapshot: %zu entries; %s", r->count, form.remedy);
    return ota_role_seal(&form, r, keys, out, err);
}

static void write_timestamp(struct ota_json *j, const void *role) {
    const struct ota_role_timestamp *r = role;
    char issued[OTA_TIME_TEXT_MAX];
    ota_time_format(r->issued, issued);
    ota_json_object(j);
    ota_role_write_type(j, "timestamp");
    ota_role_write_expires(j, r->expires);
    ota_json_key(j, "issued");
    ota_json_str(j, issued);
    ota_json_key(j, "meta");
    ota_json_object(j);
    write_entry(j, &r->snapshot);
    ota_json_object_end(j);
    ota_role_write_spec_version(j);
    ota_role_write_version(j, r->version);
    ota_json_object_end(j);
}

enum ota_status ota_role_timestamp(const struct ota_role_timestamp *r, const struct ota_role_keys *keys,
                                   struct ota_buf *out, struct ota_err *err) {
    static const struct ota_role_form form = {"timestamp", OTA_CAP_TIMESTAMP, "this is a fault in this program",
                                              write_timestamp};
    return ota_role_seal(&form, r, keys, out, err);
}

enum ota_status ota_role_entry(const char *name, uint64_t version, struct ota_span file, struct ota_meta_entry *out,
                               struct ota_err *err) {
    memset(out, 0, sizeof *out);
    if (!ota_span_copy(ota_span_str(name), out->name, sizeof out->name))
        return ota_err_set(err, OTA_ARGUMENT, "role name \"%s\": at most %u characters", name, OTA_ROLE_NAME_MAX);
    out->version = version;
    out->length = file.len;
    out->has_sha256 = true;
    return ota_sha256(&ota_crypto_openssl, file.p, file.len, out->sha256, err);
}
