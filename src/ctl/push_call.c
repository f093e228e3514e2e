/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and their errors; see push_call.h. */
#include "ctl/push_call.h"

#include <string.h>
#include <time.h>

#include "host/crypto.h"
#include "host/json_tree.h"
#include "host/status_name.h"

#define FAILURES_MAX 12u /* 90 s at least: longer than a server takes to give a dead sender up (server/client.h) */
#define WAIT_FIRST_MS 500u
#define WAIT_MAX_MS 30000u
#define SLICE_MS 100u

bool ota_push_may_retry(struct ota_push_patience *patience, enum ota_status st) {
    /* LENGTH and EXISTS: the server has more or less of a file than was thought. */
    static const enum ota_status passing[] = {OTA_NETWORK, OTA_TIMEOUT, OTA_TRUNCATED,
                                              OTA_BUSY,    OTA_LENGTH,  OTA_EXISTS};
    for (size_t i = 0; i < OTA_ARRAY_LEN(passing); i++)
        if (st == passing[i])
            return ++patience->failures < FAILURES_MAX;
    return false;
}

enum ota_status ota_push_wait(const struct ota_push_patience *patience, struct ota_err *err) {
    uint32_t random;
    unsigned most = WAIT_FIRST_MS;
    for (unsigned i = 1; i < patience->failures && most < WAIT_MAX_MS; i++)
        most *= 2;
    if (most > WAIT_MAX_MS)
        most = WAIT_MAX_MS;
    OTA_TRY(ota_crypto_openssl.random(ota_crypto_openssl.ctx, &random, sizeof random, err));
    uint64_t ms = most / 2 + random % (most / 2 + 1) + (uint64_t)patience->retry_after * 1000u;
    for (; ms > 0 && !ota_push_stopped(); ms -= ms < SLICE_MS ? ms : SLICE_MS)
        (void)nanosleep(&(struct timespec){.tv_nsec = SLICE_MS * 1000000L}, NULL);
    return ota_push_stopped() ? ota_err_set(err, OTA_INTERRUPTED, "stopped; the same push goes on from here later")
                              : OTA_OK;
}

/* An answer of otaserve says what is wrong; one of a proxy before it only its status. */
static enum ota_status read_problem(const struct ota_push *p, const struct ota_http_reply *r, struct ota_err *err) {
    static const char prefix[] = "urn:otaserve:problem:";
    OTA_CLEAN(ota_json_tree_free) cJSON *tree = NULL;
    bool passing = r->status == 429 || r->status == 502 || r->status == 503 || r->status == 504;
    if (ota_json_tree_parse(ota_buf_span(&r->body), "answer", OTA_HTTP_ANSWER_MAX, &tree, err) != OTA_OK)
        return ota_err_set(err, passing ? OTA_BUSY : OTA_HTTP, "%s: the server answered %d", p->server.url, r->status);
    const char *type = ota_json_tree_string(tree, "type"), *detail = ota_json_tree_string(tree, "detail");
    enum ota_status code = OTA_HTTP;
    if (passing)
        code = OTA_BUSY;
    else if (type && strncmp(type, prefix, sizeof prefix - 1) == 0)
        code = ota_status_by_name(ota_span_str(type + sizeof prefix - 1));
    if (code == OTA_TRUNCATED) /* of the release, not of the answer */
        code = OTA_NOT_FOUND;
    return ota_err_set(err, code, "%s: %s", p->server.url, detail ? detail : "no reason was given");
}

enum ota_status ota_push_call_once(struct ota_push *p, const struct ota_http_request *req, struct ota_http_reply *r,
                                   struct ota_err *err) {
    OTA_TRY(ota_http_client_ask(p->server.api, req, r, err));
    return r->status >= 200 && r->status < 300 ? OTA_OK : read_problem(p, r, err);
}

enum ota_status ota_push_call(struct ota_push *p, const struct ota_http_request *req, struct ota_http_reply *r,
                              struct ota_err *err) {
    struct ota_push_patience patience = {0};
    for (;;) {
        enum ota_status st = ota_push_call_once(p, req, r, err);
        if (st == OTA_OK || st == OTA_LENGTH || st == OTA_EXISTS || !ota_push_may_retry(&patience, st))
            return st;
        patience.retry_after = r->retry_after;
        OTA_TRY(ota_push_wait(&patience, err));
    }
}
