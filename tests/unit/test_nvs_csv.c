/* SPDX-License-Identifier: Apache-2.0 */
/* NVS partitions from CSV: the bytes of esp-idf-nvs-partition-gen 0.2.0, and what is refused with file and line. */
#include "host/crypto.h"
#include "image/nvs_csv.h"
#include "support/unit.h"

static struct ota_err err;

/* What rows of type file name: files of this test have their contents as their names. */
static enum ota_status read_file(const void *ctx, const char *path, struct ota_buf *out, struct ota_err *e) {
    (void)ctx;
    if (strcmp(path, "absent") == 0)
        return ota_err_set(e, OTA_NOT_FOUND, "absent: no such file");
    ota_buf_str(out, path);
    return OTA_OK;
}

static enum ota_status build_bytes(struct ota_nvs_writer *w, size_t size, struct ota_span text) {
    OTA_CLEAN(ota_nvs_csv_free) struct ota_nvs_csv csv = {.writer = w, .read_file = read_file};
    assert_ota_ok(ota_nvs_writer_init(w, size, &err));
    return ota_nvs_csv_read(&csv, text, "n.csv", &err);
}

static enum ota_status build(struct ota_nvs_writer *w, size_t size, const char *text) {
    return build_bytes(w, size, ota_span_str(text));
}

/* ---- the generator's bytes ----------------------------------------------------------------------------- */

#define HEAD "key,type,encoding,value\n"

static void has_sha256(const char *text, size_t size, const char *sha256) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    uint8_t sha[OTA_SHA256_LEN];
    char hex[65];
    assert_ota_ok(build(&w, size, text));
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, w.image, w.size, sha, &err));
    ota_hex_encode(sha, sizeof sha, hex);
    assert_string_equal(hex, sha256);
}

static void test_nvs_csv_every_encoding(void **state) {
    (void)state;
    has_sha256(HEAD "# every type\nstorage,namespace,,\na,data,u8,255\nb,data,i8,-128\nc,data,u16,65535\n"
                    "d,data,i16,-32768\ne,data,u32,4294967295\nf,data,i32,-2147483648\n"
                    "g,data,u64,18446744073709551615\nh,data,i64,-9223372036854775808\ni,data,U8, 0_07 \n"
                    "j,data,string,\"a,\"\"b\"\"\nc\"\nk,data,string,\nl,data,hex2bin,DEADbeef\n"
                    "m,data,base64,MTIzYWJj\nn,data,binary,abc\no,data,blob_fill(5;0xA5),xy\n"
                    "p,data,blob_sz_fill(5;0x00),xy\nq,data,hex2bin,\n",
               0x3000, "bfdc0080cd2d57d6d3e5076f2cc7e785c2a9218861800324c5c7a1703faa610a");
}

static void test_nvs_csv_columns_by_name(void **state) {
    (void)state;
    has_sha256("value,encoding,note,type,key\r\n,,,namespace,one\r\n7,u8,why,data,x\r\n,,,namespace,two\r\n"
               "8,u8,,data,x,,\r\n",
               0x3000, "5ba200cba3c8cb112e758ca0ff0b9ab718ffa6f06b4f2f7c277b61d809807155");
}

static void test_nvs_csv_wifi_keys_bring_others(void **state) {
    (void)state;
    has_sha256(HEAD "nvs.net80211,namespace,,\nsta.ssid,data,string,home\nsta.pswd,data,string,password\n"
                    "ap.ssid,data,string,rescue\nap.authmode,data,u8,3\nap.passwd,data,string,12345678\n",
               0x3000, "089e4c39641c7375fd7a402892abbe1e59d62248eae41ab8cd8c531e62972a3a");
}

static void test_nvs_csv_read_only(void **state) {
    (void)state;
    has_sha256(HEAD "n,namespace,,\nx,data,u8,1\n", 0x1000,
               "69efe9e0dfdcb03111d2c6ed875a0b85a9bb1860755d8f2a44026a2c9e3405d0");
}

static void put_run(struct ota_buf *out, const char *before, char c, size_t n) {
    ota_buf_str(out, before);
    for (size_t i = 0; i < n; i++)
        ota_buf_append(out, &c, 1);
    ota_buf_str(out, "\n");
}

/* 125 entries, so that a blob meets a page with one left; a string that would end at a page's last entry. */
static void test_nvs_csv_page_ends(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    (void)state;
    ota_buf_str(&text, HEAD "n,namespace,,\n");
    for (unsigned i = 0; i < 124; i++)
        ota_buf_printf(&text, "k%u,data,u32,%u\n", i, i);
    ota_buf_str(&text, "b,data,blob_fill(7000;0x11),\n");
    put_run(&text, "s,data,string,", 'x', 3000);
    put_run(&text, "t,data,string,", 'y', 62);
    ota_buf_str(&text, "u,data,u8,1\n");
    has_sha256(ota_buf_text(&text), 0x6000, "6ce70c7713cdaa39ee61b0296e0ceb8191adf38bc57bc7388c6f7c3b615ad8f1");
}

/* ---- what comes of rows -------------------------------------------------------------------------------- */

static void has_string(const struct ota_nvs_writer *w, const char *key, const char *wanted) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    assert_ota_ok(ota_nvs_get_string((struct ota_span){w->image, w->size}, "n", key, &b, &err));
    assert_string_equal(ota_buf_text(&b), wanted);
}

static void test_nvs_csv_quotes_and_lines(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    (void)state;
    assert_ota_ok(build(&w, 0x3000,
                        "\xEF\xBB\xBF\n#x\nkey,\"type\",encoding,value\n\nn,namespace\n"
                        "a,data,string,\"one\r\n#gone\r\ntwo, \"\"three\"\"\"\rb,data,string, blank \n"
                        "c,data,string,in \"the\" middle\nd,data,string,\xC3\xA9\ne,file,string,from a file"));
    has_string(&w, "a", "one\ntwo, \"three\"");
    has_string(&w, "b", " blank ");
    has_string(&w, "c", "in \"the\" middle");
    has_string(&w, "d", "\xC3\xA9");
    has_string(&w, "e", "from a file");
}

static void test_nvs_csv_namespace_named_twice_in_a_row(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    (void)state;
    assert_ota_ok(build(&w, 0x3000, HEAD "n,namespace,,\na,data,string,x\nn,namespace,,\nb,data,string,y\n"));
    has_string(&w, "b", "y");
    assert_int_equal(w.namespaces, 1);
}

static void test_nvs_csv_longest_string(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    (void)state;
    for (size_t n = 3999; n <= 4000; n++) {
        OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
        text.len = 0;
        put_run(&text, HEAD "n,namespace,,\ns,data,string,", 'x', n);
        if (n == 3999)
            assert_ota_ok(build(&w, 0x3000, ota_buf_text(&text)));
        else
            assert_ota(build(&w, 0x3000, ota_buf_text(&text)), OTA_TOO_LARGE);
    }
}

/* ---- what is refused ----------------------------------------------------------------------------------- */

static void test_nvs_csv_refuses(void **state) {
    static const struct {
        const char *csv, *says;
    } rows[] = {
        {"key,type,encoding\n", "n.csv:1: the first line names no column \"value\""},
        {"key, type,encoding,value\n", "no column \"type\""},
        {"x", "no column \"key\""},
        {HEAD "x,data,u8,1\n", "n.csv:2: key \"x\" is in no namespace"},
        {HEAD "n,namespace,,\n\n# c\nx,datum,u8,1\n", "n.csv:5: key \"x\": type \"datum\" is none of"},
        {HEAD "n\n", "type \"\" is none of"},
        {HEAD "n,namespace,,\nx,data,u8\n", "the row ends before its value"},
        {HEAD "n,namespace,,\nx,data,string,half,of it\n", "n.csv:3: 5 columns; put quotes around the value"},
        {"key,type,encoding,value,\nn,namespace,,,\nx,data,string,half,,of it\n", "6 columns; put quotes"},
        {HEAD "n,namespace,,\nx,data,,1\n", "encoding \"\" is none of"},
        {HEAD "n,namespace,,\nx,data,u12,1\n", "encoding \"u12\""},
        {HEAD "n,namespace,,\nx,data,STRING,1\n", "encoding \"STRING\""},
        {HEAD "n,namespace,,\nx,data,u8,256\n", "key \"x\": the value does not fit u8"},
        {HEAD "n,namespace,,\nx,data,u8,-1\n", "the value is no u8; it does not fit"},
        {HEAD "n,namespace,,\nx,data,i8,128\n", "does not fit i8"},
        {HEAD "n,namespace,,\nx,data,u64,18446744073709551616\n", "no u64"},
        {HEAD "n,namespace,,\nx,data,u64,-1\n", "no u64"},
        {HEAD "n,namespace,,\nx,data,i64,9223372036854775808\n", "no i64"},
        {HEAD "n,namespace,,\nx,data,i64,-9223372036854775809\n", "no i64"},
        {HEAD "n,namespace,,\nx,data,u8,0x10\n", "write a decimal number"},
        {HEAD "n,namespace,,\nx,data,u8,\n", "write a decimal number"},
        {HEAD "n,namespace,,\nx,data,u8,1__0\n", "write a decimal number"},
        {HEAD "n,namespace,,\nx,data,u8,1_\n", "write a decimal number"},
        {HEAD "n,namespace,,\nx,data,hex2bin,abc\n", "two hexadecimal digits"},
        {HEAD "n,namespace,,\nx,data,hex2bin,ag\n", "two hexadecimal digits"},
        {HEAD "n,namespace,,\nx,data,base64,a\n", "groups of four"},
        {HEAD "n,namespace,,\nx,data,base64,a-b_\n", "groups of four"},
        {HEAD "n,namespace,,\nx,data,binary,\xC3\xA9\n", "it is not ASCII"},
        {HEAD "n,namespace,,\nx,data,blob_fill(1;0x0),\n", "encoding \"blob_fill(1;0x0)\""},
        {HEAD "n,namespace,,\nx,data,blob_fill(;0x00),\n", "encoding \"blob_fill(;0x00)\""},
        {HEAD "n,namespace,,\nx,data,blob_fill(1;0x00)x,\n", "encoding \"blob_fill(1;0x00)x\""},
        {HEAD "n,namespace,,\nx,data,blob_fill(1;0x00),ab\n", "more than the 1 to fill"},
        {HEAD "n,namespace,,\nx,data,blob_fill(99999999999;0x00),\n", "a blob has at most"},
        {HEAD "n,namespace,,\nx,file,blob_fill(1;0x00),a\n", "encoding \"blob_fill(1;0x00)\""},
        {HEAD "n,namespace,,\nx,file,string,absent\n", "n.csv:3: absent: no such file"},
        {HEAD "n,namespace,,\nsta.ssid,file,string,home\n", "takes no file"},
        {HEAD "n,namespace,,\nx,data,u8,1\nx,data,u8,2\n", "n.csv:4: NVS key \"x\" is there already"},
        {HEAD "n,namespace,,\no,namespace,,\nn,namespace,,\n", "n.csv:4: namespace \"n\" was there before \"o\""},
        {HEAD "n,namespace,,\n,data,u8,1\n", "key \"\" has 0 characters"},
        {HEAD "n,namespace,,\n0123456789abcdef,data,u8,1\n", "has 16 characters"},
        {HEAD "n,namespace,,\n\xC3\xA9,data,u8,1\n", "character 1 of the key"},
        {HEAD "n,namespace,,\nx,data,string,\"a\n\n", "n.csv:3: a quote is opened here"},
        {HEAD "n,namespace,,\nx,data,string,\"a\"b\n", "text behind the closing quote of column 4"},
        {HEAD "n,namespace,,\nx,data,string,\xFF\n", "n.csv: not UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
        err.msg[0] = '\0';
        if (build(&w, 0x3000, rows[i].csv) == OTA_OK || !strstr(err.msg, rows[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].csv, err.msg, rows[i].says);
        assert_true(strncmp(err.msg, "n.csv", 5) == 0);
    }
}

/* A password that does not fit its encoding is not repeated where others may read it. */
static void test_nvs_csv_messages_hold_no_value(void **state) {
    static const char *const encodings[] = {"u8", "hex2bin", "base64", "blob_fill(1;0x00)", "none"};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(encodings); i++) {
        OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
        OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
        ota_buf_printf(&text, HEAD "n,namespace,,\nx,data,%s,s3cret!\n", encodings[i]);
        assert_ota(build(&w, 0x3000, ota_buf_text(&text)), OTA_ARGUMENT);
        assert_null(strstr(err.msg, "s3cret"));
    }
}

static void test_nvs_csv_is_bounded(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    (void)state;
    ota_buf_str(&text, "key,type,encoding,value");
    for (unsigned i = 0; i < 100; i++)
        ota_buf_str(&text, ",more");
    ota_buf_str(&text, "\nn,namespace,,\nx,data,u8,1");
    for (unsigned i = 0; i < 100; i++)
        ota_buf_str(&text, ",more");
    assert_ota_ok(build(&w, 0x3000, ota_buf_text(&text)));
    ota_nvs_writer_free(&w);
    ota_buf_reserve(&text, OTA_NVS_CSV_MAX + 1);
    memset(text.p, '\n', OTA_NVS_CSV_MAX + 1);
    text.len = OTA_NVS_CSV_MAX + 1;
    assert_ota(build_bytes(&w, 0x3000, ota_buf_span(&text)), OTA_TOO_LARGE);
    ota_nvs_writer_free(&w);
    text.len = 0;
    ota_buf_str(&text, HEAD "n,namespace,,\n");
    for (unsigned i = 0; i < 252; i++)
        ota_buf_printf(&text, "k%u,data,u8,1\n", i);
    assert_ota(build(&w, 0x3000, ota_buf_text(&text)), OTA_NO_SPACE);
    assert_non_null(strstr(err.msg, "n.csv:254: "));
}

/* Every cut ends in an image that reads back whole, or in one message. */
static void test_nvs_csv_survives_cuts(void **state) {
    static const char text[] = HEAD "n,namespace,,\na,data,i16,-5\nb,data,string,\"x\"\"y\n\"\nc,data,hex2bin,0aFF\n"
                                    "sta.pswd,data,string,q\nd,data,blob_sz_fill(9;0x1f),ab\n";
    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
        if (build_bytes(&w, 0x3000, (struct ota_span){(const uint8_t *)text, n}) == OTA_OK)
            assert_ota_ok(ota_nvs_each((struct ota_span){w.image, w.size}, NULL, NULL, &err));
        else
            assert_true(strncmp(err.msg, "n.csv", 5) == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nvs_csv_every_encoding),
        cmocka_unit_test(test_nvs_csv_columns_by_name),
        cmocka_unit_test(test_nvs_csv_wifi_keys_bring_others),
        cmocka_unit_test(test_nvs_csv_read_only),
        cmocka_unit_test(test_nvs_csv_page_ends),
        cmocka_unit_test(test_nvs_csv_quotes_and_lines),
        cmocka_unit_test(test_nvs_csv_namespace_named_twice_in_a_row),
        cmocka_unit_test(test_nvs_csv_longest_string),
        cmocka_unit_test(test_nvs_csv_refuses),
        cmocka_unit_test(test_nvs_csv_messages_hold_no_value),
        cmocka_unit_test(test_nvs_csv_is_bounded),
        cmocka_unit_test(test_nvs_csv_survives_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
