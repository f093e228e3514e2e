/* SPDX-License-Identifier: Apache-2.0 */
/* Polling: one conditional request as a rule, the full verified workflow when something changed or is pending. */
#include "core/agent_private.h"

#define FULL_RUN_EVERY_MS (24ull * 3600u * 1000u)
#define TRIALS 2u /* activations after which a release that finds no server is given up when the old app does */

enum ota_status ota_agent_load_trust(struct ota_agent *a, struct ota_err *err) {
    const struct ota_trust_config cfg = {
        .crypto = a->cfg.crypto,
        .kv = a->cfg.kv,
        .transport = a->cfg.transport,
        .clock = a->cfg.clock,
        .log = a->cfg.log,
        .root = a->cfg.identity.root,
        .product = a->cfg.identity.product,
        .build_time = a->cfg.board.build_time,
        .buf = a->cfg.buf,
        .cap = a->cfg.cap,
    };
    if (a->trust_loaded)
        return OTA_OK;
    OTA_TRY(ota_trust_init(&a->trust, &cfg, err));
    a->trust_loaded = true;
    return OTA_OK;
}

static enum ota_status refresh(struct ota_agent *a, bool if_changed, bool *unchanged, struct ota_err *err) {
    a->trust.allow_unauthenticated = a->unproven[OTA_ADDRESS_METADATA];
    enum ota_status status = ota_trust_refresh(&a->trust, if_changed, unchanged, err);
    if (a->trust.retry_after > a->retry_after)
        a->retry_after = a->trust.retry_after;
    return status == OTA_OK ? OTA_OK : ota_agent_end_run(a, false, status, err);
}

/* A server that proves its name again is not asked by an ETag that one without a proof may have given. */
enum ota_status ota_agent_refresh(struct ota_agent *a, bool if_changed, bool *unchanged, struct ota_err *err) {
    const bool etag_counts = a->server.unproven < OTA_UNPROVEN_POLLS || a->unproven[OTA_ADDRESS_METADATA];
    OTA_TRY(ota_agent_load_trust(a, err));
    enum ota_status status = refresh(a, if_changed && etag_counts, unchanged, err);
    if (status != OTA_TLS || !ota_agent_go_unproven(a, OTA_ADDRESS_METADATA, err))
        return status;
    return refresh(a, if_changed, unchanged, err);
}

enum ota_status ota_agent_end_run(struct ota_agent *a, bool whole, enum ota_status status, struct ota_err *err) {
    struct ota_err unkept;
    enum ota_status kept = ota_trust_finish(&a->trust, whole, status == OTA_OK ? err : &unkept);
    return status == OTA_OK ? kept : status;
}

/* The old app can do what the new one could not. A server that answers now may have been away when the new one looked
 * for it: it gets one more trial while somebody answers. When it finds none again, that was its own fault. */
static enum ota_status settle_doubt(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    struct ota_err why;
    const bool file = a->journal.door == OTA_DOOR_FILE;
    if (file ? ota_agent_read_bundle_again(a, &why) != OTA_OK : a->journal.authenticated && !a->trust.authenticated)
        return OTA_OK;
    if (!file && a->journal.activations < TRIALS) {
        a->answered = true;
        *event = OTA_EVENT_BOOT_ABANDONED;
        return ota_agent_end_run(a, false, OTA_OK, err);
    }
    (void)ota_err_set(&why, OTA_ROLLED_BACK, "release %u (%s): no proof in %u s, while the old app %s",
                      (unsigned)a->journal.counter, a->journal.version, (unsigned)ota_agent_confirm_timeout(a),
                      file ? "reads the bundle" : "reaches the server");
    ota_log(a->cfg.log, OTA_LOG_ERROR, "%s: given up", why.msg);
    return ota_agent_give_up(a, OTA_RESULT_ROLLED_BACK, "confirm", &why, err);
}

static bool doubts(const struct ota_agent *a, enum ota_door door) {
    return a->journal.phase == OTA_PHASE_DOUBTED && a->journal.door == door;
}

enum ota_status ota_agent_poll(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    bool unchanged = false;
    /* A plan under way is evaluated whatever the timestamp says, so its metadata is wanted. */
    bool full =
        a->force || a->journal.phase != OTA_PHASE_IDLE || ota_agent_uptime(a) - a->last_full_ms >= FULL_RUN_EVERY_MS;
    if (doubts(a, OTA_DOOR_FILE))
        OTA_TRY(settle_doubt(a, event, err)); /* whether a server answers says nothing of it */
    OTA_TRY(ota_agent_refresh(a, !full, &unchanged, err));
    if (doubts(a, OTA_DOOR_HTTPS))
        OTA_TRY(settle_doubt(a, event, err));
    if (*event == OTA_EVENT_BOOT_ABANDONED)
        return OTA_OK;
    if (unchanged) {
        ota_log(a->cfg.log, OTA_LOG_INFO, "nothing new: the manifest is unchanged");
        *event = OTA_EVENT_NOTHING;
        return OTA_OK;
    }
    a->last_full_ms = ota_agent_uptime(a);
    a->force = false;
    return OTA_OK;
}
