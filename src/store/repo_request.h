/* SPDX-License-Identifier: Apache-2.0 */
/* The request file of a release or change in state/incoming; its form is in repo.h. Private to src/store. */
#ifndef OTA_STORE_REPO_REQUEST_H
#define OTA_STORE_REPO_REQUEST_H

#include "host/buf.h"
#include "ota/release.h"

#define OTA_REPO_REQUEST_MAX 4096u
#define OTA_REPO_CHANGE_TEXT_MAX 160u

struct ota_repo_request {
    bool change;                             /* roles alone; else a release */
    char text[OTA_REPO_CHANGE_TEXT_MAX + 1]; /* of a change, for people */
    char product[OTA_NAME_MAX + 1];
    uint32_t counter;
    char wanted[512]; /* line for the signer, "" without a channel */
};
/* CONFIG for unknown, repeated, missing or malformed lines. */
OTA_MUST_USE enum ota_status ota_repo_request_parse(struct ota_span text, struct ota_repo_request *out,
                                                    struct ota_err *err);

#endif
