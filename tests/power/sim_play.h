/* SPDX-License-Identifier: Apache-2.0 */
/* One case, played through on a simulated board, and judged. */
#ifndef OTA_TESTS_SIM_PLAY_H
#define OTA_TESTS_SIM_PLAY_H

#include "sim_case.h"
#include "sim_cut.h"

struct sim_play {
    const struct sim_case *c;
    struct sim_world *w;
    struct sim_cutter cut; /* the caller says which cuts, before sim_play_run() */
    /* Of the run without a cut. */
    uint64_t operations, sectors_erased;
    uint64_t idle_operations;  /* of a poll that finds nothing new */
    uint64_t daily_operations; /* of one that finds but a new timestamp */
    uint32_t wear;             /* most erases of one sector */
};

/* A board up to where the release of the case is offered to it. */
void sim_play_prepare(struct sim_play *p, const struct sim_case *c);
/* The update, the cuts and what follows; the verdict is in p->cut.verdict. Copies do not return. */
void sim_play_run(struct sim_play *p);
void sim_play_free(struct sim_play *p);

/* The update on a board with a sector that does not take what is written to it (OTA_NOR_STUCK_*, OTA_NOR_FAIL_*). SOUND:
 * installed, or failed and reported (*installed), it boots, and all partitions are whole but the one with that sector. */
enum sim_outcome sim_play_fault(struct sim_play *p, uint32_t sector, uint8_t faults, bool *installed, char *why,
                                size_t cap);

/* Sectors that only a cut there may lose the board by: the table's, and the bootloader's where the ROM has no
 * recovery; of the kinds that the case installs. */
bool sim_play_final(const struct sim_play *p, uint32_t offset);
/* Slots, storage and where images wait: the many sectors of a large image. */
bool sim_play_bulk(const struct sim_play *p, uint32_t offset);
/* Operations on final sectors that the update needs at most. */
unsigned sim_play_window(const struct sim_play *p);

#endif
