/* SPDX-License-Identifier: Apache-2.0 */
/* May a bundle begin, is each of its metadata files right, and may this board install its release. */
#include <string.h>

#include "core/bundle_private.h"

#define PAUSE_S 10u
#define PAUSE_STEPS 13u /* 10 s, 20 s, ... a day */
#define PAUSE_FREE 3u   /* a line may break off an honest upload */

/* ---- beginning ----------------------------------------------------------------------------------------- */

enum ota_status ota_bundle_may_begin(struct ota_bundle *b, struct ota_err *err) {
    struct ota_agent *a = b->a;
    bool busy;
    if (a->reboot || a->fed || a->state != OTA_STATE_IDLE)
        return ota_err_set(err, OTA_BUSY, "this board is busy with an update (%s): try again when it is decided",
                           a->reboot ? "reboot is due"
                           : a->fed  ? "another bundle"
                                     : ota_state_name(a->state));
    const uint64_t now = ota_agent_uptime(a);
    if (now < a->bundle_ms)
        return ota_err_set(err, OTA_BUSY, "the last bundle was not right: try again in %u s",
                           (unsigned)((a->bundle_ms - now) / 1000u + 1u));
    OTA_TRY(ota_agent_settle(a, &busy, err));
    if (busy)
        return ota_err_set(err, OTA_BUSY, "this board is busy with an update: try again when it is decided");
    OTA_TRY(ota_agent_load_trust(a, err));
    OTA_TRY(ota_trust_bundle_begin(&a->trust, &b->u.trust, err));
    return OTA_OK;
}

enum ota_status ota_bundle_begin_proof(struct ota_bundle *b, struct ota_agent *a, struct ota_err *err) {
    b->a = a;
    b->door = OTA_DOOR_FILE;
    b->verify = true;
    b->part = OTA_BUNDLE_CLOSED;
    OTA_TRY(ota_agent_load_trust(a, err));
    OTA_TRY(ota_trust_bundle_begin(&a->trust, &b->u.trust, err));
    b->part = OTA_BUNDLE_NOTES;
    return OTA_OK;
}

void ota_bundle_log_refusal(const struct ota_bundle *b, const struct ota_err *why) {
    ota_log(b->a->cfg.log, OTA_LOG_ERROR, "bundle refused: %s", why->msg);
}

/* Signed metadata can be had by anyone: images behind it that are false, or break off, must not wear the flash without
 * end. */
static void pause(struct ota_agent *a) {
    const uint32_t n = a->bundle_failures;
    const uint32_t seconds = n < PAUSE_FREE ? 0 : PAUSE_S << (n - PAUSE_FREE);
    if (n < PAUSE_FREE + PAUSE_STEPS)
        a->bundle_failures++;
    a->bundle_ms = ota_agent_uptime(a) + seconds * 1000ull;
}

void ota_bundle_abort(struct ota_bundle *b) {
    struct ota_agent *a = b->a;
    if (!a || b->part == OTA_BUNDLE_CLOSED)
        return;
    const bool staging = b->part >= OTA_BUNDLE_IMAGES;
    if (!staging)
        ota_trust_bundle_end(&a->trust);
    else if (b->wanted && b->verify)
        a->cfg.crypto->sha256_abort(a->cfg.crypto->ctx, &b->u.hash);
    else if (b->wanted)
        ota_stager_abort(&b->u.stager);
    b->part = OTA_BUNDLE_CLOSED;
    b->wanted = false;
    if (!b->verify)
        a->fed = false;
    if (!b->verify && staging && a->journal.phase <= OTA_PHASE_STAGING)
        memset(&a->journal, 0, sizeof a->journal); /* it was in memory alone */
    if (!b->verify && staging && !b->done)
        pause(a);
    ota_agent_at(a, NULL);
}

/* ---- the release --------------------------------------------------------------------------------------- */

/* As over HTTPS, a board that does not know what it runs takes its channel's own release and no other. */
static enum ota_status check_unknown(const struct ota_bundle *b, struct ota_err *err) {
    const struct ota_release *r = &b->a->release;
    if (b->offered == r->counter && r->from_min == 0)
        return OTA_OK;
    return ota_err_set(err, OTA_COUNTER,
                       "release %u: this board cannot tell what it runs, and takes only what channel %s offered when "
                       "the bundle was made (release %u), without a lowest release to install it over",
                       (unsigned)r->counter, b->a->cfg.identity.channel, (unsigned)b->offered);
}

static enum ota_status check_counter(const struct ota_bundle *b, struct ota_err *err) {
    const struct ota_agent *a = b->a;
    const struct ota_release *r = &a->release;
    if (r->counter == a->board.failed_counter)
        return ota_err_set(err, OTA_ROLLED_BACK, "release %u (%s) failed on this board: it waits for another",
                           (unsigned)r->counter, r->version);
    if (a->board.counter == 0)
        return check_unknown(b, err);
    if (r->counter <= a->board.counter)
        return ota_err_set(err, OTA_COUNTER, "release %u (%s) is not newer than release %u (%s) on this board",
                           (unsigned)r->counter, r->version, (unsigned)a->board.counter, a->board.version);
    if (r->from_min > a->board.counter)
        return ota_err_set(err, OTA_COUNTER,
                           "release %u (%s) needs release %u or newer, this board is at %u: bring it "
                           "there with a bundle of that release",
                           (unsigned)r->counter, r->version, (unsigned)r->from_min, (unsigned)a->board.counter);
    return OTA_OK;
}

static enum ota_status plan(struct ota_bundle *b, struct ota_err *err) {
    struct ota_agent *a = b->a;
    OTA_TRY(check_counter(b, err));
    OTA_TRY(ota_agent_check_release(a, &a->release, err));
    if (ota_agent_put_off(a))
        return ota_err_set(err, OTA_BUSY, "the application says not now: try again later");
    ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s) comes in a bundle (this board is at release %u)",
            (unsigned)a->release.counter, a->release.version, (unsigned)a->board.counter);
    OTA_TRY(ota_agent_drop_journal(a, err)); /* of a download that broke off: its place is used anew */
    if (ota_agent_make_plan(a, err) != OTA_OK)
        return ota_err_prefix(err, "%s", a->label);
    a->journal.door = b->door;
    return OTA_OK;
}

/* The bundle must hold what is on trial: its release, with the same images. */
static enum ota_status check_trial(const struct ota_bundle *b, struct ota_err *err) {
    const struct ota_agent *a = b->a;
    if (ota_agent_same_release(&a->journal, &a->release))
        return OTA_OK;
    return ota_err_set(err, OTA_BUNDLE, "holds release %u, and release %u is to be proved",
                       (unsigned)a->release.counter, (unsigned)a->journal.counter);
}

static enum ota_status judge_product(struct ota_bundle *b, size_t len, struct ota_err *err) {
    struct ota_agent *a = b->a;
    struct ota_agent_role role;
    bool found;
    OTA_TRY(ota_trust_bundle_product(&a->trust, &b->u.trust, len, &role.role, err));
    memcpy(role.path, b->u.trust.by_product.path, sizeof role.path);
    if (a->board.counter == 0 && !b->verify)
        OTA_TRY(ota_agent_recover_counter(a, &role, err));
    OTA_TRY(ota_agent_read_listed(a, &role, b->counter, &found, err));
    if (!found)
        return ota_err_set(err, OTA_BUNDLE, "does not list release %u", (unsigned)b->counter);
    ota_trust_bundle_end(&a->trust);
    memset(&b->u, 0, sizeof b->u);
    return b->verify ? check_trial(b, err) : plan(b, err);
}

/* ---- the other roles ----------------------------------------------------------------------------------- */

static enum ota_status judge_targets(struct ota_bundle *b, size_t len, struct ota_err *err) {
    const struct ota_identity *id = &b->a->cfg.identity;
    char release[OTA_TARGET_PATH_MAX], channel[OTA_TARGET_PATH_MAX];
    if (!ota_release_path(id->product, b->counter, "release.txt", release, sizeof release) ||
        !ota_channel_path(id->product, id->channel, channel, sizeof channel))
        return ota_err_set(err, OTA_INTERNAL, "path too long");
    return ota_trust_bundle_targets(&b->a->trust, &b->u.trust, len, release, channel, err);
}

/* A channel that is not there offers nothing; only a board that does not know its release asks. */
static enum ota_status judge_rollout(struct ota_bundle *b, size_t len, struct ota_err *err) {
    const struct ota_identity *id = &b->a->cfg.identity;
    struct ota_metadata role;
    struct ota_target entry;
    struct ota_channel channel;
    char path[OTA_TARGET_PATH_MAX];
    bool found;
    OTA_TRY(ota_trust_bundle_rollout(&b->a->trust, &b->u.trust, len, &role, err));
    if (!ota_channel_path(id->product, id->channel, path, sizeof path))
        return ota_err_set(err, OTA_INTERNAL, "path too long");
    OTA_TRY(ota_targets_find(&role, path, &entry, &found, err));
    if (!found)
        return OTA_OK;
    OTA_TRY(ota_channel_read(&entry, id->product, &channel, err));
    for (size_t i = 0; i < b->a->trust.role_count; i++)
        if (strcmp(b->a->trust.roles[i].name, OTA_ROLLOUT_ROLE) == 0 && role.version < b->a->trust.roles[i].version)
            return OTA_OK; /* the board knows a newer one: what this one offers is no news */
    b->offered = channel.counter;
    return OTA_OK;
}

enum ota_status ota_bundle_judge(struct ota_bundle *b, size_t len, struct ota_err *err) {
    struct ota_trust *t = &b->a->trust;
    switch (b->part) {
    case OTA_BUNDLE_ROOTS:
        return ota_trust_bundle_root(t, len, b->version, err);
    case OTA_BUNDLE_TIMESTAMP:
        return ota_trust_bundle_timestamp(t, &b->u.trust, len, err);
    case OTA_BUNDLE_SNAPSHOT:
        return ota_trust_bundle_snapshot(t, &b->u.trust, len, err);
    case OTA_BUNDLE_TARGETS:
        return judge_targets(b, len, err);
    case OTA_BUNDLE_ROLLOUT:
        return judge_rollout(b, len, err);
    case OTA_BUNDLE_PRODUCT:
        return judge_product(b, len, err);
    default:
        return ota_err_set(err, OTA_INTERNAL, "no role is expected");
    }
}
