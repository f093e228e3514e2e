/* SPDX-License-Identifier: Apache-2.0 */
/* Channels: what is offered to which boards. The target rollout/<product>/<channel>, all of it in `custom`. */
#include <string.h>

#include "ota/release.h"

bool ota_channel_path(const char *product, const char *channel, char *out, size_t cap) {
    if (strlen("rollout//") + strlen(product) + strlen(channel) >= cap)
        return false;
    ota_format(out, cap, "rollout/%s/%s", product, channel);
    return true;
}

static enum ota_status get_u64(const struct ota_value *object, const char *name, uint64_t min, uint64_t max,
                               uint64_t *out, struct ota_err *err) {
    struct ota_value v;
    OTA_TRY(ota_scan_get(object, name, &v, err));
    return ota_scan_u64(&v, name, min, max, out, err);
}

static enum ota_status get_array(const struct ota_value *object, const char *name, struct ota_scan *it,
                                 struct ota_err *err) {
    struct ota_value v;
    OTA_TRY(ota_scan_get(object, name, &v, err));
    if (ota_scan_array(&v, it, err) != OTA_OK)
        return ota_err_prefix(err, "\"%s\"", name);
    return OTA_OK;
}

static enum ota_status read_groups(const struct ota_value *custom, struct ota_channel *c, struct ota_err *err) {
    struct ota_scan it;
    struct ota_value v;
    struct ota_span text;
    OTA_TRY(get_array(custom, "groups", &it, err));
    for (bool more;; c->group_count++) {
        OTA_TRY(ota_scan_next_element(&it, &v, &more, err));
        if (!more)
            return OTA_OK;
        if (c->group_count == OTA_GROUPS_MAX)
            return ota_err_set(err, OTA_METADATA_FIELD, "more than %u groups", OTA_GROUPS_MAX);
        OTA_TRY(ota_scan_text(&v, "groups", &text, err));
        if ((!ota_span_equal_str(text, "*") && !ota_name_valid(text)) ||
            !ota_span_copy(text, c->group[c->group_count], sizeof c->group[0]))
            return ota_err_set(err, OTA_METADATA_FIELD, "\"groups\" holds a name that is not valid");
    }
}

/* Ascending, the last is the release itself. */
static enum ota_status read_path(const struct ota_value *custom, struct ota_channel *c, struct ota_err *err) {
    struct ota_scan it;
    struct ota_value v;
    uint64_t n, before = 0;
    OTA_TRY(get_array(custom, "path", &it, err));
    for (bool more;; c->path_count++) {
        OTA_TRY(ota_scan_next_element(&it, &v, &more, err));
        if (!more)
            break;
        if (c->path_count == OTA_PATH_STONES_MAX)
            return ota_err_set(err, OTA_METADATA_FIELD, "\"path\" has more than %u counters", OTA_PATH_STONES_MAX);
        OTA_TRY(ota_scan_u64(&v, "path", before + 1, OTA_COUNTER_MAX, &n, err));
        c->path[c->path_count] = (uint32_t)n;
        before = n;
    }
    if (before != c->counter)
        return ota_err_set(err, OTA_METADATA_FIELD, "\"path\" does not end with the release");
    return OTA_OK;
}

static enum ota_status read_salt(const struct ota_value *custom, struct ota_channel *c, struct ota_err *err) {
    struct ota_value v;
    struct ota_span text;
    OTA_TRY(ota_scan_get(custom, "salt", &v, err));
    OTA_TRY(ota_scan_text(&v, "salt", &text, err));
    bool good = text.len > 0 && ota_span_copy(text, c->salt, sizeof c->salt);
    for (size_t i = 0; good && i < text.len; i++)
        good = text.p[i] > 0x20 && text.p[i] < 0x7f;
    return good ? OTA_OK
                : ota_err_set(err, OTA_METADATA_FIELD, "\"salt\" is not 1 to %u ASCII characters", OTA_SALT_MAX);
}

static enum ota_status check_release_path(const struct ota_value *custom, const char *product, uint32_t counter,
                                          struct ota_err *err) {
    char path[OTA_TARGET_PATH_MAX];
    struct ota_value v;
    struct ota_span text;
    OTA_TRY(ota_scan_get(custom, "release", &v, err));
    OTA_TRY(ota_scan_text(&v, "release", &text, err));
    if (!ota_release_path(product, counter, "release.txt", path, sizeof path) || !ota_span_equal_str(text, path))
        return ota_err_set(err, OTA_METADATA_FIELD, "\"release\" does not name release.txt of \"counter\"");
    return OTA_OK;
}

static enum ota_status read_custom(const struct ota_value *custom, const char *product, struct ota_channel *out,
                                   struct ota_err *err) {
    uint64_t n;
    OTA_TRY(get_u64(custom, "counter", 1, OTA_COUNTER_MAX, &n, err));
    out->counter = (uint32_t)n;
    OTA_TRY(get_u64(custom, "permille", 0, 1000, &n, err));
    out->permille = (uint16_t)n;
    OTA_TRY(check_release_path(custom, product, out->counter, err));
    OTA_TRY(read_groups(custom, out, err));
    OTA_TRY(read_path(custom, out, err));
    return read_salt(custom, out, err);
}

enum ota_status ota_channel_read(const struct ota_target *entry, const char *product, struct ota_channel *out,
                                 struct ota_err *err) {
    memset(out, 0, sizeof *out);
    if (!entry->has_custom || entry->length != 0)
        return ota_err_set(err, OTA_METADATA_FIELD, "%.*s: not a channel", (int)entry->path.len,
                           (const char *)entry->path.p);
    if (read_custom(&entry->custom, product, out, err) != OTA_OK)
        return ota_err_prefix(err, "%.*s", (int)entry->path.len, (const char *)entry->path.p);
    return OTA_OK;
}

static void write_custom(struct ota_json *j, const char *product, const struct ota_channel *c) {
    char path[OTA_TARGET_PATH_MAX];
    ota_json_key(j, "custom");
    ota_json_object(j);
    ota_json_key(j, "counter");
    ota_json_u64(j, c->counter);
    ota_json_key(j, "groups");
    ota_json_array(j);
    for (size_t i = 0; i < c->group_count; i++)
        ota_json_str(j, c->group[i]);
    ota_json_array_end(j);
    ota_json_key(j, "path");
    ota_json_array(j);
    for (size_t i = 0; i < c->path_count; i++)
        ota_json_u64(j, c->path[i]);
    ota_json_array_end(j);
    ota_json_key(j, "permille");
    ota_json_u64(j, c->permille);
    ota_json_key(j, "release");
    if (!ota_release_path(product, c->counter, "release.txt", path, sizeof path))
        j->bad = true;
    else
        ota_json_str(j, path);
    ota_json_key(j, "salt");
    ota_json_str(j, c->salt);
    ota_json_object_end(j);
}

void ota_channel_write(struct ota_json *j, const char *product, const char *channel, const struct ota_channel *c) {
    static const char empty_sha256[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    char path[OTA_TARGET_PATH_MAX];
    if (!ota_channel_path(product, channel, path, sizeof path)) {
        j->bad = true;
        return;
    }
    ota_json_key(j, path);
    ota_json_object(j);
    write_custom(j, product, c);
    ota_json_key(j, "hashes");
    ota_json_object(j);
    ota_json_key(j, "sha256");
    ota_json_str(j, empty_sha256);
    ota_json_object_end(j);
    ota_json_key(j, "length");
    ota_json_u64(j, 0);
    ota_json_object_end(j);
}

enum ota_status ota_channel_includes(const struct ota_channel *c, const struct ota_crypto *crypto, const char *device,
                                     bool *in, struct ota_err *err) {
    uint8_t text[OTA_SALT_MAX + 1 + OTA_DEVICE_ID_MAX], digest[OTA_SHA256_LEN];
    size_t salt = strlen(c->salt), id = strlen(device);
    if (id > OTA_DEVICE_ID_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "device id longer than %u characters", OTA_DEVICE_ID_MAX);
    memcpy(text, c->salt, salt);
    text[salt] = 0;
    memcpy(text + salt + 1, device, id);
    OTA_TRY(ota_sha256(crypto, text, salt + 1 + id, digest, err));
    *in = (uint64_t)ota_be32(digest) * 1000 < (uint64_t)c->permille << 32;
    return OTA_OK;
}
