/* SPDX-License-Identifier: Apache-2.0 */
/* What the cuts of a case, and the cases of a row, came to. */
#ifndef OTA_TESTS_SIM_TALLY_H
#define OTA_TESTS_SIM_TALLY_H

#include <stdio.h>

#include "sim_play.h"

#define SIM_FATAL_MAX 400u

struct sim_tally {
    bool done;
    unsigned boards;
    uint64_t operations, cuts, outcome[SIM_OUTCOMES];
    uint64_t window;                  /* operations on final sectors */
    uint64_t fatal;                   /* of them, those that lost a board */
    uint64_t allowed;                 /* that many at most */
    uint64_t bad;                     /* copies that ended otherwise than they may; each has its line */
    uint64_t sectors_erased;          /* per update, the most of any board */
    uint32_t wear;                    /* most erases of one sector in one update */
    uint64_t last_window, last_fatal; /* number of the operation */
    char points[SIM_FATAL_MAX];       /* the fatal operations */
};

/* How a case is cut. */
struct sim_effort {
    unsigned kinds, seeds;
    uint64_t twice;
};

/* Plays the case with every cut there is, and prints a line for each board that ends as it may not. */
void sim_tally_case(struct sim_tally *t, const struct sim_case *c, const struct sim_effort *e);
void sim_tally_add(struct sim_tally *sum, const struct sim_tally *t);

/* The rows, one for each class of each row of the table; returns whether every bound holds. */
void sim_tally_print(FILE *f, const struct sim_case *c, const struct sim_tally *t, size_t count);
void sim_tally_json(FILE *f, const struct sim_case *c, const struct sim_tally *t, size_t count);

#endif
