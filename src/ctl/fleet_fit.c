/* SPDX-License-Identifier: Apache-2.0 */
/* Which boards a release fits; see fleet_fit.h. */
#include "ctl/fleet_fit.h"

#include <stdlib.h>
#include <string.h>

#include "host/buf.h"
#include "host/crypto.h"
#include "host/fs.h"
#include "ota/image.h"
#include "store/fleet.h"

void ota_fleet_fit_free(struct ota_fleet_fit *f) {
    for (size_t i = 0; i < f->board_count; i++)
        free(f->board[i].id);
    free(f->board);
    free(f->table);
    free(f->group);
}

/* ---- tables that are known here ------------------------------------------------------------------------ */

enum ota_status ota_fleet_fit_know(struct ota_fleet_fit *f, const struct ota_table *t,
                                   const uint8_t bytes[OTA_TABLE_LENGTH], struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    OTA_TRY(ota_sha256(&ota_crypto_openssl, bytes, OTA_TABLE_LENGTH, digest, err));
    f->table = ota_realloc(f->table, f->table_count + 1, sizeof *f->table);
    struct ota_fleet_fit_table *known = &f->table[f->table_count++];
    ota_hex_encode(digest, sizeof digest, known->sha256);
    known->table = *t;
    return OTA_OK;
}

/* A file that is no table is none that a board could have: passed over. */
static enum ota_status know_file(struct ota_fleet_fit *f, const char *path, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN_FREE struct ota_table *t = ota_calloc(1, sizeof *t);
    struct ota_err why;
    if (ota_fs_read(path, OTA_SECTOR, &bytes, &why) != OTA_OK || bytes.len < OTA_TABLE_LENGTH ||
        ota_table_read((struct ota_span){bytes.p, OTA_TABLE_LENGTH}, &ota_crypto_openssl, t, &why) != OTA_OK)
        return OTA_OK;
    return ota_fleet_fit_know(f, t, bytes.p, err);
}

enum ota_status ota_fleet_fit_know_kept(struct ota_fleet_fit *f, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN_FREE char *dir = ota_workspace_path(f->w, "state/tables");
    if (!ota_fs_is_dir(dir))
        return OTA_OK;
    OTA_TRY(ota_fs_list(dir, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, names.name[i]);
        OTA_TRY(know_file(f, path, err));
    }
    return OTA_OK;
}

char *ota_fleet_fit_table_of(const struct ota_workspace *w, const struct ota_release *r) {
    char served[OTA_TARGET_PATH_MAX + OTA_SHA256_HEX_LEN + 1];
    for (size_t i = 0; i < r->step_count; i++)
        if (r->step[i].kind == OTA_KIND_TABLE &&
            ota_release_served_path(r->product, r->counter, r->step[i].file, r->step[i].sha256, served, sizeof served))
            return ota_workspace_path(w, "state/repo/targets/%s", served);
    return NULL;
}

enum ota_status ota_fleet_fit_know_released(struct ota_fleet_fit *f, const struct ota_repo_info *info,
                                            struct ota_err *err) {
    for (size_t i = 0; i < info->release_count; i++) {
        OTA_CLEAN_FREE char *path = ota_fleet_fit_table_of(f->w, &info->release[i]);
        if (path)
            OTA_TRY(know_file(f, path, err));
    }
    return OTA_OK;
}

static const struct ota_fleet_fit_table *find_known(const struct ota_fleet_fit *f, const char *sha256) {
    for (size_t i = 0; i < f->table_count; i++)
        if (strcmp(f->table[i].sha256, sha256) == 0)
            return &f->table[i];
    return NULL;
}

/* ---- does it fit ---------------------------------------------------------------------------------------- */

/* Which slot is passive then is not known: all must do. */
static enum ota_status fits_slots(const struct ota_table *t, const struct ota_step *s, struct ota_err *err) {
    size_t slots = ota_table_slot_count(t);
    if (slots < 2)
        return ota_err_set(err, OTA_SLOT_SIZE, "%s: %zu ota_ slot%s; an update takes two", s->file, slots,
                           slots == 1 ? "" : "s");
    for (size_t i = 0; i < slots; i++) {
        const struct ota_partition *p = ota_table_slot(t, i);
        if (s->length > p->size)
            return ota_err_set(err, OTA_SLOT_SIZE, "%s: %u bytes, but %s has %u", s->file, (unsigned)s->length,
                               p->label, (unsigned)p->size);
    }
    return OTA_OK;
}

static enum ota_status fits_partition(const struct ota_partition *p, const struct ota_step *s, struct ota_err *err) {
    if (!p)
        return ota_err_set(err, OTA_LABEL, "%s: there is no partition %s", s->file, s->label);
    if (s->kind == OTA_KIND_DATA)
        OTA_TRY(ota_table_updatable(p, err));
    return s->length <= p->size ? OTA_OK
                                : ota_err_set(err, OTA_SLOT_SIZE, "%s: %u bytes, but %s has %u", s->file,
                                              (unsigned)s->length, p->label, (unsigned)p->size);
}

static enum ota_status fits_step(const struct ota_release *r, const struct ota_table *t, const struct ota_step *s,
                                 struct ota_err *err) {
    const struct ota_chip *chip = ota_chip_by_name(ota_span_str(r->chip));
    switch (s->kind) {
    case OTA_KIND_APP:
        return fits_slots(t, s, err);
    case OTA_KIND_FACTORY:
        return fits_partition(ota_table_by_type(t, OTA_PART_APP, OTA_APP_FACTORY), s, err);
    case OTA_KIND_BOOTLOADER:
        if (r->has_boot && chip && s->length > r->boot.table_offset - chip->bootloader_offset)
            return ota_err_set(err, OTA_SLOT_SIZE, "%s: %u bytes do not fit before the table at 0x%x", s->file,
                               (unsigned)s->length, (unsigned)r->boot.table_offset);
        return OTA_OK;
    case OTA_KIND_DATA:
        return fits_partition(ota_table_by_label(t, s->label), s, err);
    default:
        return OTA_OK;
    }
}

/* A new table comes first, and the images behind it are judged by it. */
static enum ota_status fits_table(const struct ota_fleet_fit *f, const struct ota_table *now, struct ota_err *err) {
    if (f->next)
        OTA_TRY(ota_table_check_change(now, f->next, err));
    for (size_t i = 0; i < f->release->step_count; i++)
        OTA_TRY(fits_step(f->release, f->next ? f->next : now, &f->release->step[i], err));
    return OTA_OK;
}

static void judge(struct ota_fleet_fit *f, struct ota_fleet_fit_group *g) {
    g->verdict.code = OTA_OK;
    g->known = g->sha256[0] ? find_known(f, g->sha256) : NULL;
    if (!g->known)
        f->unknown += g->count;
    else if (fits_table(f, &g->known->table, &g->verdict) == OTA_OK)
        f->fits += g->count;
    else
        f->misfits += g->count;
}

/* ---- boards -------------------------------------------------------------------------------------------- */

static bool take_board(void *ctx, const struct ota_fleet_device *d) {
    struct ota_fleet_fit *f = ctx;
    if (d->quarantine || d->revoked || (f->channel && strcmp(f->channel, d->channel) != 0))
        return true;
    if ((f->board_count & (f->board_count - 1)) == 0)
        f->board = ota_realloc(f->board, f->board_count ? 2 * f->board_count : 1, sizeof *f->board);
    struct ota_fleet_fit_board *b = &f->board[f->board_count++];
    b->id = ota_strdup(d->id);
    (void)ota_format(b->table, sizeof b->table, "%s", d->table);
    return true;
}

static int by_table(const void *a, const void *b) {
    const struct ota_fleet_fit_board *x = a, *y = b;
    int order = strcmp(x->table, y->table);
    return order ? order : strcmp(x->id, y->id);
}

static int by_count(const void *a, const void *b) {
    const struct ota_fleet_fit_group *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->sha256, y->sha256);
}

enum ota_status ota_fleet_fit_read_boards(struct ota_fleet_fit *f, struct ota_err *err) {
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    OTA_CLEAN_FREE char *path = ota_workspace_path(f->w, "state/fleet.db");
    enum ota_status st = ota_fleet_open_reading(&fleet, path, err);
    if (st == OTA_NOT_FOUND)
        return OTA_OK; /* before the first board there is no fleet */
    OTA_TRY(st);
    return ota_fleet_list(fleet, f->product->name, take_board, f, err);
}

static bool begins_group(const struct ota_fleet_fit *f, size_t i) {
    return i == 0 || strcmp(f->board[i - 1].table, f->board[i].table) != 0;
}

/* Boards name their tables as they like: sorted, any number of different ones costs no more. */
static void group_boards(struct ota_fleet_fit *f) {
    size_t groups = 0;
    qsort(f->board, f->board_count, sizeof *f->board, by_table);
    for (size_t i = 0; i < f->board_count; i++)
        groups += begins_group(f, i);
    f->group = ota_realloc(f->group, groups, sizeof *f->group);
    for (size_t i = 0; i < f->board_count; i++) {
        const struct ota_fleet_fit_board *b = &f->board[i];
        if (begins_group(f, i))
            f->group[f->group_count++] = (struct ota_fleet_fit_group){.sha256 = b->table, .board = b};
        f->group[f->group_count - 1].count++;
    }
    qsort(f->group, f->group_count, sizeof *f->group, by_count);
}

void ota_fleet_fit_judge(struct ota_fleet_fit *f) {
    f->fits = f->misfits = f->unknown = f->group_count = 0;
    if (f->board_count)
        group_boards(f);
    for (size_t i = 0; i < f->group_count; i++)
        judge(f, &f->group[i]);
}

const struct ota_err *ota_fleet_fit_reason(const struct ota_fleet_fit *f) {
    for (size_t i = 0; i < f->group_count; i++)
        if (f->group[i].verdict.code != OTA_OK)
            return &f->group[i].verdict;
    return NULL;
}
