/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of roots, targets and products: published whole or not at all, and only what the keys before them allow. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/fs.h"
#include "host/transport.h"
#include "store/repo.h"
#include "support/change_maker.h"
#include "support/unit.h"

static struct signed_workspace ws;
static struct ota_signer signer;
static struct ota_err err;
static struct ota_key *root_key, *targets_key;

static int set_up(void **state) {
    (void)state;
    signed_workspace_make(&ws, (uint64_t)time(NULL) - 60);
    signed_workspace_signer(&ws, &signer);
    root_key = change_load_key(&ws, "root");
    targets_key = change_load_key(&ws, "targets");
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    ota_key_free(&root_key);
    ota_key_free(&targets_key);
    ota_signer_stop(&signer);
    signed_workspace_remove(&ws);
    return 0;
}

static struct ota_role_keys by(const struct ota_key *a) {
    return (struct ota_role_keys){.count = 1, .key = {a}};
}
static struct ota_role_keys by_two(const struct ota_key *a, const struct ota_key *b) {
    return (struct ota_role_keys){.count = 2, .key = {a, b}};
}

/* Like a board that was flashed on the first day. */
static enum ota_status verify(void) {
    OTA_CLEAN(ota_buf_free) struct ota_buf root = {0};
    OTA_CLEAN_FREE char *first = ota_workspace_path(&ws.w, "state/repo/metadata/1.root.json");
    OTA_CLEAN_FREE char *repo = ota_workspace_path(&ws.w, "state/repo");
    struct ota_dir_transport transport;
    OTA_TRY(ota_fs_read(first, OTA_CAP_ROOT, &root, &err));
    ota_dir_transport_init(&transport, repo, NULL);
    return ota_repo_verify(&transport.port, ota_buf_span(&root), true, NULL, NULL, &err);
}

static uint64_t version_of(const char *role) {
    OTA_CLEAN(ota_repo_info_free) struct ota_repo_info info;
    assert_ota_ok(ota_repo_read(&ws.w, &info, &err));
    for (size_t i = 0; i < info.role_count; i++)
        if (strcmp(info.role[i].name, role) == 0)
            return info.role[i].version;
    fail_msg("no role %s", role);
    return 0;
}

static enum ota_status publish(const char *id) {
    return ota_repo_publish(&ws.w, &signer, id, &err);
}

static enum ota_status publish_release(const char *id, uint32_t counter) {
    struct ota_release r;
    signed_workspace_release(&r, counter, "1.0.0");
    signed_workspace_hand_over(&ws, &(struct handover){id, &r, "stable 1000 *"});
    return publish(id);
}

static bool waits(const char *name) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/incoming/%s", name);
    return ota_fs_exists(path);
}

static void assert_refused(const char *id, enum ota_status wanted) {
    uint64_t root = version_of("root"), timestamp = version_of("timestamp");
    OTA_CLEAN_FREE char *answer = ota_sprintf("%s.refused", id);
    enum ota_status got = publish(id);
    if (got != wanted)
        fail_msg("got %s (%s), wanted %s", ota_status_name(got), err.msg, ota_status_name(wanted));
    assert_true(waits(answer));
    assert_false(waits(id));
    assert_ota_ok(verify());
    assert_int_equal(version_of("root"), root);
    assert_int_equal(version_of("timestamp"), timestamp);
}

static bool signer_knows_root(uint64_t version) {
    OTA_CLEAN(ota_buf_free) struct ota_buf known = {0}, published = {0};
    OTA_CLEAN_FREE char *a = ota_workspace_path(&ws.w, "keys/root.json");
    OTA_CLEAN_FREE char *b =
        ota_workspace_path(&ws.w, "state/repo/metadata/%llu.root.json", (unsigned long long)version);
    assert_ota_ok(ota_fs_read(a, OTA_CAP_ROOT, &known, &err));
    assert_ota_ok(ota_fs_read(b, OTA_CAP_ROOT, &published, &err));
    return ota_span_equal(ota_buf_span(&known), ota_buf_span(&published));
}

static void run(const char *what, const char *dir) {
    OTA_CLEAN_FREE char *command = ota_sprintf("cd %s && %s", dir, what);
    assert_int_equal(system(command), 0);
}

/* ---- what may be changed ---------------------------------------------------------------------------------- */

/* A key that the signer finds in keys/. */
static void rotate(struct ota_role_by *by, const char *file) {
    OTA_CLEAN(ota_key_free) struct ota_key *key = change_rotate(&ws, by, file);
    assert_non_null(key);
}

static void test_repo_change_rotates_online_keys(void **state) {
    (void)state;
    struct change *c = change_begin(&ws);
    rotate(&c->root.by[OTA_ROLE_TIMESTAMP], "timestamp.2.pem");
    rotate(&c->root.by[OTA_ROLE_SNAPSHOT], "snapshot.2.pem");
    const struct ota_role_keys root_by = by(root_key);
    uint64_t rollout = version_of("rollout");
    change_write(&ws, "incoming/change", c, &root_by, NULL);
    assert_ota_ok(publish("change"));
    assert_true(waits("change.done"));
    assert_ota_ok(verify());
    assert_int_equal(version_of("root"), 2);
    assert_int_equal(version_of("rollout"), rollout); /* its key is the same */
    assert_true(signer_knows_root(2));
    assert_ota_ok(publish_release("one", 1));
    assert_ota_ok(verify());
}

static void test_repo_change_rotates_the_rollout_key_by_targets_alone(void **state) {
    (void)state;
    assert_ota_ok(publish_release("one", 1));
    struct change *c = change_begin(&ws);
    rotate(&c->targets.rollout, "rollout.2.pem");
    const struct ota_role_keys targets_by = by(targets_key);
    uint64_t before = version_of("rollout");
    change_write(&ws, "incoming/change", c, NULL, &targets_by);
    assert_ota_ok(publish("change"));
    assert_ota_ok(verify());
    assert_int_equal(version_of("root"), 1);
    assert_true(version_of("rollout") > before);
    OTA_CLEAN(ota_repo_info_free) struct ota_repo_info info;
    assert_ota_ok(ota_repo_read(&ws.w, &info, &err));
    assert_int_equal(info.channel[0].channel.counter, 1); /* what was offered stays offered */
}

static void test_repo_change_needs_new_targets_with_a_new_targets_key(void **state) {
    (void)state;
    struct change *c = change_begin(&ws);
    OTA_CLEAN(ota_key_free) struct ota_key *key = change_rotate(&ws, &c->root.by[OTA_ROLE_TARGETS], NULL);
    const struct ota_role_keys root_by = by(root_key), targets_by = by(key), old = by(targets_key);
    change_write(&ws, "incoming/half", c, &root_by, NULL);
    assert_refused("half", OTA_SIGNATURE);
    change_write(&ws, "incoming/old", c, &root_by, &old);
    assert_refused("old", OTA_SIGNATURE);
    change_write(&ws, "incoming/whole", c, &root_by, &targets_by);
    assert_ota_ok(publish("whole"));
    assert_ota_ok(verify());
    assert_int_equal(version_of("targets"), 2);
}

static void test_repo_change_of_root_needs_the_old_and_the_new_threshold(void **state) {
    (void)state;
    struct change *c = change_begin(&ws);
    OTA_CLEAN(ota_key_free) struct ota_key *second = NULL, *third = NULL;
    assert_ota_ok(ota_key_generate(&second, &err));
    assert_ota_ok(ota_key_generate(&third, &err));
    c->root.by[OTA_ROLE_ROOT] = (struct ota_role_by){2, 2, {*ota_key_public(second), *ota_key_public(third)}};
    const struct ota_role_keys fresh = by_two(second, third), old = by(root_key), below = by_two(root_key, second);
    const struct ota_role_keys all = {3, {root_key, second, third}};
    change_write(&ws, "incoming/new", c, &fresh, NULL);
    assert_refused("new", OTA_SIGNATURE);
    change_write(&ws, "incoming/old", c, &old, NULL);
    assert_refused("old", OTA_SIGNATURE);
    change_write(&ws, "incoming/below", c, &below, NULL);
    assert_refused("below", OTA_SIGNATURE);
    change_write(&ws, "incoming/all", c, &all, NULL);
    assert_ota_ok(publish("all"));
    assert_ota_ok(verify());
    c = change_begin(&ws); /* and from now on the two */
    c->root.version++;
    change_write(&ws, "incoming/jump", c, &fresh, NULL);
    assert_refused("jump", OTA_VERSION);
    c->root.version--;
    change_write(&ws, "incoming/next", c, &fresh, NULL);
    assert_ota_ok(publish("next"));
    assert_ota_ok(verify());
    assert_int_equal(version_of("root"), 3);
}

static void test_repo_change_may_bring_successive_roots(void **state) {
    (void)state;
    struct change *c = change_begin(&ws);
    const struct ota_role_keys root_by = by(root_key);
    for (unsigned i = 0; i < 7; i++) {
        change_write(&ws, "incoming/many", c, &root_by, NULL);
        c->root.version++;
    }
    assert_ota_ok(publish("many"));
    assert_ota_ok(verify());
    assert_int_equal(version_of("root"), 8);
    assert_true(signer_knows_root(8));
    for (unsigned i = 0; i < 8; i++) {
        change_write(&ws, "incoming/more", c, &root_by, NULL);
        c->root.version++;
    }
    assert_refused("more", OTA_ARGUMENT);
}

static void test_repo_change_never_drops_a_product(void **state) {
    (void)state;
    struct change *c = change_begin(&ws);
    const struct ota_role_keys targets_by = by(targets_key);
    c->targets.count = 1;
    change_write(&ws, "incoming/change", c, NULL, &targets_by);
    assert_refused("change", OTA_ROLLBACK);
}

static void test_repo_change_of_a_new_product_brings_its_role(void **state) {
    (void)state;
    struct change *c = change_begin(&ws);
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0};
    const struct ota_role_keys targets_by = by(targets_key);
    struct ota_role_delegation *d = &c->targets.product[c->targets.count++];
    (void)snprintf(d->name, sizeof d->name, "gauge");
    key = change_rotate(&ws, &d->by, "gauge.pem");
    change_write(&ws, "incoming/half", c, NULL, &targets_by);
    assert_refused("half", OTA_DELEGATION);
    const struct ota_role_keys product_by = by(key);
    const struct ota_role_product empty = {.version = 1, .expires = (uint64_t)time(NULL) + OTA_ROLE_OFFLINE_LIFE};
    change_write(&ws, "incoming/whole", c, NULL, &targets_by);
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/incoming/whole/metadata/1.gauge.json");
    assert_ota_ok(ota_role_product(&empty, &product_by, &role, &err));
    assert_ota_ok(ota_fs_write(path, role.p, role.len, 0600, &err));
    assert_ota_ok(publish("whole"));
    assert_ota_ok(verify());
    assert_int_equal(version_of("gauge"), 1);
}

static void test_repo_change_holds_no_online_role(void **state) {
    (void)state;
    struct change *c = change_begin(&ws);
    const struct ota_role_keys root_by = by(root_key);
    static const char *const foreign[] = {"9.rollout.json", "9.snapshot.json", "timestamp.json", "9.timestamp.json"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(foreign); i++) {
        change_write(&ws, "incoming/change", c, &root_by, NULL);
        OTA_CLEAN_FREE char *from = ota_workspace_path(&ws.w, "state/repo/metadata/timestamp.json");
        OTA_CLEAN_FREE char *to = ota_workspace_path(&ws.w, "state/incoming/change/metadata/%s", foreign[i]);
        assert_ota_ok(ota_fs_copy(from, to, 0600, &err));
        assert_refused("change", OTA_ARGUMENT);
    }
}

/* What is called a release changes its product's role and nothing else. */
static void test_repo_release_changes_its_product_alone(void **state) {
    (void)state;
    struct change *c = change_begin(&ws);
    const struct ota_role_keys root_by = by(root_key), targets_by = by(targets_key);
    struct ota_release r;
    signed_workspace_release(&r, 1, "1.0.0");
    change_write(&ws, "roles", c, &root_by, &targets_by);
    signed_workspace_hand_over(&ws, &(struct handover){"one", &r, "stable 1000 *"});
    run("cp state/roles/metadata/2.root.json state/incoming/one/metadata", ws.w.dir);
    assert_refused("one", OTA_ARGUMENT);
    signed_workspace_hand_over(&ws, &(struct handover){"two", &r, "stable 1000 *"});
    run("cp state/roles/metadata/2.targets.json state/incoming/two/metadata", ws.w.dir);
    assert_ota_ok(publish("two"));
    assert_ota_ok(verify());
    assert_int_equal(version_of("targets"), 1);
}

static void test_repo_change_published_twice_is_done(void **state) {
    (void)state;
    struct change *c = change_begin(&ws);
    const struct ota_role_keys root_by = by(root_key), targets_by = by(targets_key);
    change_write(&ws, "incoming/change", c, &root_by, &targets_by);
    change_write(&ws, "incoming/again", c, &root_by, &targets_by);
    OTA_CLEAN_FREE char *copy =
        ota_sprintf("cp -a %s/state/incoming/change/metadata/. %s/state/incoming/again/metadata", ws.w.dir, ws.w.dir);
    assert_int_equal(system(copy), 0);
    assert_ota_ok(publish("change"));
    uint64_t timestamp = version_of("timestamp");
    assert_ota_ok(publish("again"));
    assert_int_equal(version_of("timestamp"), timestamp);
    /* Another root under the same version is another matter. */
    c->root.expires++;
    change_write(&ws, "incoming/other", c, &root_by, NULL);
    assert_refused("other", OTA_ROLLBACK);
}

/* ---- what the signer knows -------------------------------------------------------------------------------- */

static void write_known(uint64_t version) {
    OTA_CLEAN_FREE char *from =
        ota_workspace_path(&ws.w, "state/repo/metadata/%llu.root.json", (unsigned long long)version);
    OTA_CLEAN_FREE char *to = ota_workspace_path(&ws.w, "keys/root.json");
    assert_ota_ok(ota_fs_copy(from, to, 0600, &err));
}

static void publish_empty_change(const char *id) {
    struct change *c = change_begin(&ws);
    const struct ota_role_keys root_by = by(root_key);
    OTA_CLEAN_FREE char *where = ota_sprintf("incoming/%s", id);
    change_write(&ws, where, c, &root_by, NULL);
    assert_ota_ok(publish(id));
}

/* keys/ from a backup. */
static void test_repo_signer_catches_up_with_published_roots(void **state) {
    (void)state;
    publish_empty_change("a");
    publish_empty_change("b");
    assert_true(signer_knows_root(3));
    write_known(1);
    assert_ota_ok(publish_release("one", 1));
    assert_true(signer_knows_root(3));
}

/* state/ from a backup: whoever shows an older root gets nothing signed. */
static void test_repo_signer_refuses_a_root_older_than_it_knows(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *save = ota_sprintf("cp -a %s/state/repo %s/saved", ws.w.dir, ws.w.dir);
    OTA_CLEAN_FREE char *back =
        ota_sprintf("rm -rf %s/state/repo && cp -a %s/saved %s/state/repo", ws.w.dir, ws.w.dir, ws.w.dir);
    bool changed;
    assert_int_equal(system(save), 0);
    publish_empty_change("a");
    assert_int_equal(system(back), 0);
    assert_ota(ota_repo_renew(&ws.w, &signer, false, &changed, &err), OTA_ROLLBACK);
}

/* ---- what a person's key is asked to sign on top of -------------------------------------------------------- */

static enum ota_status read_role(const char *role) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    return ota_repo_role(&ws.w, role, &wire, &err);
}

/* Sound in itself, under keys that nobody here knows. */
static void bring_in_another_repository(unsigned roots) {
    const struct signed_workspace mine = ws;
    struct ota_signer signer_here = signer;
    struct ota_key *root_here = root_key;
    signed_workspace_make(&ws, (uint64_t)time(NULL) - 60);
    signed_workspace_signer(&ws, &signer);
    root_key = change_load_key(&ws, "root");
    for (unsigned i = 1; i < roots; i++) {
        char id[2] = {(char)('a' + i), '\0'};
        publish_empty_change(id);
    }
    OTA_CLEAN_FREE char *swap =
        ota_sprintf("rm -rf %s/state/repo && cp -a %s/state/repo %s/state/repo", mine.w.dir, ws.w.dir, mine.w.dir);
    assert_int_equal(system(swap), 0);
    ota_key_free(&root_key);
    ota_signer_stop(&signer);
    signed_workspace_remove(&ws);
    ws = mine;
    signer = signer_here;
    root_key = root_here;
}

static void test_repo_is_believed_only_under_the_root_that_keys_know(void **state) {
    (void)state;
    bring_in_another_repository(1);
    assert_ota(read_role("thermo"), OTA_KEY);
}

static void test_repo_newer_root_must_follow_the_one_that_keys_know(void **state) {
    (void)state;
    bring_in_another_repository(3);
    assert_ota(read_role("thermo"), OTA_SIGNATURE);
    assert_non_null(strstr(err.msg, "does not lead on from keys/root.json"));
}

/* One that nothing vouches for may be looked at, but nothing is signed on top of it. */
static void test_repo_older_root_is_shown_and_not_built_upon(void **state) {
    (void)state;
    OTA_CLEAN(ota_repo_info_free) struct ota_repo_info info;
    publish_empty_change("a");
    bring_in_another_repository(1);
    assert_ota_ok(ota_repo_read(&ws.w, &info, &err));
    assert_ota(read_role("thermo"), OTA_ROLLBACK);
    assert_ota(read_role("targets"), OTA_ROLLBACK);
}

/* ---- kill -9 at every write ------------------------------------------------------------------------------- */

/* This program's own definitions go before libc's: each counts as one operation, and one of them is the last. */
static long cut_at = -1, operations;
static bool no_exchange;

static void operation(void) {
    if (cut_at >= 0 && operations++ == cut_at)
        (void)raise(SIGKILL);
}
int fsync(int fd) {
    (void)fd; /* a kill loses nothing that was written */
    operation();
    return 0;
}
int rename(const char *from, const char *to) {
    operation();
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    operation();
    if (no_exchange) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}
int link(const char *from, const char *to) {
    operation();
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
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

/* Every key but root's and rollout's is another one. */
static void hand_over_rotation(void) {
    struct change *c = change_begin(&ws);
    rotate(&c->root.by[OTA_ROLE_TIMESTAMP], "timestamp.2.pem");
    rotate(&c->root.by[OTA_ROLE_SNAPSHOT], "snapshot.2.pem");
    OTA_CLEAN(ota_key_free) struct ota_key *targets = change_rotate(&ws, &c->root.by[OTA_ROLE_TARGETS], NULL);
    const struct ota_role_keys root_by = by(root_key), targets_by = by(targets);
    change_write(&ws, "incoming/change", c, &root_by, &targets_by);
}

static void assert_finishes(long cut) {
    if (waits("change"))
        assert_ota_ok(publish("change"));
    if (version_of("root") != 2 || !waits("change.done") || waits("change.refused"))
        fail_msg("cut %ld: publishing again did not finish", cut);
    assert_ota_ok(verify());
    assert_true(signer_knows_root(2));
}

static long cut_everywhere(bool whole_at_any_time, long step) {
    long cut = 0;
    hand_over_rotation();
    run("cp -a state saved-state && cp -a keys saved-keys", ws.w.dir);
    for (bool finished = false; !finished; cut += step) {
        run("rm -rf state keys && cp -a saved-state state && cp -a saved-keys keys", ws.w.dir);
        finished = publish_until("change", cut);
        if (whole_at_any_time && verify() != OTA_OK)
            fail_msg("cut %ld: %s", cut, err.msg);
        assert_finishes(cut);
    }
    return cut;
}

/* A change is signed under before it is believed in: it can be dropped until it is published. */
static void test_repo_change_dropped_before_it_is_published_leaves_no_trace(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *folder = ota_workspace_path(&ws.w, "state/incoming/change");
    OTA_CLEAN_FREE char *overlay = ota_workspace_path(&ws.w, "state/.change/metadata/timestamp.json");
    hand_over_rotation();
    long cut = 0;
    while (!ota_fs_exists(overlay)) /* the last that is written before it is verified and placed */
        assert_false(publish_until("change", cut++));
    assert_ota_ok(ota_fs_remove_tree(folder, &err));
    assert_true(signer_knows_root(1));
    assert_ota_ok(publish_release("one", 1));
    assert_ota_ok(verify());
    assert_int_equal(version_of("root"), 1);
}

static void test_repo_change_survives_a_kill_at_every_write(void **state) {
    (void)state;
    assert_true(cut_everywhere(true, 1) > 30); /* else the operations were not counted */
}

/* Where folders cannot change places boards may have to wait, but publishing again finishes all the same. */
static void test_repo_change_without_exchange_finishes_after_a_kill(void **state) {
    (void)state;
    no_exchange = true;
    assert_true(cut_everywhere(false, 3) > 30);
    no_exchange = false;
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_repo_change_rotates_online_keys),
        T(test_repo_change_rotates_the_rollout_key_by_targets_alone),
        T(test_repo_change_needs_new_targets_with_a_new_targets_key),
        T(test_repo_change_of_root_needs_the_old_and_the_new_threshold),
        T(test_repo_change_may_bring_successive_roots),
        T(test_repo_change_never_drops_a_product),
        T(test_repo_change_of_a_new_product_brings_its_role),
        T(test_repo_change_holds_no_online_role),
        T(test_repo_release_changes_its_product_alone),
        T(test_repo_change_published_twice_is_done),
        T(test_repo_signer_catches_up_with_published_roots),
        T(test_repo_signer_refuses_a_root_older_than_it_knows),
        T(test_repo_is_believed_only_under_the_root_that_keys_know),
        T(test_repo_newer_root_must_follow_the_one_that_keys_know),
        T(test_repo_older_root_is_shown_and_not_built_upon),
        T(test_repo_change_dropped_before_it_is_published_leaves_no_trace),
        T(test_repo_change_survives_a_kill_at_every_write),
        T(test_repo_change_without_exchange_finishes_after_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
