/* SPDX-License-Identifier: Apache-2.0 */
/* Board and server put together. */
#include "sim_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/crypto.h"
#include "image/sample.h"
#include "sign/role.h"
#include "sim/app.h"
#include "sim_table.h"
#include "support/unit.h"

#define PASSES_MAX 300u
#define AGENT_NAME "sim/1"
#define DAY 86400u
#define PIECE 1400u /* of a bundle, at a time */
#define WEEK (7u * DAY)
#define TIMESTAMP_OF_DAYS 1000u /* above what releases reach */

static struct ota_err err;

const char *sim_end_name(enum sim_end end) {
    static const char *const name[] = {"runs", "rests", "cut", "dead", "failed", "restless"};
    return (unsigned)end < OTA_ARRAY_LEN(name) ? name[end] : "?";
}

static const struct ota_chip *chip_of(const struct sim_world *w) {
    return w->board.efuse.chip;
}

/* ---- ports --------------------------------------------------------------------------------------------- */

static bool now(void *ctx, uint64_t *unix_seconds) {
    *unix_seconds = ((const struct sim_world *)ctx)->now;
    return true;
}

static uint64_t uptime_ms(void *ctx) {
    return ((const struct sim_world *)ctx)->uptime_ms;
}

/* A board without power says nothing. */
static void log_line(void *ctx, enum ota_log_level level, const char *text) {
    const struct sim_world *w = ctx;
    (void)level;
    if (w->verbose && !w->board.nor.off)
        (void)fprintf(stderr, "  %s\n", text);
}

/* splitmix64 */
static enum ota_status draw(void *ctx, void *p, size_t n, struct ota_err *e) {
    struct sim_world *w = ctx;
    uint8_t *out = p;
    (void)e;
    for (size_t i = 0; i < n; i++) {
        uint64_t z = ++w->drawn * 0x9E3779B97F4A7C15ull;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ z >> 27) * 0x94D049BB133111EBull;
        out[i] = (uint8_t)(z >> 56);
    }
    return OTA_OK;
}

static bool self_test(void *ctx) {
    return !((const struct sim_world *)ctx)->faulty;
}

static enum ota_status open_request(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                    struct ota_err *e) {
    struct sim_world *w = ctx;
    if (w->no_network || w->board.nor.off)
        return ota_err_set(e, OTA_NETWORK, "the network stack does not start");
    return w->server->port.open(w->server->port.ctx, req, resp, e);
}

static enum ota_status read_body(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *e) {
    const struct sim_world *w = ctx;
    if (w->board.nor.off)
        return ota_err_set(e, OTA_NETWORK, "no power");
    return w->server->port.read(w->server->port.ctx, p, cap, got, e);
}

static void close_request(void *ctx) {
    const struct sim_world *w = ctx;
    w->server->port.close(w->server->port.ctx);
}

/* ---- releases ------------------------------------------------------------------------------------------ */

static struct ota_buf table_bytes(const struct sim_world *w, bool extra) {
    struct ota_table t;
    struct ota_buf out = {0};
    sim_table(&w->config, w->board.efuse.recovery_offset, extra, &t);
    ota_buf_reserve(&out, OTA_TABLE_LENGTH);
    assert_ota_ok(ota_table_write(&t, &ota_crypto_openssl, out.p, &err));
    out.len = OTA_TABLE_LENGTH;
    return out;
}

/* "U": by a key that no eFuse trusts. */
static void sign(struct sim_world *w, struct sim_release *r, const char *kinds) {
    struct boot_signer stranger = {0};
    bool trusted = !strchr(kinds, 'U');
    if (w->config.secure_boot != 2)
        return;
    if (!trusted)
        boot_signer_make(&stranger, OTA_BOOT_ECDSA256);
    boot_sign(trusted ? &w->signer : &stranger, &r->app, 0);
    boot_sign(trusted ? &w->signer : &stranger, &r->bootloader, 0);
    boot_signer_free(&stranger);
}

static const struct ota_chip *another_chip(const struct sim_world *w) {
    const struct ota_chip *first = ota_chip_at(0);
    return chip_of(w) == first ? ota_chip_at(1) : first;
}

static struct sim_release *make_images(struct sim_world *w, uint32_t counter, const char *version, const char *kinds) {
    assert_in_range(w->releases, 0, FAKE_RELEASES_MAX - 1);
    struct sim_release *r = &w->release[w->releases++];
    const struct sim_layout *l = sim_layout(&w->config);
    const struct sim_app app = {
        .chip = strchr(kinds, 'C') ? another_chip(w) : chip_of(w),
        .version = version,
        .secure_version = strchr(kinds, 'V') ? counter : 0,
        .length = l->app,
        .faulty = strchr(kinds, 'F') != NULL,
        .no_network = strchr(kinds, 'N') != NULL,
    };
    r->counter = counter;
    r->app = sim_app(&app);
    r->bootloader = sim_bootloader(chip_of(w), version, l->bootloader, l->flash);
    r->table = table_bytes(w, counter % 2 == 0);
    r->storage = sim_data(version, l->data);
    sign(w, r, kinds);
    return r;
}

static void pack(struct sim_world *w, struct ota_release *r) {
    for (size_t i = 0; w->inflate && i < r->step_count; i++) {
        const struct fake_file *plain = fake_server_served(w->server, r->counter, r->step[i].file);
        struct ota_buf z = fake_server_deflate(ota_buf_span(&plain->bytes), 12);
        fake_server_pack(w->server, r, r->step[i].file, ota_buf_span(&z));
        ota_buf_free(&z);
    }
}

static void add_images(struct sim_world *w, struct ota_release *r, const struct sim_release *i, const char *kinds) {
    if (strchr(kinds, 't'))
        fake_server_image(w->server, r, OTA_KIND_TABLE, OTA_LABEL_TABLE, "partition-table.bin",
                          ota_buf_span(&i->table));
    if (strchr(kinds, 's'))
        fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", ota_buf_span(&i->storage));
    if (strchr(kinds, 'b'))
        fake_server_image(w->server, r, OTA_KIND_BOOTLOADER, OTA_LABEL_BOOTLOADER, "bootloader.bin",
                          ota_buf_span(&i->bootloader));
    if (strchr(kinds, 'f'))
        fake_server_image(w->server, r, OTA_KIND_FACTORY, OTA_LABEL_FACTORY, "factory.bin", ota_buf_span(&i->app));
    if (strpbrk(kinds, "aFN"))
        fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&i->app));
}

static struct ota_release *publish(struct sim_world *w, const struct sim_release *images, const char *version,
                                   const char *kinds) {
    struct ota_release *r = fake_server_release(w->server, images->counter, version);
    (void)ota_format(r->chip, sizeof r->chip, "%s", chip_of(w)->name);
    r->boot = w->board.efuse.boot;
    r->secure_version = strchr(kinds, 'V') ? images->counter : 0;
    add_images(w, r, images, kinds);
    pack(w, r);
    fake_server_offer(w->server, images->counter);
    fake_server_publish(w->server);
    return r;
}

struct ota_release *sim_world_release(struct sim_world *w, uint32_t counter, const char *version, const char *kinds) {
    return publish(w, make_images(w, counter, version, kinds), version, kinds);
}

static struct ota_buf copy_of(const struct ota_buf *from) {
    struct ota_buf out = {0};
    ota_buf_append(&out, from->p, from->len);
    return out;
}

struct ota_release *sim_world_release_again(struct sim_world *w, uint32_t counter, const char *version,
                                            const char *kinds) {
    assert_in_range(w->releases, 1, FAKE_RELEASES_MAX - 1);
    const struct sim_release *last = &w->release[w->releases - 1];
    struct sim_release *r = &w->release[w->releases++];
    *r = (struct sim_release){counter, copy_of(&last->app), copy_of(&last->bootloader), copy_of(&last->table),
                              copy_of(&last->storage)};
    return publish(w, r, version, kinds);
}

void sim_world_pack(struct sim_world *w, enum ota_door door) {
    struct fake_bundle b;
    fake_bundle_make(&b, w->server, w->release[w->releases - 1].counter);
    w->archive = fake_bundle_pack(&b);
    fake_bundle_free(&b);
    if (door == OTA_DOOR_FILE)
        fake_bundle_file(&w->card, ota_buf_span(&w->archive));
}

static struct fake_file *metadata_file(struct sim_world *w, const char *path) {
    for (size_t i = 0; i < w->server->file_count; i++)
        if (strcmp(w->server->file[i].path, path) == 0)
            return &w->server->file[i];
    fail_msg("no %s", path);
    return NULL;
}

void sim_world_new_day(struct sim_world *w) {
    struct fake_server *s = w->server;
    char path[40];
    (void)snprintf(path, sizeof path, "m/%llu.snapshot.json", (unsigned long long)s->version);
    struct ota_role_timestamp ts = {.version = ++w->timestamp, .expires = w->now + WEEK, .issued = w->now + DAY - 60};
    const struct ota_role_keys keys = {1, {s->key[OTA_ROLE_TIMESTAMP]}};
    struct fake_file *f = metadata_file(w, "m/timestamp.json");
    const struct fake_file *snapshot = metadata_file(w, path);
    assert_ota_ok(ota_role_entry("snapshot", s->version, ota_buf_span(&snapshot->bytes), &ts.snapshot, &err));
    ota_buf_free(&f->bytes);
    assert_ota_ok(ota_role_timestamp(&ts, &keys, &f->bytes, &err));
    (void)snprintf(f->etag, sizeof f->etag, "\"day %llu\"", (unsigned long long)ts.version);
    w->now += DAY;
}

/* ---- the board as the factory makes it ----------------------------------------------------------------- */

static void flash(struct sim_world *w, uint32_t offset, const struct ota_buf *bytes) {
    assert_true(offset + bytes->len <= w->board.nor.size);
    memcpy(w->board.nor.memory + offset, bytes->p, bytes->len);
}

static void make_board(struct sim_world *w) {
    const struct sim_config *c = &w->config;
    struct ota_efuse e = {
        .chip = ota_chip_by_name(ota_span_str(c->chip ? c->chip : "esp32c3")),
        .recovery = c->recovery,
        .boot = {.rollback = !c->without_rollback,
                 .anti_rollback = c->anti_rollback,
                 .secure_boot = c->secure_boot,
                 .table_offset = SIM_TABLE_OFFSET},
    };
    assert_non_null(e.chip);
    e.revision = e.chip->recovery ? e.chip->recovery_rev_min : 0;
    if (c->recovery)
        e.recovery_offset = sim_layout(c)->flash - (SIM_TABLE_OFFSET - e.chip->bootloader_offset);
    assert_ota_ok(ota_virtual_board_memory(&w->board, &e, sim_layout(c)->flash, &err));
}

/* The digest is known once something was signed. */
static void burn_key(struct sim_world *w) {
    struct ota_secure_boot_keys *keys = &w->board.efuse.keys;
    if (w->config.secure_boot != 2)
        return;
    keys->count = 1;
    memcpy(keys->digest[0], w->signer.digest, sizeof keys->digest[0]);
}

static void flash_release_1(struct sim_world *w) {
    const struct sim_release *r = &w->release[0];
    flash(w, chip_of(w)->bootloader_offset, &r->bootloader);
    flash(w, SIM_TABLE_OFFSET, &r->table);
    flash(w, w->config.factory ? SIM_FACTORY : SIM_SLOT_0, &r->app);
    flash(w, sim_layout(&w->config)->storage, &r->storage);
}

struct sim_world *sim_world_new(const struct sim_config *config) {
    struct sim_world *w = ota_calloc(1, sizeof *w);
    w->config = *config;
    w->now = FAKE_NOW;
    w->timestamp = TIMESTAMP_OF_DAYS;
    w->verbose = getenv("SIM_WORLD_VERBOSE") != NULL;
    w->clock = (struct ota_clock){w, now, uptime_ms};
    w->log = (struct ota_log){w, log_line};
    w->transport = (struct ota_transport){w, open_request, read_body, close_request};
    w->crypto = ota_crypto_openssl;
    w->crypto.ctx = w;
    w->crypto.random = draw;
    if (config->compressed)
        w->inflate = ota_inflate_zlib_new();
    w->server = fake_server_new();
    make_board(w);
    if (config->secure_boot == 2)
        boot_signer_make(&w->signer, OTA_BOOT_ECDSA256);
    (void)sim_world_release(w, 1, "1.0.0", "a");
    burn_key(w);
    flash_release_1(w);
    return w;
}

static void free_release(struct sim_release *r) {
    ota_buf_free(&r->app);
    ota_buf_free(&r->bootloader);
    ota_buf_free(&r->table);
    ota_buf_free(&r->storage);
}

void sim_world_free(struct sim_world *w) {
    ota_statekv_close(&w->kv);
    ota_inflate_zlib_free(&w->inflate);
    ota_virtual_board_close(&w->board);
    boot_signer_free(&w->signer);
    fake_server_free(w->server);
    ota_buf_free(&w->archive);
    for (size_t i = 0; i < w->releases; i++)
        free_release(&w->release[i]);
    free(w);
}

/* ---- boot ---------------------------------------------------------------------------------------------- */

static enum ota_status start_rom(struct sim_world *w) {
    const struct ota_board facts = ota_efuse_facts(&w->board.efuse);
    const struct ota_rom rom = {&w->board.nor.port, &facts, &ota_crypto_openssl, &w->log, &w->board.efuse.keys};
    OTA_TRY(ota_rom_start(&rom, &w->rom, &w->err));
    return ota_virtual_board_burn(&w->board, w->rom.secure_version, &w->err);
}

static bool carries(const struct sim_world *w, const char *marker) {
    return memmem(w->board.nor.memory + w->rom.app->offset, w->rom.image.length, marker, strlen(marker)) != NULL;
}

static enum ota_status start_agent(struct sim_world *w) {
    struct ota_agent_config cfg = {
        .crypto = &w->crypto,
        .bundle = w->card.bytes.len ? &w->card.port : NULL,
        .inflate = w->inflate ? ota_inflate_zlib_port(w->inflate) : NULL,
        .flash = &w->board.nor.port,
        .kv = &w->kv.port,
        .clock = &w->clock,
        .transport = &w->transport,
        .log = &w->log,
        .boot = &w->ops.port,
        .hooks = {.ctx = w, .self_test = self_test},
        .identity = {.id = "t-0001",
                     .product = "thermo",
                     .channel = "stable",
                     .groups = "",
                     .root = ota_buf_span(&w->server->root)},
        .board = ota_efuse_facts(&w->board.efuse),
        .reports = true,
        .buf = w->metadata,
        .cap = sizeof w->metadata,
    };
    cfg.board.agent = AGENT_NAME;
    if (w->configure)
        w->configure(w->configure_ctx, &cfg);
    return ota_agent_init(&w->agent, &cfg, &w->err);
}

/* Changes are counted on from boot to boot. */
static enum ota_status open_state(struct sim_world *w, const struct ota_partition *p) {
    OTA_TRY(ota_statekv_open(&w->kv, &w->board.nor.port, p->offset, p->size, &w->err));
    w->kv.changes = w->kv_changes;
    w->kv.fail_at = w->kv_fail_at;
    w->kv.fail_onwards = w->kv_fail_onwards;
    return OTA_OK;
}

static void close_state(struct sim_world *w) {
    if (w->kv.changes)
        w->kv_changes = w->kv.changes;
    ota_statekv_close(&w->kv);
}

static enum ota_status start_app(struct sim_world *w) {
    struct ota_app app;
    const struct ota_flash *f = &w->board.nor.port;
    const struct ota_partition *state = ota_table_by_label(&w->rom.table, OTA_STATE_LABEL);
    if (!state)
        return ota_err_set(&w->err, OTA_CONFIG, "the partition table has no " OTA_STATE_LABEL);
    OTA_TRY(ota_app_read(f, w->rom.app, &w->rom.image, &app, &w->err));
    w->faulty = app.faulty;
    w->no_network = carries(w, OTA_SAMPLE_MARKER_NO_NETWORK);
    OTA_TRY(open_state(w, state));
    ota_otaops_init(&w->ops, &w->board, &ota_crypto_openssl, &w->rom.table, w->rom.app);
    OTA_TRY(start_agent(w));
    return ota_boot(&w->agent, &w->err);
}

static enum sim_end reset(struct sim_world *w) {
    close_state(w);
    ota_nor_power_on(&w->board.nor);
    w->uptime_ms = 0;
    w->boots++;
    enum ota_status status = start_rom(w);
    if (w->board.nor.off)
        return SIM_CUT;
    if (status != OTA_OK)
        return SIM_DEAD;
    status = start_app(w);
    if (w->board.nor.off)
        return SIM_CUT;
    return status == OTA_OK ? SIM_RUNS : SIM_FAILED;
}

enum sim_end sim_world_boot(struct sim_world *w) {
    enum sim_end end = SIM_RUNS;
    w->running = false;
    for (unsigned i = 0; i < PASSES_MAX; i++) {
        end = reset(w);
        if (end != SIM_RUNS)
            return end;
        w->running = !w->agent.reboot;
        if (w->running)
            return SIM_RUNS;
    }
    return SIM_RESTLESS;
}

/* ---- run ----------------------------------------------------------------------------------------------- */

static bool undecided(const struct ota_agent *a) {
    return a->state == OTA_STATE_TESTING || a->state == OTA_STATE_CONFIRMING || a->journal.phase == OTA_PHASE_DOUBTED;
}

/* One run. SIM_RUNS: it is to be called again. After a reboot there is more to do at once: confirm, or plan what
 * follows the table; so a board rests only when it asks for sleep and nothing is undecided. */
static enum sim_end pass(struct sim_world *w) {
    enum ota_status status = ota_run(&w->agent, &w->sleep_s, &w->err);
    w->running = false;
    if (w->board.nor.off)
        return SIM_CUT;
    if (status != OTA_OK)
        return SIM_FAILED;
    if (w->agent.reboot)
        return sim_world_boot(w);
    w->running = true;
    w->uptime_ms += 1000ull * w->sleep_s;
    w->now += w->sleep_s;
    return undecided(&w->agent) || w->sleep_s == 0 ? SIM_RUNS : SIM_RESTS;
}

enum sim_end sim_world_run(struct sim_world *w) {
    enum sim_end end = w->running ? SIM_RUNS : sim_world_boot(w);
    for (unsigned i = 0; end == SIM_RUNS && i < (w->passes_max ? w->passes_max : PASSES_MAX); i++)
        end = pass(w);
    return end == SIM_RUNS ? SIM_RESTLESS : end;
}

/* Pieces as a radio brings them. */
static enum ota_status stream(struct sim_world *w) {
    OTA_TRY(ota_bundle_begin(&w->feed, &w->agent, OTA_DOOR_STREAM, &w->err));
    for (size_t at = 0, n; at < w->archive.len; at += n) {
        n = w->archive.len - at < PIECE ? w->archive.len - at : PIECE;
        OTA_TRY(ota_bundle_feed(&w->feed, w->archive.p + at, n, &w->err));
    }
    return ota_bundle_end(&w->feed, &w->err);
}

enum sim_end sim_world_feed(struct sim_world *w, enum ota_door door) {
    enum ota_status status = door == OTA_DOOR_FILE ? ota_bundle_install(&w->agent, &w->card.port, &w->err) : stream(w);
    if (status != OTA_OK)
        ota_bundle_abort(door == OTA_DOOR_FILE ? &w->card.work : &w->feed);
    if (w->board.nor.off)
        return SIM_CUT;
    if (status != OTA_OK && w->verbose)
        (void)fprintf(stderr, "  bundle: %s\n", w->err.msg);
    return w->agent.reboot ? sim_world_boot(w) : SIM_RUNS;
}

/* ---- what is in flash ---------------------------------------------------------------------------------- */

static const struct sim_release *find_release(const struct sim_world *w, uint32_t counter) {
    for (size_t i = 0; i < w->releases; i++)
        if (w->release[i].counter == counter)
            return &w->release[i];
    return NULL;
}

static bool holds(const struct sim_world *w, uint32_t offset, uint32_t room, const struct ota_buf *image) {
    const uint8_t *p = w->board.nor.memory + offset;
    if (memcmp(p, image->p, image->len) != 0)
        return false;
    for (size_t i = image->len; i < room; i++)
        if (p[i] != 0xFF)
            return false;
    return true;
}

static uint32_t app_offset(const struct sim_world *w, const char *label) {
    if (strcmp(label, "factory") == 0)
        return SIM_FACTORY;
    if (strcmp(label, "ota_0") == 0)
        return SIM_SLOT_0;
    if (strcmp(label, "ota_1") == 0)
        return sim_layout(&w->config)->slot_1;
    if (strcmp(label, OTA_LABEL_APP) != 0 || !w->rom.app)
        fail_msg("no partition \"%s\" to look at", label);
    return w->rom.app->offset;
}

/* Behind an app and within the bootloader's room nobody looks: what staged there may stay. */
bool sim_world_holds(const struct sim_world *w, const char *label, uint32_t counter) {
    const struct sim_release *r = find_release(w, counter);
    const struct sim_layout *l = sim_layout(&w->config);
    if (!r)
        return false;
    if (strcmp(label, OTA_LABEL_BOOTLOADER) == 0)
        return holds(w, chip_of(w)->bootloader_offset, 0, &r->bootloader);
    if (strcmp(label, OTA_LABEL_TABLE) == 0)
        return holds(w, SIM_TABLE_OFFSET, OTA_SECTOR, &r->table);
    if (strcmp(label, "storage") == 0)
        return holds(w, l->storage, l->storage_size, &r->storage);
    return holds(w, app_offset(w, label), 0, &r->app);
}

enum sim_wholly sim_world_wholly(const struct sim_world *w, const char *label) {
    if (sim_world_holds(w, label, w->release[w->releases - 1].counter))
        return SIM_NEW;
    if (w->releases > 1 && sim_world_holds(w, label, w->release[w->releases - 2].counter))
        return SIM_OLD;
    return SIM_BROKEN;
}
