/* SPDX-License-Identifier: Apache-2.0 */
/* Files named one by one, or dropped into a folder: the kind comes from the bytes, the label from the user or the
 * file name. */
#include <string.h>
#include <sys/stat.h>

#include "host/crypto.h"
#include "host/err_place.h"
#include "release/build_parts.h"

#define MERGED_TABLE_AT OTA_TABLE_DEFAULT_OFFSET

/* What the first bytes say. BROKEN: begins like an image and is none; the reason is in *why. */
enum found { FOUND_APP, FOUND_BOOTLOADER, FOUND_IMAGE, FOUND_TABLE, FOUND_MERGED, FOUND_BROKEN, FOUND_DATA };

static bool is_table_at(const struct ota_source *s, uint64_t off) {
    uint8_t head[2];
    struct ota_err ignored;
    return s->size >= off + sizeof head && s->read(s->ctx, off, head, sizeof head, &ignored) == OTA_OK &&
           head[0] == 0xAA && head[1] == 0x50;
}

/* Before anybody is asked which of two things it is: it may be neither. */
static enum ota_status check_sound(const struct ota_source *s, const struct ota_image *image, struct ota_err *err) {
    if (s->size < OTA_IMAGE_OTA_MIN)
        return ota_err_set(err, OTA_IMAGE_SMALL, "%llu bytes; an image under %u bytes cannot be installed over the air",
                           (unsigned long long)s->size, OTA_IMAGE_OTA_MIN);
    if (!image->checksum_ok)
        return ota_err_set(err, OTA_IMAGE_CHECKSUM, "its checksum is wrong: the file is damaged");
    if (image->hash_appended && !image->hash_ok)
        return ota_err_set(err, OTA_IMAGE_HASH, "the SHA-256 at its end does not match its bytes: the file is damaged");
    return OTA_OK;
}

static enum found look_at_image(const struct ota_source *s, struct ota_err *why) {
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    if (ota_image_read(s, &ota_crypto_openssl, image, why) != OTA_OK)
        return FOUND_BROKEN;
    if (image->kind == OTA_IMAGE_APP)
        return FOUND_APP;
    if (image->length <= MERGED_TABLE_AT && is_table_at(s, MERGED_TABLE_AT))
        return FOUND_MERGED;
    if (image->kind == OTA_IMAGE_BOOTLOADER)
        return FOUND_BOOTLOADER;
    return check_sound(s, image, why) == OTA_OK ? FOUND_IMAGE : FOUND_BROKEN;
}

static enum ota_status look(const char *path, enum found *out, struct ota_err *why, struct ota_err *err) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source f = {.fd = -1};
    uint8_t first = 0;
    OTA_TRY(ota_file_source_open(&f, path, OTA_IMAGE_LENGTH_MAX, err));
    if (f.source.size == 0)
        return ota_err_set(err, OTA_TRUNCATED, "%s: is empty", path);
    OTA_TRY(f.source.read(f.source.ctx, 0, &first, 1, err));
    if (first == OTA_IMAGE_MAGIC_BYTE)
        *out = look_at_image(&f.source, why);
    else if (is_table_at(&f.source, 0))
        *out = FOUND_TABLE;
    else if (first == 0xFF && is_table_at(&f.source, MERGED_TABLE_AT))
        *out = FOUND_MERGED;
    else
        *out = FOUND_DATA;
    return OTA_OK;
}

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "storage.bin" -> "storage" */
static enum ota_status label_from_name(const char *path, char label[OTA_LABEL_MAX + 1], struct ota_err *err) {
    const char *name = last_part(path);
    const char *dot = strrchr(name, '.');
    struct ota_span stem = {(const uint8_t *)name, dot && dot > name ? (size_t)(dot - name) : strlen(name)};
    if (!ota_label_valid(stem) || stem.p[0] == '@' || !ota_span_copy(stem, label, OTA_LABEL_MAX + 1))
        return ota_err_set(err, OTA_LABEL, "%s: its name is no partition label; name the partition: %s:LABEL", path,
                           name);
    return OTA_OK;
}

static enum ota_status kind_without_label(const char *path, enum found found, const struct ota_err *why,
                                          enum ota_kind *kind, struct ota_err *err) {
    const char *name = last_part(path);
    switch (found) {
    case FOUND_APP:
        *kind = OTA_KIND_APP;
        return OTA_OK;
    case FOUND_BOOTLOADER:
        *kind = OTA_KIND_BOOTLOADER;
        return OTA_OK;
    case FOUND_TABLE:
        *kind = OTA_KIND_TABLE;
        return OTA_OK;
    case FOUND_DATA:
        *kind = OTA_KIND_DATA;
        return OTA_OK;
    case FOUND_IMAGE:
        return ota_err_set(err, OTA_IMAGE_KIND,
                           "%s: has no descriptor that tells an app from a bootloader; write %s:@ota or %s:@bootloader",
                           path, name, name);
    case FOUND_MERGED:
        return ota_err_set(err, OTA_IMAGE_KIND,
                           "%s: is a merged image of a whole flash (idf.py merge-bin); push the build folder instead",
                           path);
    case FOUND_BROKEN:
        break;
    }
    *err = *why;
    return ota_err_place(err, path, 0);
}

static const char *found_name(enum found found) {
    return found == FOUND_APP          ? "an app"
           : found == FOUND_BOOTLOADER ? "a bootloader"
           : found == FOUND_TABLE      ? "a partition table"
                                       : "plain data";
}

static enum ota_status kind_of_label(const char *path, enum found found, const struct ota_err *why, const char *label,
                                     enum ota_kind *kind, struct ota_err *err) {
    static const struct {
        const char *label;
        enum ota_kind kind;
        enum found found;
    } special[] = {
        {OTA_LABEL_APP, OTA_KIND_APP, FOUND_APP},
        {OTA_LABEL_BOOTLOADER, OTA_KIND_BOOTLOADER, FOUND_BOOTLOADER},
        {OTA_LABEL_TABLE, OTA_KIND_TABLE, FOUND_TABLE},
        {OTA_LABEL_FACTORY, OTA_KIND_FACTORY, FOUND_APP},
    };
    *kind = OTA_KIND_DATA;
    if (strcmp(label, OTA_LABEL_FACTORY) == 0 && found == FOUND_DATA) /* a partition for data may be called so */
        return OTA_OK;
    for (size_t i = 0; i < OTA_ARRAY_LEN(special); i++) {
        if (strcmp(label, special[i].label) != 0)
            continue;
        *kind = special[i].kind;
        if (found == special[i].found || (found == FOUND_IMAGE && special[i].found != FOUND_TABLE))
            return OTA_OK;
        if (found == FOUND_BROKEN || found == FOUND_MERGED)
            return kind_without_label(path, found, why, kind, err);
        return ota_err_set(err, OTA_IMAGE_KIND, "%s: is not what %s takes; its bytes are %s", path, label,
                           found_name(found));
    }
    if (found == FOUND_APP || found == FOUND_BOOTLOADER)
        return ota_err_set(err, OTA_IMAGE_KIND, "%s: is %s, and %s is a partition for data; leave the label out: %s",
                           path, found_name(found), label, path);
    return OTA_OK;
}

/* label NULL: from bytes and name. */
static enum ota_status add(struct ota_candidates *c, const char *path, const char *label, struct ota_err *err) {
    enum found found = FOUND_DATA;
    enum ota_kind kind = OTA_KIND_DATA;
    struct ota_err why = {0};
    char own[OTA_LABEL_MAX + 1];
    OTA_TRY(look(path, &found, &why, err));
    if (label)
        OTA_TRY(kind_of_label(path, found, &why, label, &kind, err));
    else
        OTA_TRY(kind_without_label(path, found, &why, &kind, err));
    if (!label && kind == OTA_KIND_DATA)
        OTA_TRY(label_from_name(path, own, err));
    const char *use = label ? label : kind == OTA_KIND_DATA ? own : ota_kind_label(kind);
    struct ota_candidate *added = NULL;
    OTA_TRY(ota_candidates_add(c, path, path, kind, use, &added, err));
    added->chosen = true;
    return OTA_OK;
}

/* FILE[:LABEL]. A file whose own name holds a ':' is taken whole. */
static enum ota_status add_operand(struct ota_candidates *c, const char *operand, struct ota_err *err) {
    const char *colon = strrchr(operand, ':');
    if (!colon || ota_fs_exists(operand))
        return add(c, operand, NULL, err);
    OTA_CLEAN_FREE char *path = ota_sprintf("%.*s", (int)(colon - operand), operand);
    if (!ota_label_valid(ota_span_str(colon + 1)))
        return ota_err_set(err, OTA_USAGE,
                           "\"%s\" is no partition label: 1 to 16 characters, or @ota, @bootloader, @partition-table",
                           colon + 1);
    return add(c, path, colon + 1, err);
}

enum ota_status ota_build_scan_operands(const char *const *operands, size_t count, struct ota_candidates *c,
                                        struct ota_err *err) {
    for (size_t i = 0; i < count; i++)
        OTA_TRY(add_operand(c, operands[i], err));
    return OTA_OK;
}

/* An app alone, or data alone: an app with other images needs the signer's word, the rest needs the build folder. */
static enum ota_status check_dropins(const struct ota_candidates *c, const char *folder, struct ota_err *err) {
    size_t apps = 0;
    for (size_t i = 0; i < c->count; i++) {
        enum ota_kind kind = c->item[i].kind;
        if (kind == OTA_KIND_BOOTLOADER || kind == OTA_KIND_TABLE)
            return ota_err_set(err, OTA_IMAGE_KIND,
                               "%s: a %s is not taken from the inbox; type: otactl push BUILD_DIR --with %s",
                               c->item[i].shown, ota_kind_name(kind), c->item[i].label);
        apps += kind == OTA_KIND_APP;
    }
    if (c->count == 0)
        return ota_err_set(err, OTA_NOT_FOUND, "%s: no image in it", folder);
    if (apps && c->count > 1)
        return ota_err_set(err, OTA_COMPAT,
                           "%s: an app together with other images is not taken from the inbox; type: otactl push "
                           "FILE... --compatible",
                           folder);
    return OTA_OK;
}

/* Links are not followed: what a drop-in folder holds is signed without anybody looking. */
static bool is_regular(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

enum ota_status ota_build_scan_dropins(const char *folder, struct ota_candidates *c, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(ota_fs_list(folder, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", folder, names.name[i]);
        if (names.name[i][0] == '.' || !is_regular(path))
            continue;
        OTA_TRY(add(c, path, NULL, err));
    }
    return check_dropins(c, folder, err);
}
