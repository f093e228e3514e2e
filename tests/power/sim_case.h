/* SPDX-License-Identifier: Apache-2.0 */
/* The updates that the proof cuts: what is installed, on which board, in which way. */
#ifndef OTA_TESTS_SIM_CASE_H
#define OTA_TESTS_SIM_CASE_H

#include "sim_world.h"

#define SIM_CASES_MAX 256u
#define SIM_CASE_ID_MAX 80u

struct sim_case {
    char id[SIM_CASE_ID_MAX]; /* "bootloader/hole/esp32c3/plain/install" */
    const char *row;          /* of the table: cases of one row and class are added up */
    const char *kinds;        /* of the release that is cut: sim_world_release() */
    struct sim_config config;
    bool update;            /* release 3 over 2, which went over 1; else 2 over what the factory flashed */
    bool unchanged;         /* the release has the images of the one before */
    enum ota_result result; /* what it must come to */
    enum ota_door door;
    bool breaks; /* each of its sectors is broken, too */
    bool quick;  /* one of the few that stand for all in `make check` */
};

/* In the order of the table. */
size_t sim_cases(const struct sim_case **out);
/* NULL when there is none. */
const struct sim_case *sim_case_find(const char *id);
/* Did the ROM keep a bootloader to fall back to. */
const char *sim_case_class(const struct sim_case *c);

#endif
