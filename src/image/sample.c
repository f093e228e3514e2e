/* SPDX-License-Identifier: Apache-2.0 */
/* Sample images: realistic in structure, made up in content. */
#include "image/sample.h"

#include <string.h>

#include "image/image_write.h"

#define SPI_MODE_DIO 2u
#define SPI_SPEED_CODE 0u
#define SPI_SIZE_4MB 2u
#define PAGE 0x10000u
#define PAGE_LOG2 16u
/* File header and segment header: where mapped data begins within its page. */
#define MAP_SKEW 0x20u
#define DRAM_LEN 0x1000u
#define IRAM_LEN 0x3000u
#define VOCABULARY 2048u
#define SAMPLE_DATE "Jan  1 2026"
#define SAMPLE_TIME "12:00:00"

/* RAM addresses as ESP-IDF's linker scripts use them, and the upper chip revision its builds write. */
struct layout {
    uint16_t chip_id;
    uint32_t dram, iram;
    uint16_t max_rev;
};
static const struct layout layouts[] = {
    {0x0000, 0x3FFB0000, 0x40080000, 399}, /* esp32 */
    {0x0002, 0x3FFC0000, 0x40024000, 199}, /* esp32s2 */
    {0x0005, 0x3FC90000, 0x40380000, 199}, /* esp32c3 */
    {0x0009, 0x3FC98000, 0x40374000, 99},  /* esp32s3 */
    {0x000C, 0x3FCA8000, 0x40380000, 299}, /* esp32c2 */
    {0x000D, 0x40810000, 0x40800000, 99},  /* esp32c6 */
    {0x0010, 0x40810000, 0x40800000, 199}, /* esp32h2 */
    {0x0012, 0x4FF40000, 0x4FF00000, 399}, /* esp32p4 */
    {0x0014, 0x40810000, 0x40800000, 199}, /* esp32c61 */
    {0x0017, 0x40810000, 0x40800000, 199}, /* esp32c5 */
    {0x0019, 0x40810000, 0x40800000, 99},  /* esp32h21 */
    {0x001C, 0x40820000, 0x40810000, 99},  /* esp32h4 */
    {0x001F, 0x31010000, 0x31000000, 0},   /* esp32e22: not in ESP-IDF yet */
    {0x0020, 0x2F010000, 0x2F000000, 99},  /* esp32s31 */
};

static const struct layout *layout_of(const struct ota_chip *chip) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(layouts); i++)
        if (layouts[i].chip_id == chip->id)
            return &layouts[i];
    return NULL;
}

static bool printable(const char *s) {
    for (; *s; s++)
        if (*s < 0x20 || *s > 0x7E)
            return false;
    return true;
}

static enum ota_status check_text(const char *what, const char *s, bool file_name, struct ota_err *err) {
    size_t n = strlen(s);
    if (n == 0 || n > OTA_SAMPLE_TEXT_MAX || !printable(s) || (file_name && !ota_file_valid(ota_span_str(s))))
        return ota_err_set(err, OTA_ARGUMENT, "%s must have 1 to %u %s", what, OTA_SAMPLE_TEXT_MAX,
                           file_name ? "letters, digits, '.', '_' or '-'" : "printable ASCII characters");
    return OTA_OK;
}

static enum ota_status check_add_label(const struct ota_sample *s, struct ota_err *err) {
    struct ota_partition rows[OTA_SAMPLE_ROWS_MAX];
    size_t count = 0;
    ota_sample_rows(s, rows, &count);
    if (!ota_label_valid(ota_span_str(s->add_label)) || !ota_file_valid(ota_span_str(s->add_label)))
        return ota_err_set(err, OTA_ARGUMENT, "the label to add must have 1 to %u letters, digits, '.', '_' or '-'",
                           OTA_LABEL_MAX);
    for (size_t i = 0; i + 1 < count; i++)
        if (strcmp(rows[i].label, s->add_label) == 0)
            return ota_err_set(err, OTA_ARGUMENT, "the sample table has a partition \"%s\" already", s->add_label);
    /* These name the other images in flasher_args.json. */
    static const char *const taken[] = {"app", "bootloader", "partition-table", "ota_data_initial"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(taken); i++)
        if (strcmp(taken[i], s->add_label) == 0 || strcmp(s->project, s->add_label) == 0)
            return ota_err_set(err, OTA_ARGUMENT, "\"%s\" names another image of the build; choose another label",
                               s->add_label);
    return OTA_OK;
}

enum ota_status ota_sample_check(const struct ota_sample *s, struct ota_err *err) {
    if (!layout_of(s->chip))
        return ota_err_set(err, OTA_UNSUPPORTED, "no sample layout for %s", s->chip->name);
    OTA_TRY(check_text("the project name", s->project, true, err));
    OTA_TRY(check_text("the version", s->version, false, err));
    if (strcmp(s->project, "storage") == 0 || strcmp(s->project, "ota_data_initial") == 0)
        return ota_err_set(err, OTA_ARGUMENT, "\"%s\" names another file of the build; choose another project name",
                           s->project);
    if (s->app_size < OTA_SAMPLE_APP_SIZE_MIN || s->app_size > OTA_SAMPLE_SLOT_SIZE)
        return ota_err_set(err, OTA_ARGUMENT, "the app's size must be %u to %u bytes (its slot)",
                           OTA_SAMPLE_APP_SIZE_MIN, OTA_SAMPLE_SLOT_SIZE);
    return s->add_label ? check_add_label(s, err) : OTA_OK;
}

/* ---- content ---- */

/* xorshift64*: any non-zero seed. */
static uint32_t next(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * 0x2545F4914F6CDD1Dull >> 32);
}

/* Words drawn from a small vocabulary, as machine code's are, so that compression is as worthwhile as on real images.
 * */
static void fill(uint8_t *p, size_t n, uint64_t seed) {
    uint32_t words[VOCABULARY];
    uint64_t state = seed | 1;
    for (size_t i = 0; i < VOCABULARY; i++)
        words[i] = next(&state);
    for (size_t i = 0; i + 4 <= n; i += 4)
        ota_put_le32(p + i, words[next(&state) % VOCABULARY]);
}

/* A digest of what one image's content depends on; its parts seed the content. */
static enum ota_status identity(const struct ota_sample *s, const char *what, const struct ota_crypto *crypto,
                                uint8_t sha[OTA_SHA256_LEN], struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    ota_buf_printf(&text, "%s\n%s\n%s\n%s\n", what, s->chip->name, s->project, s->version);
    return ota_sha256(crypto, text.p, text.len, sha, err);
}

/* `n` bytes of content in *work, of the given identity. */
static void make_content(struct ota_buf *work, size_t n, const uint8_t sha[OTA_SHA256_LEN], uint8_t part) {
    work->len = 0;
    ota_buf_reserve(work, n);
    fill(work->p, n, ota_le64(sha + part));
    work->len = n;
}

/* ---- images ---- */

static struct ota_image_header header_of(const struct ota_sample *s, uint32_t entry) {
    return (struct ota_image_header){
        .chip_id = s->chip->id,
        .spi_mode = SPI_MODE_DIO,
        .spi_speed = SPI_SPEED_CODE,
        .spi_size = SPI_SIZE_4MB,
        .entry = entry,
        .max_rev = layout_of(s->chip)->max_rev,
    };
}

/* Chips with one bus for both map code first and data in the upper half. */
static uint32_t drom_address(const struct ota_chip *c) {
    return MAP_SKEW +
           (c->drom_start == c->irom_start ? c->drom_start + (c->drom_end - c->drom_start) / 2 : c->drom_start);
}

static void put_app_desc(const struct ota_sample *s, const uint8_t sha[OTA_SHA256_LEN], struct ota_buf *drom) {
    struct ota_app_desc d = {
        .version = s->version,
        .project = s->project,
        .time = SAMPLE_TIME,
        .date = SAMPLE_DATE,
        .idf = OTA_SAMPLE_IDF,
        .mmu_page_log2 = PAGE_LOG2,
    };
    memcpy(d.elf_sha256, sha, sizeof d.elf_sha256);
    ota_app_desc_write(&d, drom->p);
    const char *marker = s->faulty ? OTA_SAMPLE_MARKER_FAIL : OTA_SAMPLE_MARKER_PASS;
    memcpy(drom->p + OTA_APP_DESC_LEN, marker, strlen(marker) + 1);
    if (s->no_network)
        memcpy(drom->p + OTA_APP_DESC_LEN + strlen(marker) + 1, OTA_SAMPLE_MARKER_NO_NETWORK,
               sizeof OTA_SAMPLE_MARKER_NO_NETWORK);
}

enum ota_status ota_sample_app(const struct ota_sample *s, const struct ota_crypto *crypto, struct ota_buf *out,
                               struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf work = {0};
    const struct layout *ram = layout_of(s->chip);
    uint32_t total = s->app_size / 16u * 16u, irom = s->chip->irom_start + MAP_SKEW;
    uint8_t sha[OTA_SHA256_LEN];
    OTA_TRY(identity(s, "app", crypto, sha, err));
    struct ota_image_header header = header_of(s, ram->iram);
    struct ota_image_writer w;
    ota_image_begin(&w, out, &header);
    make_content(&work, total / 4 / 0x1000 * 0x1000, sha, 0);
    put_app_desc(s, sha, &work);
    ota_image_segment(&w, drom_address(s->chip), work.p, (uint32_t)work.len);
    make_content(&work, DRAM_LEN, sha, 8);
    ota_image_segment(&w, ram->dram, work.p, DRAM_LEN);
    make_content(&work, IRAM_LEN, sha, 16);
    ota_image_segment(&w, ram->iram, work.p, IRAM_LEN);
    ota_image_align(&w, irom, PAGE);
    /* The rest, less the segment's header, the hash, and the checksum with three bytes before it. */
    make_content(&work, total - out->len - 8u - OTA_SHA256_LEN - 4u, sha, 24);
    ota_image_segment(&w, irom, work.p, (uint32_t)work.len);
    return ota_image_end(&w, crypto, err);
}

enum ota_status ota_sample_bootloader(const struct ota_sample *s, const struct ota_crypto *crypto, struct ota_buf *out,
                                      struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf work = {0};
    const struct layout *ram = layout_of(s->chip);
    const struct ota_boot_desc desc = {.version = 1, .idf = OTA_SAMPLE_IDF, .date_time = SAMPLE_DATE " " SAMPLE_TIME};
    uint8_t sha[OTA_SHA256_LEN];
    OTA_TRY(identity(s, "bootloader", crypto, sha, err));
    struct ota_image_header header = header_of(s, ram->iram);
    struct ota_image_writer w;
    ota_image_begin(&w, out, &header);
    make_content(&work, DRAM_LEN, sha, 0);
    ota_boot_desc_write(&desc, work.p);
    ota_image_segment(&w, ram->dram, work.p, DRAM_LEN);
    make_content(&work, OTA_SAMPLE_BOOTLOADER_SIZE - out->len - 8u - OTA_SHA256_LEN - 4u, sha, 8);
    ota_image_segment(&w, ram->iram, work.p, (uint32_t)work.len);
    return ota_image_end(&w, crypto, err);
}

enum ota_status ota_sample_data(const struct ota_sample *s, const char *label, uint32_t size,
                                const struct ota_crypto *crypto, struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf line = {0};
    uint8_t sha[OTA_SHA256_LEN];
    OTA_TRY(identity(s, label, crypto, sha, err));
    make_content(out, size, sha, 0);
    ota_buf_printf(&line, "%s %s %s\n", s->project, label, s->version);
    memcpy(out->p, line.p, line.len < size ? line.len : size);
    return OTA_OK;
}

/* ---- table ---- */

/* Its data is no file system, and fills no partition. */
void ota_sample_rows(const struct ota_sample *s, struct ota_partition rows[OTA_SAMPLE_ROWS_MAX], size_t *count) {
    static const struct ota_partition base[] = {
        {OTA_PART_DATA, OTA_DATA_NVS, 0x9000, 0x4000, "nvs", 0},
        {OTA_PART_DATA, OTA_DATA_OTA, 0xD000, 0x2000, "otadata", 0},
        {OTA_PART_DATA, OTA_DATA_PHY, 0xF000, 0x1000, "phy_init", 0},
        {OTA_PART_APP, OTA_APP_OTA_0, 0x10000, OTA_SAMPLE_SLOT_SIZE, "ota_0", 0},
        {OTA_PART_APP, OTA_APP_OTA_0 + 1, 0x190000, OTA_SAMPLE_SLOT_SIZE, "ota_1", 0},
        {OTA_PART_DATA, OTA_DATA_NVS, 0x310000, 0xC000, "ota_state", 0},
        {OTA_PART_DATA, OTA_DATA_NVS, 0x31C000, 0x4000, "ota_id", OTA_FLAG_READONLY},
        {OTA_PART_DATA, OTA_DATA_UNDEFINED, 0x320000, 0x40000, "storage", 0},
    };
    _Static_assert(OTA_ARRAY_LEN(base) < OTA_SAMPLE_ROWS_MAX, "room for the added row");
    memcpy(rows, base, sizeof base);
    *count = OTA_ARRAY_LEN(base);
    if (!s->add_label)
        return;
    struct ota_partition *extra = &rows[(*count)++];
    *extra = (struct ota_partition){
        OTA_PART_DATA, OTA_DATA_UNDEFINED, OTA_SAMPLE_EXTRA_OFFSET, OTA_SAMPLE_EXTRA_SIZE, "", 0};
    size_t n = strnlen(s->add_label, OTA_LABEL_MAX);
    memcpy(extra->label, s->add_label, n);
}

enum ota_status ota_sample_table(const struct ota_sample *s, const struct ota_crypto *crypto, struct ota_buf *out,
                                 struct ota_err *err) {
    struct ota_table t = {0};
    ota_sample_rows(s, t.row, &t.count);
    ota_buf_reserve(out, OTA_TABLE_LENGTH);
    OTA_TRY(ota_table_write(&t, crypto, out->p, err));
    out->len = OTA_TABLE_LENGTH;
    return OTA_OK;
}
