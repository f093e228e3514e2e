/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otactl restore --merge: after a backup was brought back, everything that boards are shown must be above what they saw
 * before. Their files may still be somewhere (SOURCE); else new versions and counters are taken from where none can
 * have been.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/origin.h"
#include "ctl/push.h"
#include "ctl/renewal.h"
#include "ctl/restore_keys.h"
#include "sign/last_signed.h"
#include "sign/sign.h"
#include "store/fleet.h"
#include "store/repo_merge.h"

/* Releases that one backup lost are taken to be fewer than this. */
#define LOST_MAX 1000u

struct product_floor {
    char product[OTA_NAME_MAX + 1], device[OTA_DEVICE_ID_MAX + 1];
    uint32_t listed, reported;
    uint32_t next; /* counter of the next release, by the role alone */
};
struct restore {
    struct ota_workspace w;
    const char *source;
    uint32_t above; /* --above */
    bool json;
    struct ota_repo_merged merged;
    struct ota_hand hand;
    struct ota_repo_info *info;
    size_t floor_count;
    struct product_floor floor[OTA_PRODUCTS_MAX];
    cJSON *signed_list, *drafts;
};
static void restore_free(struct restore *r) {
    ota_hand_free(&r->hand);
    if (r->info)
        ota_repo_info_free(r->info);
    free(r->info);
    ota_workspace_close(&r->w);
    cJSON_Delete(r->signed_list);
    cJSON_Delete(r->drafts);
}

/* ---- SOURCE ------------------------------------------------------------------------------------------------ */

static enum ota_status merge(struct restore *r, const char *ca_file, struct ota_err *err) {
    OTA_CLEAN(ota_origin_close) struct ota_origin origin = {.dir = NULL};
    OTA_TRY(ota_origin_open(&origin, r->source, &r->w, ca_file, err));
    return ota_repo_merge(&r->w, ota_origin_transport(&origin), &r->merged, err);
}

/* ---- online roles ------------------------------------------------------------------------------------------ */

static enum ota_status go_on(const struct ota_workspace *w, struct ota_err *err) {
    OTA_CLEAN_FREE char *keys = ota_workspace_path(w, "keys");
    OTA_CLEAN(ota_buf_free) struct ota_buf timestamp = {0};
    OTA_CLEAN_FREE struct ota_repo_info *info = ota_calloc(1, sizeof *info);
    uint64_t version = 0;
    OTA_TRY(ota_repo_role(w, "timestamp", &timestamp, err));
    OTA_TRY(ota_repo_read(w, info, err));
    for (size_t i = 0; i < info->role_count; i++)
        if (strcmp(info->role[i].name, "timestamp") == 0)
            version = info->role[i].version;
    ota_repo_info_free(info);
    return ota_last_signed_go_on(keys, ota_buf_span(&timestamp), version, err);
}

static enum ota_status sign_above(const struct ota_workspace *w, struct ota_err *err) {
    struct ota_signer signer = {.pid = 0, .fd = -1};
    bool changed;
    OTA_TRY(go_on(w, err));
    OTA_TRY(ota_signer_start(&signer, w->dir, err));
    enum ota_status st = ota_repo_renew(w, &signer, false, &changed, err);
    ota_signer_stop(&signer);
    return st;
}

static void print_merged(const struct restore *r) {
    if (r->json)
        return;
    if (r->merged.newer)
        printf("Brought in from %s: %zu newer role%s, %zu root%s, %zu image%s.\n", r->source, r->merged.roles,
               r->merged.roles == 1 ? "" : "s", r->merged.roots, r->merged.roots == 1 ? "" : "s", r->merged.images,
               r->merged.images == 1 ? "" : "s");
    else
        printf("%s has nothing that is not here.\n", r->source);
}

static enum ota_status merge_and_sign(struct restore *r, const char *ca_file, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(&r->w, "state/publish.lock");
    OTA_CLEAN_FD int lock = -1;
    OTA_TRY(ota_fs_lock(path, OTA_PUSH_WAIT_MS, &lock, err));
    if (r->source) {
        OTA_TRY(merge(r, ca_file, err));
        print_merged(r);
    }
    OTA_TRY(ota_repo_adopt_root(&r->w, err));
    OTA_TRY(ota_ctl_restore_keys(&r->w, err));
    return sign_above(&r->w, err);
}

/* ---- counters ---------------------------------------------------------------------------------------------- */

static bool note_device(void *ctx, const struct ota_fleet_device *d) {
    struct restore *r = ctx;
    for (size_t i = 0; i < r->floor_count && !d->quarantine; i++) {
        struct product_floor *f = &r->floor[i];
        if (strcmp(f->product, d->product) != 0 || d->counter <= f->reported)
            continue;
        f->reported = d->counter;
        memcpy(f->device, d->id, sizeof f->device);
    }
    return true;
}

static enum ota_status read_next_counters(struct restore *r, struct ota_err *err) {
    for (size_t i = 0; i < r->floor_count; i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf role = {0};
        OTA_TRY(ota_repo_role(&r->w, r->floor[i].product, &role, err));
        OTA_TRY(ota_sign_next_counter(ota_buf_span(&role), r->floor[i].product, &r->floor[i].next, err));
    }
    return OTA_OK;
}

static enum ota_status find_floors(struct restore *r, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(&r->w, "state/fleet.db");
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    for (size_t i = 0; i < r->info->role_count; i++) {
        const char *name = r->info->role[i].name;
        if (!ota_name_reserved(ota_span_str(name)) && r->floor_count < OTA_PRODUCTS_MAX)
            (void)ota_format(r->floor[r->floor_count++].product, OTA_NAME_MAX + 1, "%s", name);
    }
    for (size_t i = 0; i < r->info->release_count; i++)
        for (size_t p = 0; p < r->floor_count; p++)
            if (strcmp(r->floor[p].product, r->info->release[i].product) == 0)
                r->floor[p].listed = r->info->release[i].counter;
    OTA_TRY(read_next_counters(r, err));
    if (!ota_fs_exists(path))
        return OTA_OK;
    OTA_TRY(ota_fleet_open_reading(&fleet, path, err));
    return ota_fleet_list(fleet, NULL, note_device, r, err);
}

/* Nobody can tell which counters were used: the floor is a guess. */
static bool floor_is_guessed(const struct restore *r) {
    return !r->source && !r->above;
}

/* Did a board name a release that is not here, and is nothing higher asked for. */
static bool lost_is_known(const struct restore *r, const struct product_floor *f) {
    return f->reported > f->listed && f->reported >= r->above;
}

/* 0: what is listed is floor enough. */
static uint32_t floor_of(const struct restore *r, const struct product_floor *f) {
    uint32_t floor = f->reported > r->above ? f->reported : r->above;
    if (floor_is_guessed(r)) {
        uint32_t known = floor > f->next - 1 ? floor : f->next - 1;
        return known < OTA_COUNTER_MAX - LOST_MAX ? known + LOST_MAX : OTA_COUNTER_MAX - 1;
    }
    return floor > f->listed ? floor : 0;
}

/* ---- offline roles ----------------------------------------------------------------------------------------- */

static enum ota_status sign_ahead(struct restore *r, const char *role, uint32_t floor, bool *published,
                                  struct ota_err *err) {
    const struct ota_renewal renewal = {
        .w = &r->w, .now = ota_ctl_now(), .ahead = true, .counter_floor = floor, .hand = &r->hand};
    struct ota_renewal_result result;
    OTA_TRY(ota_ctl_renew_role(&renewal, role, &result, err));
    *published = result.published;
    (void)cJSON_AddItemToArray(result.published ? r->signed_list : r->drafts, cJSON_CreateString(role));
    if (r->json)
        return OTA_OK;
    if (result.published)
        printf("Signed %s as version %llu.\n", role, (unsigned long long)result.version);
    else
        printf("%s: its key is not here. If anything of it was published after the backup, boards wait for:\n"
               "  otactl sign %s --key FILE\n  otactl publish %s\n",
               role, result.draft, result.draft);
    return OTA_OK;
}

static void tell_floor(const struct restore *r, const struct product_floor *f, bool published) {
    uint32_t floor = floor_of(r, f);
    if (!floor || r->json || !ota_config_product(&r->w.config, f->product)) /* a retired one has no next release */
        return;
    if (lost_is_known(r, f))
        printf("Releases %u to %u of %s are lost: board %s runs %u.\n", f->listed + 1, f->reported, f->product,
               f->device, f->reported);
    printf("%selease numbers of %s go on at %u%s.\n", published ? "R" : "Then r", f->product, floor + 1,
           floor_is_guessed(r) ? ", above any that the lost time may have used; --above N chooses another" : "");
}

static enum ota_status sign_offline(struct restore *r, struct ota_err *err) {
    bool published = true;
    if (!r->source)
        OTA_TRY(sign_ahead(r, "targets", 0, &published, err));
    for (size_t i = 0; i < r->floor_count; i++) {
        const struct product_floor *f = &r->floor[i];
        if (!r->source || floor_of(r, f))
            OTA_TRY(sign_ahead(r, f->product, floor_of(r, f), &published, err));
        tell_floor(r, f, published);
    }
    return OTA_OK;
}

/* ---- the verb ---------------------------------------------------------------------------------------------- */

static void print_json(struct restore *r) {
    cJSON *tree = cJSON_CreateObject(), *floors = cJSON_CreateArray();
    cJSON *merged = cJSON_AddObjectToObject(tree, "merged");
    (void)cJSON_AddNumberToObject(merged, "roles", (double)r->merged.roles);
    (void)cJSON_AddNumberToObject(merged, "roots", (double)r->merged.roots);
    (void)cJSON_AddNumberToObject(merged, "images", (double)r->merged.images);
    (void)cJSON_AddItemToObject(tree, "signed", OTA_STEAL(r->signed_list));
    (void)cJSON_AddItemToObject(tree, "drafts", OTA_STEAL(r->drafts));
    for (size_t i = 0; i < r->floor_count; i++) {
        const struct product_floor *f = &r->floor[i];
        if (!floor_of(r, f))
            continue;
        cJSON *item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "product", f->product);
        (void)cJSON_AddNumberToObject(item, "counter", floor_of(r, f));
        (void)cJSON_AddStringToObject(item, "device", lost_is_known(r, f) ? f->device : "");
        (void)cJSON_AddItemToArray(floors, item);
    }
    (void)cJSON_AddItemToObject(tree, "floors", floors);
    ota_ctl_print_json(&tree);
}

static enum ota_status check_daemon(const struct restore *r, struct ota_err *err) {
    bool runs;
    OTA_TRY(ota_repo_daemon_runs(&r->w, &runs, err));
    return runs ? ota_err_set(err, OTA_BUSY, "otaserve runs here; stop it first, then start it again") : OTA_OK;
}

static enum ota_status run(struct restore *r, const char *ca_file, struct ota_err *err) {
    OTA_CLEAN_FD int lock = -1;
    OTA_TRY(ota_push_lock(&r->w, &lock, err));
    OTA_TRY(merge_and_sign(r, ca_file, err));
    OTA_TRY(ota_repo_read(&r->w, r->info, err));
    OTA_TRY(find_floors(r, err));
    OTA_TRY(ota_hand_add_folder(&r->hand, &r->w, NULL, err));
    return sign_offline(r, err);
}

enum ota_status ota_cmd_restore(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(restore_free)
    struct restore r = {.source = ota_args_operand(args, 0),
                        .json = ota_ctl_json(args),
                        .info = ota_calloc(1, sizeof *r.info),
                        .signed_list = cJSON_CreateArray(),
                        .drafts = cJSON_CreateArray()};
    uint64_t above;
    sigset_t before;
    if (!ota_args_has(args, "merge"))
        return ota_err_set(err, OTA_USAGE, "restore what? To go on after a backup was brought back: --merge [SOURCE]");
    OTA_TRY(ota_args_number(args, "above", 1, OTA_COUNTER_MAX - 1, 0, &above, err));
    r.above = (uint32_t)above;
    OTA_TRY(ota_ctl_workspace(args, &r.w, err));
    OTA_TRY(check_daemon(&r, err));
    ota_push_hold_stop(&before); /* half of it would leave boards waiting */
    enum ota_status st = run(&r, ota_args_get(args, "ca"), err);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    OTA_TRY(st);
    if (r.json)
        print_json(&r);
    else
        printf("Signed above all that was signed before; start otaserve again.\n");
    return OTA_OK;
}
