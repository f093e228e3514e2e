/* SPDX-License-Identifier: Apache-2.0 */
/* Push takes the app only; --with adds. What stays out is listed with its reason and the words that bring it in. */
#include <string.h>

#include "release/build_parts.h"

static void leave(struct ota_build *b, const struct ota_candidate *file, const char *reason, const char *remedy) {
    if (b->left_count == OTA_BUILD_LEFT_MAX)
        return;
    b->left[b->left_count++] = (struct ota_build_left){
        .file = ota_strdup(file->shown),
        .label = ota_strdup(file->label),
        .reason = ota_strdup(reason),
        .remedy = ota_strdup(remedy),
    };
}

static enum ota_status unknown_label(const struct ota_candidates *c, const char *label, struct ota_err *err) {
    char known[160];
    size_t len = 0;
    known[0] = '\0';
    for (size_t i = 0; i < c->count; i++)
        if (!c->item[i].never && len < sizeof known)
            len += ota_format(known + len, sizeof known - len, " %s", c->item[i].label);
    return ota_err_set(err, OTA_LABEL, "--with %s: this build has no such image; it has:%s", label, known);
}

static enum ota_status choose_label(struct ota_candidates *c, const char *label, struct ota_err *err) {
    struct ota_candidate *file = ota_candidates_by_label(c, label);
    if (!file)
        return unknown_label(c, label, err);
    if (file->never)
        return ota_err_set(err, OTA_LABEL, "--with %s: %s", label, file->never);
    file->chosen = true;
    return OTA_OK;
}

enum ota_status ota_build_choose(struct ota_build *b, const struct ota_build_options *o, struct ota_candidates *c,
                                 struct ota_err *err) {
    for (const char *const *with = o->with; with && *with; with++) {
        if (strcmp(*with, "all") != 0) {
            OTA_TRY(choose_label(c, *with, err));
            continue;
        }
        for (size_t i = 0; i < c->count; i++)
            c->item[i].chosen |= !c->item[i].never && c->item[i].kind != OTA_KIND_FACTORY;
    }
    for (size_t i = 0; i < c->count; i++) {
        const struct ota_candidate *file = &c->item[i];
        OTA_CLEAN_FREE char *remedy = ota_sprintf("--with %s", file->label);
        if (file->never)
            leave(b, file, file->never, "");
        else if (!file->chosen)
            leave(b, file,
                  file->kind == OTA_KIND_FACTORY ? "not asked for, and no part of all: it is what boards fall back to"
                                                 : "not asked for",
                  remedy);
    }
    return OTA_OK;
}
