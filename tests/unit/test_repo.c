/* SPDX-License-Identifier: Apache-2.0 */
/* The repository on disk: publishing, refusing, renewing, pruning, and what a crash leaves. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/fs.h"
#include "host/transport.h"
#include "store/repo.h"
#include "store/repo_prune.h"
#include "support/signed_workspace.h"
#include "support/unit.h"

#define DAY 86400

static struct signed_workspace ws;
static struct ota_signer signer;
static struct ota_err err;

static void set_up_at(uint64_t now) {
    signed_workspace_make(&ws, now);
    signed_workspace_signer(&ws, &signer);
}
static int set_up(void **state) {
    (void)state;
    set_up_at((uint64_t)time(NULL) - 60);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    ota_signer_stop(&signer);
    signed_workspace_remove(&ws);
    return 0;
}

static enum ota_status verify(void) {
    OTA_CLEAN(ota_buf_free) struct ota_buf root = {0};
    OTA_CLEAN_FREE char *first = ota_workspace_path(&ws.w, "state/repo/metadata/1.root.json");
    OTA_CLEAN_FREE char *repo = ota_workspace_path(&ws.w, "state/repo");
    struct ota_dir_transport transport;
    OTA_TRY(ota_fs_read(first, OTA_CAP_ROOT, &root, &err));
    ota_dir_transport_init(&transport, repo, NULL);
    return ota_repo_verify(&transport.port, ota_buf_span(&root), true, NULL, NULL, &err);
}

static struct ota_repo_info read_info(void) {
    struct ota_repo_info info;
    assert_ota_ok(ota_repo_read(&ws.w, &info, &err));
    return info;
}

static uint64_t version_of(const char *role) {
    OTA_CLEAN(ota_repo_info_free) struct ota_repo_info info = read_info();
    for (size_t i = 0; i < info.role_count; i++)
        if (strcmp(info.role[i].name, role) == 0)
            return info.role[i].version;
    fail_msg("no role %s", role);
    return 0;
}

static bool waiting_has(const char *name) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/incoming/%s", name);
    return ota_fs_exists(path);
}

static enum ota_status publish(const char *id, uint32_t counter, const char *version, const char *channel) {
    struct ota_release r;
    signed_workspace_release(&r, counter, version);
    signed_workspace_hand_over(&ws, &(struct handover){id, &r, channel});
    return ota_repo_publish(&ws.w, &signer, id, &err);
}

/* A board's view must be the same before and after. */
static void assert_refused(enum ota_status got, enum ota_status wanted, const char *id) {
    OTA_CLEAN_FREE char *name = ota_sprintf("%s.refused", id);
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/incoming/%s.refused", id);
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    if (got != wanted)
        fail_msg("got %s (%s), wanted %s", ota_status_name(got), err.msg, ota_status_name(wanted));
    assert_false(waiting_has(id));
    assert_true(waiting_has(name));
    OTA_CLEAN_FREE char *line = ota_sprintf("%s\n%s\n", ota_status_name(wanted), err.msg);
    assert_ota_ok(ota_fs_read(path, 1024, &text, &err));
    assert_string_equal(ota_buf_text(&text), line);
    assert_ota_ok(verify());
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

static void test_repo_created_is_whole_and_empty(void **state) {
    (void)state;
    static const char *const roles[] = {"root", "targets", "thermo", "valve", "rollout", "snapshot", "timestamp"};
    OTA_CLEAN(ota_repo_info_free) struct ota_repo_info info = read_info();
    assert_ota_ok(verify());
    assert_int_equal(info.role_count, OTA_ARRAY_LEN(roles));
    for (size_t i = 0; i < info.role_count; i++) {
        assert_string_equal(info.role[i].name, roles[i]);
        assert_int_equal(info.role[i].threshold, 1);
        assert_int_equal(info.role[i].key_count, 1);
        assert_int_not_equal(info.role[i].keyid_crc[0], 0);
        assert_true(info.role[i].expires > (uint64_t)time(NULL));
    }
    assert_int_equal(info.release_count, 0);
    assert_int_equal(info.channel_count, 0);
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0};
    assert_ota(ota_repo_role(&ws.w, "gizmo", &role, &err), OTA_NOT_FOUND);
}

static void test_repo_read_without_a_repository_says_so(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *repo = ota_workspace_path(&ws.w, "state/repo");
    struct ota_repo_info info;
    assert_ota_ok(ota_fs_remove_tree(repo, &err));
    assert_ota(ota_repo_read(&ws.w, &info, &err), OTA_NOT_FOUND);
    assert_non_null(strstr(err.msg, "otactl init"));
}

static void test_repo_verify_finds_any_damaged_file(void **state) {
    (void)state;
    assert_ota_ok(publish("one", 1, "1.0.0", "stable 1000 *"));
    OTA_CLEAN_FREE char *command =
        ota_sprintf("find %s/state/repo -type f -size +0 ! -name 1.root.json | sort > %s/files", ws.w.dir, ws.w.dir);
    assert_int_equal(system(command), 0);
    OTA_CLEAN_FREE char *list = ota_sprintf("%s/files", ws.w.dir);
    FILE *files = fopen(list, "r");
    char path[512];
    unsigned found = 0, missed = 0;
    assert_non_null(files);
    while (fgets(path, sizeof path, files)) {
        path[strcspn(path, "\n")] = '\0';
        OTA_CLEAN(ota_buf_free) struct ota_buf good = {0}, bad = {0};
        assert_ota_ok(ota_fs_read(path, 1 << 20, &good, &err));
        ota_buf_append(&bad, good.p, good.len);
        bad.p[bad.len / 2] ^= 1;
        assert_ota_ok(ota_fs_write(path, bad.p, bad.len, 0644, &err));
        missed += verify() == OTA_OK;
        assert_ota_ok(ota_fs_write(path, good.p, good.len, 0644, &err));
        found++;
    }
    (void)fclose(files);
    assert_ota_ok(verify());
    assert_true(found >= 8); /* six roles, an image, its notes */
    /* Replaced metadata (the snapshot and roles before this publication) is not read any more. */
    assert_int_equal(missed, 3);
}

static void count_line(void *ctx, const char *line) {
    assert_true(line[0] != '\0');
    ++*(unsigned *)ctx;
}

static void test_repo_verify_reports_what_it_found_right(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf root = {0};
    OTA_CLEAN_FREE char *repo = ota_workspace_path(&ws.w, "state/repo");
    struct ota_dir_transport transport;
    unsigned lines = 0;
    assert_ota_ok(publish("one", 1, "1.0.0", "stable 1000 *"));
    assert_ota_ok(ota_repo_role(&ws.w, "root", &root, &err));
    ota_dir_transport_init(&transport, repo, NULL);
    assert_ota_ok(ota_repo_verify(&transport.port, ota_buf_span(&root), true, count_line, &lines, &err));
    assert_int_equal(lines, 7 + 1 + 1); /* roles, release, channel */
}

/* ---- publishing ------------------------------------------------------------------------------------------- */

static void test_repo_publish_offers_the_release(void **state) {
    (void)state;
    assert_ota_ok(publish("one", 1, "1.0.0", "stable 250 early,*"));
    assert_false(waiting_has("one"));
    assert_true(waiting_has("one.done"));
    assert_ota_ok(verify());
    OTA_CLEAN(ota_repo_info_free) struct ota_repo_info info = read_info();
    assert_int_equal(info.release_count, 1);
    assert_string_equal(info.release[0].version, "1.0.0");
    assert_int_equal(info.channel_count, 1);
    assert_string_equal(info.channel[0].product, "thermo");
    assert_string_equal(info.channel[0].name, "stable");
    assert_int_equal(info.channel[0].channel.counter, 1);
    assert_int_equal(info.channel[0].channel.permille, 250);
    assert_int_equal(info.channel[0].channel.group_count, 2);
    OTA_CLEAN_FREE char *images = ota_workspace_path(&ws.w, "state/repo/targets/img/thermo/1");
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    assert_ota_ok(ota_fs_list(images, &names, &err));
    assert_int_equal(names.count, 2);
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", images, names.name[i]);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0644); /* any web server may serve it */
    }
}

static void test_repo_publish_without_a_channel_changes_no_offer(void **state) {
    (void)state;
    uint64_t rollout = version_of("rollout");
    assert_ota_ok(publish("one", 1, "1.0.0", NULL));
    assert_ota_ok(verify());
    OTA_CLEAN(ota_repo_info_free) struct ota_repo_info info = read_info();
    assert_int_equal(info.release_count, 1);
    assert_int_equal(info.channel_count, 0);
    assert_int_equal(version_of("rollout"), rollout);
}

static void test_repo_publish_again_only_cleans_up(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *copy = ota_sprintf("cp -a %s/state/incoming/one %s/saved", ws.w.dir, ws.w.dir);
    OTA_CLEAN_FREE char *back = ota_sprintf("cp -a %s/saved %s/state/incoming/one", ws.w.dir, ws.w.dir);
    struct ota_release r;
    signed_workspace_release(&r, 1, "1.0.0");
    signed_workspace_hand_over(&ws, &(struct handover){"one", &r, "stable 1000 *"});
    assert_int_equal(system(copy), 0);
    assert_ota_ok(ota_repo_publish(&ws.w, &signer, "one", &err));
    uint64_t timestamp = version_of("timestamp");
    assert_int_equal(system(back), 0);
    assert_ota_ok(ota_repo_publish(&ws.w, &signer, "one", &err));
    assert_int_equal(version_of("timestamp"), timestamp);
    assert_false(waiting_has("one"));
    assert_true(waiting_has("one.done"));
}

static void test_repo_publish_prunes_the_role_but_keeps_what_is_offered(void **state) {
    (void)state;
    assert_ota_ok(publish("r1", 1, "1", "stable 1000 *"));
    assert_ota_ok(publish("r2", 2, "2", NULL));
    assert_ota_ok(publish("r3", 3, "3", NULL));
    assert_ota_ok(publish("r4", 4, "4", NULL));
    OTA_CLEAN(ota_repo_info_free) struct ota_repo_info info = read_info();
    assert_int_equal(info.release_count, 3); /* offered, fallback, new */
    assert_int_equal(info.release[0].counter, 1);
    assert_int_equal(info.release[1].counter, 3);
    assert_int_equal(info.release[2].counter, 4);
    assert_ota_ok(verify());
}

static void flip(const char *path) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    assert_ota_ok(ota_fs_read(path, 1 << 20, &b, &err));
    b.p[b.len / 2] ^= 1;
    assert_ota_ok(ota_fs_write(path, b.p, b.len, 0644, &err));
}

static void test_repo_publish_refuses_a_tampered_product_role(void **state) {
    (void)state;
    struct ota_release r;
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0};
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/incoming/bad/metadata/2.thermo.json");
    signed_workspace_release(&r, 1, "1.0.0");
    signed_workspace_hand_over(&ws, &(struct handover){"bad", &r, "stable 1000 *"});
    assert_ota_ok(ota_fs_read(path, 8192, &role, &err));
    char *at = strstr((char *)role.p, "\"compat\":false");
    assert_non_null(at);
    memcpy(at, "\"compat\":true ", 14);
    assert_ota_ok(ota_fs_write(path, role.p, role.len, 0644, &err));
    assert_refused(ota_repo_publish(&ws.w, &signer, "bad", &err), OTA_SIGNATURE, "bad");
}

static void test_repo_publish_refuses_a_tampered_image(void **state) {
    (void)state;
    struct ota_release r;
    char served[256];
    signed_workspace_release(&r, 1, "1.0.0");
    signed_workspace_hand_over(&ws, &(struct handover){"bad", &r, "stable 1000 *"});
    assert_true(ota_release_served_path("thermo", 1, "app.bin", r.step[0].sha256, served, sizeof served));
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/incoming/bad/targets/%s", served);
    flip(path);
    assert_refused(ota_repo_publish(&ws.w, &signer, "bad", &err), OTA_HASH, "bad");
}

static void test_repo_publish_refuses_a_missing_image(void **state) {
    (void)state;
    struct ota_release r;
    signed_workspace_release(&r, 1, "1.0.0");
    signed_workspace_hand_over(&ws, &(struct handover){"bad", &r, NULL});
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/incoming/bad/targets");
    assert_ota_ok(ota_fs_remove_tree(path, &err));
    assert_refused(ota_repo_publish(&ws.w, &signer, "bad", &err), OTA_NOT_FOUND, "bad");
}

static void test_repo_publish_refuses_a_channel_the_release_was_not_signed_for(void **state) {
    (void)state;
    assert_refused(publish("bad", 1, "1.0.0", "beta 1000 *"), OTA_CHANNEL, "bad");
    assert_int_equal(version_of("thermo"), 1);
}

static void test_repo_publish_refuses_what_was_signed_on_an_older_role(void **state) {
    (void)state;
    struct ota_release r;
    signed_workspace_release(&r, 1, "1.0.0");
    signed_workspace_hand_over(&ws, &(struct handover){"slow", &r, NULL});
    assert_ota_ok(publish("fast", 1, "1.0.1", "stable 1000 *"));
    assert_refused(ota_repo_publish(&ws.w, &signer, "slow", &err), OTA_ROLLBACK, "slow");
}

static void write_request(const char *id, const char *text) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/incoming/%s/request", id);
    assert_ota_ok(ota_fs_write(path, text, strlen(text), 0644, &err));
}

static void test_repo_publish_refuses_malformed_requests(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "product thermo\ncounter 1\n",
        "product thermo\ncounter 1\nversion 1\nproduct valve\n",
        "product ../../x\ncounter 1\nversion 1\n",
        "product thermo\ncounter 0\nversion 1\n",
        "product thermo\ncounter 1x\nversion 1\n",
        "product thermo\ncounter 1\nversion 1\nchannel stable 1001 *\n",
        "product thermo\ncounter 1\nversion 1\nchannel stable 1 * *\n",
        "product thermo\ncounter 1\nversion 1\nchannel stable 1\n",
        "product thermo\ncounter 1\nversion 1\nlabel storage\n",
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(bad); i++) {
        struct ota_release r;
        signed_workspace_release(&r, 1, "1.0.0");
        signed_workspace_hand_over(&ws, &(struct handover){"bad", &r, NULL});
        write_request("bad", bad[i]);
        assert_refused(ota_repo_publish(&ws.w, &signer, "bad", &err), OTA_CONFIG, "bad");
    }
}

static void test_repo_publish_refuses_roles_that_are_no_product(void **state) {
    (void)state;
    struct ota_release r;
    signed_workspace_release(&r, 1, "1.0.0");
    signed_workspace_hand_over(&ws, &(struct handover){"bad", &r, NULL});
    OTA_CLEAN_FREE char *from = ota_workspace_path(&ws.w, "state/incoming/bad/metadata/2.thermo.json");
    OTA_CLEAN_FREE char *to = ota_workspace_path(&ws.w, "state/incoming/bad/metadata/2.rollout.json");
    assert_int_equal(rename(from, to), 0);
    write_request("bad", "product rollout\ncounter 1\nversion 1\n");
    assert_refused(ota_repo_publish(&ws.w, &signer, "bad", &err), OTA_DELEGATION, "bad");
    assert_ota(ota_repo_publish(&ws.w, &signer, "../repo", &err), OTA_ARGUMENT);
}

static void test_repo_publish_keeps_the_release_when_the_signer_dies(void **state) {
    (void)state;
    struct ota_release r;
    signed_workspace_release(&r, 1, "1.0.0");
    signed_workspace_hand_over(&ws, &(struct handover){"one", &r, "stable 1000 *"});
    assert_int_equal(kill(signer.pid, SIGKILL), 0);
    assert_ota(ota_repo_publish(&ws.w, &signer, "one", &err), OTA_IO);
    assert_true(waiting_has("one"));
    assert_ota_ok(verify());
    signed_workspace_signer(&ws, &signer);
    assert_ota_ok(ota_repo_publish(&ws.w, &signer, "one", &err));
    assert_ota_ok(verify());
}

/* ---- kill -9 at every write ------------------------------------------------------------------------------- */

/* This program's own definitions go before libc's: each counts as one operation, and one of them is the last. */
static long cut_at = -1, operations;

static void operation(void) {
    if (cut_at >= 0 && operations++ == cut_at)
        (void)raise(SIGKILL);
}
int fsync(int fd) {
    operation();
    return (int)syscall(SYS_fsync, fd);
}
int rename(const char *from, const char *to) {
    operation();
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int unlink(const char *path) {
    operation();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
int rmdir(const char *path) {
    operation();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

/* Publishes in a child that dies before its cut-th operation; returns whether it got to the end. */
static bool publish_until(const char *id, long cut) {
    struct ota_signer theirs;
    int status;
    signed_workspace_signer(&ws, &theirs);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        cut_at = cut;
        _exit(ota_repo_publish(&ws.w, &theirs, id, &err) == OTA_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    ota_signer_stop(&theirs);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    else
        assert_int_equal(WTERMSIG(status), SIGKILL);
    return WIFEXITED(status);
}

static uint32_t offered(void) {
    OTA_CLEAN(ota_repo_info_free) struct ota_repo_info info = read_info();
    return info.channel[0].channel.counter;
}

/* Release `counter` is cut at `cut`, then published by the next who comes along. */
static bool survives(uint32_t counter, long cut) {
    struct ota_release r;
    OTA_CLEAN_FREE char *id = ota_sprintf("r%u", counter);
    OTA_CLEAN_FREE char *done = ota_sprintf("%s.done", id);
    OTA_CLEAN_FREE char *refused = ota_sprintf("%s.refused", id);
    OTA_CLEAN_FREE char *version = ota_sprintf("version %u", counter);
    signed_workspace_release(&r, counter, version);
    signed_workspace_hand_over(&ws, &(struct handover){id, &r, "stable 1000 *"});
    bool finished = publish_until(id, cut);
    if (verify() != OTA_OK)
        fail_msg("cut %ld: %s", cut, err.msg);
    if (offered() != counter && offered() != counter - 1)
        fail_msg("cut %ld: release %u is offered", cut, offered());
    if (!waiting_has(id) && offered() != counter)
        fail_msg("cut %ld: neither published nor waiting", cut);
    if (waiting_has(id))
        assert_ota_ok(ota_repo_publish(&ws.w, &signer, id, &err));
    assert_int_equal(offered(), counter);
    assert_true(waiting_has(done));
    assert_false(waiting_has(refused));
    return finished;
}

static void test_repo_publish_survives_a_kill_at_every_write(void **state) {
    (void)state;
    long cut = 0;
    assert_ota_ok(publish("r1", 1, "version 1", "stable 1000 *"));
    while (!survives((uint32_t)cut + 2, cut))
        cut++;
    assert_ota_ok(verify());
    assert_true(cut > 30); /* else the operations were not counted */
}

/* ---- renewing and pruning --------------------------------------------------------------------------------- */

static void test_repo_renew_signs_nothing_that_is_not_due(void **state) {
    (void)state;
    bool changed = true;
    uint64_t timestamp = version_of("timestamp");
    assert_ota_ok(ota_repo_renew(&ws.w, &signer, false, &changed, &err));
    assert_false(changed);
    assert_int_equal(version_of("timestamp"), timestamp);
}

static void renew_after(uint64_t seconds) {
    bool changed = false;
    ota_signer_stop(&signer);
    signed_workspace_remove(&ws);
    set_up_at((uint64_t)time(NULL) - seconds);
    assert_ota_ok(ota_repo_renew(&ws.w, &signer, false, &changed, &err));
    assert_true(changed);
    assert_ota_ok(verify());
}

static void test_repo_renew_signs_the_timestamp_daily(void **state) {
    (void)state;
    uint64_t made = (uint64_t)time(NULL) - 2 * DAY;
    renew_after(2 * DAY);
    assert_true(version_of("snapshot") <= made + 60);
    assert_true(version_of("timestamp") > made + DAY);
}

static void test_repo_renew_brings_an_old_repository_back(void **state) {
    (void)state;
    renew_after(40 * DAY); /* all online roles have expired */
    assert_true(version_of("rollout") + DAY > (uint64_t)time(NULL));
    renew_after(2 * 366 * DAY); /* offline roles have under a year left, their keys are here */
    assert_int_equal(version_of("targets"), 2);
    assert_int_equal(version_of("thermo"), 2);
    assert_int_equal(version_of("root"), 1);
}

static void age(const char *path, time_t seconds) {
    const struct timespec times[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void age_everything(void) {
    OTA_CLEAN_FREE char *command =
        ota_sprintf("find %s/state/repo -type f -exec touch -d '40 days ago' {} +", ws.w.dir);
    assert_int_equal(system(command), 0);
}

static void test_repo_renew_prunes_what_nobody_can_need(void **state) {
    (void)state;
    ota_signer_stop(&signer);
    signed_workspace_remove(&ws);
    set_up_at((uint64_t)time(NULL) - 2 * DAY);
    OTA_CLEAN_FREE char *orphan = ota_workspace_path(&ws.w, "state/repo/targets/img/thermo/9/orphan.bin");
    OTA_CLEAN_FREE char *young = ota_workspace_path(&ws.w, "state/repo/targets/img/thermo/9/young.bin");
    OTA_CLEAN_FREE char *folder = ota_workspace_path(&ws.w, "state/repo/targets/img/thermo/9");
    OTA_CLEAN_FREE char *oldest = ota_workspace_path(&ws.w, "state/repo/metadata/1.snapshot.json");
    OTA_CLEAN_FREE char *root = ota_workspace_path(&ws.w, "state/repo/metadata/1.root.json");
    bool changed;
    for (unsigned i = 1; i <= 20; i++) { /* snapshots of long ago */
        OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/repo/metadata/%u.snapshot.json", i);
        assert_ota_ok(ota_fs_write(path, "{}", 2, 0644, &err));
    }
    assert_ota_ok(ota_fs_mkdirs(folder, 0755, &err));
    assert_ota_ok(ota_fs_write(orphan, "old", 3, 0644, &err));
    age_everything();
    assert_ota_ok(ota_fs_write(young, "new", 3, 0644, &err));
    assert_ota_ok(ota_repo_renew(&ws.w, &signer, false, &changed, &err));
    assert_true(changed);
    assert_false(ota_fs_exists(orphan));
    assert_true(ota_fs_exists(young));
    assert_false(ota_fs_exists(oldest));
    assert_true(ota_fs_exists(root));
    OTA_CLEAN_FREE char *sixteenth = ota_workspace_path(&ws.w, "state/repo/metadata/6.snapshot.json");
    OTA_CLEAN_FREE char *seventeenth = ota_workspace_path(&ws.w, "state/repo/metadata/5.snapshot.json");
    assert_true(ota_fs_exists(sixteenth)); /* with the current one: 16 */
    assert_false(ota_fs_exists(seventeenth));
    assert_ota_ok(verify());
}

static void test_repo_prune_keeps_images_an_older_role_still_lists(void **state) {
    (void)state;
    assert_ota_ok(publish("r1", 1, "1", NULL));
    assert_ota_ok(publish("r2", 2, "2", NULL));
    assert_ota_ok(publish("r3", 3, "3", NULL)); /* release 1 is not listed any more */
    age_everything();
    OTA_CLEAN_FREE char *folder = ota_workspace_path(&ws.w, "state/repo/targets/img/thermo/1");
    assert_ota_ok(ota_repo_prune(&ws.w, &err));
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    assert_ota_ok(ota_fs_list(folder, &names, &err));
    assert_int_equal(names.count, 2);
}

/* ---- incoming and the daemon's lock ----------------------------------------------------------------------- */

static void test_repo_incoming_is_oldest_first_without_leftovers(void **state) {
    (void)state;
    struct ota_release r;
    signed_workspace_release(&r, 1, "1");
    signed_workspace_hand_over(&ws, &(struct handover){"b", &r, NULL});
    signed_workspace_hand_over(&ws, &(struct handover){"a", &r, NULL});
    OTA_CLEAN_FREE char *old = ota_workspace_path(&ws.w, "state/incoming/b/request");
    OTA_CLEAN_FREE char *stale = ota_workspace_path(&ws.w, "state/incoming/.tmp-stale");
    OTA_CLEAN_FREE char *fresh = ota_workspace_path(&ws.w, "state/incoming/.tmp-fresh");
    OTA_CLEAN_FREE char *answer = ota_workspace_path(&ws.w, "state/incoming/x.refused");
    assert_ota_ok(ota_fs_mkdirs(stale, 0755, &err));
    assert_ota_ok(ota_fs_mkdirs(fresh, 0755, &err));
    assert_ota_ok(ota_fs_write(answer, "io\n", 3, 0644, &err));
    age(old, 60);
    age(stale, 2 * DAY);
    age(answer, 2 * DAY);
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf remarks = {0};
    assert_ota_ok(ota_repo_incoming(&ws.w, &names, &remarks, &err));
    assert_string_equal(ota_buf_text(&remarks), "");
    assert_int_equal(names.count, 2);
    assert_string_equal(names.name[0], "b");
    assert_string_equal(names.name[1], "a");
    assert_false(ota_fs_exists(stale));
    assert_false(ota_fs_exists(answer));
    assert_true(ota_fs_exists(fresh));
}

static void test_repo_daemon_lock_tells_whether_one_runs(void **state) {
    (void)state;
    OTA_CLEAN_FD int mine = -1;
    int second = -1;
    assert_ota_ok(ota_repo_daemon(&ws.w, &mine, &err));
    assert_true(mine >= 0);
    assert_ota_ok(ota_repo_daemon(&ws.w, &second, &err));
    assert_int_equal(second, -1);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_repo_created_is_whole_and_empty),
        T(test_repo_read_without_a_repository_says_so),
        T(test_repo_verify_finds_any_damaged_file),
        T(test_repo_verify_reports_what_it_found_right),
        T(test_repo_publish_offers_the_release),
        T(test_repo_publish_without_a_channel_changes_no_offer),
        T(test_repo_publish_again_only_cleans_up),
        T(test_repo_publish_prunes_the_role_but_keeps_what_is_offered),
        T(test_repo_publish_refuses_a_tampered_product_role),
        T(test_repo_publish_refuses_a_tampered_image),
        T(test_repo_publish_refuses_a_missing_image),
        T(test_repo_publish_refuses_a_channel_the_release_was_not_signed_for),
        T(test_repo_publish_refuses_what_was_signed_on_an_older_role),
        T(test_repo_publish_refuses_malformed_requests),
        T(test_repo_publish_refuses_roles_that_are_no_product),
        T(test_repo_publish_keeps_the_release_when_the_signer_dies),
        T(test_repo_publish_survives_a_kill_at_every_write),
        T(test_repo_renew_signs_nothing_that_is_not_due),
        T(test_repo_renew_signs_the_timestamp_daily),
        T(test_repo_renew_brings_an_old_repository_back),
        T(test_repo_renew_prunes_what_nobody_can_need),
        T(test_repo_prune_keeps_images_an_older_role_still_lists),
        T(test_repo_incoming_is_oldest_first_without_leftovers),
        T(test_repo_daemon_lock_tells_whether_one_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
