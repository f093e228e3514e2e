/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transport is not trust: a board whose server cannot prove its name any more (its CA retired, its certificate ran out)
 * still gets metadata and images after OTA_UNPROVEN_POLLS scheduled polls in a row that failed so. Signatures, versions
 * and expiry decide as ever. Each run asks for the proof first; one that has it sets the count back.
 *
 * A captive portal cannot prove its name either, and passes: what is tried again after a failure, or asked for by hand,
 * comes too early to count.
 */
#include "core/agent_private.h"

/* An app is confirmed by a server that proved its name if the app before it had met one: without a proof, a run could
 * then settle nothing. */
static bool proof_is_owed(const struct ota_agent *a) {
    return a->journal.phase > OTA_PHASE_COMMITTED && a->journal.authenticated;
}

bool ota_agent_go_unproven(struct ota_agent *a, enum ota_address address, const struct ota_err *why) {
    if (address == OTA_ADDRESS_API || a->unproven[address] || a->server.unproven < OTA_UNPROVEN_POLLS ||
        proof_is_owed(a))
        return false;
    a->unproven[address] = true;
    ota_log(a->cfg.log, OTA_LOG_WARNING,
            "%s: after %u polls without proof of the server's name %s without it: signatures decide; reports wait",
            why->msg, OTA_UNPROVEN_POLLS,
            address == OTA_ADDRESS_METADATA ? "metadata is fetched" : "images are fetched");
    return true;
}

void ota_agent_begin_proof(struct ota_agent *a) {
    a->unproven[OTA_ADDRESS_METADATA] = a->unproven[OTA_ADDRESS_TARGETS] = false;
    a->proof_failed = false;
}

/* Only what a poll leads to counts: a new app on trial, or an old one in doubt, asks every few seconds. */
void ota_agent_note_proof(struct ota_agent *a, enum ota_action action, enum ota_status status) {
    const bool polled = action == OTA_ACTION_POLL || action == OTA_ACTION_PLAN || action == OTA_ACTION_STAGE ||
                        action == OTA_ACTION_CHECK;
    if (polled && status == OTA_TLS && a->journal.phase != OTA_PHASE_DOUBTED)
        a->proof_failed = true;
}

/* Was a poll due by now. The first one after a reset is: a board may sleep deeply between polls. One by hand is when it
 * took the place of one by the clock. */
static bool counts_now(const struct ota_agent *a) {
    const uint64_t interval_ms = ota_agent_poll_interval(a) * 1000ull;
    const uint64_t passed = ota_agent_uptime(a) - (a->proof_counted ? a->proof_counted_ms : a->started_ms);
    if (a->asked)
        return passed >= interval_ms + interval_ms / 4u;
    return !a->proof_counted || passed >= interval_ms / 2u;
}

/* For the first report that travels again. How an update went is told first. */
static enum ota_status tell(struct ota_agent *a, struct ota_err *err) {
    struct ota_err why;
    if (a->last.code != OTA_OK || (a->report.pending && a->report.counter != 0))
        return OTA_OK;
    (void)ota_err_set(&why, OTA_TLS,
                      "fetched from a server that did not prove its name: renew its certificate, or the "
                      "CA on the board");
    ota_agent_at(a, NULL);
    return ota_agent_note(a, OTA_RESULT_FAILED, "verify", 0, &why, err);
}

static enum ota_status count(struct ota_agent *a, uint8_t unproven, struct ota_err *err) {
    if (unproven == a->server.unproven)
        return OTA_OK;
    if (unproven == 0)
        ota_log(a->cfg.log, OTA_LOG_INFO, "the server proves its name again");
    if (unproven == 0 && a->server.unproven == OTA_UNPROVEN_POLLS)
        a->force = true; /* the run that ends here told of the trouble, the next whole one tells that it is over */
    a->server.unproven = unproven;
    return ota_agent_save_server(a, err);
}

static enum ota_status count_failure(struct ota_agent *a, struct ota_err *err) {
    if (a->server.unproven >= OTA_UNPROVEN_POLLS || !counts_now(a))
        return OTA_OK;
    a->proof_counted = true;
    a->proof_counted_ms = ota_agent_uptime(a);
    return count(a, (uint8_t)(a->server.unproven + 1u), err);
}

void ota_agent_end_proof(struct ota_agent *a) {
    const bool without = a->unproven[OTA_ADDRESS_METADATA] || a->unproven[OTA_ADDRESS_TARGETS];
    enum ota_status status = OTA_OK;
    struct ota_err why;
    if (without)
        status = tell(a, &why);
    else if (a->proof_failed)
        status = count_failure(a, &why);
    else if (a->trust.authenticated)
        status = count(a, 0, &why);
    if (status != OTA_OK)
        ota_log(a->cfg.log, OTA_LOG_WARNING, "not written down: %s", why.msg);
    a->asked = false;
}
