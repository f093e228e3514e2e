/* SPDX-License-Identifier: Apache-2.0 */
/* Board and server put together. */
#include "fake_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define PASSES_MAX 300u

static struct ota_err err;

static void make_images(struct world_images *i, const char *version, bool faulty, bool extra) {
    i->app = fake_app(version, faulty);
    i->bootloader = fake_bootloader(version);
    i->table = fake_table(extra);
    i->storage = fake_data(version, WORLD_STORAGE_LENGTH);
    char factory[32];
    snprintf(factory, sizeof factory, "%s-factory", version);
    i->factory = fake_app(factory, false);
}

static void free_images(struct world_images *i) {
    ota_buf_free(&i->app);
    ota_buf_free(&i->bootloader);
    ota_buf_free(&i->table);
    ota_buf_free(&i->storage);
    ota_buf_free(&i->factory);
}

static void add_images(struct world *w, struct ota_release *r, const struct world_images *i, const char *kinds) {
    if (strchr(kinds, 't'))
        fake_server_image(w->server, r, OTA_KIND_TABLE, OTA_LABEL_TABLE, "partition-table.bin",
                          ota_buf_span(&i->table));
    if (strchr(kinds, 's'))
        fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", ota_buf_span(&i->storage));
    if (strchr(kinds, 'b'))
        fake_server_image(w->server, r, OTA_KIND_BOOTLOADER, OTA_LABEL_BOOTLOADER, "bootloader.bin",
                          ota_buf_span(&i->bootloader));
    if (strchr(kinds, 'f'))
        fake_server_image(w->server, r, OTA_KIND_FACTORY, OTA_LABEL_FACTORY, "factory.bin", ota_buf_span(&i->factory));
    if (strpbrk(kinds, "aF"))
        fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&i->app));
}

static void add_packed(struct world *w, struct ota_release *r) {
    for (size_t i = 0; i < r->step_count; i++) {
        const struct fake_file *plain = fake_server_served(w->server, r->counter, r->step[i].file);
        struct ota_buf z = fake_server_deflate(ota_buf_span(&plain->bytes), WORLD_WINDOW_BITS);
        fake_server_pack(w->server, r, r->step[i].file, ota_buf_span(&z));
        ota_buf_free(&z);
    }
}

struct world *world_new(void) {
    struct world *w = ota_calloc(1, sizeof *w);
    w->server = fake_server_new();
    w->board = fake_board_new();
    w->agent = ota_calloc(1, sizeof *w->agent);
    make_images(&w->one, "1.0.0", false, false);
    fake_board_flash(w->board, 0, ota_buf_span(&w->one.bootloader));
    fake_board_flash(w->board, FAKE_TABLE_OFFSET, ota_buf_span(&w->one.table));
    fake_board_flash(w->board, FAKE_SLOT_0, ota_buf_span(&w->one.app));
    fake_board_flash(w->board, FAKE_STORAGE, ota_buf_span(&w->one.storage));
    add_images(w, fake_server_release(w->server, 1, "1.0.0"), &w->one, "a");
    fake_server_offer(w->server, 1);
    fake_server_publish(w->server);
    return w;
}

void world_free(struct world *w) {
    fake_server_free(w->server);
    fake_board_free(w->board);
    free_images(&w->one);
    free_images(&w->two);
    free(w->agent);
    free(w);
}

struct ota_release *world_release_2(struct world *w, const char *kinds) {
    make_images(&w->two, "2.0.0", strchr(kinds, 'F') != NULL, true);
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    add_images(w, r, &w->two, kinds);
    if (strchr(kinds, 'z'))
        add_packed(w, r);
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    return r;
}

void world_add_factory(struct world *w) {
    struct ota_buf table = fake_table_with_factory();
    w->board->factory = true;
    fake_board_flash(w->board, FAKE_TABLE_OFFSET, ota_buf_span(&table));
    fake_board_flash(w->board, FAKE_FACTORY, ota_buf_span(&w->one.factory));
    ota_otadata_encode(1, OTA_SLOT_VALID, w->board->flash + FAKE_OTADATA);
    ota_buf_free(&table);
}

static bool start_once(struct world *w) {
    struct ota_agent_config cfg = fake_board_config(w->board, &w->server->port, ota_buf_span(&w->server->root));
    if (!fake_board_boot(w->board))
        return false;
    w->boots++;
    if (ota_agent_init(w->agent, &cfg, &err) == OTA_OK && ota_boot(w->agent, &err) == OTA_OK)
        return true;
    if (!w->board->off)
        fail_msg("boot: %s", err.msg);
    return true;
}

bool world_start(struct world *w) {
    for (unsigned i = 0; i < PASSES_MAX; i++) {
        if (!start_once(w) || w->board->off)
            return false;
        if (!w->agent->reboot)
            return true;
    }
    fail_msg("the board reboots for ever");
    return false;
}

static bool undecided(const struct ota_agent *a) {
    return a->state == OTA_STATE_TESTING || a->state == OTA_STATE_CONFIRMING || a->journal.phase == OTA_PHASE_DOUBTED;
}

bool world_run(struct world *w) {
    if (w->boots == 0 && !world_start(w))
        return false;
    for (unsigned i = 0; i < PASSES_MAX; i++) {
        assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
        if (w->board->off)
            return false;
        if (w->agent->reboot && !world_start(w))
            return false;
        w->board->uptime_ms += 1000ull * w->sleep_s;
        w->board->now += w->board->clock_runs ? w->sleep_s : 0;
        /* After a reboot there is more to do at once: confirm, or plan what follows the table. */
        if (!undecided(w->agent) && w->sleep_s != 0)
            return true;
    }
    fail_msg("the board never rests");
    return false;
}

void world_settle(struct world *w) {
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_OK);
    assert_int_equal(w->agent->board.counter, 1);
    w->board->ops = w->board->flash_writes = w->board->kv_writes = 0;
}

static void expect_bytes(const struct world *w, const char *label, uint32_t offset, const struct ota_buf *wanted) {
    if (!fake_board_holds(w->board, offset, ota_buf_span(wanted)))
        fail_msg("flash at 0x%x does not hold %s of release 2", offset, label);
}

void world_expect_release_2(struct world *w, const char *kinds) {
    const struct ota_agent *a = w->agent;
    if (strchr(kinds, 't'))
        expect_bytes(w, "the table", FAKE_TABLE_OFFSET, &w->two.table);
    if (strchr(kinds, 'b'))
        expect_bytes(w, "the bootloader", 0, &w->two.bootloader);
    if (strchr(kinds, 's')) {
        expect_bytes(w, "storage", FAKE_STORAGE, &w->two.storage);
        for (uint32_t i = WORLD_STORAGE_LENGTH; i < FAKE_STORAGE_SIZE; i++)
            assert_int_equal(w->board->flash[FAKE_STORAGE + i], 0xFF);
    }
    if (strchr(kinds, 'f'))
        expect_bytes(w, "the factory app", FAKE_FACTORY, &w->two.factory);
    if (strchr(kinds, 'a')) {
        assert_int_equal(w->board->running, FAKE_SLOT_1);
        expect_bytes(w, "the app", FAKE_SLOT_1, &w->two.app);
    }
    enum ota_slot_state state;
    bool has_entry;
    assert_ota_ok(w->board->boot_port.state(w->board->boot_port.ctx, w->board->running, &state, &has_entry, &err));
    assert_true(!has_entry || state == OTA_SLOT_VALID);
    assert_int_equal(a->board.counter, 2);
    assert_string_equal(a->board.version, "2.0.0");
    assert_int_equal(a->journal.phase, OTA_PHASE_IDLE);
    assert_false(a->mixed);
}

void world_expect_release_1(struct world *w) {
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_true(fake_board_holds(w->board, FAKE_SLOT_0, ota_buf_span(&w->one.app)));
    assert_int_equal(w->agent->board.counter, 1);
}
