/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof: every update of sim_case.c on a simulated board, with the power lost before, during and after each flash
 * operation. Ends with 1 when a board ended as it may not, or a window grew.
 *
 *   power [--quick] [--json FILE] [--jobs N] [--seeds N] [--twice SEED] [--case ID...]
 *   power --case ID --cut OPERATION:KIND[:SEED][+OPERATION:KIND[:SEED]]     exactly that, with the board's log
 *   power --case ID... --fault all|SECTOR     that sector, or each that is written, does not take; one with the log
 *   power --list
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim_fault.h"
#include "sim_tally.h"

#define ALL_KINDS ((1u << OTA_NOR_CUT_COUNT) - 1u)

struct options {
    bool quick, list;
    const char *json, *cut, *fault;
    unsigned jobs;
    struct sim_effort effort;
    size_t chosen;
    const char *id[SIM_CASES_MAX]; /* a case, or what its id begins with */
};

static _Noreturn void usage(const char *what) {
    (void)fprintf(stderr,
                  "power: %s: [--quick] [--json FILE] [--jobs N] [--seeds N] [--twice SEED] [--case ID]... [--cut CUT] "
                  "[--list]\n",
                  what);
    exit(2);
}

static const char *value(char **argv, int *i) {
    return argv[*i + 1] ? argv[++*i] : (usage(argv[*i]), NULL);
}

static struct options read_options(char **argv) {
    struct options o = {.jobs = 2, .effort = {.kinds = ALL_KINDS, .seeds = 1}};
    for (int i = 1; argv[i]; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            o.quick = true;
        else if (strcmp(argv[i], "--list") == 0)
            o.list = true;
        else if (strcmp(argv[i], "--json") == 0)
            o.json = value(argv, &i);
        else if (strcmp(argv[i], "--cut") == 0)
            o.cut = value(argv, &i);
        else if (strcmp(argv[i], "--fault") == 0)
            o.fault = value(argv, &i);
        else if (strcmp(argv[i], "--jobs") == 0)
            o.jobs = (unsigned)strtoul(value(argv, &i), NULL, 10);
        else if (strcmp(argv[i], "--seeds") == 0)
            o.effort.seeds = (unsigned)strtoul(value(argv, &i), NULL, 10);
        else if (strcmp(argv[i], "--twice") == 0)
            o.effort.twice = strtoull(value(argv, &i), NULL, 10);
        else if (strcmp(argv[i], "--case") == 0 && o.chosen < SIM_CASES_MAX)
            o.id[o.chosen++] = value(argv, &i);
        else
            usage(argv[i]);
    }
    o.jobs = o.jobs ? o.jobs : 1;
    if (o.quick)
        o.effort.kinds = 1u << OTA_NOR_CUT_CLEAN | 1u << OTA_NOR_CUT_BITS;
    return o;
}

static bool chosen(const struct options *o, const struct sim_case *c) {
    for (size_t i = 0; i < o->chosen; i++)
        if (strncmp(o->id[i], c->id, strlen(o->id[i])) == 0)
            return true;
    return o->chosen == 0 && (c->quick || !o->quick);
}

/* ---- one cut ------------------------------------------------------------------------------------------- */

static int replay(const struct options *o) {
    struct sim_play p;
    const struct sim_case *c = o->chosen == 1 ? sim_case_find(o->id[0]) : NULL;
    struct sim_cut cut[SIM_CUTS_MAX] = {0};
    unsigned cuts = sim_cut_parse(o->cut, cut);
    if (!c || cuts == 0)
        usage(c ? o->cut : "--cut needs one --case");
    sim_play_prepare(&p, c);
    memcpy(p.cut.cut, cut, sizeof cut);
    p.cut.cuts = cuts;
    p.w->verbose = true;
    sim_play_run(&p);
    const struct sim_verdict *v = p.cut.verdict;
    for (unsigned i = 0; i < v->met; i++)
        (void)printf("cut at the %s at 0x%x\n", v->erase[i] ? "erase" : "write", (unsigned)v->offset[i]);
    if (v->met < cuts)
        (void)printf("%u of %u cuts: the rest of the update has fewer operations\n", v->met, cuts);
    (void)printf("%s%s%s\n", sim_outcome_name(v->outcome), v->why[0] ? ": " : "", v->why);
    int rc = v->outcome == SIM_SOUND ? EXIT_SUCCESS : EXIT_FAILURE;
    sim_play_free(&p);
    return rc;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static struct sim_tally *shared_tallies(size_t count) {
    void *p = mmap(NULL, count * sizeof(struct sim_tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(EXIT_FAILURE);
    }
    return p;
}

static void start(const struct options *o, const struct sim_case *c, struct sim_tally *t) {
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid > 0)
        return;
    if (pid < 0) {
        perror("fork");
        exit(EXIT_FAILURE);
    }
    t->boards = 1;
    sim_tally_case(t, c, &o->effort);
    exit(EXIT_SUCCESS);
}

static void play_all(const struct options *o, const struct sim_case *c, struct sim_tally *t, size_t count) {
    unsigned running = 0;
    for (size_t i = 0; i < count; i++) {
        if (!chosen(o, &c[i]))
            continue;
        if (running == o->jobs) {
            (void)wait(NULL);
            running--;
        }
        start(o, &c[i], &t[i]);
        running++;
    }
    for (; running > 0; running--)
        (void)wait(NULL);
}

/* A worker that died took its case with it. */
static uint64_t count_bad(const struct options *o, const struct sim_case *c, const struct sim_tally *t, size_t count) {
    uint64_t bad = 0, played = 0;
    for (size_t i = 0; i < count; i++) {
        if (!chosen(o, &c[i]))
            continue;
        played++;
        bad += t[i].bad + !t[i].done;
        if (!t[i].done)
            (void)printf("FAIL power --case %s: not played to its end\n", c[i].id);
    }
    if (played == 0)
        usage("no such case; --list shows them");
    return bad;
}

static void print_fatal(const struct sim_case *c, const struct sim_tally *t, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (t[i].points[0])
            (void)printf("fatal in %s: %s\n", c[i].id, t[i].points);
}

/* ---- sectors that do not take -------------------------------------------------------------------------- */

static bool breaks(const struct options *o, const struct sim_case *c) {
    return o->chosen ? o->fault && chosen(o, c) : c->breaks && !o->quick;
}

/* Returns how many boards ended as they may not. JSON NULL: none is written. */
static uint64_t break_sectors(const struct options *o, const struct sim_case *c, size_t count, FILE *json) {
    long only = !o->fault || strcmp(o->fault, "all") == 0 ? -1 : strtol(o->fault, NULL, 10);
    uint64_t bad = 0;
    const char *sep = "\n";
    (void)printf("%-33s %12s %9s %6s %4s\n", "a sector that does not take", "boards", "installed", "failed", "lost");
    for (size_t i = 0; i < count; i++) {
        struct sim_fault_tally t;
        if (!breaks(o, &c[i]))
            continue;
        sim_fault_case(&t, &c[i], only);
        (void)printf("%-33s %12u %9u %6u %4u%s%s\n", c[i].id, t.boards, t.installed, t.failed, t.lost,
                     t.sectors[0] ? "  final sectors " : "", t.sectors);
        if (json)
            (void)fprintf(json,
                          "%s{\"case\":\"%s\",\"boards\":%u,\"installed\":%u,\"failed\":%u,\"lost\":%u,\"bad\":%u}",
                          sep, c[i].id, t.boards, t.installed, t.failed, t.lost, t.bad);
        sep = ",\n";
        bad += t.bad;
    }
    return bad;
}

/* ---- the end of it ------------------------------------------------------------------------------------- */

static FILE *open_json(const struct options *o) {
    FILE *f = !o->json ? NULL : strcmp(o->json, "-") == 0 ? stdout : fopen(o->json, "w");
    if (o->json && !f) {
        perror(o->json);
        exit(EXIT_FAILURE);
    }
    return f;
}

static uint64_t prove(const struct options *o, const struct sim_case *c, size_t count) {
    struct sim_tally *t = shared_tallies(count);
    FILE *json = open_json(o);
    play_all(o, c, t, count);
    uint64_t bad = count_bad(o, c, t, count);
    print_fatal(c, t, count);
    sim_tally_print(stdout, c, t, count);
    if (json) {
        (void)fprintf(json, "{\"cuts\":");
        sim_tally_json(json, c, t, count);
        (void)fprintf(json, ",\n\"sectors\":[");
    }
    if (!o->chosen && !o->quick && !o->effort.twice)
        bad += break_sectors(o, c, count, json);
    if (json) {
        (void)fprintf(json, "\n],\n\"ok\":%s}\n", bad ? "false" : "true");
        if (json != stdout && fclose(json) != 0)
            bad++;
    }
    return bad;
}

int main(int argc, char **argv) {
    const struct sim_case *c;
    size_t count = sim_cases(&c);
    struct options o = read_options(argv);
    (void)argc;
    if (o.list) {
        for (size_t i = 0; i < count; i++)
            (void)puts(c[i].id);
        return EXIT_SUCCESS;
    }
    if (o.cut)
        return replay(&o);
    uint64_t bad = o.fault ? break_sectors(&o, c, count, NULL) : prove(&o, c, count);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
