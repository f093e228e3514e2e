/* SPDX-License-Identifier: Apache-2.0 */
/* otactl table show, build, check: what gen_esp32part.py does, and what an updatable board needs besides. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd_table.h"
#include "ctl/output_file.h"
#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/json_tree.h"
#include "host/printable.h"
#include "host/shell_words.h"
#include "image/table_agent.h"
#include "image/table_text.h"
#include "ota/agent.h"
#include "ota/release.h"

static const char *const forms[] = {"csv", "binary", "flash"};

void ota_ctl_table_notes(const struct ota_buf *remarks) {
    const char *at = ota_buf_text(remarks);
    for (const char *end; (end = strchr(at, '\n')); at = end + 1)
        ota_print_line(stderr, "note: %.*s", (int)(end - at), at);
}

static void add_remarks(cJSON *tree, const struct ota_buf *remarks) {
    cJSON *list = cJSON_AddArrayToObject(tree, "remarks");
    const char *at = ota_buf_text(remarks);
    for (const char *end; (end = strchr(at, '\n')); at = end + 1) {
        OTA_CLEAN_FREE char *line = ota_sprintf("%.*s", (int)(end - at), at);
        (void)ota_printable_clean(line);
        cJSON_AddItemToArray(list, cJSON_CreateString(line));
    }
}

static cJSON *json_of(const struct ota_table_file *f) {
    cJSON *tree = cJSON_CreateObject();
    OTA_CLEAN_FREE char *path = ota_strdup(f->path);
    (void)ota_printable_clean(path);
    (void)cJSON_AddStringToObject(tree, "file", path);
    (void)cJSON_AddStringToObject(tree, "form", forms[f->form]);
    (void)cJSON_AddNumberToObject(tree, "offset", f->offset);
    return tree;
}

/* ---- show ---------------------------------------------------------------------------------------------- */

/* What was told holds; what an image says of its flash is not true of a table that needs more. */
static uint32_t size_shown(const struct ota_table_file *f) {
    uint32_t size = f->flash_size ? f->flash_size : f->flash_found;
    for (size_t i = 0; i < f->table.count; i++)
        if (!f->flash_size && (uint64_t)f->table.row[i].offset + f->table.row[i].size > size)
            return 0;
    return size;
}

static void show_text(const struct ota_args *args, const struct ota_table_file *f) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    uint32_t size = size_shown(f);
    if (ota_args_has(args, "csv"))
        ota_table_csv_write(&f->table, &text);
    else
        ota_table_text(&f->table, f->offset, size, &text);
    if (f->form == OTA_TABLE_FLASH && !ota_args_has(args, "csv"))
        printf("Table at 0x%x\n", (unsigned)f->offset);
    (void)fwrite(text.p, 1, text.len, stdout);
    if (!size && !ota_args_has(args, "csv"))
        printf("(flash size unknown: --flash-size shows what is free behind it)\n");
}

static void show_json(const struct ota_table_file *f, enum ota_status sound, const struct ota_err *why) {
    cJSON *tree = json_of(f);
    ota_table_add_json(tree, &f->table);
    (void)cJSON_AddBoolToObject(tree, "sound", sound == OTA_OK);
    (void)cJSON_AddStringToObject(tree, "reason", sound == OTA_OK ? "" : why->msg);
    ota_ctl_print_json(&tree);
}

/* A table that was damaged is a failure; one that would not boot is shown with a note. */
enum ota_status ota_cmd_table_show(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_table_file *f = ota_calloc(1, sizeof *f);
    struct ota_err why;
    OTA_TRY(ota_ctl_table_open(args, 0, f, err));
    enum ota_status sound = ota_ctl_table_check(f, &why);
    if (ota_ctl_json(args))
        show_json(f, sound, &why);
    else
        show_text(args, f);
    if (sound == OTA_TABLE_MD5 || sound == OTA_TABLE_FORMAT) {
        *err = why;
        return sound;
    }
    if (sound != OTA_OK && !ota_ctl_json(args))
        ota_print_line(stderr, "note: %s", why.msg);
    return OTA_OK;
}

/* ---- build --------------------------------------------------------------------------------------------- */

static void build_report(const struct ota_args *args, const struct ota_table_file *f, const char *path,
                         const struct ota_buf *remarks) {
    if (!ota_ctl_json(args)) {
        printf("%s: %zu partitions, %u bytes\n", path, f->table.count, OTA_TABLE_LENGTH);
        ota_ctl_table_notes(remarks);
        return;
    }
    cJSON *tree = json_of(f);
    OTA_CLEAN_FREE char *output = ota_strdup(path);
    (void)ota_printable_clean(output);
    (void)cJSON_AddStringToObject(tree, "output", output);
    (void)cJSON_AddNumberToObject(tree, "partitions", (double)f->table.count);
    add_remarks(tree, remarks);
    ota_ctl_print_json(&tree);
}

enum ota_status ota_cmd_table_build(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_table_file *f = ota_calloc(1, sizeof *f);
    static const char *const no_inputs[] = {NULL}; /* but the CSV */
    OTA_CLEAN(ota_buf_free) struct ota_buf remarks = {0};
    const char *path = ota_args_get(args, "output");
    uint8_t bytes[OTA_TABLE_LENGTH];
    OTA_CLEAN_FREE char *first = ota_shell_word(ota_args_operand(args, 0));
    if (ota_args_operands(args) > 1) { /* as gen_esp32part.py takes it */
        OTA_CLEAN_FREE char *second = ota_shell_word(ota_args_operand(args, 1));
        return ota_err_set(err, OTA_USAGE, "the file to write is named with -o: otactl table build %s -o %s", first,
                           second);
    }
    if (!path || !path[0])
        return ota_err_set(err, OTA_USAGE, "table build wants a file to write: otactl table build CSV -o FILE");
    OTA_TRY(ota_ctl_output_check(args, no_inputs, true, err));
    OTA_TRY(ota_ctl_table_open(args, 0, f, err));
    if (f->form != OTA_TABLE_CSV)
        return ota_err_set(err, OTA_USAGE, "%s is no CSV but a table already; its CSV: otactl table show %s --csv",
                           f->path, first);
    if (!ota_args_has(args, "no-verify"))
        OTA_TRY(ota_ctl_table_check(f, err));
    OTA_TRY(ota_table_write(&f->table, &ota_crypto_openssl, bytes, err));
    OTA_TRY(ota_ctl_output_write(path, (struct ota_span){bytes, sizeof bytes}, 0644, err));
    ota_table_remarks(&f->table, &remarks);
    build_report(args, f, path, &remarks);
    return OTA_OK;
}

/* ---- check --------------------------------------------------------------------------------------------- */

static enum ota_status check_bootloader(const struct ota_args *args, const struct ota_table_file *f,
                                        struct ota_err *err) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source file = {.fd = -1};
    const char *path = ota_args_get(args, "bootloader");
    if (!path)
        return OTA_OK;
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    OTA_TRY(ota_file_source_open(&file, path, OTA_IMAGE_LENGTH_MAX, err));
    enum ota_status st = ota_image_read(&file.source, &ota_crypto_openssl, image, err);
    const struct ota_chip *chip = f->chip ? f->chip : st == OTA_OK ? ota_chip_by_id(image->chip_id) : NULL;
    if (st == OTA_OK && !chip)
        st = ota_err_set(err, OTA_CHIP, "chip id 0x%04x is not known; add --chip", image->chip_id);
    if (st == OTA_OK) {
        uint32_t room = f->offset > chip->bootloader_offset ? f->offset - chip->bootloader_offset : 0;
        const struct ota_image_rules rules = {.chip = chip, .room = room};
        st = ota_image_check_bootloader(image, file.source.size, &rules, err);
    }
    return st == OTA_OK ? OTA_OK : ota_err_place(err, path, 0);
}

static void check_report(const struct ota_args *args, const struct ota_table_file *f, const struct ota_buf *remarks) {
    const struct ota_partition *state = ota_table_by_label(&f->table, OTA_STATE_LABEL);
    uint32_t room = UINT32_MAX;
    for (size_t i = 0; i < ota_table_slot_count(&f->table); i++)
        room = ota_table_slot(&f->table, i)->size < room ? ota_table_slot(&f->table, i)->size : room;
    if (!ota_ctl_json(args)) {
        printf("%s: ok; %zu partitions, %zu slots for apps of up to %u KiB", f->path, f->table.count,
               ota_table_slot_count(&f->table), (unsigned)(room / 1024u));
        printf(", ota_state of %u KiB\n", (unsigned)(state->size / 1024u));
        ota_ctl_table_notes(remarks);
        return;
    }
    cJSON *tree = json_of(f);
    (void)cJSON_AddBoolToObject(tree, "ok", true);
    (void)cJSON_AddNumberToObject(tree, "partitions", (double)f->table.count);
    (void)cJSON_AddNumberToObject(tree, "slots", (double)ota_table_slot_count(&f->table));
    (void)cJSON_AddNumberToObject(tree, "slot_size", room == UINT32_MAX ? 0 : room);
    add_remarks(tree, remarks);
    ota_ctl_print_json(&tree);
}

enum ota_status ota_cmd_table_check(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_table_file *f = ota_calloc(1, sizeof *f);
    OTA_CLEAN(ota_buf_free) struct ota_buf remarks = {0};
    OTA_TRY(ota_ctl_table_open(args, 0, f, err));
    OTA_TRY(ota_ctl_table_check(f, err));
    if (ota_table_check_agent(&f->table, err) != OTA_OK)
        return ota_err_place(err, f->path, 0);
    OTA_TRY(check_bootloader(args, f, err));
    ota_table_remarks(&f->table, &remarks);
    ota_table_remarks_agent(&f->table, &remarks);
    check_report(args, f, &remarks);
    return OTA_OK;
}
