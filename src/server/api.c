/* SPDX-License-Identifier: Apache-2.0 */
/* What every request of the API goes through: its path, its token, its answer. */
#include "server/api.h"

#include <string.h>

#include "host/clock.h"
#include "host/crypto.h"
#include "host/json_tree.h"
#include "host/log.h"
#include "server/problem.h"

#define STRANGER_BURST 20u
#define STRANGER_PER_MINUTE 30u
#define TOKEN_BURST 600u
#define TOKEN_PER_MINUTE 1200u

static const char prefix[] = "/api/v1/releases";

enum ota_status ota_api_init(struct ota_api *a, const struct ota_workspace *w, struct ota_err *err) {
    uint64_t seed[2];
    OTA_TRY(ota_crypto_openssl.random(ota_crypto_openssl.ctx, seed, sizeof seed, err));
    a->w = w;
    atomic_init(&a->fleet, NULL);
    ota_limit_init(&a->strangers, STRANGER_BURST, STRANGER_PER_MINUTE, seed[0]);
    ota_limit_init(&a->tokens, TOKEN_BURST, TOKEN_PER_MINUTE, seed[1]);
    return OTA_OK;
}

void ota_api_free(struct ota_api *a) {
    ota_limit_free(&a->strangers);
    ota_limit_free(&a->tokens);
}

void ota_api_set_fleet(struct ota_api *a, struct ota_fleet *fleet) {
    atomic_store(&a->fleet, fleet);
}

/* ---- paths --------------------------------------------------------------------------------------------- */

bool ota_api_path(const char *path) {
    return strncmp(path, prefix, sizeof prefix - 1) == 0 && strchr("/", path[sizeof prefix - 1]);
}

/* Takes "/<hex digits>" off the front. */
static bool take_hex(const char **rest, size_t digits, char *out) {
    const char *p = *rest;
    if (p[0] != '/' || strspn(p + 1, "0123456789abcdef") != digits)
        return false;
    memcpy(out, p + 1, digits);
    out[digits] = '\0';
    *rest = p + 1 + digits;
    return true;
}

bool ota_api_target(const char *path, struct ota_api_target *out) {
    static const char files[] = "/files";
    memset(out, 0, sizeof *out);
    if (!ota_api_path(path))
        return false;
    const char *rest = path + sizeof prefix - 1;
    out->place = OTA_API_RELEASES;
    if (!*rest)
        return true;
    out->place = OTA_API_RELEASE;
    if (!take_hex(&rest, OTA_UPLOAD_ID_LEN, out->id))
        return false;
    if (!*rest)
        return true;
    out->place = OTA_API_PUBLISH;
    if (strcmp(rest, "/publish") == 0)
        return true;
    out->place = OTA_API_FILE;
    if (strncmp(rest, files, sizeof files - 1) != 0)
        return false;
    rest += sizeof files - 1;
    return take_hex(&rest, OTA_SHA256_HEX_LEN, out->sha256) && !*rest;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

enum MHD_Result ota_api_json(struct ota_exchange *x, unsigned status, cJSON **tree, const char *location) {
    OTA_CLEAN_FREE char *text = cJSON_PrintUnformatted(*tree);
    enum MHD_Result rc = MHD_NO;
    ota_json_tree_free(tree);
    if (!text)
        return ota_problem_answer(x, MHD_HTTP_INTERNAL_SERVER_ERROR, OTA_MEMORY, "out of memory");
    size_t n = strlen(text);
    struct MHD_Response *r = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_COPY);
    if (r && MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json") == MHD_YES &&
        MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
        (!location || MHD_add_response_header(r, MHD_HTTP_HEADER_LOCATION, location) == MHD_YES))
        rc = ota_exchange_answer(x, status, r, n);
    if (r)
        MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result again_later(struct ota_exchange *x, unsigned status, const char *seconds,
                                   const struct ota_err *err) {
    return ota_problem_answer_with(x, status, err->code, err->msg,
                                   (struct ota_problem_header){MHD_HTTP_HEADER_RETRY_AFTER, seconds});
}

static unsigned http_status(enum ota_status code) {
    if (ota_status_is_json(code))
        return MHD_HTTP_BAD_REQUEST;
    switch (code) {
    case OTA_ARGUMENT:
        return MHD_HTTP_BAD_REQUEST;
    case OTA_NOT_FOUND:
        return MHD_HTTP_NOT_FOUND;
    case OTA_TOO_LARGE:
        return MHD_HTTP_CONTENT_TOO_LARGE;
    case OTA_EXISTS:
    case OTA_LENGTH:
    case OTA_TRUNCATED:
    case OTA_ROLLBACK:
    case OTA_COUNTER:
        return MHD_HTTP_CONFLICT; /* look at what is there now, and try again */
    case OTA_NO_SPACE:
        return MHD_HTTP_INSUFFICIENT_STORAGE;
    default:
        return MHD_HTTP_UNPROCESSABLE_CONTENT;
    }
}

enum MHD_Result ota_api_failed(struct ota_exchange *x, const struct ota_err *err) {
    static const enum ota_status here[] = {OTA_IO, OTA_PERMISSION, OTA_MEMORY, OTA_INTERNAL, OTA_INTERRUPTED};
    if (err->code == OTA_BUSY)
        return again_later(x, MHD_HTTP_SERVICE_UNAVAILABLE, "1", err);
    for (size_t i = 0; i < OTA_ARRAY_LEN(here); i++) {
        if (err->code != here[i])
            continue;
        const struct ota_err told = {.code = err->code, .msg = "the server cannot do it now; its log says why"};
        ota_log(&ota_log_stderr, OTA_LOG_ERROR, "%s %s: %s", x->method, x->path, err->msg);
        return again_later(x, MHD_HTTP_SERVICE_UNAVAILABLE, "60", &told);
    }
    return ota_problem_answer(x, http_status(err->code), err->code, err->msg);
}

/* ---- tokens -------------------------------------------------------------------------------------------- */

static bool limited(struct ota_limit *l, const char *key, struct ota_exchange *x, enum MHD_Result *rc) {
    char wait[16];
    uint32_t seconds = ota_limit_take(l, key, ota_clock_system.uptime_ms(ota_clock_system.ctx));
    if (!seconds)
        return false;
    (void)ota_format(wait, sizeof wait, "%u", (unsigned)seconds);
    const struct ota_err err = {.code = OTA_OK, .msg = "too many requests; wait and try again"};
    *rc = again_later(x, MHD_HTTP_TOO_MANY_REQUESTS, wait, &err);
    return true;
}

static enum MHD_Result stranger(struct ota_api *a, struct ota_exchange *x, const struct ota_err *err) {
    char address[OTA_ADDRESS_TEXT_MAX], key[OTA_LIMIT_KEY_MAX];
    enum MHD_Result rc;
    ota_exchange_address(x, address);
    ota_limit_address_key(address, key);
    if (limited(&a->strangers, key, x, &rc))
        return rc;
    return ota_problem_answer_with(x, MHD_HTTP_UNAUTHORIZED, OTA_UNAUTHORIZED, err->msg,
                                   (struct ota_problem_header){MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer"});
}

bool ota_api_allow(struct ota_api *a, struct ota_exchange *x, enum ota_token_role role, struct ota_fleet_token *token,
                   enum MHD_Result *rc) {
    struct ota_fleet *fleet = atomic_load(&a->fleet);
    const char *bearer = ota_exchange_bearer(x);
    struct ota_err err;
    char detail[OTA_ERR_MSG_MAX];
    if (!bearer || !bearer[0])
        (void)ota_err_set(&err, OTA_UNAUTHORIZED, "a token is needed: Authorization: Bearer (otactl token create)");
    else if (!fleet)
        (void)ota_err_set(&err, OTA_BUSY, "the server is not ready yet");
    else if (ota_fleet_token_check(fleet, bearer, token, &err) == OTA_OK)
        err.code = OTA_OK;
    if (err.code != OTA_OK) {
        *rc = err.code == OTA_UNAUTHORIZED ? stranger(a, x, &err) : ota_api_failed(x, &err);
        return false;
    }
    if (limited(&a->tokens, token->name, x, rc))
        return false;
    if (token->role >= role)
        return true;
    (void)ota_format(detail, sizeof detail, "token %s has role %s; this needs %s", token->name,
                     ota_token_role_name(token->role), ota_token_role_name(role));
    *rc = ota_problem_answer(x, MHD_HTTP_FORBIDDEN, OTA_PERMISSION, detail);
    return false;
}

/* ---- dispatch ------------------------------------------------------------------------------------------ */

static bool is(const struct ota_exchange *x, const char *method) {
    return strcmp(x->method, method) == 0;
}

static enum MHD_Result not_allowed(struct ota_exchange *x, const char *allowed) {
    return ota_problem_answer_with(x, MHD_HTTP_METHOD_NOT_ALLOWED, OTA_OK, "this method does nothing here",
                                   (struct ota_problem_header){MHD_HTTP_HEADER_ALLOW, allowed});
}

enum MHD_Result ota_api_begin(struct ota_api *a, struct ota_exchange *x) {
    struct ota_api_target t;
    if (!is(x, MHD_HTTP_METHOD_PUT) || !ota_api_target(x->path, &t) || t.place != OTA_API_FILE)
        return MHD_YES;
    return ota_api_file_begin(a, x, &t);
}

enum MHD_Result ota_api_answer(struct ota_api *a, struct ota_exchange *x) {
    struct ota_api_target t;
    if (!ota_api_target(x->path, &t))
        return ota_problem_answer(x, MHD_HTTP_NOT_FOUND, OTA_NOT_FOUND, "there is nothing at this path");
    bool reads = x->head || is(x, MHD_HTTP_METHOD_GET), posts = is(x, MHD_HTTP_METHOD_POST);
    switch (t.place) {
    case OTA_API_RELEASES:
        return reads ? ota_api_list(a, x) : posts ? ota_api_start(a, x) : not_allowed(x, "GET, HEAD, POST");
    case OTA_API_RELEASE:
        return reads ? ota_api_show(a, x, t.id) : not_allowed(x, "GET, HEAD");
    case OTA_API_PUBLISH:
        return posts ? ota_api_publish(a, x, t.id) : not_allowed(x, "POST");
    case OTA_API_FILE:
        return x->sink.take ? ota_api_file_end(x) : not_allowed(x, "PUT");
    }
    return MHD_NO;
}
