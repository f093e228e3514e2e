/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a release out of a verified product role. */
#include "ota/release.h"

#include <string.h>

#include "core/release_private.h"

const char *ota_kind_name(enum ota_kind kind) {
    static const char *const names[OTA_KIND_COUNT] = {"app", "bootloader", "partition-table", "data", "app"};
    return names[kind];
}

const char *ota_kind_label(enum ota_kind kind) {
    static const char *const labels[OTA_KIND_COUNT] = {OTA_LABEL_APP, OTA_LABEL_BOOTLOADER, OTA_LABEL_TABLE, NULL,
                                                       OTA_LABEL_FACTORY};
    return labels[kind];
}

bool ota_kind_is_image(enum ota_kind kind) {
    return kind == OTA_KIND_APP || kind == OTA_KIND_FACTORY || kind == OTA_KIND_BOOTLOADER;
}

unsigned ota_kind_order(enum ota_kind kind) {
    static const unsigned order[OTA_KIND_COUNT] = {[OTA_KIND_TABLE] = 0,
                                                   [OTA_KIND_DATA] = 1,
                                                   [OTA_KIND_BOOTLOADER] = 2,
                                                   [OTA_KIND_FACTORY] = 3,
                                                   [OTA_KIND_APP] = 4};
    return order[kind];
}

/* ---- fields ---- */

static enum ota_status wrong(const char *what, struct ota_err *err) {
    return ota_err_set(err, OTA_METADATA_FIELD, "\"%s\" is not valid", what);
}

static enum ota_status get_u32(const struct ota_value *object, const char *name, uint32_t min, uint32_t max,
                               uint32_t *out, struct ota_err *err) {
    struct ota_value v;
    uint64_t n;
    OTA_TRY(ota_scan_get(object, name, &v, err));
    OTA_TRY(ota_scan_u64(&v, name, min, max, &n, err));
    *out = (uint32_t)n;
    return OTA_OK;
}

static enum ota_status get_bool(const struct ota_value *object, const char *name, bool *out, struct ota_err *err) {
    struct ota_value v;
    OTA_TRY(ota_scan_get(object, name, &v, err));
    return ota_scan_bool(&v, name, out, err);
}

/* 1..cap-1 bytes that a terminal can show. */
static enum ota_status get_string(const struct ota_value *object, const char *name, char *out, size_t cap,
                                  struct ota_err *err) {
    struct ota_value v;
    size_t len;
    OTA_TRY(ota_scan_get(object, name, &v, err));
    OTA_TRY(ota_scan_string(&v, name, out, cap, &len, err));
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)out[i] < 0x20 || out[i] == 0x7f)
            return wrong(name, err);
    return len ? OTA_OK : wrong(name, err);
}

/* An array of strings into rows of `cap` bytes; `valid` judges each. */
static enum ota_status get_list(const struct ota_value *object, const char *name, char *rows, size_t cap, size_t max,
                                bool (*valid)(struct ota_span), uint8_t *count, struct ota_err *err) {
    struct ota_value v;
    struct ota_scan it;
    struct ota_span text;
    OTA_TRY(ota_scan_get(object, name, &v, err));
    if (ota_scan_array(&v, &it, err) != OTA_OK)
        return ota_err_prefix(err, "\"%s\"", name);
    *count = 0;
    for (bool more;; ++*count) {
        OTA_TRY(ota_scan_next_element(&it, &v, &more, err));
        if (!more)
            return OTA_OK;
        if (*count == max)
            return ota_err_set(err, OTA_METADATA_FIELD, "\"%s\" has more than %zu entries", name, max);
        OTA_TRY(ota_scan_text(&v, name, &text, err));
        if (!valid(text) || !ota_span_copy(text, rows + *count * cap, cap))
            return wrong(name, err);
    }
}

/* ---- release.txt ---- */

static bool need_valid(struct ota_span need) {
    for (size_t i = 0; i < need.len; i++)
        if (need.p[i] < 0x21 || need.p[i] > 0x7e)
            return false;
    return need.len > 0;
}

static enum ota_status read_boot(const struct ota_value *custom, struct ota_release *r, struct ota_err *err) {
    struct ota_value boot;
    uint32_t secure_boot;
    OTA_TRY(ota_scan_find(custom, "boot", &boot, &r->has_boot, err));
    if (!r->has_boot)
        return OTA_OK;
    OTA_TRY(get_bool(&boot, "anti_rollback", &r->boot.anti_rollback, err));
    OTA_TRY(get_bool(&boot, "flash_encryption", &r->boot.flash_encryption, err));
    OTA_TRY(get_bool(&boot, "rollback", &r->boot.rollback, err));
    OTA_TRY(get_u32(&boot, "secure_boot", 0, 2, &secure_boot, err));
    r->boot.secure_boot = (uint8_t)secure_boot;
    return get_u32(&boot, "table_offset", 0, UINT32_MAX, &r->boot.table_offset, err);
}

static enum ota_status read_risk(const struct ota_value *custom, struct ota_release *r, struct ota_err *err) {
    struct ota_value v;
    struct ota_span text;
    OTA_TRY(ota_scan_find(custom, "risk", &v, &r->risk, err));
    if (!r->risk)
        return OTA_OK;
    OTA_TRY(ota_scan_text(&v, "risk", &text, err));
    return ota_span_equal_str(text, "accept") ? OTA_OK : wrong("risk", err);
}

static enum ota_status read_channels(const struct ota_value *custom, struct ota_release *r, struct ota_err *err) {
    OTA_TRY(get_list(custom, "channels", (char *)r->channel, sizeof r->channel[0], OTA_CHANNELS_MAX, ota_name_valid,
                     &r->channel_count, err));
    for (size_t i = 1; i < r->channel_count; i++)
        if (strcmp(r->channel[i - 1], r->channel[i]) >= 0)
            return ota_err_set(err, OTA_METADATA_FIELD, "\"channels\" is not sorted or names one twice");
    return OTA_OK;
}

static enum ota_status read_steps(const struct ota_value *custom, struct ota_release *r, struct ota_err *err) {
    char file[OTA_STEPS_MAX][OTA_FILE_MAX + 1];
    OTA_TRY(
        get_list(custom, "steps", (char *)file, sizeof file[0], OTA_STEPS_MAX, ota_file_valid, &r->step_count, err));
    if (r->step_count == 0)
        return ota_err_set(err, OTA_METADATA_FIELD, "\"steps\" is empty");
    for (size_t i = 0; i < r->step_count; i++) {
        if (strcmp(file[i], OTA_RELEASE_FILE) == 0)
            return wrong("steps", err);
        for (size_t k = 0; k < i; k++)
            if (strcmp(file[k], file[i]) == 0)
                return ota_err_set(err, OTA_METADATA_FIELD, "\"steps\" names %s twice", file[i]);
        memcpy(r->step[i].file, file[i], sizeof file[i]);
    }
    return OTA_OK;
}

/* `custom` of release.txt; *r comes zeroed. */
static enum ota_status read_custom(const struct ota_value *custom, const char *product, uint32_t counter,
                                   struct ota_release *r, struct ota_err *err) {
    uint32_t n;
    OTA_TRY(get_string(custom, "product", r->product, sizeof r->product, err));
    OTA_TRY(get_u32(custom, "counter", 1, OTA_COUNTER_MAX, &r->counter, err));
    if (strcmp(r->product, product) != 0 || r->counter != counter)
        return ota_err_set(err, OTA_METADATA_FIELD, "\"product\" or \"counter\" differs from the path");
    OTA_TRY(get_string(custom, "version", r->version, sizeof r->version, err));
    OTA_TRY(get_string(custom, "chip", r->chip, sizeof r->chip, err));
    OTA_TRY(get_u32(custom, "chip_rev_min", 0, UINT16_MAX, &n, err));
    r->chip_rev_min = (uint16_t)n;
    OTA_TRY(get_bool(custom, "compat", &r->compat, err));
    OTA_TRY(get_u32(custom, "secure_version", 0, UINT32_MAX, &r->secure_version, err));
    OTA_TRY(get_u32(custom, "from_min", 0, OTA_COUNTER_MAX, &r->from_min, err));
    OTA_TRY(read_channels(custom, r, err));
    OTA_TRY(
        get_list(custom, "needs", (char *)r->need, sizeof r->need[0], OTA_NEEDS_MAX, need_valid, &r->need_count, err));
    OTA_TRY(read_boot(custom, r, err));
    OTA_TRY(read_risk(custom, r, err));
    return read_steps(custom, r, err);
}

/* ---- images ---- */

static enum ota_status read_kind(const struct ota_value *custom, struct ota_step *s, struct ota_err *err) {
    struct ota_value v;
    struct ota_span text;
    OTA_TRY(ota_scan_get(custom, "kind", &v, err));
    OTA_TRY(ota_scan_text(&v, "kind", &text, err));
    for (s->kind = OTA_KIND_APP; s->kind < OTA_KIND_COUNT; s->kind++)
        if (ota_span_equal_str(text, ota_kind_name(s->kind)))
            return OTA_OK;
    return wrong("kind", err);
}

static enum ota_status read_label(const struct ota_value *custom, struct ota_step *s, struct ota_err *err) {
    struct ota_value v;
    struct ota_span text;
    OTA_TRY(ota_scan_get(custom, "label", &v, err));
    OTA_TRY(ota_scan_text(&v, "label", &text, err));
    if (!ota_label_valid(text) || !ota_span_copy(text, s->label, sizeof s->label))
        return wrong("label", err);
    if (s->kind == OTA_KIND_APP && strcmp(s->label, OTA_LABEL_FACTORY) == 0)
        s->kind = OTA_KIND_FACTORY;
    const char *fixed = ota_kind_label(s->kind);
    if (fixed ? strcmp(s->label, fixed) != 0 : s->label[0] == '@')
        return ota_err_set(err, OTA_IMAGE_KIND, "kind %s cannot go to label %s", ota_kind_name(s->kind), s->label);
    return OTA_OK;
}

static enum ota_status read_z(const struct ota_value *custom, struct ota_step *s, struct ota_err *err) {
    struct ota_value z, v;
    bool found;
    OTA_TRY(ota_scan_find(custom, "z", &z, &found, err));
    if (!found)
        return OTA_OK;
    OTA_TRY(get_u32(&z, "length", 1, OTA_IMAGE_LENGTH_MAX, &s->z_length, err));
    OTA_TRY(ota_scan_get(&z, "sha256", &v, err));
    return ota_scan_sha256(&v, "sha256", s->z_sha256, err);
}

static enum ota_status read_image(const struct ota_target *entry, struct ota_step *s, struct ota_err *err) {
    if (!entry->has_custom || !entry->has_sha256)
        return ota_err_set(err, OTA_METADATA_FIELD, "\"custom\" or the sha256 is missing");
    if (entry->length == 0 || entry->length > OTA_IMAGE_LENGTH_MAX)
        return ota_err_set(err, OTA_METADATA_FIELD, "\"length\" is not in 1..%u", OTA_IMAGE_LENGTH_MAX);
    s->length = (uint32_t)entry->length;
    memcpy(s->sha256, entry->sha256, sizeof s->sha256);
    OTA_TRY(read_kind(&entry->custom, s, err));
    OTA_TRY(read_label(&entry->custom, s, err));
    return read_z(&entry->custom, s, err);
}

static struct ota_step *step_of(struct ota_release *r, struct ota_span file) {
    for (size_t i = 0; i < r->step_count; i++)
        if (ota_span_equal_str(file, r->step[i].file))
            return &r->step[i];
    return NULL;
}

/* The rest of `path` after `folder`, or an empty span. */
static struct ota_span file_in(struct ota_span path, struct ota_span folder) {
    if (path.len <= folder.len || memcmp(path.p, folder.p, folder.len) != 0)
        return (struct ota_span){NULL, 0};
    return (struct ota_span){path.p + folder.len, path.len - folder.len};
}

/* Every file of the folder is release.txt or a step, and every step is a file of the folder. */
static enum ota_status read_images(const struct ota_metadata *role, struct ota_span folder, struct ota_release *r,
                                   struct ota_err *err) {
    struct ota_scan it;
    struct ota_target entry;
    OTA_TRY(ota_targets_begin(role, &it, err));
    for (bool more;;) {
        OTA_TRY(ota_targets_next(&it, &entry, &more, err));
        if (!more)
            break;
        struct ota_span file = file_in(entry.path, folder);
        if (file.len == 0 || ota_span_equal_str(file, OTA_RELEASE_FILE))
            continue;
        struct ota_step *s = step_of(r, file);
        if (!s)
            return ota_err_set(err, OTA_METADATA_FIELD, "%.*s is not named by \"steps\"", (int)file.len,
                               (const char *)file.p);
        if (read_image(&entry, s, err) != OTA_OK)
            return ota_err_prefix(err, "%s", s->file);
    }
    for (size_t i = 0; i < r->step_count; i++)
        if (r->step[i].length == 0)
            return ota_err_set(err, OTA_METADATA_FIELD, "step %s is not a file of the release", r->step[i].file);
    return OTA_OK;
}

static enum ota_status read_release(const struct ota_metadata *role, const struct ota_target *text,
                                    struct ota_span folder, const char *product, uint32_t counter,
                                    struct ota_release *out, struct ota_err *err) {
    if (!text->has_custom || !text->has_sha256 || text->length > OTA_NOTES_MAX)
        return ota_err_set(err, OTA_METADATA_FIELD, "%s without \"custom\" or sha256, or too long", OTA_RELEASE_FILE);
    OTA_TRY(read_custom(&text->custom, product, counter, out, err));
    out->notes_length = (uint32_t)text->length;
    memcpy(out->notes_sha256, text->sha256, sizeof out->notes_sha256);
    OTA_TRY(read_images(role, folder, out, err));
    return ota_release_check_steps(out, err);
}

enum ota_status ota_release_read(const struct ota_metadata *role, const char *product, uint32_t counter,
                                 struct ota_release *out, bool *found, struct ota_err *err) {
    char path[OTA_TARGET_PATH_MAX];
    struct ota_target text;
    memset(out, 0, sizeof *out);
    if (!ota_release_path(product, counter, OTA_RELEASE_FILE, path, sizeof path))
        return ota_err_set(err, OTA_ARGUMENT, "product name too long");
    OTA_TRY(ota_targets_find(role, path, &text, found, err));
    if (!*found)
        return OTA_OK;
    struct ota_span folder = {(const uint8_t *)path, strlen(path) - strlen(OTA_RELEASE_FILE)};
    if (read_release(role, &text, folder, product, counter, out, err) != OTA_OK)
        return ota_err_prefix(err, "release %u of %s", (unsigned)counter, product);
    return OTA_OK;
}

/* ---- the list ---- */

/* "<counter>/release.txt" without leading zeros; 0 for anything else. */
static uint32_t counter_of(struct ota_span rest) {
    static const char tail[] = "/" OTA_RELEASE_FILE;
    const size_t tail_len = sizeof tail - 1;
    if (rest.len <= tail_len || rest.len - tail_len > 9 || rest.p[0] == '0' ||
        memcmp(rest.p + rest.len - tail_len, tail, tail_len) != 0)
        return 0;
    uint32_t n = 0;
    for (size_t i = 0; i < rest.len - tail_len; i++) {
        if (rest.p[i] < '0' || rest.p[i] > '9')
            return 0;
        n = n * 10 + (uint32_t)(rest.p[i] - '0');
    }
    return n;
}

enum ota_status ota_release_counters(const struct ota_metadata *role, const char *product, uint32_t *out, size_t cap,
                                     size_t *count, struct ota_err *err) {
    char folder[OTA_NAME_MAX + 8];
    struct ota_scan it;
    struct ota_target entry;
    *count = 0;
    ota_format(folder, sizeof folder, "img/%s/", product);
    OTA_TRY(ota_targets_begin(role, &it, err));
    for (bool more;;) {
        OTA_TRY(ota_targets_next(&it, &entry, &more, err));
        if (!more)
            return OTA_OK;
        struct ota_span rest = file_in(entry.path, ota_span_str(folder));
        uint32_t counter = rest.len ? counter_of(rest) : 0;
        if (counter == 0)
            continue;
        if (*count == cap)
            return ota_err_set(err, OTA_TOO_LARGE, "%s has more than %zu releases", product, cap);
        size_t at = (*count)++;
        for (; at > 0 && out[at - 1] > counter; at--)
            out[at] = out[at - 1];
        out[at] = counter;
    }
}
