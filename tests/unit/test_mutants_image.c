/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apps and bootloaders with one thing wrong: each is refused for that thing. And changes that esptool and the chip let
 * pass: each is taken. Where we refuse more than they do, otactl(1) says so: What esptool and chips would take.
 */
#include "host/crypto.h"
#include "image/image_write.h"
#include "ota/image.h"
#include "support/images.h"
#include "support/unit.h"

static struct ota_err err;

/* Where a mutant writes: from the start, from a segment's header, from the app descriptor, from the end of the image
 * (the byte behind its SHA-256). */
enum base { FILE_START, SEGMENT_0, SEGMENT_1, SEGMENT_2, SEGMENT_3, SEGMENT_4, DESCRIPTOR, IMAGE_END };

struct mutant {
    const char *name;
    enum base base;
    int at;
    unsigned width; /* bytes, 0: nothing is written */
    uint32_t value;
    bool sealed; /* checksum and SHA-256 are made right again */
    enum ota_status status;
    const char *says;
};

struct fixture {
    struct ota_buf app, boot;
    struct ota_image image; /* of the app, unchanged */
};

static enum ota_status read_bytes(const void *p, size_t n, struct ota_image *out) {
    struct ota_span span = {p, n};
    struct ota_source src = memory_source(&span);
    return ota_image_read(&src, &ota_crypto_openssl, out, &err);
}

static int make(void **state) {
    struct fixture *f = ota_calloc(1, sizeof *f);
    struct ota_sample s = sample_of("esp32c3");
    sample_app(&s, &f->app);
    sample_bootloader(&s, &f->boot);
    assert_ota_ok(read_bytes(f->app.p, f->app.len, &f->image));
    *state = f;
    return 0;
}
static int drop(void **state) {
    struct fixture *f = *state;
    ota_buf_free(&f->app);
    ota_buf_free(&f->boot);
    free(f);
    return 0;
}

static size_t offset_of(const struct fixture *f, enum base base) {
    if (base >= SEGMENT_0 && base <= SEGMENT_4) {
        assert_true((unsigned)(base - SEGMENT_0) < f->image.segment_count);
        return f->image.segment[base - SEGMENT_0].offset - 8u;
    }
    return base == DESCRIPTOR ? OTA_APP_DESC_OFFSET : base == IMAGE_END ? f->image.length : 0;
}

static enum ota_status judge_bytes(const void *p, size_t n, bool bootloader) {
    static struct ota_image image;
    const struct ota_image_rules rules = {.chip = ota_chip_by_name(ota_span_str("esp32c3")),
                                          .room = bootloader ? OTA_TABLE_DEFAULT_OFFSET : OTA_SAMPLE_SLOT_SIZE};
    enum ota_status st = read_bytes(p, n, &image);
    if (st != OTA_OK)
        return st;
    return bootloader ? ota_image_check_bootloader(&image, n, &rules, &err)
                      : ota_image_check_app(&image, n, &rules, &err);
}

/* On a copy in memory of exactly its size, so that a byte read beyond it is noticed. */
static enum ota_status judge(const struct fixture *f, const struct mutant *m, bool bootloader) {
    const struct ota_buf *from = bootloader ? &f->boot : &f->app;
    OTA_CLEAN(ota_buf_free) struct ota_buf copy = {0};
    ota_buf_append(&copy, from->p, from->len);
    uint8_t *at = copy.p + (ptrdiff_t)offset_of(f, m->base) + m->at;
    for (unsigned i = 0; i < m->width; i++)
        at[i] = (uint8_t)(m->value >> 8 * i);
    if (m->sealed)
        reseal_image(&copy);
    uint8_t *exact = ota_calloc(1, copy.len);
    memcpy(exact, copy.p, copy.len);
    err.msg[0] = '\0';
    enum ota_status st = judge_bytes(exact, copy.len, bootloader);
    free(exact);
    return st;
}

static void check(const struct fixture *f, const struct mutant *m, bool bootloader) {
    enum ota_status st = judge(f, m, bootloader);
    if (st != m->status || (m->says && !strstr(err.msg, m->says)))
        fail_msg("mutant \"%s\": %s \"%s\", wanted %s \"%s\"", m->name, ota_status_name(st), err.msg,
                 ota_status_name(m->status), m->says ? m->says : "");
}

/* ---- refused ------------------------------------------------------------------------------------------------- */

#define REFUSED(name, base, at, width, value, sealed, status, says) \
    { name, base, at, width, value, sealed, status, says }

static const struct mutant fields[] = {
    REFUSED("magic 00", FILE_START, 0, 1, 0x00, false, OTA_IMAGE_MAGIC, "the first byte is 0x00"),
    REFUSED("magic FF", FILE_START, 0, 1, 0xFF, false, OTA_IMAGE_MAGIC, "the first byte is 0xff"),
    REFUSED("magic of ESP8266 v2", FILE_START, 0, 1, 0xEA, false, OTA_IMAGE_MAGIC, "0xea"),
    REFUSED("no segments", FILE_START, 1, 1, 0, false, OTA_IMAGE_HEADER, "0 segments; an image has 1 to 16"),
    REFUSED("17 segments", FILE_START, 1, 1, 17, false, OTA_IMAGE_HEADER, "17 segments"),
    REFUSED("255 segments", FILE_START, 1, 1, 255, false, OTA_IMAGE_HEADER, "255 segments"),
    REFUSED("one segment of five", FILE_START, 1, 1, 1, false, OTA_IMAGE_CHECKSUM, "checksum"),
    REFUSED("four segments of five", FILE_START, 1, 1, 4, false, OTA_IMAGE_CHECKSUM, "checksum"),
    REFUSED("hash flag 2", FILE_START, 23, 1, 2, false, OTA_CHIP, "byte 23"),
    REFUSED("hash flag 80", FILE_START, 23, 1, 0x80, false, OTA_CHIP, "byte 23"),
    REFUSED("hash flag FF", FILE_START, 23, 1, 0xFF, false, OTA_CHIP, "byte 23"),
    REFUSED("unknown chip 1", FILE_START, 12, 2, 1, true, OTA_CHIP, "an unknown chip (chip id 0x0001)"),
    REFUSED("unknown chip FFFF", FILE_START, 12, 2, 0xFFFF, true, OTA_CHIP, "0xffff"),
    REFUSED("chip id of 16 bits", FILE_START, 12, 2, 0x0105, true, OTA_CHIP, "0x0105"),
    REFUSED("revisions that cross", FILE_START, 15, 4, 200 | 199 << 16, true, OTA_IMAGE_HEADER,
            "no chip has a revision from 2.0 to 1.99"),
    REFUSED("revision FFFE", FILE_START, 15, 2, 0xFFFE, true, OTA_IMAGE_HEADER, "no chip has a revision"),
    REFUSED("checksum + 1", IMAGE_END, -33, 1, 0xA5, false, OTA_IMAGE_CHECKSUM, "the file is damaged"),
    REFUSED("descriptor magic", DESCRIPTOR, 0, 4, 0xABCD5433, true, OTA_IMAGE_DESCRIPTOR, "no app descriptor at 0x20"),
    REFUSED("descriptor magic 0", DESCRIPTOR, 0, 4, 0, true, OTA_IMAGE_DESCRIPTOR, "no app descriptor"),
    REFUSED("descriptor magic turned", DESCRIPTOR, 0, 4, 0x3254CDAB, true, OTA_IMAGE_DESCRIPTOR, "no app descriptor"),
    REFUSED("secure version 17", DESCRIPTOR, 4, 4, 17, true, OTA_SECURE_VERSION,
            "secure version 17; esp32c3 can count to 16"),
    REFUSED("secure version 2^31", DESCRIPTOR, 4, 4, 0x80000000, true, OTA_SECURE_VERSION, "2147483648"),
    REFUSED("secure version 2^32-1", DESCRIPTOR, 4, 4, 0xFFFFFFFF, true, OTA_SECURE_VERSION, "4294967295"),
    REFUSED("block revisions that cross", DESCRIPTOR, 176, 4, 101 | 100 << 16, true, OTA_IMAGE_DESCRIPTOR,
            "eFuse block revision from 1.1 to 1.0"),
    REFUSED("MMU page 2", DESCRIPTOR, 180, 1, 1, true, OTA_IMAGE_DESCRIPTOR,
            "an MMU page size that esp32c3 does not have"),
    REFUSED("MMU page 4 KiB", DESCRIPTOR, 180, 1, 12, true, OTA_IMAGE_DESCRIPTOR, "MMU page size"),
    REFUSED("MMU page 8 KiB", DESCRIPTOR, 180, 1, 13, true, OTA_IMAGE_DESCRIPTOR, "MMU page size"),
    REFUSED("MMU page 16 KiB", DESCRIPTOR, 180, 1, 14, true, OTA_IMAGE_DESCRIPTOR, "MMU page size"),
    REFUSED("MMU page 32 KiB", DESCRIPTOR, 180, 1, 15, true, OTA_IMAGE_DESCRIPTOR, "MMU page size"),
    REFUSED("MMU page 128 KiB", DESCRIPTOR, 180, 1, 17, true, OTA_IMAGE_DESCRIPTOR, "MMU page size"),
    REFUSED("MMU page 512 KiB", DESCRIPTOR, 180, 1, 19, true, OTA_IMAGE_DESCRIPTOR, "MMU page size"),
    REFUSED("MMU page 2^32", DESCRIPTOR, 180, 1, 32, true, OTA_IMAGE_DESCRIPTOR, "MMU page size"),
    REFUSED("MMU page 2^255", DESCRIPTOR, 180, 1, 255, true, OTA_IMAGE_DESCRIPTOR, "MMU page size"),
};

static void test_mutants_image_fields(void **state) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(fields); i++)
        check(*state, &fields[i], false);
}

static void test_mutants_image_of_every_other_chip(void **state) {
    for (size_t i = 0; ota_chip_at(i); i++) {
        const struct ota_chip *chip = ota_chip_at(i);
        struct mutant m = {chip->name, FILE_START, 12, 2, chip->id, true, OTA_CHIP, "not for esp32c3"};
        if (strcmp(chip->name, "esp32c3") != 0)
            check(*state, &m, false);
    }
}

/* 32-bit lengths and addresses, for each segment: those that overflow, those that lead out of the file and out of
 * every memory. */
static void test_mutants_image_segments(void **state) {
    static const struct {
        const char *name;
        int at; /* 0: load address, 4: length */
        uint32_t value;
        bool sealed;
        enum ota_status status;
        const char *says;
    } rows[] = {
        {"length 2^32-1", 4, 0xFFFFFFFF, false, OTA_IMAGE_SEGMENT, "is not a multiple of 4"},
        {"length 2^32-4", 4, 0xFFFFFFFC, false, OTA_TRUNCATED, "past the end of the file"},
        {"length 2^32-32", 4, 0xFFFFFFE0, false, OTA_TRUNCATED, "past the end"},
        {"length 2^31", 4, 0x80000000, false, OTA_TRUNCATED, "past the end"},
        {"length 2^31-4", 4, 0x7FFFFFFC, false, OTA_TRUNCATED, "past the end"},
        {"length 16 MiB", 4, 0x01000000, false, OTA_TRUNCATED, "past the end"},
        {"length 1", 4, 1, false, OTA_IMAGE_SEGMENT, "is not a multiple of 4"},
        {"length 2", 4, 2, false, OTA_IMAGE_SEGMENT, "is not a multiple of 4"},
        {"length 3", 4, 3, false, OTA_IMAGE_SEGMENT, "is not a multiple of 4"},
        {"the first loaded address", 0, 0x10000000, true, OTA_IMAGE_SEGMENT, "go to no memory of the chip"},
        {"between the memories", 0, 0x3FCE0000, true, OTA_IMAGE_SEGMENT, "no memory"},
        {"RAM, but over its end", 0, 0x3FCDFFFC, true, OTA_IMAGE_SEGMENT, "no memory"},
        {"ROM", 0, 0x40000000, true, OTA_IMAGE_SEGMENT, "no memory"},
        {"peripherals", 0, 0x60000000, true, OTA_IMAGE_SEGMENT, "no memory"},
        {"the last address", 0, 0xFFFFFFFC, true, OTA_IMAGE_SEGMENT, "no memory"},
        {"flash at another place in its page", 0, 0x3C000004, true, OTA_IMAGE_SEGMENT,
         "cannot be mapped from file offset"},
        {"code at another place in its page", 0, 0x42008004, true, OTA_IMAGE_SEGMENT, "cannot be mapped"},
    };
    struct fixture *f = *state;
    for (unsigned n = 0; n < f->image.segment_count; n++)
        for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
            char name[96];
            struct mutant m = {
                name,        (enum base)(SEGMENT_0 + n), rows[i].at, 4, rows[i].value, rows[i].sealed, rows[i].status,
                rows[i].says};
            (void)ota_format(name, sizeof name, "segment %u: %s", n, rows[i].name);
            check(f, &m, false);
        }
}

static void test_mutants_image_segments_over_each_other(void **state) {
    struct fixture *f = *state;
    const struct ota_image_segment *s = f->image.segment;
    unsigned ram[4], count = 0, overlapping = 0;
    for (unsigned n = 0; n < f->image.segment_count && count < OTA_ARRAY_LEN(ram); n++)
        if (ota_chip_loads(ota_chip_by_name(ota_span_str("esp32c3")), s[n].load_addr, s[n].length))
            ram[count++] = n;
    for (unsigned a = 0; a < count; a++)
        for (unsigned b = 0; b < count; b++) {
            const uint32_t last = s[ram[b]].load_addr + s[ram[b]].length - 4;
            const enum base base = (enum base)(SEGMENT_0 + ram[a]);
            struct mutant same = {"the same address",       base, 0, 4, s[ram[b]].load_addr, true, OTA_IMAGE_SEGMENT,
                                  "go over another segment"};
            struct mutant end = {"its last word", base, 0, 4, last, true, OTA_IMAGE_SEGMENT, "go over another segment"};
            if (a == b)
                continue;
            check(f, &same, false);
            check(f, &end, false);
            overlapping += 2;
        }
    assert_true(overlapping >= 4);
}

/* Cut at every boundary and beside it. */
static void test_mutants_image_cut(void **state) {
    struct fixture *f = *state;
    for (unsigned n = 0; n <= f->image.segment_count; n++)
        for (int d = -8; d <= 0; d++) {
            const uint32_t edge =
                n < f->image.segment_count ? f->image.segment[n].offset : f->image.length; /* the last: its SHA-256 */
            const size_t cut = (size_t)((int64_t)edge + d) - (n == f->image.segment_count);
            uint8_t *exact = ota_calloc(1, cut);
            memcpy(exact, f->app.p, cut);
            enum ota_status st = judge_bytes(exact, cut, false);
            free(exact);
            if (st != OTA_TRUNCATED)
                fail_msg("cut at %zu: %s", cut, ota_status_name(st));
        }
}

/* Each byte of the appended SHA-256, and of what it alone protects. */
static void test_mutants_image_hash(void **state) {
    struct fixture *f = *state;
    for (int i = 1; i <= (int)OTA_SHA256_LEN; i++) {
        struct mutant m = {"SHA-256",
                           IMAGE_END,
                           -i,
                           1,
                           f->app.p[f->image.length - (uint32_t)i] ^ 1u,
                           false,
                           OTA_IMAGE_HASH,
                           "the SHA-256 at its end does not match"};
        check(f, &m, false);
    }
    for (int i = 2; i < 23; i++) {
        struct mutant m = {"header", FILE_START, i, 1, f->app.p[i] ^ 0x40u, false, OTA_IMAGE_HASH, "SHA-256"};
        if (i != 12 && i != 13) /* the chip's id is looked at first */
            check(f, &m, false);
    }
}

static void test_mutants_image_kinds(void **state) {
    struct fixture *f = *state;
    assert_ota(judge_bytes(f->app.p, f->app.len, true), OTA_SLOT_SIZE);
    const struct ota_image_rules rules = {.chip = ota_chip_by_name(ota_span_str("esp32c3")), .room = 1u << 20};
    assert_ota(ota_image_check_bootloader(&f->image, f->app.len, &rules, &err), OTA_IMAGE_KIND);
    assert_non_null(strstr(err.msg, "this is an app (thermo), not a bootloader"));
    assert_ota(judge_bytes(f->boot.p, f->boot.len, false), OTA_IMAGE_KIND);
    assert_non_null(strstr(err.msg, "this is a bootloader, not an app"));
}

/* An image of one segment of `length` bytes at `address`. */
static enum ota_status judge_single(uint32_t address, uint32_t length, bool descriptor) {
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0};
    OTA_CLEAN_FREE uint8_t *data = ota_calloc(1, length);
    const struct ota_image_header header = {.chip_id = 5, .spi_mode = 2, .max_rev = 199};
    struct ota_image_writer w;
    if (descriptor)
        ota_put_le32(data, OTA_APP_DESC_MAGIC);
    ota_image_begin(&w, &image, &header);
    ota_image_segment(&w, address, data, length);
    assert_ota_ok(ota_image_end(&w, &ota_crypto_openssl, &err));
    return judge_bytes(image.p, image.len, false);
}

static void test_mutants_image_too_small(void **state) {
    (void)state;
    assert_ota(judge_single(0x3C000020, 256, true), OTA_IMAGE_SMALL); /* 336 bytes in all */
    assert_ota(judge_single(0x3C000020, 928, true), OTA_IMAGE_SMALL); /* 1008 */
    assert_ota_ok(judge_single(0x3C000020, 944, true));               /* 1024 */
    assert_ota(judge_single(0x3C000020, 944, false), OTA_IMAGE_DESCRIPTOR);
    assert_ota_ok(judge_single(0x3C7F0020, 0xFFE0, true));
    assert_ota(judge_single(0x3C7F0020, 0xFFE4, true), OTA_IMAGE_SEGMENT); /* over the end of what is mapped */
    assert_non_null(strstr(err.msg, "no memory"));
}

static const struct mutant bootloaders[] = {
    REFUSED("magic", FILE_START, 0, 1, 0, false, OTA_IMAGE_MAGIC, "first byte"),
    REFUSED("no segments", FILE_START, 1, 1, 0, false, OTA_IMAGE_HEADER, "1 to 16"),
    REFUSED("one segment of two", FILE_START, 1, 1, 1, false, OTA_IMAGE_CHECKSUM, "checksum"),
    REFUSED("chip", FILE_START, 12, 2, 9, true, OTA_CHIP, "made for esp32s3"),
    REFUSED("hash flag", FILE_START, 23, 1, 4, false, OTA_CHIP, "byte 23"),
    REFUSED("flash mode, unsealed", FILE_START, 2, 1, 0, false, OTA_IMAGE_HASH, "SHA-256"),
    REFUSED("flash size, unsealed", FILE_START, 3, 1, 0x40, false, OTA_IMAGE_HASH, "SHA-256"),
    REFUSED("no memory", FILE_START, 24, 4, 0x20000000, true, OTA_IMAGE_SEGMENT, "no memory"),
    REFUSED("mapped from another place", FILE_START, 24, 4, 0x3C000000, true, OTA_IMAGE_SEGMENT, "cannot be mapped"),
    REFUSED("length", FILE_START, 28, 4, 0xFFFFFFF0, false, OTA_TRUNCATED, "past the end"),
    REFUSED("length of no words", FILE_START, 28, 4, 0x1001, false, OTA_IMAGE_SEGMENT, "multiple of 4"),
    REFUSED("data", FILE_START, 0x100, 4, 0x12345678, false, OTA_IMAGE_CHECKSUM, "checksum"),
};

static void test_mutants_image_bootloaders(void **state) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(bootloaders); i++)
        check(*state, &bootloaders[i], true);
}

/* ---- taken ----------------------------------------------------------------------------------------------------- */

#define TAKEN(name, base, at, width, value) \
    { name, base, at, width, value, true, OTA_OK, NULL }

/* esptool image-info and esp_image_verify() look at none of these; the bootloader sets the flash up. */
static const struct mutant taken[] = {
    TAKEN("nothing changed", FILE_START, 0, 0, 0),
    TAKEN("flash mode of no name", FILE_START, 2, 1, 0xFF),
    TAKEN("flash speed of no name, the largest size", FILE_START, 3, 1, 0xF7),
    TAKEN("entry 0", FILE_START, 4, 4, 0),
    TAKEN("entry 2^32-1", FILE_START, 4, 4, 0xFFFFFFFF),
    TAKEN("write protection pin", FILE_START, 8, 1, 0),
    TAKEN("pin drive", FILE_START, 9, 2, 0xFFFF),
    TAKEN("legacy revision", FILE_START, 14, 1, 0xFF),
    TAKEN("no upper revision, 0", FILE_START, 17, 2, 0),
    TAKEN("no upper revision, FFFF", FILE_START, 17, 2, 0xFFFF),
    TAKEN("one revision", FILE_START, 15, 4, 199 | 199 << 16),
    TAKEN("reserved bytes", FILE_START, 19, 4, 0xFFFFFFFF),
    TAKEN("secure version 16", DESCRIPTOR, 4, 4, 16),
    TAKEN("reserved words", DESCRIPTOR, 8, 4, 0xFFFFFFFF),
    TAKEN("version of no text", DESCRIPTOR, 16, 4, 0x01FF80FE),
    TAKEN("no version", DESCRIPTOR, 16, 1, 0),
    TAKEN("ELF digest", DESCRIPTOR, 144, 4, 0),
    TAKEN("no upper block revision, 0", DESCRIPTOR, 176, 4, 5),
    TAKEN("no upper block revision, FFFF", DESCRIPTOR, 176, 4, 0xFFFF0005),
    TAKEN("legacy MMU page", DESCRIPTOR, 180, 1, 0),
    TAKEN("flash mode of the descriptor", DESCRIPTOR, 181, 1, 0xFF),
    TAKEN("no hash", FILE_START, 23, 1, 0),
};

static void test_mutants_image_taken(void **state) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(taken); i++)
        check(*state, &taken[i], false);
    static const struct mutant boot[] = {
        TAKEN("revisions that cross", FILE_START, 15, 4, 300 | 199 << 16), /* the upper one binds apps only */
        TAKEN("no hash", FILE_START, 23, 1, 0),
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(boot); i++)
        check(*state, &boot[i], true);
}

/* Segments that fill the file, and memories that few apps use. */
static void test_mutants_image_places_taken(void **state) {
    static const uint32_t addresses[] = {0, 4, 0xFFFF, 0x0FFFFFFC, 0x50000000, 0x4037C000, 0x3FC80000};
    struct fixture *f = *state;
    unsigned n = 0;
    while (f->image.segment[n].load_addr >> 20 != 0x3FC)
        n++; /* data in RAM, 4 KiB */
    for (size_t i = 0; i < OTA_ARRAY_LEN(addresses); i++) {
        struct mutant m = TAKEN("place", (enum base)(SEGMENT_0 + n), 0, 4, addresses[i]);
        check(f, &m, false);
    }
}

/* Pages that are larger than what slots are aligned to: whether they can be mapped depends on the slot. */
static void test_mutants_image_pages_over_64_kib(void **state) {
    static const struct {
        uint8_t log2;
        uint32_t place;
        enum ota_status status;
    } rows[] = {{16, 0x10000, OTA_OK},
                {16, 0x20000, OTA_OK},
                {17, 0x20000, OTA_OK},
                {17, 0x40000, OTA_OK},
                {17, 0x10000, OTA_IMAGE_SEGMENT},
                {17, 0x30000, OTA_IMAGE_SEGMENT},
                {18, 0x40000, OTA_OK},
                {18, 0x20000, OTA_IMAGE_SEGMENT},
                {18, 0x50000, OTA_IMAGE_SEGMENT},
                {18, 0, OTA_OK}};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf image = {0};
        uint8_t data[1024] = {0};
        const struct ota_chip *chip = ota_chip_by_name(ota_span_str("esp32s31"));
        const struct ota_image_header header = {.chip_id = chip->id};
        const struct ota_image_rules rules = {.chip = chip, .room = 0x10000, .place = rows[i].place};
        struct ota_image read;
        struct ota_image_writer w;
        ota_put_le32(data, OTA_APP_DESC_MAGIC);
        data[180] = rows[i].log2;
        ota_image_begin(&w, &image, &header);
        ota_image_segment(&w, chip->drom_start + 0x20, data, sizeof data);
        assert_ota_ok(ota_image_end(&w, &ota_crypto_openssl, &err));
        assert_ota_ok(read_bytes(image.p, image.len, &read));
        enum ota_status st = ota_image_check_app(&read, image.len, &rules, &err);
        if (st != rows[i].status)
            fail_msg("pages of 2^%u at 0x%x: %s", rows[i].log2, (unsigned)rows[i].place, ota_status_name(st));
    }
}

/* What follows the image is not looked at: stale flash, padding, a signature. */
static void test_mutants_image_followed_by_anything(void **state) {
    struct fixture *f = *state;
    static const size_t more[] = {1, 15, 4095, 4096};
    for (size_t i = 0; i < OTA_ARRAY_LEN(more); i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf copy = {0};
        ota_buf_append(&copy, f->app.p, f->app.len);
        ota_buf_reserve(&copy, more[i]);
        memset(copy.p + copy.len, 0xE9, more[i]);
        assert_ota_ok(judge_bytes(copy.p, copy.len + more[i], false));
    }
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(test_mutants_image_fields),
        TEST(test_mutants_image_of_every_other_chip),
        TEST(test_mutants_image_segments),
        TEST(test_mutants_image_segments_over_each_other),
        TEST(test_mutants_image_cut),
        TEST(test_mutants_image_hash),
        TEST(test_mutants_image_kinds),
        TEST(test_mutants_image_too_small),
        TEST(test_mutants_image_bootloaders),
        TEST(test_mutants_image_taken),
        TEST(test_mutants_image_places_taken),
        TEST(test_mutants_image_followed_by_anything),
        TEST(test_mutants_image_pages_over_64_kib),
    };
    return cmocka_run_group_tests_name("mutants_image", tests, NULL, NULL);
}
