/* SPDX-License-Identifier: Apache-2.0 */
/* Chip, partitions with digests, otadata, journal, what is installed: as a tree. */
#include "sim/show.h"

#include <string.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "sim/window.h"

static void put_str(cJSON *o, const char *name, const char *value) {
    (void)cJSON_AddStringToObject(o, name, value ? value : "");
}

static void put_num(cJSON *o, const char *name, uint64_t value) {
    (void)cJSON_AddNumberToObject(o, name, (double)value);
}

static void put_bool(cJSON *o, const char *name, bool value) {
    (void)cJSON_AddBoolToObject(o, name, value);
}

static void put_hex(cJSON *o, const char *name, const uint8_t *p, size_t n) {
    char hex[2 * OTA_SHA256_LEN + 1];
    ota_hex_encode(p, n, hex);
    put_str(o, name, hex);
}

/* ---- board --------------------------------------------------------------------------------------------- */

static void put_chip(const struct ota_view *v, cJSON *o) {
    const struct ota_efuse *e = &v->board.efuse;
    char mac[18];
    size_t n = 0;
    for (size_t i = 0; i < sizeof e->mac; i++)
        n += ota_format(mac + n, sizeof mac - n, i ? ":%02x" : "%02x", e->mac[i]);
    put_str(o, "chip", e->chip->name);
    put_num(o, "revision", e->revision);
    put_num(o, "flash_size", v->board.nor.size);
    put_str(o, "mac", mac);
    put_num(o, "secure_version", e->secure_version);
    cJSON *boot = cJSON_AddObjectToObject(o, "boot");
    put_num(boot, "table_offset", e->boot.table_offset);
    put_bool(boot, "rollback", e->boot.rollback);
    put_bool(boot, "anti_rollback", e->boot.anti_rollback);
    put_bool(boot, "flash_encryption", e->boot.flash_encryption);
    put_num(boot, "secure_boot", e->boot.secure_boot);
    put_bool(boot, "recovery", e->recovery);
    if (e->recovery)
        put_num(boot, "recovery_offset", e->recovery_offset);
}

static void put_identity(const struct ota_view *v, cJSON *o) {
    if (!v->id.id)
        return;
    cJSON *id = cJSON_AddObjectToObject(o, "identity");
    put_str(id, "id", v->id.id);
    put_str(id, "product", v->id.product);
    put_str(id, "channel", v->id.channel);
    put_str(id, "groups", v->id.groups);
    put_str(id, "url_meta", v->id.url_meta);
    put_str(id, "url_targets", v->id.url_targets);
    put_str(id, "url_api", v->id.url_api);
    put_bool(id, "has_token", v->id.token != NULL);
    put_bool(id, "has_certificate", v->id.crt.len > 0);
}

static bool is_mixed(const struct ota_board_record *b) {
    for (size_t i = 0; i < b->count; i++)
        if (b->counter && b->installed[i].counter > b->counter)
            return true;
    return false;
}

static void put_running(const struct ota_view *v, cJSON *o) {
    if (!v->boot.app) {
        (void)cJSON_AddNullToObject(o, "running");
        return;
    }
    cJSON *r = cJSON_AddObjectToObject(o, "running");
    put_str(r, "label", v->boot.app->label);
    put_str(r, "version", v->boot.image.app.version);
    put_str(r, "project", v->boot.image.app.project);
    put_num(r, "counter", v->installed.counter);
    put_bool(o, "mixed", is_mixed(&v->installed));
}

/* ---- partitions ---------------------------------------------------------------------------------------- */

static enum ota_status put_digest(const struct ota_view *v, const struct ota_view_area *a, cJSON *row,
                                  struct ota_err *err) {
    uint32_t length = a->used ? a->used : a->size;
    struct ota_window w;
    const struct ota_source src = ota_window_source(&w, &v->board.nor.port, a->offset, length);
    uint8_t digest[OTA_SHA256_LEN];
    OTA_TRY(ota_source_sha256(&src, &ota_crypto_openssl, digest, err));
    put_num(row, "used", a->used);
    put_hex(row, "sha256", digest, sizeof digest);
    return OTA_OK;
}

static void put_app(const struct ota_view *v, const struct ota_partition *p, cJSON *row) {
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    struct ota_err none;
    if (p->type != OTA_PART_APP ||
        ota_window_image(&v->board.nor.port, &ota_crypto_openssl, p->offset, p->size, image, &none) != OTA_OK)
        return;
    put_str(row, "version", image->app.version);
    put_str(row, "project", image->app.project);
    put_bool(row, "sound", image->checksum_ok && (!image->hash_appended || image->hash_ok));
}

static enum ota_status put_row(const struct ota_view *v, const struct ota_partition *p, cJSON *list,
                               struct ota_err *err) {
    char type[8], subtype[8];
    cJSON *row = cJSON_CreateObject();
    (void)cJSON_AddItemToArray(list, row);
    put_str(row, "label", p->label);
    put_str(row, "type", ota_partition_type_name(p, type));
    put_str(row, "subtype", ota_partition_subtype_name(p, subtype));
    put_num(row, "offset", p->offset);
    put_num(row, "size", p->size);
    put_bool(row, "encrypted", p->flags & OTA_FLAG_ENCRYPTED);
    put_bool(row, "readonly", p->flags & OTA_FLAG_READONLY);
    if (p->offset > v->board.nor.size || p->size > v->board.nor.size - p->offset)
        return OTA_OK; /* a bad table may name what is not there */
    struct ota_view_area area = ota_view_row(v, p);
    put_app(v, p, row);
    return put_digest(v, &area, row, err);
}

/* Bootloader and table, which need no row of the table. */
static enum ota_status put_special(const struct ota_view *v, const char *label, cJSON *list, struct ota_err *err) {
    struct ota_view_area area;
    OTA_TRY(ota_view_find(v, label, &area, err));
    cJSON *row = cJSON_CreateObject();
    (void)cJSON_AddItemToArray(list, row);
    put_str(row, "label", label);
    put_str(row, "type", label + 1);
    put_str(row, "subtype", "primary");
    put_num(row, "offset", area.offset);
    put_num(row, "size", area.size);
    return put_digest(v, &area, row, err);
}

static enum ota_status put_partitions(const struct ota_view *v, cJSON *o, struct ota_err *err) {
    cJSON *list = cJSON_AddArrayToObject(o, "partitions");
    OTA_TRY(put_special(v, OTA_LABEL_BOOTLOADER, list, err));
    OTA_TRY(put_special(v, OTA_LABEL_TABLE, list, err));
    for (size_t i = 0; v->table_bad.code == OTA_OK && i < v->boot.table.count; i++)
        OTA_TRY(put_row(v, &v->boot.table.row[i], list, err));
    return OTA_OK;
}

/* ---- otadata ------------------------------------------------------------------------------------------- */

static void put_entry(const struct ota_view *v, const struct ota_otadata_entry *e, bool active, cJSON *list) {
    cJSON *row = cJSON_CreateObject();
    uint32_t slots = (uint32_t)ota_table_slot_count(&v->boot.table);
    const struct ota_partition *p = ota_table_slot(&v->boot.table, ota_otadata_slot(e->seq, slots));
    (void)cJSON_AddItemToArray(list, row);
    put_bool(row, "written", e->seq != UINT32_MAX);
    if (e->seq == UINT32_MAX)
        return;
    put_num(row, "seq", e->seq);
    put_str(row, "label", p ? p->label : "-");
    put_str(row, "state", ota_slot_state_name(e->state));
    put_bool(row, "crc_ok", e->crc_ok);
    put_bool(row, "active", active);
}

static enum ota_status put_otadata(const struct ota_view *v, cJSON *o, struct ota_err *err) {
    const struct ota_partition *p = ota_table_by_type(&v->boot.table, OTA_PART_DATA, OTA_DATA_OTA);
    const struct ota_flash *f = &v->board.nor.port;
    struct ota_otadata_entry entry[2];
    uint8_t bytes[OTA_OTADATA_ENTRY];
    cJSON *list = cJSON_AddArrayToObject(o, "otadata");
    if (v->table_bad.code != OTA_OK || !p || p->size < OTA_OTADATA_SIZE || p->offset > f->size - OTA_OTADATA_SIZE)
        return OTA_OK;
    for (unsigned i = 0; i < 2; i++) {
        OTA_TRY(f->read(f->ctx, p->offset + i * OTA_SECTOR, bytes, sizeof bytes, err));
        ota_otadata_decode(bytes, &entry[i]);
    }
    int active = ota_otadata_active(entry);
    for (int i = 0; i < 2; i++)
        put_entry(v, &entry[i], i == active, list);
    return OTA_OK;
}

/* ---- the agent's records ------------------------------------------------------------------------------- */

static const char *step_state_name(enum ota_step_state s) {
    static const char *const names[] = {"waiting", "staged", "active", "skipped"};
    return (unsigned)s < OTA_ARRAY_LEN(names) ? names[s] : "unknown";
}

static void put_journal(const struct ota_journal *j, cJSON *o) {
    if (j->phase == OTA_PHASE_IDLE) {
        (void)cJSON_AddNullToObject(o, "journal");
        return;
    }
    cJSON *journal = cJSON_AddObjectToObject(o, "journal");
    put_num(journal, "counter", j->counter);
    put_str(journal, "version", j->version);
    put_str(journal, "phase", ota_phase_name(j->phase));
    put_num(journal, "activations", j->activations);
    put_num(journal, "saved_bytes", j->saved_bytes);
    cJSON *steps = cJSON_AddArrayToObject(journal, "steps");
    for (size_t i = 0; i < j->count; i++) {
        cJSON *s = cJSON_CreateObject();
        (void)cJSON_AddItemToArray(steps, s);
        put_str(s, "label", j->step[i].image.label);
        put_num(s, "length", j->step[i].image.length);
        put_num(s, "done", j->step[i].done);
        put_str(s, "state", step_state_name(j->step[i].state));
        put_num(s, "stage_offset", j->step[i].stage_offset);
        put_num(s, "dest_offset", j->step[i].dest_offset);
    }
}

static void put_last(const struct ota_report_record *r, cJSON *o) {
    if (r->result == OTA_RESULT_NONE) {
        (void)cJSON_AddNullToObject(o, "last");
        return;
    }
    cJSON *last = cJSON_AddObjectToObject(o, "last");
    put_num(last, "counter", r->counter);
    put_str(last, "result", ota_result_name(r->result));
    put_str(last, "code", r->code);
    put_str(last, "message", r->message);
    put_str(last, "label", r->label);
    put_bool(last, "reported", !r->pending);
}

static void put_installed(const struct ota_board_record *b, cJSON *o) {
    cJSON *list = cJSON_AddArrayToObject(o, "installed");
    for (size_t i = 0; i < b->count; i++) {
        cJSON *row = cJSON_CreateObject();
        (void)cJSON_AddItemToArray(list, row);
        put_str(row, "label", b->installed[i].label);
        put_num(row, "counter", b->installed[i].counter);
        put_num(row, "length", b->installed[i].length);
        put_hex(row, "sha256", b->installed[i].sha256, OTA_SHA256_LEN);
    }
}

static void put_faults(const struct ota_view *v, cJSON *o) {
    const struct ota_err *const faults[] = {&v->no_boot, &v->table_bad, &v->id_missing, &v->state_bad};
    cJSON *list = cJSON_AddArrayToObject(o, "faults");
    for (size_t i = 0; i < OTA_ARRAY_LEN(faults); i++)
        if (faults[i]->code != OTA_OK)
            (void)cJSON_AddItemToArray(list, cJSON_CreateString(faults[i]->msg));
}

enum ota_status ota_show_tree(const struct ota_view *v, cJSON **out, struct ota_err *err) {
    OTA_CLEAN(ota_json_tree_free) cJSON *o = cJSON_CreateObject();
    put_chip(v, o);
    put_identity(v, o);
    put_running(v, o);
    OTA_TRY(put_partitions(v, o, err));
    OTA_TRY(put_otadata(v, o, err));
    put_journal(&v->journal, o);
    put_last(&v->report, o);
    put_installed(&v->installed, o);
    put_faults(v, o);
    *out = OTA_STEAL(o);
    return OTA_OK;
}
