/* SPDX-License-Identifier: Apache-2.0 */
/* The line to the server, which may be slow. */
#include "walk.h"

static enum ota_status line_open(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                 struct ota_err *err) {
    const struct walk_line *l = ctx;
    return l->server.open(l->server.ctx, req, resp, err);
}

static enum ota_status line_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err) {
    const struct walk_line *l = ctx;
    l->w->uptime_ms += l->slow_ms;
    l->w->now += l->slow_ms / 1000u;
    return l->server.read(l->server.ctx, p, cap, got, err);
}

static void line_close(void *ctx) {
    const struct walk_line *l = ctx;
    l->server.close(l->server.ctx);
}

void walk_line_begin(struct walk_line *l, struct sim_world *w) {
    l->w = w;
    l->server = w->server->port;
    w->server->port = (struct ota_transport){l, line_open, line_read, line_close};
}
