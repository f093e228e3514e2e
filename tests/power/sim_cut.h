/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of a simulated board that meets every power cut there is. Before each flash operation a copy of the whole world
 * is forked for each kind of cut; the copy loses power in that very operation, and whoever drives it goes on from the
 * cut and says what became of the board, while the original goes on as if nothing had happened.
 *
 * Key-value operations are flash operations here: `ota_state` lies in the same flash.
 */
#ifndef OTA_TESTS_SIM_CUT_H
#define OTA_TESTS_SIM_CUT_H

#include "sim/nor.h"

#define SIM_CUTS_MAX 2u

/* Written KIND as in ota_nor_cut_name(): "117:bits:3". */
struct sim_cut {
    uint64_t at; /* operation, from 1: since the start of the update, or since the cut before it */
    enum ota_nor_cut kind;
    uint64_t seed; /* of BYTE and BITS */
};

enum sim_outcome {
    SIM_SOUND,
    SIM_BRICK,   /* nothing boots */
    SIM_MIXED,   /* a partition is neither wholly old nor wholly new after ota_boot() */
    SIM_BEHIND,  /* it boots and does not end where it must */
    SIM_CRASHED, /* the program ended: a broken rule of flash, or a sanitizer's finding */
    SIM_OUTCOMES
};
const char *sim_outcome_name(enum sim_outcome o);

/* What a copy hands back; lies in memory that it shares with the original. */
struct sim_verdict {
    enum sim_outcome outcome;
    struct sim_cut cut[SIM_CUTS_MAX];
    uint32_t offset[SIM_CUTS_MAX]; /* in flash, of the operation that met the cut */
    bool erase[SIM_CUTS_MAX];
    unsigned met; /* cuts that came to pass */
    char why[320];
};

struct sim_cutter {
    struct ota_nor *nor;
    uint64_t operations; /* since sim_cutter_start() or the last cut */
    uint32_t offset;     /* of the operation at hand */
    bool erase;

    /* Which cuts are tried; the caller sets them before the start. */
    bool everywhere; /* else only what `cut` plans, in this very process */
    unsigned kinds;  /* bits 1 << enum ota_nor_cut */
    unsigned seeds;  /* of BYTE and BITS each */
    uint64_t twice;  /* seed of a second, random cut in each copy; 0: none */
    uint64_t within; /* the second cut comes within so many operations after the first */
    bool (*wanted)(void *ctx, const struct sim_cutter *c);                            /* NULL: every operation */
    void (*told)(void *ctx, const struct sim_cutter *c, const struct sim_verdict *v); /* of each copy */
    void *ctx;

    struct sim_cut cut[SIM_CUTS_MAX];
    unsigned cuts;
    bool copy; /* this process is one: it ends with sim_cutter_end() */
    struct sim_verdict *verdict;

    enum ota_status (*write)(void *ctx, uint32_t off, const void *p, size_t len, struct ota_err *err);
    enum ota_status (*erase_run)(void *ctx, uint32_t off, uint32_t len, struct ota_err *err);
};

/* From now on operations are counted, from 1, and met. */
void sim_cutter_start(struct sim_cutter *c, struct ota_nor *n);
/* No more of it; the flash works on. */
void sim_cutter_stop(struct sim_cutter *c);
/* A copy, or a planned run, says what became of it. Does not return in a copy. */
void sim_cutter_end(struct sim_cutter *c, enum sim_outcome o, const char *why);

/* "117:bits:3" or "117:bits:3+12:torn:0" (the seed may be left out); 0 when it is something else. */
unsigned sim_cut_parse(const char *text, struct sim_cut cut[SIM_CUTS_MAX]);
void sim_cut_format(const struct sim_cut *cut, unsigned cuts, char *out, size_t cap);

#endif
