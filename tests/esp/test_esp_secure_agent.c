/* SPDX-License-Identifier: Apache-2.0 */
/* The whole agent over the ESP port on a board with Secure Boot v2, flash encryption and anti-rollback. */
#include "double/chip.h"
#include "double/nvs.h"
#include "ota_esp_ports.h"
#include "support/boot_signer.h"
#include "support/fake_chip.h"
#include "support/unit.h"

static struct ota_err err;
static struct fake_chip facts;
static struct ota_flash cells;
static struct ota_kv records;
static struct boot_signer signer, stranger;

static bool reset(struct fake_board *b) {
    struct ota_board board;
    struct ota_err why;
    if (double_chip_boot(&b->log_port, &why) != OTA_OK)
        return false;
    double_nvs_reboot();
    assert_ota_ok(ota_esp_flash_open(&err));
    assert_ota_ok(ota_esp_kv_open(&err));
    assert_ota_ok(ota_esp_board(&board, &err));
    assert_memory_equal(&board.boot, &facts.sim.efuse.boot, sizeof board.boot);
    assert_int_equal(board.secure_version, facts.sim.efuse.secure_version);
    b->flash_port = ota_esp_flash;
    b->kv_port = ota_esp_kv;
    b->boot_port = ota_esp_boot_port;
    b->running = double_chip.running;
    return true;
}

static int setup(void **state) {
    struct world *w = world_new();
    fake_chip_put(&facts, w);
    cells = w->board->flash_port;
    records = w->board->kv_port;
    boot_signer_make(&signer, OTA_BOOT_ECDSA256);
    boot_signer_make(&stranger, OTA_BOOT_ECDSA256);
    boot_sign(&signer, &w->one.bootloader, 0);
    boot_sign(&signer, &w->one.app, 0);
    struct ota_efuse *e = &facts.sim.efuse;
    e->boot.anti_rollback = e->boot.flash_encryption = true;
    e->boot.secure_boot = 2;
    e->keys.count = 1;
    memcpy(e->keys.digest[0], signer.digest, OTA_SHA256_LEN);
    double_chip_put(&cells, e);
    double_nvs_reset();
    (void)double_nvs_put(OTA_STATE_LABEL, &records);
    double_chip_program(0, ota_buf_span(&w->one.bootloader), true);
    double_chip_program(FAKE_TABLE_OFFSET, ota_buf_span(&w->one.table), true);
    double_chip_program(FAKE_SLOT_0, ota_buf_span(&w->one.app), true);
    w->board->reset = reset;
    w->server->release[0].step_count = 0; /* what the world made is not signed */
    fake_server_image(w->server, &w->server->release[0], OTA_KIND_APP, OTA_LABEL_APP, "app.bin",
                      ota_buf_span(&w->one.app));
    fake_server_publish(w->server);
    world_settle(w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    assert_true(double_chip.protected);
    assert_int_equal(double_chip.iterators, 0);
    world_free(*state);
    fake_chip_free(&facts);
    boot_signer_free(&signer);
    boot_signer_free(&stranger);
    return 0;
}

static void add(struct world *w, struct ota_release *r, enum ota_kind kind, const char *label, const char *file,
                const struct ota_buf *image) {
    fake_server_image(w->server, r, kind, label, file, ota_buf_span(image));
}

/* Release 2 with app and bootloader signed; `rest`: what else world_release_2() knows. */
static void offer_2(struct world *w, const char *rest, struct boot_signer *of_the_bootloader) {
    struct ota_release *r = world_release_2(w, rest);
    boot_sign(&signer, &w->two.app, 0);
    boot_sign(of_the_bootloader, &w->two.bootloader, 0);
    add(w, r, OTA_KIND_BOOTLOADER, OTA_LABEL_BOOTLOADER, "bootloader.bin", &w->two.bootloader);
    add(w, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", &w->two.app);
    r->boot = facts.sim.efuse.boot;
    fake_server_publish(w->server);
}

static bool flash_holds(uint32_t offset, const struct ota_buf *wanted) {
    uint8_t *p = ota_calloc(1, wanted->len);
    assert_ota_ok(double_chip.plain.read(NULL, offset, p, wanted->len, &err));
    bool same = memcmp(p, wanted->p, wanted->len) == 0;
    free(p);
    return same;
}

static void test_esp_secure_agent_updates_everything(void **state) {
    struct world *w = *state;
    offer_2(w, "ts", &signer);
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_OK);
    assert_int_equal(w->agent->board.counter, 2);
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_true(flash_holds(0, &w->two.bootloader));
    assert_true(flash_holds(FAKE_TABLE_OFFSET, &w->two.table));
    assert_true(flash_holds(FAKE_SLOT_1, &w->two.app));
    assert_true(fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(&w->two.storage)));
    assert_true(world_start(w)); /* all of it boots */
}

/* The ROM would refuse it for ever: it is refused while it only waits. */
static void test_esp_secure_agent_refuses_a_bootloader_of_another_key(void **state) {
    struct world *w = *state;
    offer_2(w, "", &stranger);
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_IMAGE_SIGNATURE);
    assert_true(flash_holds(0, &w->one.bootloader));
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_esp_secure_agent_updates_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_secure_agent_refuses_a_bootloader_of_another_key, setup, teardown),
    };
    return cmocka_run_group_tests_name("esp_secure_agent", tests, NULL, NULL);
}
