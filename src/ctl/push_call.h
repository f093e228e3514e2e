/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a server with patience: networks break, servers restart. Private to the files of push. */
#ifndef OTA_CTL_PUSH_CALL_H
#define OTA_CTL_PUSH_CALL_H

#include "ctl/push.h"

/* How often it went wrong in a row, and what the server asked for. */
struct ota_push_patience {
    unsigned failures;
    uint32_t retry_after;
};
/* Could it go better next time, and has it not been tried often enough. Counts. */
bool ota_push_may_retry(struct ota_push_patience *patience, enum ota_status st);
/* 0.5, 1, 2 ... 30 s with jitter, at least what the server asked for. INTERRUPTED. */
OTA_MUST_USE enum ota_status ota_push_wait(const struct ota_push_patience *patience, struct ota_err *err);

/* One request; any answer but 2xx is an error with the code and words of its problem+json. */
OTA_MUST_USE enum ota_status ota_push_call_once(struct ota_push *p, const struct ota_http_request *req,
                                                struct ota_http_reply *r, struct ota_err *err);
/* The same, again and again while that may help. */
OTA_MUST_USE enum ota_status ota_push_call(struct ota_push *p, const struct ota_http_request *req,
                                           struct ota_http_reply *r, struct ota_err *err);

#endif
