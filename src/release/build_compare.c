/* SPDX-License-Identifier: Apache-2.0 */
/* Push policy; see build_compare.h. */
#include "release/build_compare.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "host/crypto.h"
#include "release/build_parts.h"

enum ota_status ota_build_accept(const char *word, unsigned *accept, struct ota_err *err) {
    static const struct {
        const char *word;
        unsigned what;
    } words[] = {
        {"project", OTA_ACCEPT_PROJECT},
        {"secure-version", OTA_ACCEPT_SECURE_VERSION},
        {"boot", OTA_ACCEPT_BOOT},
        {"keys", OTA_ACCEPT_KEYS},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(words); i++)
        if (strcmp(words[i].word, word) == 0) {
            *accept |= words[i].what;
            return OTA_OK;
        }
    return ota_err_set(err, OTA_USAGE, "--accept-change \"%.40s\" is none of project, secure-version, boot, keys",
                       word);
}

/* ---- images ---------------------------------------------------------------------------------------------- */

struct compared {
    struct ota_image image;
    struct ota_signatures signatures;
};

static size_t find_kind(const struct ota_release *r, enum ota_kind kind) {
    size_t i = 0;
    while (i < r->step_count && r->step[i].kind != kind)
        i++;
    return i; /* step_count: it has none */
}

static const struct ota_release *last_with(const struct ota_build_past *past, enum ota_kind kind) {
    for (size_t n = past->count; n-- > 0;)
        if (find_kind(&past->release[n], kind) < past->release[n].step_count)
            return &past->release[n];
    return NULL;
}

static enum ota_status parse(const struct ota_buf *bytes, struct compared *out, struct ota_err *err) {
    const struct ota_span span = ota_buf_span(bytes);
    const struct ota_source source = ota_span_source(&span);
    OTA_TRY(ota_image_read(&source, &ota_crypto_openssl, &out->image, err));
    return ota_signatures_read_behind(&source, out->image.length, &out->signatures, err);
}

static enum ota_status read_body(const struct ota_transport *from, const struct ota_step *step, struct ota_buf *out,
                                 struct ota_err *err) {
    uint8_t sha256[OTA_SHA256_LEN];
    size_t got = 1;
    ota_buf_reserve(out, step->length + 1u); /* one more: it may be longer than signed */
    while (got && out->len <= step->length) {
        OTA_TRY(from->read(from->ctx, out->p + out->len, step->length + 1u - out->len, &got, err));
        out->len += got;
    }
    OTA_TRY(ota_sha256(&ota_crypto_openssl, out->p, out->len, sha256, err));
    if (out->len != step->length || memcmp(sha256, step->sha256, sizeof sha256) != 0)
        return ota_err_set(err, OTA_HASH, "it is not the image that was signed");
    return OTA_OK;
}

static enum ota_status fetch(const struct ota_transport *from, const struct ota_release *r, const struct ota_step *step,
                             struct ota_buf *out, struct ota_err *err) {
    char path[OTA_TARGET_PATH_MAX + OTA_SHA256_HEX_LEN];
    struct ota_response resp;
    if (!ota_release_served_path(r->product, r->counter, step->file, step->sha256, path, sizeof path))
        return ota_err_set(err, OTA_INTERNAL, "no path for it");
    const struct ota_request req = {.address = OTA_ADDRESS_TARGETS, .path = path};
    OTA_TRY(from->open(from->ctx, &req, &resp, err));
    enum ota_status st = OTA_OK;
    if (resp.status == 404)
        st = ota_err_set(err, OTA_NOT_FOUND, "it is not there");
    else if (resp.status != 200)
        st = ota_err_set(err, OTA_HTTP, "HTTP status %d", resp.status);
    else
        st = read_body(from, step, out, err);
    from->close(from->ctx);
    return st;
}

/* An image of the past. *known false: it is gone, which is remarked. */
static enum ota_status read_past(struct ota_build *b, const struct ota_build_past *past, const struct ota_release *r,
                                 enum ota_kind kind, struct compared *out, bool *known, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    const struct ota_step *step = &r->step[find_kind(r, kind)];
    enum ota_status st = fetch(past->targets, r, step, &bytes, err);
    *known = st == OTA_OK;
    if (st == OTA_NOT_FOUND) {
        ota_build_remark(b, "the %s of release %u is gone, so that nothing was compared with it", ota_kind_name(kind),
                         r->counter);
        return OTA_OK;
    }
    if (st == OTA_OK)
        st = parse(&bytes, out, err);
    return st == OTA_OK ? st : ota_err_prefix(err, "the %s of release %u", ota_kind_name(kind), r->counter);
}

static enum ota_status read_own(const struct ota_build *b, size_t step, struct compared *out, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_TRY(ota_build_read_step(b, step, NULL, &bytes, err));
    return parse(&bytes, out, err);
}

/* ---- keys ------------------------------------------------------------------------------------------------ */

static bool is_signed(const struct ota_signatures *s) {
    return s->count || s->v1;
}

/* Version 1 carries no key that could be compared. */
static bool key_kept(const struct ota_build *b, const struct ota_signatures *now, const struct ota_signatures *then) {
    return then->count ? ota_signatures_share_key(now, then, b->signature_blocks) : now->v1;
}

/* Boards that verify signatures trust keys that they have had from the start, or those of the app they run. */
static enum ota_status compare_keys(const struct ota_build *b, size_t step, const struct ota_signatures *now,
                                    const struct ota_signatures *then, const struct ota_release *last,
                                    enum ota_kind kind, unsigned accept, struct ota_err *err) {
    if (!is_signed(then) || key_kept(b, now, then) || (accept & OTA_ACCEPT_KEYS))
        return OTA_OK;
    if (ota_signatures_share_key(now, then, OTA_SIGNATURE_BLOCKS_MAX))
        return ota_err_set(err, OTA_SIGNATURE,
                           "%s: a key of release %u's %s signed it, but not first, where boards without Secure Boot V2 "
                           "look. Let it sign first, or add --accept-change keys%s",
                           b->path[step], last->counter, ota_kind_name(kind),
                           b->secure_boot ? "" : "; if they have it, tell ota.conf: secure_boot");
    return ota_err_set(
        err, OTA_SIGNATURE,
        "%s: %s of release %u's %s%s: boards that verify it refuse this one. Sign it with such a key, or "
        "if boards trust the new one, add --accept-change keys",
        b->path[step], !is_signed(now) ? "carries no signature, unlike that" : "is signed by no key", last->counter,
        ota_kind_name(kind), is_signed(now) && b->signature_blocks == 1 ? " in the first signature" : "");
}

/* Whatever trusts one image of a release must trust the others: with Secure Boot V2 a bootloader's keys are those in
 * eFuse, without it nobody looks at them. */
static enum ota_status compare_own_keys(const struct ota_build *b, unsigned accept, struct ota_err *err) {
    OTA_CLEAN_FREE struct compared *first = ota_calloc(1, sizeof *first), *other = ota_calloc(1, sizeof *other);
    const char *path = NULL;
    for (size_t i = 0; i < b->release.step_count && !(accept & OTA_ACCEPT_KEYS); i++) {
        const enum ota_kind kind = b->release.step[i].kind;
        if (!ota_kind_is_image(kind) || (kind == OTA_KIND_BOOTLOADER && !b->secure_boot))
            continue;
        OTA_TRY(read_own(b, i, path ? other : first, err));
        if (!path)
            path = first->signatures.count ? b->path[i] : NULL;
        else if (!ota_signatures_share_key(&first->signatures, &other->signatures, b->signature_blocks))
            return ota_err_set(err, OTA_SIGNATURE,
                               "%s: no Secure Boot key that signed %s signed it, too: boards that trust one refuse the "
                               "other. Sign both with one key, or if boards trust both, add --accept-change keys",
                               b->path[i], path);
    }
    return OTA_OK;
}

/* ---- app ------------------------------------------------------------------------------------------------- */

/* The numbers that two versions begin with; words behind them say nothing about an order. */
static int compare_versions(const char *a, const char *b) {
    a += *a == 'v';
    b += *b == 'v';
    while (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
        char *end_a, *end_b;
        unsigned long x = strtoul(a, &end_a, 10), y = strtoul(b, &end_b, 10);
        if (x != y)
            return x < y ? -1 : 1;
        if (*end_a != '.' || *end_b != '.')
            return 0;
        a = end_a + 1;
        b = end_b + 1;
    }
    return 0;
}

static void compare_version(struct ota_build *b, const struct ota_build_past *past, const struct ota_release *last) {
    const struct ota_release *offered = past->offered;
    const char *version = b->release.version;
    if (offered && compare_versions(version, offered->version) < 0)
        ota_build_remark(b, "%s is lower than the %s of release %u, which %s offers: boards go back", version,
                         offered->version, offered->counter, past->channel);
    else if (last && compare_versions(version, last->version) < 0)
        ota_build_remark(b, "%s is lower than the %s of release %u, the last one pushed", version, last->version,
                         last->counter);
}

/* An eFuse counts up only: boards that run the last release may never boot a lower one again. */
static enum ota_status compare_secure_version(const struct ota_build *b, size_t step, const struct ota_release *last,
                                              unsigned accept, struct ota_err *err) {
    if (b->release.secure_version >= last->secure_version || (accept & OTA_ACCEPT_SECURE_VERSION))
        return OTA_OK;
    return ota_err_set(err, OTA_SECURE_VERSION,
                       "%s: secure_version (at 0x24) is %u, release %u has %u, and boards with that in their eFuses "
                       "refuse less. Raise it, or if no board took that release, add --accept-change secure-version",
                       b->path[step], (unsigned)b->release.secure_version, (unsigned)last->counter,
                       (unsigned)last->secure_version);
}

/* No limit is above every limit. */
static unsigned limit_of(uint16_t max) {
    return max == 0 || max == UINT16_MAX ? UINT16_MAX + 1u : max;
}

static void compare_revisions(struct ota_build *b, const char *what, uint16_t min, uint16_t max, uint16_t last_min,
                              uint16_t last_max, const struct ota_release *last) {
    if (min > last_min)
        ota_build_remark(
            b, "it needs %s %u.%u or newer, release %u needs %u.%u: boards below %u.%u stay where they are", what,
            min / 100u, min % 100u, last->counter, last_min / 100u, last_min % 100u, min / 100u, min % 100u);
    if (limit_of(max) < limit_of(last_max))
        ota_build_remark(b, "it is for %s up to %u.%u, release %u for more: boards above %u.%u stay where they are",
                         what, max / 100u, max % 100u, last->counter, max / 100u, max % 100u);
}

static enum ota_status compare_project(const struct ota_build *b, size_t step, const struct ota_image *now,
                                       const struct ota_image *then, const struct ota_release *last, unsigned accept,
                                       struct ota_err *err) {
    if (strcmp(now->app.project, then->app.project) == 0 || (accept & OTA_ACCEPT_PROJECT))
        return OTA_OK;
    return ota_err_set(err, OTA_IMAGE_DESCRIPTOR,
                       "%s: project_name (at 0x50) is \"%s\", of release %u \"%s\": is this the build folder you "
                       "mean? If the project has another name now, add --accept-change project",
                       b->path[step], now->app.project, (unsigned)last->counter, then->app.project);
}

static enum ota_status compare_app(struct ota_build *b, const struct ota_build_past *past, size_t step, unsigned accept,
                                   struct ota_err *err) {
    OTA_CLEAN_FREE struct compared *now = ota_calloc(1, sizeof *now), *then = ota_calloc(1, sizeof *then);
    const struct ota_release *last = last_with(past, OTA_KIND_APP);
    bool known;
    compare_version(b, past, last);
    if (!last)
        return OTA_OK;
    OTA_TRY(compare_secure_version(b, step, last, accept, err));
    OTA_TRY(read_past(b, past, last, OTA_KIND_APP, then, &known, err));
    if (!known)
        return OTA_OK;
    OTA_TRY(read_own(b, step, now, err));
    OTA_TRY(compare_project(b, step, &now->image, &then->image, last, accept, err));
    OTA_TRY(compare_keys(b, step, &now->signatures, &then->signatures, last, OTA_KIND_APP, accept, err));
    const struct ota_image *new = &now->image, *old = &then->image;
    compare_revisions(b, "chip revision", new->min_rev, new->max_rev, old->min_rev, old->max_rev, last);
    compare_revisions(b, "eFuse block revision", new->app.min_blk_rev, new->app.max_blk_rev, old->app.min_blk_rev,
                      old->app.max_blk_rev, last);
    return OTA_OK;
}

/* A factory app that comes alone: beside an app, both were compared with each other. */
static enum ota_status compare_factory(struct ota_build *b, const struct ota_build_past *past, size_t step,
                                       unsigned accept, struct ota_err *err) {
    OTA_CLEAN_FREE struct compared *now = ota_calloc(1, sizeof *now), *then = ota_calloc(1, sizeof *then);
    const struct ota_release *last = last_with(past, OTA_KIND_APP);
    bool known;
    if (!last || ota_build_has_app(&b->release))
        return OTA_OK;
    OTA_TRY(read_past(b, past, last, OTA_KIND_APP, then, &known, err));
    OTA_TRY(read_own(b, step, now, err));
    return known ? compare_keys(b, step, &now->signatures, &then->signatures, last, OTA_KIND_APP, accept, err) : OTA_OK;
}

/* ---- boot ------------------------------------------------------------------------------------------------ */

static bool same_spi(const struct ota_image *a, const struct ota_image *b) {
    return a->spi_mode == b->spi_mode && a->spi_speed == b->spi_speed && a->spi_size == b->spi_size;
}

static enum ota_status compare_spi(struct ota_build *b, size_t step, const struct ota_image *now,
                                   const struct ota_image *then, const struct ota_release *last, enum ota_kind kind,
                                   unsigned accept, struct ota_err *err) {
    if (same_spi(now, then))
        return OTA_OK;
    if (kind == OTA_KIND_BOOTLOADER && !(accept & OTA_ACCEPT_BOOT))
        return ota_err_set(err, OTA_BOOT_CONFIG,
                           "%s: flash mode/speed/size codes (at 0x2) are %u/%u/%u, of release %u %u/%u/%u: boards "
                           "refuse it. Build with the same flash settings, or if boards were flashed anew, add "
                           "--accept-change boot",
                           b->path[step], now->spi_mode, now->spi_speed, now->spi_size, (unsigned)last->counter,
                           then->spi_mode, then->spi_speed, then->spi_size);
    ota_build_remark(b,
                     "the bootloader's flash mode/speed/size codes are %u/%u/%u, those of release %u's %s %u/%u/%u: "
                     "boards flashed with the latter refuse it",
                     now->spi_mode, now->spi_speed, now->spi_size, last->counter, ota_kind_name(kind), then->spi_mode,
                     then->spi_speed, then->spi_size);
    return OTA_OK;
}

/* elf2image gives both images of a build the same header, so that where no bootloader was ever released the app hints
 * at what boards were flashed with. Of keys, too: but apps may be verified where bootloaders are not. */
static enum ota_status compare_bootloader(struct ota_build *b, const struct ota_build_past *past, size_t step,
                                          unsigned accept, struct ota_err *err) {
    OTA_CLEAN_FREE struct compared *now = ota_calloc(1, sizeof *now), *then = ota_calloc(1, sizeof *then);
    const struct ota_release *last = last_with(past, OTA_KIND_BOOTLOADER);
    const enum ota_kind kind = last ? OTA_KIND_BOOTLOADER : OTA_KIND_APP;
    bool known;
    last = last ? last : last_with(past, OTA_KIND_APP);
    if (!last)
        return OTA_OK;
    OTA_TRY(read_past(b, past, last, kind, then, &known, err));
    OTA_TRY(read_own(b, step, now, err));
    if (!known)
        return OTA_OK;
    OTA_TRY(compare_spi(b, step, &now->image, &then->image, last, kind, accept, err));
    if (kind == OTA_KIND_APP && now->signatures.count == 0)
        return OTA_OK;
    return compare_keys(b, step, &now->signatures, &then->signatures, last, kind, accept, err);
}

/* Boards compare these with what they were built for, and take no bootloader or table of another kind. */
static enum ota_status compare_boot(const struct ota_build *b, const struct ota_build_past *past, unsigned accept,
                                    struct ota_err *err) {
    const struct ota_release *last = NULL;
    for (size_t n = past->count; n-- > 0 && !last;)
        last = past->release[n].has_boot ? &past->release[n] : NULL;
    if (!b->release.has_boot || !last || (accept & OTA_ACCEPT_BOOT))
        return OTA_OK;
    const struct ota_boot_config *now = &b->release.boot, *then = &last->boot;
    const struct {
        const char *option;
        unsigned now, then;
    } field[] = {
        {"BOOTLOADER_APP_ROLLBACK_ENABLE", now->rollback, then->rollback},
        {"BOOTLOADER_APP_ANTI_ROLLBACK", now->anti_rollback, then->anti_rollback},
        {"SECURE_FLASH_ENC_ENABLED", now->flash_encryption, then->flash_encryption},
        {"the version of Secure Boot", now->secure_boot, then->secure_boot},
        {"PARTITION_TABLE_OFFSET", now->table_offset, then->table_offset},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(field); i++)
        if (field[i].now != field[i].then)
            return ota_err_set(
                err, OTA_BOOT_CONFIG,
                "sdkconfig.json: %s is 0x%x, of release %u 0x%x: boards refuse the bootloader and table. "
                "Build with the settings boards have, or if they were flashed anew, add "
                "--accept-change boot",
                field[i].option, field[i].now, (unsigned)last->counter, field[i].then);
    return OTA_OK;
}

/* ---- data ------------------------------------------------------------------------------------------------ */

static const struct ota_step *last_of_label(const struct ota_build_past *past, const char *label,
                                            const struct ota_release **of) {
    for (size_t n = past->count; n-- > 0;)
        for (size_t i = 0; i < past->release[n].step_count; i++)
            if (strcmp(past->release[n].step[i].label, label) == 0) {
                *of = &past->release[n];
                return &past->release[n].step[i];
            }
    return NULL;
}

/* SPIFFS and LittleFS write the size of their partition into it and mount no other. */
static bool fills_its_partition(const struct ota_partition *row) {
    return row->type == OTA_PART_DATA && (row->subtype == OTA_DATA_SPIFFS || row->subtype == OTA_DATA_LITTLEFS);
}

static void compare_data(struct ota_build *b, const struct ota_build_past *past, const struct ota_step *step) {
    const struct ota_release *of = NULL;
    const struct ota_step *last = last_of_label(past, step->label, &of);
    const struct ota_partition *row = b->table_known ? ota_table_by_label(&b->table, step->label) : NULL;
    if (row && fills_its_partition(row) && step->length != row->size)
        ota_build_remark(b, "%s has %u bytes, its partition %u: a file system made for another size may not mount",
                         step->label, step->length, row->size);
    if (!b->table_known && last && step->length > last->length)
        ota_build_remark(b, "%s has %u bytes, in release %u it had %u, and no table tells whether that fits",
                         step->label, step->length, of->counter, last->length);
}

/* ---- all of it ------------------------------------------------------------------------------------------- */

enum ota_status ota_build_compare(struct ota_build *b, const struct ota_build_past *past, unsigned accept,
                                  struct ota_err *err) {
    OTA_TRY(compare_boot(b, past, accept, err));
    OTA_TRY(compare_own_keys(b, accept, err));
    for (size_t i = 0; i < b->release.step_count; i++) {
        const struct ota_step *step = &b->release.step[i];
        if (step->kind == OTA_KIND_APP)
            OTA_TRY(compare_app(b, past, i, accept, err));
        else if (step->kind == OTA_KIND_BOOTLOADER)
            OTA_TRY(compare_bootloader(b, past, i, accept, err));
        else if (step->kind == OTA_KIND_FACTORY)
            OTA_TRY(compare_factory(b, past, i, accept, err));
        else if (step->kind == OTA_KIND_DATA)
            compare_data(b, past, step);
    }
    return OTA_OK;
}
