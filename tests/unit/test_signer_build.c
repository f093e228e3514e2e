/* SPDX-License-Identifier: Apache-2.0 */
/* BUILD: images dropped into a folder become a release that is published like any other. */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "image/sample.h"
#include "store/repo.h"
#include "support/signed_workspace.h"
#include "support/unit.h"

static struct signed_workspace ws;
static struct ota_signer signer;
static struct ota_err err;
static char *folder, *into;

static void drop_app(const char *chip, const char *version) {
    OTA_CLEAN(ota_buf_free) struct ota_buf app = {0};
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/thermo.bin", folder);
    const struct ota_sample sample = {.chip = ota_chip_by_name(ota_span_str(chip)),
                                      .project = "thermo",
                                      .version = version,
                                      .app_size = OTA_SAMPLE_APP_SIZE_MIN};
    assert_ota_ok(ota_sample_app(&sample, &ota_crypto_openssl, &app, &err));
    assert_ota_ok(ota_fs_write(path, app.p, app.len, 0644, &err));
}

static int set_up(void **state) {
    (void)state;
    signed_workspace_make(&ws, (uint64_t)time(NULL) - 60);
    folder = ota_workspace_path(&ws.w, "images/thermo");
    into = ota_workspace_path(&ws.w, "state/incoming/.tmp-drop");
    assert_ota_ok(ota_fs_mkdirs(folder, 0755, &err));
    drop_app("esp32c3", "1.2.3");
    signed_workspace_signer(&ws, &signer);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    ota_signer_stop(&signer);
    signed_workspace_remove(&ws);
    free(folder);
    free(into);
    return 0;
}

static enum ota_status build_into(const char *dir, struct ota_buf *summary) {
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message answer = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0}, targets = {0}, rollout = {0};
    assert_ota_ok(ota_repo_role(&ws.w, "thermo", &role, &err));
    assert_ota_ok(ota_repo_role(&ws.w, "targets", &targets, &err));
    assert_ota_ok(ota_repo_role(&ws.w, "rollout", &rollout, &err));
    const struct ota_span parts[] = {ota_span_str("thermo"), ota_span_str(folder),   ota_span_str(dir),
                                     ota_buf_span(&role),    ota_buf_span(&targets), ota_span_str("stable"),
                                     ota_buf_span(&rollout)};
    OTA_TRY(ota_signer_call(&signer, OTA_SIGNER_BUILD, parts, OTA_ARRAY_LEN(parts), &answer, &err));
    assert_int_equal(answer.type, OTA_SIGNER_BUILT);
    ota_buf_append(summary, answer.part[0].p, answer.part[0].len);
    return OTA_OK;
}
static enum ota_status build(void) {
    OTA_CLEAN(ota_buf_free) struct ota_buf summary = {0};
    return build_into(into, &summary);
}

static void publish(void) {
    OTA_CLEAN_FREE char *final = ota_workspace_path(&ws.w, "state/incoming/drop");
    assert_ota_ok(ota_fs_rename(into, final, &err));
    assert_ota_ok(ota_repo_publish(&ws.w, &signer, "drop", &err));
}

static void test_signer_build_makes_a_release_that_can_be_published(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf summary = {0};
    assert_ota_ok(build_into(into, &summary));
    assert_string_equal(ota_buf_text(&summary), "release 1 of thermo, version 1.2.3: app.bin to @ota");
    publish();
    OTA_CLEAN(ota_repo_info_free) struct ota_repo_info info = {0};
    assert_ota_ok(ota_repo_read(&ws.w, &info, &err));
    assert_int_equal(info.release_count, 1);
    assert_string_equal(info.release[0].version, "1.2.3");
    assert_int_equal(info.channel[0].channel.counter, 1);
    assert_int_equal(info.channel[0].channel.permille, 1000);
    drop_app("esp32c3", "1.2.4");
    ota_repo_info_free(&info);
    assert_ota_ok(build());
    publish();
    assert_ota_ok(ota_repo_read(&ws.w, &info, &err));
    assert_int_equal(info.release_count, 2);
    assert_int_equal(info.channel[0].channel.counter, 2);
}

static void test_signer_build_refuses_what_a_board_would(void **state) {
    (void)state;
    drop_app("esp32s3", "1.2.3");
    assert_ota(build(), OTA_CHIP);
}

static void test_signer_build_refuses_folders_others_may_write(void **state) {
    (void)state;
    assert_int_equal(chmod(folder, 0777), 0);
    assert_ota(build(), OTA_PERMISSION);
    assert_non_null(strstr(err.msg, "chmod"));
}

static void test_signer_build_refuses_images_others_may_write(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *image = ota_sprintf("%s/thermo.bin", folder);
    assert_int_equal(chmod(image, 0664), 0);
    assert_ota(build(), OTA_PERMISSION);
    assert_int_equal(chmod(image, 0646), 0);
    assert_ota(build(), OTA_PERMISSION);
    assert_int_equal(chmod(image, 0644), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(image, 12345, (gid_t)-1), 0);
        assert_ota(build(), OTA_PERMISSION);
        assert_int_equal(chown(image, 0, (gid_t)-1), 0);
    }
    assert_ota_ok(build());
}

static void test_signer_build_follows_no_link(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *image = ota_sprintf("%s/thermo.bin", folder);
    OTA_CLEAN_FREE char *elsewhere = ota_workspace_path(&ws.w, "elsewhere");
    assert_ota_ok(ota_fs_rename(image, elsewhere, &err));
    assert_int_equal(symlink(elsewhere, image), 0);
    assert_ota(build(), OTA_IMAGE_KIND);
    assert_ota_ok(ota_fs_rename(elsewhere, image, &err));
    assert_ota_ok(ota_fs_rename(folder, elsewhere, &err));
    assert_int_equal(symlink(elsewhere, folder), 0);
    assert_ota(build(), OTA_IMAGE_KIND);
}

static void test_signer_build_writes_nowhere_but_incoming(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf summary = {0};
    OTA_CLEAN_FREE char *repo = ota_workspace_path(&ws.w, "state/repo");
    OTA_CLEAN_FREE char *up = ota_workspace_path(&ws.w, "state/incoming/.tmp-x/../../repo");
    assert_ota(build_into(repo, &summary), OTA_PERMISSION);
    assert_ota(build_into(up, &summary), OTA_PERMISSION);
    assert_ota(build_into("/tmp/.tmp-x", &summary), OTA_PERMISSION);
}

static void test_signer_build_without_the_product_key_says_where_to_push(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *key = ota_workspace_path(&ws.w, "keys/thermo.pem");
    ota_signer_stop(&signer);
    assert_ota_ok(ota_fs_remove(key, &err));
    signed_workspace_signer(&ws, &signer);
    assert_ota(build(), OTA_KEY);
    assert_non_null(strstr(err.msg, "otactl push"));
    assert_false(ota_fs_exists(into));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_signer_build_makes_a_release_that_can_be_published),
        T(test_signer_build_refuses_what_a_board_would),
        T(test_signer_build_refuses_folders_others_may_write),
        T(test_signer_build_refuses_images_others_may_write),
        T(test_signer_build_follows_no_link),
        T(test_signer_build_writes_nowhere_but_incoming),
        T(test_signer_build_without_the_product_key_says_where_to_push),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
