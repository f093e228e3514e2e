/* SPDX-License-Identifier: Apache-2.0 */
/* From chosen files to a release: steps in their order, names, version, notes, and what holds for the release as a
 * whole. */
#include "release/build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/crypto.h"
#include "release/build_parts.h"

/* ---- candidates ---------------------------------------------------------------------------------------- */

void ota_candidates_free(struct ota_candidates *c) {
    for (size_t i = 0; i < c->count; i++) {
        free(c->item[i].path);
        free(c->item[i].shown);
        free(c->item[i].never);
    }
    memset(c, 0, sizeof *c);
}

enum ota_status ota_candidates_add(struct ota_candidates *c, const char *path, const char *shown, enum ota_kind kind,
                                   const char *label, struct ota_candidate **out, struct ota_err *err) {
    const struct ota_candidate *other = ota_candidates_by_label(c, label);
    if (other)
        return ota_err_set(err, OTA_ARGUMENT, "%s and %s both go to %s; a release holds one image per partition",
                           other->shown, shown, label);
    if (c->count == OTA_CANDIDATES_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "more than %u files", OTA_CANDIDATES_MAX);
    struct ota_candidate *added = &c->item[c->count++];
    *added = (struct ota_candidate){.path = ota_strdup(path), .shown = ota_strdup(shown), .kind = kind};
    (void)ota_span_copy(ota_span_str(label), added->label, sizeof added->label);
    *out = added;
    return OTA_OK;
}

struct ota_candidate *ota_candidates_by_label(struct ota_candidates *c, const char *label) {
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->item[i].label, label) == 0)
            return &c->item[i];
    return NULL;
}

/* ---- build --------------------------------------------------------------------------------------------- */

void ota_build_free(struct ota_build *b) {
    for (size_t i = 0; i < OTA_STEPS_MAX; i++) {
        free(b->path[i]);
        ota_buf_free(&b->packed[i]);
    }
    for (size_t i = 0; i < b->left_count; i++) {
        free(b->left[i].file);
        free(b->left[i].label);
        free(b->left[i].reason);
        free(b->left[i].remedy);
    }
    for (size_t i = 0; i < b->remark_count; i++)
        free(b->remark[i]);
    ota_buf_free(&b->notes);
    ota_buf_free(&b->table_bytes);
    memset(b, 0, sizeof *b);
}

void ota_build_remark(struct ota_build *b, const char *fmt, ...) {
    char text[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (size_t i = 0; i < b->remark_count; i++)
        if (strcmp(b->remark[i], text) == 0)
            return;
    if (b->remark_count < OTA_BUILD_REMARKS_MAX)
        b->remark[b->remark_count++] = ota_strdup(text);
}

static bool name_taken(const struct ota_release *r, size_t upto, const char *name) {
    for (size_t i = 0; i < upto; i++)
        if (strcmp(r->step[i].file, name) == 0)
            return true;
    return strcmp(name, "release.txt") == 0;
}

/* "storage" -> "storage.bin"; a label that is no file name, or "app", gets one that is. */
static void name_step(struct ota_release *r, size_t index) {
    static const char *const fixed[] = {[OTA_KIND_APP] = "app",
                                        [OTA_KIND_BOOTLOADER] = "bootloader",
                                        [OTA_KIND_TABLE] = "partition-table",
                                        [OTA_KIND_FACTORY] = "factory"};
    struct ota_step *s = &r->step[index];
    char stem[OTA_LABEL_MAX + 1];
    (void)ota_format(stem, sizeof stem, "%s", s->kind == OTA_KIND_DATA ? s->label : fixed[s->kind]);
    bool reserved = false;
    for (size_t i = 0; s->kind == OTA_KIND_DATA && i < OTA_ARRAY_LEN(fixed); i++)
        reserved |= fixed[i] && strcmp(stem, fixed[i]) == 0;
    for (char *p = stem; *p; p++)
        if (!ota_file_valid((struct ota_span){(const uint8_t *)p, 1}) && (p == stem || !strchr("_-", *p)))
            *p = p == stem ? 'x' : '-';
    (void)ota_format(s->file, sizeof s->file, "%s%s.bin", stem, reserved ? "-data" : "");
    for (unsigned n = 2; name_taken(r, index, s->file); n++)
        (void)ota_format(s->file, sizeof s->file, "%s-%u.bin", stem, n);
}

/* Where a new step belongs: tables first, then data by label, bootloader, factory app, app. */
static size_t place_of(const struct ota_release *r, const struct ota_candidate *file) {
    size_t i = 0;
    while (i < r->step_count && (ota_kind_order(r->step[i].kind) < ota_kind_order(file->kind) ||
                                 (r->step[i].kind == file->kind && strcmp(r->step[i].label, file->label) < 0)))
        i++;
    return i;
}

static enum ota_status add_steps(struct ota_build *b, const struct ota_build_options *o, const struct ota_candidates *c,
                                 char *version, struct ota_err *err) {
    struct ota_release *r = &b->release;
    for (size_t i = 0; i < c->count; i++) {
        const struct ota_candidate *file = &c->item[i];
        struct ota_step step = {0};
        if (!file->chosen)
            continue;
        if (r->step_count == OTA_STEPS_MAX)
            return ota_err_set(err, OTA_TOO_LARGE, "a release holds at most %u images; push two releases",
                               OTA_STEPS_MAX);
        OTA_TRY(ota_build_check(b, o, c, file, &step, version, err));
        size_t at = place_of(r, file), after = r->step_count - at;
        memmove(&r->step[at + 1], &r->step[at], after * sizeof r->step[0]);
        memmove(&b->path[at + 1], &b->path[at], after * sizeof b->path[0]);
        r->step[at] = step;
        b->path[at] = ota_strdup(file->path);
        r->step_count++;
    }
    for (size_t i = 0; i < r->step_count; i++)
        name_step(r, i);
    return OTA_OK;
}

static enum ota_status add_channel(struct ota_release *r, const char *name, struct ota_err *err) {
    size_t i = r->channel_count;
    if (r->channel_count == OTA_CHANNELS_MAX || !ota_name_valid(ota_span_str(name)))
        return ota_err_set(err, OTA_ARGUMENT, "channel \"%s\": not a name, or more than %u channels", name,
                           OTA_CHANNELS_MAX);
    while (i > 0 && strcmp(r->channel[i - 1], name) > 0)
        i--;
    memmove(r->channel[i + 1], r->channel[i], (r->channel_count - i) * sizeof r->channel[0]);
    (void)ota_span_copy(ota_span_str(name), r->channel[i], sizeof r->channel[i]);
    r->channel_count++;
    return OTA_OK;
}

/* The signer's words a release needs, in the words of the command line. The core's check has the last say. */
static enum ota_status check_words(struct ota_build *b, const struct ota_build_options *o,
                                   const struct ota_candidates *c, struct ota_err *err) {
    struct ota_release *r = &b->release;
    const struct ota_chip *chip = ota_chip_by_name(ota_span_str(o->chip));
    bool app = false, boot = false;
    for (size_t i = 0; i < r->step_count; i++) {
        app |= r->step[i].kind == OTA_KIND_APP;
        boot |= r->step[i].kind == OTA_KIND_BOOTLOADER || r->step[i].kind == OTA_KIND_TABLE;
    }
    if (app && r->step_count > 1 && !o->compatible)
        return ota_err_set(err, OTA_COMPAT,
                           "an app rolled back leaves the other images new: add --compatible if the app boards run now "
                           "works with them too, or push them apart");
    if (boot && !c->boot_known)
        return ota_err_set(err, OTA_BOOT_CONFIG,
                           "a bootloader or partition table needs the boot configuration it was built for: add "
                           "--sdkconfig BUILD_DIR/config/sdkconfig.json");
    bool recovery = chip->recovery && r->chip_rev_min >= chip->recovery_rev_min;
    if (boot && !recovery && !o->accept_risk)
        return ota_err_set(err, OTA_RISK,
                           "%s has no ROM recovery: power lost while the bootloader or table is copied bricks the "
                           "board; add --accept-brick-risk to send it all the same",
                           chip->name);
    r->compat = o->compatible && app && r->step_count > 1;
    r->has_boot = boot;
    r->risk = boot && o->accept_risk;
    if (boot)
        r->boot = c->boot;
    return OTA_OK;
}

static enum ota_status assemble(struct ota_build *b, const struct ota_build_options *o, const struct ota_candidates *c,
                                struct ota_err *err) {
    struct ota_release *r = &b->release;
    char version[OTA_VERSION_MAX + 1] = "";
    OTA_TRY(add_steps(b, o, c, version, err));
    OTA_TRY(check_words(b, o, c, err));
    for (const char *const *channel = o->channels; channel && *channel; channel++)
        OTA_TRY(add_channel(r, *channel, err));
    (void)ota_format(r->product, sizeof r->product, "%s", o->product);
    (void)ota_format(r->chip, sizeof r->chip, "%s", o->chip);
    r->from_min = o->from_min;
    b->given.from_min = o->from_min != 0;
    OTA_TRY(ota_build_set_version(b, o, version, err));
    OTA_TRY(ota_build_set_notes(b, o->notes, err));
    if (!b->table_known)
        ota_build_remark(
            b,
            "no partition table is known: sizes and labels will be checked by each board only; name it with --table");
    /* Every check but the counter's, which is not assigned yet. */
    struct ota_release numbered = *r;
    numbered.counter = 1;
    return ota_release_check(&numbered, err);
}

/* ---- entries ------------------------------------------------------------------------------------------- */

static enum ota_status begin(struct ota_build *b, const struct ota_build_options *o, struct ota_err *err) {
    memset(b, 0, sizeof *b);
    if (!ota_chip_by_name(ota_span_str(o->chip)))
        return ota_err_set(err, OTA_CHIP, "product %s: unknown chip \"%s\"", o->product, o->chip);
    return OTA_OK;
}

enum ota_status ota_build_open_folder(struct ota_build *b, const struct ota_build_options *o, const char *folder,
                                      struct ota_err *err) {
    OTA_CLEAN(ota_candidates_free) struct ota_candidates c = {0};
    OTA_TRY(begin(b, o, err));
    OTA_TRY(ota_build_scan_folder(b, o, folder, &c, err));
    OTA_TRY(ota_build_choose(b, o, &c, err));
    return assemble(b, o, &c, err);
}

/* --sdkconfig and a table (among the files, or known otherwise) say what a build folder would. */
static enum ota_status from_files(struct ota_build *b, const struct ota_build_options *o, struct ota_candidates *c,
                                  struct ota_err *err) {
    if (o->sdkconfig)
        OTA_TRY(ota_build_read_sdkconfig(c, ota_chip_by_name(ota_span_str(o->chip)), o->sdkconfig, err));
    const struct ota_candidate *table = ota_candidates_by_label(c, OTA_LABEL_TABLE);
    if (table || o->table)
        OTA_TRY(ota_build_load_table(b, c, table ? table->path : o->table, err));
    return assemble(b, o, c, err);
}

enum ota_status ota_build_open_files(struct ota_build *b, const struct ota_build_options *o,
                                     const char *const *operands, size_t count, struct ota_err *err) {
    OTA_CLEAN(ota_candidates_free) struct ota_candidates c = {0};
    OTA_TRY(begin(b, o, err));
    if (count == 0)
        return ota_err_set(err, OTA_USAGE, "no file to push");
    OTA_TRY(ota_build_scan_operands(operands, count, &c, err));
    return from_files(b, o, &c, err);
}

enum ota_status ota_build_open_dropins(struct ota_build *b, const struct ota_build_options *o, const char *folder,
                                       struct ota_err *err) {
    OTA_CLEAN(ota_candidates_free) struct ota_candidates c = {0};
    OTA_TRY(begin(b, o, err));
    OTA_TRY(ota_build_scan_dropins(folder, &c, err));
    /* Any file would do as data: only the table tells that boards have such a partition. */
    if (!o->table && !ota_candidates_by_label(&c, OTA_LABEL_APP))
        return ota_err_set(err, OTA_LABEL,
                           "%s: the boards' partition table is not known yet, so nobody can tell whether they have a "
                           "partition \"%s\"; push a build folder once and copy the file again, or type: otactl push "
                           "FILE:LABEL",
                           c.item[0].shown, c.item[0].label);
    return from_files(b, o, &c, err);
}
