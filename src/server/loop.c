/* SPDX-License-Identifier: Apache-2.0 */
/* The main thread. */
#include "server/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "host/fs.h"
#include "server/watch.h"

#define LOOK_MS 10000 /* what inotify missed is found after this */
#define TIDY_MS 60000u

static uint64_t uptime_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static void handled(sigset_t *set) {
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    (void)sigaddset(set, SIGCHLD);
}

enum ota_status ota_loop_open(struct ota_loop *l, struct ota_workspace *w, struct ota_err *err) {
    sigset_t set;
    *l = (struct ota_loop){.w = w, .signals = -1, .watch = -1};
    if (stat(w->dir, &l->home) != 0)
        return ota_fs_errno(err, w->dir, "cannot examine");
    handled(&set);
    (void)signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return ota_err_set(err, OTA_INTERNAL, "signals cannot be blocked");
    l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (l->signals < 0)
        return ota_err_set(err, OTA_IO, "signalfd: %s", strerror(errno));
    l->watch = ota_watch_open();
    return OTA_OK;
}

void ota_loop_close(struct ota_loop *l) {
    if (l->signals >= 0)
        (void)close(l->signals);
    if (l->watch >= 0)
        (void)close(l->watch);
}

void ota_loop_refresh(struct ota_loop *l) {
    struct ota_health_facts facts = {.moved = l->moved};
    ota_health_read(l->w, ota_publisher_keys(l->publisher), &facts);
    facts.signer_running = ota_publisher_running(l->publisher);
    facts.signer_down_since = l->publisher->down_since;
    (void)ota_format(facts.signer_error, sizeof facts.signer_error, "%s", l->publisher->error);
    facts.tls_expires = ota_tls_expires(l->daemon->tls);
    ota_health_update(&l->daemon->health, &facts, (uint64_t)time(NULL));
}

/* The address and the boards' URL stay until a restart: the socket is open already. */
static void reload(struct ota_loop *l) {
    struct ota_workspace fresh = {0};
    struct ota_err err;
    if (ota_workspace_open(&fresh, l->w->dir, &err) == OTA_OK) {
        if (strcmp(fresh.config.listen, l->w->config.listen) != 0)
            ota_log(&ota_log_stderr, OTA_LOG_WARNING, "ota.conf: a changed \"listen\" needs a restart");
        l->w->config = fresh.config;
        ota_workspace_close(&fresh);
    } else {
        ota_log(&ota_log_stderr, OTA_LOG_ERROR, "not reloaded, the old configuration stays: %s", err.msg);
    }
    ota_daemon_reload(l->daemon, l->w);
    ota_loop_refresh(l);
    ota_log(&ota_log_stderr, OTA_LOG_INFO, "reloaded ota.conf and certificates");
}

/* false: to be stopped. */
static bool take_signals(struct ota_loop *l) {
    struct signalfd_siginfo info;
    bool go_on = true;
    while (read(l->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(l);
        else if (info.ssi_signo != SIGCHLD)
            go_on = false;
    }
    return go_on;
}

static int sooner(int a, int b) {
    if (a < 0)
        return b;
    return b < 0 || a < b ? a : b;
}

static void tidy(struct ota_loop *l, bool changed) {
    if (uptime_ms() >= l->tidy_ms) {
        l->tidy_ms = uptime_ms() + TIDY_MS;
        ota_daemon_tick(l->daemon);
        changed = true;
    }
    if (changed)
        ota_loop_refresh(l);
}

static bool lies_elsewhere(const struct ota_loop *l) {
    struct stat st;
    return stat(l->w->dir, &st) != 0 || st.st_dev != l->home.st_dev || st.st_ino != l->home.st_ino;
}

/* Everything that is due; returns how long to sleep. */
static int work(struct ota_loop *l) {
    bool published = false, taken = false, before = l->moved;
    l->moved = lies_elsewhere(l);
    if (l->moved) {
        tidy(l, !before);
        return sooner(LOOK_MS, ota_clients_sweep(&l->daemon->clients));
    }
    int wait = ota_publisher_tick(l->publisher, &published);
    wait = sooner(wait, ota_inbox_scan(l->inbox, &taken));
    ota_watch_folders(l->watch, l->w, l->inbox);
    tidy(l, before || published || taken);
    return sooner(sooner(wait, LOOK_MS), ota_clients_sweep(&l->daemon->clients));
}

enum ota_status ota_loop_run(struct ota_loop *l, struct ota_err *err) {
    struct pollfd fds[] = {{.fd = l->signals, .events = POLLIN}, {.fd = l->watch, .events = POLLIN}};
    do {
        if (poll(fds, OTA_ARRAY_LEN(fds), work(l)) < 0 && errno != EINTR)
            return ota_err_set(err, OTA_IO, "poll: %s", strerror(errno));
        if (fds[1].revents)
            ota_watch_drain(l->watch);
    } while (take_signals(l));
    sigset_t set;
    handled(&set);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return OTA_OK;
}
