/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otactl fleet fits: a published release against the partition tables that boards have.
 *
 * Tables are known from builds that were pushed or provisioned (state/tables), from releases that brought one, and from
 * files named with --table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd_table.h"
#include "ctl/fleet_fit.h"
#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/printable.h"

#define IDS_SHOWN 5u

struct fitting {
    struct ota_workspace w;
    struct ota_repo_info *info;
    struct ota_table next; /* that of the release */
    struct ota_fleet_fit fit;
};
static void fitting_free(struct fitting *f) {
    ota_fleet_fit_free(&f->fit);
    if (f->info)
        ota_repo_info_free(f->info);
    free(f->info);
    ota_workspace_close(&f->w);
}

/* ---- the release and the boards ------------------------------------------------------------------------- */

static enum ota_status know_named(struct fitting *f, const struct ota_args *args, struct ota_err *err) {
    const struct ota_chip *chip = ota_chip_by_name(ota_span_str(f->fit.product->chip));
    for (size_t i = 0; i < ota_args_count(args, "table"); i++) {
        OTA_CLEAN_FREE struct ota_table_file *file = ota_calloc(1, sizeof *file);
        uint8_t bytes[OTA_TABLE_LENGTH];
        OTA_TRY(ota_ctl_table_read(ota_args_at(args, "table", i), chip, file, err));
        OTA_TRY(ota_table_write(&file->table, &ota_crypto_openssl, bytes, err));
        OTA_TRY(ota_fleet_fit_know(&f->fit, &file->table, bytes, err));
    }
    return OTA_OK;
}

/* By its number or version; of several with one version the newest. */
static enum ota_status find_release(struct fitting *f, const char *wanted, struct ota_err *err) {
    for (size_t i = 0; i < f->info->release_count; i++) {
        const struct ota_release *r = &f->info->release[i];
        OTA_CLEAN_FREE char *number = ota_sprintf("%u", (unsigned)r->counter);
        if (strcmp(r->product, f->fit.product->name) == 0 &&
            (strcmp(number, wanted) == 0 || strcmp(r->version, wanted) == 0))
            f->fit.release = r;
    }
    return f->fit.release
               ? OTA_OK
               : ota_err_set(err, OTA_NOT_FOUND, "product %s has no release \"%.40s\"; otactl releases lists them",
                             f->fit.product->name, wanted);
}

static enum ota_status read_next(struct fitting *f, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN_FREE char *path = ota_fleet_fit_table_of(&f->w, f->fit.release);
    if (!path)
        return OTA_OK;
    f->fit.next = &f->next;
    OTA_TRY(ota_fs_read(path, OTA_SECTOR, &bytes, err));
    enum ota_status st = ota_table_read(ota_buf_span(&bytes), &ota_crypto_openssl, &f->next, err);
    return st == OTA_OK ? OTA_OK : ota_err_place(err, path, 0);
}

static enum ota_status prepare(struct fitting *f, const struct ota_args *args, struct ota_err *err) {
    struct ota_repo_info *info = ota_calloc(1, sizeof *info);
    OTA_TRY(ota_ctl_workspace(args, &f->w, err));
    f->fit.w = &f->w;
    enum ota_status st = ota_workspace_product(&f->w, ota_args_get(args, "product"), &f->fit.product, err);
    if (st == OTA_OK)
        st = ota_repo_read(&f->w, info, err);
    if (st != OTA_OK) {
        free(info);
        return st;
    }
    f->info = info;
    OTA_TRY(find_release(f, ota_args_operand(args, 0), err));
    OTA_TRY(read_next(f, err));
    OTA_TRY(ota_fleet_fit_know_kept(&f->fit, err));
    OTA_TRY(ota_fleet_fit_know_released(&f->fit, info, err));
    OTA_TRY(know_named(f, args, err));
    OTA_TRY(ota_fleet_fit_read_boards(&f->fit, err));
    ota_fleet_fit_judge(&f->fit);
    return OTA_OK;
}

/* ---- report -------------------------------------------------------------------------------------------- */

static bool fits(const struct ota_fleet_fit_group *g) {
    return g->known && g->verdict.code == OTA_OK;
}

static const char *reason_of(const struct ota_fleet_fit_group *g) {
    if (!g->sha256[0])
        return "not known: these boards have not reported";
    if (!g->known)
        return "not known: no such table is here; name its file with --table";
    return fits(g) ? "" : g->verdict.msg;
}

static void report_json(const struct ota_fleet_fit *f) {
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "product", f->product->name);
    (void)cJSON_AddNumberToObject(tree, "counter", f->release->counter);
    (void)cJSON_AddStringToObject(tree, "version", f->release->version);
    (void)cJSON_AddNumberToObject(tree, "fits", (double)f->fits);
    (void)cJSON_AddNumberToObject(tree, "misfits", (double)f->misfits);
    (void)cJSON_AddNumberToObject(tree, "unknown", (double)f->unknown);
    cJSON *tables = cJSON_AddArrayToObject(tree, "tables");
    for (size_t i = 0; i < f->group_count; i++) {
        const struct ota_fleet_fit_group *g = &f->group[i];
        cJSON *o = cJSON_CreateObject(), *ids;
        (void)cJSON_AddStringToObject(o, "table", g->sha256);
        (void)(g->known ? cJSON_AddBoolToObject(o, "fits", fits(g)) : cJSON_AddNullToObject(o, "fits"));
        (void)cJSON_AddStringToObject(o, "reason", reason_of(g));
        ids = cJSON_AddArrayToObject(o, "boards");
        for (size_t n = 0; n < g->count; n++)
            (void)cJSON_AddItemToArray(ids, cJSON_CreateString(g->board[n].id));
        (void)cJSON_AddItemToArray(tables, o);
    }
    ota_ctl_print_json(&tree);
}

static void report_group(const struct ota_fleet_fit_group *g) {
    ota_print_line(stdout, "%-12.12s  %6zu  %s", g->sha256[0] ? g->sha256 : "-", g->count,
                   fits(g) ? "fits" : reason_of(g));
    if (fits(g))
        return;
    OTA_CLEAN(ota_buf_free) struct ota_buf ids = {0};
    for (size_t n = 0; n < g->count && n < IDS_SHOWN; n++)
        ota_buf_printf(&ids, "%s%s", n ? " " : "", g->board[n].id);
    ota_print_line(stdout, "%22s%s%s", "", ota_buf_text(&ids), g->count > IDS_SHOWN ? " ..." : "");
}

static void report(const struct ota_fleet_fit *f) {
    ota_print_line(stdout, "%s release %u (%s) fits %zu of %zu boards", f->product->name, (unsigned)f->release->counter,
                   f->release->version, f->fits, f->board_count);
    if (f->board_count)
        printf("\n%-12s  %6s\n", "TABLE", "BOARDS");
    for (size_t i = 0; i < f->group_count; i++)
        report_group(&f->group[i]);
}

/* Boards that are not known are no failure: nobody can say. */
static enum ota_status verdict(const struct ota_fleet_fit *f, struct ota_err *err) {
    const struct ota_err *why = ota_fleet_fit_reason(f);
    return why ? ota_err_set(err, OTA_SLOT_SIZE, "%zu board%s would refuse it: %s", f->misfits,
                             f->misfits == 1 ? "" : "s", why->msg)
               : OTA_OK;
}

enum ota_status ota_cmd_fleet_fits(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(fitting_free) struct fitting f = {.info = NULL};
    OTA_TRY(prepare(&f, args, err));
    if (ota_ctl_json(args))
        report_json(&f.fit);
    else
        report(&f.fit);
    return verdict(&f.fit, err);
}
