/* SPDX-License-Identifier: Apache-2.0 */
/* state/incoming: what lies there must neither stop releases from being published nor be believed, and good releases outlive bad times. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host/fs.h"
#include "sign/role.h"
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

/* ---- links ------------------------------------------------------------------------------------------------ */

/* The release "bad", whose `part` was moved to `elsewhere` and became a link to it. */
static char *hand_over_with_link(const char *part) {
    char *elsewhere = ota_workspace_path(&ws.w, "elsewhere");
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/incoming/bad%s", part);
    hand_over("bad");
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    return elsewhere;
}

static void test_repo_publish_refuses_links_and_writes_through_none(void **state) {
    (void)state;
    static const char *const parts[] = {"/metadata", "/targets", "/targets/img/thermo", "/metadata/2.thermo.json"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(parts); i++) {
        OTA_CLEAN_FREE char *elsewhere = hand_over_with_link(parts[i]);
        OTA_CLEAN(ota_fs_names_free) struct ota_fs_names before = {0}, after = {0};
        bool folder = ota_fs_is_dir(elsewhere);
        if (folder)
            assert_ota_ok(ota_fs_list(elsewhere, &before, &err));
        assert_ota(publish("bad"), OTA_ARGUMENT);
        assert_false(incoming_has("bad"));
        assert_true(incoming_has("bad.refused"));
        if (folder)
            assert_ota_ok(ota_fs_list(elsewhere, &after, &err));
        assert_int_equal(after.count, before.count);
        assert_ota_ok(ota_fs_remove_tree(elsewhere, &err));
    }
}

static void test_repo_publish_refuses_what_somebody_else_owns(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *role = ota_workspace_path(&ws.w, "state/incoming/bad/metadata/2.thermo.json");
    if (geteuid() != 0)
        skip();
    hand_over("bad");
    assert_int_equal(chown(role, 12345, (gid_t)-1), 0);
    assert_ota(publish("bad"), OTA_ARGUMENT);
    assert_true(incoming_has("bad.refused"));
}

static void test_repo_incoming_takes_no_link_for_a_release(void **state) {
    (void)state;
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf remarks = {0};
    OTA_CLEAN_FREE char *elsewhere = hand_over_with_link("");
    assert_ota_ok(ota_repo_incoming(&ws.w, &names, &remarks, &err));
    assert_int_equal(names.count, 0);
    assert_non_null(strstr(ota_buf_text(&remarks), "state/incoming/bad: left alone"));
    assert_true(ota_fs_is_dir(elsewhere));
}

/* The new release is sound; another that its role lists nobody can read. Were it kept, nobody's would follow. */
static void test_repo_publish_refuses_a_role_that_lists_an_odd_release_beside_it(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    OTA_CLEAN_FREE char *pem = ota_workspace_path(&ws.w, "keys/thermo.pem");
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/incoming/bad/metadata/2.thermo.json");
    struct ota_release odd, r;
    signed_workspace_release(&odd, 1, "1.0.0");
    signed_workspace_release(&r, 2, "2.0.0");
    (void)snprintf(odd.step[0].label, sizeof odd.step[0].label, "storage"); /* no place for an app */
    signed_workspace_hand_over(&ws, &(struct handover){"bad", &r, "stable 1000 *"});
    assert_ota_ok(ota_key_load(&key, pem, &err));
    const struct ota_release *listed[] = {&odd, &r};
    const struct ota_role_product role = {
        .version = 2, .expires = (uint64_t)time(NULL) + DAY, .count = 2, .release = listed};
    const struct ota_role_keys by = {.count = 1, .key = {key}};
    assert_ota_ok(ota_role_product(&role, &by, &wire, &err));
    assert_ota_ok(ota_fs_write(path, wire.p, wire.len, 0600, &err));
    assert_ota(publish("bad"), OTA_IMAGE_KIND);
    assert_true(incoming_has("bad.refused"));
    assert_false(incoming_has("bad"));
}

/* ---- a good release in bad times -------------------------------------------------------------------------- */

static void assert_kept(const char *id, enum ota_status why) {
    OTA_CLEAN_FREE char *refused = ota_sprintf("%s.refused", id);
    assert_ota(publish(id), why);
    assert_true(incoming_has(id));
    assert_false(incoming_has(refused));
}

static void test_repo_publish_keeps_the_release_while_the_clock_is_behind(void **state) {
    (void)state;
    ota_signer_stop(&signer);
    signed_workspace_remove(&ws);
    (void)set_up_at(time(NULL) + 2 * DAY); /* signed in what is the future now */
    hand_over("good");
    assert_kept("good", OTA_CLOCK);
}

static void test_repo_publish_keeps_the_release_while_the_signer_trusts_another_root(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *root = ota_workspace_path(&ws.w, "keys/root.json");
    OTA_CLEAN_FREE char *away = ota_workspace_path(&ws.w, "keys/away.json");
    hand_over("good");
    ota_signer_stop(&signer);
    assert_ota_ok(ota_fs_copy(root, away, 0600, &err));
    assert_ota_ok(ota_fs_write(root, "{}", 2, 0600, &err));
    signed_workspace_signer(&ws, &signer);
    assert_kept("good", OTA_METADATA_FIELD);
    assert_non_null(strstr(err.msg, "keys/root.json"));
    ota_signer_stop(&signer);
    assert_ota_ok(ota_fs_rename(away, root, &err));
    signed_workspace_signer(&ws, &signer);
    assert_ota_ok(publish("good"));
}

static void test_repo_publish_keeps_the_release_while_an_older_one_is_damaged(void **state) {
    (void)state;
    struct ota_release r;
    char served[256];
    hand_over("first");
    assert_ota_ok(publish("first"));
    signed_workspace_release(&r, 1, "1.0.0");
    assert_true(ota_release_served_path("thermo", 1, "app.bin", r.step[0].sha256, served, sizeof served));
    OTA_CLEAN_FREE char *image = ota_workspace_path(&ws.w, "state/repo/targets/%s", served);
    OTA_CLEAN_FREE char *away = ota_sprintf("%s.away", image);
    assert_ota_ok(ota_fs_rename(image, away, &err));
    signed_workspace_release(&r, 2, "2.0.0");
    signed_workspace_hand_over(&ws, &(struct handover){"good", &r, "stable 1000 *"});
    assert_kept("good", OTA_NOT_FOUND);
    assert_ota_ok(ota_fs_rename(away, image, &err));
    assert_ota_ok(publish("good"));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_repo_incoming_leaves_odd_names_alone),
        T(test_repo_incoming_goes_on_past_leftovers_that_stay),
        T(test_repo_publish_refuses_links_and_writes_through_none),
        T(test_repo_publish_refuses_what_somebody_else_owns),
        T(test_repo_incoming_takes_no_link_for_a_release),
        T(test_repo_publish_refuses_a_role_that_lists_an_odd_release_beside_it),
        T(test_repo_publish_keeps_the_release_while_the_clock_is_behind),
        T(test_repo_publish_keeps_the_release_while_the_signer_trusts_another_root),
        T(test_repo_publish_keeps_the_release_while_an_older_one_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
