/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API of people, CI jobs and dashboards: bearer tokens (store/fleet_token.h), JSON, problem+json.
 *
 *   GET  /api/v1/releases                        read   what is published
 *   POST /api/v1/releases                        push   which files a release has; answered with those that are missing
 *   GET  /api/v1/releases/{id}                   push   how far it has come
 *   PUT  /api/v1/releases/{id}/files/{sha256}    push   a part of a file: Content-Range: bytes FIRST-LAST/LENGTH
 *   POST /api/v1/releases/{id}/publish           push   the signed product role, and the channel that is to offer it
 *
 * A token of one product sees and pushes only that. The client has two deadlines (client.h), so that a part that
 * trickles in is cut off; what has arrived stays, and the next request goes on from there.
 */
#ifndef OTA_SERVER_API_H
#define OTA_SERVER_API_H

#include <cjson/cJSON.h>
#include <stdatomic.h>

#include "server/exchange.h"
#include "server/limit.h"
#include "store/upload.h"

struct ota_api {
    const struct ota_workspace *w;      /* only its folder is used: that never changes */
    _Atomic(struct ota_fleet *) fleet;  /* NULL: not open yet */
    struct ota_limit strangers, tokens; /* by address what came without a valid token, by name the others */
};
OTA_MUST_USE enum ota_status ota_api_init(struct ota_api *a, const struct ota_workspace *w, struct ota_err *err);
void ota_api_free(struct ota_api *a);
void ota_api_set_fleet(struct ota_api *a, struct ota_fleet *fleet);

/* Is the path one of the API's, whether or not something is there. */
bool ota_api_path(const char *path);
/* The head of a request is there: takes a file's body to disk. Answers at once what cannot be taken. */
enum MHD_Result ota_api_begin(struct ota_api *a, struct ota_exchange *x);
/* The request is complete: answers it. */
enum MHD_Result ota_api_answer(struct ota_api *a, struct ota_exchange *x);

/* ---- between the files of the API ---- */

/* Whose token it is, and whether it may do what `role` may. false: the answer is given, with *rc. */
bool ota_api_allow(struct ota_api *a, struct ota_exchange *x, enum ota_token_role role, struct ota_fleet_token *token,
                   enum MHD_Result *rc);
/* The answer to a failure: the status that says best what to do next. */
enum MHD_Result ota_api_failed(struct ota_exchange *x, const struct ota_err *err);
/* Sends the tree and frees it. location NULL: no such header. */
enum MHD_Result ota_api_json(struct ota_exchange *x, unsigned status, cJSON **tree, const char *location);

/* {id} and {sha256} of a path; empty where it has none. false: no path of the API. */
enum ota_api_place { OTA_API_RELEASES, OTA_API_RELEASE, OTA_API_FILE, OTA_API_PUBLISH };
struct ota_api_target {
    enum ota_api_place place;
    char id[OTA_UPLOAD_ID_LEN + 1], sha256[OTA_SHA256_HEX_LEN + 1];
};
bool ota_api_target(const char *path, struct ota_api_target *out);

/* api_releases.c, api_files.c */
enum MHD_Result ota_api_list(struct ota_api *a, struct ota_exchange *x);
enum MHD_Result ota_api_start(struct ota_api *a, struct ota_exchange *x);
enum MHD_Result ota_api_show(struct ota_api *a, struct ota_exchange *x, const char *id);
enum MHD_Result ota_api_publish(struct ota_api *a, struct ota_exchange *x, const char *id);
enum MHD_Result ota_api_file_begin(struct ota_api *a, struct ota_exchange *x, const struct ota_api_target *t);
enum MHD_Result ota_api_file_end(struct ota_exchange *x);

#endif
