/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partition tables with one thing wrong, binary and CSV: each is refused for that thing. And changes that
 * gen_esp32part.py and the chip let pass: each is taken.
 */
#include "host/crypto.h"
#include "image/table_csv.h"
#include "ota/table.h"
#include "support/images.h"
#include "support/unit.h"

#define ROW 32u
#define TABLE_AT 0x8000u
#define FLASH_SIZE 0x400000u

static struct ota_err err;

/* The rows of the sample: 0 nvs, 1 otadata, 2 phy_init, 3 ota_0, 4 ota_1, 5 ota_state, 6 ota_id, 7 storage. */
enum { NVS, OTADATA, PHY, OTA_0, OTA_1, STATE, ID, STORAGE, ROWS };
enum { TYPE = 2, SUBTYPE = 3, OFFSET = 4, SIZE = 8, LABEL = 12, FLAGS = 28 };

static void sample_bytes(uint8_t bytes[OTA_TABLE_LENGTH]) {
    struct ota_sample s = sample_of("esp32c3");
    struct ota_table t = {.count = 0};
    ota_sample_rows(&s, t.row, &t.count);
    assert_int_equal(t.count, ROWS);
    assert_ota_ok(ota_table_write(&t, &ota_crypto_openssl, bytes, &err));
}

static void seal(uint8_t *bytes, size_t rows) {
    assert_ota_ok(ota_crypto_openssl.md5(ota_crypto_openssl.ctx, bytes, rows * ROW, bytes + rows * ROW + 16, &err));
}

static enum ota_status judge(const uint8_t *bytes, size_t n) {
    static struct ota_table t;
    uint8_t *exact = ota_calloc(1, n ? n : 1);
    memcpy(exact, bytes, n);
    err.msg[0] = '\0';
    enum ota_status st = ota_table_read((struct ota_span){exact, n}, &ota_crypto_openssl, &t, &err);
    if (st == OTA_OK)
        st = ota_table_check(&t, TABLE_AT, FLASH_SIZE, &err);
    free(exact);
    return st;
}

/* says NULL: it is taken. */
static void expect(const char *name, enum ota_status st, enum ota_status wanted, const char *says) {
    if (st != wanted || (says && !strstr(err.msg, says)))
        fail_msg("mutant \"%s\": %s \"%s\", wanted %s \"%s\"", name, ota_status_name(st), err.msg,
                 ota_status_name(wanted), says ? says : "");
}

/* ---- one field of one row, the MD5 made right again ---------------------------------------------------- */

static const struct {
    const char *name;
    unsigned row, at, width;
    uint32_t value;
    const char *says; /* NULL: it is taken */
} fields[] = {
    {"nothing changed", NVS, TYPE, 1, OTA_PART_DATA, NULL},
    {"type 4", STORAGE, TYPE, 1, 0x04, "row 7 (storage): type 0x04 is reserved; custom types begin at 0x40"},
    {"type 3E", STORAGE, TYPE, 1, 0x3E, "type 0x3e is reserved"},
    {"type 3F, esp_secure_cert", STORAGE, TYPE, 1, 0x3F, NULL},
    {"type 40", STORAGE, TYPE, 1, 0x40, NULL},
    {"type FE", STORAGE, TYPE, 1, 0xFE, NULL},
    {"data of no name", STORAGE, SUBTYPE, 1, 0x7F, NULL},
    {"data FF", STORAGE, SUBTYPE, 1, 0xFF, NULL},
    {"app of no name", STORAGE, TYPE, 2, 0x4200, NULL},
    {"two ota_0", OTA_1, SUBTYPE, 1, 0x10, "row 3 has the same type and subtype"},
    {"a hole in the slots", OTA_1, SUBTYPE, 1, 0x12, "not numbered from ota_0 without a hole"},
    {"no ota_0", OTA_0, SUBTYPE, 1, 0x12, "not numbered from ota_0 without a hole"},
    {"the last slot alone", OTA_0, SUBTYPE, 1, 0x1F, "without a hole"},
    {"no otadata", OTADATA, SUBTYPE, 1, OTA_DATA_UNDEFINED, "ota_ slots need an otadata partition"},
    {"two otadata", PHY, SUBTYPE, 1, OTA_DATA_OTA, "otadata has 0x1000 bytes; it must have 0x2000"},
    {"two of 8 KiB", NVS, SUBTYPE, 1, OTA_DATA_OTA, "it must have 0x2000"},
    {"otadata of 4 KiB", OTADATA, SIZE, 4, 0x1000, "it must have 0x2000"},
    {"otadata of 0", OTADATA, SIZE, 4, 0, "row 1 (otadata): its size is 0"},
    {"otadata read-only", OTADATA, FLAGS, 4, OTA_FLAG_READONLY, "cannot be read-only"},
    {"otadata encrypted", OTADATA, FLAGS, 4, OTA_FLAG_ENCRYPTED, NULL},
    {"coredump", STORAGE, SUBTYPE, 1, OTA_DATA_COREDUMP, NULL},
    {"nvs encrypted", NVS, FLAGS, 4, OTA_FLAG_ENCRYPTED, "nvs cannot carry the flag \"encrypted\""},
    {"nvs both flags", NVS, FLAGS, 4, 3, "\"encrypted\""},
    {"nvs of 8 KiB", NVS, SIZE, 4, 0x2000, "under 0x3000 bytes must be read-only"},
    {"nvs of 4 KiB", NVS, SIZE, 4, 0x1000, "must be read-only"},
    {"nvs of 1 byte", NVS, SIZE, 4, 1, "must be read-only"},
    {"flag of no name", STORAGE, FLAGS, 4, 0x4, NULL},
    {"every flag", STORAGE, FLAGS, 4, 0xFFFFFFFF, NULL},
    {"app at 4 KiB", OTA_0, OFFSET, 4, 0x11000, "offset 0x11000 is not a multiple of 0x10000"},
    {"app at 32 KiB", OTA_1, OFFSET, 4, 0x198000, "not a multiple of 0x10000"},
    {"data at 512", STORAGE, OFFSET, 4, 0x320200, "offset 0x320200 is not a multiple of 0x1000"},
    {"data at 1", STORAGE, OFFSET, 4, 0x320001, "not a multiple of 0x1000"},
    {"data at 0", STORAGE, OFFSET, 4, 0, "offset 0x0 is below the end of the table's sector"},
    {"data over the table", NVS, OFFSET, 4, 0x8000, "offset 0x8000 is below the end of the table's sector 0x9000"},
    {"data over the bootloader", NVS, OFFSET, 4, 0x1000, "below the end of the table's sector"},
    {"app over the table", OTA_0, OFFSET, 4, 0, "below the end of the table's sector"},
    {"over the row before", STATE, OFFSET, 4, 0x30F000, "row 5 (ota_state): offset 0x30f000 overlaps or precedes"},
    {"at the row before", STATE, OFFSET, 4, 0x190000, "overlaps or precedes"},
    {"over the row behind", OTA_0, SIZE, 4, 0x181000, "row 4 (ota_1): offset 0x190000 overlaps"},
    {"over all behind", OTA_0, SIZE, 4, 0x3F0000, "row 4 (ota_1)"},
    {"behind its place", NVS, OFFSET, 4, 0x20000, "row 1 (otadata): offset 0xd000 overlaps or precedes"},
    {"app of half a sector", OTA_1, SIZE, 4, 0x180800, "size 0x180800 of an app partition is not a multiple of 0x1000"},
    {"app of 0", OTA_1, SIZE, 4, 0, "its size is 0"},
    {"data of 0", STORAGE, SIZE, 4, 0, "its size is 0"},
    {"data of odd size", STORAGE, SIZE, 4, 0x12345, NULL},
    {"data to the end of the flash", STORAGE, SIZE, 4, 0xE0000, NULL},
    {"data beyond the flash", STORAGE, SIZE, 4, 0xE0001, "ends at 0x400001, beyond the flash"},
    {"size 2^31", STORAGE, SIZE, 4, 0x80000000, "beyond the flash"},
    {"size 2^32-1", STORAGE, SIZE, 4, 0xFFFFFFFF, "beyond the flash"},
    {"end at 2^32", STORAGE, SIZE, 4, 0xFFCE0000, "ends at 0x100000000, beyond the flash"},
    {"end past 2^32", STORAGE, SIZE, 4, 0xFFFE0000, "beyond the flash"},
    {"app of 2^32 less a sector", OTA_1, SIZE, 4, 0xFFFFF000, "beyond the flash"},
    {"offset 2^32 less a sector", STORAGE, OFFSET, 4, 0xFFFFF000, "beyond the flash"},
    {"offset 2^31", STORAGE, OFFSET, 4, 0x80000000, "beyond the flash"},
    {"no label", STORAGE, LABEL, 1, 0, "row 7: its label is empty or not printable ASCII"},
    {"label of a control character", STORAGE, LABEL, 1, 0x1B, "row 7: its label"},
    {"label of DEL", STORAGE, LABEL, 1, 0x7F, "row 7: its label"},
    {"label beyond ASCII", STORAGE, LABEL, 1, 0xE9, "row 7: its label"},
    {"the same label", OTA_1, LABEL + 4, 1, '0', "row 3 has the same label"},
    {"label with text behind its end", NVS, LABEL + 4, 4, 0x21212121, NULL},
    {"primary table elsewhere", STORAGE, TYPE, 2, 0x0003, "says 0x320000; the table is at 0x8000"},
    {"primary bootloader over the table", STORAGE, TYPE, 2, 0x0002, "the bootloader ends at 0x360000, in the table"},
    {"second table", STORAGE, TYPE, 2, 0x0103, NULL},
    {"recovery bootloader", STORAGE, TYPE, 2, 0x0202, NULL},
};

static void test_mutants_table_fields(void **state) {
    uint8_t good[OTA_TABLE_LENGTH], bytes[OTA_TABLE_LENGTH];
    (void)state;
    sample_bytes(good);
    for (size_t i = 0; i < OTA_ARRAY_LEN(fields); i++) {
        memcpy(bytes, good, sizeof bytes);
        for (unsigned k = 0; k < fields[i].width; k++)
            bytes[fields[i].row * ROW + fields[i].at + k] = (uint8_t)(fields[i].value >> 8 * k);
        seal(bytes, ROWS);
        expect(fields[i].name, judge(bytes, sizeof bytes), fields[i].says ? OTA_TABLE_LAYOUT : OTA_OK, fields[i].says);
    }
}

/* Each reserved type. */
static void test_mutants_table_reserved_types(void **state) {
    uint8_t bytes[OTA_TABLE_LENGTH];
    (void)state;
    sample_bytes(bytes);
    for (unsigned type = 4; type < 0x3F; type++) {
        char name[32];
        (void)ota_format(name, sizeof name, "type %u", type);
        bytes[STORAGE * ROW + TYPE] = (uint8_t)type;
        seal(bytes, ROWS);
        expect(name, judge(bytes, sizeof bytes), OTA_TABLE_LAYOUT, "is reserved");
    }
}

/* ---- structure --------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t at;
    uint8_t value;
    enum ota_status status;
    const char *says;
} structure[] = {
    {"magic of the first row", 0, 0xAB, OTA_TABLE_FORMAT, "row 0: begins with 0x50ab, not 0x50aa"},
    {"magic turned", 1, 0xAA, OTA_TABLE_FORMAT, "row 0"},
    {"magic of the last row", STORAGE *ROW, 0x00, OTA_TABLE_FORMAT, "row 7"},
    {"magic of the MD5 row", ROWS *ROW, 0xEA, OTA_TABLE_FORMAT, "row 8: begins with 0xebea"},
    {"MD5, first byte", ROWS *ROW + 16, 0x00, OTA_TABLE_MD5, "does not match the rows"},
    {"MD5, last byte", ROWS *ROW + 31, 0x00, OTA_TABLE_MD5, "does not match"},
    {"a label, MD5 as it was", NVS *ROW + LABEL, 'm', OTA_TABLE_MD5, "does not match"},
    {"a size, MD5 as it was", OTA_0 *ROW + SIZE + 2, 0x17, OTA_TABLE_MD5, "does not match"},
    {"a byte of the end row", (ROWS + 1) * ROW + 5, 0x00, OTA_TABLE_FORMAT, "row 9: begins with 0xffff"},
    {"padding of the MD5 row", ROWS *ROW + 2, 0x00, OTA_OK, NULL}, /* nobody looks at it */
    {"behind the end row", (ROWS + 2) * ROW, 0x00, OTA_OK, NULL},
    {"the last byte of the file", OTA_TABLE_LENGTH - 1, 0x00, OTA_OK, NULL},
};

static void test_mutants_table_structure(void **state) {
    uint8_t good[OTA_TABLE_LENGTH], bytes[OTA_TABLE_LENGTH];
    (void)state;
    sample_bytes(good);
    for (size_t i = 0; i < OTA_ARRAY_LEN(structure); i++) {
        memcpy(bytes, good, sizeof bytes);
        assert_true(bytes[structure[i].at] != structure[i].value);
        bytes[structure[i].at] = structure[i].value;
        expect(structure[i].name, judge(bytes, sizeof bytes), structure[i].status, structure[i].says);
    }
}

/* Cut at every row, before and behind its edge. A table that ends with its MD5 row, or without one, is read and not
 * served. */
static void test_mutants_table_cut(void **state) {
    uint8_t bytes[OTA_TABLE_LENGTH];
    (void)state;
    sample_bytes(bytes);
    for (size_t row = 0; row <= ROWS + 2; row++)
        for (int d = -1; d <= 1; d++) {
            char name[32];
            if (row == 0 && d < 0)
                continue;
            const size_t cut = (size_t)((int)(row * ROW) + d);
            (void)ota_format(name, sizeof name, "cut at %zu", cut);
            const bool bare = d == 0 && row >= 1;
            const enum ota_status wanted = !bare ? OTA_TABLE_FORMAT : row <= ROWS ? OTA_TABLE_MD5 : OTA_TABLE_FORMAT;
            expect(name, judge(bytes, cut), wanted, "");
        }
    expect("one byte short", judge(bytes, OTA_TABLE_LENGTH - 1), OTA_TABLE_FORMAT, "has exactly 3072");
    expect("whole", judge(bytes, OTA_TABLE_LENGTH), OTA_OK, NULL);
}

/* `count` rows of a custom type, and an app in front of them; with an MD5 row where one fits. */
static size_t many_rows(uint8_t *bytes, size_t count, bool md5) {
    memset(bytes, 0xFF, OTA_TABLE_LENGTH);
    for (size_t i = 0; i < count; i++) {
        uint8_t *r = bytes + i * ROW;
        memset(r, 0, ROW);
        ota_put_le16(r, 0x50AA);
        r[TYPE] = i ? 0x40 : OTA_PART_APP;
        ota_put_le32(r + OFFSET, (uint32_t)(i ? 0x20000 + i * 0x1000 : 0x10000));
        ota_put_le32(r + SIZE, i ? 0x1000 : 0x10000);
        (void)ota_format((char *)r + LABEL, 16, "p%zu", i);
    }
    if (md5) {
        bytes[count * ROW] = bytes[count * ROW + 1] = 0xEB;
        seal(bytes, count);
    }
    return count;
}

static void test_mutants_table_row_counts(void **state) {
    uint8_t bytes[OTA_TABLE_LENGTH];
    (void)state;
    (void)many_rows(bytes, 94, true);
    expect("94 rows and MD5", judge(bytes, sizeof bytes), OTA_OK, NULL);
    (void)many_rows(bytes, 95, true);
    expect("95 rows and MD5: no end", judge(bytes, sizeof bytes), OTA_TABLE_FORMAT, "no end marker");
    (void)many_rows(bytes, 95, false);
    expect("95 rows", judge(bytes, sizeof bytes), OTA_TABLE_MD5, "no MD5 row");
    (void)many_rows(bytes, 96, false);
    expect("96 rows", judge(bytes, sizeof bytes), OTA_TABLE_FORMAT, "more than 95 partitions");
    memset(bytes, 0xFF, sizeof bytes);
    expect("no rows", judge(bytes, sizeof bytes), OTA_TABLE_FORMAT, "it has no rows");
    memset(bytes, 0x00, sizeof bytes);
    expect("zeros", judge(bytes, sizeof bytes), OTA_TABLE_FORMAT, "row 0: begins with 0x0000");
    expect("nothing", judge(bytes, 0), OTA_TABLE_FORMAT, "it has no rows");
    for (size_t n = 0; n < ROWS; n++) { /* an MD5 row too early protects nothing behind it */
        sample_bytes(bytes);
        bytes[n * ROW] = bytes[n * ROW + 1] = 0xEB;
        expect("MD5 row among the others", judge(bytes, sizeof bytes), OTA_TABLE_FORMAT, "row");
    }
}

static void test_mutants_table_labels_of_16(void **state) {
    uint8_t bytes[OTA_TABLE_LENGTH];
    (void)state;
    sample_bytes(bytes);
    memcpy(bytes + STORAGE * ROW + LABEL, "0123456789abcdef", 16);
    seal(bytes, ROWS);
    expect("16 characters", judge(bytes, sizeof bytes), OTA_OK, NULL);
    memcpy(bytes + ID * ROW + LABEL, "0123456789abcdef", 16);
    seal(bytes, ROWS);
    expect("the same 16 twice", judge(bytes, sizeof bytes), OTA_TABLE_LAYOUT, "row 6 has the same label");
    bytes[ID * ROW + LABEL + 15] = 'g';
    seal(bytes, ROWS);
    expect("16 that differ in the last", judge(bytes, sizeof bytes), OTA_OK, NULL);
}

/* ---- CSV --------------------------------------------------------------------------------------------------- */

static enum ota_status judge_csv(const char *text) {
    static struct ota_table t;
    static unsigned line[OTA_TABLE_ROWS_MAX];
    const struct ota_table_csv_rules rules = {.name = "p.csv", .table_offset = TABLE_AT};
    err.msg[0] = '\0';
    enum ota_status st = ota_table_csv_read(ota_span_str(text), &rules, &t, line, &err);
    if (st != OTA_OK)
        return st;
    t.has_md5 = t.md5_ok = t.has_end = true; /* as written */
    t.length = OTA_TABLE_LENGTH;
    return ota_table_check(&t, TABLE_AT, FLASH_SIZE, &err);
}

/* One cell of the row "name,type,subtype,offset,size,flags" in the middle of a table. */
static const struct {
    unsigned column;
    const char *cell, *says;
} cells[] = {
    {0, "", "its label is empty"},
    {0, "0123456789abcdef", NULL},
    {0, "0123456789abcdefg", "has 17 bytes"},
    {0, "nvs", "the same label"},
    {0, "\xC3\xA9t\xC3\xA9", "not printable ASCII"},
    {1, "", "the column Type is empty"},
    {1, "dat", "Type \"dat\" is neither"},
    {1, "4", "this type has no words"},
    {1, "0x3E", "this type has no words"},
    {1, "256", "beyond 0 to 255"},
    {1, "0x100000000", "beyond 0 to 255"},
    {1, "-1", "beyond 0 to 255"},
    {1, "1.0", "Type \"1.0\""},
    {1, "0xZZ", "Type \"0xZZ\""},
    {1, "DATA", NULL},
    {1, "0b1", NULL},
    {2, "spifs", "SubType \"spifs\""},
    {2, "ota_0", "SubType \"ota_0\""},
    {2, "256", "beyond 0 to 255"},
    {2, "-1", "beyond 0 to 255"},
    {2, "1K", "beyond 0 to 255"},
    {2, "08", "SubType \"08\""},
    {2, "", NULL},
    {2, "0xFF", NULL},
    {2, "LittleFS", NULL},
    {3, "0", "offset 0x0 lies before"},
    {3, "0x8000", "lies before"},
    {3, "0xD000", "lies before"},
    {3, "0x30f000", "lies before"},
    {3, "0x320001", "not a multiple of 0x1000"},
    {3, "0x3FF000", "beyond the flash"},
    {3, "0x400000", "beyond the flash"},
    {3, "0xFFFFFFFF", "beyond every flash"},
    {3, "0x100000000", "beyond 32 bits"},
    {3, "99999999999999999999", "beyond 32 bits"},
    {3, "-4096", "beyond 32 bits"},
    {3, "4 K M x", "Offset \"4 K M x\""},
    {3, "3200K", NULL},
    {3, "0x32_0000", NULL},
    {4, "", "the column Size is empty"},
    {4, "0", "its size is 0"},
    {4, "5000K", "beyond the flash"},
    {4, "0xFFFFFFFF", "beyond every flash"},
    {4, "4096M", "beyond 32 bits"},
    {4, "0x10000000000000000", "beyond 32 bits"},
    {4, "-1", "below its offset"},
    {4, "-0x310000", "below its offset"},
    {4, "64KB", "Size \"64KB\""},
    {4, "1e5", "Size \"1e5\""},
    {4, "0x", "Size \"0x\""},
    {4, "1__0", "Size \"1__0\""},
    {4, "-0x330000", NULL},
    {4, "1", NULL},
    {5, "readonly,", NULL},
    {5, "read-only", "Flags \"read-only\""},
    {5, "encrypted readonly", "Flags \"encrypted readonly\""},
    {5, "0x1", "Flags \"0x1\""},
    {5, "ENCRYPTED", "Flags \"ENCRYPTED\""},
    {5, "encrypted:", NULL},
    {5, ":::", NULL},
};

static void test_mutants_table_csv_cells(void **state) {
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(cells); i++) {
        const char *cell[6] = {"storage", "data", "spiffs", "0x320000", "64K", ""};
        OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
        char name[64];
        cell[cells[i].column] = cells[i].cell;
        ota_buf_printf(&text,
                       "nvs,data,nvs,0x9000,16K\notadata,data,ota,,8K\nphy_init,data,phy,,4K\n"
                       "ota_0,app,ota_0,0x10000,1536K\nota_1,app,ota_1,,1536K\n%s,%s,%s,%s,%s,%s\n",
                       cell[0], cell[1], cell[2], cell[3], cell[4], cell[5]);
        (void)ota_format(name, sizeof name, "column %u: %s", cells[i].column + 1, cells[i].cell);
        enum ota_status st = judge_csv(ota_buf_text(&text));
        if (!cells[i].says)
            expect(name, st, OTA_OK, NULL);
        else if (st != OTA_TABLE_FORMAT && st != OTA_TABLE_LAYOUT)
            fail_msg("mutant \"%s\": %s", name, ota_status_name(st));
        else
            expect(name, st, st, cells[i].says);
    }
}

static void test_mutants_table_csv_row_counts(void **state) {
    (void)state;
    for (unsigned count = 93; count <= 97; count++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
        ota_buf_str(&text, "f,app,factory,0x10000,64K\n");
        for (unsigned i = 1; i < count; i++)
            ota_buf_printf(&text, "p%u,0x40,0,,4K\n", i);
        enum ota_status st = judge_csv(ota_buf_text(&text));
        expect("rows of a CSV", st, count <= 94 ? OTA_OK : OTA_TABLE_FORMAT,
               count <= 94 ? NULL : "p.csv:95: a table holds 94");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutants_table_fields),     cmocka_unit_test(test_mutants_table_reserved_types),
        cmocka_unit_test(test_mutants_table_structure),  cmocka_unit_test(test_mutants_table_cut),
        cmocka_unit_test(test_mutants_table_row_counts), cmocka_unit_test(test_mutants_table_labels_of_16),
        cmocka_unit_test(test_mutants_table_csv_cells),  cmocka_unit_test(test_mutants_table_csv_row_counts),
    };
    return cmocka_run_group_tests_name("mutants_table", tests, NULL, NULL);
}
