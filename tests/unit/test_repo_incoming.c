/* SPDX-License-Identifier: Apache-2.0 */
/* state/incoming: what lies there must neither stop releases from being published nor be believed, and good releases outlive bad times. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host/fs.h"
#include "store/repo.h"
#include "support/signed_workspace.h"
#include "support/unit.h"

#define DAY 86400

static struct signed_workspace ws;
static struct ota_signer signer;
static struct ota_err err;

static int set_up_at(time_t now) {
    signed_workspace_make(&ws, (uint64_t)now);
    signed_workspace_signer(&ws, &signer);
    return 0;
}
static int set_up(void **state) {
    (void)state;
    return set_up_at(time(NULL) - 60);
}
static int tear_down(void **state) {
    (void)state;
    ota_signer_stop(&signer);
    signed_workspace_remove(&ws);
    return 0;
}

static void hand_over(const char *id) {
    struct ota_release r;
    signed_workspace_release(&r, 1, "1.0.0");
    signed_workspace_hand_over(&ws, &(struct handover){id, &r, "stable 1000 *"});
}

static enum ota_status publish(const char *id) {
    return ota_repo_publish(&ws.w, &signer, id, &err);
}

static bool incoming_has(const char *name) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/incoming/%s", name);
    return ota_fs_exists(path);
}

static void make_file(const char *folder, const char *name) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(&ws.w, "state/incoming/%s", folder);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, name);
    assert_ota_ok(ota_fs_mkdirs(dir, 0755, &err));
    assert_ota_ok(ota_fs_write(path, "", 0, 0644, &err));
}

/* ---- what is neither release nor answer ------------------------------------------------------------------- */

static void test_repo_incoming_leaves_odd_names_alone(void **state) {
    (void)state;
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf remarks = {0};
    make_file("a b", "request");
    hand_over("good");
    assert_ota_ok(ota_repo_incoming(&ws.w, &names, &remarks, &err));
    assert_int_equal(names.count, 1);
    assert_string_equal(names.name[0], "good");
    assert_non_null(strstr(ota_buf_text(&remarks), "state/incoming/a b: left alone"));
    assert_ota_ok(publish("good"));
    assert_true(incoming_has("a b"));
}

/* This program's own definition goes before libc's. */
static const char *unremovable = "";
int rmdir(const char *path) {
    if (unremovable[0] && strstr(path, unremovable)) {
        errno = EACCES;
        return -1;
    }
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

static void age(const char *name, time_t seconds) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/incoming/%s", name);
    const struct timespec times[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_repo_incoming_goes_on_past_leftovers_that_stay(void **state) {
    (void)state;
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf remarks = {0};
    make_file(".tmp-stuck", "half");
    hand_over("good");
    age(".tmp-stuck", 2 * DAY);
    unremovable = ".tmp-";
    enum ota_status listed = ota_repo_incoming(&ws.w, &names, &remarks, &err);
    enum ota_status published = publish("good");
    unremovable = "";
    assert_int_equal(listed, OTA_OK);
    assert_int_equal(names.count, 1);
    assert_non_null(strstr(ota_buf_text(&remarks), "state/incoming/.tmp-stuck: "));
    assert_int_equal(published, OTA_OK); /* although what was published could not be removed, either */
    assert_false(incoming_has("good"));
    assert_true(incoming_has("good.done"));
    assert_true(incoming_has(".tmp-good.old"));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_repo_incoming_leaves_odd_names_alone),
        T(test_repo_incoming_goes_on_past_leftovers_that_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
