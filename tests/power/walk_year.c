/* SPDX-License-Identifier: Apache-2.0 */
/* What a year takes of a board's flash: a poll a day, a release a month. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

#define DAY_S 86400u
#define DAYS 365u
#define RELEASES 12u
#define MOST 6u           /* sectors that are shown */
#define ENDURANCE 100000u /* erases that a data sheet promises */

struct place {
    uint32_t end;
    const char *name;
};

static const char *place_of(uint32_t offset) {
    static const struct place place[] = {
        {SIM_TABLE_OFFSET, "bootloader"},
        {0x9000, "partition table"},
        {SIM_OTADATA, "nvs"},
        {0xF000, "otadata"},
        {SIM_SLOT_0, "spare"},
        {SIM_SLOT_1, "ota_0"},
        {SIM_STATE, "ota_1"},
        {0x4C000, "ota_state"},
        {SIM_STORAGE, "ota_id"},
        {SIM_STORAGE + SIM_STORAGE_SIZE, "storage"},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(place); i++)
        if (offset < place[i].end)
            return place[i].name;
    return "staging hole";
}

/* One poll a day, wherever jitter would put it. */
static void daily(void *ctx, struct ota_agent_config *cfg) {
    (void)ctx;
    cfg->poll_interval_s = DAY_S;
}

/* Of the versioned metadata a board asks for the newest alone. */
static void forget_old_metadata(struct fake_server *s) {
    char newest[24];
    size_t kept = 0;
    ota_format(newest, sizeof newest, "m/%llu.", (unsigned long long)s->version);
    for (size_t i = 0; i < s->file_count; i++) {
        struct fake_file *f = &s->file[i];
        bool old = strncmp(f->path, "m/", 2) == 0 && !strstr(f->path, "root") && !strstr(f->path, "targets") &&
                   !strstr(f->path, "timestamp") && strncmp(f->path, newest, strlen(newest)) != 0;
        if (old) {
            ota_buf_free(&f->bytes);
            continue;
        }
        if (kept != i) {
            s->file[kept] = *f;
            memset(f, 0, sizeof *f);
        }
        kept++;
    }
    s->file_count = kept;
}

static bool live(struct walk *k, unsigned renew_days) {
    struct sim_world *w = k->w;
    const uint64_t began = w->now;
    for (unsigned day = 0; day < DAYS; day++) {
        w->now = began; /* only the uptime goes on: nobody signs the root again */
        if (day * RELEASES / DAYS != (day + 1) * RELEASES / DAYS)
            walk_release(k, day % 2 ? "sa" : "tsba");
        else if (day % renew_days == 0)
            walk_publish(k);
        forget_old_metadata(w->server);
        if (sim_world_run(w) != SIM_RESTS)
            return false;
    }
    return w->agent.board.counter == RELEASES + 1u;
}

static void show(const struct sim_world *w, unsigned renew_days) {
    uint32_t *erases = w->board.nor.erases;
    (void)printf("metadata signed every %u days: %llu sectors erased, %llu bytes written; most often:\n", renew_days,
                 (unsigned long long)w->board.nor.sectors_erased, (unsigned long long)w->board.nor.bytes_written);
    for (unsigned n = 0; n < MOST; n++) {
        uint32_t most = 0;
        for (uint32_t i = 0; i < SIM_FLASH_SIZE / OTA_SECTOR; i++)
            most = erases[i] > erases[most] ? i : most;
        if (erases[most] == 0)
            break;
        (void)printf("  0x%05x %-15s %4u erases, a data sheet's %u in %u years\n", (unsigned)(most * OTA_SECTOR),
                     place_of(most * OTA_SECTOR), (unsigned)erases[most], ENDURANCE,
                     (unsigned)(ENDURANCE / erases[most]));
        erases[most] = 0;
    }
}

bool walk_year(struct walk_story *story, unsigned renew_days) {
    static struct walk k;
    k = (struct walk){.seed = 1, .story = story};
    walk_random_begin(&k);
    k.w = sim_world_new(&(struct sim_config){0});
    walk_events_begin(&k);
    k.deadline_s = 0;
    k.w->configure = daily;
    bool good = live(&k, renew_days);
    if (good)
        show(k.w, renew_days);
    else
        (void)printf("the board is at release %u after a year: %s\n", (unsigned)k.w->agent.board.counter,
                     k.w->agent.last.msg);
    sim_world_free(k.w);
    return good;
}
