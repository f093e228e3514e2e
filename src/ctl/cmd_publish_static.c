/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otactl publish --static: signatures that last, for a repository on a web server where no daemon renews them.
 *
 * The signer is our own child, told on its command line how long its signatures shall last. That is the owner's word;
 * the signer of a running daemon was not told so and cannot be asked.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/push.h"
#include "host/fs.h"
#include "store/repo.h"

#define DAY 86400ull
#define LIFE_MIN (8 * DAY) /* what otaserve signs lasts 7 */
#define LIFE_MAX (1096 * DAY)

struct static_copy {
    const struct ota_workspace *w;
    const char *dir; /* NULL: state/repo itself */
    uint64_t life, now, bytes;
    uint64_t expires; /* the first role to expire, whose name is `bound` */
    const char *bound;
    struct ota_repo_info info;
};
static void static_copy_free(struct static_copy *c) {
    ota_repo_info_free(&c->info);
}

static enum ota_status check_daemon(const struct static_copy *c, struct ota_err *err) {
    bool runs;
    OTA_TRY(ota_repo_daemon_runs(c->w, &runs, err));
    if (runs && !c->dir)
        return ota_err_set(err, OTA_BUSY,
                           "otaserve runs here and would shorten the signatures again tomorrow; make a copy for the "
                           "other server with -o DIR, or stop otaserve");
    return OTA_OK;
}

static enum ota_status sign_and_copy(struct static_copy *c, struct ota_err *err) {
    OTA_CLEAN_FREE char *lock = ota_workspace_path(c->w, "state/publish.lock");
    OTA_CLEAN_FD int held = -1;
    struct ota_signer signer = {.pid = 0, .fd = -1};
    bool changed;
    OTA_TRY(ota_fs_lock(lock, OTA_PUSH_WAIT_MS, &held, err));
    OTA_TRY(ota_signer_start_for(&signer, c->w->dir, c->life, err));
    enum ota_status st = ota_repo_renew(c->w, &signer, false, &changed, err);
    ota_signer_stop(&signer);
    OTA_TRY(st);
    return c->dir ? ota_repo_export(c->w, c->dir, &c->bytes, err) : OTA_OK;
}

static enum ota_status find_end(struct static_copy *c, struct ota_err *err) {
    OTA_TRY(ota_repo_read(c->w, &c->info, err));
    c->expires = UINT64_MAX;
    for (size_t i = 0; i < c->info.role_count; i++) {
        if (c->info.role[i].expires >= c->expires)
            continue;
        c->expires = c->info.role[i].expires;
        c->bound = c->info.role[i].name;
    }
    return OTA_OK;
}

/* Ended by a role of its own before its time. */
static bool is_cut_short(const struct static_copy *c) {
    return c->expires + DAY < c->now + c->life;
}

static void print_result(const struct static_copy *c, bool json) {
    char when[OTA_TIME_TEXT_MAX];
    OTA_CLEAN_FREE char *repo = ota_workspace_path(c->w, "state/repo");
    ota_time_format(c->expires, when);
    if (json) {
        cJSON *tree = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(tree, "folder", c->dir ? c->dir : repo);
        (void)cJSON_AddStringToObject(tree, "expires", when);
        (void)cJSON_AddStringToObject(tree, "bound_by", is_cut_short(c) ? c->bound : "");
        ota_ctl_print_json(&tree);
        return;
    }
    printf("%s may be served by any web server; boards take it until %s.\n", c->dir ? c->dir : repo, when);
    if (is_cut_short(c))
        printf("Not longer, because role %s expires then; first: otactl renew %s\n", c->bound, c->bound);
    printf("Point boards at it: metadata/ and targets/ below its address. Publish again before that day.\n");
}

enum ota_status ota_ctl_publish_static(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    OTA_CLEAN(static_copy_free)
    struct static_copy c = {.w = &w, .dir = ota_args_get(args, "output"), .now = ota_ctl_now()};
    sigset_t before;
    if (!ota_args_has(args, "static") || !ota_args_has(args, "expires"))
        return ota_err_set(err, OTA_USAGE, "publish what? For a server without a daemon: --static --expires 90d");
    OTA_TRY(ota_ctl_duration(args, "expires", LIFE_MAX, 0, &c.life, err));
    if (c.life < LIFE_MIN)
        return ota_err_set(err, OTA_USAGE, "--expires: at least 8d; otaserve's own signatures last 7");
    if (c.dir && !c.dir[0])
        return ota_err_set(err, OTA_USAGE, "-o is empty; name a folder");
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    OTA_TRY(check_daemon(&c, err));
    ota_push_hold_stop(&before); /* Ctrl-C would end the signer, too */
    enum ota_status st = sign_and_copy(&c, err);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    OTA_TRY(st);
    OTA_TRY(find_end(&c, err));
    print_result(&c, ota_ctl_json(args));
    return OTA_OK;
}
