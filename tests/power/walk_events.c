/* SPDX-License-Identifier: Apache-2.0 */
/* What befalls the board, and how its life goes on after each event. */
#include <string.h>

#include "walk.h"

#define RUNS_MAX 30u /* from everything good to the last release */
#define DAY_S 86400u
#define BOOTS_MAX 50u

/* ---- what the board is given --------------------------------------------------------------------------- */

static bool walk_now(void *ctx, uint64_t *unix_seconds) {
    const struct walk *k = ctx;
    *unix_seconds = (uint64_t)((int64_t)k->w->now + k->clock_wrong);
    return !k->without_clock;
}

static uint64_t walk_uptime(void *ctx) {
    return ((const struct walk *)ctx)->w->uptime_ms;
}

static bool application_agrees(void *ctx, const struct ota_release *release) {
    const struct sim_world *w = ctx;
    (void)release;
    return !((const struct walk *)w->configure_ctx)->refuses;
}

static bool label_agrees(void *ctx, const char *label) {
    (void)label;
    return application_agrees(ctx, NULL);
}

static void configure(void *ctx, struct ota_agent_config *cfg) {
    const struct walk *k = ctx;
    cfg->window = k->window;
    cfg->deadline_s = k->deadline_s;
    cfg->hooks.may_start = application_agrees;
    cfg->hooks.before_activate = label_agrees;
}

static void before_operation(void *ctx, struct ota_nor *n, uint64_t operation) {
    struct walk *k = ctx;
    if (k->cut_in == 0 || --k->cut_in > 0)
        return;
    ota_nor_cut_power(n, 1, k->cut);
    k->was_cut = true;
    k->story->cuts++;
    walk_say(k, "  power is cut at operation %llu (%s)", (unsigned long long)operation, ota_nor_cut_name(k->cut));
    if (k->cuts_more > 0) {
        k->cuts_more--;
        k->cut_in = 1u + walk_below(k, 6);
    }
}

void walk_events_begin(struct walk *k) {
    struct sim_world *w = k->w;
    w->clock = (struct ota_clock){k, walk_now, walk_uptime};
    w->configure = configure;
    w->configure_ctx = k;
    w->board.nor.before = before_operation;
    w->board.nor.before_ctx = k;
    k->newest = 1;
    k->release[1] = (struct walk_release){"a", true};
    k->deadline_s = walk_chance(k, 15) ? 1800u : 0;
    k->published = w->now;
}

/* ---- the board's life ---------------------------------------------------------------------------------- */

/* Until the board has power and what it runs can be judged. */
static void settle(struct walk *k, enum sim_end end) {
    for (unsigned i = 0; end == SIM_CUT && i < BOOTS_MAX; i++)
        end = sim_world_boot(k->w);
    walk_judge_end(k, end);
    if (end == SIM_FAILED) {
        k->w->kv_fail_at = 0;
        k->kv_fails = false;
        walk_say(k, "  %s; ota_state can be written again", k->w->err.msg);
        end = sim_world_boot(k->w);
        walk_judge_end(k, end);
    }
    walk_judge(k);
}

static void boot(struct walk *k) {
    settle(k, sim_world_boot(k->w));
}

static void run(struct walk *k) {
    walk_note_offer(k);
    settle(k, sim_world_run(k->w));
}

static void poll(struct walk *k) {
    bool now = walk_chance(k, 50);
    walk_say(k, now ? "polls now" : "polls");
    if (now && k->w->running)
        ota_poll_now(&k->w->agent);
    run(k);
}

static void draw_cut(struct walk *k, uint32_t within) {
    k->cut = (enum ota_nor_cut)walk_below(k, OTA_NOR_CUT_COUNT);
    k->cut_in = 1u + walk_below(k, within);
    k->cuts_more = walk_chance(k, 25) ? 1u + walk_below(k, 4) : 0;
    k->w->board.nor.seed = walk_below(k, UINT32_MAX);
    walk_say(k, "power will be cut in %u operations (%s)", (unsigned)k->cut_in, ota_nor_cut_name(k->cut));
}

static void cut_power(struct walk *k) {
    if (walk_chance(k, 60))
        walk_any_release(k); /* a board without an update writes little */
    draw_cut(k, 1u << (1u + walk_below(k, 7)));
    if (k->w->running)
        ota_poll_now(&k->w->agent);
    run(k);
    k->cut_in = 0;
    k->cuts_more = 0;
}

/* A reset between two runs: a wake from deep sleep, or a watchdog; also while a new app is on trial. */
static void reset(struct walk *k) {
    if (walk_chance(k, 40))
        walk_any_release(k);
    k->w->passes_max = 1u + walk_below(k, 6);
    walk_say(k, "is reset after %u runs", k->w->passes_max);
    if (k->w->running)
        ota_poll_now(&k->w->agent);
    run(k);
    k->w->passes_max = 0;
    boot(k);
}

static void pass_time(struct walk *k) {
    uint32_t s = walk_below(k, walk_chance(k, 20) ? 3 * DAY_S : 6 * 3600u);
    k->w->now += s;
    k->w->uptime_ms += 1000ull * s;
    walk_say(k, "%u s pass", (unsigned)s);
}

/* ---- the clock ----------------------------------------------------------------------------------------- */

static void wrong_clock(struct walk *k) {
    static const int64_t by[] = {3600, 86400, 20 * 86400, 400 * 86400ll, -3600, -86400, -400 * 86400ll, -1799999999};
    k->without_clock = walk_chance(k, 25);
    k->clock_wrong = by[walk_below(k, OTA_ARRAY_LEN(by))];
    if (k->without_clock)
        walk_say(k, "the clock is not synchronised");
    else
        walk_say(k, "the clock is wrong by %lld s", (long long)k->clock_wrong);
}

static void right_clock(struct walk *k) {
    k->without_clock = false;
    k->clock_wrong = 0;
}

/* ---- ota_state and nvs --------------------------------------------------------------------------------- */

static void erase(struct walk *k, uint32_t from, uint32_t to) {
    memset(k->w->board.nor.memory + from, 0xFF, to - from);
}

static void lose_state(struct walk *k) {
    const enum ota_phase phase = k->w->running ? k->w->agent.journal.phase : OTA_PHASE_COMMITTED;
    uint32_t sector = SIM_STATE + walk_below(k, 12) * OTA_SECTOR;
    bool whole = walk_chance(k, 50);
    erase(k, whole ? SIM_STATE : sector, whole ? SIM_STATE + 12 * OTA_SECTOR : sector + OTA_SECTOR);
    k->lost = k->lost_ever = true;
    k->half_lost = k->half_lost || phase == OTA_PHASE_COMMITTED;
    k->stale = k->stale || !whole;
    k->timestamp = k->snapshot = 0;
    if (whole)
        walk_say(k, "ota_state is lost");
    else
        walk_say(k, "the sector at 0x%x of ota_state is lost", (unsigned)sector);
    boot(k);
}

static void erase_nvs(struct walk *k) {
    walk_say(k, "nvs and phy_init are erased");
    erase(k, 0x9000, SIM_OTADATA);
    erase(k, 0xF000, 0x10000);
    boot(k);
}

static void fail_state(struct walk *k) {
    struct sim_world *w = k->w;
    uint32_t after = 1u + walk_below(k, 12);
    if (!w->running)
        boot(k);
    w->kv_fail_at = w->kv.changes + after;
    w->kv_fail_onwards = walk_chance(k, 40);
    w->kv.fail_at = w->kv_fail_at;
    w->kv.fail_onwards = w->kv_fail_onwards;
    k->kv_fails = true;
    walk_say(k, "change %u of ota_state from now fails%s", (unsigned)after,
             w->kv_fail_onwards ? ", and all after it" : "");
    ota_poll_now(&w->agent);
    run(k);
}

static void mend_state(struct walk *k) {
    k->w->kv_fail_at = 0;
    k->w->kv.fail_at = 0;
    k->w->kv_fail_onwards = k->w->kv.fail_onwards = false;
    k->kv_fails = false;
}

/* ---- putting off --------------------------------------------------------------------------------------- */

static void put_off(struct walk *k) {
    uint32_t s = walk_below(k, 2 * DAY_S);
    struct ota_err unkept;
    if (!k->w->running)
        boot(k);
    walk_say(k, "updates are put off for %u s", (unsigned)s);
    (void)!ota_defer(&k->w->agent, s, &unkept);
}

static void change_window(struct walk *k) {
    k->window = (struct ota_maintenance){0, 0};
    if (walk_chance(k, 70))
        k->window = (struct ota_maintenance){(uint16_t)walk_below(k, 1440), (uint16_t)walk_below(k, 1440)};
    if (k->w->running)
        k->w->agent.cfg.window = k->window;
    walk_say(k, "the window is from minute %u to %u", k->window.from, k->window.to);
}

static void change_mind(struct walk *k) {
    k->refuses = !k->refuses;
    walk_say(k, k->refuses ? "the application says not now" : "the application agrees again");
}

/* ---- bad sectors --------------------------------------------------------------------------------------- */

/* In one walk of twenty; never where the board cannot do without the sector. */
static void wear_out(struct walk *k) {
    static const uint32_t from[] = {SIM_SLOT_0, SIM_SLOT_1, SIM_STORAGE, SIM_STORAGE + SIM_STORAGE_SIZE, 0x60000};
    uint32_t at = from[walk_below(k, OTA_ARRAY_LEN(from))] + walk_below(k, 4) * OTA_SECTOR;
    if (k->seed % 20 != 0)
        return;
    ota_nor_fault(&k->w->board.nor, at / OTA_SECTOR, (uint8_t)(1u << walk_below(k, 4)));
    k->worn = true;
    walk_say(k, "the sector at 0x%x is bad", (unsigned)at);
}

/* ---- nothing new --------------------------------------------------------------------------------------- */

static void make_good(struct walk *k) {
    walk_network_good(k);
    right_clock(k);
    mend_state(k);
}

/* A board that is where the channel is writes nothing at all, but when it looked through everything, once in a while. */
static void check_quiet(struct walk *k) {
    struct sim_world *w = k->w;
    walk_say(k, "all is good for a while");
    make_good(k);
    for (unsigned i = 0; i < 4; i++) {
        if (w->running)
            ota_poll_now(&w->agent);
        run(k);
    }
    if (!w->running || w->agent.last.code != OTA_OK || w->agent.journal.phase != OTA_PHASE_IDLE ||
        w->agent.channel_counter > w->agent.board.counter)
        return;
    const uint64_t before = w->board.nor.operations, whole = w->agent.trust.ts.whole;
    run(k);
    if (w->board.nor.operations != before && w->agent.trust.ts.whole == whole)
        walk_end(k, WALK_VIOLATION, "nothing is new, and %u flash operations were made",
                 (unsigned)(w->board.nor.operations - before));
}

/* ---- one event ----------------------------------------------------------------------------------------- */

struct event {
    unsigned weight;
    void (*happen)(struct walk *k);
};

static const struct event events[] = {
    {16, walk_any_release},
    {5, walk_move_channel},
    {2, walk_withdraw},
    {3, walk_withdraw_under_way},
    {2, walk_damage_image},
    {2, walk_change_etags},
    {9, walk_network_fault},
    {8, walk_network_good},
    {20, poll},
    {18, cut_power},
    {8, reset},
    {5, pass_time},
    {3, wrong_clock},
    {3, right_clock},
    {2, lose_state},
    {1, erase_nvs},
    {3, fail_state},
    {3, mend_state},
    {2, put_off},
    {2, change_window},
    {2, change_mind},
    {2, wear_out},
    {5, check_quiet},
};

void walk_event(struct walk *k) {
    unsigned sum = 0, i = 0;
    for (size_t n = 0; n < OTA_ARRAY_LEN(events); n++)
        sum += events[n].weight;
    unsigned draw = walk_below(k, sum);
    while (draw >= events[i].weight)
        draw -= events[i++].weight;
    k->story->events++;
    events[i].happen(k);
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static void offer_last(struct walk *k) {
    struct ota_err unkept;
    k->window = (struct ota_maintenance){0, 0};
    k->refuses = false;
    k->w->server->on_image = NULL;
    make_good(k);
    walk_release(k, k->w->config.anti_rollback ? "tsbVa" : "tsba");
    walk_say(k, "all is good, and release %u is offered", (unsigned)k->newest);
    k->w->agent.cfg.window = k->window;
    if (k->w->running)
        (void)!ota_defer(&k->w->agent, 0, &unkept);
}

void walk_to_the_end(struct walk *k) {
    if (!k->w->running)
        boot(k);
    offer_last(k);
    if (walk_chance(k, 30))
        draw_cut(k, 60);
    if (k->cuts_more > 1)
        k->cuts_more = 1; /* a third lost activation makes a release failed, and rightly */
    while (k->story->runs < RUNS_MAX && !walk_has_arrived(k)) {
        if (k->w->running)
            ota_poll_now(&k->w->agent);
        run(k);
        k->story->runs++;
        if (walk_runs_app_without_network(k))
            walk_end(k, WALK_OFFLINE_APP, "an app without network was confirmed offline");
    }
    if (!walk_has_arrived(k))
        walk_end(k, k->worn ? WALK_WORN : WALK_VIOLATION, "release %u is not reached in %u runs: %s",
                 (unsigned)k->newest, RUNS_MAX, k->w->agent.last.msg);
    boot(k); /* a bootloader that does not start shows only now */
    walk_end(k, WALK_REACHED, "release %u is reached", (unsigned)k->newest);
}
