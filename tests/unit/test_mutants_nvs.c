/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVS partitions with one thing wrong, and CSVs with one cell wrong: each is refused for that thing. And changes that a
 * device and the generator let pass: each is taken.
 */
#include "host/crypto.h"
#include "image/nvs_csv.h"
#include "support/unit.h"

#define SIZE 0x3000u

static struct ota_err err;

/* Entries of the reference: */
enum { NAMESPACE, NUMBER, STRING, STRING_DATA, CHUNK, CHUNK_DATA, INDEX };
enum { IN_NS = 0, IN_TYPE = 1, IN_SPAN = 2, IN_CHUNK = 3, IN_CRC = 4, IN_KEY = 8, IN_DATA = 24, IN_DATA_CRC = 28 };
#define HEADER (-1) /* the page's, not an entry */

static void write_reference(struct ota_nvs_writer *w) {
    assert_ota_ok(ota_nvs_writer_init(w, SIZE, &err));
    assert_ota_ok(ota_nvs_namespace(w, "storage", &err));
    assert_ota_ok(ota_nvs_put_number(w, "x", OTA_NVS_U8, 1, &err));
    assert_ota_ok(ota_nvs_put_string(w, "s", "hello", &err));
    assert_ota_ok(ota_nvs_put_blob(w, "b", "\xDE\xAD\xBE\xEF", 4, &err));
}

/* Reads every item, and the values of those that have one. */
static enum ota_status judge(struct ota_span image) {
    OTA_CLEAN(ota_buf_free) struct ota_buf value = {0};
    uint8_t *exact = ota_calloc(1, image.len ? image.len : 1);
    memcpy(exact, image.p, image.len);
    const struct ota_span copy = {exact, image.len};
    err.msg[0] = '\0';
    enum ota_status st = ota_nvs_each(copy, NULL, NULL, &err);
    if (st == OTA_OK)
        st = ota_nvs_get_string(copy, "storage", "s", &value, &err);
    if (st == OTA_OK)
        st = ota_nvs_get_blob(copy, "storage", "b", &value, &err);
    free(exact);
    return st;
}

static void expect(const char *name, enum ota_status st, enum ota_status wanted, const char *says) {
    if (st != wanted || (says && !strstr(err.msg, says)))
        fail_msg("mutant \"%s\": %s \"%s\", wanted %s \"%s\"", name, ota_status_name(st), err.msg,
                 ota_status_name(wanted), says ? says : "");
}

/* ---- one field, its CRC made right again --------------------------------------------------------------- */

static const struct {
    const char *name;
    int entry;
    unsigned at, width;
    uint32_t value;
    bool sealed;
    enum ota_status status;
    const char *says;
} fields[] = {
    {"nothing changed", HEADER, 0, 0, 0, false, OTA_OK, NULL},
    {"page state 0", HEADER, 0, 4, 0, false, OTA_JOURNAL, "NVS page 0: state 0x00000000"},
    {"page state corrupt", HEADER, 0, 4, 0xFFFFFFF0, false, OTA_JOURNAL, "state 0xfffffff0"},
    {"page state blank, entries not", HEADER, 0, 4, 0xFFFFFFFF, false, OTA_JOURNAL, "state 0xffffffff"},
    {"page state text", HEADER, 0, 4, 0x2C79656B, false, OTA_JOURNAL, "not NVS"},
    {"page full", HEADER, 0, 4, 0xFFFFFFFC, false, OTA_OK, NULL},
    {"page freeing", HEADER, 0, 4, 0xFFFFFFF8, false, OTA_OK, NULL},
    {"format 0", HEADER, 8, 1, 0, true, OTA_JOURNAL, "format version byte 0x00"},
    {"format 3", HEADER, 8, 1, 0xFD, true, OTA_JOURNAL, "format version byte 0xfd"},
    {"format 1", HEADER, 8, 1, 0xFF, true, OTA_OK, NULL},
    {"format, unsealed", HEADER, 8, 1, 0xFF, false, OTA_JOURNAL, "CRC of its header"},
    {"sequence, unsealed", HEADER, 4, 4, 1, false, OTA_JOURNAL, "CRC of its header"},
    {"reserved, unsealed", HEADER, 9, 1, 0, false, OTA_JOURNAL, "CRC of its header"},
    {"header CRC", HEADER, 28, 4, 0, false, OTA_JOURNAL, "CRC of its header"},
    {"sequence 2^32-1", HEADER, 4, 4, 0xFFFFFFFF, true, OTA_OK, NULL},
    {"sequence 2^31", HEADER, 4, 4, 0x80000000, true, OTA_OK, NULL},

    {"type 0", NUMBER, IN_TYPE, 1, 0, true, OTA_JOURNAL, "NVS page 0, entry 1: type 0x00 is not known"},
    {"type 3", NUMBER, IN_TYPE, 1, 3, true, OTA_JOURNAL, "type 0x03"},
    {"type 40", NUMBER, IN_TYPE, 1, 0x40, true, OTA_JOURNAL, "type 0x40"},
    {"type FF", NUMBER, IN_TYPE, 1, 0xFF, true, OTA_JOURNAL, "type 0xff"},
    {"type i64", NUMBER, IN_TYPE, 1, OTA_NVS_I64, true, OTA_OK, NULL},
    {"a number that is a string", NUMBER, IN_TYPE, 1, OTA_NVS_STRING, true, OTA_JOURNAL, "do not fit its 1 entries"},
    {"span 0", NUMBER, IN_SPAN, 1, 0, true, OTA_JOURNAL, "spans 0 entries"},
    {"span over blank entries", INDEX, IN_SPAN, 1, 2, true, OTA_JOURNAL, "entry 7 of its data was not written"},
    {"span to the end of the page", INDEX, IN_SPAN, 1, 120, true, OTA_JOURNAL, "was not written"},
    {"span over the end of the page", INDEX, IN_SPAN, 1, 121, true, OTA_JOURNAL, "which leave the page"},
    {"span 255", INDEX, IN_SPAN, 1, 255, true, OTA_JOURNAL, "spans 255 entries, which leave the page"},
    {"span, unsealed", NUMBER, IN_SPAN, 1, 2, false, OTA_JOURNAL, "its CRC is wrong"},
    {"namespace, unsealed", NUMBER, IN_NS, 1, 2, false, OTA_JOURNAL, "its CRC is wrong"},
    {"key, unsealed", NUMBER, IN_KEY, 1, 'y', false, OTA_JOURNAL, "its CRC is wrong"},
    {"value, unsealed", NUMBER, IN_DATA, 1, 2, false, OTA_JOURNAL, "its CRC is wrong"},
    {"entry CRC 0", NUMBER, IN_CRC, 4, 0, false, OTA_JOURNAL, "damaged, or the partition is encrypted"},
    {"entry CRC 2^32-1", INDEX, IN_CRC, 4, 0xFFFFFFFF, false, OTA_JOURNAL, "its CRC is wrong"},
    {"value", NUMBER, IN_DATA, 1, 255, true, OTA_OK, NULL},
    {"namespace nobody made", NUMBER, IN_NS, 1, 200, true, OTA_OK, NULL},
    {"directory names none", NAMESPACE, IN_DATA, 1, 0, true, OTA_NOT_FOUND, "no namespace \"storage\""},
    {"directory names another", NAMESPACE, IN_DATA, 1, 2, true, OTA_NOT_FOUND, "no key \"s\""},

    {"string of another length", STRING, IN_DATA, 2, 5, true, OTA_JOURNAL, "the CRC of its data is wrong"},
    {"string of 0", STRING, IN_DATA, 2, 0, true, OTA_JOURNAL, "the CRC of its data is wrong"},
    {"string over its entries", STRING, IN_DATA, 2, 33, true, OTA_JOURNAL, "33 bytes do not fit its 2 entries"},
    {"string of 64 KiB", STRING, IN_DATA, 2, 0xFFFF, true, OTA_JOURNAL, "65535 bytes do not fit"},
    {"string's CRC", STRING, IN_DATA_CRC, 4, 0, true, OTA_JOURNAL, "the CRC of its data is wrong"},
    {"string's text", STRING_DATA, 0, 1, 'H', false, OTA_JOURNAL, "the CRC of its data is wrong"},
    {"string's end", STRING_DATA, 5, 1, '!', false, OTA_JOURNAL, "the CRC of its data is wrong"},
    {"behind the string", STRING_DATA, 6, 4, 0, false, OTA_OK, NULL},
    {"string without its data", STRING, IN_SPAN, 1, 1, true, OTA_JOURNAL, "6 bytes do not fit its 1 entries"},
    {"string of another name", STRING, IN_KEY, 1, 't', true, OTA_NOT_FOUND, "no key \"s\""},
    {"string that is a blob", STRING, IN_TYPE, 1, OTA_NVS_BLOB_V1, true, OTA_NOT_FOUND, "no key \"s\""},

    {"chunk of another number", CHUNK, IN_CHUNK, 1, 1, true, OTA_JOURNAL, "chunk 0 of 1 is missing"},
    {"chunk of no number", CHUNK, IN_CHUNK, 1, 0xFF, true, OTA_JOURNAL, "is missing"},
    {"chunk of another blob", CHUNK, IN_KEY, 1, 'c', true, OTA_JOURNAL, "is missing"},
    {"chunk of another namespace", CHUNK, IN_NS, 1, 2, true, OTA_JOURNAL, "is missing"},
    {"chunk's data", CHUNK_DATA, 0, 1, 0, false, OTA_JOURNAL, "the CRC of its data is wrong"},
    {"chunk over its entries", CHUNK, IN_DATA, 2, 0x8000, true, OTA_JOURNAL, "do not fit its 2 entries"},
    {"index of 0 bytes", INDEX, IN_DATA, 4, 0, true, OTA_JOURNAL, "its chunks have 4 bytes, its index says 0"},
    {"index of 2^32-1 bytes", INDEX, IN_DATA, 4, 0xFFFFFFFF, true, OTA_JOURNAL, "its index says 4294967295"},
    {"index of 2 chunks", INDEX, IN_DATA + 4, 1, 2, true, OTA_JOURNAL, "chunk 1 of 2 is missing"},
    {"index of 255 chunks", INDEX, IN_DATA + 4, 1, 255, true, OTA_JOURNAL, "chunk 1 of 255 is missing"},
    {"index of no chunks", INDEX, IN_DATA + 4, 1, 0, true, OTA_JOURNAL, "its chunks have 0 bytes"},
    {"index of later chunks", INDEX, IN_DATA + 5, 1, 0x80, true, OTA_JOURNAL, "chunk 0 of 1 is missing"},
    {"index of another name", INDEX, IN_KEY, 1, 'c', true, OTA_NOT_FOUND, "no key \"b\""},
    {"key without an end", INDEX, IN_KEY, 4, 0x62626262, true, OTA_NOT_FOUND, "no key \"b\""},
};

static void test_mutants_nvs_fields(void **state) {
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(fields); i++) {
        OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
        write_reference(&w);
        uint8_t *part = w.image;
        if (fields[i].entry != HEADER)
            part += OTA_NVS_FIRST_ENTRY + (unsigned)fields[i].entry * OTA_NVS_ENTRY;
        for (unsigned k = 0; k < fields[i].width; k++)
            part[fields[i].at + k] = (uint8_t)(fields[i].value >> 8 * k);
        if (fields[i].sealed && fields[i].entry == HEADER)
            ota_put_le32(part + 28, ota_nvs_page_crc(part));
        else if (fields[i].sealed)
            ota_put_le32(part + IN_CRC, ota_nvs_entry_crc(part));
        expect(fields[i].name, judge((struct ota_span){w.image, w.size}), fields[i].status, fields[i].says);
    }
}

/* A key that fills its 16 bytes. */
static void test_mutants_nvs_key_of_16(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    (void)state;
    write_reference(&w);
    uint8_t *x = w.image + OTA_NVS_FIRST_ENTRY + NUMBER * OTA_NVS_ENTRY;
    memset(x + IN_KEY, 'k', 15);
    ota_put_le32(x + IN_CRC, ota_nvs_entry_crc(x));
    expect("15 characters", judge((struct ota_span){w.image, w.size}), OTA_OK, NULL);
    x[IN_KEY + 15] = 'k';
    ota_put_le32(x + IN_CRC, ota_nvs_entry_crc(x));
    expect("16 characters", judge((struct ota_span){w.image, w.size}), OTA_JOURNAL, "its key has no end");
}

/* Entries whose bitmap says that they were never written, or erased: for each, what the rest then lacks. */
static void test_mutants_nvs_bitmap(void **state) {
    static const enum ota_status without[] = {OTA_NOT_FOUND, OTA_OK,      OTA_JOURNAL,  OTA_JOURNAL,
                                              OTA_JOURNAL,   OTA_JOURNAL, OTA_NOT_FOUND};
    (void)state;
    for (unsigned entry = 0; entry <= INDEX; entry++)
        for (unsigned bits = 0; bits <= 3; bits += 3) {
            OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
            char name[40];
            write_reference(&w);
            uint8_t *byte = &w.image[32 + entry / 4];
            *byte = (uint8_t)((*byte & ~(3u << entry % 4 * 2)) | bits << entry % 4 * 2);
            (void)ota_format(name, sizeof name, "entry %u %s", entry, bits ? "blank" : "erased");
            enum ota_status st = judge((struct ota_span){w.image, w.size});
            if (st == OTA_OK && without[entry] != OTA_OK)
                fail_msg("mutant \"%s\" was taken", name);
            if (st != OTA_OK && without[entry] == OTA_OK)
                fail_msg("mutant \"%s\": %s", name, err.msg);
        }
}

static void test_mutants_nvs_cut(void **state) {
    static const size_t cuts[] = {0, 1, 31, 32, 63, 64, 95, 96, 4064, 4095, 4097, 8191, 8193, 12287};
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    (void)state;
    write_reference(&w);
    for (size_t i = 0; i < OTA_ARRAY_LEN(cuts); i++) {
        char name[32];
        (void)ota_format(name, sizeof name, "cut at %zu", cuts[i]);
        expect(name, judge((struct ota_span){w.image, cuts[i]}), OTA_TRUNCATED, "whole pages of 4096");
    }
    expect("one page", judge((struct ota_span){w.image, 4096}), OTA_OK, NULL);
    expect("two pages", judge((struct ota_span){w.image, 8192}), OTA_OK, NULL);
}

/* ---- CSV --------------------------------------------------------------------------------------------------- */

static enum ota_status no_file(const void *ctx, const char *path, struct ota_buf *out, struct ota_err *e) {
    (void)ctx;
    (void)out;
    return ota_err_set(e, OTA_NOT_FOUND, "%s: no such file", path);
}

static enum ota_status judge_csv(const char *text, size_t size) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    OTA_CLEAN(ota_nvs_csv_free) struct ota_nvs_csv csv = {.writer = &w, .read_file = no_file};
    err.msg[0] = '\0';
    assert_ota_ok(ota_nvs_writer_init(&w, size, &err));
    w.as_generator = true;
    return ota_nvs_csv_read(&csv, ota_span_str(text), "n.csv", &err);
}

/* One cell of the row "key,type,encoding,value" behind a namespace. */
static const struct {
    const char *key, *type, *encoding, *value, *says;
} cells[] = {
    {"k", "data", "u8", "0", NULL},
    {"k", "data", "u8", "255", NULL},
    {"k", "data", "u8", "256", "does not fit u8"},
    {"k", "data", "u8", "-1", "does not fit"},
    {"k", "data", "i8", "-128", NULL},
    {"k", "data", "i8", "-129", "does not fit i8"},
    {"k", "data", "i8", "128", "does not fit i8"},
    {"k", "data", "u16", "65535", NULL},
    {"k", "data", "u16", "65536", "does not fit u16"},
    {"k", "data", "i16", "-32769", "does not fit i16"},
    {"k", "data", "i16", "32768", "does not fit i16"},
    {"k", "data", "u32", "4294967295", NULL},
    {"k", "data", "u32", "4294967296", "does not fit u32"},
    {"k", "data", "i32", "2147483647", NULL},
    {"k", "data", "i32", "2147483648", "does not fit i32"},
    {"k", "data", "i32", "-2147483649", "does not fit i32"},
    {"k", "data", "u64", "18446744073709551615", NULL},
    {"k", "data", "u64", "18446744073709551616", "no u64"},
    {"k", "data", "u64", "99999999999999999999999999", "no u64"},
    {"k", "data", "i64", "-9223372036854775808", NULL},
    {"k", "data", "i64", "-9223372036854775809", "no i64"},
    {"k", "data", "i64", "9223372036854775808", "no i64"},
    {"k", "data", "u8", "0x1", "write a decimal number"},
    {"k", "data", "u8", "1.0", "write a decimal number"},
    {"k", "data", "u8", "one", "write a decimal number"},
    {"k", "data", "u8", "", "write a decimal number"},
    {"k", "data", "u8", "- 1", "write a decimal number"},
    {"k", "data", "u8", "_1", "write a decimal number"},
    {"k", "data", "u8", " 1 ", NULL},
    {"k", "data", "u16", "1_0", NULL},
    {"k", "data", "u128", "1", "encoding \"u128\""},
    {"k", "data", "int", "1", "encoding \"int\""},
    {"k", "data", "String", "1", "encoding \"String\""},
    {"k", "data", "", "1", "encoding \"\""},
    {"k", "data", "hex2bin", "", NULL},
    {"k", "data", "hex2bin", "0", "two hexadecimal digits"},
    {"k", "data", "hex2bin", "0x00", "two hexadecimal digits"},
    {"k", "data", "hex2bin", "00 1", "two hexadecimal digits"},
    {"k", "data", "base64", "AA", "groups of four"},
    {"k", "data", "base64", "AA=A", "groups of four"},
    {"k", "data", "base64", "====", "groups of four"},
    {"k", "data", "base64", "AAA=", NULL},
    {"k", "data", "binary", "abc", NULL},
    {"k", "data", "binary", "\xC3\xA9", "not ASCII"},
    {"k", "data", "blob_fill(0;0x00)", "", NULL},
    {"k", "data", "blob_fill(8;0xZZ)", "", "encoding \"blob_fill(8;0xZZ)\""},
    {"k", "data", "blob_fill(-1;0x00)", "", "encoding \"blob_fill(-1;0x00)\""},
    {"k", "data", "blob_fill(4294967296;0x00)", "", "a blob has at most"},
    {"k", "data", "blob_fill(99999;0x00)", "", "n.csv:3: "},
    {"k", "datum", "u8", "1", "type \"datum\""},
    {"k", "Data", "u8", "1", "type \"Data\""},
    {"k", "", "u8", "1", "type \"\""},
    {"k", "file", "string", "x", "x: no such file"},
    {"", "data", "u8", "1", "has 0 characters"},
    {"fifteen_letters", "data", "u8", "1", NULL},
    {"sixteen_letters_", "data", "u8", "1", "has 16 characters"},
    {"\x01", "data", "u8", "1", "character 1 of the key"},
    {"n2", "namespace", "", "", NULL},
    {"sixteen_letters_", "namespace", "", "", "has 16 characters"},
    {"", "namespace", "", "", "has 0 characters"},
};

static void test_mutants_nvs_csv_cells(void **state) {
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(cells); i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
        char name[96];
        ota_buf_printf(&text, "key,type,encoding,value\nn,namespace,,\n%s,%s,%s,%s\n", cells[i].key, cells[i].type,
                       cells[i].encoding, cells[i].value);
        (void)ota_format(name, sizeof name, "%s,%s,%s,%s", cells[i].key, cells[i].type, cells[i].encoding,
                         cells[i].value);
        enum ota_status st = judge_csv(ota_buf_text(&text), SIZE);
        if (cells[i].says && st == OTA_OK)
            fail_msg("mutant \"%s\" was taken", name);
        expect(name, st, cells[i].says ? st : OTA_OK, cells[i].says);
    }
}

/* Strings at every limit: what one entry, one page and the device hold. */
static void test_mutants_nvs_csv_strings(void **state) {
    static const struct {
        size_t length;
        enum ota_status status;
    } rows[] = {{0, OTA_OK},    {31, OTA_OK},   {32, OTA_OK},          {3966, OTA_OK},        {3967, OTA_OK},
                {3968, OTA_OK}, {3999, OTA_OK}, {4000, OTA_TOO_LARGE}, {4001, OTA_TOO_LARGE}, {65536, OTA_TOO_LARGE}};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
        char name[32];
        ota_buf_str(&text, "key,type,encoding,value\nn,namespace,,\ns,data,string,");
        for (size_t k = 0; k < rows[i].length; k++)
            ota_buf_append(&text, "x", 1);
        (void)ota_format(name, sizeof name, "string of %zu", rows[i].length);
        expect(name, judge_csv(ota_buf_text(&text), SIZE), rows[i].status, NULL);
    }
}

/* 254 namespaces and no more. */
static void test_mutants_nvs_csv_namespaces(void **state) {
    (void)state;
    for (unsigned count = 254; count <= 256; count++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
        ota_buf_str(&text, "key,type,encoding,value\n");
        for (unsigned i = 0; i < count; i++)
            ota_buf_printf(&text, "n%u,namespace,,\nk,data,u8,1\n", i);
        enum ota_status st = judge_csv(ota_buf_text(&text), 0x10000);
        if ((st == OTA_OK) != (count <= 254))
            fail_msg("%u namespaces: %s \"%s\"", count, ota_status_name(st), err.msg);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutants_nvs_fields),         cmocka_unit_test(test_mutants_nvs_key_of_16),
        cmocka_unit_test(test_mutants_nvs_bitmap),         cmocka_unit_test(test_mutants_nvs_cut),
        cmocka_unit_test(test_mutants_nvs_csv_cells),      cmocka_unit_test(test_mutants_nvs_csv_strings),
        cmocka_unit_test(test_mutants_nvs_csv_namespaces),
    };
    return cmocka_run_group_tests_name("mutants_nvs", tests, NULL, NULL);
}
