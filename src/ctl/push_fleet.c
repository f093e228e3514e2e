/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boards that the workspace here knows, asked before the release is offered to them.
 *
 *   all whose table is known would refuse it    refused   fleet (--accept-change)
 *   some would                                  remark
 *   none is known, or none is offered it        nothing
 */
#include <stdlib.h>

#include "ctl/fleet_fit.h"
#include "ctl/push.h"
#include "release/build_compare.h"

#define REASON_SHOWN 120 /* of a message, so that the way out fits behind it */

static const struct ota_table *next_table(const struct ota_build *b) {
    for (size_t i = 0; i < b->release.step_count; i++)
        if (b->release.step[i].kind == OTA_KIND_TABLE && b->table_known)
            return &b->table;
    return NULL;
}

static enum ota_status know_released(struct ota_fleet_fit *f, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_repo_info *info = ota_calloc(1, sizeof *info);
    OTA_TRY(ota_repo_read(f->w, info, err));
    enum ota_status st = ota_fleet_fit_know_released(f, info, err);
    ota_repo_info_free(info);
    return st;
}

/* The tables of releases are looked for only when those kept here do not do. */
static enum ota_status judge(struct ota_fleet_fit *f, struct ota_err *err) {
    OTA_TRY(ota_fleet_fit_read_boards(f, err));
    if (!f->board_count)
        return OTA_OK;
    OTA_TRY(ota_fleet_fit_know_kept(f, err));
    ota_fleet_fit_judge(f);
    if (!f->unknown)
        return OTA_OK;
    OTA_TRY(know_released(f, err));
    ota_fleet_fit_judge(f);
    return OTA_OK;
}

static enum ota_status refuse(const struct ota_push *p, const struct ota_fleet_fit *f, struct ota_err *err) {
    const struct ota_err *why = ota_fleet_fit_reason(f);
    OTA_CLEAN_FREE char *others = f->unknown ? ota_sprintf(" whose table is known") : ota_strdup("");
    return ota_err_set(err, why->code,
                       "none of the %zu board%s on %s%s would take it: %.*s. If it is for others, add --accept-change "
                       "fleet",
                       f->misfits, f->misfits == 1 ? "" : "s", p->channel, others, REASON_SHOWN, why->msg);
}

static void remark(struct ota_push *p, const struct ota_fleet_fit *f) {
    OTA_CLEAN_FREE char *then =
        p->dry_run ? ota_strdup("") : ota_sprintf("; otactl fleet fits %u lists them", (unsigned)p->compared);
    ota_build_remark(&p->build, "%zu of %zu board%s on %s would refuse it: %s%s", f->misfits, f->board_count,
                     f->board_count == 1 ? "" : "s", p->channel, ota_fleet_fit_reason(f)->msg, then);
}

/* A fleet that cannot be read is no reason to keep a release back, but one to say so. */
enum ota_status ota_push_ask_fleet(struct ota_push *p, struct ota_err *err) {
    OTA_CLEAN(ota_fleet_fit_free)
    struct ota_fleet_fit fit = {.w = p->w,
                                .product = p->product,
                                .channel = p->channel,
                                .release = &p->build.release,
                                .next = next_table(&p->build)};
    struct ota_err why;
    if (!p->channel)
        return OTA_OK;
    if (judge(&fit, &why) != OTA_OK) {
        ota_build_remark(&p->build, "the boards on %s were not asked: %s", p->channel, why.msg);
        return OTA_OK;
    }
    p->fleet = (struct ota_push_fleet){
        .asked = fit.board_count > 0, .fits = fit.fits, .misfits = fit.misfits, .unknown = fit.unknown};
    if (!fit.misfits)
        return OTA_OK;
    if (!fit.fits && !(p->accept & OTA_ACCEPT_FLEET))
        return refuse(p, &fit, err);
    remark(p, &fit);
    return OTA_OK;
}
