/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a virtual board, one boot after the other. */
#include "sim/device.h"

#include <string.h>
#include <time.h>

#include "host/clock.h"
#include "host/crypto.h"
#include "host/transport.h"
#include "sim/app.h"
#include "sim/identity.h"
#include "sim/otaops.h"
#include "sim/rom.h"
#include "sim/statekv.h"

#define AGENT_NAME "otadevice/" OTA_PROGRAM_VERSION
/* One run of --once needs three at most per release and stepping stone; a board that goes on rebooting is stuck. */
#define REBOOTS_MAX 100u

struct device {
    const struct ota_device_config *cfg;
    struct ota_device_outcome *out;
    uint64_t started_ms, booted_ms; /* of the machine's monotonic clock */
    bool known;                     /* from_counter and from_version are set */
    struct ota_clock clock;
    struct ota_log log;
};

/* What one boot has in its memory. */
struct boot {
    struct ota_rom_boot rom;
    struct ota_app app;
    struct ota_id_record id;
    struct ota_statekv kv;
    struct ota_otaops ops;
    struct ota_curl *curl;
    uint8_t metadata[OTA_METADATA_MAX];
    struct ota_agent agent;
};

static void boot_free(struct boot **boot) {
    struct boot *b = *boot;
    ota_curl_free(&b->curl);
    ota_statekv_close(&b->kv);
    ota_id_record_free(&b->id);
    free(b);
}

static struct ota_nor *nor_of(const struct device *d) {
    return &d->cfg->board->nor;
}

/* ---- ports --------------------------------------------------------------------------------------------- */

static uint64_t machine_ms(void) {
    return ota_clock_system.uptime_ms(ota_clock_system.ctx);
}

static bool clock_now(void *ctx, uint64_t *unix_seconds) {
    const struct device *d = ctx;
    if (d->cfg->clock == 0)
        return ota_clock_system.now(ota_clock_system.ctx, unix_seconds);
    *unix_seconds = d->cfg->clock + (machine_ms() - d->started_ms) / 1000u;
    return true;
}

static uint64_t clock_uptime(void *ctx) {
    const struct device *d = ctx;
    return machine_ms() - d->booted_ms;
}

/* A board without power says nothing. */
static void log_line(void *ctx, enum ota_log_level level, const char *text) {
    const struct device *d = ctx;
    if (!nor_of(d)->off)
        d->cfg->log->line(d->cfg->log->ctx, level, text);
}

static bool self_test(void *ctx) {
    const struct boot *b = ctx;
    return !b->app.faulty;
}

/* ---- one boot ------------------------------------------------------------------------------------------ */

static enum ota_status find_row(const struct ota_table *t, const char *label, const struct ota_partition **out,
                                struct ota_err *err) {
    *out = ota_table_by_label(t, label);
    if (*out && (*out)->type == OTA_PART_DATA)
        return OTA_OK;
    return ota_err_set(err, OTA_CONFIG, "the partition table has no data partition %s", label);
}

static enum ota_status start_rom(struct device *d, struct boot *b, struct ota_err *err) {
    const struct ota_board facts = ota_efuse_facts(&d->cfg->board->efuse);
    const struct ota_rom rom = {&nor_of(d)->port, &facts, &ota_crypto_openssl, &d->log, &d->cfg->board->efuse.keys};
    OTA_TRY(ota_rom_start(&rom, &b->rom, err));
    return ota_virtual_board_burn(d->cfg->board, b->rom.secure_version, err);
}

static enum ota_status connect(struct device *d, struct boot *b, struct ota_err *err) {
    const struct ota_curl_config cfg = {
        .url_metadata = b->id.url_meta,
        .url_targets = b->id.url_targets,
        .url_api = b->id.url_api,
        .ca_pem = ota_buf_span(&b->id.ca),
        .token = b->id.token,
        .user_agent = AGENT_NAME,
    };
    OTA_TRY(ota_curl_new(&cfg, &b->curl, err));
    ota_meter_connect(&d->out->meter, ota_curl_transport(b->curl));
    return OTA_OK;
}

static enum ota_status start_agent(struct device *d, struct boot *b, struct ota_err *err) {
    struct ota_agent_config cfg = {
        .crypto = &ota_crypto_openssl,
        .flash = &nor_of(d)->port,
        .kv = &b->kv.port,
        .clock = &d->clock,
        .transport = &d->out->meter.port,
        .log = &d->log,
        .boot = &b->ops.port,
        .hooks = {.ctx = b, .self_test = self_test},
        .identity = {b->id.id, b->id.product, b->id.channel, b->id.groups ? b->id.groups : "",
                     ota_buf_span(&b->id.root)},
        .board = ota_efuse_facts(&d->cfg->board->efuse),
        .poll_interval_s = d->cfg->interval_s,
        .confirm_timeout_s = d->cfg->confirm_timeout_s,
        .reports = b->id.token && b->id.url_api,
        .buf = b->metadata,
        .cap = sizeof b->metadata,
    };
    cfg.board.build_time = b->app.build_time;
    cfg.board.agent = AGENT_NAME;
    return ota_agent_init(&b->agent, &cfg, err);
}

static enum ota_status start_app(struct device *d, struct boot *b, struct ota_err *err) {
    const struct ota_flash *flash = &nor_of(d)->port;
    const struct ota_table *table = &b->rom.table;
    const struct ota_partition *id, *state;
    OTA_TRY(ota_app_read(flash, b->rom.app, &b->rom.image, &b->app, err));
    OTA_TRY(find_row(table, OTA_ID_LABEL, &id, err));
    OTA_TRY(find_row(table, OTA_STATE_LABEL, &state, err));
    OTA_TRY(ota_id_record_read(flash, id->offset, id->size, &b->id, err));
    OTA_TRY(ota_statekv_open(&b->kv, flash, state->offset, state->size, err));
    if (b->kv.lost)
        ota_log(&d->log, OTA_LOG_WARNING, "ota_state was lost: trust begins anew from the root of ota_id");
    ota_otaops_init(&b->ops, d->cfg->board, &ota_crypto_openssl, table, b->rom.app);
    OTA_TRY(connect(d, b, err));
    return start_agent(d, b, err);
}

/* ---- what happened ------------------------------------------------------------------------------------- */

static void take_note(struct device *d, const struct boot *b) {
    struct ota_device_outcome *out = d->out;
    const struct ota_agent *a = &b->agent;
    const char *version = a->board.version[0] ? a->board.version : b->rom.image.app.version;
    bool recovered = out->counter == 0 && a->report.result != OTA_RESULT_INSTALLED;
    if (!d->known) {
        out->from_counter = out->counter = a->board.counter;
        ota_format(out->from_version, sizeof out->from_version, "%s", version);
        d->known = true;
    }
    if (a->board.counter > out->counter && !recovered) {
        out->updated = true;
        out->failure = (struct ota_err){.code = OTA_OK}; /* what went wrong on the way was overcome */
    } else if (recovered) {
        out->from_counter = a->board.counter; /* the board found out what it runs */
    }
    if (a->last.code != OTA_OK)
        out->failure = a->last;
    out->counter = a->board.counter;
    out->mixed = a->mixed;
    out->counter_unknown = a->counter_unknown;
    ota_format(out->version, sizeof out->version, "%s", version);
    ota_format(out->label, sizeof out->label, "%s", b->rom.app->label);
}

/* Neither sleep nor reboot before it is known whether the new app stays. */
static bool undecided(const struct ota_agent *a) {
    return a->state == OTA_STATE_TESTING || a->state == OTA_STATE_CONFIRMING || a->journal.phase == OTA_PHASE_DOUBTED;
}

static void sleep_for(uint32_t seconds) {
    struct timespec left = {.tv_sec = (time_t)seconds};
    while (nanosleep(&left, &left) != 0)
        ;
}

/* Until the board reboots, loses power, or would sleep for good (*ended). */
static enum ota_status live(struct device *d, struct boot *b, bool *ended, struct ota_err *err) {
    uint32_t sleep_s = 0;
    OTA_TRY(ota_boot(&b->agent, err));
    while (!b->agent.reboot && !nor_of(d)->off) {
        take_note(d, b);
        OTA_TRY(ota_run(&b->agent, &sleep_s, err));
        if (b->agent.reboot || nor_of(d)->off)
            break;
        take_note(d, b);
        *ended = d->cfg->once && !undecided(&b->agent);
        if (*ended)
            return OTA_OK;
        ota_log(&d->log, OTA_LOG_DEBUG, "sleeps for %u s", (unsigned)sleep_s);
        sleep_for(sleep_s);
    }
    if (!nor_of(d)->off)
        take_note(d, b);
    return OTA_OK;
}

static enum ota_status boot_once(struct device *d, bool *ended, struct ota_err *err) {
    OTA_CLEAN(boot_free) struct boot *b = ota_calloc(1, sizeof *b);
    *ended = false;
    d->booted_ms = machine_ms();
    OTA_TRY(start_rom(d, b, err));
    OTA_TRY(start_app(d, b, err));
    return live(d, b, ended, err);
}

enum ota_status ota_device_run(const struct ota_device_config *cfg, struct ota_device_outcome *out,
                               struct ota_err *err) {
    struct device d = {.cfg = cfg, .out = out, .started_ms = machine_ms()};
    bool ended = false;
    memset(out, 0, sizeof *out);
    ota_meter_init(&out->meter, &cfg->board->nor.off);
    d.clock = (struct ota_clock){.ctx = &d, .now = clock_now, .uptime_ms = clock_uptime};
    d.log = (struct ota_log){.ctx = &d, .line = log_line};
    for (;;) {
        enum ota_status status = boot_once(&d, &ended, err);
        bool cut = cfg->board->nor.off;
        if (cut)
            ota_nor_power_on(&cfg->board->nor);
        else if (status != OTA_OK)
            return status;
        OTA_TRY(ota_nor_sync(&cfg->board->nor, err));
        if (ended && !cut)
            return OTA_OK;
        if (cfg->once && ++out->reboots > REBOOTS_MAX)
            return ota_err_set(err, OTA_INTERNAL, "the board rebooted %u times and is not done", REBOOTS_MAX);
        if (cut)
            ota_log(&d.log, OTA_LOG_WARNING, "power was cut at flash operation %llu; it is back",
                    (unsigned long long)cfg->board->nor.operations);
        else
            ota_log(&d.log, OTA_LOG_INFO, "reboots");
    }
}
