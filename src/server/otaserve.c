/* SPDX-License-Identifier: Apache-2.0 */
/* otaserve: serves a workspace's signed repository to boards, and keeps it fresh. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/args.h"
#include "host/fs.h"
#include "server/images_list.h"
#include "server/loop.h"

#define PID_TEXT_MAX 24u
#define LOCK_WAIT_MS 2000 /* a push without a daemon holds the lock while it publishes */

/* clang-format off */
static const struct ota_option options[] = {
    {"workspace", 'C', "DIR", "the workspace; default: $OTA_HOME,\nelse the nearest ota.conf from here upward", false},
    {"images", 0, "DIR", "the inbox: images copied there become releases;\ndefault: images/ of the workspace", false},
    {"listen", 0, "ADDR:PORT", "default: listen of ota.conf, else 0.0.0.0:8443;\nport 0 takes a free one", false},
    {"url", 0, "URL", "what boards use; default: url of ota.conf", false},
    {"per-address", 0, "N", "connections from one address at a time, which boards\nbehind one NAT share; default: a quarter of all", false},
    {"access-log", 0, "FILE", "one line per request; - for stdout;\ndefault: none", false},
    {"log-format", 0, "FORMAT", "of both logs: text or json; default: text", false},
    {"log-level", 0, "LEVEL", "error, warning, info or debug; default: info", false},
    {"clock-ok", 0, NULL, "sign although the clock is before\nthe last signature", false},
    {NULL, 0, NULL, NULL, false},
};
/* clang-format on */

static const char details[] = "Serves the signed repository of a workspace to boards over HTTPS, takes their\n"
                              "reports, publishes what otactl push hands over and what is copied into the inbox,\n"
                              "and renews signatures before they expire. When it listens it prints one line with\n"
                              "the URL that boards use.\n\n"
                              "It holds no key but that of its TLS certificate: otaserve-signer, which it\n"
                              "starts, signs in a process of its own.\n\n"
                              "SIGHUP reads ota.conf, the certificate and the access log's name again. SIGTERM\n"
                              "and SIGINT let requests in flight end, for at most a minute; a second one does\n"
                              "not.\n\n"
                              "--per-address keeps one sender from taking every connection. Boards behind one\n"
                              "NAT share an address: raise it when they are more than that.\n\n"
                              "With --images and no workspace it lists the images in DIR, prints the two commands\n"
                              "that make a workspace and serve them, and exits with 2.";

static enum ota_status choose(const char *value, const char *option, const char *const *names, int *out,
                              struct ota_err *err) {
    for (int i = 0; names[i]; i++)
        if (strcmp(value, names[i]) == 0) {
            *out = i;
            return OTA_OK;
        }
    const char *near = ota_args_nearest(value, names);
    return ota_err_set(err, OTA_USAGE, "--%s %s: not one of its values; did you mean \"%s\"?", option, value,
                       near ? near : names[0]);
}

static enum ota_status set_up_log(const struct ota_args *args, enum ota_log_format *format, struct ota_err *err) {
    static const char *const formats[] = {"text", "json", NULL};
    static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
    int chosen = OTA_LOG_TEXT, level = OTA_LOG_INFO;
    if (ota_args_has(args, "log-format"))
        OTA_TRY(choose(ota_args_get(args, "log-format"), "log-format", formats, &chosen, err));
    if (ota_args_has(args, "log-level"))
        OTA_TRY(choose(ota_args_get(args, "log-level"), "log-level", levels, &level, err));
    *format = (enum ota_log_format)chosen;
    ota_log_setup("otaserve", *format, (enum ota_log_level)level, !isatty(STDERR_FILENO));
    return OTA_OK;
}

/* The lock's file says who holds it; it is empty while a push publishes because no daemon runs. */
static enum ota_status held_by(const struct ota_workspace *w, const char *path, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf pid = {0};
    struct ota_err ignored;
    if (ota_fs_read(path, PID_TEXT_MAX, &pid, &ignored) != OTA_OK || pid.len == 0)
        return ota_err_set(err, OTA_BUSY, "%s: another program publishes here; try again", w->dir);
    return ota_err_set(err, OTA_BUSY, "%s: another otaserve runs here, process %.*s; stop it first", w->dir,
                       (int)strcspn(ota_buf_text(&pid), "\n"), ota_buf_text(&pid));
}

/* One daemon per workspace. */
static enum ota_status take_lock(const struct ota_workspace *w, int *fd, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "state/daemon.lock");
    char text[PID_TEXT_MAX];
    enum ota_status st = ota_fs_lock(path, LOCK_WAIT_MS, fd, err);
    if (st == OTA_BUSY)
        return held_by(w, path, err);
    OTA_TRY(st);
    /* The lock is the open file; its text is for people alone. A full disk must not keep boards from being served. */
    size_t n = ota_format(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(*fd, 0) != 0 || pwrite(*fd, text, n, 0) != (ssize_t)n)
        ota_log(&ota_log_stderr, OTA_LOG_WARNING, "%s: cannot write this process's id into it: %s", path,
                strerror(errno));
    return OTA_OK;
}

static void announce(const struct ota_args *args, const struct ota_workspace *w, const struct ota_daemon *d,
                     bool chosen) {
    char url[512];
    OTA_CLEAN(ota_buf_free) struct ota_buf products = {0};
    const char *given = ota_args_get(args, "url");
    ota_listen_url(given ? given : w->config.url, &d->listener, chosen, url, sizeof url);
    ota_buf_str(&products, w->config.product_count == 0   ? "no product in ota.conf; otactl product add makes one"
                           : w->config.product_count == 1 ? "product "
                                                          : "products ");
    for (size_t i = 0; i < w->config.product_count; i++)
        ota_buf_printf(&products, "%s%s", i ? ", " : "", w->config.product[i].name);
    printf("otaserve: boards use %s (listening on %s, %s)\n", url, d->listener.text, ota_buf_text(&products));
    (void)fflush(stdout);
    if (!ota_listen_reached(url, &d->listener))
        ota_log(&ota_log_stderr, OTA_LOG_WARNING,
                "%s does not lead to %s: boards find nobody there unless something forwards it; change url or listen "
                "in ota.conf (--url, --listen)",
                url, d->listener.text);
}

static bool port_is_chosen(const char *listen) {
    const char *colon = strrchr(listen, ':');
    return colon && strtoul(colon + 1, NULL, 10) == 0;
}

static enum ota_status check_listen(const struct ota_args *args, struct ota_err *err) {
    const char *listen = ota_args_get(args, "listen");
    if (!listen || ota_listen_valid(listen))
        return OTA_OK;
    return ota_err_set(err, OTA_USAGE, "--listen \"%s\" is not ADDR:PORT, such as 0.0.0.0:8443 or [::]:8443", listen);
}

/* The signer runs and what was due is renewed before the first board may connect. */
static enum ota_status serve(const struct ota_args *args, struct ota_loop *l, const struct ota_daemon_options *o,
                             struct ota_err *err) {
    OTA_TRY(ota_daemon_open(l->daemon, l->w, o, err));
    OTA_TRY(ota_publisher_start(l->publisher, l->w, ota_args_has(args, "clock-ok"), err));
    ota_loop_refresh(l);
    OTA_TRY(ota_daemon_start(l->daemon, err));
    announce(args, l->w, l->daemon, port_is_chosen(o->listen));
    enum ota_status st = ota_loop_run(l, err);
    if (st == OTA_OK)
        ota_log(&ota_log_stderr, OTA_LOG_INFO, "stopping");
    return st;
}

static enum ota_status run_workspace(const struct ota_args *args, struct ota_workspace *w, enum ota_log_format format,
                                     struct ota_err *err) {
    struct ota_publisher publisher = {.signer = {.pid = -1, .fd = -1}};
    OTA_CLEAN_FREE struct ota_daemon *daemon = ota_calloc(1, sizeof *daemon);
    OTA_CLEAN_FREE struct ota_inbox *inbox = ota_calloc(1, sizeof *inbox);
    OTA_CLEAN_FD int lock = -1;
    struct ota_loop loop;
    const char *listen = ota_args_get(args, "listen");
    uint64_t per_address;
    OTA_TRY(ota_args_number(args, "per-address", 1, UINT32_MAX, 0, &per_address, err));
    const struct ota_daemon_options o = {
        .listen = listen ? listen : w->config.listen,
        .access_log = ota_args_get(args, "access-log"),
        .log_format = format,
        .per_address = (unsigned)per_address,
    };
    OTA_TRY(take_lock(w, &lock, err));
    OTA_TRY(ota_loop_open(&loop, w, err));
    ota_inbox_init(inbox, w, &publisher, ota_args_get(args, "images"));
    loop.daemon = daemon;
    loop.publisher = &publisher;
    loop.inbox = inbox;
    enum ota_status st = serve(args, &loop, &o, err);
    ota_daemon_stop(daemon);
    ota_publisher_stop(&publisher);
    ota_inbox_free(inbox);
    ota_loop_close(&loop);
    if (ftruncate(lock, 0) != 0)
        ota_log(&ota_log_stderr, OTA_LOG_WARNING, "state/daemon.lock still names this process");
    return st;
}

static enum ota_status run(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    enum ota_log_format format;
    const char *images = ota_args_get(args, "images");
    OTA_TRY(set_up_log(args, &format, err));
    OTA_TRY(check_listen(args, err));
    enum ota_status st = ota_workspace_open(&w, ota_args_get(args, "workspace"), err);
    if (st == OTA_WORKSPACE && images && !ota_args_has(args, "workspace"))
        return ota_images_list(images, err);
    OTA_TRY(st);
    return run_workspace(args, &w, format, err);
}

static const struct ota_verb verbs[] = {
    {"", "", 0, 0, "serve signed firmware to boards", details, NULL, run},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, NULL},
};

int main(int argc, char **argv) {
    static const struct ota_program program = {
        .name = "otaserve",
        .summary = "serve signed firmware to a fleet of ESP32 boards",
        .options = options,
        .verbs = verbs,
        .man_section = "8",
        .epilogue = "Exit codes: 0 stopped by a signal, 1 failed, 2 wrong command line or no workspace.",
    };
    return ota_args_main(&program, argc, argv);
}
