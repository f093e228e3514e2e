/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and judging images: real ones, samples of every chip, and every way to be wrong. */
#include "host/crypto.h"
#include "ota/image.h"
#include "support/images.h"
#include "support/unit.h"

static struct ota_err err;

static enum ota_status read_bytes(const void *p, size_t n, struct ota_image *out) {
    struct ota_span span = {p, n};
    struct ota_source src = memory_source(&span);
    return ota_image_read(&src, &ota_crypto_openssl, out, &err);
}
static enum ota_status read_buf(const struct ota_buf *b, struct ota_image *out) {
    return read_bytes(b->p, b->len, out);
}
static struct ota_image_rules rules_for(const char *chip) {
    return (struct ota_image_rules){.chip = ota_chip_by_name(ota_span_str(chip)), .room = OTA_SAMPLE_SLOT_SIZE};
}
static void assert_hex(const uint8_t *p, size_t n, const char *hex) {
    char text[2 * OTA_SHA256_LEN + 1];
    ota_hex_encode(p, n, text);
    assert_string_equal(text, hex);
}

/* ---- chips ---- */

static void test_image_chip_table_is_complete(void **state) {
    static const uint16_t ids[] = {0, 2, 5, 9, 12, 13, 16, 18, 20, 23, 25, 28, 31, 32};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(ids); i++) {
        const struct ota_chip *c = ota_chip_by_id(ids[i]);
        assert_non_null(c);
        assert_ptr_equal(ota_chip_by_name(ota_span_str(c->name)), c);
        assert_true(c->page_sizes != 0 && c->drom_start < c->drom_end && c->irom_start < c->irom_end);
    }
    assert_non_null(ota_chip_at(OTA_ARRAY_LEN(ids) - 1));
    assert_null(ota_chip_at(OTA_ARRAY_LEN(ids)));
    assert_null(ota_chip_by_id(0xFFFF));
    assert_null(ota_chip_by_name(ota_span_str("esp8266")));
}

static void test_image_chip_bootloader_offsets(void **state) {
    static const struct {
        const char *name;
        uint32_t offset, max;
        bool recovery;
    } rows[] = {
        {"esp32", 0x1000, 48, false},   {"esp32s2", 0x1000, 64, false}, {"esp32s3", 0, 64, false},
        {"esp32c2", 0, 64, false},      {"esp32c3", 0, 64, false},      {"esp32c6", 0, 64, false},
        {"esp32c61", 0, 80, true},      {"esp32h2", 0, 64, false},      {"esp32h21", 0, 64, false},
        {"esp32c5", 0x2000, 80, true},  {"esp32p4", 0x2000, 64, true},  {"esp32h4", 0x2000, 80, false},
        {"esp32s31", 0x2000, 80, true},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        const struct ota_chip *c = ota_chip_by_name(ota_span_str(rows[i].name));
        assert_non_null(c);
        assert_int_equal(c->bootloader_offset, rows[i].offset);
        assert_int_equal(c->bootloader_max, rows[i].max * 1024);
        assert_int_equal(c->recovery, rows[i].recovery);
    }
    assert_int_equal(ota_chip_by_name(ota_span_str("esp32"))->secure_version_bits, 32);
    assert_int_equal(ota_chip_by_name(ota_span_str("esp32c2"))->secure_version_bits, 4);
    assert_int_equal(ota_chip_by_name(ota_span_str("esp32c5"))->secure_version_bits, 9);
    assert_int_equal(ota_chip_by_name(ota_span_str("esp32p4"))->recovery_rev_min, 300);
}

/* ---- real images ---- */

static void test_image_reads_a_real_app(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    struct ota_image i;
    (void)state;
    if (!reference_image("esp_idf_blink_esp32s2.bin", &b)) {
        print_message("reference images are absent\n");
        skip();
    }
    assert_ota_ok(read_buf(&b, &i));
    assert_int_equal(i.kind, OTA_IMAGE_APP);
    assert_int_equal(i.chip_id, 2);
    assert_int_equal(i.segment_count, 6);
    assert_int_equal(i.spi_mode, 2);
    assert_int_equal(i.spi_speed, 0xF);
    assert_int_equal(i.spi_size, 1);
    assert_int_equal(i.entry, 0x40022f84);
    assert_int_equal(i.wp_pin, 0xEE);
    assert_int_equal(i.segment[3].load_addr, 0x40080020);
    assert_int_equal(i.segment[3].offset, 0x10020);
    assert_int_equal(i.checksum_stored, 0x18);
    assert_true(i.checksum_ok && i.hash_appended && i.hash_ok);
    assert_hex(i.hash, 32, "10f48f4a71a48cc4c917d70d13bf717b1bc7f3187b3d564b00192f7e381531b7");
    assert_int_equal(i.length, b.len);
    assert_string_equal(i.app.project, "blink");
    assert_string_equal(i.app.version, "qa-test-v5.0-20220830-4-g4532e6");
    assert_string_equal(i.app.date, "Sep 13 2022");
    assert_string_equal(i.app.time, "19:46:07");
    assert_hex(i.app.elf_sha256, 32, "3059e6b55a965865febd28fa9f6028ad5cd0dab311febb0a3ea79eaa223ac2b0");
    assert_int_equal(i.app.secure_version, 0);
    assert_int_equal(i.app.mmu_page, 65536);
    struct ota_image_rules rules = rules_for("esp32s2");
    assert_ota_ok(ota_image_check_app(&i, b.len, &rules, &err));
    assert_ota(ota_image_check_bootloader(&i, b.len, &rules, &err), OTA_IMAGE_KIND);
}

static void test_image_reads_real_bootloaders(void **state) {
    static const struct {
        const char *file, *chip, *idf; /* idf NULL: older than the descriptor */
    } rows[] = {{"bootloader_esp32_v5_2.bin", "esp32", "v5.2-dev-254-g1950b15"},
                {"bootloader_esp32_v3.bin", "esp32", NULL},
                {"bootloader_esp32c3.bin", "esp32c3", NULL}};
    (void)state;
    for (size_t n = 0; n < OTA_ARRAY_LEN(rows); n++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
        struct ota_image i;
        if (!reference_image(rows[n].file, &b)) {
            print_message("reference images are absent\n");
            skip();
        }
        assert_ota_ok(read_buf(&b, &i));
        assert_int_equal(i.kind, OTA_IMAGE_BOOTLOADER);
        assert_int_equal(i.boot.present, rows[n].idf != NULL);
        if (rows[n].idf)
            assert_string_equal(i.boot.idf, rows[n].idf);
        struct ota_image_rules rules = rules_for(rows[n].chip);
        rules.room = 0x8000;
        assert_ota_ok(ota_image_check_bootloader(&i, b.len, &rules, &err));
        assert_ota(ota_image_check_app(&i, b.len, &rules, &err), OTA_IMAGE_KIND);
    }
}

/* ---- samples of every chip ---- */

static void test_image_accepts_samples_of_every_chip(void **state) {
    (void)state;
    for (size_t n = 0; ota_chip_at(n); n++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf app = {0};
        OTA_CLEAN(ota_buf_free) struct ota_buf boot = {0};
        struct ota_image i;
        struct ota_sample s = sample_of(ota_chip_at(n)->name);
        struct ota_image_rules rules = rules_for(s.chip->name);
        struct ota_image_rules other = rules_for(n ? "esp32" : "esp32s3");
        sample_app(&s, &app);
        assert_ota_ok(read_buf(&app, &i));
        assert_ota_ok(ota_image_check_app(&i, app.len, &rules, &err));
        assert_ota(ota_image_check_app(&i, app.len, &other, &err), OTA_CHIP);
        sample_bootloader(&s, &boot);
        assert_ota_ok(read_buf(&boot, &i));
        assert_true(i.boot.present);
        rules.room = OTA_TABLE_DEFAULT_OFFSET - s.chip->bootloader_offset;
        assert_ota_ok(ota_image_check_bootloader(&i, boot.len, &rules, &err));
        assert_ota(ota_image_check_bootloader(&i, boot.len, &other, &err), OTA_CHIP);
    }
}

/* ---- one app, changed in every way ---- */

struct fixture {
    struct ota_buf app;
    struct ota_image image; /* as written */
};
static int make_app(void **state) {
    struct fixture *f = ota_calloc(1, sizeof *f);
    struct ota_sample s = sample_of("esp32c3");
    sample_app(&s, &f->app);
    assert_ota_ok(read_buf(&f->app, &f->image));
    *state = f;
    return 0;
}
static int free_app(void **state) {
    struct fixture *f = *state;
    ota_buf_free(&f->app);
    free(f);
    return 0;
}
/* Reads the changed app and judges it, resealed or not, for the chip it was made for. */
static enum ota_status judge(struct fixture *f, bool reseal, const struct ota_image_rules *rules) {
    struct ota_image i;
    struct ota_image_rules own = rules_for("esp32c3");
    if (reseal)
        reseal_image(&f->app);
    enum ota_status status = read_buf(&f->app, &i);
    return status != OTA_OK ? status : ota_image_check_app(&i, f->app.len, rules ? rules : &own, &err);
}

static void test_image_refuses_other_magic(void **state) {
    struct fixture *f = *state;
    for (unsigned v = 0; v < 256; v++) {
        f->app.p[0] = (uint8_t)v;
        if (v != 0xE9)
            assert_ota(judge(f, false, NULL), OTA_IMAGE_MAGIC);
    }
}

static void test_image_refuses_segment_counts(void **state) {
    struct fixture *f = *state;
    static const uint8_t counts[] = {0, 17, 64, 255};
    for (size_t n = 0; n < OTA_ARRAY_LEN(counts); n++) {
        f->app.p[1] = counts[n];
        assert_ota(judge(f, false, NULL), OTA_IMAGE_HEADER);
    }
    /* One too few: the checksum is looked for in the middle. */
    f->app.p[1] = (uint8_t)(f->image.segment_count - 1);
    assert_ota(judge(f, false, NULL), OTA_IMAGE_CHECKSUM);
}

static void test_image_refuses_other_families(void **state) {
    struct fixture *f = *state;
    f->app.p[23] = 2;
    assert_ota(judge(f, false, NULL), OTA_CHIP);
    f->app.p[23] = 1;
    f->app.p[12] = 0x77;
    assert_ota(judge(f, true, NULL), OTA_CHIP);
}

static void test_image_needs_no_appended_hash(void **state) {
    struct fixture *f = *state;
    f->app.p[23] = 0;
    assert_ota_ok(judge(f, true, NULL));
}

static void test_image_is_truncated_at_every_boundary(void **state) {
    struct fixture *f = *state;
    const struct ota_image *i = &f->image;
    struct ota_image out;
    for (size_t cut = 0; cut < 300; cut++) {
        uint8_t *exact = ota_calloc(1, cut ? cut : 1);
        memcpy(exact, f->app.p, cut);
        assert_ota(read_bytes(exact, cut, &out), OTA_TRUNCATED);
        free(exact);
    }
    for (unsigned n = 0; n < i->segment_count; n++)
        for (int d = -9; d <= 1; d++) {
            size_t cut = i->segment[n].offset + i->segment[n].length + (size_t)d;
            assert_ota(read_bytes(f->app.p, cut, &out), OTA_TRUNCATED);
        }
    for (size_t cut = i->length - 33; cut < i->length; cut++)
        assert_ota(read_bytes(f->app.p, cut, &out), OTA_TRUNCATED);
    assert_ota_ok(read_bytes(f->app.p, i->length, &out));
}

static void test_image_refuses_segment_lengths(void **state) {
    struct fixture *f = *state;
    static const uint32_t lengths[] = {0xFFFFFFFC, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFC, 0x01000000, 0x00100000};
    for (unsigned n = 0; n < f->image.segment_count; n++) {
        uint8_t *length = f->app.p + f->image.segment[n].offset - 4;
        uint32_t right = ota_le32(length);
        for (size_t k = 0; k < OTA_ARRAY_LEN(lengths); k++) {
            ota_put_le32(length, lengths[k]);
            assert_ota(judge(f, false, NULL), lengths[k] % 4 ? OTA_IMAGE_SEGMENT : OTA_TRUNCATED);
        }
        ota_put_le32(length, right + 1);
        assert_ota(judge(f, false, NULL), OTA_IMAGE_SEGMENT);
        ota_put_le32(length, right);
    }
    assert_ota_ok(judge(f, false, NULL));
}

static enum ota_status read_huge(void *ctx, uint64_t off, void *p, size_t n, struct ota_err *e) {
    (void)ctx;
    (void)e;
    memset(p, 0, n);
    if (off == 0) {
        ((uint8_t *)p)[0] = 0xE9;
        if (n > 1)
            ((uint8_t *)p)[1] = 2;
    } else if (n == 8) {
        ota_put_le32((uint8_t *)p + 4, 0x80000000u); /* of every segment */
    }
    return OTA_OK;
}
static void test_image_stays_within_32_bits(void **state) {
    struct ota_source src = {.size = UINT64_C(1) << 40, .read = read_huge};
    struct ota_image i;
    (void)state;
    assert_ota(ota_image_read(&src, &ota_crypto_openssl, &i, &err), OTA_TOO_LARGE);
}

static void test_image_limits_segments_to_16_mib(void **state) {
    struct fixture *f = *state;
    struct ota_image_rules rules = rules_for("esp32c3");
    f->image.segment[1].load_addr = 0; /* nowhere: no memory would hold it */
    f->image.segment[1].length = 0xFFFFFC;
    assert_ota_ok(ota_image_check_app(&f->image, f->app.len, &rules, &err));
    f->image.segment[1].length = 0x1000000;
    assert_ota(ota_image_check_app(&f->image, f->app.len, &rules, &err), OTA_IMAGE_SEGMENT);
}

static void test_image_refuses_an_image_without_data(void **state) {
    uint8_t bytes[48] = {0xE9, 1};
    struct ota_image i;
    (void)state;
    bytes[47] = 0xEF;
    assert_ota(read_bytes(bytes, sizeof bytes, &i), OTA_TRUNCATED);
}

static void test_image_refuses_any_flipped_byte(void **state) {
    struct fixture *f = *state;
    for (size_t at = 24; at < f->image.length; at += 997) {
        f->app.p[at] ^= 0x40;
        assert_int_not_equal(judge(f, false, NULL), OTA_OK);
        f->app.p[at] ^= 0x40;
    }
    /* The checksum does not cover the header, only the hash does. */
    f->app.p[2] ^= 1;
    assert_ota(judge(f, false, NULL), OTA_IMAGE_HASH);
    f->app.p[2] ^= 1;
    f->app.p[f->image.segment[1].offset] ^= 1;
    assert_ota(judge(f, false, NULL), OTA_IMAGE_CHECKSUM);
}

static void test_image_checks_revisions(void **state) {
    struct fixture *f = *state;
    struct ota_image_rules rules = rules_for("esp32c3");
    ota_put_le16(f->app.p + 15, 101);
    ota_put_le16(f->app.p + 17, 199);
    assert_ota_ok(judge(f, true, &rules)); /* revision not known */
    rules.revision_known = true;
    static const struct {
        uint16_t revision;
        enum ota_status want;
    } rows[] = {{100, OTA_CHIP_REVISION}, {101, OTA_OK}, {199, OTA_OK}, {200, OTA_CHIP_REVISION}};
    for (size_t n = 0; n < OTA_ARRAY_LEN(rows); n++) {
        rules.revision = rows[n].revision;
        assert_ota(judge(f, true, &rules), rows[n].want);
    }
    rules.revision = 300;
    ota_put_le16(f->app.p + 17, 0);
    assert_ota_ok(judge(f, true, &rules));
    ota_put_le16(f->app.p + 17, 65535);
    assert_ota_ok(judge(f, true, &rules));
    ota_put_le16(f->app.p + 17, 100);
    rules.revision_known = false;
    assert_ota(judge(f, true, &rules), OTA_IMAGE_HEADER);
}

static void test_image_bootloader_ignores_the_upper_revision(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    struct ota_sample s = sample_of("esp32c3");
    struct ota_image_rules rules = rules_for("esp32c3");
    struct ota_image i;
    (void)state;
    sample_bootloader(&s, &b);
    ota_put_le16(b.p + 15, 3);
    reseal_image(&b);
    assert_ota_ok(read_buf(&b, &i));
    rules.revision_known = true;
    rules.revision = 999;
    assert_ota_ok(ota_image_check_bootloader(&i, b.len, &rules, &err));
    rules.revision = 2;
    assert_ota(ota_image_check_bootloader(&i, b.len, &rules, &err), OTA_CHIP_REVISION);
    rules.revision = 3;
    i.hash_ok = false; /* ESP-IDF compares it under Secure Boot only; we always do */
    assert_ota(ota_image_check_bootloader(&i, b.len, &rules, &err), OTA_IMAGE_HASH);
}

static void test_image_checks_room(void **state) {
    struct fixture *f = *state;
    struct ota_image_rules rules = rules_for("esp32c3");
    rules.room = (uint32_t)f->app.len;
    assert_ota_ok(judge(f, false, &rules));
    rules.secure_boot = true;
    assert_ota(judge(f, false, &rules), OTA_SLOT_SIZE);
    rules.room = (uint32_t)f->app.len + 4096;
    assert_ota_ok(judge(f, false, &rules));
    rules.room = (uint32_t)f->app.len - 1;
    assert_ota(judge(f, false, &rules), OTA_SLOT_SIZE);
    rules = rules_for("esp32c3");
    assert_ota(ota_image_check_app(&f->image, 1023, &rules, &err), OTA_IMAGE_SMALL);
    assert_ota(ota_image_check_app(&f->image, f->image.length - 1, &rules, &err), OTA_TRUNCATED);
}

static void test_image_bootloader_limit_under_secure_boot(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    struct ota_sample s = sample_of("esp32");
    struct ota_image_rules rules = rules_for("esp32");
    struct ota_image i;
    (void)state;
    sample_bootloader(&s, &b);
    assert_ota_ok(read_buf(&b, &i));
    i.length = 48 * 1024;
    assert_ota_ok(ota_image_check_bootloader(&i, i.length, &rules, &err));
    rules.secure_boot = true;
    assert_ota_ok(ota_image_check_bootloader(&i, i.length, &rules, &err));
    i.length += 16;
    assert_ota(ota_image_check_bootloader(&i, i.length, &rules, &err), OTA_SLOT_SIZE);
}

static void test_image_checks_mmu_congruence(void **state) {
    struct fixture *f = *state;
    const struct ota_chip *chip = ota_chip_by_name(ota_span_str("esp32c3"));
    for (unsigned n = 0; n < f->image.segment_count; n++) {
        uint8_t *addr = f->app.p + f->image.segment[n].offset - 8;
        uint32_t right = ota_le32(addr);
        ota_put_le32(addr, right + 0x1000);
        bool mapped = ota_chip_maps(chip, right);
        assert_ota(judge(f, true, NULL), mapped ? OTA_IMAGE_SEGMENT : OTA_OK);
        ota_put_le32(addr, right + 0x10000);
        assert_ota_ok(judge(f, true, NULL));
        ota_put_le32(addr, right);
    }
}

static void test_image_checks_page_sizes(void **state) {
    static const struct {
        const char *chip;
        uint8_t log2;
        bool allowed;
    } rows[] = {{"esp32c3", 0, true},    {"esp32c3", 16, true},   {"esp32c3", 15, false},  {"esp32c2", 14, true},
                {"esp32c2", 13, false},  {"esp32c6", 13, true},   {"esp32c6", 12, false},  {"esp32s31", 18, true},
                {"esp32s31", 14, false}, {"esp32s31", 19, false}, {"esp32c6", 255, false}, {"esp32h4", 13, true}};
    (void)state;
    for (size_t n = 0; n < OTA_ARRAY_LEN(rows); n++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
        struct ota_sample s = sample_of(rows[n].chip);
        struct ota_image_rules rules = rules_for(rows[n].chip);
        struct ota_image i;
        sample_app(&s, &b);
        b.p[OTA_APP_DESC_OFFSET + 180] = rows[n].log2;
        reseal_image(&b);
        assert_ota_ok(read_buf(&b, &i));
        assert_ota(ota_image_check_app(&i, b.len, &rules, &err), rows[n].allowed ? OTA_OK : OTA_IMAGE_DESCRIPTOR);
    }
}

static void test_image_checks_the_secure_version(void **state) {
    struct fixture *f = *state;
    struct ota_image_rules rules = rules_for("esp32c3");
    ota_put_le32(f->app.p + OTA_APP_DESC_OFFSET + 4, 3);
    rules.secure_version = 4;
    assert_ota_ok(judge(f, true, &rules)); /* not known */
    rules.secure_version_known = true;
    assert_ota(judge(f, true, &rules), OTA_SECURE_VERSION);
    rules.secure_version = 3;
    assert_ota_ok(judge(f, true, &rules));
    ota_put_le32(f->app.p + OTA_APP_DESC_OFFSET + 4, 17); /* 16 eFuse bits */
    assert_ota(judge(f, true, &rules), OTA_SECURE_VERSION);
}

static void test_image_needs_an_app_descriptor(void **state) {
    struct fixture *f = *state;
    f->app.p[OTA_APP_DESC_OFFSET] ^= 1;
    assert_ota(judge(f, true, NULL), OTA_IMAGE_DESCRIPTOR);
}

static void test_image_descriptor_text_is_bounded_and_printable(void **state) {
    struct fixture *f = *state;
    struct ota_image i;
    memset(f->app.p + OTA_APP_DESC_OFFSET + 16, 'v', 32); /* no NUL: runs into the project name */
    memcpy(f->app.p + OTA_APP_DESC_OFFSET + 48, "a\x1b[31m\xff\n", 9);
    reseal_image(&f->app);
    assert_ota_ok(read_buf(&f->app, &i));
    assert_string_equal(i.app.version, "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv");
    assert_string_equal(i.app.project, "a?[31m??");
}

static void test_image_bootloader_descriptor_needs_text(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    struct ota_sample s = sample_of("esp32c3");
    struct ota_image i;
    (void)state;
    sample_bootloader(&s, &b);
    b.p[OTA_APP_DESC_OFFSET + 8] = 0;
    reseal_image(&b);
    assert_ota_ok(read_buf(&b, &i));
    assert_int_equal(i.kind, OTA_IMAGE_BOOTLOADER); /* by running from RAM alone */
    assert_false(i.boot.present);
}

static void test_image_ignores_what_follows(void **state) {
    struct fixture *f = *state;
    struct ota_image i;
    uint8_t stale[5000];
    memset(stale, 0xA5, sizeof stale);
    ota_buf_append(&f->app, stale, sizeof stale);
    assert_ota_ok(read_buf(&f->app, &i));
    assert_int_equal(i.length, f->image.length);
    assert_ota_ok(judge(f, false, NULL));
}

static void test_image_head_is_judged_early(void **state) {
    struct fixture *f = *state;
    const struct ota_chip *c3 = f->image.chip_id == 5 ? ota_chip_by_id(5) : NULL;
    struct ota_span head = {f->app.p, 1024};
    uint32_t length = (uint32_t)f->app.len;
    assert_ota_ok(ota_image_check_head(head, c3, length, length, &err));
    assert_ota(ota_image_check_head(head, c3, length, length - 1, &err), OTA_SLOT_SIZE);
    assert_ota(ota_image_check_head(head, c3, 1023, length, &err), OTA_IMAGE_SMALL);
    assert_ota(ota_image_check_head(head, ota_chip_by_id(9), length, length, &err), OTA_CHIP);
    assert_ota(ota_image_check_head((struct ota_span){f->app.p, 31}, c3, length, length, &err), OTA_TRUNCATED);
    ota_put_le32(f->app.p + 28, length);
    assert_ota(ota_image_check_head(head, c3, length, length, &err), OTA_IMAGE_SEGMENT);
    f->app.p[1] = 17;
    assert_ota(ota_image_check_head(head, c3, length, length, &err), OTA_IMAGE_HEADER);
    f->app.p[0] = 0;
    assert_ota(ota_image_check_head(head, c3, length, length, &err), OTA_IMAGE_MAGIC);
}

static void test_image_spi_header_must_stay(void **state) {
    struct fixture *f = *state;
    struct ota_image next = f->image;
    assert_ota_ok(ota_image_check_spi(&f->image, &next, &err));
    next.spi_mode ^= 1;
    assert_ota(ota_image_check_spi(&f->image, &next, &err), OTA_BOOT_CONFIG);
    next = f->image;
    next.spi_speed ^= 1;
    assert_ota(ota_image_check_spi(&f->image, &next, &err), OTA_BOOT_CONFIG);
    next = f->image;
    next.spi_size ^= 1;
    assert_ota(ota_image_check_spi(&f->image, &next, &err), OTA_BOOT_CONFIG);
}

static enum ota_status read_fails(void *ctx, uint64_t off, void *p, size_t n, struct ota_err *e) {
    unsigned *left = ctx;
    (void)off;
    (void)p;
    if ((*left)-- == 0)
        return ota_err_set(e, OTA_IO, "read of %zu bytes failed", n);
    memset(p, 0, n);
    ((uint8_t *)p)[0] = 0xE9;
    if (n > 1)
        ((uint8_t *)p)[1] = 1;
    if (n == 8)
        ota_put_le32((uint8_t *)p + 4, 4096);
    return OTA_OK;
}
static void test_image_passes_read_errors_on(void **state) {
    (void)state;
    for (unsigned nth = 0; nth < 12; nth++) {
        unsigned left = nth;
        struct ota_source src = {.ctx = &left, .size = 8192, .read = read_fails};
        struct ota_image i;
        assert_ota(ota_image_read(&src, &ota_crypto_openssl, &i, &err), OTA_IO);
    }
}

#define WITH_APP(t) cmocka_unit_test_setup_teardown(t, make_app, free_app)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_chip_table_is_complete),
        cmocka_unit_test(test_image_chip_bootloader_offsets),
        cmocka_unit_test(test_image_reads_a_real_app),
        cmocka_unit_test(test_image_reads_real_bootloaders),
        cmocka_unit_test(test_image_accepts_samples_of_every_chip),
        WITH_APP(test_image_refuses_other_magic),
        WITH_APP(test_image_refuses_segment_counts),
        WITH_APP(test_image_refuses_other_families),
        WITH_APP(test_image_needs_no_appended_hash),
        WITH_APP(test_image_is_truncated_at_every_boundary),
        WITH_APP(test_image_refuses_segment_lengths),
        cmocka_unit_test(test_image_stays_within_32_bits),
        WITH_APP(test_image_limits_segments_to_16_mib),
        cmocka_unit_test(test_image_refuses_an_image_without_data),
        WITH_APP(test_image_refuses_any_flipped_byte),
        WITH_APP(test_image_checks_revisions),
        cmocka_unit_test(test_image_bootloader_ignores_the_upper_revision),
        WITH_APP(test_image_checks_room),
        cmocka_unit_test(test_image_bootloader_limit_under_secure_boot),
        WITH_APP(test_image_checks_mmu_congruence),
        cmocka_unit_test(test_image_checks_page_sizes),
        WITH_APP(test_image_checks_the_secure_version),
        WITH_APP(test_image_needs_an_app_descriptor),
        WITH_APP(test_image_descriptor_text_is_bounded_and_printable),
        cmocka_unit_test(test_image_bootloader_descriptor_needs_text),
        WITH_APP(test_image_ignores_what_follows),
        WITH_APP(test_image_head_is_judged_early),
        WITH_APP(test_image_spi_header_must_stay),
        cmocka_unit_test(test_image_passes_read_errors_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
