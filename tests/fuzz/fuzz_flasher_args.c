/* SPDX-License-Identifier: Apache-2.0 */
/* A build folder whose flasher_args.json is the input: whatever it says, no file from outside of the folder goes into
 * a release or a factory image, none to a partition that a release may not write, and none over another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/crypto.h"
#include "host/fs.h"
#include "image/factory_images.h"
#include "image/sample_folder.h"
#include "release/build.h"

#define FLASH_MAX (8u << 20)

static char folder[] = "/tmp/ota-fuzz-build-XXXXXX";

static void remove_folder(void) {
    struct ota_err err;
    (void)!ota_fs_remove_tree(folder, &err);
}

/* One build for all inputs; a file that is not part of it lies beside. */
static char *build_folder(void) {
    static char *build;
    struct ota_err err;
    if (build)
        return build;
    const struct ota_sample s = {.chip = ota_chip_by_name(ota_span_str("esp32c3")),
                                 .project = "thermo",
                                 .version = "1.0.0",
                                 .add_label = "voices",
                                 .app_size = OTA_SAMPLE_APP_SIZE_MIN};
    OTA_CLEAN_FREE char *outside = NULL;
    fuzz_promise(mkdtemp(folder) != NULL);
    (void)atexit(remove_folder);
    build = ota_sprintf("%s/build", folder);
    outside = ota_sprintf("%s/secret.bin", folder);
    fuzz_promise(ota_fs_write(outside, "secret", 6, 0600, &err) == OTA_OK);
    fuzz_promise(ota_sample_folder(&s, build, &ota_crypto_openssl, &err) == OTA_OK);
    return build;
}

static bool is_inside(const char *path, const char *build) {
    const size_t n = strlen(build);
    return strncmp(path, build, n) == 0 && path[n] == '/' && !strstr(path + n, "/../");
}

static void check_steps(const struct ota_build *b, const char *build) {
    for (size_t i = 0; i < b->release.step_count; i++) {
        const struct ota_step *s = &b->release.step[i];
        fuzz_promise(is_inside(b->path[i], build));
        fuzz_promise(ota_label_valid(ota_span_str(s->label)) && s->length > 0);
        if (s->kind == OTA_KIND_DATA) {
            struct ota_err err;
            const struct ota_partition *row = ota_table_by_label(&b->table, s->label);
            fuzz_promise(row && ota_table_updatable(row, &err) == OTA_OK && s->length <= row->size);
        }
    }
}

/* Every file stands in the flash as it is, which nothing that came later has changed; the bootloader's header and its
 * hash may be others. */
static void check_flash(const struct ota_factory_build *b, const struct ota_factory_flash *f) {
    for (size_t i = 0; i < b->part_count; i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
        struct ota_err err;
        const struct ota_factory_part *part = &b->part[i];
        const struct ota_span stands = ota_factory_flash_at(f, b, part->offset);
        fuzz_promise(ota_fs_read(part->path, f->bytes.len, &file, &err) == OTA_OK && stands.len == file.len);
        fuzz_promise(part->offset % OTA_SECTOR == 0 && stands.len <= f->bytes.len - part->offset);
        if (part->offset != b->chip->bootloader_offset || !f->header_set)
            fuzz_promise(ota_span_equal(stands, ota_buf_span(&file)));
    }
}

static void make_factory_image(const char *folder_of_build) {
    OTA_CLEAN(ota_factory_build_free) struct ota_factory_build b;
    OTA_CLEAN(ota_factory_flash_free) struct ota_factory_flash f = {0};
    struct ota_factory_images found;
    struct ota_err err = {.code = OTA_OK};
    enum ota_status st = ota_factory_build_open(&b, folder_of_build, NULL, &err);
    for (size_t i = 0; i < b.part_count; i++)
        fuzz_promise(is_inside(b.part[i].path, folder_of_build));
    if (st == OTA_OK && b.flash_size > FLASH_MAX) /* a large one is only slow */
        return;
    if (st == OTA_OK)
        st = ota_factory_flash_fill(&f, &b, false, &err);
    if (st == OTA_OK) {
        check_flash(&b, &f);
        st = ota_factory_images_check(&f, &b, NULL, &found, &err);
    }
    if (st != OTA_OK)
        fuzz_promise(err.msg[0] != '\0');
}

/* Without the pains ota_fs_write() takes for a power cut. */
static void put(const char *path, const uint8_t *data, size_t size) {
    FILE *f = fopen(path, "wb");
    fuzz_promise(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const channels[] = {"stable", NULL}, *const all[] = {"all", NULL};
    OTA_CLEAN(ota_build_free) struct ota_build b;
    struct ota_err err = {.code = OTA_OK};
    const char *build = build_folder();
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/flasher_args.json", build);
    const struct ota_build_options o = {.product = "thermo",
                                        .chip = "esp32c3",
                                        .channels = channels,
                                        .with = all,
                                        .compatible = true,
                                        .accept_risk = true};
    put(path, data, size);
    if (ota_build_open_folder(&b, &o, build, &err) == OTA_OK)
        check_steps(&b, build);
    else
        fuzz_promise(err.msg[0] != '\0');
    make_factory_image(build);
    return 0;
}
