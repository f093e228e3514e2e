/* SPDX-License-Identifier: Apache-2.0 */
/* ota.conf: what it accepts, and that every refusal names line and remedy. Finding a workspace. */
#include <stdio.h>
#include <unistd.h>

#include "host/fs.h"
#include "host/workspace.h"
#include "support/unit.h"

static const char good[] = "# comment\n"
                           "listen = [::]:9000   # trailing comment\r\n"
                           "url = https://ota.example:9000/\n"
                           "\n"
                           "[product thermo]\n"
                           "chip = esp32c3\n"
                           "channels = stable, beta\n"
                           "default_channel = stable\n"
                           "auto =\n"
                           "[ product lamp ]\n"
                           "\tchip=esp32s3";

static enum ota_status parse(const char *text, struct ota_config *c, struct ota_err *err) {
    return ota_config_parse(ota_span_str(text), "ota.conf", c, err);
}

static void test_config_reads_every_key(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_config c;
    assert_ota_ok(parse(good, &c, &err));
    assert_string_equal(c.listen, "[::]:9000");
    assert_string_equal(c.url, "https://ota.example:9000");
    assert_int_equal(c.product_count, 2);
    const struct ota_product_config *thermo = ota_config_product(&c, "thermo");
    assert_non_null(thermo);
    assert_string_equal(thermo->chip, "esp32c3");
    assert_int_equal(thermo->channel_count, 2);
    assert_string_equal(thermo->channel[0], "beta"); /* sorted */
    assert_string_equal(thermo->channel[1], "stable");
    assert_string_equal(thermo->default_channel, "stable");
    assert_string_equal(thermo->auto_channel, "");
    const struct ota_product_config *lamp = ota_config_product(&c, "lamp");
    assert_int_equal(lamp->channel_count, 1); /* stable, when none is named */
    assert_string_equal(lamp->default_channel, "");
    assert_null(ota_config_product(&c, "missing"));
}

static void test_config_empty_text_gives_defaults(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_config c;
    assert_ota_ok(parse("", &c, &err));
    assert_string_equal(c.listen, "0.0.0.0:8443");
    assert_int_equal(c.product_count, 0);
}

static void test_config_refuses_and_names_the_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"lsten = 0.0.0.0:1\n", "ota.conf:1: unknown key \"lsten\"; did you mean \"listen\"?"},
        {"\n\nlisten\n", "ota.conf:3: not a \"key = value\" line"},
        {"listen = 0.0.0.0\n", "not ADDRESS:PORT"},
        {"listen = 0.0.0.0:x\n", "no port number"},
        {"listen = 0.0.0.0:65536\n", "over 65535"},
        {"listen =\n", "has no value"},
        {"url = http://host\n", "must begin with https://"},
        {"url = https://\n", "must begin with https://"},
        {"listen = a:1\nlisten = a:2\n", "ota.conf:2: \"listen\" is given twice"},
        {"chip = esp32\n", "belongs below a [product NAME] line"},
        {"[product a]\nurl = https://x\n", "belongs above"},
        {"[product a]\n", "has no chip"},
        {"[product A]\nchip = esp32\n", "is not a name"},
        {"[product root]\nchip = esp32\n", "names a role"},
        {"[product tls-ca]\nchip = esp32\n", "are TLS's"},
        {"[product a]\nchip = esp33\n", "unknown chip \"esp33\""},
        {"[product a]\nchip = esp32\n[product a]\nchip = esp32\n", "has two sections"},
        {"[product a]\nchip = esp32\nchannels = x x\n", "listed twice"},
        {"[product a]\nchip = esp32\nchannels = a b c d e f g h i\n", "more than 8 channels"},
        {"[product a]\nchip = esp32\ndefault_channel = beta\n", "does not list"},
        {"[prodct a]\n", "the only sections are [product NAME]"},
        {"[product a\n", "ends with ']'"},
        {"listen = a:1\x01\n", "control character"},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(cases); i++) {
        struct ota_err err;
        struct ota_config c;
        assert_ota(parse(cases[i].text, &c, &err), OTA_CONFIG);
        if (!strstr(err.msg, cases[i].says))
            fail_msg("\"%s\": got \"%s\", wanted \"%s\"", cases[i].text, err.msg, cases[i].says);
    }
}

static void test_config_bounds_products_and_size(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_config c;
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    for (unsigned i = 0; i < OTA_PRODUCTS_MAX; i++)
        ota_buf_printf(&text, "[product p%u]\nchip = esp32\n", i);
    assert_ota_ok(parse(ota_buf_text(&text), &c, &err));
    ota_buf_str(&text, "[product more]\nchip = esp32\n");
    assert_ota(parse(ota_buf_text(&text), &c, &err), OTA_CONFIG);
    while (text.len <= OTA_CONFIG_MAX)
        ota_buf_str(&text, "# much too long a comment to be kept\n");
    assert_ota(parse(ota_buf_text(&text), &c, &err), OTA_CONFIG);
}

/* ---- workspace ----------------------------------------------------------------------------------------- */

static char *dir;

static int make_dir(void **state) {
    (void)state;
    dir = ota_strdup("/tmp/ota-config-XXXXXX");
    return mkdtemp(dir) && unsetenv("OTA_HOME") == 0 ? 0 : -1;
}
static int remove_dir(void **state) {
    struct ota_err err;
    (void)state;
    int failed = chdir("/") || ota_fs_remove_tree(dir, &err) != OTA_OK;
    free(dir);
    return failed;
}

static void test_config_workspace_is_found_upward_by_variable_and_by_name(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_workspace w;
    OTA_CLEAN_FREE char *deep = ota_sprintf("%s/a/b", dir);
    OTA_CLEAN_FREE char *conf = ota_sprintf("%s/ota.conf", dir);
    assert_ota_ok(ota_fs_mkdirs(deep, 0755, &err));
    assert_int_equal(chdir(deep), 0);
    assert_ota(ota_workspace_open(&w, NULL, &err), OTA_WORKSPACE);
    assert_non_null(strstr(err.msg, "otactl init"));
    assert_ota_ok(ota_fs_write(conf, good, sizeof good - 1, 0644, &err));

    assert_ota_ok(ota_workspace_open(&w, NULL, &err));
    assert_string_equal(w.dir, dir);
    OTA_CLEAN_FREE char *path = ota_workspace_path(&w, "keys/%s.pem", "thermo");
    OTA_CLEAN_FREE char *wanted = ota_sprintf("%s/keys/thermo.pem", dir);
    assert_string_equal(path, wanted);
    ota_workspace_close(&w);

    assert_int_equal(chdir("/"), 0);
    assert_ota(ota_workspace_open(&w, NULL, &err), OTA_WORKSPACE);
    assert_int_equal(setenv("OTA_HOME", dir, 1), 0);
    assert_ota_ok(ota_workspace_open(&w, NULL, &err));
    ota_workspace_close(&w);
    assert_ota(ota_workspace_open(&w, deep, &err), OTA_WORKSPACE); /* a name given is not searched upward */
    assert_ota_ok(ota_workspace_open(&w, dir, &err));
    ota_workspace_close(&w);
}

static void test_config_workspace_product_asks_which(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_workspace w = {.dir = dir};
    const struct ota_product_config *p;
    assert_ota(ota_workspace_product(&w, NULL, &p, &err), OTA_CONFIG);
    assert_ota_ok(parse(good, &w.config, &err));
    assert_ota(ota_workspace_product(&w, NULL, &p, &err), OTA_USAGE);
    assert_non_null(strstr(err.msg, "thermo, lamp"));
    assert_ota(ota_workspace_product(&w, "nope", &p, &err), OTA_USAGE);
    assert_ota_ok(ota_workspace_product(&w, "lamp", &p, &err));
    assert_string_equal(p->name, "lamp");
    w.config.product_count = 1;
    assert_ota_ok(ota_workspace_product(&w, NULL, &p, &err));
    assert_string_equal(p->name, "thermo");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_reads_every_key),
        cmocka_unit_test(test_config_empty_text_gives_defaults),
        cmocka_unit_test(test_config_refuses_and_names_the_place),
        cmocka_unit_test(test_config_bounds_products_and_size),
        cmocka_unit_test_setup_teardown(test_config_workspace_is_found_upward_by_variable_and_by_name, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(test_config_workspace_product_asks_which, make_dir, remove_dir),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
