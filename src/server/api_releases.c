/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/releases: what is published, and releases on their way there. */
#include <stdio.h>
#include <string.h>

#include "host/json_tree.h"
#include "host/log.h"
#include "server/api.h"
#include "server/problem.h"
#include "store/repo_json.h"

#define PERMILLE_ALL 1000

/* ---- GET /api/v1/releases ------------------------------------------------------------------------------- */

enum MHD_Result ota_api_list(struct ota_api *a, struct ota_exchange *x) {
    struct ota_fleet_token token;
    struct ota_err err;
    enum MHD_Result rc;
    if (!ota_api_allow(a, x, OTA_TOKEN_READ, &token, &rc))
        return rc;
    OTA_CLEAN_FREE struct ota_repo_info *info = ota_calloc(1, sizeof *info);
    if (ota_repo_read(a->w, info, &err) != OTA_OK)
        return ota_api_failed(x, &err);
    cJSON *tree = ota_repo_releases_json(info, token.product[0] ? token.product : NULL);
    ota_repo_info_free(info);
    return ota_api_json(x, MHD_HTTP_OK, &tree, NULL);
}

/* ---- bodies --------------------------------------------------------------------------------------------- */

static bool read_body(struct ota_exchange *x, cJSON **tree, enum MHD_Result *rc) {
    struct ota_err err;
    if (x->body_too_large)
        *rc = ota_problem_answer(x, MHD_HTTP_CONTENT_TOO_LARGE, OTA_TOO_LARGE, "a body has at most 16384 bytes here");
    else if (!ota_exchange_is_json(x))
        *rc = ota_problem_answer(x, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, OTA_OK, "the body is application/json");
    else if (ota_json_tree_parse((struct ota_span){x->body, x->body_len}, "body", OTA_BODY_MAX, tree, &err) != OTA_OK)
        *rc = ota_api_failed(x, &err);
    else if (!cJSON_IsObject(*tree))
        *rc = ota_problem_answer(x, MHD_HTTP_BAD_REQUEST, OTA_ARGUMENT, "the body is a JSON object");
    else
        return true;
    return false;
}

/* A whole number in [0, max]. */
static bool read_number(const cJSON *object, const char *name, double max, double *out) {
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsNumber(n) || n->valuedouble < 0 || n->valuedouble > max)
        return false;
    *out = n->valuedouble;
    return (double)(uint64_t)*out == *out;
}

static enum ota_status read_wanted(const cJSON *body, struct ota_upload_wanted *out, struct ota_err *err) {
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(body, "files"), *f;
    const char *product = ota_json_tree_string(body, "product");
    if (!product || !ota_name_valid(ota_span_str(product)) || ota_name_reserved(ota_span_str(product)))
        return ota_err_set(err, OTA_ARGUMENT, "\"product\" is the name of a product");
    (void)ota_format(out->product, sizeof out->product, "%s", product);
    if (!cJSON_IsArray(files))
        return ota_err_set(err, OTA_ARGUMENT, "\"files\" is a list of {sha256, length}");
    cJSON_ArrayForEach(f, files) {
        const char *sha256 = ota_json_tree_string(f, "sha256");
        double length;
        if (out->count == OTA_UPLOAD_FILES_MAX)
            return ota_err_set(err, OTA_TOO_LARGE, "a release has at most %u files", OTA_UPLOAD_FILES_MAX);
        struct ota_upload_file *to = &out->file[out->count++];
        if (!sha256 || !ota_span_copy(ota_span_str(sha256), to->sha256, sizeof to->sha256) ||
            !read_number(f, "length", OTA_IMAGE_LENGTH_MAX, &length))
            return ota_err_set(err, OTA_ARGUMENT, "a file has a \"sha256\" and a \"length\" of at most %u bytes",
                               OTA_IMAGE_LENGTH_MAX);
        to->length = (uint32_t)length;
    }
    return OTA_OK;
}

/* ---- an upload as JSON ---------------------------------------------------------------------------------- */

static cJSON *upload_json(const struct ota_upload *u) {
    cJSON *tree = cJSON_CreateObject(), *files, *missing;
    (void)cJSON_AddStringToObject(tree, "id", u->id);
    (void)cJSON_AddStringToObject(tree, "product", u->wanted.product);
    (void)cJSON_AddStringToObject(tree, "state", ota_upload_state_name(u->state));
    if (u->counter)
        (void)cJSON_AddNumberToObject(tree, "counter", u->counter);
    if (u->state == OTA_UPLOAD_REFUSED) {
        cJSON *why = cJSON_AddObjectToObject(tree, "refused");
        (void)cJSON_AddStringToObject(why, "code", ota_status_name(u->why.code));
        (void)cJSON_AddStringToObject(why, "detail", u->why.msg);
    }
    files = cJSON_AddArrayToObject(tree, "files");
    missing = cJSON_AddArrayToObject(tree, "missing");
    for (size_t i = 0; i < u->wanted.count; i++) {
        const struct ota_upload_file *f = &u->wanted.file[i];
        bool lacking = u->have[i] < f->length && u->state != OTA_UPLOAD_PUBLISHED;
        cJSON *item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "sha256", f->sha256);
        (void)cJSON_AddNumberToObject(item, "length", f->length);
        (void)cJSON_AddNumberToObject(item, "have", u->have[i]);
        (void)cJSON_AddItemToArray(files, item);
        if (lacking)
            (void)cJSON_AddItemToArray(missing, cJSON_CreateString(f->sha256));
    }
    return tree;
}

static enum MHD_Result answer_upload(struct ota_exchange *x, unsigned status, const struct ota_upload *u,
                                     bool with_location) {
    char location[64];
    cJSON *tree = upload_json(u);
    (void)ota_format(location, sizeof location, "/api/v1/releases/%s", u->id);
    return ota_api_json(x, status, &tree, with_location ? location : NULL);
}

/* ---- POST /api/v1/releases, GET /api/v1/releases/{id} --------------------------------------------------- */

static bool token_covers(struct ota_exchange *x, const struct ota_fleet_token *token, const char *product,
                         enum MHD_Result *rc) {
    char detail[OTA_ERR_MSG_MAX];
    if (!token->product[0] || strcmp(token->product, product) == 0)
        return true;
    (void)ota_format(detail, sizeof detail, "token %s is for product %s only", token->name, token->product);
    *rc = ota_problem_answer(x, MHD_HTTP_FORBIDDEN, OTA_PERMISSION, detail);
    return false;
}

/* Nobody uploads for a product that does not exist. */
static enum ota_status check_product(const struct ota_api *a, const char *product, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0};
    enum ota_status st = ota_repo_role(a->w, product, &role, err);
    if (st == OTA_NOT_FOUND)
        return ota_err_set(err, OTA_DELEGATION, "this server has no product %s", product);
    return st;
}

enum MHD_Result ota_api_start(struct ota_api *a, struct ota_exchange *x) {
    OTA_CLEAN(ota_json_tree_free) cJSON *body = NULL;
    struct ota_fleet_token token;
    struct ota_upload_wanted wanted = {.count = 0};
    struct ota_upload upload;
    struct ota_err err;
    enum MHD_Result rc;
    bool fresh;
    if (!ota_api_allow(a, x, OTA_TOKEN_PUSH, &token, &rc) || !read_body(x, &body, &rc))
        return rc;
    if (read_wanted(body, &wanted, &err) != OTA_OK)
        return ota_api_failed(x, &err);
    if (!token_covers(x, &token, wanted.product, &rc))
        return rc;
    memcpy(wanted.token, token.name, sizeof wanted.token);
    if (check_product(a, wanted.product, &err) != OTA_OK ||
        ota_upload_begin(a->w, &wanted, &upload, &fresh, &err) != OTA_OK)
        return ota_api_failed(x, &err);
    return answer_upload(x, fresh ? MHD_HTTP_CREATED : MHD_HTTP_OK, &upload, true);
}

enum MHD_Result ota_api_show(struct ota_api *a, struct ota_exchange *x, const char *id) {
    struct ota_fleet_token token;
    struct ota_upload upload;
    struct ota_err err;
    enum MHD_Result rc;
    if (!ota_api_allow(a, x, OTA_TOKEN_PUSH, &token, &rc))
        return rc;
    if (ota_upload_read(a->w, id, token.name, &upload, &err) != OTA_OK)
        return ota_api_failed(x, &err);
    return answer_upload(x, MHD_HTTP_OK, &upload, false);
}

/* ---- POST /api/v1/releases/{id}/publish ----------------------------------------------------------------- */

static enum ota_status read_release(const cJSON *body, struct ota_upload_release *out, struct ota_err *err) {
    const cJSON *channel = cJSON_GetObjectItemCaseSensitive(body, "channel");
    const char *role = ota_json_tree_string(body, "role");
    double permille = PERMILLE_ALL;
    if (!role)
        return ota_err_set(err, OTA_ARGUMENT, "\"role\" is the signed product role, as a string");
    out->role = ota_span_str(role);
    if (cJSON_GetObjectItemCaseSensitive(body, "permille") && !read_number(body, "permille", PERMILLE_ALL, &permille))
        return ota_err_set(err, OTA_ARGUMENT, "\"permille\" is a whole number from 0 to %d", PERMILLE_ALL);
    out->permille = (uint16_t)permille;
    if (!channel || cJSON_IsNull(channel))
        return OTA_OK;
    out->channel = cJSON_GetStringValue(channel);
    if (!out->channel || !ota_name_valid(ota_span_str(out->channel)))
        return ota_err_set(err, OTA_ARGUMENT, "\"channel\" is the name of a channel, or null");
    return OTA_OK;
}

enum MHD_Result ota_api_publish(struct ota_api *a, struct ota_exchange *x, const char *id) {
    OTA_CLEAN(ota_json_tree_free) cJSON *body = NULL;
    struct ota_fleet_token token;
    struct ota_upload upload;
    struct ota_upload_release release = {.channel = NULL};
    struct ota_err err;
    enum MHD_Result rc;
    if (!ota_api_allow(a, x, OTA_TOKEN_PUSH, &token, &rc) || !read_body(x, &body, &rc))
        return rc;
    if (ota_upload_read(a->w, id, token.name, &upload, &err) != OTA_OK || read_release(body, &release, &err) != OTA_OK)
        return ota_api_failed(x, &err);
    if (!token_covers(x, &token, upload.wanted.product, &rc)) /* made anew under its old name, for another product */
        return rc;
    if (ota_upload_hand_over(a->w, &upload, &release, &err) != OTA_OK)
        return ota_api_failed(x, &err);
    ota_log(&ota_log_stderr, OTA_LOG_INFO, "token %s pushed %s release %u", token.name, upload.wanted.product,
            upload.counter);
    return answer_upload(x, MHD_HTTP_ACCEPTED, &upload, true);
}
