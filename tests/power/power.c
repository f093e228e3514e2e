/* SPDX-License-Identifier: Apache-2.0 */
/* One clean update on every kind of simulated board, and what it costs in flash operations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_world.h"

struct update {
    const char *name, *kinds;
    struct sim_config config;
    uint32_t counter; /* what the board runs at last */
};
static const struct update updates[] = {
    {"app alone", "a", {0}, 2},
    {"every kind", "tsba", {0}, 2},
    {"staging partition", "tsba", {.staging = SIM_STAGE_PARTITION}, 2},
    {"passive slot", "tsba", {.staging = SIM_STAGE_SLOT}, 2},
    {"factory app", "tsba", {.factory = true}, 2},
    {"factory app, passive slot", "tsba", {.factory = true, .staging = SIM_STAGE_SLOT}, 2},
    {"without rollback", "tsba", {.without_rollback = true}, 2},
    {"anti-rollback", "tsbVa", {.anti_rollback = true}, 2},
    {"Secure Boot v2", "tsba", {.secure_boot = 2}, 2},
    {"Secure Boot v2, a stranger", "saU", {.secure_boot = 2}, 1},
    {"ROM recovery", "tsba", {.chip = "esp32c61", .recovery = true}, 2},
    {"ROM recovery, passive slot", "tsba", {.chip = "esp32c5", .recovery = true, .staging = SIM_STAGE_SLOT}, 2},
    {"faulty app", "sF", {0}, 1},
    {"app without network", "sN", {0}, 1},
};

static bool report(const struct update *u, const struct sim_world *w, enum sim_end end, uint64_t operations,
                   uint64_t erased) {
    bool done = end == SIM_RUNS && w->agent.board.counter == u->counter;
    (void)printf("%-27s %-5s %s at release %u: %u boots, %llu flash operations, %llu sectors erased, wear %u\n",
                 u->name, u->kinds, sim_end_name(end), (unsigned)w->agent.board.counter, w->boots,
                 (unsigned long long)(w->board.nor.operations - operations),
                 (unsigned long long)(w->board.nor.sectors_erased - erased), (unsigned)ota_nor_wear(&w->board.nor));
    if (!done)
        (void)printf("  wanted release %u: %s\n", (unsigned)u->counter,
                     w->agent.last.code != OTA_OK ? w->agent.last.msg : w->err.msg);
    return done;
}

static bool run(const struct update *u) {
    struct sim_world *w = sim_world_new(&u->config);
    enum sim_end end = sim_world_run(w);
    uint64_t operations = w->board.nor.operations, erased = w->board.nor.sectors_erased;
    (void)sim_world_release(w, 2, "2.0.0", u->kinds);
    if (end == SIM_RESTS) {
        ota_poll_now(&w->agent);
        end = sim_world_run(w);
    }
    if (end == SIM_RESTS)
        end = sim_world_boot(w);
    bool done = report(u, w, end, operations, erased);
    sim_world_free(w);
    return done;
}

int main(void) {
    bool all = true;
    for (size_t i = 0; i < OTA_ARRAY_LEN(updates); i++)
        all = run(&updates[i]) && all;
    return all ? EXIT_SUCCESS : EXIT_FAILURE;
}
