/* SPDX-License-Identifier: Apache-2.0 */
/* otactl provision: boards of a build folder, each with an identity of its own. */
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/fleet_view.h"
#include "ctl/progress.h"
#include "ctl/provision.h"
#include "ctl/push.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/printable.h"
#include "release/build.h"

#define TEMP_MARK ".bin.tmp-" /* of ota_fs_write(), before six more characters */
#define COMMANDS_SHOWN 3u

struct tally {
    size_t made, kept, gone;
    bool stopped; /* by SIGINT or SIGTERM */
};

static void provisioning_free(struct ota_provisioning *p) {
    if (p->flash.bytes.p)
        OPENSSL_cleanse(p->flash.bytes.p, p->flash.bytes.len);
    ota_factory_flash_free(&p->flash);
    ota_factory_build_free(&p->build);
    OPENSSL_cleanse(&p->key, sizeof p->key);
    free(p->state);
    free(p->folder);
    ota_id_record_free(&p->trust);
    ota_provision_list_free(&p->list);
    ota_provision_record_close(&p->record);
    ota_fleet_close(&p->fleet);
    ota_pki_issuer_close(&p->issuer);
    ota_workspace_close(&p->w);
    if (p->lock >= 0)
        (void)close(p->lock);
}

/* ---- what is wanted ------------------------------------------------------------------------------------ */

static enum ota_status read_list(struct ota_provisioning *p, struct ota_err *err) {
    const struct ota_args *a = p->args;
    const char *csv = ota_args_get(a, "csv"), *config = ota_args_get(a, "config");
    const char *wifi = ota_args_get(a, "wifi-file"), *softap = ota_args_get(a, "softap-file");
    if (!csv && !ota_args_has(a, "id"))
        return ota_err_set(err, OTA_USAGE, "which boards? Add --id ID for each, or --csv FILE");
    if (csv && ota_args_has(a, "id"))
        return ota_err_set(err, OTA_USAGE, "--id and --csv both say which boards; give one of them");
    if (config && !csv)
        return ota_err_set(err, OTA_USAGE, "--config says what the columns of --csv are; there is none");
    if (config)
        OTA_TRY(ota_provision_list_config(&p->list, config, err));
    if (csv)
        OTA_TRY(ota_provision_list_csv(&p->list, csv, err));
    for (size_t i = 0; i < ota_args_count(a, "id"); i++)
        OTA_TRY(ota_provision_list_add(&p->list, ota_args_at(a, "id", i), err));
    OTA_TRY(csv ? ota_provision_unique(&p->list, err) : OTA_OK);
    if (wifi)
        OTA_TRY(ota_provision_list_wifi(&p->list, wifi, err));
    return softap ? ota_provision_list_softap(&p->list, softap, err) : OTA_OK;
}

static enum ota_status open_workspace(struct ota_provisioning *p, struct ota_err *err) {
    const struct ota_args *a = p->args;
    if (ota_args_has(a, "ca") && ota_args_has(a, "no-ca"))
        return ota_err_set(err, OTA_USAGE, "--ca and --no-ca contradict each other; give one of them");
    OTA_TRY(ota_ctl_workspace(a, &p->w, err));
    if (p->w.config.server[0])
        return ota_err_set(err, OTA_USAGE, "boards are known to the server %s; provision them there",
                           p->w.config.server);
    return ota_workspace_product(&p->w, ota_args_get(a, "product"), &p->product, err);
}

/* ---- the folder ---------------------------------------------------------------------------------------- */

/* Files that a run which was killed had begun; they may hold secrets. Nobody else writes: the lock is ours. */
static enum ota_status tidy(const struct ota_provisioning *p, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(ota_fs_list(p->folder, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        const char *mark = strstr(names.name[i], TEMP_MARK);
        if (!mark || strlen(mark) != strlen(TEMP_MARK) + 6)
            continue;
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", p->folder, names.name[i]);
        OTA_TRY(ota_fs_remove(path, err));
    }
    return OTA_OK;
}

static enum ota_status open_folder(struct ota_provisioning *p, struct ota_err *err) {
    OTA_CLEAN_FREE char *lock = ota_sprintf("%s/.lock", p->folder);
    OTA_TRY(ota_fs_mkdirs(p->folder, 0700, err));
    OTA_TRY(ota_fs_check_folder_unshared(p->folder, err));
    if (ota_fs_lock(lock, 0, &p->lock, err) != OTA_OK)
        return err->code == OTA_BUSY ? ota_err_set(err, OTA_BUSY, "%s: another otactl provision is at work there",
                                                   OTA_SHORT_PATH(p->folder, 150))
                                     : err->code;
    OTA_TRY(tidy(p, err));
    return ota_provision_record_open(&p->record, p->folder, err);
}

/* What was wanted may turn out to be impossible: then no folder is left. */
static enum ota_status make_folder(struct ota_provisioning *p, struct ota_err *err) {
    if (p->lock >= 0)
        return OTA_OK;
    OTA_TRY(open_folder(p, err));
    return !p->record.count ? OTA_OK
                            : ota_err_set(err, OTA_BUSY, "%s: another otactl provision made it just now; try again",
                                          OTA_SHORT_PATH(p->folder, 150));
}

/* By its digest, as boards report it: fleet fits finds the rows there. */
static enum ota_status remember_table(const struct ota_provisioning *p, struct ota_err *err) {
    return ota_build_keep_table(&p->w, p->flash.bytes.p + p->build.boot.table_offset, err);
}

/* ---- the run ------------------------------------------------------------------------------------------- */

static void draw(const struct ota_build_progress *progress, const struct ota_provisioning *p, size_t done) {
    progress->bytes(progress->ctx, p->list.board[done ? done - 1 : 0].text[OTA_COLUMN_ID], done, p->list.count);
}

static enum ota_status stop(const struct ota_provisioning *p, struct tally *t, struct ota_err *err) {
    t->stopped = true;
    return ota_err_set(err, OTA_INTERRUPTED, "stopped after %zu of %zu boards; run it again to go on",
                       t->made + t->kept + t->gone, p->list.count);
}

/* Everything is checked before anything is made. */
static enum ota_status check_all(struct ota_provisioning *p, struct tally *t, struct ota_err *err) {
    struct ota_progress_bar bar;
    struct ota_build_progress progress = ota_progress_start(&bar, "checking");
    enum ota_status st = OTA_OK;
    p->state = ota_calloc(p->list.count, sizeof *p->state);
    for (size_t i = 0; st == OTA_OK && i < p->list.count && !ota_push_stopped(); i++) {
        st = ota_provision_try(p, &p->list.board[i], err);
        draw(&progress, p, i + 1);
    }
    ota_progress_end(&bar);
    OTA_TRY(st);
    return ota_push_stopped() ? stop(p, t, err) : ota_provision_check_revoked(p, err);
}

static enum ota_status make_all(struct ota_provisioning *p, struct tally *t, struct ota_err *err) {
    struct ota_progress_bar bar;
    struct ota_build_progress progress = ota_progress_start(&bar, "provisioning");
    enum ota_status st = OTA_OK;
    for (size_t i = 0; st == OTA_OK && i < p->list.count; i++) {
        if (ota_push_stopped()) {
            ota_progress_end(&bar);
            return stop(p, t, err);
        }
        st = ota_provision_make(p, &p->list.board[i], err);
        if (st == OTA_OK)
            *(p->state[i] == OTA_PROVISION_GONE   ? &t->gone
              : p->state[i] == OTA_PROVISION_KEPT ? &t->kept
                                                  : &t->made) += 1;
        draw(&progress, p, i + 1);
    }
    ota_progress_end(&bar);
    size_t done = t->made + t->kept + t->gone;
    if (st != OTA_OK && done)
        return ota_err_prefix(err, "after %zu of %zu boards, which are done", done, p->list.count);
    return st;
}

static enum ota_status prepare(struct ota_provisioning *p, struct ota_err *err) {
    OTA_TRY(open_workspace(p, err));
    OTA_TRY(read_list(p, err));
    OTA_TRY(ota_provision_build(p, err));
    OTA_TRY(ota_ctl_fleet(&p->w, &p->fleet, err));
    if (p->certificates && ota_pki_issuer_open(&p->issuer, &p->w, err) != OTA_OK)
        return ota_err_prefix(err, "--client-cert");
    if (ota_fs_exists(p->folder))
        OTA_TRY(open_folder(p, err));
    OTA_TRY(ota_provision_unique_in(&p->list, &p->record, err));
    return ota_provision_inputs_open(p, err);
}

/* ---- report -------------------------------------------------------------------------------------------- */

/* Of a board whose files are gone there is nothing to flash. */
static cJSON *board_json(const struct ota_provisioning *p, size_t i) {
    static const char *const states[] = {"made", "made", "made", "kept", "gone"};
    cJSON *o = cJSON_CreateObject();
    OTA_CLEAN_FREE char *folder = ota_sprintf("%s%s/", p->folder[0] == '-' ? "./" : "", p->folder);
    (void)cJSON_AddStringToObject(o, "id", ota_provision_id(&p->list.board[i]));
    (void)cJSON_AddStringToObject(o, "state", states[p->state[i]]);
    if (p->state[i] != OTA_PROVISION_GONE)
        ota_provision_commands(p, &p->list.board[i], folder, o);
    return o;
}

static void report_json(const struct ota_provisioning *p, const struct tally *t) {
    cJSON *tree = cJSON_CreateObject();
    OTA_CLEAN_FREE char *folder = ota_strdup(p->folder);
    (void)ota_printable_clean(folder);
    (void)cJSON_AddStringToObject(tree, "folder", folder);
    (void)cJSON_AddStringToObject(tree, "record", OTA_PROVISION_RECORD);
    (void)cJSON_AddStringToObject(tree, "product", p->product->name);
    (void)cJSON_AddStringToObject(tree, "version", p->version);
    (void)cJSON_AddNumberToObject(tree, "made", (double)t->made);
    (void)cJSON_AddNumberToObject(tree, "kept", (double)t->kept);
    (void)cJSON_AddNumberToObject(tree, "gone", (double)t->gone);
    cJSON *boards = cJSON_AddArrayToObject(tree, "boards");
    for (size_t i = 0; i < p->list.count; i++)
        (void)cJSON_AddItemToArray(boards, board_json(p, i));
    ota_ctl_print_json(&tree);
}

static void report_commands(const struct ota_provisioning *p) {
    size_t shown = 0;
    for (size_t i = 0; i < p->list.count && shown <= COMMANDS_SHOWN; i++) {
        cJSON *o = board_json(p, i);
        const cJSON *one, *list = cJSON_GetObjectItemCaseSensitive(o, "commands");
        shown += list != NULL;
        if (shown <= COMMANDS_SHOWN)
            cJSON_ArrayForEach(one, list) {
                ota_print_line(stdout, "  %s", one->valuestring);
            }
        cJSON_Delete(o);
    }
    if (shown > COMMANDS_SHOWN)
        ota_print_line(stdout, "and so on: those of every board are in %s/%s", p->folder, OTA_PROVISION_RECORD);
}

static void report(const struct ota_provisioning *p, const struct tally *t) {
    ota_print_line(stdout, "%s: %zu board%s of %s %s made, %zu kept%s.", p->folder, t->made, t->made == 1 ? "" : "s",
                   p->product->name, p->version, t->kept, t->made + t->kept ? "; the server knows them" : "");
    if (t->gone)
        ota_print_line(stdout, "%zu board%s made before, and %s files are gone; --again makes %s anew.", t->gone,
                       t->gone == 1 ? " was" : "s were", t->gone == 1 ? "its" : "their", t->gone == 1 ? "it" : "them");
    if (t->gone == p->list.count)
        return;
    printf("The files hold tokens%s: keep them secret, and delete them when the boards are flashed.\n\n",
           p->issuer ? " and private keys" : "");
    printf("Now:\n");
    report_commands(p);
}

/* Whoever forgot the second line should hear of it. */
static void report_network(const struct ota_provisioning *p) {
    if (p->list.open_network)
        ota_print_line(ota_ctl_json(p->args) ? stderr : stdout,
                       "Note: %s has no second line: the boards join that network without a password.",
                       ota_args_get(p->args, "wifi-file"));
}

/* "boards/" and "boards" are one; "/" is "/". */
static char *folder_of(const struct ota_args *args) {
    const char *given = ota_args_get(args, "output");
    char *folder = ota_strdup(given ? given : "boards");
    for (size_t n = strlen(folder); n > 1 && folder[n - 1] == '/'; n--)
        folder[n - 1] = '\0';
    return folder;
}

static enum ota_status provision(const struct ota_args *args, struct tally *t, struct ota_err *err) {
    OTA_CLEAN(provisioning_free)
    struct ota_provisioning p = {
        .args = args,
        .build_folder = ota_args_operand(args, 0),
        .folder = folder_of(args),
        .parts = ota_args_has(args, "parts"),
        .again = ota_args_has(args, "again"),
        .certificates = ota_args_has(args, "client-cert"),
        .now = ota_ctl_now(),
        .record = {.fd = -1},
        .lock = -1,
    };
    OTA_TRY(prepare(&p, err));
    ota_push_catch_stop();
    OTA_TRY(check_all(&p, t, err));
    OTA_TRY(make_folder(&p, err));
    OTA_TRY(remember_table(&p, err));
    OTA_TRY(make_all(&p, t, err));
    if (ota_ctl_json(args))
        report_json(&p, t);
    else
        report(&p, t);
    report_network(&p);
    return OTA_OK;
}

/* A signal ends the process as ever, but not in the middle of a board, and not without a word. */
enum ota_status ota_cmd_provision(const struct ota_args *args, struct ota_err *err) {
    struct tally t = {0};
    enum ota_status st = provision(args, &t, err);
    if (!t.stopped)
        return st;
    ota_print_line(stderr, "otactl: %s", err->msg);
    (void)signal(ota_push_stop_signal(), SIG_DFL);
    (void)raise(ota_push_stop_signal());
    return st;
}
