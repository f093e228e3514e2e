/* SPDX-License-Identifier: Apache-2.0 */
/* A partition table's CSV: the bytes of gen_esp32part.py for ESP-IDF's own tables, its grammar to the letter, and what
 * is refused with file, line and remedy. */
#include <stdio.h>

#include "host/crypto.h"
#include "image/table_agent.h"
#include "image/table_csv.h"
#include "support/unit.h"

static struct ota_err err;
static struct ota_table table;
static unsigned line[OTA_TABLE_ROWS_MAX];

static const char *variable(const char *name) {
    return strcmp(name, "SIZE") == 0    ? "64K"
           : strcmp(name, "LINES") == 0 ? "1\n2"
           : strcmp(name, "ROW") == 0   ? "x,data,fat,,4K"
           : strcmp(name, "NOTE") == 0  ? "# nothing"
                                        : NULL;
}

static const struct ota_table_subtype extra[] = {{OTA_PART_DATA, 0x40, "blackbox"}, {OTA_PART_APP, 0x42, "my_app1"}};

static struct ota_table_csv_rules rules_of_esp32(void) {
    return (struct ota_table_csv_rules){.name = "p.csv",
                                        .table_offset = 0x8000,
                                        .bootloader_known = true,
                                        .bootloader_offset = 0x1000,
                                        .recovery_known = true,
                                        .recovery_offset = 0x3F0000,
                                        .extra = extra,
                                        .extra_count = OTA_ARRAY_LEN(extra),
                                        .variable = variable};
}

static enum ota_status read_bytes(const void *p, size_t n) {
    const struct ota_table_csv_rules rules = rules_of_esp32();
    return ota_table_csv_read((struct ota_span){p, n}, &rules, &table, line, &err);
}

static enum ota_status read_csv(const char *text) {
    return read_bytes(text, strlen(text));
}

static void hash_of(const struct ota_table *t, char hex[65]) {
    uint8_t bytes[OTA_TABLE_LENGTH], sha[OTA_SHA256_LEN];
    assert_ota_ok(ota_table_write(t, &ota_crypto_openssl, bytes, &err));
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, bytes, sizeof bytes, sha, &err));
    ota_hex_encode(sha, sizeof sha, hex);
}

/* ---- ESP-IDF's own ------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *csv, *sha256;
} golden[] = {
    {"singleapp", "nvs,data,nvs,0x9000,0x6000,\nphy_init,data,phy,0xf000,0x1000,\nfactory,app,factory,0x10000,1M,\n",
     "7f00b6c042a89b15b0cac534f82ed988caf29278ff5700b0c511eb1b5bb7c820"},
    {"singleapp_large", "nvs,data,nvs,,0x6000\nphy_init,data,phy,,0x1000\nfactory,app,factory,,1500K\n",
     "5295e8c42d6fb5f95e4e8a185932c6191d27cfc5078322475347e40e71af815a"},
    {"two_ota",
     "nvs,data,nvs,,0x4000\notadata,data,ota,,0x2000\nphy_init,data,phy,,0x1000\nfactory,app,factory,,1M\n"
     "ota_0,app,ota_0,,1M\nota_1,app,ota_1,,1M\n",
     "d1c0e9d02fa9d26cd2e1984e7b5dd20157204f501ddc83ce82229e5f3175ee8b"},
    {"two_ota_large",
     "nvs,data,nvs,,0x6000\notadata,data,ota,,0x2000\nphy_init,data,phy,,0x1000\nota_0,app,ota_0,,1700K\n"
     "ota_1,app,ota_1,,1700K\n",
     "41d8ef7960bf03647249e26ca1ace2b8d35f317a87f6c2ff5bc9f4bdbdbf602b"},
    {"two_ota_encr_nvs",
     "nvs,data,nvs,,0x4000\notadata,data,ota,,0x2000\nphy_init,data,phy,,0x1000\nfactory,app,factory,,1M\n"
     "ota_0,app,ota_0,,1M\nota_1,app,ota_1,,1M\nnvs_key,data,nvs_keys,,0x1000,encrypted\n",
     "0ae0abb93d54ada2268764212d09b9a55ddf7718eb062f499b5413c4e4052cf2"},
    {"two_ota_tee",
     "tee_0,app,tee_0,,256K,\ntee_1,app,tee_1,,256K,\ntee_otadata,data,tee_ota,,8K,\nsecure_storage,data,nvs,,56K,\n"
     "ota_0,app,ota_0,,1536K,\nota_1,app,ota_1,,1536K,\notadata,data,ota,,8K,\nnvs,data,nvs,,24K,\n"
     "phy_init,data,phy,,4K,\n",
     "8cb614c824998362a0b0780ba59d259be940d4c6b253311ae8c15a061e375269"},
};

static void test_table_csv_equals_esp_idf(void **state) {
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(golden); i++) {
        char hex[65];
        assert_ota_ok(read_csv(golden[i].csv));
        assert_ota_ok(ota_table_check(&table, 0x8000, 0x400000, &err));
        hash_of(&table, hex);
        if (strcmp(hex, golden[i].sha256) != 0)
            fail_msg("%s: %s", golden[i].name, hex);
    }
}

/* Written and read again is the same table. */
static void test_table_csv_writes_what_it_reads(void **state) {
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(golden); i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
        char hex[65];
        assert_ota_ok(read_csv(golden[i].csv));
        ota_table_csv_write(&table, &text);
        assert_ota_ok(read_csv(ota_buf_text(&text)));
        hash_of(&table, hex);
        assert_string_equal(hex, golden[i].sha256);
    }
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    assert_ota_ok(read_csv("a,0x40,18,0x9000,0x1234,encrypted:readonly\nb,data,0x7f,,4M"));
    ota_table_csv_write(&table, &text);
    assert_string_equal(ota_buf_text(&text), "# ESP-IDF Partition Table\n# Name, Type, SubType, Offset, Size, Flags\n"
                                             "a,64,18,0x9000,0x1234,encrypted:readonly\nb,data,127,0xb000,4M,\n");
}

/* ---- grammar ------------------------------------------------------------------------------------------- */

static void test_table_csv_numbers_are_pythons(void **state) {
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"00", 0},
                {"0_0", 0},
                {"10", 10},
                {"1_000", 1000},
                {"0x1F", 31},
                {"0X1f", 31},
                {"0x_1F", 31},
                {"0o17", 15},
                {"0b101", 5},
                {"-5", -5},
                {"+5", 5},
                {"1K", 1024},
                {"1k", 1024},
                {"1M", 1048576},
                {"1 M", 1048576},
                {"0x10K", 16384},
                {"-4K", -4096},
                {"1MK", INT64_C(1) << 30},
                {"1KK", 1048576}};
    static const char *const bad[] = {"",     " ",   "010", "0_1", "_1",  "1_",  "1__0",  "0x",  "0xg", "0b2", "0o8",
                                      "1.5M", "5 5", "K",   "M K", "- 5", "--5", "9000h", "1K ", "N/A", "0xK", "1e3"};
    int64_t value;
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(good); i++)
        if (!ota_table_csv_number(ota_span_str(good[i].text), &value) || value != good[i].value)
            fail_msg("\"%s\"", good[i].text);
    for (size_t i = 0; i < OTA_ARRAY_LEN(bad); i++)
        if (ota_table_csv_number(ota_span_str(bad[i]), &value))
            fail_msg("\"%s\" was read as %lld", bad[i], (long long)value);
    assert_true(ota_table_csv_number(ota_span_str("99999999999999999999MMMMMM"), &value)); /* saturates */
    assert_true(value > UINT32_MAX);
    assert_true(ota_table_csv_number(ota_span_str("-99999999999999999999MMMMMM"), &value));
    assert_true(value < -(int64_t)UINT32_MAX);
}

static void test_table_csv_columns(void **state) {
    (void)state;
    assert_ota_ok(
        read_csv("# Name, Type\n\n  # indented\n x y , APP , Ota_3 , 0x20000 , 1m , encrypted:readonly , 7th\r\n"
                 "b,0x40,,,4K\rc,data,blackbox,,$SIZE\nd,app,my_app1,,${SIZE},:encrypted:"));
    assert_int_equal(table.count, 4);
    assert_string_equal(table.row[0].label, "x y");
    assert_int_equal(table.row[0].type, OTA_PART_APP);
    assert_int_equal(table.row[0].subtype, OTA_APP_OTA_0 + 3);
    assert_int_equal(table.row[0].offset, 0x20000);
    assert_int_equal(table.row[0].size, 0x100000);
    assert_int_equal(table.row[0].flags, OTA_FLAG_ENCRYPTED | OTA_FLAG_READONLY);
    assert_int_equal(line[0], 4);
    assert_int_equal(table.row[1].type, 0x40);
    assert_int_equal(table.row[1].subtype, OTA_DATA_UNDEFINED);
    assert_int_equal(table.row[1].offset, 0x120000);
    assert_int_equal(line[1], 5);
    assert_int_equal(table.row[2].subtype, 0x40);
    assert_int_equal(table.row[2].size, 0x10000);
    assert_int_equal(line[2], 6);
    assert_int_equal(table.row[3].offset, 0x140000); /* an app: rounded up to 64 KiB */
    assert_int_equal(table.row[3].flags, OTA_FLAG_ENCRYPTED);
    assert_ota_ok(read_csv("$ROW\n$NOTE\ny,data,fat,,-0x20000\n"));
    assert_int_equal(table.count, 2);
    assert_int_equal(table.row[1].size, 0x20000 - 0xA000); /* up to that address */
}

/* Rows whose places the build knows: their cells may hold anything, those of ota may not. */
static void test_table_csv_bootloader_rows(void **state) {
    (void)state;
    assert_ota_ok(read_csv("boot,bootloader,primary,N/A,N/A\ntable,partition_table,primary,?,?\n"
                           "factory,app,factory,,1M\nboot2,bootloader,ota,,N/A\ntable2,partition_table,ota,,\n"
                           "rescue,bootloader,recovery,N/A,N/A\n"));
    assert_int_equal(table.row[0].offset, 0x1000);
    assert_int_equal(table.row[0].size, 0x7000);
    assert_int_equal(table.row[1].offset, 0x8000);
    assert_int_equal(table.row[1].size, 0x1000);
    assert_int_equal(table.row[2].offset, 0x10000); /* the primaries do not push it */
    assert_int_equal(table.row[3].offset, 0x110000);
    assert_int_equal(table.row[3].size, 0x7000);
    assert_int_equal(table.row[4].offset, 0x117000);
    assert_int_equal(table.row[5].offset, 0x3F0000);
    assert_ota_ok(ota_table_check(&table, 0x8000, 0x400000, &err));
    assert_ota(read_csv("boot2,bootloader,ota,N/A,N/A\n"), OTA_TABLE_FORMAT);
    struct ota_table_csv_rules rules = rules_of_esp32();
    rules.bootloader_known = rules.recovery_known = false;
    assert_ota(ota_table_csv_read(ota_span_str("b,bootloader,primary,,"), &rules, &table, line, &err),
               OTA_TABLE_FORMAT);
    assert_non_null(strstr(err.msg, "p.csv:1: "));
    assert_non_null(strstr(err.msg, "--chip"));
    rules.bootloader_known = true;
    assert_ota(ota_table_csv_read(ota_span_str("b,bootloader,recovery,,"), &rules, &table, line, &err),
               OTA_TABLE_FORMAT);
    assert_non_null(strstr(err.msg, "--recovery-bootloader-offset"));
    rules.bootloader_offset = 0x8000;
    assert_ota(ota_table_csv_read(ota_span_str("b,bootloader,primary,,"), &rules, &table, line, &err),
               OTA_TABLE_LAYOUT);
}

static void test_table_csv_encodings(void **state) {
    static const char text[] = "a,data,nvs,,12K\nb,app,factory,,1M";
    static const struct {
        const char *mark;
        size_t length, width;
        bool big;
    } forms[] = {{"\xEF\xBB\xBF", 3, 1, false},
                 {"\xFF\xFE", 2, 2, false},
                 {"\xFE\xFF", 2, 2, true},
                 {"\xFF\xFE\0\0", 4, 4, false},
                 {"\0\0\xFE\xFF", 4, 4, true}};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(forms); i++) {
        uint8_t bytes[4 + 4 * sizeof text] = {0};
        size_t n = forms[i].length, width = forms[i].width;
        memcpy(bytes, forms[i].mark, n);
        for (const char *c = text; *c; c++, n += width)
            bytes[n + (forms[i].big ? width - 1 : 0)] = (uint8_t)*c;
        assert_ota_ok(read_bytes(bytes, n));
        assert_int_equal(table.count, 2);
        assert_string_equal(table.row[1].label, "b");
        if (width > 1)
            assert_ota(read_bytes(bytes, n - 1), OTA_TABLE_FORMAT);
    }
    /* Names beyond ASCII come through as UTF-8; no board of ours takes them. */
    assert_ota_ok(read_csv("\xC3\xA9,app,factory,,1M"));
    assert_string_equal(table.row[0].label, "\xC3\xA9");
    assert_ota(ota_table_check(&table, 0x8000, 0, &err), OTA_TABLE_LAYOUT);
    assert_ota_ok(read_bytes("\xFF\xFE\x3D\xD8\x00\xDE,\0a\0p\0p\0,\0t\0e\0s\0t\0,\0,\0001\0M\0", 30));
    assert_string_equal(table.row[0].label, "\xF0\x9F\x98\x80");
    assert_ota(read_csv("\xC3,app,factory,,1M"), OTA_TABLE_FORMAT);
    assert_ota_ok(read_csv("a,data,nvs,,12K\xE2\x80\xA8"
                           "b,data,fat,,4K\xC2\x85# \xFF\n\x0C"
                           "c,app,test,,1M")); /* lines end where Python ends them */
    assert_int_equal(table.count, 3);
}

/* ---- what is refused ----------------------------------------------------------------------------------- */

static void test_table_csv_refuses(void **state) {
    static const struct {
        const char *csv, *says;
    } rows[] = {
        {"", "p.csv: no row"},
        {"# only\n", "no row"},
        {"a\n", "p.csv:1: the column Type is empty"},
        {"a,apk,factory,,1M", "Type \"apk\" is neither a number nor one of: app, data"},
        {"a,appk,factory,,1M", "Type \"appk\""},
        {"a,256,0,,1M", "Type is beyond 0 to 255"},
        {"a,-1,0,,1M", "Type is beyond"},
        {"\na,app,,,1M", "p.csv:2: the column SubType of an app is empty"},
        {"a,data,ota_0,,1M", "SubType \"ota_0\""},
        {"a,0x40,nvs,,1M", "this type has no words"},
        {"a,data,256,,4K", "SubType is beyond"},
        {"a,data,nvs,,", "the column Size is empty"},
        {"a,data,nvs", "the column Size is empty"},
        {"a,data,nvs,,N/A", "Size \"N/A\" is no number"},
        {"a,data,nvs,N/A,4K", "Offset \"N/A\" is no number"},
        {"a,data,nvs,09,4K", "Offset \"09\""},
        {"a,data,nvs,-0x9000,4K", "beyond 32 bits"},
        {"a,data,nvs,0x100000000,4K", "beyond 32 bits"},
        {"a,data,nvs,,4096M", "beyond 32 bits"},
        {"a,data,nvs,0xFFFFF000,8K", "beyond every flash"},
        {"a,data,nvs,,4095M\nb,data,fat,,1M", "p.csv:2: ends at"},
        {"a,data,nvs,,-0x9000", NULL},
        {"a,data,nvs,0xa000,-0x9000", "below its offset"},
        {"a,data,nvs,0x8000,4K", "the sector of the table ends"},
        {"a,data,nvs,0,4K", "offset 0x0 lies before 0x9000"},
        {"a,data,nvs,0x10000,4K\nb,data,fat,0x9000,4K",
         "p.csv:2: offset 0x9000 lies before 0x11000, where the row above"},
        {"a,data,nvs,,4K,secret", "Flags \"secret\""},
        {"a,data,nvs,,4K,Encrypted", "Flags \"Encrypted\""},
        {"a,data,nvs,,4K,encrypted: readonly", "Flags \" readonly\""},
        {"a,data,nvs,,4K # why", "Size \"4K # why\""},
        {"a,data,nvs,,4K,# why", "a comment has a line of its own"},
        {"0123456789abcdefg,data,nvs,,4K", "has 17 bytes"},
        {"a,data,nvs,,4\xC2\xA0K", "byte 2 of the column Size"},
        {"a,d\x01ta,nvs,,4K", "byte 2 of the column Type"},
        {"a,data,nvs,,$NONE", "the variable NONE is not set"},
        {"a,data,nvs,,${NO NE}", "the variable NO NE is not set"},
        {"$1,data,nvs,,4K", "the variable 1 is not set"},
        {"a,data,nvs,,$LINES", "several lines"},
        {"a,data,nvs,,${SIZE", "Size \"${SIZE\""},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        if (!rows[i].says) {
            assert_ota_ok(read_csv(rows[i].csv));
            assert_int_equal(table.row[0].size, 0);
            continue;
        }
        err.msg[0] = '\0';
        if (read_csv(rows[i].csv) == OTA_OK || !strstr(err.msg, rows[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].csv, err.msg, rows[i].says);
        assert_true(err.code == OTA_TABLE_FORMAT || err.code == OTA_TABLE_LAYOUT);
        assert_true(strncmp(err.msg, "p.csv:", 6) == 0);
    }
}

static void test_table_csv_is_bounded(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    (void)state;
    for (unsigned i = 0; i < OTA_TABLE_ROWS_WITH_MD5; i++)
        ota_buf_printf(&text, "p%u,0x40,0,,4K\n", i);
    assert_ota_ok(read_csv(ota_buf_text(&text)));
    assert_int_equal(table.count, OTA_TABLE_ROWS_WITH_MD5);
    ota_buf_str(&text, "last,0x40,0,,4K\n");
    assert_ota(read_csv(ota_buf_text(&text)), OTA_TABLE_FORMAT);
    assert_non_null(strstr(err.msg, "p.csv:95: a table holds 94"));
    text.len = 0;
    for (unsigned i = 0; i < OTA_TABLE_CSV_LINE_MAX; i++)
        ota_buf_str(&text, "a,");
    assert_ota(read_csv(ota_buf_text(&text)), OTA_TABLE_FORMAT);
    assert_non_null(strstr(err.msg, "longer than"));
    text.len = 0;
    for (unsigned i = 0; i < OTA_TABLE_CSV_MAX / 16 + 1; i++)
        ota_buf_str(&text, "# 4567890123456\n");
    assert_ota(read_csv(ota_buf_text(&text)), OTA_TOO_LARGE);
}

/* Every cut and every changed byte of a table ends in a table or in one message. */
static void test_table_csv_survives_damage(void **state) {
    const char *text = golden[2].csv;
    size_t n = strlen(text);
    (void)state;
    for (size_t i = 0; i <= n; i++)
        if (read_bytes(text, i) != OTA_OK)
            assert_true(err.msg[0] != '\0');
    for (size_t i = 0; i < n; i++)
        for (unsigned c = 0; c < 256; c += 3) {
            OTA_CLEAN(ota_buf_free) struct ota_buf copy = {0};
            ota_buf_append(&copy, text, n);
            copy.p[i] = (uint8_t)c;
            if (read_bytes(copy.p, copy.len) == OTA_OK)
                assert_in_range(table.count, 1, 8);
            else
                assert_true(strncmp(err.msg, "p.csv:", 6) == 0);
        }
}

static void test_table_csv_extra_subtypes(void **state) {
    static const char *const bad[] = {"",           "app",           "app,x",       "app,x,",
                                      "foo,x,0x40", "0,x,0x40",      "app,x,256",   "app,x,0x100",
                                      "app,x,zz",   "app,,0x40",     "app,X,0x40",  "app,disk,0x40",
                                      "app,x,0x10", "data,nvs,0x70", "data,x,0x02", "app,x,0x_1"};
    struct ota_table_subtype s;
    (void)state;
    assert_ota_ok(ota_table_subtype_read("app, my_app1 , 0x40", &s, &err));
    assert_int_equal(s.type, OTA_PART_APP);
    assert_int_equal(s.subtype, 0x40);
    assert_string_equal(s.name, "my_app1");
    assert_ota_ok(ota_table_subtype_read("data,box,7f", &s, &err)); /* hexadecimal in any case */
    assert_int_equal(s.subtype, 0x7F);
    for (size_t i = 0; i < OTA_ARRAY_LEN(bad); i++)
        if (ota_table_subtype_read(bad[i], &s, &err) != OTA_ARGUMENT)
            fail_msg("\"%s\" was taken", bad[i]);
}

/* ---- boards that are updated --------------------------------------------------------------------------- */

#define GOOD \
    "nvs,data,nvs,,16K\notadata,data,ota,,8K\nphy_init,data,phy,,4K\nota_0,app,ota_0,,1M\nota_1,app,ota_1,,1M\n"

static void test_table_agent_needs(void **state) {
    static const struct {
        const char *csv, *says;
    } rows[] = {
        {GOOD "ota_state,data,nvs,,40K\nota_id,data,nvs,,16K\n", NULL},
        {GOOD "ota_state,data,nvs,,64K\nota_id,data,nvs,,16K,readonly\n", NULL},
        {GOOD "ota_id,data,nvs,,16K\n", "no ota_state; add a row to its CSV: ota_state, data, nvs, , 40K"},
        {GOOD "ota_state,data,nvs,,40K\n", NULL},
        {GOOD "ota_state,data,nvs,,40K\nota_id,data,nvs,,12K\n", "ota_id has 0x3000 bytes; give it at least 16K"},
        {GOOD "ota_state,data,nvs,,40K\nota_id,data,fat,,16K\n", "subtype nvs: ota_id, data, nvs, , 16K, readonly"},
        {GOOD "ota_state,data,nvs,,36K\nota_id,data,nvs,,16K\n", "ota_state has 0x9000 bytes; give it at least 40K"},
        {GOOD "ota_state,data,fat,,40K\nota_id,data,nvs,,16K\n", "subtype nvs"},
        {GOOD "ota_state,data,nvs,,40K,readonly\nota_id,data,nvs,,16K\n", "flagged readonly"},
        {"otadata,data,ota,,8K\nota_0,app,ota_0,,1M\nota_state,data,nvs,,40K\nota_id,data,nvs,,16K\n", "1 ota_ slot;"},
        {"factory,app,factory,,1M\n", "0 ota_ slots;"},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        assert_ota_ok(read_csv(rows[i].csv));
        assert_ota_ok(ota_table_check(&table, 0x8000, 0x400000, &err));
        if (!rows[i].says) {
            assert_ota_ok(ota_table_check_agent(&table, &err));
            continue;
        }
        assert_ota(ota_table_check_agent(&table, &err), OTA_CONFIG);
        if (!strstr(err.msg, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.msg, rows[i].says);
    }
}

static void test_table_agent_knows_the_chip(void **state) {
    const struct ota_chip *esp32 = ota_chip_by_name(ota_span_str("esp32")),
                          *c5 = ota_chip_by_name(ota_span_str("esp32c5"));
    (void)state;
    assert_ota_ok(read_csv("b,bootloader,primary,,\nfactory,app,factory,,1M\n"));
    assert_ota_ok(ota_table_check_chip(&table, esp32, 0x8000, &err));
    assert_ota(ota_table_check_chip(&table, c5, 0x8000, &err), OTA_TABLE_LAYOUT);
    assert_ota(ota_table_check_chip(&table, esp32, 0x1000, &err), OTA_TABLE_LAYOUT);
    table.row[0].offset = c5->bootloader_offset;
    table.row[0].size = 0x6000;
    assert_ota_ok(ota_table_check_chip(&table, c5, 0x8000, &err));
    assert_ota_ok(read_csv("r,bootloader,recovery,,\n"));
    assert_ota(ota_table_check_chip(&table, esp32, 0x8000, &err), OTA_TABLE_LAYOUT);
    assert_non_null(strstr(err.msg, "no recovery bootloader"));
    assert_ota_ok(ota_table_check_chip(&table, c5, 0x8000, &err));
    table.row[0].size = 0x5000;
    assert_ota(ota_table_check_chip(&table, c5, 0x8000, &err), OTA_TABLE_LAYOUT);
}

static void test_table_agent_knows_which_chips_start_large_apps(void **state) {
    static const char *const large[] = {"esp32s3", "esp32c5", "esp32c61", "esp32p4", "esp32h4", "esp32s31"};
    const struct ota_chip *chip;
    (void)state;
    assert_ota_ok(read_csv("factory,app,factory,,16M\nstorage,data,fat,,17M\n"));
    for (size_t i = 0; (chip = ota_chip_at(i)); i++)
        assert_ota_ok(ota_table_check_chip(&table, chip, 0x8000, &err));
    table.row[0].size += OTA_SECTOR;
    for (size_t i = 0; (chip = ota_chip_at(i)); i++) {
        bool may = false;
        for (size_t n = 0; n < OTA_ARRAY_LEN(large); n++)
            may |= strcmp(large[n], chip->name) == 0;
        assert_ota(ota_table_check_chip(&table, chip, 0x8000, &err), may ? OTA_OK : OTA_TABLE_LAYOUT);
        assert_true(may || strstr(err.msg, "factory has 0x1001000 bytes"));
    }
}

static void test_table_agent_remarks(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    (void)state;
    assert_ota_ok(read_csv(GOOD "ota_state,data,nvs,,40K\ncoredump,data,coredump,,64K\ndata,data,fat,,4K\n"));
    ota_table_remarks(&table, &text);
    assert_string_equal(ota_buf_text(&text), "");
    assert_ota_ok(read_csv("app,data,nvs,,16K\nfat,data,nvs,,16K\nota_0,app,ota_0,,1M\nota_1,app,ota_1,,64K\n"));
    table.row[1].flags = 8;
    ota_table_remarks(&table, &text);
    assert_string_equal(ota_buf_text(&text), "the slots differ in size; an app must fit the smallest, 0x10000 bytes\n"
                                             "app is called like a type or subtype that it does not have\n"
                                             "fat is called like a type or subtype that it does not have\n"
                                             "fat has flags that are not known: 0x8\n");
    text.len = 0;
    ota_table_remarks_agent(&table, &text);
    assert_non_null(strstr(ota_buf_text(&text), "no ota_id"));
    assert_non_null(strstr(ota_buf_text(&text), ": ota_id, data, nvs, , 16K, readonly\n"));
    assert_ota_ok(read_csv(GOOD "ota_id,data,nvs,,16K\n"));
    text.len = 0;
    ota_table_remarks_agent(&table, &text);
    assert_int_equal(text.len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_csv_equals_esp_idf),
        cmocka_unit_test(test_table_csv_writes_what_it_reads),
        cmocka_unit_test(test_table_csv_numbers_are_pythons),
        cmocka_unit_test(test_table_csv_columns),
        cmocka_unit_test(test_table_csv_bootloader_rows),
        cmocka_unit_test(test_table_csv_encodings),
        cmocka_unit_test(test_table_csv_refuses),
        cmocka_unit_test(test_table_csv_is_bounded),
        cmocka_unit_test(test_table_csv_survives_damage),
        cmocka_unit_test(test_table_csv_extra_subtypes),
        cmocka_unit_test(test_table_agent_needs),
        cmocka_unit_test(test_table_agent_knows_the_chip),
        cmocka_unit_test(test_table_agent_knows_which_chips_start_large_apps),
        cmocka_unit_test(test_table_agent_remarks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
