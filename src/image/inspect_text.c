/* SPDX-License-Identifier: Apache-2.0 */
/* An inspection as text, in the words of esptool image-info and gen_esp32part.py. */
#include <string.h>

#include "host/printable.h"
#include "image/inspect.h"
#include "image/memory_map.h"

/* Names in files may hold terminal escapes. The caller frees. */
static char *printable(const char *text) {
    char *safe = ota_strdup(text);
    (void)ota_printable_clean(safe);
    return safe;
}

static void put_hex(struct ota_buf *out, const char *name, const uint8_t *p, size_t n, const char *remark) {
    OTA_CLEAN_FREE char *hex = ota_calloc(2 * n + 1, 1);
    ota_hex_encode(p, n, hex);
    ota_buf_printf(out, "%s: %s%s\n", name, hex, remark);
}

/* ---- images ---- */

static void put_code(struct ota_buf *out, const char *name, const char *text, const char *unit, unsigned code) {
    if (text)
        ota_buf_printf(out, "%s: %s%s\n", name, text, unit);
    else
        ota_buf_printf(out, "%s: unknown code %u\n", name, code);
}

static void put_revision(struct ota_buf *out, const char *name, uint16_t revision, bool upper) {
    if (upper && (revision == 0 || revision == UINT16_MAX))
        ota_buf_printf(out, "%s: not set\n", name);
    else
        ota_buf_printf(out, "%s: v%u.%u\n", name, revision / 100u, revision % 100u);
}

static void put_header(struct ota_buf *out, const struct ota_image *i) {
    const struct ota_chip *chip = ota_chip_by_id(i->chip_id);
    const uint8_t *drv = i->spi_pin_drv;
    ota_buf_printf(out, "Chip: %s (id %u)\n", chip ? chip->name : "unknown", i->chip_id);
    ota_buf_printf(out, "Entry point: 0x%08x\n", i->entry);
    put_code(out, "Flash size", ota_flash_size_name(i->spi_size), "", i->spi_size);
    put_code(out, "Flash freq", ota_flash_mhz(i), "m", i->spi_speed);
    put_code(out, "Flash mode", ota_flash_mode_name(i->spi_mode), "", i->spi_mode);
    ota_buf_printf(out, "WP pin: 0x%02x%s\n", i->wp_pin, i->wp_pin == 0xEE ? " (disabled)" : "");
    ota_buf_printf(out, "Flash pin drive: clk %u, q %u, d %u, cs0 %u, hd %u, wp %u\n", drv[0] & 15u, drv[0] >> 4,
                   drv[1] & 15u, drv[1] >> 4, drv[2] & 15u, drv[2] >> 4);
    ota_buf_printf(out, "Minimal chip revision: v%u.%u (legacy min_rev %u)\n", i->min_rev / 100u, i->min_rev % 100u,
                   i->min_rev_legacy);
    put_revision(out, "Maximal chip revision", i->max_rev, true);
}

static void put_segments(struct ota_buf *out, const struct ota_image *i) {
    ota_buf_str(out, "\nSegment   Length  Load addr   Data offs  Memory\n");
    for (unsigned n = 0; n < i->segment_count; n++) {
        const struct ota_image_segment *s = &i->segment[n];
        ota_buf_printf(out, "%7u  0x%05x  0x%08x  0x%07x  ", n, s->length, s->load_addr, s->offset);
        const char *name;
        for (size_t k = 0; (name = ota_memory_name(i->chip_id, s->load_addr, k)); k++)
            ota_buf_printf(out, "%s%s", k ? ", " : "", name);
        ota_buf_str(out, "\n");
    }
}

static void put_digests(struct ota_buf *out, const struct ota_image *i) {
    ota_buf_printf(out, "\nChecksum: 0x%02x ", i->checksum_stored);
    if (i->checksum_ok)
        ota_buf_str(out, "(valid)\n");
    else
        ota_buf_printf(out, "(invalid, calculated 0x%02x)\n", i->checksum);
    if (i->hash_appended)
        put_hex(out, "Validation hash", i->hash, OTA_SHA256_LEN, i->hash_ok ? " (valid)" : " (invalid)");
    else
        ota_buf_str(out, "Validation hash: not appended\n");
}

static void put_app(struct ota_buf *out, const struct ota_image *i) {
    ota_buf_printf(out, "\nProject name: %s\nApp version: %s\n", i->app.project, i->app.version);
    ota_buf_printf(out, "Compile time: %s %s\n", i->app.date, i->app.time);
    put_hex(out, "ELF file SHA256", i->app.elf_sha256, OTA_SHA256_LEN, "");
    ota_buf_printf(out, "ESP-IDF: %s\n", i->app.idf);
    put_revision(out, "Minimal eFuse block revision", i->app.min_blk_rev, false);
    put_revision(out, "Maximal eFuse block revision", i->app.max_blk_rev, true);
    ota_buf_printf(out, "MMU page size: %u KB\nSecure version: %u\n", i->app.mmu_page / 1024u, i->app.secure_version);
}

static void put_bootloader(struct ota_buf *out, const struct ota_image *i) {
    if (!i->boot.present) {
        ota_buf_str(out, "\nBootloader without a descriptor (older than ESP-IDF 5.2)\n");
        return;
    }
    ota_buf_printf(out, "\nBootloader version: %u\nESP-IDF: %s\nCompile time: %s\n", i->boot.version, i->boot.idf,
                   i->boot.date_time);
}

static void put_signatures(struct ota_buf *out, const struct ota_signatures *s) {
    if (s->v1)
        ota_buf_str(out, "\nSigned for Secure Boot version 1\n");
    for (size_t n = 0; n < s->count; n++) {
        const struct ota_signature_block *b = &s->block[n];
        OTA_CLEAN_FREE char *name =
            ota_sprintf("%sSignature block %zu: %s, %s, key digest", n ? "" : "\n", n, ota_boot_layout(b->scheme)->name,
                        !b->crc_ok      ? "CRC wrong"
                        : !b->digest_ok ? "made over other bytes"
                        : !b->valid     ? "does not verify"
                                        : "valid");
        put_hex(out, name, b->key_digest, OTA_SHA256_LEN, "");
    }
}

static void put_image(struct ota_buf *out, const struct ota_inspection *i) {
    put_header(out, &i->image);
    put_segments(out, &i->image);
    put_digests(out, &i->image);
    if (i->kind == OTA_INSPECT_APP)
        put_app(out, &i->image);
    if (i->kind == OTA_INSPECT_BOOTLOADER)
        put_bootloader(out, &i->image);
}

/* ---- the others ---- */

static void put_size(struct ota_buf *out, uint32_t size) {
    if (size && size % 0x100000u == 0)
        ota_buf_printf(out, "%uM", size / 0x100000u);
    else if (size && size % 0x400u == 0)
        ota_buf_printf(out, "%uK", size / 0x400u);
    else
        ota_buf_printf(out, "0x%x", size);
}

static void put_table(struct ota_buf *out, const struct ota_table *t) {
    ota_buf_str(out, "# Name, Type, SubType, Offset, Size, Flags\n");
    for (size_t n = 0; n < t->count; n++) {
        const struct ota_partition *p = &t->row[n];
        char type[8], subtype[8];
        bool encrypted = (p->flags & OTA_FLAG_ENCRYPTED) != 0, readonly = (p->flags & OTA_FLAG_READONLY) != 0;
        OTA_CLEAN_FREE char *label = printable(p->label);
        ota_buf_printf(out, "%s,%s,%s,0x%x,", label, ota_partition_type_name(p, type),
                       ota_partition_subtype_name(p, subtype), p->offset);
        put_size(out, p->size);
        ota_buf_printf(out, ",%s%s%s\n", encrypted ? "encrypted" : "", encrypted && readonly ? ":" : "",
                       readonly ? "readonly" : "");
    }
    ota_buf_printf(out, "MD5: %s\nEnd marker: %s\n",
                   !t->has_md5 ? "none"
                   : t->md5_ok ? "valid"
                               : "invalid",
                   t->has_end ? "yes" : "none");
}

static void put_otadata(struct ota_buf *out, const struct ota_otadata_entry e[2]) {
    for (int n = 0; n < 2; n++) {
        if (e[n].seq == UINT32_MAX)
            ota_buf_printf(out, "Entry %d: blank\n", n);
        else
            ota_buf_printf(out, "Entry %d: sequence %u, %s%s%s\n", n, e[n].seq, ota_slot_state_name(e[n].state),
                           e[n].crc_ok ? "" : ", CRC wrong", ota_otadata_active(e) == n ? ", active" : "");
    }
}

static void put_nvs(struct ota_buf *out, const struct ota_inspection *i) {
    for (size_t n = 0; n < i->nvs_count; n++) {
        const struct ota_inspect_nvs *v = &i->nvs[n];
        OTA_CLEAN_FREE char *ns = printable(v->ns);
        OTA_CLEAN_FREE char *key = printable(v->key);
        ota_buf_printf(out, "%s.%s: %s, %zu bytes\n", ns, key, ota_nvs_type_name(v->type), v->length);
    }
}

static void put_verdict(struct ota_buf *out, const struct ota_inspection *i) {
    bool data = i->servable && i->kind == OTA_INSPECT_UNKNOWN;
    ota_buf_printf(out, "\nServable: %s",
                   data          ? "only as data"
                   : i->servable ? "yes"
                   : i->broken   ? "no, broken"
                                 : "no");
    ota_buf_printf(out, "%s%s\n", i->verdict.msg[0] ? ": " : "", i->verdict.msg);
}

void ota_inspect_text(const struct ota_inspection *i, const char *file, struct ota_buf *out) {
    OTA_CLEAN_FREE char *safe = printable(file);
    ota_buf_printf(out, "%s: %s, %llu bytes\n", safe, ota_inspect_kind_name(i->kind), (unsigned long long)i->size);
    put_hex(out, "SHA-256", i->sha256, OTA_SHA256_LEN, "");
    if (i->parsed) {
        if (i->kind == OTA_INSPECT_APP || i->kind == OTA_INSPECT_BOOTLOADER || i->kind == OTA_INSPECT_IMAGE)
            put_image(out, i);
        if (i->kind == OTA_INSPECT_TABLE)
            put_table(out, &i->table);
        if (i->kind == OTA_INSPECT_OTADATA)
            put_otadata(out, i->otadata);
        if (i->kind == OTA_INSPECT_NVS)
            put_nvs(out, i);
    }
    put_signatures(out, &i->signatures);
    put_verdict(out, i);
}
