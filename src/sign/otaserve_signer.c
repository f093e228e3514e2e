/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otaserve-signer: the one process that holds the online keys. It reads no network and no request but those of the
 * socket that otaserve or otactl left it on fd 3, and ends when that closes.
 *
 *   otaserve-signer WORKSPACE [LIFE]     LIFE: seconds its signatures last, of otactl publish --static
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "host/printable.h"
#include "host/words.h"
#include "sign/role.h"
#include "sign/signer.h"

#define NAME "otaserve-signer"

static bool have_socket(void) {
    int domain = 0;
    socklen_t n = sizeof domain;
    return getsockopt(OTA_SIGNER_FD, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 && domain == AF_UNIX;
}

static int usage(bool asked) {
    (void)fprintf(asked ? stdout : stderr,
                  NAME " " OTA_PROGRAM_VERSION
                       ": signs for otaserve and otactl, which start it themselves; it takes no commands.\n"
                       "Start otaserve instead: see otaserve(8).\n");
    return asked ? 0 : ota_status_exit_code(OTA_USAGE);
}

/* Keys must not leave by a core file, a debugger or an inherited descriptor. */
static void shut_the_windows(void) {
    const struct rlimit none = {0, 0};
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)close_range(OTA_SIGNER_FD + 1, ~0u, 0);
}

/* A terminal or service manager signals the whole group; the daemon may still need a signature to finish what it
 * does. */
static void leave_signals_to_the_daemon(void) {
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < OTA_ARRAY_LEN(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
}

static bool read_life(const char *text, uint64_t *life) {
    uint32_t seconds = 0;
    if (text && (!ota_words_number(ota_span_str(text), (uint32_t)OTA_ROLE_OFFLINE_LIFE, &seconds) || seconds == 0))
        return false;
    *life = seconds;
    return true;
}

static enum ota_status serve(const char *workspace, uint64_t life, struct ota_err *err) {
    if (chdir(workspace) != 0)
        return ota_err_set(err, OTA_WORKSPACE, "%s: %s", workspace, strerror(errno));
    enum ota_status s = ota_signer_serve(OTA_SIGNER_FD, life, err);
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* the keys are gone; leak checkers may look */
    return s;
}

int main(int argc, char **argv) {
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--version") == 0))
        return usage(true);
    uint64_t life;
    if (argc < 2 || argc > 3 || !have_socket() || !read_life(argv[2], &life))
        return usage(false);
    shut_the_windows();
    leave_signals_to_the_daemon();
    struct ota_err err;
    enum ota_status s = serve(argv[1], life, &err);
    if (s != OTA_OK)
        ota_print_line(stderr, NAME ": %s", err.msg);
    return ota_status_exit_code(s);
}
