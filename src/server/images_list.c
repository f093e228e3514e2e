/* SPDX-License-Identifier: Apache-2.0 */
/* Lists images for somebody who has no workspace yet. */
#include "server/images_list.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "ota/image.h"
#include "ota/release.h"
#include "ota/table.h"

/* What the command to type is made of. */
struct found {
    size_t images;
    bool app; /* the first app decides chip and product: the folder it lies in, else its project */
    const char *folder;
    char product[OTA_NAME_MAX + 1];
    const struct ota_chip *chip;
};

/* Text out of an image may hold anything: only printable ASCII goes to the terminal. */
static const char *plain(const char *text, char *out, size_t cap) {
    size_t n = 0;
    for (; *text && n + 1 < cap; text++)
        out[n++] = *text > 0x20 && *text < 0x7F ? *text : '?';
    out[n] = '\0';
    return n ? out : "-";
}

static void name_from(const char *project, char out[OTA_NAME_MAX + 1]) {
    size_t n = 0;
    for (; *project && n < OTA_NAME_MAX; project++) {
        unsigned char c = (unsigned char)*project;
        if (isalnum(c))
            out[n++] = (char)tolower(c);
        else if (n && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n && out[n - 1] == '-')
        n--;
    out[n] = '\0';
}

static void row(const char *name, const char *kind, const char *chip, const char *what, const char *version) {
    printf("  %-28s %-16s %-9s %-20s %s\n", name, kind, chip, what, version);
}

/* What inspect would say of it, in short. The file may be flagged and still tell what product it is. */
static void flag(const char *why) {
    printf("  %-28s no board takes it: %s\n", "", why);
}

static bool sound(const struct ota_image *i, uint64_t size, struct ota_err *err) {
    const struct ota_image_rules rules = {.chip = ota_chip_by_id(i->chip_id), .room = OTA_IMAGE_LENGTH_MAX};
    if (!rules.chip)
        return ota_err_set(err, OTA_CHIP, "chip id 0x%04x is not known", i->chip_id) == OTA_OK;
    return (i->kind == OTA_IMAGE_BOOTLOADER ? ota_image_check_bootloader(i, size, &rules, err)
                                            : ota_image_check_app(i, size, &rules, err)) == OTA_OK;
}

static void print_image(const char *name, const struct ota_image *i, uint64_t size, struct found *found) {
    struct ota_err err;
    char project[40], version[40];
    const struct ota_chip *chip = ota_chip_by_id(i->chip_id);
    static const char *const kinds[] = {
        [OTA_IMAGE_UNKNOWN] = "image", [OTA_IMAGE_APP] = "app", [OTA_IMAGE_BOOTLOADER] = "bootloader"};
    bool app = i->kind == OTA_IMAGE_APP;
    if (!found->chip)
        found->chip = chip;
    if (app && !found->app) {
        found->app = true;
        found->chip = chip;
        name_from(found->folder ? found->folder : i->app.project, found->product);
    }
    row(name, kinds[i->kind], chip ? chip->name : "unknown", app ? plain(i->app.project, project, sizeof project) : "-",
        plain(app ? i->app.version : i->boot.idf, version, sizeof version));
    if (!sound(i, size, &err))
        flag(err.msg);
}

static bool print_table(const char *name, const char *path) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN_FREE struct ota_table *table = ota_calloc(1, sizeof *table);
    struct ota_err err;
    char rows[32];
    if (ota_fs_read(path, OTA_SECTOR, &bytes, &err) != OTA_OK || bytes.len < 2 || bytes.p[0] != 0xAA ||
        bytes.p[1] != 0x50)
        return false;
    if (ota_table_read(ota_buf_span(&bytes), &ota_crypto_openssl, table, &err) != OTA_OK) {
        row(name, "partition-table", "-", "-", "-");
        flag(err.msg);
        return true;
    }
    (void)ota_format(rows, sizeof rows, "%zu partitions", table->count);
    row(name, "partition-table", "-", rows, "-");
    if (ota_table_check(table, 0, 0, &err) != OTA_OK)
        flag(err.msg);
    return true;
}

static bool ends_in_bin(const char *name) {
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".bin") == 0;
}

static void print_broken(const char *name, const struct ota_err *why) {
    row(name, "image", "-", "-", "-");
    flag(why->msg);
}

static void print_file(const char *name, const char *path, struct found *found) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source f = {.fd = -1};
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    struct ota_err err;
    uint8_t first = 0;
    if (ota_file_source_open(&f, path, OTA_IMAGE_LENGTH_MAX, &err) != OTA_OK ||
        (f.source.size && f.source.read(f.source.ctx, 0, &first, 1, &err) != OTA_OK)) {
        row(name, "-", "-", err.msg, "");
        return;
    }
    bool known = true;
    if (first == OTA_IMAGE_MAGIC_BYTE && ota_image_read(&f.source, &ota_crypto_openssl, image, &err) == OTA_OK)
        print_image(name, image, f.source.size, found);
    else if (first == OTA_IMAGE_MAGIC_BYTE)
        print_broken(name, &err);
    else if (!print_table(name, path) && (known = ends_in_bin(name)))
        row(name, "data", "-", "-", "-");
    found->images += known;
}

static enum ota_status list_folder(const char *dir, const char *prefix, struct found *found, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(ota_fs_list(dir, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, names.name[i]);
        OTA_CLEAN_FREE char *shown = ota_sprintf("%s%s", prefix, names.name[i]);
        OTA_CLEAN_FREE char *below = ota_sprintf("%s/", shown);
        if (names.name[i][0] == '.')
            continue;
        if (ota_fs_is_file(path)) {
            print_file(shown, path, found);
        } else if (ota_fs_is_dir(path) && !prefix[0]) {
            found->folder = names.name[i];
            OTA_TRY(list_folder(path, below, found, err));
            found->folder = NULL;
        }
    }
    return OTA_OK;
}

/* A folder named images is one of the workspace to be: the workspace goes around it. */
static char *workspace_for(const char *dir) {
    OTA_CLEAN_FREE char *whole = realpath(dir, NULL);
    char *slash = whole ? strrchr(whole, '/') : NULL;
    if (!slash || slash == whole || strcmp(slash + 1, "images") != 0)
        return ota_strdup("ota");
    *slash = '\0';
    return OTA_STEAL(whole);
}

enum ota_status ota_images_list(const char *dir, struct ota_err *err) {
    struct found found = {0};
    if (ota_fs_is_dir(dir))
        printf("%s:\n", dir);
    OTA_TRY(list_folder(dir, "", &found, err));
    if (!found.images)
        printf("  no image\n");
    (void)fflush(stdout);
    OTA_CLEAN_FREE char *workspace = workspace_for(dir);
    OTA_CLEAN_FREE char *whole = realpath(dir, NULL);
    const struct ota_span product = ota_span_str(found.product);
    bool named = ota_name_valid(product) && !ota_name_reserved(product);
    /* What is not known is left for the reader to fill in: an invented name would stay. */
    return ota_err_set(err, OTA_WORKSPACE,
                       "no workspace yet, so nothing is served; type: otactl init %s --product %s --chip %s  and then: "
                       "otaserve -C %s --images %s",
                       workspace, named ? found.product : "NAME", found.chip ? found.chip->name : "CHIP", workspace,
                       whole ? whole : dir);
}
