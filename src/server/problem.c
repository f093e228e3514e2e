/* SPDX-License-Identifier: Apache-2.0 */
/* Error answers. */
#include "server/problem.h"

#include <string.h>

#include "ota/scan.h"

#define PROBLEM_MAX 1024u

static size_t problem_text(char *out, size_t cap, unsigned http, enum ota_status code, const char *detail) {
    char type[64] = "about:blank";
    struct ota_json j;
    if (code != OTA_OK)
        (void)ota_format(type, sizeof type, "urn:otaserve:problem:%s", ota_status_name(code));
    ota_json_init(&j, out, cap, false);
    ota_json_object(&j);
    ota_json_key(&j, "detail");
    ota_json_str(&j, detail);
    ota_json_key(&j, "status");
    ota_json_u64(&j, http);
    ota_json_key(&j, "title");
    ota_json_str(&j, code == OTA_OK ? MHD_get_reason_phrase_for(http) : ota_status_text(code));
    ota_json_key(&j, "type");
    ota_json_str(&j, type);
    ota_json_object_end(&j);
    return j.bad ? 0 : j.len;
}

static bool add(struct MHD_Response *r, const char *name, const char *value) {
    return MHD_add_response_header(r, name, value) == MHD_YES;
}

enum MHD_Result ota_problem_answer_with(struct ota_exchange *x, unsigned http, enum ota_status code, const char *detail,
                                        struct ota_problem_header extra) {
    char text[PROBLEM_MAX];
    size_t length = problem_text(text, sizeof text, http, code, detail);
    enum MHD_Result rc = MHD_NO;
    struct MHD_Response *r = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    bool cacheable = extra.name && strcmp(extra.name, MHD_HTTP_HEADER_CACHE_CONTROL) == 0;
    if (add(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/problem+json") &&
        add(r, "X-Content-Type-Options", "nosniff") &&
        (cacheable || add(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store")) &&
        (!extra.name || add(r, extra.name, extra.value)))
        rc = ota_exchange_answer(x, http, r, length);
    MHD_destroy_response(r);
    return rc;
}

enum MHD_Result ota_problem_answer(struct ota_exchange *x, unsigned http, enum ota_status code, const char *detail) {
    return ota_problem_answer_with(x, http, code, detail, (struct ota_problem_header){0});
}
