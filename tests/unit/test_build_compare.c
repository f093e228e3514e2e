/* SPDX-License-Identifier: Apache-2.0 */
/* A release against those before it: what is refused until it is said to be meant, and what is remarked. */
#include <stdio.h>
#include <sys/stat.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "host/transport.h"
#include "image/sample_folder.h"
#include "release/build_compare.h"
#include "support/boot_signer.h"
#include "support/images.h"
#include "support/unit.h"

#define SECURE_VERSION_AT 0x24
#define PROJECT_AT 0x50
#define MIN_REV_AT 15
#define MAX_REV_AT 17
#define SPI_MODE_AT 2
#define MAX_BLOCK_REV_AT (0x20 + 178)

static const char *const channels[] = {"stable", NULL};
static struct ota_err err;
static char *dir;

/* The release before, written where a server would have it. */
static struct ota_release last;
static struct ota_dir_transport repo;
static char *repo_dir;

static char *in(const char *name) {
    return ota_sprintf("%s/%s", dir, name);
}

static void put(const char *name, const struct ota_buf *bytes) {
    OTA_CLEAN_FREE char *path = in(name);
    assert_ota_ok(ota_fs_write(path, bytes->p, bytes->len, 0644, &err));
}

static struct ota_build_options options(void) {
    return (struct ota_build_options){
        .product = "thermo", .chip = "esp32c3", .channels = channels, .accept_risk = true, .compatible = true};
}

static void open_files(struct ota_build *b, const char *const *names, const char *table) {
    struct ota_build_options o = options();
    OTA_CLEAN_FREE char *sdkconfig = in("build/config/sdkconfig.json");
    char *path[4] = {NULL};
    size_t n = 0;
    for (; names[n]; n++)
        path[n] = in(names[n]);
    o.sdkconfig = sdkconfig;
    o.table = table;
    assert_ota_ok(ota_build_open_files(b, &o, (const char *const *)path, n, &err));
    while (n--)
        free(path[n]);
}

/* Files of the first release: app.bin, boot.bin and storage.bin, project "thermo", version 1.1.0. */
static void write_files(void) {
    OTA_CLEAN(ota_buf_free) struct ota_buf app = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf boot = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf data = {0};
    struct ota_sample s = sample_of("esp32c3");
    s.version = "1.1.0";
    OTA_CLEAN_FREE char *build = in("build");
    assert_ota_ok(ota_sample_folder(&s, build, &ota_crypto_openssl, &err));
    sample_app(&s, &app);
    ota_put_le32(app.p + SECURE_VERSION_AT, 2);
    reseal_image(&app);
    put("app.bin", &app);
    sample_bootloader(&s, &boot);
    put("boot.bin", &boot);
    assert_ota_ok(ota_sample_data(&s, "storage", 4096, &ota_crypto_openssl, &data, &err));
    put("storage.bin", &data);
}

static int make_past(void **state) {
    static const char *const names[] = {"app.bin", "boot.bin:@bootloader", "storage.bin", NULL};
    OTA_CLEAN(ota_build_free) struct ota_build b;
    (void)state;
    dir = ota_strdup("/tmp/ota-compare-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    write_files();
    open_files(&b, names, NULL);
    b.release.counter = 7;
    repo_dir = in("repo");
    assert_ota_ok(ota_build_write(&b, repo_dir, NULL, &err));
    last = b.release;
    ota_dir_transport_init(&repo, repo_dir, NULL);
    return 0;
}
static int remove_past(void **state) {
    (void)state;
    int failed = ota_fs_remove_tree(dir, &err) != OTA_OK;
    free(dir);
    free(repo_dir);
    return failed;
}

static enum ota_status compare(struct ota_build *b, unsigned accept) {
    const struct ota_build_past past = {.count = 1, .release = &last, .targets = &repo.port};
    return ota_build_compare(b, &past, accept, &err);
}

/* Is there a remark that holds `says`. */
static bool remarked(const struct ota_build *b, const char *says) {
    for (size_t i = 0; i < b->remark_count; i++)
        if (strstr(b->remark[i], says))
            return true;
    return false;
}

static void assert_remark(const struct ota_build *b, const char *says) {
    if (!remarked(b, says))
        fail_msg("no remark says \"%s\"; the last is \"%s\"", says,
                 b->remark_count ? b->remark[b->remark_count - 1] : "");
}

/* new.bin: a file of the release before, with `n` bytes at `at` changed. */
static void change(const char *name, size_t at, const void *p, size_t n) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN_FREE char *path = in(name);
    assert_ota_ok(ota_fs_read(path, 1 << 20, &bytes, &err));
    memcpy(bytes.p + at, p, n);
    reseal_image(&bytes);
    put("new.bin", &bytes);
}

static const char *const new_app[] = {"new.bin", NULL};
static const char *const new_boot[] = {"new.bin:@bootloader", NULL};

static void assert_refused(struct ota_build *b, enum ota_status wanted, const char *place, const char *remedy) {
    assert_ota(compare(b, 0), wanted);
    if (!strstr(err.msg, place) || !strstr(err.msg, remedy))
        fail_msg("\"%s\" does not say \"%s\" and \"%s\"", err.msg, place, remedy);
}

/* ---- tests ------------------------------------------------------------------------------------------------- */

static void test_build_compare_takes_the_same_again(void **state) {
    static const char *const names[] = {"app.bin", "boot.bin:@bootloader", "storage.bin", NULL};
    OTA_CLEAN(ota_build_free) struct ota_build b;
    (void)state;
    open_files(&b, names, NULL);
    size_t before = b.remark_count;
    assert_ota_ok(compare(&b, 0));
    assert_int_equal(b.remark_count, before);
}

static void test_build_compare_has_nothing_to_say_of_a_first_release(void **state) {
    static const char *const names[] = {"app.bin", "boot.bin:@bootloader", NULL};
    const struct ota_build_past none = {.targets = &repo.port};
    OTA_CLEAN(ota_build_free) struct ota_build b;
    (void)state;
    open_files(&b, names, NULL);
    size_t before = b.remark_count;
    assert_ota_ok(ota_build_compare(&b, &none, 0, &err));
    assert_int_equal(b.remark_count, before);
}

static void test_build_compare_refuses_another_project(void **state) {
    OTA_CLEAN(ota_build_free) struct ota_build b;
    (void)state;
    change("app.bin", PROJECT_AT, "doorbell", 9);
    open_files(&b, new_app, NULL);
    assert_refused(&b, OTA_IMAGE_DESCRIPTOR, "new.bin: project_name (at 0x50) is \"doorbell\", of release 7 \"",
                   "--accept-change project");
    assert_ota(compare(&b, OTA_ACCEPT_BOOT | OTA_ACCEPT_SECURE_VERSION), OTA_IMAGE_DESCRIPTOR);
    assert_ota_ok(compare(&b, OTA_ACCEPT_PROJECT));
}

static void test_build_compare_refuses_a_lower_secure_version(void **state) {
    static const uint8_t one[4] = {1}, three[4] = {3};
    OTA_CLEAN(ota_build_free) struct ota_build b;
    OTA_CLEAN(ota_build_free) struct ota_build up;
    (void)state;
    change("app.bin", SECURE_VERSION_AT, one, 4);
    open_files(&b, new_app, NULL);
    assert_refused(&b, OTA_SECURE_VERSION, "new.bin: secure_version (at 0x24) is 1, release 7 has 2",
                   "--accept-change secure-version");
    assert_ota(compare(&b, OTA_ACCEPT_BOOT | OTA_ACCEPT_PROJECT), OTA_SECURE_VERSION);
    assert_ota_ok(compare(&b, OTA_ACCEPT_SECURE_VERSION));
    change("app.bin", SECURE_VERSION_AT, three, 4);
    open_files(&up, new_app, NULL);
    assert_ota_ok(compare(&up, 0));
}

static void test_build_compare_refuses_other_flash_settings(void **state) {
    static const uint8_t bytes[][2] = {{0, 0x20}, {2, 0x2F}, {2, 0x30}}; /* mode; speed; size: the sample is 2, 0x20 */
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(bytes); i++) {
        OTA_CLEAN(ota_build_free) struct ota_build b;
        change("boot.bin", SPI_MODE_AT, bytes[i], 2);
        open_files(&b, new_boot, NULL);
        assert_refused(&b, OTA_BOOT_CONFIG, "new.bin: flash mode/speed/size codes (at 0x2)", "--accept-change boot");
        assert_ota(compare(&b, OTA_ACCEPT_PROJECT), OTA_BOOT_CONFIG);
        assert_ota_ok(compare(&b, OTA_ACCEPT_BOOT));
    }
}

/* Where no bootloader was released, the app's header is a hint and no more. */
static void test_build_compare_remarks_flash_settings_unlike_the_apps(void **state) {
    static const char *const names[] = {"app.bin", NULL};
    OTA_CLEAN(ota_build_free) struct ota_build b;
    OTA_CLEAN(ota_build_free) struct ota_build only_app;
    (void)state;
    open_files(&only_app, names, NULL);
    only_app.release.counter = 7;
    const struct ota_build_past past = {.count = 1, .release = &only_app.release, .targets = &repo.port};
    change("boot.bin", SPI_MODE_AT, "\x03", 1);
    open_files(&b, new_boot, NULL);
    assert_ota_ok(ota_build_compare(&b, &past, 0, &err));
    assert_remark(&b, "codes are 3/0/2, those of release 7's app 2/0/2");
}

static void test_build_compare_refuses_another_boot_configuration(void **state) {
    static const char *const names[] = {"boot.bin:@bootloader", NULL};
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        static const char *const says[] = {"ROLLBACK_ENABLE", "ANTI_ROLLBACK", "SECURE_FLASH_ENC", "Secure Boot",
                                           "PARTITION_TABLE_OFFSET is 0x8000, of release 7 0x9000"};
        OTA_CLEAN(ota_build_free) struct ota_build b;
        const struct ota_boot_config was = last.boot;
        open_files(&b, names, NULL);
        assert_ota_ok(compare(&b, 0));
        last.boot.rollback ^= i == 0;
        last.boot.anti_rollback ^= i == 1;
        last.boot.flash_encryption ^= i == 2;
        last.boot.secure_boot = (uint8_t)(last.boot.secure_boot + (i == 3));
        last.boot.table_offset += i == 4 ? 0x1000 : 0;
        enum ota_status st = compare(&b, 0),
                        accepted = ota_build_compare(
                            &b, &(struct ota_build_past){.count = 1, .release = &last, .targets = &repo.port},
                            OTA_ACCEPT_BOOT, &(struct ota_err){.code = OTA_OK});
        last.boot = was;
        assert_int_equal(st, OTA_BOOT_CONFIG);
        if (!strstr(err.msg, says[i]) || !strstr(err.msg, "--accept-change boot"))
            fail_msg("%u: %s", i, err.msg);
        assert_int_equal(accepted, OTA_OK);
    }
}

static void test_build_compare_remarks_chips_that_are_left_behind(void **state) {
    static const struct {
        size_t at;
        uint8_t value[2];
        const char *says; /* NULL: nothing is lost */
    } rows[] = {
        {MIN_REV_AT, {101, 0}, "needs chip revision 1.1 or newer, release 7 needs 0.0: boards below 1.1 stay"},
        {MAX_REV_AT, {99, 0}, "for chip revision up to 0.99, release 7 for more: boards above 0.99 stay"},
        {MAX_BLOCK_REV_AT, {99, 0}, "eFuse block revision up to 0.99"},
        {MAX_REV_AT, {0xFF, 0xFF}, NULL},
        {MAX_REV_AT, {0, 0}, NULL},
        {MAX_REV_AT, {0x2B, 1}, NULL},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        OTA_CLEAN(ota_build_free) struct ota_build b;
        change("app.bin", rows[i].at, rows[i].value, 2);
        open_files(&b, new_app, NULL);
        assert_ota_ok(compare(&b, 0));
        if (rows[i].says)
            assert_remark(&b, rows[i].says);
        else if (remarked(&b, "stay where they are"))
            fail_msg("row %zu: %s", i, b.remark[b.remark_count - 1]);
    }
}

static void test_build_compare_remarks_a_lower_version(void **state) {
    static const struct {
        const char *offered, *now, *says;
    } rows[] = {
        {NULL, "1.0.9", "1.0.9 is lower than the 1.1.0 of release 7, the last one pushed"},
        {NULL, "v1.0", "lower than the 1.1.0"},
        {NULL, "1.1.0", NULL},
        {NULL, "1.10.0", NULL},
        {NULL, "nightly", NULL},
        {"2.0", "1.5", "1.5 is lower than the 2.0 of release 3, which stable offers: boards go back"},
        {"1.0", "1.0.1", "the last one pushed"},
    };
    static const char *const names[] = {"app.bin", NULL};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        OTA_CLEAN(ota_build_free) struct ota_build b;
        struct ota_release offered = {.counter = 3};
        struct ota_build_past past = {
            .count = 1, .release = &last, .targets = &repo.port, .offered = rows[i].offered ? &offered : NULL};
        past.channel = "stable";
        (void)ota_format(offered.version, sizeof offered.version, "%s", rows[i].offered ? rows[i].offered : "");
        open_files(&b, names, NULL);
        (void)ota_format(b.release.version, sizeof b.release.version, "%s", rows[i].now);
        assert_ota_ok(ota_build_compare(&b, &past, 0, &err));
        if (rows[i].says)
            assert_remark(&b, rows[i].says);
        else
            assert_false(remarked(&b, "is lower"));
    }
}

static void test_build_compare_remarks_data_of_another_size(void **state) {
    static const char *const names[] = {"storage.bin", NULL};
    OTA_CLEAN(ota_build_free) struct ota_build b;
    OTA_CLEAN(ota_build_free) struct ota_build grown;
    OTA_CLEAN(ota_buf_free) struct ota_buf data = {0};
    OTA_CLEAN_FREE char *table = in("build/partition_table/partition-table.bin");
    OTA_CLEAN_FREE char *path = in("storage.bin");
    struct ota_sample s = sample_of("esp32c3");
    (void)state;
    open_files(&b, names, table);
    assert_ota_ok(compare(&b, 0));
    assert_remark(&b, "storage has 4096 bytes, its partition 262144");
    assert_ota_ok(ota_sample_data(&s, "storage", 8192, &ota_crypto_openssl, &data, &err));
    put("storage.bin", &data);
    open_files(&grown, names, NULL);
    assert_ota_ok(compare(&grown, 0));
    assert_remark(&grown, "storage has 8192 bytes, in release 7 it had 4096");
    assert_int_equal(truncate(path, 4096), 0);
}

/* A repository that somebody tampered with, or pruned, is told from one that is whole. */
static void test_build_compare_believes_signed_digests_only(void **state) {
    static const char *const names[] = {"app.bin", NULL};
    struct ota_release other = last;
    OTA_CLEAN(ota_build_free) struct ota_build b;
    char path[256];
    (void)state;
    open_files(&b, names, NULL);
    const size_t app = other.step_count - 1u;
    assert_int_equal(other.step[app].kind, OTA_KIND_APP);
    const struct ota_build_past past = {.count = 1, .release = &other, .targets = &repo.port};
    other.step[app].length++;
    assert_ota(ota_build_compare(&b, &past, 0, &err), OTA_HASH);
    other.step[app].length -= 2;
    assert_ota(ota_build_compare(&b, &past, 0, &err), OTA_HASH);
    assert_non_null(strstr(err.msg, "the app of release 7: it is not the image that was signed"));
    other = last;
    (void)ota_release_served_path("thermo", 7, other.step[app].file, other.step[app].sha256, path, sizeof path);
    OTA_CLEAN_FREE char *file = ota_sprintf("%s/targets/%s", repo_dir, path);
    OTA_CLEAN_FREE char *away = in("away");
    assert_int_equal(rename(file, away), 0);
    enum ota_status st = ota_build_compare(&b, &past, 0, &err);
    assert_int_equal(rename(away, file), 0);
    assert_int_equal(st, OTA_OK);
    assert_remark(&b, "the app of release 7 is gone");
}

/* A release of data alone in between does not hide the app before it. */
static void test_build_compare_looks_past_releases_of_data(void **state) {
    static const char *const names[] = {"storage.bin", NULL};
    OTA_CLEAN(ota_build_free) struct ota_build data;
    OTA_CLEAN(ota_build_free) struct ota_build b;
    (void)state;
    open_files(&data, names, NULL);
    data.release.counter = 8;
    const struct ota_release listed[] = {last, data.release};
    const struct ota_build_past past = {.count = 2, .release = listed, .targets = &repo.port};
    change("app.bin", PROJECT_AT, "doorbell", 9);
    open_files(&b, new_app, NULL);
    assert_ota(ota_build_compare(&b, &past, 0, &err), OTA_IMAGE_DESCRIPTOR);
}

/* ---- keys -------------------------------------------------------------------------------------------------- */

static struct boot_signer old, new; /* RSA-3072, as the chip wants it */

static int make_keys(void **state) {
    (void)state;
    boot_signer_make(&old, OTA_BOOT_RSA3072);
    boot_signer_make(&new, OTA_BOOT_RSA3072);
    return 0;
}
static int free_keys(void **state) {
    (void)state;
    boot_signer_free(&old);
    boot_signer_free(&new);
    return 0;
}

/* `name` signed by one key or two, as `to`. */
static void put_signed(const char *name, const char *to, struct boot_signer *a, struct boot_signer *b) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN_FREE char *path = in(name);
    assert_ota_ok(ota_fs_read(path, 1 << 20, &bytes, &err));
    boot_sign(a, &bytes, 0);
    if (b)
        boot_sign(b, &bytes, 1);
    put(to, &bytes);
}

static void publish(struct ota_release *out, const char *const *names) {
    OTA_CLEAN(ota_build_free) struct ota_build b;
    open_files(&b, names, NULL);
    b.release.counter = 8;
    assert_ota_ok(ota_build_write(&b, repo_dir, NULL, &err));
    *out = b.release;
}

/* What boards run: the same images, signed. */
static void publish_signed(struct ota_release *out) {
    static const char *const names[] = {"old-app.bin", "old-boot.bin:@bootloader", NULL};
    put_signed("app.bin", "old-app.bin", &old, NULL);
    put_signed("boot.bin", "old-boot.bin", &old, NULL);
    publish(out, names);
}

/* The builds' sdkconfig.json, which has them all as false. */
static void switch_on(const char *option) {
    OTA_CLEAN_FREE char *path = in("build/config/sdkconfig.json");
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0}, edited = {0};
    OTA_CLEAN_FREE char *quoted = ota_sprintf("\"%s\"", option);
    assert_ota_ok(ota_fs_read(path, 1 << 16, &text, &err));
    const char *from = strstr(ota_buf_text(&text), quoted);
    const char *value = from ? strstr(from, "false") : NULL;
    assert_non_null(value);
    ota_buf_printf(&edited, "%.*strue%s", (int)(value - ota_buf_text(&text)), ota_buf_text(&text), value + 5);
    assert_ota_ok(ota_fs_write(path, edited.p, edited.len, 0644, &err));
}

static enum ota_status compare_signed(const struct ota_release *p, const char *const *names, unsigned accept) {
    const struct ota_build_past past = {.count = 1, .release = p, .targets = &repo.port};
    OTA_CLEAN(ota_build_free) struct ota_build b;
    open_files(&b, names, NULL);
    return ota_build_compare(&b, &past, accept, &err);
}

static void keys_refused(const struct ota_release *p, const char *const *names, const char *says) {
    assert_ota(compare_signed(p, names, OTA_ACCEPT_BOOT | OTA_ACCEPT_PROJECT), OTA_SIGNATURE);
    if (!strstr(err.msg, says) || !strstr(err.msg, "--accept-change keys"))
        fail_msg("\"%s\" is not in \"%s\"", says, err.msg);
    assert_ota_ok(compare_signed(p, names, OTA_ACCEPT_KEYS));
}

static void test_build_compare_refuses_keys_that_boards_do_not_know(void **state) {
    static const char *const unsigned_app[] = {"app.bin", NULL}, *const unsigned_boot[] = {"boot.bin:@bootloader",
                                                                                           NULL};
    struct ota_release p;
    (void)state;
    publish_signed(&p);
    keys_refused(&p, unsigned_app, "app.bin: carries no signature, unlike that of release 8's app:");
    keys_refused(&p, unsigned_boot, "boot.bin: carries no signature, unlike that of release 8's bootloader:");
    put_signed("app.bin", "new.bin", &new, NULL);
    keys_refused(&p, new_app, "new.bin: is signed by no key of release 8's app in the first signature:");
    put_signed("boot.bin", "new.bin", &new, NULL);
    keys_refused(&p, new_boot, "new.bin: is signed by no key of release 8's bootloader in the first signature:");
    put_signed("boot.bin", "new.bin", &old, &new);
    assert_ota_ok(compare_signed(&p, new_boot, 0));
}

static void test_build_compare_with_secure_boot_takes_a_key_of_any_block(void **state) {
    struct ota_release p;
    (void)state;
    switch_on("SECURE_BOOT_V2_ENABLED");
    publish_signed(&p);
    put_signed("app.bin", "new.bin", &new, NULL);
    keys_refused(&p, new_app, "new.bin: is signed by no key of release 8's app:");
    put_signed("app.bin", "new.bin", &new, &old);
    assert_ota_ok(compare_signed(&p, new_app, 0));
    put_signed("boot.bin", "new.bin", &new, NULL);
    keys_refused(&p, new_boot, "new.bin: is signed by no key of release 8's bootloader:");
    put_signed("boot.bin", "new.bin", &new, &old);
    assert_ota_ok(compare_signed(&p, new_boot, 0));
}

/* A file by itself does not tell who verifies it: boards that do so on update read its first block. */
static void test_build_compare_of_a_bare_file_reads_the_first_block(void **state) {
    OTA_CLEAN_FREE char *path = in("new.bin");
    const char *const operand[] = {path};
    struct ota_release p;
    (void)state;
    publish_signed(&p);
    const struct ota_build_past past = {.count = 1, .release = &p, .targets = &repo.port};
    struct ota_boot_policy policy = {.count = 1};
    memcpy(policy.key[0].public.digest.byte, old.digest, sizeof old.digest);
    policy.key[0].public.digest.len = sizeof old.digest;
    put_signed("app.bin", "new.bin", &new, &old);
    for (unsigned i = 0; i < 2; i++) {
        OTA_CLEAN(ota_build_free) struct ota_build b;
        struct ota_build_options o = options();
        o.policy = i ? &policy : NULL;
        assert_ota_ok(ota_build_open_files(&b, &o, operand, 1, &err));
        assert_ota(ota_build_compare(&b, &past, 0, &err), i ? OTA_OK : OTA_SIGNATURE);
        if (!i && (!strstr(err.msg, "but not first") || !strstr(err.msg, "tell ota.conf: secure_boot")))
            fail_msg("%s", err.msg);
        assert_ota_ok(ota_build_compare(&b, &past, OTA_ACCEPT_KEYS, &err));
    }
}

/* A factory app that comes alone is verified by the same bootloader. */
static void test_build_compare_holds_a_factory_app_to_the_app(void **state) {
    struct ota_release p;
    (void)state;
    publish_signed(&p);
    const struct ota_build_past past = {.count = 1, .release = &p, .targets = &repo.port};
    for (unsigned i = 0; i < 2; i++) {
        OTA_CLEAN(ota_build_free) struct ota_build b;
        put_signed("app.bin", "new.bin", i ? &old : &new, NULL);
        open_files(&b, new_app, NULL);
        b.release.step[0].kind = OTA_KIND_FACTORY;
        assert_ota(ota_build_compare(&b, &past, 0, &err), i ? OTA_OK : OTA_SIGNATURE);
        assert_ota_ok(ota_build_compare(&b, &past, OTA_ACCEPT_KEYS, &err));
    }
}

/* Where no bootloader was released the app tells what boards trust, if the bootloader is signed at all. */
static void test_build_compare_holds_a_first_bootloader_to_the_app(void **state) {
    static const char *const names[] = {"old-app.bin", NULL}, *const unsigned_boot[] = {"boot.bin:@bootloader", NULL};
    struct ota_release p;
    (void)state;
    publish_signed(&p);
    publish(&p, names);
    put_signed("boot.bin", "new.bin", &new, NULL);
    keys_refused(&p, new_boot, "new.bin: is signed by no key of release 8's app in the first signature:");
    assert_ota_ok(compare_signed(&p, unsigned_boot, 0));
}

static void test_build_compare_refuses_images_that_share_no_key(void **state) {
    static const char *const names[] = {"new.bin", "old-boot.bin:@bootloader", NULL};
    static const char *const half[] = {"app.bin", "old-boot.bin:@bootloader", NULL};
    struct ota_release p;
    (void)state;
    publish_signed(&p);
    put_signed("app.bin", "new.bin", &new, NULL);
    p = last; /* unsigned, so that nothing but the two is compared */
    /* Without Secure Boot no chip looks at what a bootloader is signed with. */
    assert_ota_ok(compare_signed(&p, names, 0));
    assert_ota_ok(compare_signed(&p, half, 0));
    switch_on("SECURE_BOOT_V2_ENABLED");
    p.boot.secure_boot = 2;
    keys_refused(&p, names, "new.bin: no Secure Boot key that signed ");
    put_signed("app.bin", "new.bin", &new, &old);
    assert_ota_ok(compare_signed(&p, names, 0));
}

/* Without Secure Boot the key of the first block must stay. */
static void test_build_compare_of_apps_verified_on_update_reads_the_first_block(void **state) {
    struct ota_release p;
    (void)state;
    publish_signed(&p);
    switch_on("SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT");
    put_signed("app.bin", "new.bin", &new, &old);
    keys_refused(&p, new_app, "new.bin: a key of release 8's app signed it, but not first");
    put_signed("app.bin", "new.bin", &old, &new);
    assert_ota_ok(compare_signed(&p, new_app, 0));
}

static void test_build_compare_words(void **state) {
    unsigned accept = 0;
    (void)state;
    assert_ota_ok(ota_build_accept("project", &accept, &err));
    assert_ota_ok(ota_build_accept("boot", &accept, &err));
    assert_int_equal(accept, OTA_ACCEPT_PROJECT | OTA_ACCEPT_BOOT);
    assert_ota_ok(ota_build_accept("secure-version", &accept, &err));
    assert_int_equal(accept, OTA_ACCEPT_PROJECT | OTA_ACCEPT_BOOT | OTA_ACCEPT_SECURE_VERSION);
    assert_ota_ok(ota_build_accept("keys", &accept, &err));
    assert_true(accept & OTA_ACCEPT_KEYS);
    assert_ota(ota_build_accept("all", &accept, &err), OTA_USAGE);
    assert_non_null(strstr(err.msg, "project, secure-version, boot, keys"));
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_past, remove_past)
    const struct CMUnitTest tests[] = {
        TEST(test_build_compare_takes_the_same_again),
        TEST(test_build_compare_has_nothing_to_say_of_a_first_release),
        TEST(test_build_compare_refuses_another_project),
        TEST(test_build_compare_refuses_a_lower_secure_version),
        TEST(test_build_compare_refuses_other_flash_settings),
        TEST(test_build_compare_remarks_flash_settings_unlike_the_apps),
        TEST(test_build_compare_refuses_another_boot_configuration),
        TEST(test_build_compare_remarks_chips_that_are_left_behind),
        TEST(test_build_compare_remarks_a_lower_version),
        TEST(test_build_compare_remarks_data_of_another_size),
        TEST(test_build_compare_believes_signed_digests_only),
        TEST(test_build_compare_looks_past_releases_of_data),
        TEST(test_build_compare_refuses_keys_that_boards_do_not_know),
        TEST(test_build_compare_with_secure_boot_takes_a_key_of_any_block),
        TEST(test_build_compare_of_a_bare_file_reads_the_first_block),
        TEST(test_build_compare_holds_a_factory_app_to_the_app),
        TEST(test_build_compare_holds_a_first_bootloader_to_the_app),
        TEST(test_build_compare_refuses_images_that_share_no_key),
        TEST(test_build_compare_of_apps_verified_on_update_reads_the_first_block),
        TEST(test_build_compare_words),
    };
    return cmocka_run_group_tests_name("build_compare", tests, make_keys, free_keys);
}
