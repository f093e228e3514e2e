/* SPDX-License-Identifier: Apache-2.0 */
/* What the signer remembers: nobody gets it to start from something older, and no lost answer or backup stops it for ever. */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "host/fs.h"
#include "sign/last_signed.h"
#include "store/repo_commit.h"
#include "support/signed_workspace.h"
#include "support/unit.h"

static struct signed_workspace ws;
static struct ota_signer signer;
static struct ota_err err;
static char *keys;

static int set_up(void **state) {
    (void)state;
    signed_workspace_make(&ws, (uint64_t)time(NULL) - 60);
    signed_workspace_signer(&ws, &signer);
    keys = ota_workspace_path(&ws.w, "keys");
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    ota_signer_stop(&signer);
    signed_workspace_remove(&ws);
    free(keys);
    return 0;
}

static void publish(uint32_t counter) {
    struct ota_release r;
    OTA_CLEAN_FREE char *id = ota_sprintf("r%u", counter);
    signed_workspace_release(&r, counter, id);
    signed_workspace_hand_over(&ws, &(struct handover){id, &r, "stable 1000 *"});
    assert_ota_ok(ota_repo_publish(&ws.w, &signer, id, &err));
}

static struct ota_repo_set *load(void) {
    struct ota_repo_set *set = NULL;
    assert_ota_ok(ota_repo_set_load(&ws.w, &set, &err));
    return set;
}

/* Asks, and loses the answer; *version is that of the timestamp signed, 0 when nothing was. */
static enum ota_status propose(const struct ota_repo_set *set, const char *wanted, uint64_t *version) {
    OTA_CLEAN(ota_repo_commit_free) struct ota_repo_commit answer = {0};
    const struct ota_repo_proposal p = {.w = &ws.w, .set = set, .wanted = wanted};
    OTA_TRY(ota_repo_propose(&signer, &p, &answer, &err));
    *version = answer.timestamp.wire.len ? answer.timestamp.meta.version : 0;
    return OTA_OK;
}

static struct ota_last_signed remembered(void) {
    struct ota_last_signed s;
    assert_ota_ok(ota_last_signed_read(keys, &s, &err));
    return s;
}

static void swap(struct ota_role_file *a, struct ota_role_file *b) {
    struct ota_role_file keep = *a;
    *a = *b;
    *b = keep;
}

/* ---- what it does not believe ----------------------------------------------------------------------------- */

static void test_last_signed_current_files_cannot_be_left_out(void **state) {
    (void)state;
    uint64_t version = 0;
    publish(1);
    publish(2);
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = load();
    ota_buf_free(&set->snapshot.wire);
    ota_buf_free(&set->timestamp.wire);
    ota_buf_free(&set->rollout.wire);
    assert_ota(propose(set, "thermo stable 1 1000 *\n", &version), OTA_ROLLBACK);
    assert_non_null(strstr(err.msg, "restore --merge"));
    assert_int_equal(version, 0);
}

static void test_last_signed_older_files_cannot_be_replayed(void **state) {
    (void)state;
    uint64_t version = 0;
    publish(1);
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *old = load();
    publish(2);
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *mixed = load(); /* the product role of today, all else of then */
    swap(&mixed->snapshot, &old->snapshot);
    swap(&mixed->timestamp, &old->timestamp);
    swap(&mixed->rollout, &old->rollout);
    assert_ota(propose(mixed, "", &version), OTA_ROLLBACK);
    assert_ota(propose(mixed, "thermo stable 1 500 *\n", &version), OTA_ROLLBACK);
}

static void test_last_signed_survives_a_restart_of_the_signer(void **state) {
    (void)state;
    uint64_t version = 0;
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *old = load();
    publish(1);
    ota_signer_stop(&signer);
    signed_workspace_signer(&ws, &signer);
    assert_ota(propose(old, "", &version), OTA_ROLLBACK);
}

/* ---- answers that were lost ------------------------------------------------------------------------------- */

static void test_last_signed_lost_answers_stop_nothing(void **state) {
    (void)state;
    uint64_t first = 0, second = 0;
    publish(1);
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = load();
    assert_ota_ok(propose(set, "thermo stable 1 500 *\n", &first));
    assert_ota_ok(propose(set, "", &second)); /* nothing is due; what was lost is not taken for published */
    assert_int_equal(second, 0);
    assert_ota_ok(propose(set, "thermo stable 1 400 *\n", &second));
    assert_true(first > set->timestamp.meta.version);
    assert_true(second > first); /* above what boards may have been shown */
    publish(2);
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *after = load();
    assert_true(after->timestamp.meta.version > second);
    assert_ota(propose(set, "", &second), OTA_ROLLBACK); /* published: there is no way back */
}

/* ---- backups ---------------------------------------------------------------------------------------------- */

static void run(const char *format) {
    OTA_CLEAN_FREE char *command = ota_sprintf("cd %s && %s", ws.w.dir, format);
    assert_int_equal(system(command), 0);
}

static void test_last_signed_restored_repository_goes_on_at_the_owners_word(void **state) {
    (void)state;
    bool changed;
    publish(1);
    run("cp -a state/repo backup");
    publish(2);
    run("rm -r state/repo && mv backup state/repo");
    assert_ota(ota_repo_renew(&ws.w, &signer, false, &changed, &err), OTA_ROLLBACK);
    assert_non_null(strstr(err.msg, "restore --merge"));
    struct ota_last_signed lost = remembered();
    OTA_CLEAN(ota_buf_free) struct ota_buf timestamp = {0};
    assert_ota_ok(ota_repo_role(&ws.w, "timestamp", &timestamp, &err));
    assert_ota_ok(ota_last_signed_go_on(keys, ota_buf_span(&timestamp), 1, &err));
    assert_ota_ok(ota_repo_renew(&ws.w, &signer, false, &changed, &err));
    assert_true(changed); /* above what was lost, though nothing is old enough */
    assert_true(remembered().timestamp > lost.timestamp);
    assert_true(remembered().snapshot > lost.snapshot);
    assert_true(remembered().rollout > lost.rollout);
    assert_ota_ok(ota_repo_renew(&ws.w, &signer, false, &changed, &err));
    assert_false(changed); /* once */
    publish(2);
}

static void test_last_signed_restored_keys_go_on_by_themselves(void **state) {
    (void)state;
    publish(1);
    run("cp keys/last-signed old");
    publish(2);
    struct ota_last_signed newest = remembered();
    run("mv old keys/last-signed");
    publish(3);
    assert_true(remembered().timestamp > newest.timestamp);
}

static void test_last_signed_damaged_file_names_the_remedy(void **state) {
    (void)state;
    static const char *const bad[] = {"printf x >>keys/last-signed", "printf '' >keys/last-signed",
                                      "sed -i 's/^timestamp /timestamp -/' keys/last-signed",
                                      "sed -i 's/^last ./last g/' keys/last-signed"};
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = load();
    uint64_t version;
    run("cp keys/last-signed good");
    for (size_t i = 0; i < OTA_ARRAY_LEN(bad); i++) {
        run("cp good keys/last-signed");
        run(bad[i]);
        assert_ota(propose(set, "", &version), OTA_JOURNAL);
        assert_non_null(strstr(err.msg, "remove the file"));
    }
}

static void test_last_signed_is_the_owners_alone(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *file = ota_sprintf("%s/" OTA_LAST_SIGNED, keys);
    struct stat st;
    publish(1);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = load();
    struct ota_last_signed s = remembered();
    assert_int_equal(s.timestamp, set->timestamp.meta.version);
    assert_memory_equal(s.last, s.base, sizeof s.last); /* published and confirmed */
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_last_signed_current_files_cannot_be_left_out),
        T(test_last_signed_older_files_cannot_be_replayed),
        T(test_last_signed_survives_a_restart_of_the_signer),
        T(test_last_signed_lost_answers_stop_nothing),
        T(test_last_signed_restored_repository_goes_on_at_the_owners_word),
        T(test_last_signed_restored_keys_go_on_by_themselves),
        T(test_last_signed_damaged_file_names_the_remedy),
        T(test_last_signed_is_the_owners_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
