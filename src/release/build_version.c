/* SPDX-License-Identifier: Apache-2.0 */
/* How a release is called: its version, its notes, and what both say when it has no app of its own. */
#include <string.h>

#include "host/crypto.h"
#include "host/json_tree.h"
#include "release/build_parts.h"

static bool version_valid(const char *v) {
    struct ota_span s = ota_span_str(v);
    if (s.len == 0 || s.len > OTA_VERSION_MAX || !ota_utf8_valid(s))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < 0x20 || s.p[i] == 0x7F)
            return false;
    return true;
}

bool ota_build_has_app(const struct ota_release *r) {
    for (size_t i = 0; i < r->step_count; i++)
        if (r->step[i].kind == OTA_KIND_APP)
            return true;
    return false;
}

/* "storage-1a2b3c4d" */
#define CONTENT_MAX (OTA_LABEL_MAX + 10u)
static void name_content(const struct ota_release *r, char out[CONTENT_MAX]) {
    char hex[OTA_SHA256_HEX_LEN + 1];
    const char *label = r->step[0].label;
    ota_hex_encode(r->step[0].sha256, OTA_SHA256_LEN, hex);
    (void)ota_format(out, CONTENT_MAX, "%s-%.8s", label + (label[0] == '@'), hex);
}

enum ota_status ota_build_set_version(struct ota_build *b, const struct ota_build_options *o, const char *app,
                                      struct ota_err *err) {
    struct ota_release *r = &b->release;
    char content[CONTENT_MAX];
    b->given.version = o->version != NULL;
    if (!o->version && !app[0])
        name_content(r, content);
    (void)ota_format(r->version, sizeof r->version, "%s", o->version ? o->version : app[0] ? app : content);
    if ((o->version && strlen(o->version) > OTA_VERSION_MAX) || !version_valid(r->version))
        return ota_err_set(err, OTA_ARGUMENT,
                           "version \"%.70s\" is not 1 to %u printable bytes; give one with --version",
                           o->version ? o->version : r->version, OTA_VERSION_MAX);
    return OTA_OK;
}

enum ota_status ota_build_set_notes(struct ota_build *b, const char *notes, struct ota_err *err) {
    b->given.notes = notes != NULL;
    b->notes.len = 0;
    if (notes)
        ota_buf_str(&b->notes, notes);
    else
        ota_buf_printf(&b->notes, "%s %s\n", b->release.product, b->release.version);
    if (b->notes.len == 0 || b->notes.len > OTA_NOTES_MAX || !ota_utf8_valid(ota_buf_span(&b->notes)))
        return ota_err_set(err, OTA_ARGUMENT, "the notes are not 1 to %u bytes of UTF-8 text", OTA_NOTES_MAX);
    b->release.notes_length = (uint32_t)b->notes.len;
    return ota_sha256(&ota_crypto_openssl, b->notes.p, b->notes.len, b->release.notes_sha256, err);
}

/* How much of the base's version is the app's: a base without an app carries it before a '+'. */
static size_t app_part(const struct ota_release *base) {
    const char *plus = strrchr(base->version, '+');
    if (ota_build_has_app(base))
        return strlen(base->version);
    return plus ? (size_t)(plus - base->version) : 0;
}

static void name_over(struct ota_release *r, const struct ota_release *base) {
    char content[CONTENT_MAX];
    name_content(r, content);
    size_t keep = base ? app_part(base) : 0, room = OTA_VERSION_MAX - 1 - strlen(content);
    if (keep > room)
        for (keep = room; keep && ((uint8_t)base->version[keep] & 0xC0) == 0x80; keep--) /* whole characters */
            ;
    (void)ota_format(r->version, sizeof r->version, "%.*s%s%s", (int)keep, base ? base->version : "", keep ? "+" : "",
                     content);
}

enum ota_status ota_build_set_base(struct ota_build *b, const struct ota_release *base, uint32_t from_min,
                                   struct ota_err *err) {
    if (ota_build_has_app(&b->release))
        return OTA_OK;
    if (!b->given.from_min)
        b->release.from_min = base ? from_min : 0;
    if (!b->given.version)
        name_over(&b->release, base);
    return b->given.notes ? OTA_OK : ota_build_set_notes(b, NULL, err);
}
