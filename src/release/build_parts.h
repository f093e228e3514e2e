/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder tell each other while a release is being built: candidates, and what is known about the
 * build they come from. Private to src/release.
 */
#ifndef OTA_RELEASE_BUILD_PARTS_H
#define OTA_RELEASE_BUILD_PARTS_H

#include "host/boot_rules.h"
#include "host/fs.h"
#include "release/build.h"

#define OTA_CANDIDATES_MAX 64u

/* A file that could go in. Owns its strings. */
struct ota_candidate {
    char *path;
    char *shown; /* as messages name it */
    enum ota_kind kind;
    char label[OTA_LABEL_MAX + 1];
    bool chosen;
    char *never; /* why it may never be part of a release; NULL: it may */
};

/* Everything one source of candidates found out. */
struct ota_candidates {
    size_t count;
    struct ota_candidate item[OTA_CANDIDATES_MAX];
    bool table_offset_known;
    uint32_t table_offset;
    uint32_t flash_size; /* bytes; 0: not known */
    bool boot_known;     /* an sdkconfig.json was read */
    struct ota_boot_config boot;
    struct ota_signing_config signing;
};
void ota_candidates_free(struct ota_candidates *c);
/* TOO_LARGE when the list is full, ARGUMENT when the label is taken. path and shown are copied. */
OTA_MUST_USE enum ota_status ota_candidates_add(struct ota_candidates *c, const char *path, const char *shown,
                                                enum ota_kind kind, const char *label, struct ota_candidate **out,
                                                struct ota_err *err);
struct ota_candidate *ota_candidates_by_label(struct ota_candidates *c, const char *label);

/* build_sdkconfig.c: boot configuration, table offset and signatures of an sdkconfig.json. CONFIG, JSON_*. */
OTA_MUST_USE enum ota_status ota_build_read_sdkconfig(struct ota_candidates *c, const struct ota_chip *chip,
                                                      const char *path, struct ota_err *err);

/* build_folder.c: candidates of an idf.py build folder; reads its table into *b. Nothing is chosen but the app.
 * o->chip is a known chip. */
OTA_MUST_USE enum ota_status ota_build_scan_folder(struct ota_build *b, const struct ota_build_options *o,
                                                   const char *folder, struct ota_candidates *c, struct ota_err *err);
/* build_choose.c: --with. Lists what stays out in *b. */
OTA_MUST_USE enum ota_status ota_build_choose(struct ota_build *b, const struct ota_build_options *o,
                                              struct ota_candidates *c, struct ota_err *err);
/* build_files.c: candidates named by operands or lying in a drop-in folder; all chosen. */
OTA_MUST_USE enum ota_status ota_build_scan_operands(const char *const *operands, size_t count,
                                                     struct ota_candidates *c, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_build_scan_dropins(const char *folder, struct ota_candidates *c, struct ota_err *err);

/* build_table.c: reads the table of `path` into *b and checks it. */
OTA_MUST_USE enum ota_status ota_build_load_table(struct ota_build *b, const struct ota_candidates *c, const char *path,
                                                  struct ota_err *err);
/* build_check.c. One chosen candidate: every check its kind has, then its length and digest into *step (label, kind).
 * App and bootloader also raise chip_rev_min and set secure_version and, in *version (OTA_VERSION_MAX + 1 bytes), the
 * app's version. */
OTA_MUST_USE enum ota_status ota_build_check(struct ota_build *b, const struct ota_build_options *o,
                                             const struct ota_candidates *c, const struct ota_candidate *file,
                                             struct ota_step *step, char *version, struct ota_err *err);

/* build_version.c: the user's word, the app's own (app: "" none), or for a release without an app what names its
 * content. ARGUMENT. */
OTA_MUST_USE enum ota_status ota_build_set_version(struct ota_build *b, const struct ota_build_options *o,
                                                   const char *app, struct ota_err *err);
/* build_signature.c: host/boot_rules.h with what ota.conf (o->policy) and the configuration of the build say. The
 * rules borrow from both. */
struct ota_boot_rules ota_build_signature_rules(const struct ota_build_options *o, const struct ota_candidates *c);
/* `length` is the image's. SIGNATURE with the remedy. */
OTA_MUST_USE enum ota_status ota_build_check_signature(struct ota_build *b, const struct ota_build_options *o,
                                                       const struct ota_candidates *c, const struct ota_candidate *file,
                                                       const struct ota_source *s, uint64_t length,
                                                       struct ota_err *err);
OTA_MUST_USE enum ota_status ota_build_check_data_signature(struct ota_build *b, const struct ota_build_options *o,
                                                            const struct ota_candidates *c,
                                                            const struct ota_candidate *file,
                                                            const struct ota_source *s, struct ota_err *err);
/* notes NULL: product and version. ARGUMENT. */
OTA_MUST_USE enum ota_status ota_build_set_notes(struct ota_build *b, const char *notes, struct ota_err *err);

/* build_write.c: the bytes of step `index` into *out, if they still are the ones that were checked. HASH. */
OTA_MUST_USE enum ota_status ota_build_read_step(const struct ota_build *b, size_t index,
                                                 const struct ota_build_progress *progress, struct ota_buf *out,
                                                 struct ota_err *err);

#endif
