/* SPDX-License-Identifier: Apache-2.0 */
/* Recognises a file by its bytes and judges it by the same checks as push and the board. */
#include "image/inspect.h"

#include <string.h>

#include "host/fs.h"

#define IMAGE_V2_MAGIC 0xEA /* ESP8266 only */
#define MERGED_TABLE_LAST 0x10000u

static void judge(struct ota_inspection *i, bool broken, const struct ota_err *why) {
    i->broken = broken;
    i->servable = false;
    i->verdict = *why;
}

static void refuse(struct ota_inspection *i, bool broken, enum ota_status code, const char *reason) {
    struct ota_err why;
    ota_err_set(&why, code, "%s", reason);
    judge(i, broken, &why);
}

static bool all_ff(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0xFF)
            return false;
    return true;
}

/* ---- images ---- */

static enum ota_inspect_kind kind_of(enum ota_image_kind kind) {
    return kind == OTA_IMAGE_APP          ? OTA_INSPECT_APP
           : kind == OTA_IMAGE_BOOTLOADER ? OTA_INSPECT_BOOTLOADER
                                          : OTA_INSPECT_IMAGE;
}

/* A fault of the bytes themselves; what cannot be installed over the air may still be a sound image. */
static bool is_damage(enum ota_status code) {
    return code == OTA_IMAGE_CHECKSUM || code == OTA_IMAGE_HASH || code == OTA_IMAGE_SEGMENT ||
           code == OTA_IMAGE_HEADER || code == OTA_TRUNCATED;
}

static void judge_image(struct ota_inspection *i) {
    const struct ota_chip *chip = ota_chip_by_id(i->image.chip_id);
    struct ota_err why;
    if (!chip) {
        ota_err_set(&why, OTA_CHIP, "chip id 0x%04x is not known", i->image.chip_id);
        judge(i, false, &why);
        return;
    }
    struct ota_image_rules rules = {.chip = chip, .room = UINT32_MAX};
    enum ota_status status = i->kind == OTA_INSPECT_BOOTLOADER
                                 ? ota_image_check_bootloader(&i->image, i->size, &rules, &why)
                                 : ota_image_check_app(&i->image, i->size, &rules, &why);
    if (status != OTA_OK)
        judge(i, is_damage(status), &why);
}

static void judge_signatures(struct ota_inspection *i) {
    for (size_t n = 0; i->servable && n < i->signatures.count; n++)
        if (!i->signatures.block[n].valid)
            refuse(i, true, OTA_SIGNATURE,
                   "a signature block is damaged, or was made over other bytes: sign the file again");
}

static enum ota_status inspect_image(const struct ota_source *src, const struct ota_crypto *crypto,
                                     struct ota_inspection *i, struct ota_err *err) {
    struct ota_err why;
    i->kind = OTA_INSPECT_IMAGE;
    enum ota_status status = ota_image_read(src, crypto, &i->image, &why);
    if (status == OTA_IO) {
        *err = why;
        return status;
    }
    if (status != OTA_OK) {
        judge(i, true, &why);
        return OTA_OK;
    }
    i->parsed = true;
    i->kind = kind_of(i->image.kind);
    judge_image(i);
    OTA_TRY(ota_signatures_read_behind(src, i->image.length, &i->signatures, err));
    judge_signatures(i);
    return OTA_OK;
}

/* ---- partition tables, alone and in a merged flash image ---- */

static enum ota_status inspect_table(const struct ota_source *src, const struct ota_crypto *crypto,
                                     struct ota_inspection *i, struct ota_err *err) {
    uint8_t bytes[OTA_SECTOR];
    struct ota_err why;
    i->kind = OTA_INSPECT_TABLE;
    if (src->size > sizeof bytes) {
        refuse(i, true, OTA_TABLE_FORMAT, "begins like a partition table, but is longer than one");
        return OTA_OK;
    }
    OTA_TRY(src->read(src->ctx, 0, bytes, (size_t)src->size, err));
    if (ota_table_read((struct ota_span){bytes, (size_t)src->size}, crypto, &i->table, &why) != OTA_OK) {
        judge(i, true, &why);
        return OTA_OK;
    }
    i->parsed = true;
    if (ota_table_check(&i->table, 0, 0, &why) != OTA_OK)
        judge(i, true, &why);
    return OTA_OK;
}

/* esptool merge-bin writes the whole flash; a table with a right MD5 at a sector gives it away. */
static enum ota_status find_merged(const struct ota_source *src, const struct ota_crypto *crypto, bool *found,
                                   struct ota_err *err) {
    uint8_t bytes[OTA_TABLE_LENGTH];
    struct ota_err ignored;
    *found = false;
    OTA_CLEAN_FREE struct ota_table *t = ota_calloc(1, sizeof *t);
    for (uint32_t at = OTA_TABLE_DEFAULT_OFFSET; at <= MERGED_TABLE_LAST && at + sizeof bytes <= src->size;
         at += OTA_SECTOR) {
        OTA_TRY(src->read(src->ctx, at, bytes, sizeof bytes, err));
        if (ota_table_read((struct ota_span){bytes, sizeof bytes}, crypto, t, &ignored) == OTA_OK && t->has_md5 &&
            t->md5_ok)
            *found = true;
    }
    return OTA_OK;
}

/* ---- otadata, NVS ---- */

static enum ota_status inspect_otadata(const struct ota_source *src, struct ota_inspection *i, bool *found,
                                       struct ota_err *err) {
    uint8_t bytes[OTA_SECTOR];
    *found = src->size == OTA_OTADATA_SIZE;
    for (unsigned n = 0; *found && n < 2; n++) {
        OTA_TRY(src->read(src->ctx, (uint64_t)n * OTA_SECTOR, bytes, sizeof bytes, err));
        ota_otadata_decode(bytes, &i->otadata[n]);
        *found = (i->otadata[n].crc_ok || all_ff(bytes, OTA_OTADATA_ENTRY)) &&
                 all_ff(bytes + OTA_OTADATA_ENTRY, OTA_SECTOR - OTA_OTADATA_ENTRY);
    }
    if (!*found)
        return OTA_OK;
    i->kind = OTA_INSPECT_OTADATA;
    i->parsed = true;
    refuse(i, false, OTA_LABEL, "otadata selects the slot to boot and is never part of a release");
    return OTA_OK;
}

struct nvs_list {
    struct ota_inspection *i;
    size_t cap;
    char (*ns)[OTA_NVS_KEY_MAX + 1]; /* [256], by index */
};

static void list_item(void *ctx, const struct ota_nvs_item *item) {
    struct nvs_list *l = ctx;
    if (item->ns == 0) {
        memcpy(l->ns[item->value[0]], item->key, sizeof item->key);
        return;
    }
    if (item->type == OTA_NVS_BLOB_DATA)
        return;
    if (l->i->nvs_count == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 16;
        struct ota_inspect_nvs *more = ota_calloc(l->cap, sizeof *more);
        if (l->i->nvs_count)
            memcpy(more, l->i->nvs, l->i->nvs_count * sizeof *more);
        free(l->i->nvs);
        l->i->nvs = more;
    }
    struct ota_inspect_nvs *out = &l->i->nvs[l->i->nvs_count++];
    memcpy(out->ns, l->ns[item->ns], sizeof out->ns);
    memcpy(out->key, item->key, sizeof out->key);
    out->type = item->type;
    out->length = item->type == OTA_NVS_BLOB  ? ota_le32(item->value)
                  : item->type <= OTA_NVS_I64 ? item->type & 0x0Fu
                                              : item->length;
    if (item->type <= OTA_NVS_I64)
        out->value = ota_le64(item->value);
}

static bool begins_like_nvs(const uint8_t page[OTA_NVS_PAGE]) {
    uint32_t state = ota_le32(page);
    return (state == OTA_NVS_ACTIVE || state == OTA_NVS_FULL || state == OTA_NVS_FREEING) &&
           ota_le32(page + 28) == ota_nvs_page_crc(page);
}

static enum ota_status inspect_nvs(const struct ota_source *src, struct ota_inspection *i, bool *found,
                                   struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN_FREE void *names = NULL;
    uint8_t page[OTA_NVS_PAGE];
    struct ota_err why;
    *found = false;
    if (src->size < sizeof page || src->size % sizeof page != 0 || src->size > OTA_NVS_SIZE_MAX)
        return OTA_OK;
    OTA_TRY(src->read(src->ctx, 0, page, sizeof page, err));
    *found = begins_like_nvs(page);
    if (!*found)
        return OTA_OK;
    ota_buf_reserve(&bytes, (size_t)src->size);
    OTA_TRY(src->read(src->ctx, 0, bytes.p, (size_t)src->size, err));
    names = ota_calloc(256, OTA_NVS_KEY_MAX + 1);
    struct nvs_list list = {.i = i, .ns = names};
    i->kind = OTA_INSPECT_NVS;
    i->parsed = true;
    refuse(i, false, OTA_LABEL, "NVS is what a board stores for itself and is never part of a release");
    if (ota_nvs_each((struct ota_span){bytes.p, (size_t)src->size}, list_item, &list, &why) != OTA_OK)
        judge(i, true, &why);
    return OTA_OK;
}

/* ---- */

static enum ota_status inspect_data(const struct ota_source *src, struct ota_inspection *i, struct ota_err *err) {
    bool found = false;
    OTA_TRY(inspect_otadata(src, i, &found, err));
    if (found)
        return OTA_OK;
    OTA_TRY(inspect_nvs(src, i, &found, err));
    if (found)
        return OTA_OK;
    i->kind = OTA_INSPECT_UNKNOWN;
    i->parsed = true;
    ota_format(i->verdict.msg, sizeof i->verdict.msg, "%s",
               "no format known here; goes to a label you name (FILE:LABEL)");
    OTA_TRY(ota_signatures_read_data(src, &i->signatures, err));
    judge_signatures(i);
    return OTA_OK;
}

enum ota_status ota_inspect(const struct ota_source *src, const struct ota_crypto *crypto, struct ota_inspection *out,
                            struct ota_err *err) {
    uint8_t head[2] = {0, 0};
    bool merged = false;
    memset(out, 0, sizeof *out);
    out->size = src->size;
    out->servable = true;
    OTA_TRY(ota_source_sha256(src, crypto, out->sha256, err));
    if (src->size == 0) {
        refuse(out, true, OTA_TRUNCATED, "the file is empty");
        return OTA_OK;
    }
    OTA_TRY(src->read(src->ctx, 0, head, src->size < sizeof head ? 1 : sizeof head, err));
    OTA_TRY(find_merged(src, crypto, &merged, err));
    if (merged) {
        out->kind = OTA_INSPECT_MERGED;
        refuse(out, false, OTA_IMAGE_KIND,
               "a whole flash image (esptool merge-bin), not one image; push the build folder");
        return OTA_OK;
    }
    if (head[0] == OTA_IMAGE_MAGIC_BYTE || head[0] == IMAGE_V2_MAGIC)
        return inspect_image(src, crypto, out, err);
    if (head[0] == 0xAA && head[1] == 0x50)
        return inspect_table(src, crypto, out, err);
    return inspect_data(src, out, err);
}

void ota_inspection_free(struct ota_inspection *i) {
    free(i->nvs);
    i->nvs = NULL;
    i->nvs_count = 0;
}

const char *ota_inspect_kind_name(enum ota_inspect_kind kind) {
    static const char *const names[] = {"unknown",         "app",     "bootloader", "image",
                                        "partition-table", "otadata", "nvs",        "merged-flash"};
    return (size_t)kind < OTA_ARRAY_LEN(names) ? names[kind] : "unknown";
}

const char *ota_flash_mode_name(uint8_t spi_mode) {
    static const char *const names[] = {"qio", "qout", "dio", "dout", "fast_read", "slow_read"};
    return spi_mode < OTA_ARRAY_LEN(names) ? names[spi_mode] : NULL;
}

const char *ota_flash_size_name(uint8_t spi_size) {
    static const char *const names[] = {"1MB", "2MB", "4MB", "8MB", "16MB", "32MB", "64MB", "128MB"};
    return spi_size < OTA_ARRAY_LEN(names) ? names[spi_size] : NULL;
}

const char *ota_flash_mhz(const struct ota_image *image) {
    const struct ota_chip *chip = ota_chip_by_id(image->chip_id);
    if (!chip || (image->spi_speed > 2 && image->spi_speed != 0xF))
        return NULL;
    return chip->speed_mhz[image->spi_speed == 0xF ? 3 : image->spi_speed];
}
