/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at a board's file. The trial boot runs on a flash that forgets what is written to it. */
#include "sim/view.h"

#include <string.h>

#include "host/crypto.h"
#include "sim/window.h"

/* ---- trial boot ---------------------------------------------------------------------------------------- */

static void trial_boot(struct ota_view *v) {
    struct ota_flash flash = v->board.nor.port;
    const struct ota_board facts = ota_efuse_facts(&v->board.efuse);
    const struct ota_log silent = {0};
    const struct ota_rom rom = {&flash, &facts, &ota_crypto_openssl, &silent, &v->board.efuse.keys};
    ota_flash_freeze(&flash);
    if (ota_rom_start(&rom, &v->boot, &v->no_boot) != OTA_OK)
        v->boot.app = NULL;
}

/* ---- records ------------------------------------------------------------------------------------------- */

static enum ota_status read_table(struct ota_view *v, struct ota_err *err) {
    const struct ota_flash *f = &v->board.nor.port;
    uint8_t bytes[OTA_TABLE_LENGTH];
    OTA_TRY(f->read(f->ctx, v->board.efuse.boot.table_offset, bytes, sizeof bytes, err));
    return ota_table_read((struct ota_span){bytes, sizeof bytes}, &ota_crypto_openssl, &v->boot.table, err);
}

static const struct ota_partition *data_row(const struct ota_view *v, const char *label, struct ota_err *err) {
    const struct ota_partition *p = ota_table_by_label(&v->boot.table, label);
    if (!p)
        (void)ota_err_set(err, OTA_CONFIG, "the partition table has no %s", label);
    return p;
}

static void read_identity(struct ota_view *v) {
    const struct ota_partition *p = data_row(v, OTA_ID_LABEL, &v->id_missing);
    if (p && ota_id_record_read(&v->board.nor.port, p->offset, p->size, &v->id, &v->id_missing) != OTA_OK)
        ota_id_record_free(&v->id);
}

static enum ota_status get(const struct ota_statekv *kv, const char *key, uint8_t *bytes, size_t cap,
                           struct ota_span *out, struct ota_err *err) {
    struct ota_err why;
    size_t n = 0;
    enum ota_status status = kv->port.get(kv->port.ctx, key, bytes, cap, &n, &why);
    *out = (struct ota_span){bytes, n};
    if (status == OTA_OK || status == OTA_NOT_FOUND)
        return OTA_OK;
    *err = why;
    return status;
}

static enum ota_status read_records(struct ota_view *v, const struct ota_statekv *kv, struct ota_err *err) {
    uint8_t bytes[OTA_SECTOR];
    struct ota_span in;
    OTA_TRY(get(kv, "board", bytes, sizeof bytes, &in, err));
    if (in.len)
        OTA_TRY(ota_board_decode(in, &v->installed, err));
    OTA_TRY(get(kv, "journal", bytes, sizeof bytes, &in, err));
    if (in.len)
        OTA_TRY(ota_journal_decode(in, &v->journal, err));
    OTA_TRY(get(kv, "report", bytes, sizeof bytes, &in, err));
    return in.len ? ota_report_decode(in, &v->report, err) : OTA_OK;
}

static void read_state(struct ota_view *v) {
    OTA_CLEAN(ota_statekv_close) struct ota_statekv kv = {0};
    const struct ota_partition *p = data_row(v, OTA_STATE_LABEL, &v->state_bad);
    if (p && ota_statekv_open(&kv, &v->board.nor.port, p->offset, p->size, &v->state_bad) == OTA_OK)
        (void)!read_records(v, &kv, &v->state_bad);
}

enum ota_status ota_view_open(struct ota_view *v, const char *path, struct ota_err *err) {
    memset(v, 0, sizeof *v);
    OTA_TRY(ota_virtual_board_open(&v->board, path, OTA_NOR_READ, err));
    trial_boot(v);
    if (read_table(v, &v->table_bad) != OTA_OK)
        return OTA_OK;
    read_identity(v);
    read_state(v);
    return OTA_OK;
}

void ota_view_close(struct ota_view *v) {
    ota_id_record_free(&v->id);
    ota_virtual_board_close(&v->board);
}

/* ---- areas --------------------------------------------------------------------------------------------- */

static uint32_t image_length(const struct ota_view *v, uint32_t offset, uint32_t room) {
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    struct ota_err none;
    if (ota_window_image(&v->board.nor.port, &ota_crypto_openssl, offset, room, image, &none) != OTA_OK)
        return 0;
    return image->length;
}

/* What was installed last says how long it was; secure padding and signature belong to it. */
static uint32_t used(const struct ota_view *v, const char *label, uint32_t offset, uint32_t size, bool image) {
    for (size_t i = 0; i < v->installed.count; i++) {
        const struct ota_installed *known = &v->installed.installed[i];
        if (strcmp(known->label, label) == 0 && known->offset == offset && known->length <= size)
            return known->length;
    }
    return image ? image_length(v, offset, size) : 0;
}

struct ota_view_area ota_view_row(const struct ota_view *v, const struct ota_partition *p) {
    struct ota_view_area a = {.offset = p->offset, .size = p->size};
    (void)ota_format(a.label, sizeof a.label, "%s", p->label);
    a.used = used(v, p->label, p->offset, p->size, p->type == OTA_PART_APP);
    return a;
}

static struct ota_view_area bootloader_area(const struct ota_view *v) {
    const struct ota_efuse *e = &v->board.efuse;
    uint32_t offset = e->chip->bootloader_offset, size = e->boot.table_offset - offset;
    return (struct ota_view_area){OTA_LABEL_BOOTLOADER, offset, size,
                                  used(v, OTA_LABEL_BOOTLOADER, offset, size, true)};
}

enum ota_status ota_view_find(const struct ota_view *v, const char *label, struct ota_view_area *out,
                              struct ota_err *err) {
    if (strcmp(label, OTA_LABEL_BOOTLOADER) == 0) {
        *out = bootloader_area(v);
        return OTA_OK;
    }
    if (strcmp(label, OTA_LABEL_TABLE) == 0) {
        *out = (struct ota_view_area){OTA_LABEL_TABLE, v->board.efuse.boot.table_offset, OTA_TABLE_LENGTH,
                                      OTA_TABLE_LENGTH};
        return OTA_OK;
    }
    bool running = strcmp(label, "@running") == 0 || strcmp(label, OTA_LABEL_APP) == 0;
    if (running && !v->boot.app) {
        *err = v->no_boot;
        return err->code;
    }
    if (v->table_bad.code != OTA_OK) {
        *err = v->table_bad;
        return ota_err_prefix(err, "partition table");
    }
    const struct ota_partition *p = running ? v->boot.app : ota_table_by_label(&v->boot.table, label);
    if (!p || p->offset > v->board.nor.size || p->size > v->board.nor.size - p->offset)
        return ota_err_set(err, OTA_LABEL, "%s has no partition \"%.20s\"; otadevice show lists them",
                           v->board.nor.path, label);
    *out = ota_view_row(v, p);
    return OTA_OK;
}

enum ota_status ota_view_bytes(const struct ota_view *v, const struct ota_view_area *area, uint32_t length,
                               struct ota_buf *out, struct ota_err *err) {
    const struct ota_flash *f = &v->board.nor.port;
    ota_buf_reserve(out, length);
    OTA_TRY(f->read(f->ctx, area->offset, out->p + out->len, length, err));
    out->len += length;
    return OTA_OK;
}
