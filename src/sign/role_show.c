/* SPDX-License-Identifier: Apache-2.0 */
/* Roles for people; see role_show.h. */
#include "sign/role_show.h"

#include <string.h>

#include "sign/role_sign.h"
#include "sign/stones.h"

/* ---- keys ------------------------------------------------------------------------------------------------- */

/* One line per key, '+' and '-' before those that come and go. */
static void show_signers(const char *role, const struct ota_role_by *now, const struct ota_role_by *before,
                         struct ota_buf *out) {
    ota_buf_printf(out, "  %s: %u of %zu keys sign", role, now->threshold, now->count);
    if (before && before->threshold != now->threshold)
        ota_buf_printf(out, " (%u before)", before->threshold);
    ota_buf_str(out, before ? "\n" : " (new)\n");
    for (size_t i = 0; i < now->count; i++)
        ota_buf_printf(out, "    %c %s\n", before && ota_role_by_names(before, now->key[i].keyid) ? ' ' : '+',
                       now->key[i].keyid);
    for (size_t i = 0; before && i < before->count; i++)
        if (!ota_role_by_names(now, before->key[i].keyid))
            ota_buf_printf(out, "    - %s\n", before->key[i].keyid);
}

static enum ota_status show_root(const struct ota_role_file *f, const struct ota_role_file *before, struct ota_buf *out,
                                 struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_role_root *now = ota_calloc(1, sizeof *now), *old = ota_calloc(1, sizeof *old);
    OTA_TRY(ota_role_root_read(&f->meta, now, err));
    if (before)
        OTA_TRY(ota_role_root_read(&before->meta, old, err));
    for (int role = 0; role < OTA_ROLE_COUNT; role++)
        show_signers(ota_role_name((enum ota_role)role), &now->by[role], before ? &old->by[role] : NULL, out);
    return OTA_OK;
}

static const struct ota_role_by *find(const struct ota_role_targets *t, const char *name) {
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->product[i].name, name) == 0)
            return &t->product[i].by;
    return NULL;
}

static enum ota_status show_targets(const struct ota_role_file *f, const struct ota_role_file *before,
                                    struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_role_targets *now = ota_calloc(1, sizeof *now), *old = ota_calloc(1, sizeof *old);
    OTA_TRY(ota_role_targets_read(&f->meta, now, err));
    if (before)
        OTA_TRY(ota_role_targets_read(&before->meta, old, err));
    for (size_t i = 0; i < now->count; i++)
        show_signers(now->product[i].name, &now->product[i].by, find(old, now->product[i].name), out);
    show_signers("rollout", &now->rollout, before ? &old->rollout : NULL, out);
    for (size_t i = 0; i < old->count; i++)
        if (!find(now, old->product[i].name))
            ota_buf_printf(out, "  %s: no longer signs anything\n", old->product[i].name);
    return OTA_OK;
}

/* ---- releases --------------------------------------------------------------------------------------------- */

static void show_image(const struct ota_step *s, struct ota_buf *out) {
    char hex[OTA_SHA256_HEX_LEN + 1];
    ota_hex_encode(s->sha256, sizeof s->sha256, hex);
    ota_buf_printf(out, "    %s: %s, %u bytes, SHA-256 %s\n", s->label, s->file, s->length, hex);
    if (s->z_length == 0)
        return;
    ota_hex_encode(s->z_sha256, sizeof s->z_sha256, hex);
    ota_buf_printf(out, "      zlib form: %u bytes, SHA-256 %s\n", s->z_length, hex);
}

static void show_release(const struct ota_release *r, struct ota_buf *out) {
    ota_buf_printf(out, "  + release %u, version %s, for %s", r->counter, r->version, r->chip);
    for (uint8_t i = 0; i < r->channel_count; i++)
        ota_buf_printf(out, "%s%s", i ? ", " : "; channels ", r->channel[i]);
    if (r->from_min)
        ota_buf_printf(out, "; over release %u or newer", r->from_min);
    ota_buf_printf(out, "; secure version %u%s%s\n", r->secure_version, r->compat ? "; compatible" : "",
                   r->risk ? "; brick risk accepted" : "");
    for (uint8_t i = 0; i < r->step_count; i++)
        show_image(&r->step[i], out);
}

static bool same(const struct ota_release *a, const struct ota_release *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

static enum ota_status show_product(const struct ota_role_file *f, const struct ota_role_file *before,
                                    struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN(ota_stones_free) struct ota_stones now = {0}, old = {0};
    OTA_TRY(ota_stones_read(&f->meta, f->name, &now, err));
    if (before)
        OTA_TRY(ota_stones_read(&before->meta, f->name, &old, err));
    for (size_t i = 0; i < now.count; i++) {
        const struct ota_release *was = ota_stones_find(&old, now.release[i].counter);
        if (was && same(was, &now.release[i]))
            ota_buf_printf(out, "    release %u, version %s, as before\n", was->counter, was->version);
        else
            show_release(&now.release[i], out);
    }
    for (size_t i = 0; i < old.count; i++)
        if (!ota_stones_find(&now, old.release[i].counter))
            ota_buf_printf(out, "  - release %u, version %s\n", old.release[i].counter, old.release[i].version);
    return OTA_OK;
}

static bool top_level(const char *name, enum ota_role role) {
    return strcmp(name, ota_role_name(role)) == 0;
}

enum ota_status ota_role_show(const struct ota_role_file *f, const struct ota_role_file *before, struct ota_buf *out,
                              struct ota_err *err) {
    char expires[OTA_TIME_TEXT_MAX];
    ota_time_format(f->meta.expires, expires);
    ota_buf_printf(out, "%s, version %llu, expires %s\n", f->name, (unsigned long long)f->meta.version, expires);
    if (top_level(f->name, OTA_ROLE_ROOT))
        return show_root(f, before, out, err);
    if (top_level(f->name, OTA_ROLE_TARGETS))
        return show_targets(f, before, out, err);
    if (top_level(f->name, OTA_ROLE_SNAPSHOT) || top_level(f->name, OTA_ROLE_TIMESTAMP) ||
        strcmp(f->name, "rollout") == 0)
        return OTA_OK;
    return show_product(f, before, out, err);
}
