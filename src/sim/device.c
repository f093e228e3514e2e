/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a virtual board, one boot after the other. */
#include "sim/device.h"

#include <string.h>
#include <time.h>

#include "host/clock.h"
#include "host/crypto.h"
#include "host/inflate_zlib.h"
#include "host/transport.h"
#include "image/identity.h"
#include "sim/app.h"
#include "sim/otaops.h"
#include "sim/rom.h"
#include "sim/statekv.h"

#define AGENT_NAME "otadevice/" OTA_PROGRAM_VERSION
/* One run of --once needs three at most per release and stepping stone; a board that goes on rebooting is stuck. */
#define REBOOTS_MAX 100u
#define IDLE_S 3600u /* a door's turn, when the agent waits for nothing */

struct device {
    const struct ota_device_config *cfg;
    struct ota_device_outcome *out;
    uint64_t started_ms, booted_ms; /* of the machine's monotonic clock */
    bool known;                     /* from_counter and from_version are set */
    struct ota_clock clock;
    struct ota_log log;
    struct ota_inflate_zlib *inflate;
};

/* What one boot has in its memory. */
struct boot {
    struct ota_rom_boot rom;
    struct ota_flash flash; /* as apps see it: of the size in the bootloader's header (esp_flash_spi_init.c) */
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

static enum ota_status no_network(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                  struct ota_err *err) {
    (void)ctx, (void)req, (void)resp;
    return ota_err_set(err, OTA_NETWORK, "this board has no network");
}

static enum ota_status no_body(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err) {
    (void)p, (void)cap, (void)got;
    return no_network(ctx, NULL, NULL, err);
}

static void nothing_open(void *ctx) {
    (void)ctx;
}

static const struct ota_transport unplugged = {.open = no_network, .read = no_body, .close = nothing_open};

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
    b->flash = nor_of(d)->port;
    if (b->rom.flash_size < b->flash.size)
        b->flash.size = b->rom.flash_size;
    return ota_virtual_board_burn(d->cfg->board, b->rom.secure_version, err);
}

static enum ota_status connect(struct device *d, struct boot *b, struct ota_err *err) {
    const struct ota_curl_config cfg = {
        .url_metadata = b->id.url_meta,
        .url_targets = b->id.url_targets,
        .url_api = b->id.url_api,
        .ca_pem = ota_buf_span(&b->id.ca),
        .token = b->id.token,
        .client_crt = ota_buf_span(&b->id.crt),
        .client_key = ota_buf_span(&b->id.key),
        .user_agent = AGENT_NAME,
    };
    if (d->cfg->door || b->app.no_network) {
        ota_meter_connect(&d->out->meter, &unplugged);
        return OTA_OK;
    }
    OTA_TRY(ota_curl_new(&cfg, &b->curl, err));
    ota_meter_connect(&d->out->meter, ota_curl_transport(b->curl));
    return OTA_OK;
}

static enum ota_status start_agent(struct device *d, struct boot *b, struct ota_err *err) {
    struct ota_agent_config cfg = {
        .crypto = &ota_crypto_openssl,
        .flash = &b->flash,
        .kv = &b->kv.port,
        .clock = &d->clock,
        .transport = &d->out->meter.port,
        .log = &d->log,
        .boot = &b->ops.port,
        .bundle = d->cfg->bundle,
        .inflate = ota_inflate_zlib_port(d->inflate),
        .hooks = {.ctx = b, .self_test = self_test},
        .identity = {b->id.id, b->id.product, b->id.channel, b->id.groups ? b->id.groups : "",
                     ota_buf_span(&b->id.root)},
        .board = ota_efuse_facts(&d->cfg->board->efuse),
        .poll_interval_s = d->cfg->interval_s,
        .confirm_timeout_s = d->cfg->confirm_timeout_s,
        .window = d->cfg->window,
        .reports = b->id.url_api && (b->id.token || b->id.crt.len) && !d->cfg->door, /* they wait for a network */
        .buf = b->metadata,
        .cap = sizeof b->metadata,
    };
    cfg.board.build_time = b->app.build_time;
    cfg.board.agent = AGENT_NAME;
    return ota_agent_init(&b->agent, &cfg, err);
}

static enum ota_status start_app(struct device *d, struct boot *b, struct ota_err *err) {
    const struct ota_flash *flash = &b->flash;
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
    out->waits_s = a->wait_s;
    out->waiting = a->wait_s ? a->journal.counter : 0;
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

/* Without a network there is nothing to poll: the agent only decides what is under way. */
static enum ota_status run_agent(struct device *d, struct boot *b, uint32_t *sleep_s, struct ota_err *err) {
    const struct ota_agent *a = &b->agent;
    *sleep_s = IDLE_S;
    if (d->cfg->door && !undecided(a) && !a->copy_again && a->journal.phase != OTA_PHASE_COMMITTED)
        return OTA_OK;
    return ota_run(&b->agent, sleep_s, err);
}

static enum ota_status pass_time(struct device *d, struct boot *b, uint32_t sleep_s, bool *ended, struct ota_err *err) {
    const struct ota_device_door *door = d->cfg->door;
    const bool decided = !undecided(&b->agent);
    if (door)
        return door->wait(door->ctx, &b->agent, decided, sleep_s, ended, err);
    *ended = d->cfg->once && decided;
    if (*ended)
        return OTA_OK;
    ota_log(&d->log, OTA_LOG_DEBUG, "sleeps for %u s", (unsigned)sleep_s);
    sleep_for(sleep_s);
    return OTA_OK;
}

/* Until the board reboots, loses power, or would sleep for good (*ended). */
static enum ota_status live(struct device *d, struct boot *b, bool *ended, struct ota_err *err) {
    const struct ota_device_door *door = d->cfg->door;
    uint32_t sleep_s = 0;
    OTA_TRY(ota_boot(&b->agent, err));
    if (door && !b->agent.reboot && !nor_of(d)->off)
        OTA_TRY(door->begin(door->ctx, &b->agent, b->rom.image.app.version, err));
    while (!b->agent.reboot && !nor_of(d)->off && !*ended) {
        take_note(d, b);
        OTA_TRY(run_agent(d, b, &sleep_s, err));
        if (b->agent.reboot || nor_of(d)->off)
            break;
        take_note(d, b);
        OTA_TRY(pass_time(d, b, sleep_s, ended, err));
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

static enum ota_status run(struct device *d, struct ota_err *err) {
    const struct ota_device_config *cfg = d->cfg;
    struct ota_device_outcome *out = d->out;
    bool ended = false;
    for (;;) {
        enum ota_status status = boot_once(d, &ended, err);
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
            ota_log(&d->log, OTA_LOG_WARNING, "power was cut at flash operation %llu; it is back",
                    (unsigned long long)cfg->board->nor.operations);
        else
            ota_log(&d->log, OTA_LOG_INFO, "reboots");
    }
}

enum ota_status ota_device_run(const struct ota_device_config *cfg, struct ota_device_outcome *out,
                               struct ota_err *err) {
    struct device d = {.cfg = cfg, .out = out, .started_ms = machine_ms(), .inflate = ota_inflate_zlib_new()};
    memset(out, 0, sizeof *out);
    out->offline = cfg->door != NULL;
    ota_meter_init(&out->meter, &cfg->board->nor.off);
    d.clock = (struct ota_clock){.ctx = &d, .now = clock_now, .uptime_ms = clock_uptime};
    d.log = (struct ota_log){.ctx = &d, .line = log_line};
    enum ota_status status = run(&d, err);
    ota_inflate_zlib_free(&d.inflate);
    return status;
}
