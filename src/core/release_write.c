/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the members of `targets` that make up a release, and the paths of its files. */
#include <string.h>

#include "core/release_private.h"

bool ota_release_path(const char *product, uint32_t counter, const char *file, char *out, size_t cap) {
    size_t want = strlen(product) + strlen(file) + strlen("img///") + 9; /* OTA_COUNTER_MAX has nine digits */
    if (want >= cap || counter > OTA_COUNTER_MAX)
        return false;
    ota_format(out, cap, "img/%s/%u/%s", product, (unsigned)counter, file);
    return true;
}

bool ota_release_served_path(const char *product, uint32_t counter, const char *file,
                             const uint8_t sha256[OTA_SHA256_LEN], char *out, size_t cap) {
    char named[OTA_SHA256_HEX_LEN + 1 + OTA_FILE_MAX + 1];
    if (strlen(file) > OTA_FILE_MAX)
        return false;
    ota_hex_encode(sha256, OTA_SHA256_LEN, named);
    named[OTA_SHA256_HEX_LEN] = '.';
    memcpy(named + OTA_SHA256_HEX_LEN + 1, file, strlen(file) + 1);
    return ota_release_path(product, counter, named, out, cap);
}

void ota_release_packed_file(const char *file, char out[OTA_PACKED_FILE_MAX + 1]) {
    ota_format(out, OTA_PACKED_FILE_MAX + 1, "%s.z", file);
}

bool ota_release_packed_path(const char *product, uint32_t counter, const char *file,
                             const uint8_t z_sha256[OTA_SHA256_LEN], char *out, size_t cap) {
    char packed[OTA_PACKED_FILE_MAX + 1];
    ota_release_packed_file(file, packed);
    return ota_release_served_path(product, counter, packed, z_sha256, out, cap);
}

static void write_key(struct ota_json *j, const struct ota_release *r, const char *file) {
    char path[OTA_TARGET_PATH_MAX];
    if (!ota_release_path(r->product, r->counter, file, path, sizeof path)) {
        j->bad = true;
        return;
    }
    ota_json_key(j, path);
}

static void write_digest(struct ota_json *j, const uint8_t sha256[OTA_SHA256_LEN], uint32_t length) {
    ota_json_key(j, "hashes");
    ota_json_object(j);
    ota_json_key(j, "sha256");
    ota_json_hex(j, sha256, OTA_SHA256_LEN);
    ota_json_object_end(j);
    ota_json_key(j, "length");
    ota_json_u64(j, length);
}

static void write_step(struct ota_json *j, const struct ota_release *r, const struct ota_step *s) {
    write_key(j, r, s->file);
    ota_json_object(j);
    ota_json_key(j, "custom");
    ota_json_object(j);
    ota_json_key(j, "kind");
    ota_json_str(j, ota_kind_name(s->kind));
    ota_json_key(j, "label");
    ota_json_str(j, s->label);
    if (s->z_length) {
        ota_json_key(j, "z");
        ota_json_object(j);
        ota_json_key(j, "length");
        ota_json_u64(j, s->z_length);
        ota_json_key(j, "sha256");
        ota_json_hex(j, s->z_sha256, OTA_SHA256_LEN);
        ota_json_object_end(j);
    }
    ota_json_object_end(j);
    write_digest(j, s->sha256, s->length);
    ota_json_object_end(j);
}

static void write_boot(struct ota_json *j, const struct ota_boot_config *b) {
    ota_json_key(j, "boot");
    ota_json_object(j);
    ota_json_key(j, "anti_rollback");
    ota_json_bool(j, b->anti_rollback);
    ota_json_key(j, "flash_encryption");
    ota_json_bool(j, b->flash_encryption);
    ota_json_key(j, "rollback");
    ota_json_bool(j, b->rollback);
    ota_json_key(j, "secure_boot");
    ota_json_u64(j, b->secure_boot);
    ota_json_key(j, "table_offset");
    ota_json_u64(j, b->table_offset);
    ota_json_object_end(j);
}

/* `rows`: strings that lie `stride` bytes apart. */
static void write_list(struct ota_json *j, const char *key, const char *rows, size_t stride, size_t count) {
    ota_json_key(j, key);
    ota_json_array(j);
    for (size_t i = 0; i < count; i++)
        ota_json_str(j, rows + i * stride);
    ota_json_array_end(j);
}

static void write_number(struct ota_json *j, const char *key, uint64_t v) {
    ota_json_key(j, key);
    ota_json_u64(j, v);
}

static void write_custom(struct ota_json *j, const struct ota_release *r) {
    ota_json_key(j, "custom");
    ota_json_object(j);
    if (r->has_boot)
        write_boot(j, &r->boot);
    write_list(j, "channels", (const char *)r->channel, sizeof r->channel[0], r->channel_count);
    ota_json_key(j, "chip");
    ota_json_str(j, r->chip);
    write_number(j, "chip_rev_min", r->chip_rev_min);
    ota_json_key(j, "compat");
    ota_json_bool(j, r->compat);
    write_number(j, "counter", r->counter);
    write_number(j, "from_min", r->from_min);
    write_list(j, "needs", (const char *)r->need, sizeof r->need[0], r->need_count);
    ota_json_key(j, "product");
    ota_json_str(j, r->product);
    if (r->risk) {
        ota_json_key(j, "risk");
        ota_json_str(j, "accept");
    }
    write_number(j, "secure_version", r->secure_version);
    write_list(j, "steps", (const char *)r->step + offsetof(struct ota_step, file), sizeof r->step[0], r->step_count);
    ota_json_key(j, "version");
    ota_json_str(j, r->version);
    ota_json_object_end(j);
}

static void write_text(struct ota_json *j, const struct ota_release *r) {
    write_key(j, r, OTA_RELEASE_FILE);
    ota_json_object(j);
    write_custom(j, r);
    write_digest(j, r->notes_sha256, r->notes_length);
    ota_json_object_end(j);
}

/* The name that follows `after` in byte order among the steps' files and release.txt; NULL at the end. */
static const char *next_file(const struct ota_release *r, const char *after, const struct ota_step **step) {
    const char *best = strcmp(OTA_RELEASE_FILE, after) > 0 ? OTA_RELEASE_FILE : NULL;
    *step = NULL;
    for (size_t i = 0; i < r->step_count; i++) {
        const char *file = r->step[i].file;
        if (strcmp(file, after) > 0 && (!best || strcmp(file, best) < 0)) {
            best = file;
            *step = &r->step[i];
        }
    }
    return best;
}

void ota_release_write(struct ota_json *j, const struct ota_release *r) {
    const struct ota_step *step;
    for (const char *file = next_file(r, "", &step); file; file = next_file(r, file, &step)) {
        if (step)
            write_step(j, r, step);
        else
            write_text(j, r);
    }
}
