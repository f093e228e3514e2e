/* SPDX-License-Identifier: Apache-2.0 */
/* Partition tables: ESP-IDF's own tables byte for byte, every rule of gen_esp32part.py, and what a new table may change. */
#include "host/crypto.h"
#include "ota/table.h"
#include "support/images.h"
#include "support/unit.h"

#define KIB 1024u

static struct ota_err err;

static const struct ota_partition two_ota[] = {
    {OTA_PART_DATA, OTA_DATA_NVS, 0x9000, 16 * KIB, "nvs", 0},
    {OTA_PART_DATA, OTA_DATA_OTA, 0xD000, 8 * KIB, "otadata", 0},
    {OTA_PART_DATA, OTA_DATA_PHY, 0xF000, 4 * KIB, "phy_init", 0},
    {OTA_PART_APP, OTA_APP_FACTORY, 0x10000, 1024 * KIB, "factory", 0},
    {OTA_PART_APP, OTA_APP_OTA_0, 0x110000, 1024 * KIB, "ota_0", 0},
    {OTA_PART_APP, OTA_APP_OTA_0 + 1, 0x210000, 1024 * KIB, "ota_1", 0},
};
static const struct ota_partition singleapp[] = {
    {OTA_PART_DATA, OTA_DATA_NVS, 0x9000, 24 * KIB, "nvs", 0},
    {OTA_PART_DATA, OTA_DATA_PHY, 0xF000, 4 * KIB, "phy_init", 0},
    {OTA_PART_APP, OTA_APP_FACTORY, 0x10000, 1024 * KIB, "factory", 0},
};
static const struct ota_partition two_ota_large[] = {
    {OTA_PART_DATA, OTA_DATA_NVS, 0x9000, 24 * KIB, "nvs", 0},
    {OTA_PART_DATA, OTA_DATA_OTA, 0xF000, 8 * KIB, "otadata", 0},
    {OTA_PART_DATA, OTA_DATA_PHY, 0x11000, 4 * KIB, "phy_init", 0},
    {OTA_PART_APP, OTA_APP_OTA_0, 0x20000, 1700 * KIB, "ota_0", 0},
    {OTA_PART_APP, OTA_APP_OTA_0 + 1, 0x1D0000, 1700 * KIB, "ota_1", 0},
};
static const struct ota_partition single_row[] = {{0x30, 0xEE, 0x100400, 0x300000, "first", 0}};

static struct ota_table make(const struct ota_partition *rows, size_t count) {
    struct ota_table t = {.length = OTA_TABLE_LENGTH, .count = count, .has_md5 = true, .md5_ok = true, .has_end = true};
    memcpy(t.row, rows, count * sizeof *rows);
    return t;
}
static struct ota_table sample_table(void) {
    struct ota_sample s = sample_of("esp32c3");
    struct ota_table t = make(two_ota, 0);
    ota_sample_rows(&s, t.row, &t.count);
    return t;
}
static struct ota_partition *row(struct ota_table *t, const char *label) {
    struct ota_partition *p = (struct ota_partition *)(uintptr_t)ota_table_by_label(t, label);
    assert_non_null(p);
    return p;
}
static enum ota_status read_table(const void *p, size_t n, struct ota_table *out) {
    return ota_table_read((struct ota_span){p, n}, &ota_crypto_openssl, out, &err);
}

/* ---- vectors ---- */

static void check_vector(const struct ota_partition *rows, size_t count, const char *sha_start, const char *md5) {
    uint8_t bytes[OTA_TABLE_LENGTH], sha[OTA_SHA256_LEN];
    char hex[2 * OTA_SHA256_LEN + 1];
    struct ota_table t = make(rows, count), back;
    assert_ota_ok(ota_table_write(&t, &ota_crypto_openssl, bytes, &err));
    ota_hex_encode(bytes + count * 32 + 16, 16, hex);
    assert_string_equal(hex, md5);
    if (sha_start) {
        assert_ota_ok(ota_sha256(&ota_crypto_openssl, bytes, sizeof bytes, sha, &err));
        ota_hex_encode(sha, 8, hex);
        assert_string_equal(hex, sha_start);
    }
    assert_ota_ok(read_table(bytes, sizeof bytes, &back));
    assert_true(back.has_md5 && back.md5_ok && back.has_end);
    assert_int_equal(back.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(back.row[i].label, rows[i].label);
        assert_int_equal(back.row[i].type, rows[i].type);
        assert_int_equal(back.row[i].subtype, rows[i].subtype);
        assert_int_equal(back.row[i].offset, rows[i].offset);
        assert_int_equal(back.row[i].size, rows[i].size);
    }
}

static void test_table_equals_esp_idf(void **state) {
    (void)state;
    check_vector(singleapp, OTA_ARRAY_LEN(singleapp), "7f00b6c042a89b15", "f4ad4f4538564b5d7435b62c75b69524");
    check_vector(two_ota, OTA_ARRAY_LEN(two_ota), "d1c0e9d02fa9d26c", "bf25822c0fa6d8641bd930251e06b4c4");
    check_vector(two_ota_large, OTA_ARRAY_LEN(two_ota_large), "41d8ef7960bf0364", "37f38b32a34f7412f158930062441178");
    check_vector(single_row, 1, NULL, "43033f334087575169839b4061b12726");
}

static void test_table_accepts_esp_idf_tables(void **state) {
    struct ota_table a = make(singleapp, OTA_ARRAY_LEN(singleapp)), b = make(two_ota, OTA_ARRAY_LEN(two_ota)),
                     c = make(two_ota_large, OTA_ARRAY_LEN(two_ota_large)), d = sample_table();
    (void)state;
    assert_ota_ok(ota_table_check(&a, 0x8000, 2 * 1024 * KIB, &err));
    assert_ota_ok(ota_table_check(&b, 0x8000, 4 * 1024 * KIB, &err));
    assert_ota_ok(ota_table_check(&c, 0x8000, 4 * 1024 * KIB, &err));
    assert_ota_ok(ota_table_check(&d, 0x8000, 4 * 1024 * KIB, &err));
}

static void test_table_shows_bare_rows_but_refuses_them(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    struct ota_table t;
    (void)state;
    if (!reference_image("partitions_singleapp.bin", &b)) {
        print_message("reference images are absent\n");
        skip();
    }
    assert_ota_ok(read_table(b.p, b.len, &t));
    assert_int_equal(t.count, 3);
    assert_false(t.has_md5 || t.has_end);
    assert_string_equal(t.row[2].label, "wifidata");
    assert_int_equal(t.row[2].offset, 0x150000);
    assert_int_equal(t.row[2].size, 256 * KIB);
    assert_ota(ota_table_check(&t, 0, 0, &err), OTA_TABLE_MD5);
    assert_non_null(strstr(err.msg, "no MD5 row and no end marker"));
}

/* ---- reading ---- */

static void test_table_read_refuses(void **state) {
    uint8_t good[OTA_TABLE_LENGTH], bytes[OTA_SECTOR + 1];
    struct ota_table t = make(two_ota, OTA_ARRAY_LEN(two_ota));
    (void)state;
    assert_ota_ok(ota_table_write(&t, &ota_crypto_openssl, good, &err));
    memset(bytes, 0xFF, sizeof bytes);
    assert_ota(read_table(bytes, 0, &t), OTA_TABLE_FORMAT);
    assert_ota(read_table(bytes, OTA_TABLE_LENGTH, &t), OTA_TABLE_FORMAT); /* erased flash */
    assert_ota(read_table(bytes, sizeof bytes, &t), OTA_TABLE_FORMAT);
    for (size_t cut = 1; cut < 7 * 32; cut++)
        if (cut % 32)
            assert_ota(read_table(good, cut, &t), OTA_TABLE_FORMAT);
    assert_ota_ok(read_table(good, 7 * 32, &t));
    assert_true(t.md5_ok && !t.has_end);
    memcpy(bytes, good, sizeof good);
    bytes[2 * 32] = 0xAB;
    assert_ota(read_table(bytes, OTA_TABLE_LENGTH, &t), OTA_TABLE_FORMAT);
    assert_non_null(strstr(err.msg, "row 2"));
    memcpy(bytes, good, sizeof good);
    memcpy(bytes + 7 * 32, good, 32); /* an entry behind the MD5 row */
    assert_ota(read_table(bytes, OTA_TABLE_LENGTH, &t), OTA_TABLE_FORMAT);
    memcpy(bytes + 7 * 32, good + 6 * 32, 32); /* a second MD5 row */
    assert_ota(read_table(bytes, OTA_TABLE_LENGTH, &t), OTA_TABLE_FORMAT);
}

static void test_table_md5_covers_every_row(void **state) {
    uint8_t good[OTA_TABLE_LENGTH];
    struct ota_table t = make(two_ota, OTA_ARRAY_LEN(two_ota));
    (void)state;
    assert_ota_ok(ota_table_write(&t, &ota_crypto_openssl, good, &err));
    for (size_t at = 0; at < 6 * 32; at++) {
        if (at % 32 < 2)
            continue; /* the magic */
        good[at] ^= 1;
        assert_ota_ok(read_table(good, sizeof good, &t));
        assert_true(t.has_md5 && !t.md5_ok);
        assert_ota(ota_table_check(&t, 0x8000, 0, &err), OTA_TABLE_MD5);
        good[at] ^= 1;
    }
}

static void test_table_holds_94_partitions_with_md5(void **state) {
    uint8_t bytes[OTA_TABLE_LENGTH];
    struct ota_table t = {.count = 95}, back;
    (void)state;
    for (size_t i = 0; i < OTA_TABLE_ROWS_MAX; i++)
        t.row[i] = (struct ota_partition){
            0x40, 0, (uint32_t)(0x9000 + i * 0x1000), 0x1000, {'a', (char)('a' + i / 26), (char)('a' + i % 26)}, 0};
    assert_ota(ota_table_write(&t, &ota_crypto_openssl, bytes, &err), OTA_ARGUMENT);
    t.count = 0;
    assert_ota(ota_table_write(&t, &ota_crypto_openssl, bytes, &err), OTA_ARGUMENT);
    t.count = 94;
    assert_ota_ok(ota_table_write(&t, &ota_crypto_openssl, bytes, &err));
    assert_ota_ok(read_table(bytes, sizeof bytes, &back));
    assert_true(back.has_end && back.md5_ok && back.count == 94);
    memcpy(bytes + 94 * 32, bytes, 32); /* 95 rows and the end: what a table without MD5 holds */
    assert_ota_ok(read_table(bytes, sizeof bytes, &back));
    assert_true(back.has_end && !back.has_md5 && back.count == 95);
    memcpy(bytes + 95 * 32, bytes, 32); /* 96: no end */
    assert_ota(read_table(bytes, sizeof bytes, &back), OTA_TABLE_FORMAT);
}

static void test_table_label_of_16_characters_has_no_nul(void **state) {
    uint8_t bytes[OTA_TABLE_LENGTH];
    struct ota_table t = make(singleapp, OTA_ARRAY_LEN(singleapp)), back;
    (void)state;
    memcpy(t.row[0].label, "0123456789abcdef", 17);
    assert_ota_ok(ota_table_write(&t, &ota_crypto_openssl, bytes, &err));
    assert_memory_equal(bytes + 12, "0123456789abcdef", 16);
    assert_int_equal(bytes[28], 0);
    assert_ota_ok(read_table(bytes, sizeof bytes, &back));
    assert_string_equal(back.row[0].label, "0123456789abcdef");
    assert_ota_ok(ota_table_check(&back, 0x8000, 0, &err));
}

/* ---- rules ---- */

static void expect_fault(const struct ota_table *t, const char *says) {
    assert_ota(ota_table_check(t, 0x8000, 0x400000, &err), OTA_TABLE_LAYOUT);
    if (!strstr(err.msg, says))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, says);
}

static void test_table_check_faults(void **state) {
    static const struct {
        const char *label;
        uint32_t offset, size, flags;
        const char *says;
    } faults[] = {
        {"ota_1", 0x181000, 0x100000, 0, "row 4 (ota_1): offset 0x181000 is not a multiple of 0x10000"},
        {"storage", 0x320800, 0x1000, 0, "(storage): offset 0x320800 is not a multiple of 0x1000"},
        {"ota_0", 0x10000, 0x180800, 0, "not a multiple of 0x1000"},
        {"storage", 0x320000, 0, 0, "size is 0"},
        {"storage", 0x320000, 0xE1000, 0, "beyond the flash"},
        {"storage", 0x320000, 0xFFFFF000, 0, "beyond the flash"},
        {"storage", 0xFFFFF000, 0xFFFFF000, 0, "beyond the flash"},
        {"ota_0", 0x10000, 0x181000, 0, "row 4 (ota_1): offset 0x190000 overlaps"},
        {"nvs", 0x8000, 0x4000, 0, "below the end of the table's sector 0x9000"},
        {"nvs", 0x8000, 0x4000, OTA_FLAG_READONLY, "below the end"},
        {"nvs", 0x370000, 0x4000, 0, "row 1 (otadata): offset 0xd000 overlaps or precedes"},
        {"otadata", 0xD000, 0x1000, 0, "it must have 0x2000"},
        {"otadata", 0xD000, 0x2000, OTA_FLAG_READONLY, "cannot be read-only"},
        {"nvs", 0x9000, 0x2000, 0, "must be read-only"},
        {"nvs", 0x9000, 0x4000, OTA_FLAG_ENCRYPTED, "\"encrypted\""},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(faults); i++) {
        struct ota_table t = sample_table();
        struct ota_partition *p = row(&t, faults[i].label);
        p->offset = faults[i].offset;
        p->size = faults[i].size;
        p->flags = faults[i].flags;
        expect_fault(&t, faults[i].says);
    }
}

static void test_table_check_identity_faults(void **state) {
    struct ota_table t = sample_table();
    (void)state;
    strcpy(row(&t, "storage")->label, "nvs");
    expect_fault(&t, "row 0 has the same label");
    t = sample_table();
    row(&t, "storage")->label[0] = '\0';
    expect_fault(&t, "row 7: its label is empty");
    t = sample_table();
    row(&t, "storage")->label[0] = '\x1b';
    expect_fault(&t, "row 7: its label");
    t = sample_table();
    row(&t, "storage")->type = 0x3E;
    expect_fault(&t, "reserved");
    row(&t, "storage")->type = OTA_PART_SECURE_CERT;
    assert_ota_ok(ota_table_check(&t, 0x8000, 0x400000, &err));
    t = sample_table();
    row(&t, "storage")->subtype = OTA_DATA_OTA;
    row(&t, "storage")->size = 0x2000;
    expect_fault(&t, "row 1 has the same type and subtype");
    t = sample_table();
    row(&t, "ota_1")->subtype = OTA_APP_OTA_0 + 2;
    expect_fault(&t, "without a hole");
    t = sample_table();
    row(&t, "otadata")->subtype = OTA_DATA_UNDEFINED;
    expect_fault(&t, "need an otadata");
    t = make(single_row, 1);
    t.row[0].type = 0x40;
    t.row[0].offset = 0x100000;
    expect_fault(&t, "nothing could boot");
}

static void test_table_check_form(void **state) {
    struct ota_table t = sample_table();
    (void)state;
    t.has_end = false;
    assert_ota(ota_table_check(&t, 0, 0, &err), OTA_TABLE_FORMAT);
    t.has_end = true;
    t.length = OTA_TABLE_LENGTH + 68; /* Secure Boot v1 signed */
    assert_ota(ota_table_check(&t, 0, 0, &err), OTA_TABLE_FORMAT);
    t.length = OTA_TABLE_LENGTH;
    t.has_md5 = false;
    assert_ota(ota_table_check(&t, 0, 0, &err), OTA_TABLE_MD5);
}

static void test_table_primary_rows_lie_outside_the_order(void **state) {
    struct ota_partition rows[8] = {{OTA_PART_BOOTLOADER, OTA_BOOT_PRIMARY, 0, 0x8000, "boot", 0},
                                    {OTA_PART_TABLE, OTA_BOOT_PRIMARY, 0x8000, 0x1000, "table", 0}};
    (void)state;
    memcpy(rows + 2, two_ota, sizeof two_ota);
    struct ota_table t = make(rows, 8);
    assert_ota_ok(ota_table_check(&t, 0x8000, 0x400000, &err));
    row(&t, "boot")->size = 0x9000;
    expect_fault(&t, "in the table");
    row(&t, "boot")->size = 0x8000;
    row(&t, "table")->offset = 0x9000;
    expect_fault(&t, "the table is at 0x8000");
}

/* ---- change ---- */

static void test_table_change_keeps_what_boots_and_trusts(void **state) {
    static const char *const stay[] = {"nvs", "otadata", "phy_init", "ota_0", "ota_1", "ota_state", "ota_id"};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(stay); i++) {
        struct ota_table now = sample_table(), next = sample_table();
        row(&next, stay[i])->offset += 0x10000;
        assert_ota(ota_table_check_change(&now, &next, &err), OTA_TABLE_CHANGE);
        assert_non_null(strstr(err.msg, stay[i]));
        next = sample_table();
        row(&next, stay[i])->size -= 0x1000;
        assert_ota(ota_table_check_change(&now, &next, &err), OTA_TABLE_CHANGE);
        next = sample_table();
        strcpy(row(&next, stay[i])->label, "other");
        assert_ota(ota_table_check_change(&now, &next, &err), OTA_TABLE_CHANGE);
        next = sample_table();
        row(&next, stay[i])->subtype = 0x7F;
        assert_ota(ota_table_check_change(&now, &next, &err), OTA_TABLE_CHANGE);
        next = sample_table();
        row(&next, stay[i])->flags ^= OTA_FLAG_ENCRYPTED;
        assert_ota(ota_table_check_change(&now, &next, &err), OTA_TABLE_CHANGE);
    }
}

static void test_table_change_protects_keys_and_recovery(void **state) {
    static const struct ota_partition extra[] = {
        {OTA_PART_DATA, OTA_DATA_NVS_KEYS, 0x360000, 0x1000, "x", OTA_FLAG_ENCRYPTED},
        {OTA_PART_DATA, OTA_DATA_EFUSE, 0x360000, 0x2000, "x", 0},
        {OTA_PART_BOOTLOADER, OTA_BOOT_RECOVERY, 0x3F0000, 0x8000, "x", 0},
        {OTA_PART_SECURE_CERT, 0, 0x360000, 0x2000, "x", 0},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(extra); i++) {
        struct ota_table now = sample_table(), next = sample_table();
        now.row[now.count++] = extra[i];
        assert_ota(ota_table_check_change(&now, &next, &err), OTA_TABLE_CHANGE);
        next.row[next.count++] = extra[i];
        assert_ota_ok(ota_table_check_change(&now, &next, &err));
    }
}

static void test_table_change_allows_growth_and_data(void **state) {
    struct ota_table now = sample_table(), next = sample_table();
    struct ota_sample s = sample_of("esp32c3");
    (void)state;
    s.add_label = "voices";
    ota_sample_rows(&s, next.row, &next.count);
    assert_ota_ok(ota_table_check(&next, 0x8000, 0x400000, &err));
    assert_ota_ok(ota_table_check_change(&now, &next, &err));
    assert_ota_ok(ota_table_check_change(&next, &now, &err)); /* a data partition may go */
    row(&now, "ota_id")->size = 0x3000;                       /* what must stay may grow */
    assert_ota_ok(ota_table_check_change(&now, &next, &err));
    row(&next, "storage")->size = 0x20000;
    assert_ota_ok(ota_table_check_change(&now, &next, &err));
    next.row[next.count++] = (struct ota_partition){OTA_PART_APP, OTA_APP_OTA_0 + 2, 0x380000, 0x20000, "ota_2", 0};
    assert_ota(ota_table_check_change(&now, &next, &err), OTA_TABLE_CHANGE);
}

/* ---- look-ups ---- */

static void test_table_slots_are_contiguous(void **state) {
    struct ota_table t = sample_table();
    (void)state;
    assert_int_equal(ota_table_slot_count(&t), 2);
    assert_string_equal(ota_table_slot(&t, 1)->label, "ota_1");
    assert_null(ota_table_slot(&t, 2));
    assert_null(ota_table_slot(&t, 16)); /* 0x20 is the test app, no slot */
    assert_null(ota_table_slot(&t, SIZE_MAX));
    row(&t, "ota_0")->subtype = OTA_APP_FACTORY;
    assert_int_equal(ota_table_slot_count(&t), 0);
    assert_null(ota_table_by_label(&t, "none"));
    assert_string_equal(ota_table_by_type(&t, OTA_PART_DATA, OTA_DATA_UNDEFINED)->label, "storage");
}

static void test_table_updatable(void **state) {
    struct ota_table t = sample_table();
    static const char *const never[] = {"nvs", "otadata", "phy_init", "ota_0", "ota_1", "ota_state", "ota_id"};
    struct ota_partition p = {OTA_PART_DATA, 0, 0x1000, 0x1000, "x", 0};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(never); i++)
        assert_ota(ota_table_updatable(row(&t, never[i]), &err), OTA_LABEL);
    assert_ota_ok(ota_table_updatable(row(&t, "storage"), &err));
    for (unsigned subtype = 0; subtype < 256; subtype++) {
        p.subtype = (uint8_t)subtype;
        assert_ota(ota_table_updatable(&p, &err), subtype < 6 || subtype == OTA_DATA_TEE_OTA ? OTA_LABEL : OTA_OK);
    }
    p.subtype = OTA_DATA_FAT;
    p.flags = OTA_FLAG_READONLY;
    assert_ota(ota_table_updatable(&p, &err), OTA_LABEL);
    p.flags = OTA_FLAG_ENCRYPTED;
    assert_ota_ok(ota_table_updatable(&p, &err));
    p.type = 0x40;
    p.subtype = 0;
    assert_ota_ok(ota_table_updatable(&p, &err));
    for (uint8_t type = OTA_PART_BOOTLOADER; type < 0x40; type++) {
        p.type = type;
        assert_ota(ota_table_updatable(&p, &err), OTA_LABEL);
    }
    p.type = 0x40;
    strcpy(p.label, "ota_state"); /* whatever its type says */
    assert_ota(ota_table_updatable(&p, &err), OTA_LABEL);
}

static void test_table_names(void **state) {
    static const struct {
        uint8_t type, subtype;
        const char *type_name, *subtype_name;
    } rows[] = {{0, 0, "app", "factory"},         {0, 0x1F, "app", "ota_15"}, {0, 0x20, "app", "test"},
                {0, 0x31, "app", "tee_1"},        {1, 4, "data", "nvs_keys"}, {1, 0x83, "data", "littlefs"},
                {1, 0x90, "data", "tee_ota"},     {1, 0x12, "data", "0x12"},  {2, 2, "bootloader", "recovery"},
                {3, 1, "partition_table", "ota"}, {0x40, 0, "0x40", "0x00"},  {0xFE, 0xFF, "0xfe", "0xff"}};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        char a[8], b[8];
        struct ota_partition p = {.type = rows[i].type, .subtype = rows[i].subtype};
        assert_string_equal(ota_partition_type_name(&p, a), rows[i].type_name);
        assert_string_equal(ota_partition_subtype_name(&p, b), rows[i].subtype_name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_equals_esp_idf),
        cmocka_unit_test(test_table_accepts_esp_idf_tables),
        cmocka_unit_test(test_table_shows_bare_rows_but_refuses_them),
        cmocka_unit_test(test_table_read_refuses),
        cmocka_unit_test(test_table_md5_covers_every_row),
        cmocka_unit_test(test_table_holds_94_partitions_with_md5),
        cmocka_unit_test(test_table_label_of_16_characters_has_no_nul),
        cmocka_unit_test(test_table_check_faults),
        cmocka_unit_test(test_table_check_identity_faults),
        cmocka_unit_test(test_table_check_form),
        cmocka_unit_test(test_table_primary_rows_lie_outside_the_order),
        cmocka_unit_test(test_table_change_keeps_what_boots_and_trusts),
        cmocka_unit_test(test_table_change_protects_keys_and_recovery),
        cmocka_unit_test(test_table_change_allows_growth_and_data),
        cmocka_unit_test(test_table_slots_are_contiguous),
        cmocka_unit_test(test_table_updatable),
        cmocka_unit_test(test_table_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
