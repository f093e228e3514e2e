/* SPDX-License-Identifier: Apache-2.0 */
/* Finding out which release runs when the board does not know: a new board, one whose ota_state was lost, or one whose
 * bootloader chose another app than the record speaks of. */
#include <string.h>

#include "core/agent_private.h"

#define LISTED_MAX 32u

static const struct ota_step *app_of(const struct ota_release *r) {
    for (size_t i = 0; i < r->step_count; i++)
        if (r->step[i].kind == OTA_KIND_APP)
            return &r->step[i];
    return NULL;
}

/* Bytes of the running slot, 0 when it is in no table row. */
static uint32_t running_size(const struct ota_agent *a) {
    for (size_t i = 0; i < a->table.count; i++)
        if (a->table.row[i].type == OTA_PART_APP && a->table.row[i].offset == a->running)
            return a->table.row[i].size;
    return 0;
}

/* With a fallback and an update ahead nothing is written down: the plan comes first. A record without doubt and no plan
 * would let a 304 end the next run, were the power cut between them. */
static enum ota_status record_found(struct ota_agent *a, struct ota_err *err) {
    bool fell_back = a->board.app_offset != 0 && a->board.app_offset != a->running;
    if (fell_back && a->channel_counter > a->board.counter)
        return OTA_OK;
    a->board.app_offset = a->running;
    return ota_agent_save_board(a, err);
}

/* The lowest match counts: had a later release only new data with the same app, its data is compared and installed
 * anew. */
enum ota_status ota_agent_recover_counter(struct ota_agent *a, const struct ota_agent_role *role, struct ota_err *err) {
    uint32_t listed[LISTED_MAX];
    uint32_t hashed = 0;
    uint8_t digest[OTA_SHA256_LEN];
    size_t count;
    bool found;
    OTA_TRY(ota_release_counters(&role->role, a->cfg.identity.product, listed, LISTED_MAX, &count, err));
    for (size_t i = 0; i < count; i++) {
        OTA_TRY(ota_agent_read_listed(a, role, listed[i], &found, err));
        const struct ota_step *app = found ? app_of(&a->release) : NULL;
        if (!app || app->length > running_size(a))
            continue;
        if (hashed != app->length)
            OTA_TRY(ota_agent_hash(a, a->running, app->length, digest, err));
        hashed = app->length;
        if (memcmp(digest, app->sha256, sizeof digest) != 0)
            continue;
        a->board.counter = listed[i];
        ota_format(a->board.version, sizeof a->board.version, "%s", a->release.version);
        ota_agent_judge_board(a);
        a->report.pending = true;
        ota_log(a->cfg.log, OTA_LOG_INFO, "the running app is release %u (%s)", (unsigned)listed[i], a->board.version);
        return record_found(a, err);
    }
    ota_log(a->cfg.log, OTA_LOG_WARNING,
            "the running app is none of the %zu listed releases: counter unknown, only the channel's own release is "
            "accepted",
            count);
    return OTA_OK;
}

/* The bootloader tells nobody that it fell back: the image had gone bad, or otadata was lost or erased by a factory
 * reset. A board that went on believing its record would report a release that it does not run, and never come to it
 * again. Kept in memory only, until what runs is found out: a reset in between notices it again. */
void ota_agent_notice_fallback(struct ota_agent *a) {
    const struct ota_journal *j = &a->journal;
    bool on_trial = j->phase > OTA_PHASE_COMMITTED && a->running == j->new_app_offset;
    if (a->board.counter == 0 || a->board.app_offset == 0 || a->board.app_offset == a->running || on_trial)
        return;
    ota_log(a->cfg.log, OTA_LOG_WARNING,
            "release %u (%s) ran at 0x%x, but the app at 0x%x was booted: finds out what that is",
            (unsigned)a->board.counter, a->board.version, (unsigned)a->board.app_offset, (unsigned)a->running);
    a->board.counter = 0;
    a->board.version[0] = '\0';
    ota_agent_judge_board(a);
    a->report.pending = true;
    a->force = true;
}
