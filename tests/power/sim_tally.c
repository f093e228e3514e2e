/* SPDX-License-Identifier: Apache-2.0 */
/* Counting, and the table. */
#include "sim_tally.h"

#include <stdlib.h>
#include <string.h>

#define SAMPLE_EVERY 29u /* no power of two: writes and erases alike */

struct counting {
    struct sim_play play;
    struct sim_tally *t;
};

/* ---- one case ------------------------------------------------------------------------------------------ */

static void complain(const struct counting *k, const struct sim_verdict *v) {
    char cut[80];
    sim_cut_format(v->cut, v->met, cut, sizeof cut);
    (void)printf("FAIL power --case %s --cut %s: %s: %s\n", k->play.c->id, cut, sim_outcome_name(v->outcome), v->why);
    k->t->bad++;
}

static void note_point(struct sim_tally *t, const struct sim_verdict *v, uint64_t operation) {
    size_t len = strlen(t->points);
    if (v->met > 1 || operation == t->last_fatal)
        return;
    t->last_fatal = operation;
    t->fatal++;
    (void)snprintf(t->points + len, sizeof t->points - len, "%s%llu %s %x", len ? ", " : "",
                   (unsigned long long)operation, v->erase[0] ? "erase" : "write", (unsigned)v->offset[0]);
}

/* The board is lost by the cut it met last. */
static void told(void *ctx, const struct sim_cutter *c, const struct sim_verdict *v) {
    struct counting *k = ctx;
    struct sim_tally *t = k->t;
    (void)c;
    t->cuts++;
    t->outcome[v->outcome]++;
    if (sim_play_final(&k->play, v->offset[0]) && t->last_window != v->cut[0].at) {
        t->last_window = v->cut[0].at;
        t->window++;
    }
    if (v->outcome == SIM_BRICK && v->met > 0 && sim_play_final(&k->play, v->offset[v->met - 1]))
        note_point(t, v, v->cut[0].at);
    else if (v->outcome != SIM_SOUND)
        complain(k, v);
}

/* Of the many operations of a large image every so-manieth. */
static bool wanted(void *ctx, const struct sim_cutter *c) {
    const struct counting *k = ctx;
    return !k->play.c->config.full_size || !sim_play_bulk(&k->play, c->offset) || c->operations % SAMPLE_EVERY == 0;
}

static void expect(const struct counting *k, bool holds, const char *what, uint64_t got, uint64_t most) {
    if (holds)
        return;
    (void)printf("FAIL power --case %s: %s: %llu, at most %llu\n", k->play.c->id, what, (unsigned long long)got,
                 (unsigned long long)most);
    k->t->bad++;
}

/* Bounds of the window, and of what the board costs its flash. */
static void check(const struct counting *k, const struct sim_effort *e) {
    const struct sim_play *p = &k->play;
    struct sim_tally *t = k->t;
    if (p->cut.verdict->outcome != SIM_SOUND) {
        (void)printf("FAIL power --case %s: without a cut: %s: %s\n", p->c->id,
                     sim_outcome_name(p->cut.verdict->outcome), p->cut.verdict->why);
        t->bad++;
    }
    expect(k, t->window <= t->allowed, "operations on final sectors", t->window, t->allowed);
    expect(k, e->twice || t->fatal == t->window, "fatal of them, not all", t->fatal, t->window);
    expect(k, p->idle_operations == 0, "flash operations of a poll that finds nothing new", p->idle_operations, 0);
    expect(k, p->daily_operations <= 1, "flash operations for a day's new timestamp", p->daily_operations, 1);
    expect(k, !p->c->unchanged || t->sectors_erased == 0, "sectors erased for nothing new", t->sectors_erased, 0);
}

void sim_tally_case(struct sim_tally *t, const struct sim_case *c, const struct sim_effort *e) {
    struct counting k = {.t = t};
    memset(t, 0, sizeof *t);
    sim_play_prepare(&k.play, c);
    k.play.cut = (struct sim_cutter){.everywhere = true,
                                     .kinds = e->kinds,
                                     .seeds = e->seeds,
                                     .twice = e->twice,
                                     .within = 60,
                                     .wanted = wanted,
                                     .told = told,
                                     .ctx = &k};
    t->boards = 1;
    t->allowed = sim_play_window(&k.play);
    sim_play_run(&k.play);
    t->operations = k.play.operations;
    t->sectors_erased = k.play.sectors_erased;
    t->wear = k.play.wear;
    check(&k, e);
    t->done = true;
    sim_play_free(&k.play);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

void sim_tally_add(struct sim_tally *sum, const struct sim_tally *t) {
    sum->boards += t->boards;
    sum->operations += t->operations;
    sum->cuts += t->cuts;
    for (size_t i = 0; i < SIM_OUTCOMES; i++)
        sum->outcome[i] += t->outcome[i];
    sum->window += t->window;
    sum->fatal = larger(sum->fatal, t->fatal);
    sum->allowed = larger(sum->allowed, t->allowed);
    sum->bad += t->bad;
    sum->sectors_erased = larger(sum->sectors_erased, t->sectors_erased);
    sum->wear = (uint32_t)larger(sum->wear, t->wear);
    if (!sum->points[0])
        (void)snprintf(sum->points, sizeof sum->points, "%s", t->points);
}

static bool same_row(const struct sim_case *a, const struct sim_case *b) {
    return strcmp(a->row, b->row) == 0 && a->config.recovery == b->config.recovery;
}

static bool begins_row(const struct sim_case *c, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (same_row(&c[k], &c[i]))
            return false;
    return true;
}

static struct sim_tally sum_row(const struct sim_case *c, const struct sim_tally *t, size_t count, size_t first) {
    struct sim_tally sum = {0};
    for (size_t k = first; k < count; k++)
        if (t[k].boards && same_row(&c[k], &c[first]))
            sim_tally_add(&sum, &t[k]);
    return sum;
}

static void print_row(FILE *f, const char *row, const char *class, const struct sim_tally *t) {
    (void)fprintf(f, "%-20s %-12s %6u %10llu %7llu %6llu %6llu %6llu %6llu of %-2llu %6llu %4u\n", row, class,
                  t->boards, (unsigned long long)t->operations, (unsigned long long)t->cuts,
                  (unsigned long long)t->outcome[SIM_BRICK], (unsigned long long)t->outcome[SIM_MIXED],
                  (unsigned long long)(t->outcome[SIM_BEHIND] + t->outcome[SIM_CRASHED]), (unsigned long long)t->fatal,
                  (unsigned long long)t->allowed, (unsigned long long)t->sectors_erased, t->wear);
}

void sim_tally_print(FILE *f, const struct sim_case *c, const struct sim_tally *t, size_t count) {
    struct sim_tally total = {0};
    (void)fprintf(f, "%-20s %-12s %6s %10s %7s %6s %6s %6s %12s %6s %4s\n", "update", "ROM", "boards", "operations",
                  "cuts", "bricks", "mixed", "behind", "unsafe", "erased", "wear");
    for (size_t i = 0; i < count; i++) {
        struct sim_tally sum = sum_row(c, t, count, i);
        if (!begins_row(c, i) || sum.boards == 0)
            continue;
        print_row(f, c[i].row, sim_case_class(&c[i]), &sum);
        sim_tally_add(&total, &sum);
    }
    print_row(f, "all of them", "", &total);
}

void sim_tally_json(FILE *f, const struct sim_case *c, const struct sim_tally *t, size_t count) {
    const char *sep = "\n";
    (void)fprintf(f, "[");
    for (size_t i = 0; i < count; i++) {
        struct sim_tally sum = sum_row(c, t, count, i);
        if (!begins_row(c, i) || sum.boards == 0)
            continue;
        (void)fprintf(
            f,
            "%s{\"update\":\"%s\",\"recovery\":%s,\"boards\":%u,\"operations\":%llu,\"cuts\":%llu,\"bricks\":%llu,"
            "\"mixed\":%llu,\"behind\":%llu,\"crashed\":%llu,\"unsafe\":%llu,\"unsafe_max\":%llu,"
            "\"sectors_erased\":%llu,\"wear\":%u,\"bad\":%llu}",
            sep, c[i].row, c[i].config.recovery ? "true" : "false", sum.boards, (unsigned long long)sum.operations,
            (unsigned long long)sum.cuts, (unsigned long long)sum.outcome[SIM_BRICK],
            (unsigned long long)sum.outcome[SIM_MIXED], (unsigned long long)sum.outcome[SIM_BEHIND],
            (unsigned long long)sum.outcome[SIM_CRASHED], (unsigned long long)sum.fatal,
            (unsigned long long)sum.allowed, (unsigned long long)sum.sectors_erased, sum.wear,
            (unsigned long long)sum.bad);
        sep = ",\n";
    }
    (void)fprintf(f, "\n]");
}
