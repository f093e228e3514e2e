/* SPDX-License-Identifier: Apache-2.0 */
/* Files that shrink under a mapping. */
#include "server/file_map.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/unit.h"

#define SIZE 100000u

static int make_file(void) {
    static char bytes[SIZE];
    char path[] = "/tmp/ota-map.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)unlink(path);
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(write(fd, bytes, sizeof bytes), SIZE);
    return fd;
}

static void test_file_map_truncated_reads_as_zeros(void **state) {
    struct ota_file_map *m = NULL;
    struct ota_err err;
    int fd = make_file();
    (void)state;
    assert_ota_ok(ota_file_map_guard(&err));
    assert_ota_ok(ota_file_map_new(fd, "file", SIZE, false, &m, &err));
    const volatile char *bytes = ota_file_map_bytes(m);
    assert_int_equal(bytes[SIZE - 1], 'x');
    assert_int_equal(ftruncate(fd, 10), 0);
    assert_int_equal(bytes[SIZE / 2], 0);
    assert_int_equal(bytes[SIZE - 1], 0);
    assert_int_equal(bytes[0], 'x');
    ota_file_map_release(m);
    (void)close(fd);
}

static void test_file_map_copied_stays_whole(void **state) {
    struct ota_file_map *m = NULL;
    struct ota_err err;
    int fd = make_file();
    (void)state;
    assert_ota_ok(ota_file_map_new(fd, "file", SIZE, true, &m, &err));
    assert_int_equal(ftruncate(fd, 10), 0);
    assert_int_equal(ota_file_map_bytes(m)[SIZE - 1], 'x');
    ota_file_map_release(m);
    (void)close(fd);
}

static void test_file_map_other_faults_still_end_the_program(void **state) {
    struct ota_err err;
    int status = 0;
    (void)state;
    assert_ota_ok(ota_file_map_guard(&err));
    pid_t child = fork();
    if (child == 0) {
        (void)raise(SIGBUS);
        (void)raise(SIGBUS);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_map_truncated_reads_as_zeros),
        cmocka_unit_test(test_file_map_copied_stays_whole),
        cmocka_unit_test(test_file_map_other_faults_still_end_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
