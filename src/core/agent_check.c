/* SPDX-License-Identifier: Apache-2.0 */
/* Between staging and committing: is what lies in flash what was signed and fit for this board, and is it still
 * offered. */
#include <string.h>

#include "core/agent_private.h"

static enum ota_status check_bytes(struct ota_agent *a, const struct ota_journal_step *s, struct ota_err *err) {
    bool holds;
    OTA_TRY(ota_agent_holds(a, &s->image, s->stage_offset, 0, &holds, err));
    if (!holds)
        return ota_err_set(err, OTA_READBACK, "flash at 0x%x does not hold what was written there",
                           (unsigned)s->stage_offset);
    return OTA_OK;
}

/* A bootloader that the ROM refuses is found out too late on a chip without recovery. */
static enum ota_status ask_chip(struct ota_agent *a, const struct ota_journal_step *s, struct ota_err *err) {
    const struct ota_boot_port *b = a->cfg.boot;
    if (!b->verify)
        return OTA_OK;
    enum ota_status status = b->verify(b->ctx, s->stage_offset, s->image.length, s->image.kind, err);
    if (status == OTA_SIGNATURE)
        err->code = OTA_IMAGE_SIGNATURE; /* SIGNATURE itself is the manifest's */
    return status == OTA_OK ? OTA_OK : err->code;
}

static enum ota_status check_kind(struct ota_agent *a, const struct ota_journal_step *s, struct ota_err *err) {
    switch (s->image.kind) {
    case OTA_KIND_APP:
    case OTA_KIND_FACTORY:
        return ota_agent_check_app(a, s->stage_offset, s->image.length, s->dest_size, err);
    case OTA_KIND_BOOTLOADER:
        return ota_agent_check_bootloader(a, s->stage_offset, s->image.length, err);
    case OTA_KIND_TABLE:
        return ota_agent_check_table(a, s->stage_offset, s->image.length, err);
    case OTA_KIND_DATA:
    case OTA_KIND_COUNT:
        break;
    }
    return OTA_OK;
}

/* A staged image that went bad is fetched again by the next run; one that never suited is not. */
static enum ota_status check_step(struct ota_agent *a, struct ota_journal_step *s, struct ota_err *err) {
    enum ota_status status = check_bytes(a, s, err);
    if (status != OTA_OK) {
        struct ota_err unkept;
        s->state = OTA_STEP_WAITING;
        s->done = 0;
        if (a->journal.door == OTA_DOOR_HTTPS && ota_agent_save_journal(a, &unkept) != OTA_OK)
            ota_log(a->cfg.log, OTA_LOG_WARNING, "%s", unkept.msg);
    }
    if (status == OTA_OK)
        status = check_kind(a, s, err);
    if (status == OTA_OK && ota_kind_is_image(s->image.kind))
        status = ask_chip(a, s, err);
    if (status != OTA_OK)
        return ota_err_prefix(err, "release %u (%s): %s", (unsigned)a->journal.counter, a->journal.version,
                              s->image.label);
    return OTA_OK;
}

static enum ota_status check_steps(struct ota_agent *a, struct ota_err *err) {
    for (size_t i = 0; i < a->journal.count; i++) {
        struct ota_journal_step *s = &a->journal.step[i];
        if (s->state == OTA_STEP_WAITING)
            return ota_err_set(err, OTA_INTERNAL, "release %u (%s): %s was never staged", (unsigned)a->journal.counter,
                               a->journal.version, s->image.label);
        if (s->state != OTA_STEP_STAGED)
            continue;
        ota_agent_at(a, s->image.label);
        OTA_TRY(check_step(a, s, err));
    }
    ota_agent_at(a, NULL);
    return OTA_OK;
}

bool ota_agent_same_release(const struct ota_journal *j, const struct ota_release *r) {
    if (j->counter != r->counter)
        return false;
    for (size_t i = 0; i < j->count; i++) {
        bool found = false;
        for (size_t k = 0; k < r->step_count; k++)
            found = found || (strcmp(j->step[i].image.label, r->step[k].label) == 0 &&
                              memcmp(j->step[i].image.sha256, r->step[k].sha256, OTA_SHA256_LEN) == 0);
        if (!found)
            return false;
    }
    return true;
}

/* The second poll: nothing is installed that was withdrawn while it was downloaded. */
static enum ota_status check_offer(struct ota_agent *a, struct ota_err *err) {
    bool unchanged, offered = false;
    OTA_TRY(ota_agent_refresh(a, false, &unchanged, err));
    enum ota_status status = ota_agent_select(a, &offered, err);
    if (ota_agent_lasting(status)) {
        ota_log(a->cfg.log, OTA_LOG_WARNING, "%s", err->msg); /* of what is offered now, not of what is staged */
        status = OTA_OK;
        offered = false;
    }
    OTA_TRY(ota_agent_end_run(a, false, status, err));
    if (offered && ota_agent_same_release(&a->journal, &a->release))
        return OTA_OK;
    return ota_err_set(err, OTA_WITHDRAWN, "release %u (%s): withdrawn while it was downloaded; dropped",
                       (unsigned)a->journal.counter, a->journal.version);
}

enum ota_status ota_agent_check(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    (void)event;
    OTA_TRY(check_steps(a, err));
    if (a->journal.door != OTA_DOOR_HTTPS)
        return OTA_OK; /* whoever holds a bundle offers it */
    enum ota_status status = check_offer(a, err);
    if (status == OTA_WITHDRAWN) {
        struct ota_err why = *err;
        OTA_TRY(ota_agent_note(a, OTA_RESULT_FAILED, "verify", a->journal.counter, &why, err));
        OTA_TRY(ota_agent_drop_journal(a, err));
        *err = why;
    }
    if (status == OTA_OK)
        a->journal.authenticated = a->trust.authenticated;
    return status;
}
