/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's boot chain over the fake board's flash. */
#include "fake_chip.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#include "host/crypto.h"
#include "images.h"

static struct ota_err err;

void fake_chip_put(struct fake_chip *c, struct world *w) {
    struct ota_agent_config cfg = fake_board_config(w->board, &w->server->port, (struct ota_span){0});
    memset(c, 0, sizeof *c);
    c->sim.nor.port = w->board->flash_port;
    c->sim.nor.fd = memfd_create("efuse", MFD_CLOEXEC);
    assert_true(c->sim.nor.fd >= 0);
    c->sim.nor.size = FAKE_FLASH_SIZE;
    c->sim.efuse = (struct ota_efuse){
        .chip = cfg.board.chip,
        .revision = cfg.board.revision,
        .boot = cfg.board.boot,
    };
    w->board->chip = c;
}

void fake_chip_free(struct fake_chip *c) {
    assert_int_equal(close(c->sim.nor.fd), 0);
}

bool fake_chip_boot(struct fake_chip *c, struct fake_board *b) {
    const struct ota_board facts = ota_efuse_facts(&c->sim.efuse);
    const struct ota_rom rom = {&b->flash_port, &facts, &ota_crypto_openssl, &b->log_port, NULL};
    struct ota_err why;
    c->sim.nor.port = b->flash_port;
    if (ota_rom_start(&rom, &c->boot, &why) != OTA_OK)
        return false;
    if (c->boot.secure_version > c->sim.efuse.secure_version)
        c->sim.efuse.secure_version = c->boot.secure_version;
    ota_otaops_init(&c->ops, &c->sim, &ota_crypto_openssl, &c->boot.table, c->boot.app);
    b->boot_port = c->ops.port;
    b->running = c->boot.app->offset;
    return true;
}

/* ---- table --------------------------------------------------------------------------------------------- */

struct ota_table fake_chip_table(const struct world *w) {
    struct ota_table t;
    assert_ota_ok(ota_table_read(ota_buf_span(&w->one.table), &ota_crypto_openssl, &t, &err));
    return t;
}

void fake_chip_flash_table(struct world *w, const struct ota_table *t) {
    assert_ota_ok(ota_table_write(t, &ota_crypto_openssl, w->one.table.p, &err));
    fake_board_flash(w->board, FAKE_TABLE_OFFSET, ota_buf_span(&w->one.table));
}

void fake_chip_row(struct ota_table *t, uint8_t type, uint8_t subtype, uint32_t offset, uint32_t size,
                   const char *label) {
    struct ota_partition *p = &t->row[t->count++];
    *p = (struct ota_partition){.type = type, .subtype = subtype, .offset = offset, .size = size};
    (void)ota_format(p->label, sizeof p->label, "%s", label);
}

/* ---- otadata, apps ------------------------------------------------------------------------------------- */

struct ota_otadata_entry fake_chip_entry(const struct world *w, unsigned index) {
    struct ota_otadata_entry e;
    ota_otadata_decode(w->board->flash + FAKE_OTADATA + index * OTA_SECTOR, &e);
    return e;
}

void fake_chip_set_entry(struct world *w, unsigned index, uint32_t seq, enum ota_slot_state state) {
    ota_otadata_encode(seq, state, w->board->flash + FAKE_OTADATA + index * OTA_SECTOR);
}

struct ota_buf fake_chip_app(const char *version, uint32_t secure_version) {
    struct ota_buf app = fake_app(version, false);
    ota_put_le32(app.p + OTA_APP_DESC_OFFSET + 4, secure_version);
    reseal_image(&app);
    return app;
}
