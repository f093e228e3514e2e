/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the signer running, publishes, renews. */
#include "server/publisher.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "host/log.h"
#include "host/words.h"

#define RENEW_MS 3600000u
#define KEYS_MS 3600000u
#define RETRY_MS 10000u
#define RENEW_RETRY_MS 60000u
#define STABLE_MS 60000u
#define BACKOFF_MAX_MS 60000u
#define LOCK_WAIT_MS 2000

static uint64_t uptime_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static void failed(struct ota_publisher *p, const char *what, const struct ota_err *err) {
    (void)ota_format(p->error, sizeof p->error, "%s: %s", what, err->msg);
    ota_log(&ota_log_stderr, OTA_LOG_ERROR, "%s", p->error);
}

bool ota_publisher_running(const struct ota_publisher *p) {
    return p->signer.fd >= 0;
}

static enum ota_status start_signer(struct ota_publisher *p, struct ota_err *err) {
    OTA_TRY(ota_signer_start(&p->signer, p->w->dir, err));
    p->started_ms = uptime_ms();
    p->down_since = 0;
    return OTA_OK;
}

/* 0, 1, 2, 4 ... 60 s: a signer that once was well comes back at once. */
static void plan_restart(struct ota_publisher *p) {
    uint64_t now = uptime_ms();
    if (p->started_ms && now - p->started_ms >= STABLE_MS)
        p->failures = 0;
    uint64_t wait = p->failures ? 1000ull << (p->failures < 7 ? p->failures - 1 : 6) : 0;
    p->restart_ms = now + (wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS);
    p->failures++;
    p->started_ms = 0;
    if (!p->down_since)
        p->down_since = (uint64_t)time(NULL);
}

static void say_how_it_ended(int status) {
    if (WIFSIGNALED(status))
        ota_log(&ota_log_stderr, OTA_LOG_WARNING, "otaserve-signer was ended by signal %d; starting it again",
                WTERMSIG(status));
    else
        ota_log(&ota_log_stderr, OTA_LOG_WARNING, "otaserve-signer ended with exit code %d; starting it again",
                WEXITSTATUS(status));
}

/* A signer that ended by itself, or was given up by ota_signer_call(). */
static bool notice_end(struct ota_publisher *p) {
    int status;
    if (p->signer.pid > 0 && waitpid(p->signer.pid, &status, WNOHANG) == p->signer.pid) {
        say_how_it_ended(status);
        p->signer.pid = -1;
        ota_signer_stop(&p->signer);
    }
    if (ota_publisher_running(p) || p->down_since)
        return false;
    plan_restart(p);
    return true;
}

static bool bring_back(struct ota_publisher *p) {
    struct ota_err err;
    if (ota_publisher_running(p) || uptime_ms() < p->restart_ms)
        return false;
    if (start_signer(p, &err) != OTA_OK) {
        failed(p, "otaserve-signer does not start", &err);
        plan_restart(p);
        return false;
    }
    p->error[0] = '\0';
    ota_log(&ota_log_stderr, OTA_LOG_INFO, "otaserve-signer runs again");
    return true;
}

static enum ota_status lock(const struct ota_publisher *p, int *fd, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(p->w, "state/publish.lock");
    return ota_fs_lock(path, LOCK_WAIT_MS, fd, err);
}

static enum ota_status publish(struct ota_publisher *p, const char *id, struct ota_err *err) {
    OTA_CLEAN_FD int fd = -1;
    OTA_TRY(lock(p, &fd, err));
    return ota_repo_publish(p->w, &p->signer, id, err);
}

/* Once: what lies there is looked at again and again. */
static void say_remarks(struct ota_publisher *p, struct ota_buf *remarks) {
    if (strcmp(ota_buf_text(remarks), ota_buf_text(&p->remarks)) == 0)
        return;
    ota_buf_free(&p->remarks);
    p->remarks = *remarks;
    *remarks = (struct ota_buf){0};
    struct ota_span left = ota_buf_span(&p->remarks);
    while (left.len) {
        struct ota_span line = ota_words_take(&left, '\n');
        ota_log(&ota_log_stderr, OTA_LOG_WARNING, "%.*s", (int)line.len, (const char *)line.p);
    }
}

/* A release that is refused is gone from state/incoming afterwards; one that is still there could not be published
 * yet. */
static bool publish_waiting(struct ota_publisher *p) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf remarks = {0};
    struct ota_err err;
    bool changed = false;
    p->retry_ms = 0;
    if (ota_repo_incoming(p->w, &names, &remarks, &err) != OTA_OK) {
        failed(p, "state/incoming", &err);
        p->retry_ms = uptime_ms() + RETRY_MS;
        return false;
    }
    say_remarks(p, &remarks);
    for (size_t i = 0; i < names.count && ota_publisher_running(p); i++) {
        OTA_CLEAN_FREE char *folder = ota_workspace_path(p->w, "state/incoming/%s", names.name[i]);
        if (publish(p, names.name[i], &err) == OTA_OK) {
            ota_log(&ota_log_stderr, OTA_LOG_INFO, "published %s", names.name[i]);
            p->error[0] = '\0';
            changed = true;
        } else if (ota_fs_exists(folder)) {
            failed(p, "not published yet", &err);
            p->retry_ms = uptime_ms() + RETRY_MS;
            break; /* those that follow may build on it */
        } else {
            ota_log(&ota_log_stderr, OTA_LOG_WARNING, "refused %s: %s", names.name[i], err.msg);
        }
    }
    return changed;
}

static bool renew(struct ota_publisher *p) {
    OTA_CLEAN_FD int fd = -1;
    struct ota_err err;
    bool changed = false;
    enum ota_status st = lock(p, &fd, &err);
    if (st == OTA_OK)
        st = ota_repo_renew(p->w, &p->signer, p->clock_ok, &changed, &err);
    p->renew_ms = uptime_ms() + (st == OTA_OK ? RENEW_MS : RENEW_RETRY_MS);
    if (st != OTA_OK)
        failed(p, "not renewed", &err);
    else if (p->retry_ms == 0)
        p->error[0] = '\0';
    if (changed)
        ota_log(&ota_log_stderr, OTA_LOG_INFO, "renewed the signatures that were due");
    return changed;
}

enum ota_status ota_publisher_start(struct ota_publisher *p, const struct ota_workspace *w, bool clock_ok,
                                    struct ota_err *err) {
    *p = (struct ota_publisher){.w = w, .clock_ok = clock_ok, .signer = {.pid = -1, .fd = -1}};
    OTA_TRY(start_signer(p, err));
    (void)publish_waiting(p);
    (void)renew(p);
    return OTA_OK;
}

void ota_publisher_stop(struct ota_publisher *p) {
    ota_signer_stop(&p->signer);
    ota_buf_free(&p->remarks);
}

static int until(uint64_t now, uint64_t then, int most) {
    uint64_t left = then > now ? then - now : 0;
    return left < (uint64_t)most ? (int)left : most;
}

int ota_publisher_tick(struct ota_publisher *p, bool *changed) {
    *changed = notice_end(p);
    *changed |= bring_back(p);
    if (ota_publisher_running(p) && (p->retry_ms == 0 || uptime_ms() >= p->retry_ms))
        *changed |= publish_waiting(p);
    if (ota_publisher_running(p) && uptime_ms() >= p->renew_ms)
        *changed |= renew(p);
    *changed |= notice_end(p);
    uint64_t now = uptime_ms();
    if (!ota_publisher_running(p))
        return until(now, p->restart_ms, (int)BACKOFF_MAX_MS);
    int wait = until(now, p->renew_ms, (int)RENEW_MS);
    return p->retry_ms ? until(now, p->retry_ms, wait) : wait;
}

const struct ota_key_list *ota_publisher_keys(struct ota_publisher *p) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(p->w, "keys");
    struct ota_err err;
    struct stat st;
    struct timespec changed = stat(dir, &st) == 0 ? st.st_mtim : (struct timespec){0};
    bool same = changed.tv_sec == p->keys_changed.tv_sec && changed.tv_nsec == p->keys_changed.tv_nsec;
    if (!ota_publisher_running(p) || (same && uptime_ms() < p->keys_ms))
        return &p->keys;
    if (ota_signer_hello(&p->signer, &p->keys, &err) != OTA_OK)
        failed(p, "otaserve-signer does not list its keys", &err);
    p->keys_changed = changed;
    p->keys_ms = uptime_ms() + KEYS_MS;
    return &p->keys;
}

/* ---- images that were dropped in ----------------------------------------------------------------------- */

static enum ota_status build(struct ota_publisher *p, const char *product, const char *channel, const char *folder,
                             const char *into, struct ota_buf *summary, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0}, targets = {0}, rollout = {0};
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message answer = {0};
    OTA_TRY(ota_repo_role(p->w, product, &role, err));
    OTA_TRY(ota_repo_role(p->w, "targets", &targets, err));
    enum ota_status st = ota_repo_role(p->w, "rollout", &rollout, err);
    if (st != OTA_OK && st != OTA_NOT_FOUND)
        return st;
    OTA_TRY(ota_fs_mkdirs(into, 0755, err));
    const struct ota_span parts[] = {
        ota_span_str(product),  ota_span_str(folder),  ota_span_str(into),     ota_buf_span(&role),
        ota_buf_span(&targets), ota_span_str(channel), ota_buf_span(&rollout),
    };
    OTA_TRY(ota_signer_call(&p->signer, OTA_SIGNER_BUILD, parts, OTA_ARRAY_LEN(parts), &answer, err));
    if (answer.type != OTA_SIGNER_BUILT || answer.count < 1)
        return ota_err_set(err, OTA_INTERNAL, "otaserve-signer: BUILD was answered with type %u",
                           (unsigned)answer.type);
    ota_buf_append(summary, answer.part[0].p, answer.part[0].len);
    return OTA_OK;
}

/* Counters are assigned under state/lock. A push that holds it may be waiting for this very thread to publish, so it
 * is never waited for. */
static enum ota_status hand_over(struct ota_publisher *p, const char *product, const char *channel, const char *folder,
                                 const char *id, struct ota_buf *summary, struct ota_err *err) {
    OTA_CLEAN_FREE char *lock_path = ota_workspace_path(p->w, "state/lock");
    OTA_CLEAN_FREE char *temp = ota_workspace_path(p->w, "state/incoming/.tmp-%s", id);
    OTA_CLEAN_FREE char *whole = ota_workspace_path(p->w, "state/incoming/%s", id);
    OTA_CLEAN_FD int fd = -1;
    struct ota_err ignored;
    OTA_TRY(ota_fs_lock(lock_path, 0, &fd, err));
    (void)publish_waiting(p);
    if (p->retry_ms)
        return ota_err_set(err, OTA_BUSY, "an earlier release waits to be published");
    enum ota_status st = build(p, product, channel, folder, temp, summary, err);
    if (st == OTA_OK)
        st = ota_fs_rename(temp, whole, err);
    if (st != OTA_OK)
        (void)!ota_fs_remove_tree(temp, &ignored);
    return st;
}

enum ota_status ota_publisher_take(struct ota_publisher *p, const char *product, const char *channel,
                                   const char *folder, struct ota_buf *summary, struct ota_err *err) {
    OTA_CLEAN_FREE char *id = ota_sprintf("%llu-inbox-%s", (unsigned long long)time(NULL), product);
    OTA_CLEAN_FREE char *done = ota_workspace_path(p->w, "state/incoming/%s.done", id);
    OTA_CLEAN_FREE char *refused = ota_workspace_path(p->w, "state/incoming/%s.refused", id);
    struct ota_err ignored;
    if (!ota_publisher_running(p))
        return ota_err_set(err, OTA_BUSY, "otaserve-signer is not running");
    OTA_TRY(hand_over(p, product, channel, folder, id, summary, err));
    enum ota_status st = publish(p, id, err);
    /* Nobody else waits for the answer. */
    (void)!ota_fs_remove(done, &ignored);
    (void)!ota_fs_remove(refused, &ignored);
    return st;
}
