/* SPDX-License-Identifier: Apache-2.0 */
/* Sectors that do not take: the update of a case with each sector it writes broken in each way, one at a time. */
#ifndef OTA_TESTS_SIM_FAULT_H
#define OTA_TESTS_SIM_FAULT_H

#include "sim_play.h"

struct sim_fault_tally {
    bool done;
    unsigned boards, installed, failed; /* failed: and reported */
    unsigned lost;                      /* the broken sector being a final one: sim_play_final() */
    unsigned bad;                       /* ended as it may not; each has its line */
    uint32_t last_lost;                 /* offset */
    char sectors[120];                  /* those whose faults lost a board */
};

/* otadata and ota_state are left out: no board outlives those. only >= 0: that sector, told with the board's log. */
void sim_fault_case(struct sim_fault_tally *t, const struct sim_case *c, long only);

#endif
