/* SPDX-License-Identifier: Apache-2.0 */
/* Who the board is: ota_id over the build's trust, ota_state over both, and what each wrong value is called. */
#include "double/chip.h"
#include "double/log.h"
#include "double/nvs.h"
#include "host/crypto.h"
#include "host/transport.h"
#include "ota_esp.h"
#include "ota_esp_ports.h"
#include "sdkconfig.h"
#include "support/unit.h"

#define FLASH_SIZE 0x40000u
#define TABLE_OFFSET 0x8000u

static struct ota_err err;
static uint8_t cells[FLASH_SIZE];
static struct ota_efuse efuse;
static struct ota_memory_kv *id_store, *state_store;
static struct double_nvs_partition *id_partition;
static struct ota_esp_identity id;

static const struct ota_esp_trust trust = {
    .root = {(const uint8_t *)"root of the build", 17},
    .ca_pem = {(const uint8_t *)"CA of the build", 16},
    .product = "thermo",
    .channel = "stable",
    .url_metadata = "https://build.example/metadata",
    .url_targets = "https://build.example/targets",
    .url_api = "https://build.example/api/v1",
};

static enum ota_status cells_read(void *ctx, uint32_t off, void *p, size_t n, struct ota_err *e) {
    (void)ctx;
    (void)e;
    memcpy(p, cells + off, n);
    return OTA_OK;
}

static enum ota_status cells_write(void *ctx, uint32_t off, const void *p, size_t n, struct ota_err *e) {
    (void)ctx;
    (void)e;
    memcpy(cells + off, p, n);
    return OTA_OK;
}

static enum ota_status cells_erase(void *ctx, uint32_t off, uint32_t n, struct ota_err *e) {
    (void)ctx;
    (void)e;
    memset(cells + off, 0xFF, n);
    return OTA_OK;
}

static const struct ota_flash flash = {NULL, FLASH_SIZE, cells_read, cells_write, cells_erase};

static void put_table(bool with_id) {
    struct ota_table t = {.count = with_id ? 2 : 1,
                          .row = {{.type = OTA_PART_DATA, .subtype = OTA_DATA_NVS, .offset = 0x10000, .size = 0xA000},
                                  {.type = OTA_PART_DATA, .subtype = OTA_DATA_NVS, .offset = 0x1A000, .size = 0x3000}}};
    memcpy(t.row[0].label, "ota_state", 10);
    memcpy(t.row[1].label, "ota_id", 7);
    memset(cells, 0xFF, sizeof cells);
    assert_ota_ok(ota_table_write(&t, &ota_crypto_openssl, cells + TABLE_OFFSET, &err));
    double_chip_put(&flash, &efuse);
}

static int board(bool with_id) {
    double_nvs_reset();
    double_log_clear();
    double_nvs.read_keys = ESP_OK;
    efuse =
        (struct ota_efuse){.chip = ota_chip_by_name(ota_span_str("esp32c3")), .boot = {.table_offset = TABLE_OFFSET}};
    put_table(with_id);
    id_store = ota_memory_kv_new();
    state_store = ota_memory_kv_new();
    (void)double_nvs_put("ota_state", ota_memory_kv_port(state_store));
    id_partition = double_nvs_put("ota_id", ota_memory_kv_port(id_store));
    id_partition->name_space = "ota";
    assert_ota_ok(ota_esp_kv_open(&err));
    return 0;
}

static int set_up(void **state) {
    (void)state;
    return board(true);
}

static int tear_down(void **state) {
    (void)state;
    ota_esp_identity_free(&id);
    ota_memory_kv_free(&id_store);
    ota_memory_kv_free(&state_store);
    return 0;
}

static void put(const char *key, const void *p, size_t n) {
    const struct ota_kv *kv = ota_memory_kv_port(id_store);
    assert_ota_ok(kv->set(kv->ctx, key, p, n, &err));
}

static void put_text(const char *key, const char *text) {
    put(key, text, strlen(text) + 1);
}

static void provision(void) {
    put_text("id", "board-7");
    put_text("product", "pump");
    put_text("channel", "beta");
    put_text("groups", "lab, berlin");
    put_text("url_meta", "https://id.example/metadata");
    put_text("url_targets", "http://cdn.example/targets");
    put_text("url_api", "https://id.example/api/v1");
    put_text("token", "secret-token");
    put("root", "root of the board", 17);
    put("ca", "CA of the board", 15);
    put("crt", "certificate", 12); /* with its NUL */
    put("key", "key", 3);
}

static void set_state(const char *key, const char *value) {
    assert_ota_ok(ota_esp_kv.set(ota_esp_kv.ctx, key, value, strlen(value), &err));
}

/* ---- where values come from ------------------------------------------------------------------------------ */

static void test_esp_identity_of_the_partition(void **state) {
    (void)state;
    provision();
    assert_ota_ok(ota_esp_identity_load(NULL, &id, &err));
    assert_string_equal(id.who.id, "board-7");
    assert_string_equal(id.who.product, "pump");
    assert_string_equal(id.who.channel, "beta");
    assert_string_equal(id.who.groups, "lab, berlin");
    assert_int_equal(id.who.root.len, 17);
    assert_memory_equal(id.who.root.p, "root of the board", 17);
    assert_string_equal(id.url_metadata, "https://id.example/metadata");
    assert_string_equal(id.url_targets, "http://cdn.example/targets");
    assert_string_equal(id.url_api, "https://id.example/api/v1");
    assert_string_equal(id.token, "secret-token");
    assert_int_equal(id.ca_pem.len, 16); /* the NUL was added and counts */
    assert_string_equal((const char *)id.ca_pem.p, "CA of the board");
    assert_int_equal(id.client_crt.len, 12); /* and was there */
    assert_int_equal(id.client_key.len, 4);
    assert_string_equal((const char *)id.client_key.p, "key");
}

static void test_esp_identity_of_the_build(void **state) {
    (void)state;
    assert_ota_ok(ota_esp_identity_load(&trust, &id, &err));
    assert_string_equal(id.who.id, "esp-30aea4123456");
    assert_string_equal(id.who.product, "thermo");
    assert_string_equal(id.who.channel, "stable");
    assert_string_equal(id.who.groups, "");
    assert_ptr_equal(id.who.root.p, trust.root.p);
    assert_ptr_equal(id.ca_pem.p, trust.ca_pem.p);
    assert_string_equal(id.url_api, trust.url_api);
    assert_null(id.token);
    assert_int_equal(id.client_crt.len, 0);
}

static void test_esp_identity_value_by_value(void **state) {
    (void)state;
    put_text("channel", "beta");
    put_text("product", ""); /* counts as missing */
    put("root", "R", 1);
    assert_ota_ok(ota_esp_identity_load(&trust, &id, &err));
    assert_string_equal(id.who.product, "thermo");
    assert_string_equal(id.who.channel, "beta");
    assert_int_equal(id.who.root.len, 1);
    assert_string_equal(id.url_metadata, trust.url_metadata);
}

static void test_esp_identity_state_comes_first(void **state) {
    (void)state;
    provision();
    set_state("channel", "nightly");
    set_state("groups", "");
    assert_ota_ok(ota_esp_identity_load(&trust, &id, &err));
    assert_string_equal(id.who.channel, "nightly");
    assert_string_equal(id.who.groups, "");
}

static void test_esp_identity_damage_in_state_is_passed_over(void **state) {
    (void)state;
    provision();
    set_state("channel", "No Channel");
    set_state("groups", "lab,,");
    assert_ota_ok(ota_esp_identity_load(&trust, &id, &err));
    assert_string_equal(id.who.channel, "beta");
    assert_string_equal(id.who.groups, "lab, berlin");
    assert_true(double_logged("ota_state: channel is damaged"));
    assert_true(double_logged("ota_state: groups is damaged"));
}

static void test_esp_identity_without_a_partition_is_the_builds(void **state) {
    (void)state;
    put_table(false);
    assert_ota_ok(ota_esp_identity_load(&trust, &id, &err));
    assert_string_equal(id.who.id, "esp-30aea4123456");
    assert_false(double_logged("cannot be read"));
}

static void test_esp_identity_that_cannot_be_read_counts_as_empty(void **state) {
    (void)state;
    provision();
    id_partition->unusable = ESP_ERR_NVS_NO_FREE_PAGES;
    assert_ota_ok(ota_esp_identity_load(&trust, &id, &err));
    assert_string_equal(id.who.product, "thermo");
    assert_true(double_logged("ota_id: ESP_ERR_NVS_NO_FREE_PAGES"));
    assert_int_equal(id_partition->unusable, ESP_ERR_NVS_NO_FREE_PAGES); /* nobody erased it */
    ota_esp_identity_free(&id);
    assert_ota(ota_esp_identity_load(NULL, &id, &err), OTA_CONFIG);
    assert_non_null(strstr(err.msg, "no product is known"));
}

/* As NVS says of a readonly row in which it would have to write something first. */
static void test_esp_identity_blank_is_no_trouble(void **state) {
    (void)state;
    id_partition->unusable = ESP_ERR_NOT_ALLOWED;
    assert_ota_ok(ota_esp_identity_load(&trust, &id, &err));
    assert_string_equal(id.who.id, "esp-30aea4123456");
    assert_false(double_logged("cannot be read"));
    ota_esp_identity_free(&id);
    cells[0x1A000] = 0xFE; /* a page that NVS would have to mend */
    assert_ota_ok(ota_esp_identity_load(&trust, &id, &err));
    assert_true(double_logged("ota_id: ESP_ERR_NOT_ALLOWED"));
}

static void test_esp_identity_encryption_is_the_builds_choice(void **state) {
    (void)state;
    static const nvs_sec_cfg_t plain;
    provision();
    assert_ota_ok(ota_esp_identity_load(NULL, &id, &err));
#ifdef CONFIG_OTA_ID_ENCRYPTED
    assert_memory_not_equal(&id_partition->keys, &plain, sizeof plain);
#else
    assert_memory_equal(&id_partition->keys, &plain, sizeof plain);
#endif
}

/* ---- what is wrong --------------------------------------------------------------------------------------- */

static void test_esp_identity_names_what_is_missing(void **state) {
    static const char *const keys[] = {"product", "channel", "root", "url_meta", "url_targets"};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(keys); i++) {
        const struct ota_kv *kv = ota_memory_kv_port(id_store);
        char wanted[40];
        provision();
        assert_ota_ok(kv->erase(kv->ctx, keys[i], &err));
        assert_ota(ota_esp_identity_load(NULL, &id, &err), OTA_CONFIG);
        (void)ota_format(wanted, sizeof wanted, "no %s is known", keys[i]);
        if (!strstr(err.msg, wanted) || !strstr(err.msg, "otactl firmware configure"))
            fail_msg("%s: %s", keys[i], err.msg);
        assert_null(id.kept);
    }
}

static void test_esp_identity_names_what_is_wrong(void **state) {
    static const struct {
        const char *key, *value, *part;
    } rows[] = {
        {"id", "no id", "id \"no id\" is not valid"},
        {"product", "Thermo", "product \"Thermo\" is not valid"},
        {"product", "root", "product \"root\" is not valid"},
        {"channel", "-beta", "channel \"-beta\" is not valid"},
        {"groups", "lab;berlin", "groups \"lab;berlin\" is no list"},
        {"groups", "lab,", "is no list"},
        {"url_meta", "ftp://x/", "url_meta: \"ftp://x/\" is no https:// address"},
        {"url_targets", "https://user:secret@x/", "url_targets: an address holds a user name"},
        {"url_api", "api.example", "url_api: "},
        {"url_api", "http://api.example", "token: http://api.example is not https"},
        {"token", "two words", "token: the token holds characters"},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        provision();
        put_text(rows[i].key, rows[i].value);
        assert_ota(ota_esp_identity_load(NULL, &id, &err), OTA_CONFIG);
        if (!strstr(err.msg, rows[i].part) || strstr(err.msg, "secret"))
            fail_msg("row %zu: %s", i, err.msg);
    }
}

/* Nothing is allocated for them. */
static void test_esp_identity_bounds_every_value(void **state) {
    static const struct {
        const char *key;
        size_t max;
    } rows[] = {{"id", 65},     {"product", 33}, {"channel", 33}, {"groups", 256}, {"url_meta", 257},
                {"token", 513}, {"root", 8192},  {"ca", 16384},   {"crt", 8192},   {"key", 4096}};
    static char big[16386];
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        provision();
        memset(big, 'a', sizeof big);
        big[rows[i].max] = '\0';
        put(rows[i].key, big, rows[i].max + 1);
        assert_ota(ota_esp_identity_load(NULL, &id, &err), OTA_CONFIG);
        if (!strstr(err.msg, "at most") || !strstr(err.msg, rows[i].key))
            fail_msg("%s: %s", rows[i].key, err.msg);
        (void)tear_down(NULL);
        (void)board(true);
    }
}

static void test_esp_identity_groups_are_names(void **state) {
    static const struct {
        const char *text;
        bool good;
    } rows[] = {{"", true},
                {"lab", true},
                {"lab,berlin", true},
                {" lab , berlin ", true},
                {"lab berlin", false},
                {",", false},
                {"lab,,x", false},
                {"Lab", false},
                {"*", false},
                {" ", false}};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++)
        if (ota_groups_valid(ota_span_str(rows[i].text)) != rows[i].good)
            fail_msg("\"%s\"", rows[i].text);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_esp_identity_of_the_partition),
        TEST(test_esp_identity_of_the_build),
        TEST(test_esp_identity_value_by_value),
        TEST(test_esp_identity_state_comes_first),
        TEST(test_esp_identity_damage_in_state_is_passed_over),
        TEST(test_esp_identity_without_a_partition_is_the_builds),
        TEST(test_esp_identity_that_cannot_be_read_counts_as_empty),
        TEST(test_esp_identity_blank_is_no_trouble),
        TEST(test_esp_identity_encryption_is_the_builds_choice),
        TEST(test_esp_identity_names_what_is_missing),
        TEST(test_esp_identity_names_what_is_wrong),
        TEST(test_esp_identity_bounds_every_value),
        TEST(test_esp_identity_groups_are_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
