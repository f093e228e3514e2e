/* SPDX-License-Identifier: Apache-2.0 */
/* Forks at flash operations. The flash port is tapped, so that it is known which sector an operation concerns. */
#include "sim_cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/buf.h"

#define COPY_SECONDS 120u /* a copy that takes longer hangs */

const char *sim_outcome_name(enum sim_outcome o) {
    static const char *const name[SIM_OUTCOMES] = {"sound", "does not boot", "mixed", "behind", "crashed"};
    return (unsigned)o < SIM_OUTCOMES ? name[o] : "?";
}

/* ---- the cut ------------------------------------------------------------------------------------------- */

static void cut_now(struct sim_cutter *c) {
    struct sim_verdict *v = c->verdict;
    const struct sim_cut *cut = &c->cut[v->met];
    v->cut[v->met] = *cut;
    v->offset[v->met] = c->offset;
    v->erase[v->met] = c->erase;
    v->met++;
    c->operations = 0;
    c->nor->seed = cut->seed;
    ota_nor_cut_power(c->nor, 1, cut->kind);
}

static uint64_t random_of(uint64_t seed) {
    uint64_t z = seed * 0x9E3779B97F4A7C15ull;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

static void plan_second(struct sim_cutter *c) {
    uint64_t r = random_of(c->twice ^ random_of(c->cut[0].at * OTA_NOR_CUT_COUNT + (unsigned)c->cut[0].kind + 1u));
    c->cut[1] = (struct sim_cut){.at = 1u + r % (c->within ? c->within : 1u),
                                 .kind = (enum ota_nor_cut)(r >> 32) % OTA_NOR_CUT_COUNT,
                                 .seed = r >> 48};
    c->cuts = 2;
}

/* ---- copies -------------------------------------------------------------------------------------------- */

static void become_copy(struct sim_cutter *c) {
    c->copy = true;
    c->everywhere = false;
    (void)alarm(COPY_SECONDS);
    if (c->twice)
        plan_second(c);
    cut_now(c);
}

static void judge_end(struct sim_cutter *c, int status) {
    struct sim_verdict *v = c->verdict;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
        return;
    v->outcome = SIM_CRASHED;
    (void)snprintf(v->why, sizeof v->why, "%s %d", WIFSIGNALED(status) ? "signal" : "exit",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* True in the copy. */
static bool fork_copy(struct sim_cutter *c, enum ota_nor_cut kind, uint64_t seed) {
    int status = 0;
    memset(c->verdict, 0, sizeof *c->verdict);
    c->cut[0] = (struct sim_cut){c->operations, kind, seed};
    c->cuts = 1;
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(EXIT_FAILURE);
    }
    if (pid == 0) {
        become_copy(c);
        return true;
    }
    (void)waitpid(pid, &status, 0);
    judge_end(c, status);
    c->told(c->ctx, c, c->verdict);
    return false;
}

static void fork_copies(struct sim_cutter *c) {
    for (unsigned kind = 0; kind < OTA_NOR_CUT_COUNT; kind++) {
        unsigned seeds = kind == OTA_NOR_CUT_BYTE || kind == OTA_NOR_CUT_BITS ? c->seeds : 1u;
        if (!(c->kinds & 1u << kind))
            continue;
        for (unsigned seed = 1; seed <= seeds; seed++)
            if (fork_copy(c, (enum ota_nor_cut)kind, seed))
                return;
    }
}

static void before(void *ctx, struct ota_nor *n, uint64_t operation) {
    struct sim_cutter *c = ctx;
    (void)n;
    (void)operation;
    c->operations++;
    if (c->everywhere && (!c->wanted || c->wanted(c->ctx, c)))
        fork_copies(c);
    else if (!c->everywhere && c->verdict->met < c->cuts && c->operations == c->cut[c->verdict->met].at)
        cut_now(c);
}

/* ---- the tap ------------------------------------------------------------------------------------------- */

static enum ota_status tap_write(void *ctx, uint32_t off, const void *p, size_t len, struct ota_err *err) {
    struct sim_cutter *c = ((struct ota_nor *)ctx)->before_ctx;
    c->offset = off;
    c->erase = false;
    return c->write(ctx, off, p, len, err);
}

/* One sector at a time, each being an operation. */
static enum ota_status tap_erase(void *ctx, uint32_t off, uint32_t len, struct ota_err *err) {
    struct sim_cutter *c = ((struct ota_nor *)ctx)->before_ctx;
    for (uint32_t pos = 0; pos < len; pos += OTA_SECTOR) {
        c->offset = off + pos;
        c->erase = true;
        OTA_TRY(c->erase_run(ctx, off + pos, len - pos < OTA_SECTOR ? len - pos : OTA_SECTOR, err));
    }
    return OTA_OK;
}

/* What a cut leaves depends on the number of the operation, which a replay must meet again. */
void sim_cutter_start(struct sim_cutter *c, struct ota_nor *n) {
    c->nor = n;
    c->operations = 0;
    c->write = n->port.write;
    c->erase_run = n->port.erase;
    n->operations = n->bytes_written = n->sectors_erased = 0;
    memset(n->erases, 0, n->size / OTA_SECTOR * sizeof *n->erases);
    n->port.write = tap_write;
    n->port.erase = tap_erase;
    n->before = before;
    n->before_ctx = c;
    c->verdict = mmap(NULL, sizeof *c->verdict, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c->verdict == MAP_FAILED) {
        perror("mmap");
        exit(EXIT_FAILURE);
    }
    memset(c->verdict, 0, sizeof *c->verdict);
}

void sim_cutter_stop(struct sim_cutter *c) {
    c->nor->port.write = c->write;
    c->nor->port.erase = c->erase_run;
    c->nor->before = NULL;
    (void)munmap(c->verdict, sizeof *c->verdict);
    c->verdict = NULL;
}

void sim_cutter_end(struct sim_cutter *c, enum sim_outcome o, const char *why) {
    c->verdict->outcome = o;
    (void)snprintf(c->verdict->why, sizeof c->verdict->why, "%s", why);
    if (c->copy)
        _exit(EXIT_SUCCESS);
}

/* ---- written ------------------------------------------------------------------------------------------- */

static bool parse_kind(const char *text, size_t len, enum ota_nor_cut *out) {
    for (unsigned i = 0; i < OTA_NOR_CUT_COUNT; i++) {
        const char *name = ota_nor_cut_name((enum ota_nor_cut)i);
        *out = (enum ota_nor_cut)i;
        if (strlen(name) == len && strncmp(name, text, len) == 0)
            return true;
    }
    return false;
}

static bool parse_one(const char **text, struct sim_cut *out) {
    char *end;
    out->at = strtoull(*text, &end, 10);
    if (out->at == 0 || *end != ':')
        return false;
    const char *kind = end + 1;
    size_t len = strcspn(kind, ":+");
    if (!parse_kind(kind, len, &out->kind))
        return false;
    *text = kind + len;
    out->seed = 1;
    if (**text != ':')
        return true;
    out->seed = strtoull(*text + 1, &end, 10);
    *text = end;
    return true;
}

unsigned sim_cut_parse(const char *text, struct sim_cut cut[SIM_CUTS_MAX]) {
    unsigned n = 0;
    do {
        text += n > 0;
        if (n == SIM_CUTS_MAX || !parse_one(&text, &cut[n++]))
            return 0;
    } while (*text == '+');
    return *text ? 0 : n;
}

void sim_cut_format(const struct sim_cut *cut, unsigned cuts, char *out, size_t cap) {
    size_t len = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < cuts && len < cap; i++)
        len += (size_t)snprintf(out + len, cap - len, "%s%llu:%s:%llu", i ? "+" : "", (unsigned long long)cut[i].at,
                                ota_nor_cut_name(cut[i].kind), (unsigned long long)cut[i].seed);
}
