/* SPDX-License-Identifier: Apache-2.0 */
/* Starts, calls and stops otaserve-signer; see signer_link.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "host/fs.h"
#include "host/signer_link.h"
#include "host/status_name.h"

#define PROGRAM "otaserve-signer"
#define HELLO_WAIT_MS 10000
#define CALL_WAIT_MS 60000
#define BUILD_WAIT_MS 600000
#define STOP_WAIT_MS 2000

extern char **environ;

/* The caller frees. */
static char *find_program(void) {
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    static const char *const places[] = {"", "../libexec/otaserve/"};
    for (size_t i = 0; slash && i < OTA_ARRAY_LEN(places); i++) {
        OTA_CLEAN_FREE char *near = ota_sprintf("%.*s/%s" PROGRAM, (int)(slash - self), self, places[i]);
        if (access(near, X_OK) == 0)
            return OTA_STEAL(near);
    }
    return ota_strdup(OTA_LIBEXECDIR "/" PROGRAM);
}

static enum ota_status spawn_on(const char *program, const char *workspace_dir, uint64_t life, int fd, pid_t *pid,
                                struct ota_err *err) {
    OTA_CLEAN_FREE char *name = ota_strdup(PROGRAM);
    OTA_CLEAN_FREE char *dir = ota_strdup(workspace_dir);
    OTA_CLEAN_FREE char *seconds = life ? ota_sprintf("%llu", (unsigned long long)life) : NULL;
    char *argv[] = {name, dir, seconds, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    (void)sigemptyset(&none);
    int e = posix_spawn_file_actions_init(&actions);
    if (e)
        return ota_err_set(err, OTA_MEMORY, PROGRAM ": %s", strerror(e));
    e = posix_spawnattr_init(&attr);
    if (!e) {
        /* dup2 onto itself clears close-on-exec; the caller's blocked signals are not the signer's. */
        e = posix_spawn_file_actions_adddup2(&actions, fd, OTA_SIGNER_FD);
        if (!e)
            e = posix_spawnattr_setsigmask(&attr, &none);
        if (!e)
            e = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
        if (!e)
            e = posix_spawn(pid, program, &actions, &attr, argv, environ);
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    if (e == ENOENT)
        return ota_err_set(err, OTA_NOT_FOUND, "%s: no such program, nor beside this one; install otaserve whole",
                           program);
    if (e)
        return ota_err_set(err, OTA_IO, "%s: cannot start: %s", program, strerror(e));
    return OTA_OK;
}

enum ota_status ota_signer_hello(struct ota_signer *s, struct ota_key_list *keys, struct ota_err *err) {
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message answer = {0};
    OTA_TRY(ota_signer_call(s, OTA_SIGNER_HELLO, NULL, 0, &answer, err));
    if (answer.type != OTA_SIGNER_HELLO || answer.count != 1)
        return ota_err_set(err, OTA_INTERNAL, PROGRAM ": HELLO was answered with type %u", answer.type);
    return ota_key_list_read(ota_buf_span(&answer.part[0]), keys, err);
}

enum ota_status ota_signer_start(struct ota_signer *s, const char *workspace_dir, struct ota_err *err) {
    return ota_signer_start_for(s, workspace_dir, 0, err);
}

enum ota_status ota_signer_start_for(struct ota_signer *s, const char *workspace_dir, uint64_t life,
                                     struct ota_err *err) {
    *s = (struct ota_signer){.pid = -1, .fd = -1};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return ota_err_set(err, OTA_IO, PROGRAM ": socketpair: %s", strerror(errno));
    OTA_CLEAN_FD int theirs = pair[1];
    s->fd = pair[0];
    const struct timeval patience = {.tv_sec = CALL_WAIT_MS / 1000};
    (void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    OTA_CLEAN_FREE char *program = find_program();
    enum ota_status st = spawn_on(program, workspace_dir, life, theirs, &s->pid, err);
    (void)close(theirs);
    theirs = -1;
    struct ota_key_list ignored;
    if (st == OTA_OK)
        st = ota_signer_hello(s, &ignored, err);
    if (st != OTA_OK)
        ota_signer_stop(s);
    return st;
}

static bool reaped(pid_t pid, int flags) {
    pid_t n;
    do
        n = waitpid(pid, NULL, flags);
    while (n < 0 && errno == EINTR);
    return n != 0; /* it ended, or it is not ours to wait for */
}

void ota_signer_stop(struct ota_signer *s) {
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
    if (s->pid <= 0)
        return;
    const struct timespec nap = {.tv_nsec = 10 * 1000000};
    int waited_ms = 0;
    while (!reaped(s->pid, WNOHANG) && waited_ms < STOP_WAIT_MS) {
        (void)nanosleep(&nap, NULL);
        waited_ms += 10;
    }
    if (waited_ms >= STOP_WAIT_MS && kill(s->pid, SIGKILL) == 0)
        (void)reaped(s->pid, 0);
    s->pid = -1;
}

static int patience_ms(uint32_t type) {
    switch (type) {
    case OTA_SIGNER_HELLO:
        return HELLO_WAIT_MS;
    case OTA_SIGNER_BUILD:
        return BUILD_WAIT_MS;
    default:
        return CALL_WAIT_MS;
    }
}

static enum ota_status exchange(struct ota_signer *s, uint32_t type, const struct ota_span *parts, size_t count,
                                struct ota_signer_message *answer, struct ota_err *err) {
    bool closed;
    OTA_TRY(ota_signer_send(s->fd, type, parts, count, err));
    OTA_TRY(ota_signer_receive(s->fd, answer, patience_ms(type), &closed, err));
    if (closed)
        return ota_err_set(err, OTA_IO, PROGRAM " ended without an answer");
    return OTA_OK;
}

enum ota_status ota_signer_call(struct ota_signer *s, uint32_t type, const struct ota_span *parts, size_t count,
                                struct ota_signer_message *answer, struct ota_err *err) {
    if (s->fd < 0)
        return ota_err_set(err, OTA_IO, PROGRAM " is not running");
    enum ota_status st = exchange(s, type, parts, count, answer, err);
    if (st != OTA_OK) {
        ota_signer_stop(s); /* half a message may lie in the socket */
        return st;
    }
    if (answer->type == OTA_SIGNER_REFUSED)
        return ota_err_set(err, ota_status_by_name(ota_buf_span(&answer->part[0])), "%s", ota_buf_text(&answer->part[1]));
    return OTA_OK;
}
