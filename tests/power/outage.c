/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fleets under a rollout whose server goes away at one moment of each board's update, and comes back.
 *
 *   outage [--boards N]     boards of each row, 40
 *
 * However long the server was away, a healthy release comes to every board, and one whose network does not work stays
 * on none; but where the server is away for as long as both apps look for it (twice ten minutes), the two cannot be
 * told apart, and the new app is confirmed offline: those boards are counted by themselves.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_world.h"

#define HOUR_S 3600u
#define DAY_S 86400u
#define RUNS_MAX 1000u
#define BOTH_LOOK_S 1200u /* confirm_timeout_s of the new app, and of the old one after it */
#define SLOW_MS_MAX 12000u

enum moment { MOMENT_NEVER, MOMENT_BEFORE, MOMENT_DOWNLOAD, MOMENT_CHECK, MOMENT_TRIAL, MOMENT_AFTER, MOMENT_COUNT };
static const char *const moment_names[] = {
    [MOMENT_NEVER] = "never",
    [MOMENT_BEFORE] = "before the board looks",
    [MOMENT_DOWNLOAD] = "during the download",
    [MOMENT_CHECK] = "between download and commit",
    [MOMENT_TRIAL] = "between activation and confirm",
    [MOMENT_AFTER] = "after the update",
};
_Static_assert(OTA_ARRAY_LEN(moment_names) == MOMENT_COUNT, "a moment has no name");

struct fleet {
    const char *kinds;
    enum moment moment;
    uint32_t away_s;
};

struct outage {
    struct sim_world *w;
    struct ota_transport server;
    const struct fleet *fleet;
    uint64_t random, until; /* until: 0, the server did not go away yet */
    uint32_t slow_ms;
    unsigned reads_left; /* of images, until MOMENT_DOWNLOAD */
    bool image;
};

struct result {
    unsigned boards, on_new, on_old, offline, lost;
    uint64_t last_s; /* from the release on, until the last board was settled */
};

static uint32_t below(struct outage *o, uint32_t n) {
    o->random = o->random * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((o->random >> 32) * n >> 32);
}

/* ---- the server that goes away ------------------------------------------------------------------------- */

static void go_away(struct outage *o) {
    if (o->until == 0)
        o->until = o->w->now + o->fleet->away_s;
}

static bool away(const struct outage *o) {
    return o->w->now < o->until;
}

/* What the board is about, when it asks. */
static enum moment moment_of(const struct outage *o, const struct ota_request *req) {
    const struct ota_journal *j = &o->w->agent.journal;
    bool staged = j->phase == OTA_PHASE_STAGING && j->count > 0 && o->w->agent.state == OTA_STATE_CHECKING;
    return staged && req->address == OTA_ADDRESS_METADATA ? MOMENT_CHECK : MOMENT_NEVER;
}

/* An app without network asks no server; it looks at its clock. */
static uint64_t board_uptime(void *ctx) {
    struct outage *o = ctx;
    if (o->fleet->moment == MOMENT_TRIAL && o->w->agent.journal.phase == OTA_PHASE_CONFIRMING)
        go_away(o);
    return o->w->uptime_ms;
}

static bool board_now(void *ctx, uint64_t *unix_seconds) {
    *unix_seconds = ((const struct outage *)ctx)->w->now;
    return true;
}

static enum ota_status nobody(struct outage *o, struct ota_err *err) {
    o->w->now += 1;
    o->w->uptime_ms += 1000;
    return ota_err_set(err, OTA_NETWORK, "nobody answers");
}

static enum ota_status line_open(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                 struct ota_err *err) {
    struct outage *o = ctx;
    o->image = req->address == OTA_ADDRESS_TARGETS;
    if (o->fleet->moment != MOMENT_NEVER && moment_of(o, req) == o->fleet->moment)
        go_away(o);
    return away(o) ? nobody(o, err) : o->server.open(o->server.ctx, req, resp, err);
}

static enum ota_status line_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err) {
    struct outage *o = ctx;
    o->w->uptime_ms += o->slow_ms;
    o->w->now += o->slow_ms / 1000u;
    if (o->image && o->fleet->moment == MOMENT_DOWNLOAD && o->reads_left-- == 0)
        go_away(o);
    return away(o) ? nobody(o, err) : o->server.read(o->server.ctx, p, cap, got, err);
}

static void line_close(void *ctx) {
    const struct outage *o = ctx;
    o->server.close(o->server.ctx);
}

/* ---- one board ----------------------------------------------------------------------------------------- */

static bool settled(const struct sim_world *w) {
    return w->running && w->agent.journal.phase == OTA_PHASE_IDLE &&
           (w->agent.board.counter == 2 || w->agent.board.failed_counter == 2);
}

static void begin(struct outage *o, struct sim_world *w, const struct fleet *f, unsigned index) {
    *o = (struct outage){.w = w, .server = w->server->port, .fleet = f, .random = index * 2u + 1u};
    o->slow_ms = 500u + below(o, SLOW_MS_MAX);
    o->reads_left = below(o, 14);
    w->server->port = (struct ota_transport){o, line_open, line_read, line_close};
    w->clock = (struct ota_clock){o, board_now, board_uptime};
}

/* Two days beyond the end of both rollout and outage: what is decided then stays so. */
static void live(struct outage *o, struct result *r) {
    struct sim_world *w = o->w;
    uint64_t settled_at = 0, released = w->now;
    for (unsigned i = 0; i < RUNS_MAX; i++) {
        enum sim_end end = sim_world_run(w);
        if (end != SIM_RESTS)
            break;
        if (!settled(w))
            settled_at = 0;
        else if (settled_at == 0)
            settled_at = w->now - w->sleep_s;
        if (settled_at && o->fleet->moment == MOMENT_AFTER)
            go_away(o);
        if (settled_at && w->now > settled_at + 2 * DAY_S && w->now > o->until + 2 * DAY_S)
            break;
    }
    bool offline = strcmp(w->agent.report.message, "confirmed-offline") == 0;
    r->boards++;
    if (settled_at == 0)
        r->lost++;
    else if (!sim_world_holds(w, OTA_LABEL_APP, 2))
        r->on_old += w->agent.board.counter == 1;
    else
        r->on_new += w->agent.board.counter == 2;
    r->offline += offline && w->no_network;
    if (settled_at && settled_at - released > r->last_s)
        r->last_s = settled_at - released;
}

static void board(const struct fleet *f, unsigned index, struct result *r) {
    struct sim_world *w = sim_world_new(&(struct sim_config){.staging = (enum sim_staging)(index % 3)});
    struct outage o;
    begin(&o, w, f, index);
    if (sim_world_run(w) == SIM_RESTS) {
        uint64_t polls = w->now;
        w->now = polls - below(&o, w->sleep_s); /* it may be anywhere between two polls when the release comes */
        (void)sim_world_release(w, 2, "2.0.0", f->kinds);
        if (f->moment == MOMENT_BEFORE)
            go_away(&o);
        w->now = polls;
    }
    live(&o, r);
    sim_world_free(w);
}

/* ---- fleets -------------------------------------------------------------------------------------------- */

static bool as_it_must(const struct fleet *f, const struct result *r) {
    bool broken = strchr(f->kinds, 'N') != NULL;
    if (!broken)
        return r->on_new == r->boards;
    if (f->moment == MOMENT_TRIAL && f->away_s >= BOTH_LOOK_S)
        return r->on_old + r->offline == r->boards;
    return r->on_old == r->boards;
}

static bool roll_out(const struct fleet *f, unsigned boards) {
    struct result r = {0};
    char away_text[24];
    for (unsigned i = 0; i < boards; i++)
        board(f, i, &r);
    (void)snprintf(away_text, sizeof away_text, f->away_s < 2 * HOUR_S ? "%" PRIu32 " min" : "%" PRIu32 " h",
                   f->away_s < 2 * HOUR_S ? f->away_s / 60 : f->away_s / HOUR_S);
    bool good = as_it_must(f, &r);
    (void)printf("%-8s  %-31s %7s %6u %7u %7u %8u %7.1f%s\n", strchr(f->kinds, 'N') ? "broken" : "healthy",
                 moment_names[f->moment], f->away_s ? away_text : "-", r.boards, r.on_new, r.on_old, r.offline,
                 (double)r.last_s / HOUR_S, good ? "" : "  WRONG");
    (void)fflush(stdout);
    return good;
}

int main(int argc, char **argv) {
    static const uint32_t away_s[] = {5 * 60, 5 * HOUR_S, 3 * DAY_S};
    static const char *const kinds[] = {"sa", "sN"};
    unsigned boards = 40;
    bool all = true;
    if (argc == 3 && strcmp(argv[1], "--boards") == 0)
        boards = (unsigned)strtoul(argv[2], NULL, 10);
    if (boards == 0 || (argc > 1 && argc != 3)) {
        (void)fprintf(stderr, "usage: outage [--boards N]\n");
        return 2;
    }
    (void)printf("%-8s  %-31s %7s %6s %7s %7s %8s %7s\n", "release", "the server goes away", "for", "boards", "on new",
                 "on old", "offline", "hours");
    for (size_t k = 0; k < OTA_ARRAY_LEN(kinds); k++) {
        all = roll_out(&(struct fleet){kinds[k], MOMENT_NEVER, 0}, boards) && all;
        for (unsigned m = MOMENT_BEFORE; m < MOMENT_COUNT; m++)
            for (size_t i = 0; i < OTA_ARRAY_LEN(away_s); i++)
                all = roll_out(&(struct fleet){kinds[k], (enum moment)m, away_s[i]}, boards) && all;
    }
    return all ? EXIT_SUCCESS : EXIT_FAILURE;
}
