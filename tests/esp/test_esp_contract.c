/* SPDX-License-Identifier: Apache-2.0 */
/* One contract for the ports: this machine's and the simulator's, and the ESP's over its doubles. */
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "double/clock.h"
#include "double/http_client.h"
#include "double/nvs.h"
#include "host/clock.h"
#include "host/crypto.h"
#include "host/inflate_zlib.h"
#include "host/transport.h"
#include "sim/otaops.h"
#include "sim/statekv.h"
#include "support/contract.h"
#include "support/esp_world.h"
#include "support/fake_board.h"
#include "support/unit.h"

static struct ota_err err;
static struct esp_world world; /* its flash and boot chain serve both */
static struct ota_rom_boot sim_boot;
static struct ota_otaops ops;
static struct ota_statekv store;

static int setup(void **state) {
    (void)state;
    esp_world_make(&world, 0);
    esp_world_boots(&world, "ota_0");
    assert_ota_ok(ota_statekv_open(&store, double_chip.cells, ESP_STATE, ESP_ID - ESP_STATE, &err));
    (void)double_nvs_put(OTA_STATE_LABEL, &store.port);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    ota_statekv_close(&store);
    esp_world_free(&world);
    return 0;
}

/* ---- flash --------------------------------------------------------------------------------------------- */

static void test_esp_contract_flash_of_the_simulator(void **state) {
    (void)state;
    contract_flash(&world.board.nor.port, ESP_STORAGE, ESP_DATA_SIZE);
    contract_flash(&world.board.nor.port, ESP_HOLE, 4 * OTA_SECTOR);
}

static void test_esp_contract_flash(void **state) {
    (void)state;
    contract_flash(&ota_esp_flash, ESP_STORAGE, ESP_DATA_SIZE);
    contract_flash(&ota_esp_flash, ESP_HOLE, 4 * OTA_SECTOR);
    contract_flash(&ota_esp_flash, ESP_OTA_1, 4 * OTA_SECTOR);
    contract_flash(&ota_esp_flash, 0, 8 * OTA_SECTOR);
    contract_flash(&ota_esp_flash, ESP_STORAGE + ESP_DATA_SIZE - OTA_SECTOR, 3 * OTA_SECTOR); /* two rows */
}

static void test_esp_contract_flash_that_is_encrypted(void **state) {
    (void)state;
    esp_world_free(&world); /* the same board, encrypted from the factory */
    esp_world_make(&world, 0);
    world.board.efuse.boot.flash_encryption = true;
    uint8_t table[OTA_TABLE_LENGTH];
    esp_world_cells(OTA_TABLE_DEFAULT_OFFSET, table, sizeof table);
    double_chip_program(OTA_TABLE_DEFAULT_OFFSET, (struct ota_span){table, sizeof table}, true);
    double_chip.running = ESP_OTA_0;
    assert_ota_ok(ota_esp_flash_open(&err));
    contract_flash(&ota_esp_flash, ESP_STORAGE, ESP_DATA_SIZE);
    contract_flash(&ota_esp_flash, ESP_SECRET, ESP_DATA_SIZE);
    contract_flash(&ota_esp_flash, ESP_HOLE, 4 * OTA_SECTOR);
    contract_flash(&ota_esp_flash, ESP_OTA_1, 4 * OTA_SECTOR);
    contract_flash(&ota_esp_flash, ESP_STORAGE + ESP_DATA_SIZE - OTA_SECTOR, 3 * OTA_SECTOR); /* plain and encrypted */
}

/* ---- slots --------------------------------------------------------------------------------------------- */

static const struct ota_boot_port *sim_reset(void) {
    const struct ota_board facts = ota_efuse_facts(&world.board.efuse);
    const struct ota_rom rom = {&world.board.nor.port, &facts, &ota_crypto_openssl, &world.log, NULL};
    assert_ota_ok(ota_rom_start(&rom, &sim_boot, &err));
    ota_otaops_init(&ops, &world.board, &ota_crypto_openssl, &sim_boot.table, sim_boot.app);
    return &ops.port;
}

static const struct ota_boot_port *esp_reset(void) {
    assert_ota_ok(double_chip_boot(&world.log, &err));
    assert_ota_ok(ota_esp_flash_open(&err));
    return &ota_esp_boot_port;
}

static void spoil(uint32_t slot) {
    uint8_t sector[OTA_SECTOR];
    esp_world_read(slot + OTA_SECTOR, sector, sizeof sector);
    sector[100] ^= 1;
    double_chip_program(slot + OTA_SECTOR, (struct ota_span){sector, sizeof sector}, true);
}

static void mend(uint32_t slot) {
    esp_world_app(&world, slot, "mended", 0);
}

static struct contract_boot boot_of(const struct ota_boot_port *(*reset)(void)) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = esp_world_bootloader_bytes(&world, "next");
    double_chip_program(ESP_HOLE, ota_buf_span(&b), true);
    return (struct contract_boot){
        .reset = reset,
        .spoil = spoil,
        .mend = mend,
        .slot = {ESP_OTA_0, ESP_OTA_1},
        .no_slot = ESP_STORAGE,
        .bootloader = ESP_HOLE,
        .bootloader_length = (uint32_t)b.len,
    };
}

static void boot_contract(const struct ota_boot_port *(*reset)(void)) {
    static void (*const parts[])(const struct contract_boot *) = {contract_boot_updates, contract_boot_goes_back,
                                                                  contract_boot_refuses, contract_boot_falls_back};
    for (size_t i = 0; i < OTA_ARRAY_LEN(parts); i++) {
        esp_world_free(&world);
        esp_world_make(&world, 0);
        const struct contract_boot b = boot_of(reset);
        parts[i](&b);
    }
}

static void test_esp_contract_slots_of_the_simulator(void **state) {
    (void)state;
    boot_contract(sim_reset);
}

static void test_esp_contract_slots(void **state) {
    (void)state;
    boot_contract(esp_reset);
}

/* ---- key-value ----------------------------------------------------------------------------------------- */

static void sim_remount(void) {
    ota_statekv_close(&store);
    assert_ota_ok(ota_statekv_open(&store, double_chip.cells, ESP_STATE, ESP_ID - ESP_STATE, &err));
}

static void esp_remount(void) {
    sim_remount();
    double_nvs_reboot();
    assert_ota_ok(ota_esp_kv_open(&err));
}

static void test_esp_contract_kv_of_the_simulator(void **state) {
    (void)state;
    contract_kv(&store.port, sim_remount);
}

static void test_esp_contract_kv(void **state) {
    (void)state;
    assert_ota_ok(ota_esp_kv_open(&err));
    contract_kv(&ota_esp_kv, esp_remount);
}

/* ---- clock, hash, inflate ------------------------------------------------------------------------------ */

static void wait_ms(uint32_t ms) {
    struct timespec t = {.tv_nsec = (long)ms * 1000000};
    while (nanosleep(&t, &t) != 0)
        ;
}

static void pass_ms(uint32_t ms) {
    double_clock.uptime_us += (int64_t)ms * 1000;
}

static void test_esp_contract_clock_of_this_machine(void **state) {
    (void)state;
    contract_clock(&ota_clock_system, wait_ms);
}

static void test_esp_contract_clock(void **state) {
    (void)state;
    double_clock = (struct double_clock){.set = true};
    contract_clock(&ota_esp_clock, pass_ms);
    double_clock.now = 1900000000;
    contract_clock(&ota_esp_clock, pass_ms);
    double_clock.set = false;
}

static void test_esp_contract_crypto_of_this_machine(void **state) {
    (void)state;
    contract_crypto(&ota_crypto_openssl);
}

static void test_esp_contract_inflate_of_this_machine(void **state) {
    struct ota_inflate_zlib *z = ota_inflate_zlib_new();
    (void)state;
    contract_inflate(ota_inflate_zlib_port(z));
    ota_inflate_zlib_free(&z);
}

static void test_esp_contract_crypto(void **state) {
    (void)state;
    contract_crypto(&ota_esp_crypto);
}

static void test_esp_contract_inflate(void **state) {
    (void)state;
    contract_inflate(ota_esp_inflate);
}

/* ---- transport ----------------------------------------------------------------------------------------- */

static struct ota_curl *curl;

static const struct ota_transport *curl_to(const char *url) {
    const struct ota_curl_config cfg = {.url_metadata = url};
    assert_ota_ok(ota_curl_new(&cfg, &curl, &err));
    return ota_curl_transport(curl);
}

static void curl_end(void) {
    ota_curl_free(&curl);
}

static const struct ota_transport *esp_to(const char *url) {
    static struct ota_esp_transport_config cfg;
    cfg = (struct ota_esp_transport_config){.url_metadata = url};
    double_http_reset();
    assert_ota_ok(ota_esp_transport_open(&cfg, &err));
    return &ota_esp_transport;
}

static void esp_end(void) {
    static const struct ota_esp_transport_config none;
    assert_ota_ok(ota_esp_transport_open(&none, &err));
}

static void test_esp_contract_transport_of_this_machine(void **state) {
    (void)state;
    contract_transport(curl_to, curl_end);
}

static void test_esp_contract_transport(void **state) {
    (void)state;
    contract_transport(esp_to, esp_end);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_esp_contract_flash_of_the_simulator),
        TEST(test_esp_contract_flash),
        TEST(test_esp_contract_flash_that_is_encrypted),
        TEST(test_esp_contract_slots_of_the_simulator),
        TEST(test_esp_contract_slots),
        TEST(test_esp_contract_kv_of_the_simulator),
        TEST(test_esp_contract_kv),
        TEST(test_esp_contract_clock_of_this_machine),
        TEST(test_esp_contract_clock),
        TEST(test_esp_contract_crypto_of_this_machine),
        TEST(test_esp_contract_inflate_of_this_machine),
        TEST(test_esp_contract_crypto),
        TEST(test_esp_contract_inflate),
        TEST(test_esp_contract_transport_of_this_machine),
        TEST(test_esp_contract_transport),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* the server writes to connections that were given up */
    (void)unsetenv("http_proxy");
    (void)unsetenv("all_proxy");
    (void)unsetenv("ALL_PROXY");
    return cmocka_run_group_tests_name("esp_contract", tests, NULL, NULL);
}
