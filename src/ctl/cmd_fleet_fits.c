/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otactl fleet fits: a release against the partition tables that boards have.
 *
 * A board reports the SHA-256 of its table, not the rows. They are found in what is known here by that digest: tables of
 * builds that were pushed or provisioned (state/tables), tables that releases brought, files named with --table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd_table.h"
#include "ctl/fleet_view.h"
#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/printable.h"
#include "store/repo.h"

#define IDS_SHOWN 5u
#define REASON_MAX OTA_ERR_MSG_MAX

struct known_table {
    char sha256[OTA_SHA256_HEX_LEN + 1];
    struct ota_table table;
};

/* Boards with the same table. */
struct group {
    char sha256[OTA_SHA256_HEX_LEN + 1]; /* "": they have not told */
    const struct known_table *known;     /* NULL: none here has that digest */
    bool fits;
    char reason[REASON_MAX];
    size_t count;
    char **id;
};

struct fitting {
    struct ota_workspace w;
    const struct ota_product_config *product;
    struct ota_repo_info *info;
    const struct ota_release *release;
    bool brings_table;
    struct ota_table next; /* that of the release */
    size_t known_count, group_count, fits, misfits, unknown;
    struct known_table *known;
    struct group *group;
};
static void fitting_free(struct fitting *f) {
    for (size_t i = 0; i < f->group_count; i++) {
        for (size_t n = 0; n < f->group[i].count; n++)
            free(f->group[i].id[n]);
        free(f->group[i].id);
    }
    free(f->group);
    free(f->known);
    if (f->info)
        ota_repo_info_free(f->info);
    free(f->info);
    ota_workspace_close(&f->w);
}

/* ---- tables that are known here ------------------------------------------------------------------------ */

static enum ota_status know(struct fitting *f, const struct ota_table *t, const uint8_t bytes[OTA_TABLE_LENGTH],
                            struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    OTA_TRY(ota_sha256(&ota_crypto_openssl, bytes, OTA_TABLE_LENGTH, digest, err));
    f->known = ota_realloc(f->known, f->known_count + 1, sizeof *f->known);
    struct known_table *k = &f->known[f->known_count++];
    ota_hex_encode(digest, sizeof digest, k->sha256);
    k->table = *t;
    return OTA_OK;
}

/* A file that is no table is none that a board could have: passed over. */
static enum ota_status know_file(struct fitting *f, const char *path, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN_FREE struct ota_table *t = ota_calloc(1, sizeof *t);
    struct ota_err why;
    if (ota_fs_read(path, OTA_SECTOR, &bytes, &why) != OTA_OK || bytes.len < OTA_TABLE_LENGTH ||
        ota_table_read((struct ota_span){bytes.p, OTA_TABLE_LENGTH}, &ota_crypto_openssl, t, &why) != OTA_OK)
        return OTA_OK;
    return know(f, t, bytes.p, err);
}

static enum ota_status know_folder(struct fitting *f, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN_FREE char *dir = ota_workspace_path(&f->w, "state/tables");
    if (!ota_fs_is_dir(dir))
        return OTA_OK;
    OTA_TRY(ota_fs_list(dir, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, names.name[i]);
        OTA_TRY(know_file(f, path, err));
    }
    return OTA_OK;
}

static char *table_of(const struct fitting *f, const struct ota_release *r) {
    char served[OTA_TARGET_PATH_MAX + OTA_SHA256_HEX_LEN + 1];
    for (size_t i = 0; i < r->step_count; i++)
        if (r->step[i].kind == OTA_KIND_TABLE &&
            ota_release_served_path(r->product, r->counter, r->step[i].file, r->step[i].sha256, served, sizeof served))
            return ota_workspace_path(&f->w, "state/repo/targets/%s", served);
    return NULL;
}

static enum ota_status know_releases(struct fitting *f, struct ota_err *err) {
    for (size_t i = 0; i < f->info->release_count; i++) {
        OTA_CLEAN_FREE char *path = table_of(f, &f->info->release[i]);
        if (path)
            OTA_TRY(know_file(f, path, err));
    }
    return OTA_OK;
}

static enum ota_status know_named(struct fitting *f, const struct ota_args *args, struct ota_err *err) {
    const struct ota_chip *chip = ota_chip_by_name(ota_span_str(f->product->chip));
    for (size_t i = 0; i < ota_args_count(args, "table"); i++) {
        OTA_CLEAN_FREE struct ota_table_file *file = ota_calloc(1, sizeof *file);
        uint8_t bytes[OTA_TABLE_LENGTH];
        OTA_TRY(ota_ctl_table_read(ota_args_at(args, "table", i), chip, file, err));
        OTA_TRY(ota_table_write(&file->table, &ota_crypto_openssl, bytes, err));
        OTA_TRY(know(f, &file->table, bytes, err));
    }
    return OTA_OK;
}

static const struct known_table *find_known(const struct fitting *f, const char *sha256) {
    for (size_t i = 0; i < f->known_count; i++)
        if (strcmp(f->known[i].sha256, sha256) == 0)
            return &f->known[i];
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

static enum ota_status fits_step(const struct fitting *f, const struct ota_table *t, const struct ota_step *s,
                                 struct ota_err *err) {
    const struct ota_chip *chip = ota_chip_by_name(ota_span_str(f->release->chip));
    switch (s->kind) {
    case OTA_KIND_APP:
        return fits_slots(t, s, err);
    case OTA_KIND_FACTORY:
        return fits_partition(ota_table_by_type(t, OTA_PART_APP, OTA_APP_FACTORY), s, err);
    case OTA_KIND_BOOTLOADER:
        if (f->release->has_boot && chip && s->length > f->release->boot.table_offset - chip->bootloader_offset)
            return ota_err_set(err, OTA_SLOT_SIZE, "%s: %u bytes do not fit before the table at 0x%x", s->file,
                               (unsigned)s->length, (unsigned)f->release->boot.table_offset);
        return OTA_OK;
    case OTA_KIND_DATA:
        return fits_partition(ota_table_by_label(t, s->label), s, err);
    default:
        return OTA_OK;
    }
}

/* A new table comes first, and the images behind it are judged by it. */
static enum ota_status fits_table(const struct fitting *f, const struct ota_table *now, struct ota_err *err) {
    if (f->brings_table)
        OTA_TRY(ota_table_check_change(now, &f->next, err));
    for (size_t i = 0; i < f->release->step_count; i++)
        OTA_TRY(fits_step(f, f->brings_table ? &f->next : now, &f->release->step[i], err));
    return OTA_OK;
}

static void judge(struct fitting *f, struct group *g) {
    struct ota_err why;
    g->known = g->sha256[0] ? find_known(f, g->sha256) : NULL;
    g->fits = g->known && fits_table(f, &g->known->table, &why) == OTA_OK;
    if (!g->sha256[0])
        (void)ota_format(g->reason, sizeof g->reason, "not known: these boards have not reported");
    else if (!g->known)
        (void)ota_format(g->reason, sizeof g->reason, "not known: no such table is here; name its file with --table");
    else if (!g->fits)
        (void)ota_format(g->reason, sizeof g->reason, "%s", why.msg);
    *(g->fits ? &f->fits : g->known ? &f->misfits : &f->unknown) += g->count;
}

/* ---- boards -------------------------------------------------------------------------------------------- */

static bool take_board(void *ctx, const struct ota_fleet_device *d) {
    struct fitting *f = ctx;
    size_t i = 0;
    if (d->quarantine)
        return true;
    while (i < f->group_count && strcmp(f->group[i].sha256, d->table) != 0)
        i++;
    if (i == f->group_count) {
        f->group = ota_realloc(f->group, f->group_count + 1, sizeof *f->group);
        f->group[f->group_count] = (struct group){.count = 0};
        (void)ota_format(f->group[f->group_count++].sha256, sizeof f->group->sha256, "%s", d->table);
    }
    struct group *g = &f->group[i];
    if ((g->count & (g->count - 1)) == 0)
        g->id = ota_realloc(g->id, g->count ? 2 * g->count : 1, sizeof *g->id);
    g->id[g->count++] = ota_strdup(d->id);
    return true;
}

static int by_count(const void *a, const void *b) {
    const struct group *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->sha256, y->sha256);
}

static enum ota_status read_boards(struct fitting *f, struct ota_err *err) {
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    OTA_CLEAN_FREE char *path = ota_workspace_path(&f->w, "state/fleet.db");
    enum ota_status st = ota_fleet_open_reading(&fleet, path, err);
    if (st == OTA_NOT_FOUND)
        return OTA_OK; /* before the first board there is no fleet */
    OTA_TRY(st);
    OTA_TRY(ota_fleet_list(fleet, f->product->name, take_board, f, err));
    if (f->group_count)
        qsort(f->group, f->group_count, sizeof *f->group, by_count);
    for (size_t i = 0; i < f->group_count; i++)
        judge(f, &f->group[i]);
    return OTA_OK;
}

/* ---- the release --------------------------------------------------------------------------------------- */

/* By its number or version; of several with one version the newest. */
static enum ota_status find_release(struct fitting *f, const char *wanted, struct ota_err *err) {
    for (size_t i = 0; i < f->info->release_count; i++) {
        const struct ota_release *r = &f->info->release[i];
        OTA_CLEAN_FREE char *number = ota_sprintf("%u", (unsigned)r->counter);
        if (strcmp(r->product, f->product->name) == 0 &&
            (strcmp(number, wanted) == 0 || strcmp(r->version, wanted) == 0))
            f->release = r;
    }
    return f->release
               ? OTA_OK
               : ota_err_set(err, OTA_NOT_FOUND, "product %s has no release \"%.40s\"; otactl releases lists them",
                             f->product->name, wanted);
}

static enum ota_status read_next(struct fitting *f, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN_FREE char *path = table_of(f, f->release);
    f->brings_table = path != NULL;
    if (!path)
        return OTA_OK;
    OTA_TRY(ota_fs_read(path, OTA_SECTOR, &bytes, err));
    enum ota_status st = ota_table_read(ota_buf_span(&bytes), &ota_crypto_openssl, &f->next, err);
    return st == OTA_OK ? OTA_OK : ota_err_place(err, path, 0);
}

static enum ota_status prepare(struct fitting *f, const struct ota_args *args, struct ota_err *err) {
    struct ota_repo_info *info = ota_calloc(1, sizeof *info);
    OTA_TRY(ota_ctl_workspace(args, &f->w, err));
    enum ota_status st = ota_workspace_product(&f->w, ota_args_get(args, "product"), &f->product, err);
    if (st == OTA_OK)
        st = ota_repo_read(&f->w, info, err);
    if (st != OTA_OK) {
        free(info);
        return st;
    }
    f->info = info;
    OTA_TRY(find_release(f, ota_args_operand(args, 0), err));
    OTA_TRY(read_next(f, err));
    OTA_TRY(know_folder(f, err));
    OTA_TRY(know_releases(f, err));
    OTA_TRY(know_named(f, args, err));
    return read_boards(f, err);
}

/* ---- report -------------------------------------------------------------------------------------------- */

static void report_json(const struct fitting *f) {
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "product", f->product->name);
    (void)cJSON_AddNumberToObject(tree, "counter", f->release->counter);
    (void)cJSON_AddStringToObject(tree, "version", f->release->version);
    (void)cJSON_AddNumberToObject(tree, "fits", (double)f->fits);
    (void)cJSON_AddNumberToObject(tree, "misfits", (double)f->misfits);
    (void)cJSON_AddNumberToObject(tree, "unknown", (double)f->unknown);
    cJSON *tables = cJSON_AddArrayToObject(tree, "tables");
    for (size_t i = 0; i < f->group_count; i++) {
        const struct group *g = &f->group[i];
        cJSON *o = cJSON_CreateObject(), *ids;
        (void)cJSON_AddStringToObject(o, "table", g->sha256);
        (void)(g->known ? cJSON_AddBoolToObject(o, "fits", g->fits) : cJSON_AddNullToObject(o, "fits"));
        (void)cJSON_AddStringToObject(o, "reason", g->reason);
        ids = cJSON_AddArrayToObject(o, "boards");
        for (size_t n = 0; n < g->count; n++)
            (void)cJSON_AddItemToArray(ids, cJSON_CreateString(g->id[n]));
        (void)cJSON_AddItemToArray(tables, o);
    }
    ota_ctl_print_json(&tree);
}

static void report_group(const struct group *g) {
    ota_print_line(stdout, "%-12.12s  %6zu  %s", g->sha256[0] ? g->sha256 : "-", g->count,
                   g->fits ? "fits" : g->reason);
    if (g->fits)
        return;
    OTA_CLEAN(ota_buf_free) struct ota_buf ids = {0};
    for (size_t n = 0; n < g->count && n < IDS_SHOWN; n++)
        ota_buf_printf(&ids, "%s%s", n ? " " : "", g->id[n]);
    ota_print_line(stdout, "%22s%s%s", "", ota_buf_text(&ids), g->count > IDS_SHOWN ? " ..." : "");
}

static void report(const struct fitting *f) {
    size_t all = f->fits + f->misfits + f->unknown;
    ota_print_line(stdout, "%s release %u (%s) fits %zu of %zu boards", f->product->name, (unsigned)f->release->counter,
                   f->release->version, f->fits, all);
    if (all)
        printf("\n%-12s  %6s\n", "TABLE", "BOARDS");
    for (size_t i = 0; i < f->group_count; i++)
        report_group(&f->group[i]);
}

/* Boards that are not known are no failure: nobody can say. */
static enum ota_status verdict(const struct fitting *f, struct ota_err *err) {
    for (size_t i = 0; i < f->group_count; i++)
        if (f->group[i].known && !f->group[i].fits)
            return ota_err_set(err, OTA_SLOT_SIZE, "%zu board%s would refuse it: %s", f->misfits,
                               f->misfits == 1 ? "" : "s", f->group[i].reason);
    return OTA_OK;
}

enum ota_status ota_cmd_fleet_fits(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(fitting_free) struct fitting f = {.info = NULL};
    OTA_TRY(prepare(&f, args, err));
    if (ota_ctl_json(args))
        report_json(&f);
    else
        report(&f);
    return verdict(&f, err);
}
