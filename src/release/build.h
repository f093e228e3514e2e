/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds and checks a release; push, the inbox and the signer share it.
 *
 *   1. open      ota_build_open_folder() | ota_build_open_files() | ota_build_open_dropins()
 *                reads the files, chooses what goes in, makes every check a board makes
 *   2. compress  ota_build_compress() adds zlib forms of what that makes smaller; may be left out
 *   3. base      ota_build_set_base() fits a release without an app to the one it goes over
 *   4. number    the caller sets build.release.counter, under state/lock
 *   5. write     ota_build_write() fills an incoming folder; the product role that lists the release is src/sign's
 *
 *   <incoming>/targets/img/<product>/<counter>/<sha256>.<file>      and of its zlib form, <sha256>.<file>.z
 *   <incoming>/request                                              ota_build_write_request()
 *
 * Nothing is signed and nothing outside the folder named is written here.
 */
#ifndef OTA_RELEASE_BUILD_H
#define OTA_RELEASE_BUILD_H

#include "host/boot_policy.h"
#include "host/buf.h"
#include "ota/image.h"
#include "ota/release.h"
#include "ota/table.h"

#define OTA_BUILD_LEFT_MAX 64u /* files left out that are listed */
#define OTA_BUILD_REMARKS_MAX 16u

/* Told of bytes read (hashing) or copied. `what` is the file; done == total ends it. */
struct ota_build_progress {
    void *ctx;
    void (*bytes)(void *ctx, const char *what, uint64_t done, uint64_t total);
};

/* Strings are borrowed for the call. NULL-terminated lists may be NULL. */
struct ota_build_options {
    const char *product;         /* valid name */
    const char *chip;            /* of the product: "esp32c3" */
    const char *const *channels; /* that the release may be offered on; at least one */
    const char *version;         /* NULL: the app's own, or without an app "<label>-<8 hex of its digest>" */
    const char *const *with; /* labels besides the app, "@bootloader", "@partition-table", "factory", "all" of them but
                              * the factory app (build folder only) */
    const char *
        table; /* partition table that files are checked against; NULL: none is known. One among the files counts before it */
    const char *sdkconfig; /* NULL: config/sdkconfig.json of the build folder, if there */
    const char *notes;     /* NULL: "<product> <version>\n"; at most OTA_NOTES_MAX bytes of UTF-8 */
    bool compatible, accept_risk;
    uint32_t from_min;                    /* 0: any */
    const struct ota_boot_policy *policy; /* signatures its boards require; NULL: none */
    struct ota_build_progress progress;
};

/* A file that does not go in, and why; `remedy` is what to type to have it in, or "". */
struct ota_build_left {
    char *file; /* as named by the build, e.g. "storage.bin" */
    char *label;
    char *reason;
    char *remedy;
};

struct ota_build {
    struct ota_release release;           /* counter 0 until the caller sets it; steps in order, notes digest set */
    char *path[OTA_STEPS_MAX];            /* the file that holds release.step[i] */
    struct ota_buf packed[OTA_STEPS_MAX]; /* its zlib form; empty: none */
    struct ota_buf notes;
    struct {
        bool version, notes, from_min;
    } given; /* by the options, so that ota_build_set_base() leaves it alone */
    bool table_known;
    struct ota_buf table_bytes; /* as they were read */
    struct ota_table table;     /* meaningful when table_known: sizes and labels were checked against it */
    unsigned signature_blocks;  /* how many, from the first on, are sure to count; 0: no image was checked */
    bool secure_boot;           /* boards verify bootloaders, too */
    size_t left_count;
    struct ota_build_left left[OTA_BUILD_LEFT_MAX];
    size_t remark_count;
    char *remark[OTA_BUILD_REMARKS_MAX]; /* sentences worth printing: what could not be checked */
};
void ota_build_free(struct ota_build *b);

/* An idf.py build folder: flasher_args.json, project_description.json, config/sdkconfig.json. The app alone, unless
 * options.with asks for more. *b is zeroed first; free it also after an error (left and remarks explain). Errors:
 * NOT_FOUND, JSON_*, and what a board would say (CHIP, SLOT_SIZE, LABEL, COMPAT, RISK, ...). */
OTA_MUST_USE enum ota_status ota_build_open_folder(struct ota_build *b, const struct ota_build_options *o,
                                                   const char *folder, struct ota_err *err);
/* Operands FILE[:LABEL]: kind from the bytes, label from the file name where it is not given. All of them go in. */
OTA_MUST_USE enum ota_status ota_build_open_files(struct ota_build *b, const struct ota_build_options *o,
                                                  const char *const *operands, size_t count, struct ota_err *err);
/* A drop-in folder: every regular file in it that does not begin with '.'. An app, or with options.table data without
 * an app; anything else is refused with the push command. */
OTA_MUST_USE enum ota_status ota_build_open_dropins(struct ota_build *b, const struct ota_build_options *o,
                                                    const char *folder, struct ota_err *err);

/* A zlib form of every image that it makes a tenth and 4 KiB smaller, in memory and signed with the release. The same
 * bytes for the same image. HASH when a file changed since it was checked. */
OTA_MUST_USE enum ota_status ota_build_compress(struct ota_build *b, const struct ota_build_progress *progress,
                                                struct ota_err *err);

/* `base`: what the channel of this release offers now, NULL for nothing. A release without an app gets `from_min`,
 * and the version "<that of base>+<label>-<8 hex>", so that the app's version stays visible. With an app nothing
 * changes. May be called again with another base. */
OTA_MUST_USE enum ota_status ota_build_set_base(struct ota_build *b, const struct ota_release *base, uint32_t from_min,
                                                struct ota_err *err);
/* Adds a sentence to b->remark, once (cut off silently when there are too many). */
void ota_build_remark(struct ota_build *b, const char *fmt, ...) OTA_PRINTF(2, 3);
bool ota_build_has_app(const struct ota_release *r);

/* state/tables/<product>.bin: the partition table of the newest build pushed. Releases of single files and of the
 * inbox are checked against it. Remembering it keeps it as below, too. */
char *ota_build_known_table(const struct ota_workspace *w,
                            const char *product); /* its path if it is there, else NULL */
/* state/tables/<sha256>.bin: the same table under the digest that boards report, for otactl fleet fits. All are kept. */
OTA_MUST_USE enum ota_status ota_build_keep_table(const struct ota_workspace *w, const uint8_t table[OTA_TABLE_LENGTH],
                                                  struct ota_err *err);
OTA_MUST_USE enum ota_status ota_build_remember_table(const struct ota_build *b, const struct ota_workspace *w,
                                                      struct ota_err *err);

/* Copies the images, their zlib forms and the notes below `incoming`. HASH when a file changed since it was checked. */
OTA_MUST_USE enum ota_status ota_build_write(const struct ota_build *b, const char *incoming,
                                             const struct ota_build_progress *progress, struct ota_err *err);

/* <incoming>/request (src/store/repo.h). channel NULL: offered to nobody. `by` is a user name for the audit log. */
struct ota_build_request {
    const char *channel;
    uint16_t permille;
    const char *groups; /* comma-separated; "*" */
    const char *by;
};
OTA_MUST_USE enum ota_status ota_build_write_request(const struct ota_build *b, const char *incoming,
                                                     const struct ota_build_request *request, struct ota_err *err);

#endif
