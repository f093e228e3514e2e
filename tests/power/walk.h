/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random walk: one simulated board, and one seed that decides everything that happens to it. After each event the
 * board is judged by what must always hold (walk_judge.c); at the end everything is made good, and the board must come
 * to the last release.
 *
 * Everything random, keys and signatures too, comes from the seed: walk --seed N is the same walk every time.
 */
#ifndef OTA_TESTS_WALK_H
#define OTA_TESTS_WALK_H

#include "sim_world.h"

#define WALK_RELEASES_MAX 14u /* and one that everything ends with */
#define WALK_LISTED_MAX 4u    /* what the 8 KiB of a product's role have room for */

enum walk_end {
    WALK_REACHED,     /* the last release */
    WALK_BOOTLOADER,  /* dead: power was cut while a bootloader was copied, and the ROM knows no other */
    WALK_TABLE,       /* dead: power was cut while the sector of the partition table was written */
    WALK_OFFLINE_APP, /* an app without network was confirmed offline: the old app had reached no server either */
    WALK_WORN,        /* not reached, for a sector is bad */
    WALK_VIOLATION,
    WALK_END_COUNT
};

/* What a walk leaves, in memory that its parent sees whatever becomes of the walk. */
struct walk_story {
    enum walk_end end;
    unsigned events, boots, cuts, runs; /* runs: from everything good to the last release */
    size_t len;
    char text[64 * 1024]; /* the events, a line each */
};

struct walk_release {
    char kinds[12];
    bool offered; /* while this board polled */
};

/* A line that is slow, between board and server. */
struct walk_line {
    struct sim_world *w;
    struct ota_transport server; /* the port that was there before */
    uint32_t slow_ms;            /* of each read */
};

struct walk {
    uint64_t seed, drawn;
    struct sim_world *w;
    struct walk_story *story;
    struct walk_line line;
    struct walk_release release[WALK_RELEASES_MAX + 2]; /* by counter */
    uint32_t newest;

    uint64_t cut_in; /* flash operations until power is cut; 0: it is not */
    enum ota_nor_cut cut;
    unsigned cuts_more; /* that follow one another closely */

    int64_t clock_wrong;
    bool without_clock, refuses; /* refuses: the application says not now */
    struct ota_maintenance window;
    uint32_t deadline_s;
    bool kv_fails;
    uint64_t published; /* when */

    /* What weakens the judgement. */
    bool was_cut;                 /* since the board ran last */
    bool lost;                    /* ota_state, since the counters below were noted */
    bool lost_ever;               /* likewise, ever */
    bool stale;                   /* an older state of ota_state came to light */
    bool half_lost;               /* ota_state was lost with a copy under way */
    bool worn;                    /* a sector is or was bad */
    uint32_t counter;             /* highest in the record */
    uint64_t timestamp, snapshot; /* highest versions stored */
};

/* ---- walk_random.c ---- */
/* From here on OpenSSL's random numbers come from the seed as well. */
void walk_random_begin(struct walk *k);
uint32_t walk_below(struct walk *k, uint32_t n); /* uniform in [0, n) */
bool walk_chance(struct walk *k, uint32_t percent);

/* ---- walk_line.c ---- */
void walk_line_begin(struct walk_line *l, struct sim_world *w);

/* ---- walk_server.c: what befalls the server and the line ---- */
void walk_release(struct walk *k, const char *kinds); /* the next one, offered */
void walk_publish(struct walk *k);
void walk_note_offer(struct walk *k); /* the board is about to look */
void walk_any_release(struct walk *k);
void walk_move_channel(struct walk *k);
void walk_withdraw(struct walk *k);
void walk_withdraw_under_way(struct walk *k);
void walk_damage_image(struct walk *k);
void walk_change_etags(struct walk *k);
void walk_network_fault(struct walk *k);
void walk_network_good(struct walk *k);

/* ---- walk_judge.c ---- */
/* What must hold whenever the board has booted. */
void walk_judge(struct walk *k);
/* Nothing boots, or the agent could not go on, or it does not come to rest. Ends the walk when that must not be. */
void walk_judge_end(struct walk *k, enum sim_end end);
/* Has the board wholly come to the newest release. */
bool walk_has_arrived(const struct walk *k);
bool walk_runs_app_without_network(const struct walk *k);

/* ---- walk_events.c ---- */
void walk_events_begin(struct walk *k);
void walk_event(struct walk *k);
/* Everything is made good, and a last good release offered, which the board must come to. */
_Noreturn void walk_to_the_end(struct walk *k);

/* ---- walk_year.c ---- */
/* Prints what a year of daily polls and monthly releases erases; false when the board is not at the last of them. */
bool walk_year(struct walk_story *story, unsigned renew_days);

/* ---- walk.c ---- */
/* A line of the story. */
void walk_say(struct walk *k, const char *fmt, ...) OTA_PRINTF(2, 3);
_Noreturn void walk_end(struct walk *k, enum walk_end end, const char *fmt, ...) OTA_PRINTF(3, 4);

#endif
