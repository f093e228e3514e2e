/* SPDX-License-Identifier: Apache-2.0 */
/* Error answers as RFC 9457 problem+json: {"detail","status","title","type"}. */
#ifndef OTA_SERVER_PROBLEM_H
#define OTA_SERVER_PROBLEM_H

#include "ota/err.h"
#include "server/exchange.h"

/* An extra header; name NULL: none. */
struct ota_problem_header {
    const char *name, *value;
};
/* Makes, queues and lets go of one. Title and type come from the status table; OTA_OK: the problem is HTTP's own (type
 * about:blank, RFC 9457 4.2.1). `detail` says what is wrong with this request. Cached by
 * nobody unless `extra` says otherwise. */
enum MHD_Result ota_problem_answer(struct ota_exchange *x, unsigned http, enum ota_status code, const char *detail);
enum MHD_Result ota_problem_answer_with(struct ota_exchange *x, unsigned http, enum ota_status code, const char *detail,
                                        struct ota_problem_header extra);

#endif
