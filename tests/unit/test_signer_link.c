/* SPDX-License-Identifier: Apache-2.0 */
/* The wire to the signer: bounds, deaths and delays on either side, and the program itself. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/fs.h"
#include "host/signer_link.h"
#include "store/repo.h"
#include "support/signed_workspace.h"
#include "support/unit.h"

static struct ota_err err;
static int ends[2]; /* mine, theirs */

static int set_up(void **state) {
    (void)state;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}
static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            (void)close(ends[i]);
    return 0;
}
static void hang_up(int which) {
    (void)close(ends[which]);
    ends[which] = -1;
}

static void write_words(const uint32_t *word, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint8_t le[4];
        ota_put_le32(le, word[i]);
        assert_int_equal(write(ends[1], le, sizeof le), sizeof le);
    }
}

static void test_signer_link_carries_parts_whole(void **state) {
    (void)state;
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message m = {0};
    const struct ota_span parts[] = {ota_span_str("first"), ota_span_str(""), {(const uint8_t *)"a\0b", 3}};
    bool closed;
    assert_ota_ok(ota_signer_send(ends[1], OTA_SIGNER_SIGN, parts, 3, &err));
    assert_ota_ok(ota_signer_receive(ends[0], &m, 1000, &closed, &err));
    assert_false(closed);
    assert_int_equal(m.type, OTA_SIGNER_SIGN);
    assert_int_equal(m.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(ota_span_equal(ota_buf_span(&m.part[i]), parts[i]));
    hang_up(1);
    assert_ota_ok(ota_signer_receive(ends[0], &m, 1000, &closed, &err));
    assert_true(closed);
}

static void test_signer_link_refuses_more_than_its_bounds(void **state) {
    (void)state;
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message m = {0};
    bool closed;
    write_words((const uint32_t[]){OTA_SIGNER_SIGN, OTA_SIGNER_PARTS_MAX + 1}, 2);
    assert_ota(ota_signer_receive(ends[0], &m, 1000, &closed, &err), OTA_TOO_LARGE);
    write_words((const uint32_t[]){OTA_SIGNER_SIGN, 1, OTA_SIGNER_PART_MAX + 1}, 3);
    assert_ota(ota_signer_receive(ends[0], &m, 1000, &closed, &err), OTA_TOO_LARGE);
    assert_int_equal(m.part[0].cap, 0); /* refused before memory was taken */
    struct ota_span parts[OTA_SIGNER_PARTS_MAX + 1] = {{0}};
    assert_ota(ota_signer_send(ends[0], 1, parts, OTA_SIGNER_PARTS_MAX + 1, &err), OTA_TOO_LARGE);
    parts[0].len = OTA_SIGNER_PART_MAX + 1;
    assert_ota(ota_signer_send(ends[0], 1, parts, 1, &err), OTA_TOO_LARGE);
}

static void test_signer_link_notices_a_message_cut_short(void **state) {
    (void)state;
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message m = {0};
    bool closed;
    write_words((const uint32_t[]){OTA_SIGNER_SIGN, 2, 4}, 3);
    hang_up(1);
    assert_ota(ota_signer_receive(ends[0], &m, 1000, &closed, &err), OTA_TRUNCATED);
}

static void test_signer_link_does_not_wait_for_ever(void **state) {
    (void)state;
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message m = {0};
    bool closed;
    assert_ota(ota_signer_receive(ends[0], &m, 20, &closed, &err), OTA_TIMEOUT);
    write_words((const uint32_t[]){OTA_SIGNER_SIGN, 1}, 2); /* half a message, then silence */
    assert_ota(ota_signer_receive(ends[0], &m, 20, &closed, &err), OTA_TIMEOUT);
}

static void test_signer_link_survives_a_dead_reader(void **state) {
    (void)state;
    const struct ota_span part = ota_span_str("x");
    hang_up(1);
    assert_ota(ota_signer_send(ends[0], 1, &part, 1, &err), OTA_IO); /* and no SIGPIPE */
}

static void test_signer_call_turns_a_refusal_into_its_error(void **state) {
    (void)state;
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message answer = {0};
    const struct ota_span refusal[] = {ota_span_str("clock"), ota_span_str("the clock is wrong")};
    struct ota_signer s = {.pid = -1, .fd = ends[0]};
    assert_ota_ok(ota_signer_send(ends[1], OTA_SIGNER_REFUSED, refusal, 2, &err));
    assert_ota(ota_signer_call(&s, OTA_SIGNER_SIGN, NULL, 0, &answer, &err), OTA_CLOCK);
    assert_string_equal(err.msg, "the clock is wrong");
    assert_int_equal(s.fd, ends[0]); /* a refusal is an answer: the link goes on */
}

static void test_signer_call_gives_a_dead_signer_up(void **state) {
    (void)state;
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message answer = {0};
    struct ota_signer s = {.pid = -1, .fd = ends[0]};
    hang_up(1);
    assert_ota(ota_signer_call(&s, OTA_SIGNER_SIGN, NULL, 0, &answer, &err), OTA_IO);
    assert_int_equal(s.fd, -1);
    ends[0] = -1;
    assert_ota(ota_signer_call(&s, OTA_SIGNER_SIGN, NULL, 0, &answer, &err), OTA_IO);
}

/* ---- the program ------------------------------------------------------------------------------------------ */

/* The signer is looked for beside the caller; the build puts it one folder up. */
static bool program_beside(void) {
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    OTA_CLEAN_FREE char *built = ota_sprintf("%s/../otaserve-signer", self);
    OTA_CLEAN_FREE char *beside = ota_sprintf("%s/otaserve-signer", self);
    if (access(built, X_OK) != 0)
        return false;
    assert_true(symlink("../otaserve-signer", beside) == 0 || errno == EEXIST);
    return access(beside, X_OK) == 0;
}

static void start(struct signed_workspace *ws, struct ota_signer *s) {
    if (!program_beside()) {
        print_message("otaserve-signer is not built; make all\n");
        skip();
    }
    signed_workspace_make(ws, (uint64_t)time(NULL) - 60);
    assert_ota_ok(ota_signer_start(s, ws->w.dir, &err));
}

static void test_signer_program_signs_and_ends_with_its_socket(void **state) {
    (void)state;
    struct signed_workspace ws;
    struct ota_signer s;
    static const char *const files[] = {"rollout.pem", "root.pem",      "snapshot.pem", "targets.pem",
                                        "thermo.pem",  "timestamp.pem", "valve.pem"};
    struct ota_key_list keys;
    bool changed;
    start(&ws, &s);
    assert_ota_ok(ota_signer_hello(&s, &keys, &err));
    assert_int_equal(keys.count, OTA_ARRAY_LEN(files));
    for (size_t i = 0; i < keys.count; i++) {
        assert_string_equal(keys.key[i].file, files[i]);
        assert_int_equal(strlen(keys.key[i].keyid), OTA_SHA256_HEX_LEN);
    }
    assert_ota_ok(ota_repo_renew(&ws.w, &s, false, &changed, &err));
    assert_false(changed);
    assert_int_equal(kill(s.pid, SIGTERM), 0); /* the daemon may still need it */
    assert_ota_ok(ota_signer_hello(&s, &keys, &err));
    pid_t pid = s.pid;
    ota_signer_stop(&s);
    assert_int_equal(kill(pid, 0), -1);
    signed_workspace_remove(&ws);
}

static void test_signer_program_refuses_what_it_does_not_know(void **state) {
    (void)state;
    struct signed_workspace ws;
    struct ota_signer s;
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message answer = {0};
    const struct ota_span junk[] = {ota_span_str("x"), ota_span_str("/etc"), ota_span_str("/tmp/x"), ota_span_str(""),
                                    ota_span_str(""),  ota_span_str(""),     ota_span_str("")};
    start(&ws, &s);
    assert_ota(ota_signer_call(&s, 77, NULL, 0, &answer, &err), OTA_UNSUPPORTED);
    assert_ota(ota_signer_call(&s, OTA_SIGNER_SIGN, NULL, 0, &answer, &err), OTA_ARGUMENT);
    assert_ota(ota_signer_call(&s, OTA_SIGNER_SIGN, junk, 7, &answer, &err), OTA_ARGUMENT);
    assert_ota(ota_signer_call(&s, OTA_SIGNER_BUILD, junk, 6, &answer, &err), OTA_ARGUMENT);
    assert_ota(ota_signer_call(&s, OTA_SIGNER_BUILD, junk, 7, &answer, &err), OTA_PERMISSION);
    assert_ota_ok(ota_signer_call(&s, OTA_SIGNER_HELLO, NULL, 0, &answer, &err)); /* and goes on */
    ota_signer_stop(&s);
    signed_workspace_remove(&ws);
}

static void test_signer_program_ends_on_garbage(void **state) {
    (void)state;
    struct signed_workspace ws;
    struct ota_signer s;
    int status;
    start(&ws, &s);
    uint8_t garbage[64];
    memset(garbage, 0xA5, sizeof garbage);
    assert_int_equal(send(s.fd, garbage, sizeof garbage, MSG_NOSIGNAL), sizeof garbage);
    assert_int_equal(waitpid(s.pid, &status, 0), s.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    s.pid = -1;
    ota_signer_stop(&s);
    signed_workspace_remove(&ws);
}

static void test_signer_start_says_why_it_cannot_work(void **state) {
    (void)state;
    struct signed_workspace ws;
    struct ota_signer s;
    start(&ws, &s);
    ota_signer_stop(&s);
    OTA_CLEAN_FREE char *root = ota_workspace_path(&ws.w, "keys/root.json");
    assert_ota_ok(ota_fs_remove(root, &err));
    assert_ota(ota_signer_start(&s, ws.w.dir, &err), OTA_NOT_FOUND);
    assert_non_null(strstr(err.msg, "keys/root.json"));
    assert_int_equal(s.fd, -1);
    signed_workspace_remove(&ws);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_signer_link_carries_parts_whole),
        T(test_signer_link_refuses_more_than_its_bounds),
        T(test_signer_link_notices_a_message_cut_short),
        T(test_signer_link_does_not_wait_for_ever),
        T(test_signer_link_survives_a_dead_reader),
        T(test_signer_call_turns_a_refusal_into_its_error),
        T(test_signer_call_gives_a_dead_signer_up),
        cmocka_unit_test(test_signer_program_signs_and_ends_with_its_socket),
        cmocka_unit_test(test_signer_program_refuses_what_it_does_not_know),
        cmocka_unit_test(test_signer_program_ends_on_garbage),
        cmocka_unit_test(test_signer_start_says_why_it_cannot_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
