/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random walks of simulated boards (walk.h).
 *
 *   walk [--from N] [--seeds N] [--jobs N]   many; prints those that failed, and how the others ended
 *   walk --seed N [--verbose]                one; with the board's log
 *   walk --year                              wear of a year
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "walk.h"

#define JOBS_MAX 16u
#define EVENTS_MIN 10u
#define EVENTS_SPREAD 36u

static const char *const end_names[] = {
    [WALK_REACHED] = "reached the last release",
    [WALK_BOOTLOADER] = "dead, power was cut while the only bootloader was copied",
    [WALK_TABLE] = "dead, power was cut while the partition table was written",
    [WALK_OFFLINE_APP] = "stay with an app without network, confirmed while no server answered the old one either",
    [WALK_WORN] = "did not get there over a bad sector",
    [WALK_VIOLATION] = "VIOLATION",
};
_Static_assert(OTA_ARRAY_LEN(end_names) == WALK_END_COUNT, "an end has no name");

/* ---- the story ----------------------------------------------------------------------------------------- */

static void tell(struct walk_story *s, const char *fmt, va_list args) {
    size_t room = sizeof s->text - s->len;
    int n = vsnprintf(s->text + s->len, room, fmt, args);
    s->len += n > 0 && (size_t)n < room ? (size_t)n : 0;
    if (s->len + 1 < sizeof s->text)
        s->text[s->len++] = '\n';
    s->text[s->len < sizeof s->text ? s->len : sizeof s->text - 1] = '\0';
}

void walk_say(struct walk *k, const char *fmt, ...) {
    const size_t from = k->story->len;
    va_list args;
    va_start(args, fmt);
    tell(k->story, fmt, args);
    va_end(args);
    if (k->w && k->w->verbose)
        (void)fprintf(stderr, "%s", k->story->text + from);
}

void walk_end(struct walk *k, enum walk_end end, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    tell(k->story, fmt, args);
    va_end(args);
    k->story->end = end;
    k->story->boots = k->w->boots;
    _exit(end == WALK_VIOLATION ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* ---- one walk ------------------------------------------------------------------------------------------ */

static struct sim_config draw_config(struct walk *k) {
    static const char *const chip[] = {"esp32c3", "esp32", "esp32s3", "esp32c6", "esp32p4", "esp32c5", "esp32c61"};
    struct sim_config c = {.chip = chip[walk_below(k, OTA_ARRAY_LEN(chip))]};
    const struct ota_chip *known = ota_chip_by_name(ota_span_str(c.chip));
    c.recovery = known && known->recovery && walk_chance(k, 70);
    c.staging = (enum sim_staging)walk_below(k, 3);
    c.anti_rollback = known && known->secure_version_bits > WALK_RELEASES_MAX && walk_chance(k, 20);
    c.without_rollback = !c.anti_rollback && walk_chance(k, 15);
    c.factory = !c.anti_rollback && walk_chance(k, 30);
    c.secure_boot = walk_chance(k, 15) ? 2 : 0;
    return c;
}

static _Noreturn void walk(uint64_t seed, struct walk_story *story, bool verbose) {
    static const char *const staging[] = {"hole", "partition", "slot"};
    static struct walk k;
    k.seed = seed;
    k.story = story;
    walk_random_begin(&k);
    const struct sim_config c = draw_config(&k);
    walk_say(&k, "%s%s, waits in %s%s%s%s%s", c.chip, c.recovery ? " with recovery" : "", staging[c.staging],
             c.factory ? ", factory app" : "", c.without_rollback ? ", without rollback" : "",
             c.anti_rollback ? ", anti-rollback" : "", c.secure_boot ? ", Secure Boot" : "");
    k.w = sim_world_new(&c);
    k.w->verbose = verbose;
    walk_line_begin(&k.line, k.w);
    walk_events_begin(&k);
    for (unsigned i = EVENTS_MIN + walk_below(&k, EVENTS_SPREAD); i > 0; i--)
        walk_event(&k);
    walk_to_the_end(&k);
}

/* ---- many ---------------------------------------------------------------------------------------------- */

struct job {
    pid_t pid; /* 0: free */
    uint64_t seed;
    struct walk_story *story;
};

struct total {
    uint64_t end[WALK_END_COUNT], events, boots, cuts;
    unsigned runs_max;
    uint64_t slowest;
};

static void start(struct job *j, uint64_t seed, bool verbose) {
    j->seed = seed;
    memset(j->story, 0, offsetof(struct walk_story, text) + 1);
    j->story->end = WALK_VIOLATION; /* unless the walk comes to say otherwise */
    (void)fflush(NULL);
    j->pid = fork();
    if (j->pid == 0)
        walk(seed, j->story, verbose);
    if (j->pid < 0) {
        perror("walk: fork");
        exit(EXIT_FAILURE);
    }
}

static void take(struct job *j, int status, struct total *t) {
    const struct walk_story *s = j->story;
    j->pid = 0;
    t->end[s->end]++;
    t->events += s->events;
    t->boots += s->boots;
    t->cuts += s->cuts;
    if (s->end == WALK_REACHED && s->runs > t->runs_max) {
        t->runs_max = s->runs;
        t->slowest = j->seed;
    }
    if (s->end != WALK_VIOLATION)
        return;
    (void)printf("FAILED: walk --seed %" PRIu64 "\n%s", j->seed, s->text);
    if (WIFSIGNALED(status))
        (void)printf("ended by signal %d\n", WTERMSIG(status));
    (void)printf("\n");
    (void)fflush(stdout);
}

static void wait_for_one(struct job *job, size_t jobs, struct total *t) {
    int status;
    pid_t pid = wait(&status);
    for (size_t i = 0; i < jobs; i++)
        if (job[i].pid == pid && pid > 0)
            take(&job[i], status, t);
}

static struct job *free_job(struct job *job, size_t jobs, struct total *t) {
    for (;;) {
        for (size_t i = 0; i < jobs; i++)
            if (job[i].pid == 0)
                return &job[i];
        wait_for_one(job, jobs, t);
    }
}

static bool any_runs(const struct job *job, size_t jobs) {
    for (size_t i = 0; i < jobs; i++)
        if (job[i].pid != 0)
            return true;
    return false;
}

static bool report(const struct total *t, uint64_t seeds) {
    (void)printf("%" PRIu64 " walks: %" PRIu64 " events, %" PRIu64 " boots, %" PRIu64 " power cuts\n", seeds, t->events,
                 t->boots, t->cuts);
    for (unsigned i = 0; i < WALK_END_COUNT; i++)
        if (t->end[i])
            (void)printf("  %6" PRIu64 " %s\n", t->end[i], end_names[i]);
    (void)printf("  once all was good, the last release came within %u runs (walk --seed %" PRIu64 ")\n", t->runs_max,
                 t->slowest);
    return t->end[WALK_VIOLATION] == 0 && t->end[WALK_REACHED] > seeds / 2;
}

static bool many(uint64_t from, uint64_t seeds, size_t jobs) {
    struct job job[JOBS_MAX] = {{0}};
    struct total total = {.runs_max = 0};
    for (size_t i = 0; i < jobs; i++) {
        job[i].story = mmap(NULL, sizeof *job[i].story, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (job[i].story == MAP_FAILED) {
            perror("walk: mmap");
            exit(EXIT_FAILURE);
        }
    }
    for (uint64_t seed = from; seed < from + seeds; seed++)
        start(free_job(job, jobs, &total), seed, false);
    while (any_runs(job, jobs))
        wait_for_one(job, jobs, &total);
    return report(&total, seeds);
}

static bool one(uint64_t seed, bool verbose) {
    static struct walk_story story;
    struct total total = {.runs_max = 0};
    struct job job = {.story = mmap(NULL, sizeof story, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)};
    if (job.story == MAP_FAILED)
        return false;
    start(&job, seed, verbose);
    wait_for_one(&job, 1, &total);
    if (job.story->end != WALK_VIOLATION)
        (void)printf("%s  %s\n", job.story->text, end_names[job.story->end]);
    return job.story->end != WALK_VIOLATION;
}

static bool year(void) {
    static struct walk_story story;
    return walk_year(&story, 1) && walk_year(&story, 7);
}

/* ---- main ---------------------------------------------------------------------------------------------- */

static uint64_t number(const char *text) {
    char *end;
    unsigned long long n = strtoull(text ? text : "", &end, 10);
    if (!text || *end || end == text) {
        (void)fprintf(stderr, "usage: walk [--from N] [--seeds N] [--jobs N] | --seed N [--verbose] | --year\n");
        exit(2);
    }
    return n;
}

int main(int argc, char **argv) {
    uint64_t from = 1, seeds = 200, jobs = 2, single = UINT64_MAX;
    bool verbose = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0)
            verbose = true;
        else if (strcmp(argv[i], "--year") == 0)
            return year() ? EXIT_SUCCESS : EXIT_FAILURE;
        else if (strcmp(argv[i], "--from") == 0)
            from = number(argv[++i]);
        else if (strcmp(argv[i], "--seeds") == 0)
            seeds = number(argv[++i]);
        else if (strcmp(argv[i], "--jobs") == 0)
            jobs = number(argv[++i]);
        else if (strcmp(argv[i], "--seed") == 0)
            single = number(argv[++i]);
        else
            (void)number(NULL);
    }
    sim_world_free(sim_world_new(&(struct sim_config){0})); /* what OpenSSL loads once, it loads before the forks */
    if (single != UINT64_MAX)
        return one(single, verbose) ? EXIT_SUCCESS : EXIT_FAILURE;
    return many(from, seeds, jobs < 1 || jobs > JOBS_MAX ? 1 : (size_t)jobs) ? EXIT_SUCCESS : EXIT_FAILURE;
}
