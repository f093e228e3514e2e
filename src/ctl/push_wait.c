/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting until a release handed over is published, or taking it back: a push that ends with an error leaves nothing
 * behind that is published later.
 */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "ctl/push.h"
#include "host/fs.h"
#include "host/signer_link.h"
#include "host/status_name.h"
#include "sign/sign.h"
#include "store/repo.h"

#define POLL_MS 50
#define TAKE_BACK_WAIT_MS 5000
#define ANSWER_MAX 1024u

/* ---- Ctrl-C -------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t stopped;

static void note_stop(int number) {
    stopped = number;
}

static const int stop_signals[] = {SIGINT, SIGTERM};

bool ota_push_stopped(void) {
    return stopped != 0;
}

int ota_push_stop_signal(void) {
    return stopped;
}

void ota_push_catch_stop(void) {
    const struct sigaction note = {.sa_handler = note_stop, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < OTA_ARRAY_LEN(stop_signals); i++) {
        struct sigaction before;
        if (sigaction(stop_signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaction(stop_signals[i], &note, NULL);
    }
}

void ota_push_hold_stop(sigset_t *before) {
    sigset_t stop;
    (void)sigemptyset(&stop);
    for (size_t i = 0; i < OTA_ARRAY_LEN(stop_signals); i++)
        (void)sigaddset(&stop, stop_signals[i]);
    (void)sigprocmask(SIG_BLOCK, &stop, before);
}

/* ---- publishing here ----------------------------------------------------------------------------------- */

static enum ota_status lock_publishing(const struct ota_workspace *w, int wait_ms, int *fd, struct ota_err *err) {
    OTA_CLEAN_FREE char *lock = ota_workspace_path(w, "state/publish.lock");
    return ota_fs_lock(lock, wait_ms, fd, err);
}

static enum ota_status publish_locked(const struct ota_workspace *w, const char *id, struct ota_err *err) {
    OTA_CLEAN_FD int held = -1;
    struct ota_signer signer = {.pid = 0, .fd = -1};
    OTA_TRY(lock_publishing(w, OTA_PUSH_WAIT_MS, &held, err));
    OTA_TRY(ota_signer_start(&signer, w->dir, err));
    enum ota_status st = ota_repo_publish(w, &signer, id, err);
    ota_signer_stop(&signer);
    return st;
}

/* Ctrl-C waits: it would end the signer, too, which is of the same terminal. */
static enum ota_status publish_here(const struct ota_workspace *w, const char *id, struct ota_err *err) {
    sigset_t before;
    ota_push_hold_stop(&before);
    enum ota_status st = publish_locked(w, id, err);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return st;
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

/* "<status name>\n<message>" */
static enum ota_status read_refusal(const char *path, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_TRY(ota_fs_read(path, ANSWER_MAX, &text, err));
    char *line = (char *)text.p, *message = strchr(line, '\n');
    if (message)
        *message++ = '\0';
    if (message)
        message[strcspn(message, "\n")] = '\0';
    return ota_err_set(err, ota_status_by_name(ota_span_str(line)), "refused: %s",
                       message && *message ? message : line);
}

/* *answered: the publisher spoke; the result is the return value. The answer goes when it is our own: somebody else
 * waits for that of another release. */
static enum ota_status look_for_answer(const struct ota_workspace *w, const char *id, bool own, bool *answered,
                                       struct ota_err *err) {
    OTA_CLEAN_FREE char *done = ota_workspace_path(w, "state/incoming/%s.done", id);
    OTA_CLEAN_FREE char *refused = ota_workspace_path(w, "state/incoming/%s.refused", id);
    struct ota_err ignored;
    bool good = ota_fs_exists(done);
    *answered = good || ota_fs_exists(refused);
    enum ota_status st = *answered && !good ? read_refusal(refused, err) : OTA_OK;
    if (*answered && own)
        (void)!ota_fs_remove(good ? done : refused, &ignored);
    return st;
}

static enum ota_status see_published(const struct ota_workspace *w, const char *id, bool own, struct ota_err *err) {
    OTA_CLEAN_FREE char *folder = ota_workspace_path(w, "state/incoming/%s", id);
    for (int waited = 0; waited <= OTA_PUSH_WAIT_MS && !stopped; waited += POLL_MS) {
        OTA_CLEAN_FD int daemon_lock = -1;
        bool answered, over = !own && !ota_fs_exists(folder); /* its owner may have taken the answer */
        enum ota_status st = look_for_answer(w, id, own, &answered, err);
        if (answered || over)
            return st;
        OTA_TRY(ota_repo_daemon(w, &daemon_lock, err));
        if (daemon_lock >= 0) { /* nobody else publishes while this is held */
            struct ota_err ignored;
            st = publish_here(w, id, err);
            (void)!look_for_answer(w, id, own, &answered, &ignored);
            return st;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    }
    if (stopped)
        return ota_err_set(err, OTA_INTERRUPTED, "stopped");
    return ota_err_set(err, OTA_BUSY,
                       "otaserve did not publish within %u s (its log says more); the release stays queued and is "
                       "published when it goes on; to drop it, remove the folder %s",
                       OTA_PUSH_WAIT_MS / 1000u, folder);
}

enum ota_status ota_push_see_published(const struct ota_workspace *w, const char *id, struct ota_err *err) {
    return see_published(w, id, true, err);
}

enum ota_status ota_push_see_other(const struct ota_workspace *w, const char *id, struct ota_err *err) {
    return see_published(w, id, false, err);
}

/* ---- taking back --------------------------------------------------------------------------------------- */

static bool is_published(const struct ota_push *p) {
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0};
    struct ota_err ignored;
    uint32_t next;
    return ota_repo_role(p->w, p->product->name, &role, &ignored) == OTA_OK &&
           ota_sign_next_counter(ota_buf_span(&role), p->product->name, &next, &ignored) == OTA_OK &&
           next > p->build.release.counter;
}

/* It loses its name before its files, so that nobody takes half of it for a release. */
static enum ota_status remove_incoming(const struct ota_push *p, const char *folder, const char *id,
                                       struct ota_err *err) {
    OTA_CLEAN_FREE char *gone = ota_workspace_path(p->w, "state/incoming/.tmp-%s", id);
    OTA_TRY(ota_fs_rename(folder, gone, err));
    return ota_fs_remove_tree(gone, err);
}

/* `why` says why it is not wanted any more; OK when it turns out to be published. */
static enum ota_status take_back(const struct ota_push *p, const char *id, const struct ota_err *why,
                                 struct ota_err *err) {
    OTA_CLEAN_FREE char *folder = ota_workspace_path(p->w, "state/incoming/%s", id);
    OTA_CLEAN_FD int held = -1;
    struct ota_err problem;
    bool answered;
    if (lock_publishing(p->w, TAKE_BACK_WAIT_MS, &held, &problem) != OTA_OK)
        return ota_err_set(err, why->code, "%s; it is being published as %s release %u", why->msg, p->product->name,
                           p->build.release.counter);
    enum ota_status st = look_for_answer(p->w, id, true, &answered, err);
    if (answered)
        return st;
    bool published = is_published(p);
    if (remove_incoming(p, folder, id, &problem) != OTA_OK && !published)
        return ota_err_set(err, why->code, "%s; it could not be taken back (%s): remove the folder %s", why->msg,
                           problem.msg, folder);
    return published ? OTA_OK
                     : ota_err_set(err, why->code, "%s; the release was taken back, nothing was published", why->msg);
}

enum ota_status ota_push_see_own(const struct ota_push *p, const char *id, struct ota_err *err) {
    OTA_CLEAN_FREE char *folder = ota_workspace_path(p->w, "state/incoming/%s", id);
    struct ota_err why;
    enum ota_status st = ota_push_see_published(p->w, id, &why);
    if (st == OTA_OK)
        return OTA_OK;
    if (st == OTA_INTERRUPTED || (st != OTA_BUSY && ota_fs_exists(folder)))
        return take_back(p, id, &why, err);
    *err = why;
    return st;
}
