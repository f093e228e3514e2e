/* SPDX-License-Identifier: Apache-2.0 */
/* One line per answered request. */
#include "server/access_log.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#include "host/buf.h"
#include "host/fs.h"
#include "ota/scan.h"

#define LINE_MAX_BYTES 2048u

struct ota_access_log {
    char *path; /* NULL: stdout */
    enum ota_log_format format;
    atomic_int fd;
};

static enum ota_status open_file(const char *path, int *fd, struct ota_err *err) {
    *fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    return *fd < 0 ? ota_fs_errno(err, path, "cannot open the access log") : OTA_OK;
}

enum ota_status ota_access_log_open(const char *path, enum ota_log_format format, struct ota_access_log **out,
                                    struct ota_err *err) {
    int fd = STDOUT_FILENO;
    *out = NULL;
    if (!path)
        return OTA_OK;
    bool to_stdout = strcmp(path, "-") == 0;
    if (!to_stdout)
        OTA_TRY(open_file(path, &fd, err));
    struct ota_access_log *log = ota_calloc(1, sizeof *log);
    log->path = to_stdout ? NULL : ota_strdup(path);
    log->format = format;
    atomic_init(&log->fd, fd);
    *out = log;
    return OTA_OK;
}

void ota_access_log_close(struct ota_access_log **log) {
    if (!*log)
        return;
    if ((*log)->path)
        (void)close(atomic_load(&(*log)->fd));
    free((*log)->path);
    free(*log);
    *log = NULL;
}

enum ota_status ota_access_log_reopen(struct ota_access_log *log, struct ota_err *err) {
    if (!log || !log->path)
        return OTA_OK;
    OTA_CLEAN_FD int fresh = -1;
    OTA_TRY(open_file(log->path, &fresh, err));
    /* dup3 keeps the number, so that no thread ever writes to a closed descriptor. */
    if (dup3(fresh, atomic_load(&log->fd), O_CLOEXEC) < 0)
        return ota_fs_errno(err, log->path, "cannot reopen the access log");
    return OTA_OK;
}

static size_t json_line(const struct ota_exchange *x, const char *address, const char *agent, bool complete,
                        const char *when, uint64_t us, char *out, size_t cap) {
    struct ota_json j;
    ota_json_init(&j, out, cap, false);
    ota_json_object(&j);
    ota_json_key(&j, "agent");
    ota_json_str(&j, agent);
    ota_json_key(&j, "bytes");
    ota_json_u64(&j, x->sent);
    ota_json_key(&j, "complete");
    ota_json_bool(&j, complete);
    ota_json_key(&j, "method");
    ota_json_str(&j, x->method);
    ota_json_key(&j, "path");
    ota_json_str(&j, x->path);
    ota_json_key(&j, "remote");
    ota_json_str(&j, address);
    ota_json_key(&j, "status");
    ota_json_u64(&j, x->status);
    ota_json_key(&j, "time");
    ota_json_str(&j, when);
    ota_json_key(&j, "us");
    ota_json_u64(&j, us);
    ota_json_object_end(&j);
    return j.bad ? 0 : j.len;
}

/* A client chooses path and agent: nothing of it may end the line or the quotes. */
static void quote(const char *in, char *out, size_t cap) {
    size_t n = 0;
    for (; *in && n + 5 < cap; in++) {
        unsigned char c = (unsigned char)*in;
        if (c == '"' || c == '\\' || c < 0x20 || c >= 0x7F)
            n += ota_format(out + n, cap - n, "\\x%02x", c);
        else
            out[n++] = (char)c;
    }
    out[n] = '\0';
}

static size_t text_line(const struct ota_exchange *x, const char *address, const char *agent, bool complete,
                        uint64_t wall, uint64_t us, char *out, size_t cap) {
    char path[OTA_URL_PATH_MAX * 2], from[256], method[64], when[40];
    time_t t = (time_t)wall;
    struct tm tm;
    quote(x->path[0] ? x->path : "-", path, sizeof path);
    quote(agent, from, sizeof from);
    quote(x->method, method, sizeof method);
    if (!gmtime_r(&t, &tm) || !strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S +0000", &tm))
        when[0] = '\0';
    return ota_format(out, cap, "%s - - [%s] \"%s %s HTTP/1.1\" %u %llu \"-\" \"%s\" %llu.%06llu%s", address, when,
                      method, path, x->status, (unsigned long long)x->sent, from, (unsigned long long)(us / 1000000u),
                      (unsigned long long)(us % 1000000u), complete ? "" : " aborted");
}

size_t ota_access_log_line(enum ota_log_format format, const struct ota_exchange *x, const char *address,
                           const char *agent, bool complete, uint64_t wall, uint64_t us, char *out, size_t cap) {
    char when[OTA_TIME_TEXT_MAX];
    if (format == OTA_LOG_TEXT)
        return text_line(x, address, agent, complete, wall, us, out, cap);
    ota_time_format(wall, when);
    return json_line(x, address, agent, complete, when, us, out, cap);
}

void ota_access_log_write(struct ota_access_log *log, const struct ota_exchange *x, bool complete) {
    char line[LINE_MAX_BYTES], address[OTA_ADDRESS_TEXT_MAX], cut[200];
    struct timespec now;
    if (!log)
        return;
    const char *agent = ota_exchange_header(x, MHD_HTTP_HEADER_USER_AGENT);
    (void)ota_format(cut, sizeof cut, "%s", agent ? agent : "-");
    ota_exchange_address(x, address);
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t us = (now.tv_sec - x->started.tv_sec) * 1000000 + (now.tv_nsec - x->started.tv_nsec) / 1000;
    size_t n = ota_access_log_line(log->format, x, address, cut, complete, (uint64_t)time(NULL),
                                   us > 0 ? (uint64_t)us : 0, line, sizeof line - 1);
    line[n++] = '\n';
    if (write(atomic_load(&log->fd), line, n) < 0)
        return; /* a full disk must not stop serving */
}
