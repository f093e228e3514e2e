/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the verbs "table", and the three forms a table comes in. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd_table.h"
#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/printable.h"
#include "host/words.h"
#include "image/table_agent.h"

#define FLASH_MAX (128u * 1024u * 1024u)
#define SEARCH_END 0x20000u /* tables of projects with large bootloaders lie at 0x10000 */

static const char *environment(const char *name) {
    return getenv(name);
}

/* ---- options ------------------------------------------------------------------------------------------- */

enum ota_status ota_ctl_address(const struct ota_args *args, const char *option, uint32_t *out, struct ota_err *err) {
    const char *text = ota_args_get(args, option);
    int64_t value;
    if (!text)
        return OTA_OK;
    if (!ota_table_csv_number(ota_span_str(text), &value) || value < 0 || value >= FLASH_MAX || value % OTA_SECTOR)
        return ota_err_set(err, OTA_USAGE, "--%s \"%.20s\" is no address of a flash sector, such as 0x8000", option,
                           text);
    *out = (uint32_t)value;
    return OTA_OK;
}

static enum ota_status take_flash_size(const struct ota_args *args, struct ota_table_file *f, struct ota_err *err) {
    const char *text = ota_args_get(args, "flash-size");
    size_t digits = text ? strspn(text, "0123456789") : 0;
    uint32_t mb;
    if (!text)
        return OTA_OK;
    if (!ota_words_number((struct ota_span){(const uint8_t *)text, digits}, FLASH_MAX >> 20, &mb) || mb == 0 ||
        (mb & (mb - 1)) || strcmp(text + digits, "MB") != 0)
        return ota_err_set(err, OTA_USAGE, "--flash-size %.20s: a flash has 1MB, 2MB, 4MB ... 128MB", text);
    f->flash_size = mb << 20;
    return OTA_OK;
}

/* As idf.py has it; Espressif's own spelling is ESP32-C3. */
static const struct ota_chip *chip_of(const char *name) {
    OTA_CLEAN(ota_buf_free) struct ota_buf plain = {0};
    for (const char *c = name; *c; c++)
        if (*c != '-')
            ota_buf_printf(&plain, "%c", *c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
    return ota_chip_by_name(ota_buf_span(&plain));
}

static enum ota_status take_chip(const struct ota_args *args, struct ota_table_file *f, struct ota_err *err) {
    const char *name = ota_args_get(args, "chip"), *secure = ota_args_get(args, "secure");
    f->chip = name ? chip_of(name) : NULL;
    if (name && !f->chip)
        return ota_err_set(err, OTA_USAGE, "--chip \"%.20s\" is no chip known here: esp32, esp32s3, esp32c3, ...",
                           name);
    if (secure && strcmp(secure, "v1") != 0 && strcmp(secure, "v2") != 0)
        return ota_err_set(err, OTA_USAGE, "--secure \"%.20s\" is neither v1 nor v2", secure);
    f->secure_v1 = secure && strcmp(secure, "v1") == 0;
    return OTA_OK;
}

static enum ota_status take_extra(const struct ota_args *args, struct ota_table_file *f,
                                  struct ota_table_csv_rules *rules, struct ota_err *err) {
    static const char option[] = "extra-partition-subtypes";
    rules->extra = f->extra;
    rules->extra_count = ota_args_count(args, option);
    if (rules->extra_count > OTA_TABLE_EXTRA_MAX)
        return ota_err_set(err, OTA_USAGE, "--%s: at most %u", option, OTA_TABLE_EXTRA_MAX);
    for (size_t i = 0; i < rules->extra_count; i++)
        if (ota_table_subtype_read(ota_args_at(args, option, i), &f->extra[i], err) != OTA_OK) {
            err->code = OTA_USAGE;
            return ota_err_prefix(err, "--%s", option);
        }
    return OTA_OK;
}

/* Where bootloaders lie: as told, else where the chip's ROM looks. */
static enum ota_status take_bootloaders(const struct ota_args *args, struct ota_table_file *f,
                                        struct ota_table_csv_rules *rules, struct ota_err *err) {
    rules->recovery_known = ota_args_has(args, "recovery-bootloader-offset");
    rules->bootloader_known = f->chip || ota_args_has(args, "primary-bootloader-offset");
    rules->bootloader_offset = f->chip ? f->chip->bootloader_offset : 0;
    OTA_TRY(ota_ctl_address(args, "primary-bootloader-offset", &rules->bootloader_offset, err));
    OTA_TRY(ota_ctl_address(args, "recovery-bootloader-offset", &rules->recovery_offset, err));
    if (rules->bootloader_known && rules->bootloader_offset >= f->offset)
        return ota_err_set(err, OTA_USAGE, "the bootloader at 0x%x must lie below the table at 0x%x (--offset)",
                           (unsigned)rules->bootloader_offset, (unsigned)f->offset);
    return OTA_OK;
}

/* ---- forms --------------------------------------------------------------------------------------------- */

static bool begins_like_table(const uint8_t *p) {
    return p[0] == 0xAA && p[1] == 0x50;
}

static enum ota_status read_at(const struct ota_file_source *file, uint64_t at, size_t length, struct ota_table *out,
                               struct ota_err *err) {
    uint8_t bytes[OTA_SECTOR];
    OTA_TRY(file->source.read(file->source.ctx, at, bytes, length, err));
    return ota_table_read((struct ota_span){bytes, length}, &ota_crypto_openssl, out, err);
}

/* The size that a bootloader before the table was built or flashed for. */
static enum ota_status find_size(const struct ota_file_source *file, struct ota_table_file *f, struct ota_err *err) {
    uint8_t head[4];
    for (uint32_t at = 0; at <= 0x2000u && at < f->offset && !f->flash_found; at += OTA_SECTOR) {
        OTA_TRY(file->source.read(file->source.ctx, at, head, sizeof head, err));
        if (head[0] == OTA_IMAGE_MAGIC_BYTE && head[3] >> 4 <= 7)
            f->flash_found = 0x100000u << (head[3] >> 4);
    }
    return OTA_OK;
}

/* A whole flash, or its beginning (esptool read-flash, merge-bin): the table lies where told, else at the first
 * sector that holds one. */
static enum ota_status find_in_flash(const struct ota_file_source *file, bool told, struct ota_table_file *f,
                                     bool *found, struct ota_err *err) {
    struct ota_err ignored;
    uint8_t head[2];
    *found = false;
    for (uint32_t at = told ? f->offset : OTA_SECTOR; at + OTA_TABLE_LENGTH <= file->source.size; at += OTA_SECTOR) {
        OTA_TRY(file->source.read(file->source.ctx, at, head, sizeof head, err));
        if (begins_like_table(head) && (told || read_at(file, at, OTA_TABLE_LENGTH, &f->table, &ignored) == OTA_OK)) {
            f->offset = at;
            f->form = OTA_TABLE_FLASH;
            *found = true;
            return told ? read_at(file, at, OTA_TABLE_LENGTH, &f->table, err) : OTA_OK;
        }
        if (told || at >= SEARCH_END)
            break;
    }
    return OTA_OK;
}

static enum ota_status read_csv(const struct ota_table_csv_rules *rules, struct ota_table_file *f,
                                struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    f->form = OTA_TABLE_CSV;
    OTA_TRY(ota_fs_read(f->path, OTA_TABLE_CSV_MAX, &text, err));
    return ota_table_csv_read(ota_buf_span(&text), rules, &f->table, f->line, err);
}

static enum ota_status read_form(const struct ota_table_csv_rules *rules, bool told, struct ota_table_file *f,
                                 struct ota_err *err) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source file = {.fd = -1};
    uint8_t head[2] = {0};
    bool found;
    OTA_TRY(ota_file_source_open(&file, f->path, FLASH_MAX, err));
    if (file.source.size < sizeof head)
        return ota_err_set(err, OTA_TRUNCATED, "%s: the file is empty", f->path);
    OTA_TRY(file.source.read(file.source.ctx, 0, head, sizeof head, err));
    if (begins_like_table(head) && file.source.size <= OTA_SECTOR) {
        f->form = OTA_TABLE_BINARY;
        if (read_at(&file, 0, (size_t)file.source.size, &f->table, err) != OTA_OK)
            return ota_err_place(err, f->path, 0);
        return OTA_OK;
    }
    if (find_in_flash(&file, told, f, &found, err) != OTA_OK)
        return ota_err_place(err, f->path, 0);
    if (found)
        return find_size(&file, f, err);
    if (head[0] == OTA_IMAGE_MAGIC_BYTE || file.source.size > OTA_TABLE_CSV_MAX)
        return ota_err_set(err, OTA_TABLE_FORMAT,
                           "%s: no CSV, and no partition table in it; where it lies is told with --offset ADDRESS",
                           f->path);
    return read_csv(rules, f, err);
}

enum ota_status ota_ctl_table_open(const struct ota_args *args, size_t operand, struct ota_table_file *f,
                                   struct ota_err *err) {
    *f = (struct ota_table_file){.path = ota_args_operand(args, operand), .offset = OTA_TABLE_DEFAULT_OFFSET};
    struct ota_table_csv_rules rules = {.name = f->path, .variable = environment};
    OTA_TRY(ota_ctl_address(args, "offset", &f->offset, err));
    OTA_TRY(take_flash_size(args, f, err));
    OTA_TRY(take_chip(args, f, err));
    OTA_TRY(take_extra(args, f, &rules, err));
    OTA_TRY(take_bootloaders(args, f, &rules, err));
    rules.table_offset = f->offset;
    return read_form(&rules, ota_args_has(args, "offset"), f, err);
}

enum ota_status ota_ctl_table_read_at(const char *path, const struct ota_chip *chip, uint32_t offset,
                                      struct ota_table_file *f, struct ota_err *err) {
    *f = (struct ota_table_file){.path = path, .offset = offset ? offset : OTA_TABLE_DEFAULT_OFFSET, .chip = chip};
    const struct ota_table_csv_rules rules = {.name = path,
                                              .table_offset = f->offset,
                                              .bootloader_known = chip != NULL,
                                              .bootloader_offset = chip ? chip->bootloader_offset : 0,
                                              .variable = environment};
    return read_form(&rules, offset != 0, f, err);
}

enum ota_status ota_ctl_table_read(const char *path, const struct ota_chip *chip, struct ota_table_file *f,
                                   struct ota_err *err) {
    return ota_ctl_table_read_at(path, chip, 0, f, err);
}

/* ---- checks -------------------------------------------------------------------------------------------- */

static enum ota_status check_secure(const struct ota_table_file *f, struct ota_err *err) {
    for (size_t i = 0; f->secure_v1 && i < f->table.count; i++) {
        const struct ota_partition *p = &f->table.row[i];
        if (p->type == OTA_PART_APP && p->size % 0x10000u)
            return ota_err_set(err, OTA_TABLE_LAYOUT,
                               "row %zu (%s): size 0x%x is not a multiple of 0x10000, as Secure Boot v1 needs", i,
                               p->label, (unsigned)p->size);
    }
    return OTA_OK;
}

enum ota_status ota_ctl_table_check(const struct ota_table_file *f, struct ota_err *err) {
    enum ota_status st = ota_table_check(&f->table, f->offset, f->flash_size, err);
    if (st == OTA_OK)
        st = check_secure(f, err);
    if (st == OTA_OK && f->chip)
        st = ota_table_check_chip(&f->table, f->chip, f->offset, err);
    return st == OTA_OK ? OTA_OK : ota_ctl_table_fault(f, err);
}
