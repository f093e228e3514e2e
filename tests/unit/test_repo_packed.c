/* SPDX-License-Identifier: Apache-2.0 */
/* Zlib forms in the repository: published only when they hold what is signed, kept as long as their image. */
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "host/transport.h"
#include "store/repo.h"
#include "store/repo_prune.h"
#include "support/signed_workspace.h"
#include "support/unit.h"

#define WINDOW_BITS 12
#define BOMB_LEN (256u << 20)

static struct signed_workspace ws;
static struct ota_signer signer;
static struct ota_err err;

static int set_up(void **state) {
    (void)state;
    signed_workspace_make(&ws, (uint64_t)time(NULL) - 60);
    signed_workspace_signer(&ws, &signer);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    ota_signer_stop(&signer);
    signed_workspace_remove(&ws);
    return 0;
}

static void pack(int window_bits, struct ota_span plain, struct ota_buf *out) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)plain.p, .avail_in = (uInt)plain.len};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ota_buf_reserve(out, deflateBound(&z, plain.len));
    z.next_out = out->p;
    z.avail_out = (uInt)out->cap;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len = z.total_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
}

/* A release whose app.bin.z is `packed`, signed as such whatever it holds. */
static enum ota_status publish(const char *id, const char *version, uint32_t counter, struct ota_span packed) {
    struct ota_release r;
    signed_workspace_release(&r, counter, version);
    r.step[0].z_length = (uint32_t)packed.len;
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, packed.p, packed.len, r.step[0].z_sha256, &err));
    signed_workspace_hand_over_packed(&ws, &(struct handover){id, &r, "stable 1000 *"}, packed);
    return ota_repo_publish(&ws.w, &signer, id, &err);
}

static enum ota_status publish_right(const char *version, uint32_t counter) {
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0}, packed = {0};
    signed_workspace_image(version, &image);
    pack(WINDOW_BITS, ota_buf_span(&image), &packed);
    return publish("right", version, counter, ota_buf_span(&packed));
}

static enum ota_status verify(const char *repo) {
    OTA_CLEAN(ota_buf_free) struct ota_buf root = {0};
    struct ota_dir_transport transport;
    assert_ota_ok(ota_repo_role(&ws.w, "root", &root, &err));
    ota_dir_transport_init(&transport, repo, NULL);
    return ota_repo_verify(&transport.port, ota_buf_span(&root), true, NULL, NULL, &err);
}

/* How many files of release `counter`. */
static size_t files_of(const char *repo, uint32_t counter) {
    OTA_CLEAN_FREE char *folder = ota_sprintf("%s/targets/img/thermo/%u", repo, counter);
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    if (!ota_fs_is_dir(folder))
        return 0;
    assert_ota_ok(ota_fs_list(folder, &names, &err));
    return names.count;
}

static void assert_refused(enum ota_status got, enum ota_status wanted, const char *says) {
    OTA_CLEAN_FREE char *repo = ota_workspace_path(&ws.w, "state/repo");
    OTA_CLEAN_FREE char *refused = ota_workspace_path(&ws.w, "state/incoming/bad.refused");
    if (got != wanted || !strstr(err.msg, "app.bin.z") || !strstr(err.msg, says))
        fail_msg("got %s (%s), wanted %s and \"%s\"", ota_status_name(got), err.msg, ota_status_name(wanted), says);
    assert_true(ota_fs_is_file(refused));
    assert_int_equal(files_of(repo, 1), 0);
    assert_ota_ok(verify(repo));
}

static void test_repo_packed_is_published_and_verified(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *repo = ota_workspace_path(&ws.w, "state/repo");
    assert_ota_ok(publish_right("1.0.0", 1));
    assert_int_equal(files_of(repo, 1), 3);
    assert_ota_ok(verify(repo));
}

static void test_repo_packed_of_another_image_is_refused(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0}, packed = {0};
    signed_workspace_image("1.0.0", &image);
    image.p[image.len / 2] ^= 1;
    pack(WINDOW_BITS, ota_buf_span(&image), &packed);
    assert_refused(publish("bad", "1.0.0", 1, ota_buf_span(&packed)), OTA_HASH, "does not inflate to the image");
}

static void test_repo_packed_of_another_length_is_refused(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0}, packed = {0};
    signed_workspace_image("1.0.0", &image);
    pack(WINDOW_BITS, (struct ota_span){image.p, image.len - 1}, &packed);
    assert_refused(publish("bad", "1.0.0", 1, ota_buf_span(&packed)), OTA_LENGTH, "inflates to");
}

static void test_repo_packed_cut_off_is_refused(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0}, packed = {0};
    signed_workspace_image("1.0.0", &image);
    pack(WINDOW_BITS, ota_buf_span(&image), &packed);
    assert_refused(publish("bad", "1.0.0", 1, (struct ota_span){packed.p, packed.len - 1}), OTA_LENGTH, "is cut off");
}

static void test_repo_packed_with_more_behind_it_is_refused(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0}, packed = {0};
    signed_workspace_image("1.0.0", &image);
    pack(WINDOW_BITS, ota_buf_span(&image), &packed);
    ota_buf_append(&packed, "", 1);
    assert_refused(publish("bad", "1.0.0", 1, ota_buf_span(&packed)), OTA_HASH, "bytes follow");
}

static void test_repo_packed_for_a_larger_window_is_refused(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0}, packed = {0};
    signed_workspace_image("1.0.0", &image);
    pack(WINDOW_BITS + 1, ota_buf_span(&image), &packed);
    assert_refused(publish("bad", "1.0.0", 1, ota_buf_span(&packed)), OTA_HASH, "window");
}

static void test_repo_packed_that_is_no_stream_is_refused(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0};
    signed_workspace_image("1.0.0", &image);
    assert_refused(publish("bad", "1.0.0", 1, ota_buf_span(&image)), OTA_HASH, "no zlib stream");
}

/* A thousand times its size: it is given up where the image would end. */
static void test_repo_packed_bomb_is_refused(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf packed = {0};
    OTA_CLEAN_FREE uint8_t *zeros = ota_calloc(1, BOMB_LEN);
    pack(WINDOW_BITS, (struct ota_span){zeros, BOMB_LEN}, &packed);
    assert_refused(publish("bad", "1.0.0", 1, ota_buf_span(&packed)), OTA_LENGTH, "more than");
}

static void test_repo_packed_that_is_missing_is_refused(void **state) {
    (void)state;
    struct ota_release r;
    signed_workspace_release(&r, 1, "1.0.0");
    r.step[0].z_length = 100;
    signed_workspace_hand_over(&ws, &(struct handover){"bad", &r, NULL});
    assert_refused(ota_repo_publish(&ws.w, &signer, "bad", &err), OTA_NOT_FOUND, "is missing");
}

static void test_repo_packed_is_exported_with_its_image(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *copy = ota_workspace_path(&ws.w, "copy");
    uint64_t bytes;
    assert_ota_ok(publish_right("1.0.0", 1));
    assert_ota_ok(ota_repo_export(&ws.w, copy, &bytes, &err));
    assert_int_equal(files_of(copy, 1), 3);
}

static void age(const char *repo, uint32_t counter) {
    OTA_CLEAN_FREE char *command = ota_sprintf(
        "find %s -type f -exec touch -d '40 days ago' {} + && test -d %s/targets/img/thermo/%u", repo, repo, counter);
    assert_int_equal(system(command), 0);
}

/* What no role lists goes, what one lists stays: images and forms alike. */
static void test_repo_packed_is_pruned_with_its_image(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *repo = ota_workspace_path(&ws.w, "state/repo");
    assert_ota_ok(publish_right("1.0.0", 1));
    OTA_CLEAN_FREE char *stray =
        ota_sprintf("cp %s/targets/img/thermo/1/*.app.bin.z %s/targets/img/thermo/1/%064d.app.bin.z", repo, repo, 0);
    assert_int_equal(system(stray), 0);
    assert_int_equal(files_of(repo, 1), 4);
    age(repo, 1);
    assert_ota_ok(ota_repo_prune(&ws.w, &err));
    assert_int_equal(files_of(repo, 1), 3);
    assert_ota_ok(verify(repo));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_repo_packed_is_published_and_verified, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repo_packed_of_another_image_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repo_packed_of_another_length_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repo_packed_cut_off_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repo_packed_with_more_behind_it_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repo_packed_for_a_larger_window_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repo_packed_that_is_no_stream_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repo_packed_bomb_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repo_packed_that_is_missing_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repo_packed_is_exported_with_its_image, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repo_packed_is_pruned_with_its_image, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
