/* SPDX-License-Identifier: Apache-2.0 */
/* Prepare, update, lose power, go on, judge. */
#include "sim_play.h"

#include <stdio.h>
#include <string.h>

#include "support/unit.h"

#define RUNS_MAX 40u /* of ota_run() with its sleeps, until a board must have ended */

static uint32_t newest(const struct sim_play *p) {
    return p->w->release[p->w->releases - 1].counter;
}

static bool installs(const struct sim_play *p, char kind) {
    return strchr(p->c->kinds, kind) != NULL;
}

/* What the board must end on. */
static uint32_t wanted(const struct sim_play *p) {
    return p->c->result == OTA_RESULT_INSTALLED ? newest(p) : newest(p) - 1;
}

/* ---- the update ---------------------------------------------------------------------------------------- */

static bool is_settled(const struct sim_play *p, uint32_t counter, uint32_t told) {
    const struct ota_agent *a = &p->w->agent;
    return a->journal.phase == OTA_PHASE_IDLE && a->board.counter == counter && !a->report.pending &&
           (told == 0 || a->report.counter == told);
}

/* Installed or given up, and the board knows. */
static bool is_over(const struct sim_play *p) {
    const struct ota_agent *a = &p->w->agent;
    return a->journal.phase == OTA_PHASE_IDLE && a->report.counter == newest(p);
}

static enum sim_end drive(struct sim_play *p, uint32_t counter, uint32_t told) {
    enum sim_end end = SIM_RESTS;
    for (unsigned i = 0; i < RUNS_MAX; i++) {
        end = sim_world_run(p->w);
        if (end != SIM_RESTS || is_settled(p, counter, told))
            break;
    }
    return end;
}

/* By hand, to a board whose server is away; whoever holds the bundle gives it as often as it takes. Then the server is
 * there again and hears of it. */
static enum sim_end carry(struct sim_play *p) {
    p->w->server->down = true;
    for (unsigned i = 0; i < RUNS_MAX; i++) {
        enum sim_end end = sim_world_run(p->w);
        if (end == SIM_RESTS && is_over(p))
            break;
        if (end == SIM_RESTS)
            end = sim_world_feed(p->w, p->c->door);
        if (end != SIM_RUNS && end != SIM_RESTS)
            return end;
    }
    p->w->server->down = false;
    return drive(p, wanted(p), newest(p));
}

/* With one more reset: a board may rest and be dead at its next. The first poll after it may write down what it need
 * not load again; the second learns nothing. The next day there is a timestamp to keep. */
static enum sim_end update(struct sim_play *p) {
    enum sim_end end = p->c->door == OTA_DOOR_HTTPS ? drive(p, wanted(p), newest(p)) : carry(p);
    if (end == SIM_RESTS)
        end = sim_world_boot(p->w);
    if (end == SIM_RUNS)
        end = sim_world_run(p->w);
    if (end != SIM_RESTS)
        return end;
    uint64_t before = p->w->board.nor.operations;
    end = sim_world_run(p->w);
    p->idle_operations = p->w->board.nor.operations - before;
    if (end != SIM_RESTS)
        return end;
    before = p->w->board.nor.operations;
    sim_world_new_day(p->w);
    end = sim_world_run(p->w);
    p->daily_operations = p->w->board.nor.operations - before;
    return end;
}

static void settle(struct sim_play *p, uint32_t counter) {
    enum sim_end end = drive(p, counter, counter > 1 ? counter : 0);
    if (end != SIM_RESTS || p->w->agent.board.counter != counter)
        fail_msg("%s: ends on release %u (%s) before anything is cut: %s", p->c->id,
                 (unsigned)p->w->agent.board.counter, sim_end_name(end), p->w->err.msg);
}

void sim_play_prepare(struct sim_play *p, const struct sim_case *c) {
    *p = (struct sim_play){.c = c, .w = sim_world_new(&c->config)};
    settle(p, 1);
    if (c->update) {
        (void)sim_world_release(p->w, 2, "2.0.0", c->config.anti_rollback ? "tsbVa" : "tsba");
        settle(p, 2);
    }
    if (c->unchanged)
        (void)sim_world_release_again(p->w, 3, "3.0.0", c->kinds);
    else
        (void)sim_world_release(p->w, c->update ? 3 : 2, c->update ? "3.0.0" : "2.0.0", c->kinds);
    if (c->door != OTA_DOOR_HTTPS)
        sim_world_pack(p->w, c->door);
}

/* ---- what is where ------------------------------------------------------------------------------------- */

static uint32_t sectors(size_t length) {
    return (uint32_t)((length + OTA_SECTOR - 1u) / OTA_SECTOR);
}

static bool in_table(const struct sim_play *p, uint32_t offset) {
    return installs(p, 't') && offset / OTA_SECTOR == SIM_TABLE_OFFSET / OTA_SECTOR;
}

static bool in_bootloader(const struct sim_play *p, uint32_t offset) {
    uint32_t first = p->w->board.efuse.chip->bootloader_offset;
    size_t length = p->w->release[p->w->releases - 1].bootloader.len;
    return installs(p, 'b') && !p->c->config.recovery && offset >= first &&
           offset < first + sectors(length) * OTA_SECTOR;
}

bool sim_play_final(const struct sim_play *p, uint32_t offset) {
    return in_table(p, offset) || in_bootloader(p, offset);
}

bool sim_play_bulk(const struct sim_play *p, uint32_t offset) {
    const struct sim_layout *l = sim_layout(&p->c->config);
    return (offset >= SIM_SLOT_0 && offset < l->state) || offset >= l->storage;
}

/* Each is erased and written once. */
unsigned sim_play_window(const struct sim_play *p) {
    size_t length = p->w->release[p->w->releases - 1].bootloader.len;
    unsigned table = installs(p, 't') ? 1 : 0;
    if (p->c->unchanged)
        return 0;
    unsigned bootloader = installs(p, 'b') && !p->c->config.recovery ? sectors(length) : 0;
    return 2u * (table + bootloader);
}

static const struct {
    char kind;
    const char *label;
} part[] = {{'t', OTA_LABEL_TABLE},
            {'s', "storage"},
            {'b', OTA_LABEL_BOOTLOADER},
            {'f', OTA_LABEL_FACTORY},
            {'a', OTA_LABEL_APP}};

static bool exists(const struct sim_play *p, size_t i) {
    return part[i].kind != 'f' || p->c->config.factory;
}

/* The factory app stays what it was made with until a release brings one. */
static bool is_whole(const struct sim_play *p, const char *label) {
    return sim_world_wholly(p->w, label) != SIM_BROKEN ||
           (strcmp(label, OTA_LABEL_FACTORY) == 0 && sim_world_holds(p->w, label, 1));
}

/* NULL, or the label of a partition that is neither old nor new, `but` one. */
static const char *broken(const struct sim_play *p, const char *but) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(part); i++)
        if (exists(p, i) && strcmp(part[i].label, but) != 0 && !is_whole(p, part[i].label))
            return part[i].label;
    return NULL;
}

/* ---- verdict ------------------------------------------------------------------------------------------- */

static enum ota_slot_state active_state(const struct sim_world *w) {
    struct ota_otadata_entry e[2];
    for (unsigned i = 0; i < 2; i++)
        ota_otadata_decode(w->board.nor.memory + SIM_OTADATA + i * OTA_SECTOR, &e[i]);
    int active = ota_otadata_active(e);
    return active < 0 ? OTA_SLOT_UNDEFINED : e[active].state;
}

#define COMPLAIN(...) return (void)snprintf(why, cap, __VA_ARGS__), false

static bool says(const struct sim_world *w, const char *result) {
    char text[40];
    (void)snprintf(text, sizeof text, "\"%s\"", result);
    return w->server->report.len && memmem(w->server->report.p, w->server->report.len, text, strlen(text));
}

static bool told_well(const struct sim_play *p, char *why, size_t cap) {
    const struct ota_report_record *r = &p->w->agent.report;
    const char *result = ota_result_name(p->c->result);
    if (r->result != p->c->result || r->counter != newest(p))
        COMPLAIN("its report is \"%s\" of release %u, not \"%s\" of %u", ota_result_name(r->result),
                 (unsigned)r->counter, result, (unsigned)newest(p));
    if (r->pending || !says(p->w, result))
        COMPLAIN("the server was not told that the update was %s", result);
    return true;
}

static bool places_well(const struct sim_play *p, char *why, size_t cap) {
    const char *bad = broken(p, "");
    if (bad)
        COMPLAIN("%s is neither old nor new at the end", bad);
    for (size_t i = 0; i < OTA_ARRAY_LEN(part); i++) {
        bool app = part[i].kind == 'a' || part[i].kind == 'f';
        if (installs(p, part[i].kind) && (p->c->result == OTA_RESULT_INSTALLED || !app) &&
            sim_world_wholly(p->w, part[i].label) != SIM_NEW)
            COMPLAIN("%s is not of the new release at the end", part[i].label);
    }
    if (p->c->result == OTA_RESULT_ROLLED_BACK && sim_world_wholly(p->w, OTA_LABEL_APP) != SIM_OLD)
        COMPLAIN("the app that runs is not the old one");
    return true;
}

static bool ended_well(const struct sim_play *p, char *why, size_t cap) {
    const struct ota_agent *a = &p->w->agent;
    enum ota_slot_state state = active_state(p->w);
    if (a->board.counter != wanted(p))
        COMPLAIN("ends on release %u, not %u: %s", (unsigned)a->board.counter, (unsigned)wanted(p),
                 a->last.code != OTA_OK ? a->last.msg : "no word of why");
    if (a->journal.phase != OTA_PHASE_IDLE)
        COMPLAIN("its journal is not empty but %s", ota_phase_name(a->journal.phase));
    if (p->c->result == OTA_RESULT_INSTALLED && installs(p, 'a') && !p->c->config.without_rollback &&
        state != OTA_SLOT_VALID)
        COMPLAIN("the app is not confirmed but %s", ota_slot_state_name(state));
    return places_well(p, why, cap) && told_well(p, why, cap);
}

static void judge(struct sim_play *p, enum sim_end end) {
    char why[sizeof p->cut.verdict->why] = "";
    if (end == SIM_DEAD)
        sim_cutter_end(&p->cut, SIM_BRICK, p->w->err.msg);
    else if (end != SIM_RESTS)
        sim_cutter_end(&p->cut, SIM_BEHIND, end == SIM_RESTLESS ? "it never rests" : p->w->err.msg);
    else
        sim_cutter_end(&p->cut, ended_well(p, why, sizeof why) ? SIM_SOUND : SIM_BEHIND, why);
}

void sim_play_run(struct sim_play *p) {
    struct ota_nor *n = &p->w->board.nor;
    char why[80];
    sim_cutter_start(&p->cut, n);
    enum sim_end end = update(p);
    while (end == SIM_CUT) {
        end = sim_world_boot(p->w);
        const char *bad = end == SIM_RUNS ? broken(p, "") : NULL;
        if (bad) {
            (void)snprintf(why, sizeof why, "%s is neither old nor new after ota_boot()", bad);
            sim_cutter_end(&p->cut, SIM_MIXED, why);
            return;
        }
        if (end == SIM_RUNS)
            end = update(p);
    }
    p->operations = n->operations;
    p->sectors_erased = n->sectors_erased;
    p->wear = ota_nor_wear(n);
    judge(p, end);
}

void sim_play_free(struct sim_play *p) {
    sim_cutter_stop(&p->cut);
    sim_world_free(p->w);
}

/* ---- sectors that do not take -------------------------------------------------------------------------- */

/* The label whose place the sector is part of. */
static const char *label_at(const struct sim_play *p, uint32_t offset) {
    uint32_t first = p->w->board.efuse.chip->bootloader_offset;
    if (offset >= first && offset < SIM_TABLE_OFFSET)
        return OTA_LABEL_BOOTLOADER;
    if (offset == SIM_TABLE_OFFSET)
        return OTA_LABEL_TABLE;
    if (offset >= SIM_FACTORY && offset < SIM_FACTORY + SIM_SLOT_SIZE)
        return OTA_LABEL_FACTORY;
    const struct sim_layout *l = sim_layout(&p->c->config);
    return offset >= l->storage && offset < l->storage + l->storage_size ? "storage" : "";
}

static enum sim_end drive_to_any_end(struct sim_play *p) {
    enum sim_end end = SIM_RESTS;
    for (unsigned i = 0; i < RUNS_MAX; i++) {
        end = sim_world_run(p->w);
        if (end != SIM_RESTS || (is_over(p) && !p->w->agent.report.pending))
            break;
    }
    return end == SIM_RESTS ? sim_world_boot(p->w) : end;
}

static bool failed_well(const struct sim_play *p, uint32_t offset, char *why, size_t cap) {
    const struct ota_report_record *r = &p->w->agent.report;
    const char *bad = broken(p, label_at(p, offset));
    if (bad)
        COMPLAIN("%s is neither old nor new", bad);
    if (!is_over(p) || (r->result != OTA_RESULT_FAILED && r->result != OTA_RESULT_ROLLED_BACK))
        COMPLAIN("neither installed nor given up: %s, journal %s: %s", ota_result_name(r->result),
                 ota_phase_name(p->w->agent.journal.phase), p->w->agent.last.msg);
    if (!says(p->w, ota_result_name(r->result)))
        COMPLAIN("the server was not told that it %s", ota_result_name(r->result));
    return true;
}

enum sim_outcome sim_play_fault(struct sim_play *p, uint32_t sector, uint8_t faults, bool *installed, char *why,
                                size_t cap) {
    uint32_t offset = sector * OTA_SECTOR;
    ota_nor_fault(&p->w->board.nor, sector, faults);
    enum sim_end end = drive_to_any_end(p);
    *installed = p->w->agent.report.result == OTA_RESULT_INSTALLED;
    (void)snprintf(why, cap, "%s", p->w->err.msg);
    if (end == SIM_DEAD)
        return SIM_BRICK;
    if (end != SIM_RUNS)
        return SIM_BEHIND;
    return (*installed ? ended_well(p, why, cap) : failed_well(p, offset, why, cap)) ? SIM_SOUND : SIM_BEHIND;
}
