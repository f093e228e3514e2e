/* SPDX-License-Identifier: Apache-2.0 */
/* Which answer a request gets. */
#include "server/route.h"

#include <string.h>

#include "server/problem.h"

#define READ_METHODS "GET, HEAD"

static bool reads(const struct ota_exchange *x) {
    return x->head || strcmp(x->method, MHD_HTTP_METHOD_GET) == 0;
}

static enum MHD_Result not_allowed(struct ota_exchange *x, const char *allowed) {
    return ota_problem_answer_with(x, MHD_HTTP_METHOD_NOT_ALLOWED, OTA_OK, "this method does nothing here",
                                   (struct ota_problem_header){MHD_HTTP_HEADER_ALLOW, allowed});
}

static enum MHD_Result front_page(struct ota_exchange *x) {
    static char text[] = "otaserve " OTA_PROGRAM_VERSION "\n\n"
                         "/metadata/timestamp.json   signed metadata (The Update Framework)\n"
                         "/targets/                  signed images\n"
                         "/healthz                   health, with reasons\n";
    struct MHD_Response *r = MHD_create_response_from_buffer(sizeof text - 1, text, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result rc = MHD_NO;
    if (r && MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8") == MHD_YES)
        rc = ota_exchange_answer(x, MHD_HTTP_OK, r, sizeof text - 1);
    if (r)
        MHD_destroy_response(r);
    return rc;
}

/* Connection: close, so that the other end goes elsewhere. */
static enum MHD_Result turned_away(struct ota_exchange *x) {
    return ota_problem_answer_with(x, MHD_HTTP_SERVICE_UNAVAILABLE, OTA_OK, "the server is being stopped",
                                   (struct ota_problem_header){MHD_HTTP_HEADER_CONNECTION, "close"});
}

/* While it drains nothing takes a file's body, which would be refused as too large for any other place: a sender goes
 * on elsewhere or later, but not after that. */
enum MHD_Result ota_route_begin(struct ota_daemon *d, struct ota_exchange *x) {
    if (!ota_api_path(x->path))
        return MHD_YES;
    if (atomic_load(&d->draining))
        return strcmp(x->method, MHD_HTTP_METHOD_PUT) == 0 ? turned_away(x) : MHD_YES;
    return ota_api_begin(&d->api, x);
}

enum MHD_Result ota_route(struct ota_daemon *d, struct ota_exchange *x) {
    char id[OTA_DEVICE_ID_MAX + 1];
    enum ota_served kind = ota_served_name(x->path);
    if (atomic_load(&d->draining))
        return turned_away(x);
    if (!x->path[0])
        return ota_problem_answer(x, MHD_HTTP_BAD_REQUEST, OTA_OK, "the path is too long or wrongly escaped");
    if (kind != OTA_SERVED_NOTHING)
        return reads(x) ? ota_static_serve(d->files, x, kind) : not_allowed(x, READ_METHODS);
    if (ota_reports_path(x->path, id))
        return strcmp(x->method, MHD_HTTP_METHOD_POST) == 0 ? ota_reports_post(&d->reports, x, id)
                                                            : not_allowed(x, MHD_HTTP_METHOD_POST);
    if (ota_api_path(x->path))
        return ota_api_answer(&d->api, x);
    if (strcmp(x->path, "/healthz") == 0)
        return reads(x) ? ota_health_get(&d->health, x) : not_allowed(x, READ_METHODS);
    if (strcmp(x->path, "/") == 0)
        return reads(x) ? front_page(x) : not_allowed(x, READ_METHODS);
    return ota_problem_answer(x, MHD_HTTP_NOT_FOUND, OTA_NOT_FOUND, "there is nothing at this path");
}
