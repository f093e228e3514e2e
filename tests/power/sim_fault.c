/* SPDX-License-Identifier: Apache-2.0 */
/* One clean run says which sectors are written; a copy of the board for each of them and each fault. */
#include "sim_fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECTORS (SIM_FLASH_SIZE / OTA_SECTOR)
#define BOARD_SECONDS 120u

static const struct {
    uint8_t bits;
    const char *name;
} fault[] = {
    {OTA_NOR_STUCK_ERASE, "erase sticks"},
    {OTA_NOR_STUCK_WRITE, "write sticks"},
    {OTA_NOR_FAIL_ERASE, "erase fails"},
    {OTA_NOR_FAIL_WRITE, "write fails"},
};

static bool spared(uint32_t offset) {
    return (offset >= SIM_OTADATA && offset < SIM_OTADATA + OTA_OTADATA_SIZE) ||
           (offset >= SIM_STATE && offset < SIM_STORAGE);
}

/* Nothing is cut: only looks. */
static bool note_sector(void *ctx, const struct sim_cutter *c) {
    bool *touched = ctx;
    if (!spared(c->offset))
        touched[c->offset / OTA_SECTOR] = true;
    return false;
}

static void find_sectors(const struct sim_case *c, bool touched[SECTORS]) {
    struct sim_play p;
    sim_play_prepare(&p, c);
    p.cut.everywhere = true;
    p.cut.wanted = note_sector;
    p.cut.ctx = touched;
    sim_play_run(&p);
    sim_play_free(&p);
}

struct fate {
    enum sim_outcome outcome;
    bool installed;
    char why[320];
};

/* In a copy, so that the board stays as it was for the next fault. */
static void suffer(struct sim_play *p, struct fate *fate, uint32_t sector, uint8_t bits) {
    int status = 0;
    memset(fate, 0, sizeof *fate);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)alarm(BOARD_SECONDS);
        fate->outcome = sim_play_fault(p, sector, bits, &fate->installed, fate->why, sizeof fate->why);
        _exit(EXIT_SUCCESS);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
        fate->outcome = SIM_CRASHED;
        (void)snprintf(fate->why, sizeof fate->why, "wait status 0x%x", (unsigned)status);
    }
}

static void note_lost(struct sim_fault_tally *t, uint32_t offset) {
    size_t len = strlen(t->sectors);
    t->lost++;
    if (t->last_lost != offset || t->lost == 1)
        (void)snprintf(t->sectors + len, sizeof t->sectors - len, "%s%x", len ? ", " : "", (unsigned)offset);
    t->last_lost = offset;
}

static void count(struct sim_fault_tally *t, const struct sim_play *p, const struct fate *f, uint32_t offset,
                  const char *name) {
    t->boards++;
    if (f->outcome == SIM_SOUND) {
        t->installed += f->installed;
        t->failed += !f->installed;
    } else if (f->outcome == SIM_BRICK && sim_play_final(p, offset)) {
        note_lost(t, offset);
    } else {
        t->bad++;
        (void)printf("FAIL power --case %s --fault %u: %s at 0x%x: %s: %s\n", p->c->id, (unsigned)(offset / OTA_SECTOR),
                     name, (unsigned)offset, sim_outcome_name(f->outcome), f->why);
    }
}

void sim_fault_case(struct sim_fault_tally *t, const struct sim_case *c, long only) {
    struct sim_play p;
    bool touched[SECTORS] = {false};
    struct fate *fate = mmap(NULL, sizeof *fate, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fate == MAP_FAILED) {
        perror("mmap");
        exit(EXIT_FAILURE);
    }
    memset(t, 0, sizeof *t);
    find_sectors(c, touched);
    sim_play_prepare(&p, c);
    p.w->verbose = only >= 0;
    for (uint32_t sector = 0; sector < SECTORS; sector++) {
        for (size_t i = 0; touched[sector] && i < OTA_ARRAY_LEN(fault); i++) {
            if (only >= 0 && sector != (uint32_t)only)
                continue;
            suffer(&p, fate, sector, fault[i].bits);
            count(t, &p, fate, sector * OTA_SECTOR, fault[i].name);
        }
    }
    t->done = true;
    sim_world_free(p.w);
    (void)munmap(fate, sizeof *fate);
}
