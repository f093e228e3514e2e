/* SPDX-License-Identifier: Apache-2.0 */
/* NVS: the generator's bytes, values of every type, blobs over pages, and every damaged byte noticed. */
#include "host/crypto.h"
#include "image/nvs.h"
#include "support/unit.h"

static struct ota_err err;

static struct ota_span image_of(const struct ota_nvs_writer *w) {
    return (struct ota_span){w->image, w->size};
}

/* The rows storage,namespace / x,u8,1 / s,string,hello / b,hex2bin,DEADBEEF. */
static void write_reference(struct ota_nvs_writer *w) {
    assert_ota_ok(ota_nvs_writer_init(w, 0x3000, &err));
    assert_ota_ok(ota_nvs_namespace(w, "storage", &err));
    assert_ota_ok(ota_nvs_put_number(w, "x", OTA_NVS_U8, 1, &err));
    assert_ota_ok(ota_nvs_put_string(w, "s", "hello", &err));
    assert_ota_ok(ota_nvs_put_blob(w, "b", "\xDE\xAD\xBE\xEF", 4, &err));
}

static void test_nvs_equals_the_generator(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    static const uint8_t bitmap[] = {0xAA, 0xEA, 0xFF}, header_crc[] = {0x84, 0x2D, 0xBA, 0xB9};
    uint8_t sha[OTA_SHA256_LEN];
    char hex[65];
    (void)state;
    write_reference(&w);
    assert_memory_equal(w.image + 28, header_crc, 4);
    assert_memory_equal(w.image + 32, bitmap, 3);
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, w.image, w.size, sha, &err));
    ota_hex_encode(sha, sizeof sha, hex);
    assert_string_equal(hex, "1055ee6e1c9fb75c346c8a7208dea66ee80cfdb9d223c6e1bcb125b0bb179562");
}

/* The parts of the same vector, so that one that is wrong is named. */
static void test_nvs_crcs_of_the_generator(void **state) {
    static const struct {
        const char *name;
        size_t at;
        uint8_t crc[4];
    } rows[] = {
        {"namespace", 64 + 4, {0x09, 0xA9, 0x50, 0x07}},
        {"x", 96 + 4, {0x92, 0x52, 0x55, 0xB0}},
        {"s", 128 + 4, {0xFA, 0x91, 0x3F, 0x0A}},
        {"data of s", 128 + 28, {0x62, 0x87, 0xD2, 0x98}},
        {"chunk of b", 192 + 4, {0x08, 0xAA, 0x74, 0x5E}},
        {"data of b", 192 + 28, {0xB9, 0x83, 0x27, 0xA2}},
        {"index of b", 256 + 4, {0xAD, 0xC6, 0xF2, 0xE6}},
        {"what it says", 256 + 24, {0x04, 0x00, 0x00, 0x00}},
        {"chunks, first", 256 + 28, {0x01, 0x00, 0xFF, 0xFF}},
    };
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    uint8_t page[OTA_NVS_PAGE];
    (void)state;
    write_reference(&w);
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++)
        if (memcmp(w.image + rows[i].at, rows[i].crc, 4) != 0)
            fail_msg("%s: %02x %02x %02x %02x", rows[i].name, w.image[rows[i].at], w.image[rows[i].at + 1],
                     w.image[rows[i].at + 2], w.image[rows[i].at + 3]);
    memcpy(page, w.image, sizeof page);
    ota_put_le32(page + 4, 1);
    assert_int_equal(ota_nvs_page_crc(page), 0x389F48A3); /* of page 1 */
}

static void test_nvs_reads_back(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    (void)state;
    write_reference(&w);
    assert_ota_ok(ota_nvs_get_string(image_of(&w), "storage", "s", &b, &err));
    assert_string_equal(ota_buf_text(&b), "hello");
    b.len = 0;
    assert_ota_ok(ota_nvs_get_blob(image_of(&w), "storage", "b", &b, &err));
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.p, "\xDE\xAD\xBE\xEF", 4);
    assert_ota(ota_nvs_get_string(image_of(&w), "storage", "none", &b, &err), OTA_NOT_FOUND);
    assert_ota(ota_nvs_get_string(image_of(&w), "other", "s", &b, &err), OTA_NOT_FOUND);
    assert_ota(ota_nvs_get_blob(image_of(&w), "storage", "s", &b, &err), OTA_NOT_FOUND); /* a string */
}

/* ---- numbers ---- */

struct seen {
    const char *key;
    struct ota_nvs_item item;
};
static void see(void *ctx, const struct ota_nvs_item *item) {
    struct seen *s = ctx;
    if (strcmp(item->key, s->key) == 0)
        s->item = *item;
}

static void test_nvs_numbers_of_every_type(void **state) {
    static const struct {
        enum ota_nvs_type type;
        int64_t min, max;
    } rows[] = {
        {OTA_NVS_U8, 0, UINT8_MAX},          {OTA_NVS_I8, INT8_MIN, INT8_MAX},    {OTA_NVS_U16, 0, UINT16_MAX},
        {OTA_NVS_I16, INT16_MIN, INT16_MAX}, {OTA_NVS_U32, 0, UINT32_MAX},        {OTA_NVS_I32, INT32_MIN, INT32_MAX},
        {OTA_NVS_U64, INT64_MIN, INT64_MAX}, {OTA_NVS_I64, INT64_MIN, INT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
        struct seen min = {.key = "min"}, max = {.key = "max"};
        uint8_t want[8];
        size_t width = rows[i].type & 0x0F;
        assert_ota_ok(ota_nvs_writer_init(&w, 0x3000, &err));
        assert_ota_ok(ota_nvs_namespace(&w, "n", &err));
        assert_ota_ok(ota_nvs_put_number(&w, "min", rows[i].type, rows[i].min, &err));
        assert_ota_ok(ota_nvs_put_number(&w, "max", rows[i].type, rows[i].max, &err));
        if (width < 8) {
            assert_ota(ota_nvs_put_number(&w, "a", rows[i].type, rows[i].min - 1, &err), OTA_ARGUMENT);
            assert_ota(ota_nvs_put_number(&w, "b", rows[i].type, rows[i].max + 1, &err), OTA_ARGUMENT);
        }
        assert_ota_ok(ota_nvs_each(image_of(&w), see, &min, &err));
        assert_ota_ok(ota_nvs_each(image_of(&w), see, &max, &err));
        ota_put_le64(want, (uint64_t)rows[i].min);
        assert_memory_equal(min.item.value, want, width);
        ota_put_le64(want, (uint64_t)rows[i].max);
        assert_memory_equal(max.item.value, want, width);
        for (size_t n = width; n < 8; n++)
            assert_int_equal(max.item.value[n], 0xFF);
    }
}

static void test_nvs_refuses_what_is_no_number(void **state) {
    static const uint8_t types[] = {0, 3, 9, 0x10, 0x13, OTA_NVS_STRING, OTA_NVS_BLOB, OTA_NVS_BLOB_DATA};
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    (void)state;
    write_reference(&w);
    for (size_t i = 0; i < OTA_ARRAY_LEN(types); i++)
        assert_ota(ota_nvs_put_number(&w, "k", (enum ota_nvs_type)types[i], 0, &err), OTA_ARGUMENT);
}

/* ---- names ---- */

static void test_nvs_names_are_bounded(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    (void)state;
    assert_ota_ok(ota_nvs_writer_init(&w, 0x3000, &err));
    assert_ota(ota_nvs_put_string(&w, "k", "v", &err), OTA_ARGUMENT); /* no namespace yet */
    assert_ota(ota_nvs_namespace(&w, "", &err), OTA_ARGUMENT);
    assert_ota(ota_nvs_namespace(&w, "0123456789abcdef", &err), OTA_ARGUMENT);
    assert_ota_ok(ota_nvs_namespace(&w, "0123456789abcde", &err));
    assert_ota(ota_nvs_put_string(&w, "0123456789abcdef", "v", &err), OTA_ARGUMENT);
    assert_ota(ota_nvs_put_string(&w, "", "v", &err), OTA_ARGUMENT);
    assert_ota_ok(ota_nvs_put_string(&w, "0123456789abcde", "v", &err));
    assert_ota(ota_nvs_put_blob(&w, "0123456789abcde", "v", 1, &err), OTA_EXISTS);
}

static void test_nvs_returns_to_a_namespace(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    (void)state;
    assert_ota_ok(ota_nvs_writer_init(&w, 0x3000, &err));
    assert_ota_ok(ota_nvs_namespace(&w, "one", &err));
    assert_ota_ok(ota_nvs_namespace(&w, "two", &err));
    assert_ota_ok(ota_nvs_put_string(&w, "k", "in two", &err));
    assert_ota_ok(ota_nvs_namespace(&w, "one", &err));
    assert_ota_ok(ota_nvs_put_string(&w, "k", "in one", &err));
    assert_int_equal(w.namespaces, 2);
    assert_ota_ok(ota_nvs_get_string(image_of(&w), "one", "k", &b, &err));
    assert_string_equal(ota_buf_text(&b), "in one");
}

/* ---- pages ---- */

static void fill(struct ota_buf *b, size_t n) {
    b->len = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)(i * 7 + i / 251);
        ota_buf_append(b, &byte, 1);
    }
}

/* The device never writes a chunk without bytes, but for an empty blob. */
static void no_empty_chunk(void *ctx, const struct ota_nvs_item *item) {
    const struct ota_buf *blob = ctx;
    if (item->type == OTA_NVS_BLOB_DATA && blob->len)
        assert_true(item->length > 0);
}

static void test_nvs_blobs_go_over_pages(void **state) {
    static const size_t sizes[] = {0, 1, 31, 32, 33, 3968, 3999, 4000, 4001, 4096, 8000, 12000, 20000};
    (void)state;
    for (unsigned before = 1; before <= 125; before += 4)
        for (size_t i = 0; i < OTA_ARRAY_LEN(sizes); i++) {
            OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
            OTA_CLEAN(ota_buf_free) struct ota_buf blob = {0};
            OTA_CLEAN(ota_buf_free) struct ota_buf back = {0};
            fill(&blob, sizes[i]);
            assert_ota_ok(ota_nvs_writer_init(&w, 0x9000, &err));
            assert_ota_ok(ota_nvs_namespace(&w, "n", &err));
            for (unsigned k = 1; k < before; k++) {
                OTA_CLEAN_FREE char *key = ota_sprintf("k%u", k);
                assert_ota_ok(ota_nvs_put_number(&w, key, OTA_NVS_U8, 1, &err));
            }
            assert_ota_ok(ota_nvs_put_blob(&w, "blob", blob.p, blob.len, &err));
            assert_ota_ok(ota_nvs_put_string(&w, "after", "it", &err));
            assert_ota_ok(ota_nvs_get_blob(image_of(&w), "n", "blob", &back, &err));
            assert_ota_ok(ota_nvs_each(image_of(&w), no_empty_chunk, &blob, &err));
            assert_int_equal(back.len, blob.len);
            if (blob.len)
                assert_memory_equal(back.p, blob.p, blob.len);
        }
}

static void test_nvs_strings_stay_in_one_page(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    OTA_CLEAN_FREE char *longest = ota_calloc(OTA_NVS_STRING_MAX + 1, 1);
    (void)state;
    memset(longest, 'x', OTA_NVS_STRING_MAX);
    assert_ota_ok(ota_nvs_writer_init(&w, 0x4000, &err));
    assert_ota_ok(ota_nvs_namespace(&w, "n", &err));
    assert_ota(ota_nvs_put_string(&w, "s", longest, &err), OTA_TOO_LARGE);
    longest[OTA_NVS_STRING_MAX - 1] = '\0';
    assert_ota_ok(ota_nvs_put_string(&w, "s", longest, &err));
    assert_int_equal(ota_le32(w.image), OTA_NVS_FULL); /* the first page closed after its namespace */
    assert_int_equal(ota_le32(w.image + 4096), OTA_NVS_ACTIVE);
    assert_int_equal(ota_le32(w.image + 4096 + 4), 1);
    assert_ota_ok(ota_nvs_get_string(image_of(&w), "n", "s", &b, &err));
    assert_string_equal(ota_buf_text(&b), longest);
}

static void test_nvs_keeps_a_page_free(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    OTA_CLEAN(ota_buf_free) struct ota_buf blob = {0};
    (void)state;
    fill(&blob, 3 * 126 * 32);
    assert_ota_ok(ota_nvs_writer_init(&w, 0x3000, &err));
    assert_ota_ok(ota_nvs_namespace(&w, "n", &err));
    assert_ota(ota_nvs_put_blob(&w, "b", blob.p, blob.len, &err), OTA_NO_SPACE);
    for (size_t i = 0x2000; i < 0x3000; i++)
        assert_int_equal(w.image[i], 0xFF);
    ota_nvs_writer_free(&w);
    assert_ota_ok(ota_nvs_writer_init(&w, 0x1000, &err)); /* read-only: no reserve */
    assert_ota_ok(ota_nvs_namespace(&w, "n", &err));
}

static void test_nvs_sizes(void **state) {
    static const size_t wrong[] = {0, 1, 0xFFF, 0x1001, 0x3800, 16 * 1024 * 1024 + 4096};
    struct ota_nvs_writer w;
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(wrong); i++) {
        assert_ota(ota_nvs_writer_init(&w, wrong[i], &err), OTA_ARGUMENT);
        ota_nvs_writer_free(&w);
    }
}

/* ---- damage ---- */

static void test_nvs_notices_every_damaged_byte(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    (void)state;
    write_reference(&w);
    /* Seven entries: namespace, x, s and its data, b's chunk and its data, b's index. */
    for (size_t at = 0; at < 64 + 7 * 32; at++) {
        bool slack = (at >= 64 + 3 * 32 + 6 && at < 64 + 4 * 32) || (at >= 64 + 5 * 32 + 4 && at < 64 + 6 * 32);
        if (slack || (at >= 32 && at < 64))
            continue; /* bytes after the data, and the bitmap, are judged by what they make readable */
        w.image[at] ^= 0x20;
        if (ota_nvs_each(image_of(&w), NULL, NULL, &err) == OTA_OK)
            fail_msg("byte %zu was changed and not noticed", at);
        assert_int_equal(err.code, OTA_JOURNAL);
        w.image[at] ^= 0x20;
    }
    w.image[33] |= 0x0C; /* entry 5, the data of b's chunk in entry 4, was never written */
    assert_ota(ota_nvs_each(image_of(&w), NULL, NULL, &err), OTA_JOURNAL);
    w.image[33] |= 0x03; /* nor was the chunk: then the index has nothing to name */
    assert_ota_ok(ota_nvs_each(image_of(&w), NULL, NULL, &err));
    assert_ota(ota_nvs_get_blob(image_of(&w), "storage", "b", &b, &err), OTA_JOURNAL);
}

static void test_nvs_refuses_hostile_entries(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    static const struct {
        size_t at;
        uint8_t value;
    } rows[] = {{2, 0}, {2, 126}, {2, 255}, {24, 0x41}, {25, 0x0F}};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        write_reference(&w);
        uint8_t *s = w.image + 64 + 2 * 32; /* the string */
        s[rows[i].at] = rows[i].value;
        ota_put_le32(s + 4, ota_nvs_entry_crc(s));
        assert_ota(ota_nvs_each(image_of(&w), NULL, NULL, &err), OTA_JOURNAL);
        ota_nvs_writer_free(&w);
    }
    write_reference(&w);
    uint8_t *s = w.image + 64 + 2 * 32;
    ota_put_le16(s + 24, 5); /* without its NUL */
    ota_put_le32(s + 28, ota_crc32(0xFFFFFFFFu, s + 32, 5));
    ota_put_le32(s + 4, ota_nvs_entry_crc(s));
    assert_ota(ota_nvs_get_string(image_of(&w), "storage", "s", &b, &err), OTA_JOURNAL);
    uint8_t *index = w.image + 64 + 6 * 32;
    ota_put_le32(index + 24, 5);
    ota_put_le32(index + 4, ota_nvs_entry_crc(index));
    assert_ota(ota_nvs_get_blob(image_of(&w), "storage", "b", &b, &err), OTA_JOURNAL);
    ota_put_le32(index + 24, 4);
    index[28] = 2;
    ota_put_le32(index + 4, ota_nvs_entry_crc(index));
    assert_ota(ota_nvs_get_blob(image_of(&w), "storage", "b", &b, &err), OTA_JOURNAL);
    assert_ota(ota_nvs_each((struct ota_span){w.image, 4095}, NULL, NULL, &err), OTA_TRUNCATED);
    assert_ota(ota_nvs_each((struct ota_span){w.image, 0}, NULL, NULL, &err), OTA_TRUNCATED);
}

static void test_nvs_erased_entries_and_page_order(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer old;
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer next;
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    (void)state;
    /* The device writes a value again on a page with a higher number, which may lie before the older one. */
    assert_ota_ok(ota_nvs_writer_init(&old, 0x1000, &err));
    assert_ota_ok(ota_nvs_namespace(&old, "n", &err));
    assert_ota_ok(ota_nvs_put_string(&old, "k", "old", &err));
    assert_ota_ok(ota_nvs_writer_init(&next, 0x1000, &err));
    assert_ota_ok(ota_nvs_namespace(&next, "n", &err));
    assert_ota_ok(ota_nvs_put_string(&next, "k", "new", &err));
    ota_put_le32(next.image + 4, 7);
    ota_put_le32(next.image + 28, ota_nvs_page_crc(next.image));
    ota_buf_append(&image, next.image, 0x1000);
    ota_buf_append(&image, old.image, 0x1000);
    assert_ota_ok(ota_nvs_get_string(ota_buf_span(&image), "n", "k", &b, &err));
    assert_string_equal(ota_buf_text(&b), "new");
    image.p[32] &= (uint8_t)~0x3C; /* entries 1 and 2 of the newer page are erased */
    b.len = 0;
    assert_ota_ok(ota_nvs_get_string(ota_buf_span(&image), "n", "k", &b, &err));
    assert_string_equal(ota_buf_text(&b), "old");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nvs_equals_the_generator),
        cmocka_unit_test(test_nvs_crcs_of_the_generator),
        cmocka_unit_test(test_nvs_reads_back),
        cmocka_unit_test(test_nvs_numbers_of_every_type),
        cmocka_unit_test(test_nvs_refuses_what_is_no_number),
        cmocka_unit_test(test_nvs_names_are_bounded),
        cmocka_unit_test(test_nvs_returns_to_a_namespace),
        cmocka_unit_test(test_nvs_blobs_go_over_pages),
        cmocka_unit_test(test_nvs_strings_stay_in_one_page),
        cmocka_unit_test(test_nvs_keeps_a_page_free),
        cmocka_unit_test(test_nvs_sizes),
        cmocka_unit_test(test_nvs_notices_every_damaged_byte),
        cmocka_unit_test(test_nvs_refuses_hostile_entries),
        cmocka_unit_test(test_nvs_erased_entries_and_page_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
