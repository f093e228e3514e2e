/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/devices/{id}/reports */
#include "server/report.h"

#include <string.h>

#include "host/crypto.h"
#include "host/log.h"
#include "server/peer.h"
#include "server/problem.h"

#define STRANGER_BURST 20u
#define STRANGER_PER_MINUTE 30u
#define CROWD_BURST 100u
#define CROWD_PER_MINUTE 60u
#define BOARD_BURST 60u
#define BOARD_PER_MINUTE 30u
/* The threads that wait for the database are those that serve everybody: a wait is short, and not for each report
 * anew. */
#define PATIENCE_MS 20u
#define BUSY_PAUSE_MS 1000u

enum ota_status ota_reports_init(struct ota_reports *r, struct ota_tls *tls, struct ota_err *err) {
    uint64_t seed[3];
    OTA_TRY(ota_crypto_openssl.random(ota_crypto_openssl.ctx, seed, sizeof seed, err));
    r->tls = tls;
    atomic_init(&r->fleet, NULL);
    atomic_init(&r->busy_until_ms, 0);
    ota_limit_init(&r->strangers, STRANGER_BURST, STRANGER_PER_MINUTE, seed[0]);
    ota_limit_init(&r->crowd, CROWD_BURST, CROWD_PER_MINUTE, seed[2]);
    ota_limit_init(&r->boards, BOARD_BURST, BOARD_PER_MINUTE, seed[1]);
    return OTA_OK;
}

void ota_reports_set_fleet(struct ota_reports *r, struct ota_fleet *fleet) {
    ota_fleet_set_patience(fleet, PATIENCE_MS);
    atomic_store(&r->fleet, fleet);
}

static uint64_t uptime_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

void ota_reports_free(struct ota_reports *r) {
    ota_limit_free(&r->strangers);
    ota_limit_free(&r->crowd);
    ota_limit_free(&r->boards);
}

bool ota_reports_path(const char *path, char id[OTA_DEVICE_ID_MAX + 1]) {
    static const char before[] = "/api/v1/devices/", after[] = "/reports";
    size_t n = strlen(path), edges = sizeof before - 1 + sizeof after - 1;
    if (n <= edges || strncmp(path, before, sizeof before - 1) != 0 ||
        strcmp(path + n - (sizeof after - 1), after) != 0)
        return false;
    struct ota_span middle = {(const uint8_t *)path + sizeof before - 1, n - edges};
    return ota_span_copy(middle, id, OTA_DEVICE_ID_MAX + 1) && !strchr(id, '/');
}

static enum MHD_Result too_many(struct ota_exchange *x, uint32_t seconds) {
    char wait[16];
    (void)ota_format(wait, sizeof wait, "%u", (unsigned)seconds);
    return ota_problem_answer_with(x, MHD_HTTP_TOO_MANY_REQUESTS, OTA_OK, "too many reports; wait and try again",
                                   (struct ota_problem_header){MHD_HTTP_HEADER_RETRY_AFTER, wait});
}

static enum MHD_Result not_now(struct ota_exchange *x) {
    return ota_problem_answer_with(x, MHD_HTTP_SERVICE_UNAVAILABLE, OTA_OK, "the report could not be stored now",
                                   (struct ota_problem_header){MHD_HTTP_HEADER_RETRY_AFTER, "60"});
}

static enum MHD_Result not_stored(struct ota_reports *r, struct ota_exchange *x, const struct ota_err *err) {
    if (ota_status_is_json(err->code))
        return ota_problem_answer(x, MHD_HTTP_BAD_REQUEST, err->code, err->msg);
    switch (err->code) {
    case OTA_BUSY:
        atomic_store(&r->busy_until_ms, uptime_ms() + BUSY_PAUSE_MS);
        ota_log(&ota_log_stderr, OTA_LOG_WARNING, "report not stored: %s", err->msg);
        return not_now(x);
    case OTA_TOO_LARGE:
        return ota_problem_answer(x, MHD_HTTP_CONTENT_TOO_LARGE, err->code, err->msg);
    case OTA_ARGUMENT:
        return ota_problem_answer(x, MHD_HTTP_BAD_REQUEST, err->code, err->msg);
    default:
        ota_log(&ota_log_stderr, OTA_LOG_ERROR, "report not stored: %s", err->msg);
        return not_now(x);
    }
}

static enum MHD_Result stored(struct ota_exchange *x, unsigned status) {
    struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result rc = ota_exchange_answer(x, status, r, 0);
    if (r)
        MHD_destroy_response(r);
    return rc;
}

/* Whoever proves nothing is counted by address, a board by its id: many boards may share one address. */
static uint32_t limited(struct ota_reports *r, enum ota_fleet_auth auth, const char *id, const char *address) {
    uint64_t now_ms = uptime_ms();
    char key[OTA_LIMIT_KEY_MAX];
    if (auth == OTA_FLEET_TOKEN_OK)
        return ota_limit_take(&r->boards, id, now_ms);
    ota_limit_address_key(address, key);
    uint32_t wait = ota_limit_take(&r->strangers, key, now_ms);
    return wait || auth != OTA_FLEET_UNKNOWN_DEVICE ? wait : ota_limit_take(&r->crowd, "", now_ms);
}

/* A token that was sent decides, whatever the certificate says: a board that was given a new one must not go on with
 * what it had. Without one the certificate does; a header that holds none by mistake is none that was left out. *why: for
 * the refusal. */
static enum ota_status authenticate(struct ota_reports *r, struct ota_fleet *fleet, const struct ota_exchange *x,
                                    const char *id, enum ota_fleet_auth *auth, const char **why, struct ota_err *err) {
    const char *token = ota_exchange_bearer(x);
    struct ota_peer peer = {.fault = NULL};
    *why = "this board's token or client certificate is needed";
    if (!token)
        ota_peer_read(r->tls, x, &peer);
    else if (!token[0])
        *why = "the Authorization header is not \"Bearer TOKEN\"";
    if (peer.id[0] && strcmp(peer.id, id) == 0) {
        OTA_TRY(ota_fleet_authenticate_key(fleet, id, peer.key, auth, err));
        *why = "this client certificate is not one that counts for this board";
    } else {
        OTA_TRY(ota_fleet_authenticate(fleet, id, token, auth, err));
        if (peer.fault)
            *why = peer.fault;
        else if (peer.id[0])
            *why = "the client certificate is another board's";
    }
    if (*auth == OTA_FLEET_REVOKED)
        *why = "this board was revoked";
    return OTA_OK;
}

enum MHD_Result ota_reports_post(struct ota_reports *r, struct ota_exchange *x, const char *id) {
    char address[OTA_ADDRESS_TEXT_MAX];
    enum ota_fleet_auth auth;
    const char *why;
    struct ota_fleet *fleet = atomic_load(&r->fleet);
    struct ota_err err;
    if (!ota_device_id_valid(ota_span_str(id)))
        return ota_problem_answer(x, MHD_HTTP_BAD_REQUEST, OTA_ARGUMENT, "this cannot be the id of a board");
    if (x->body_too_large)
        return ota_problem_answer(x, MHD_HTTP_CONTENT_TOO_LARGE, OTA_TOO_LARGE, "a report has at most 16384 bytes");
    if (!ota_exchange_is_json(x))
        return ota_problem_answer(x, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, OTA_OK, "a report is application/json");
    if (!fleet || uptime_ms() < atomic_load(&r->busy_until_ms))
        return not_now(x);
    ota_exchange_address(x, address);
    if (authenticate(r, fleet, x, id, &auth, &why, &err) != OTA_OK)
        return not_stored(r, x, &err);
    uint32_t wait = limited(r, auth, id, address);
    if (wait)
        return too_many(x, wait);
    if (auth == OTA_FLEET_TOKEN_WRONG || auth == OTA_FLEET_REVOKED)
        return ota_problem_answer_with(x, MHD_HTTP_UNAUTHORIZED, OTA_UNAUTHORIZED, why,
                                       (struct ota_problem_header){MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer"});
    bool quarantine = auth == OTA_FLEET_UNKNOWN_DEVICE;
    if (ota_fleet_report(fleet, id, (struct ota_span){x->body, x->body_len}, address, quarantine, &err) != OTA_OK)
        return not_stored(r, x, &err);
    return stored(x, quarantine ? MHD_HTTP_ACCEPTED : MHD_HTTP_NO_CONTENT);
}
