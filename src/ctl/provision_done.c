/* SPDX-License-Identifier: Apache-2.0 */
/* A board that is done: is it still what it was, and would it be made the same now. */
#include <string.h>

#include "ctl/provision.h"
#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/passphrase.h"

/* ---- its files ----------------------------------------------------------------------------------------- */

struct found {
    bool gone;                  /* not all of them are there */
    const char *spoilt;         /* not as it was made; NULL: none */
    struct ota_short_path path; /* of `spoilt` */
};

static enum ota_status is_same(const struct ota_source *s, const struct ota_provision_file *f, bool *same,
                               struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    char hex[OTA_SHA256_HEX_LEN + 1];
    *same = s->size == f->bytes;
    if (!*same || !f->sha256[0])
        return OTA_OK;
    OTA_TRY(ota_source_sha256(s, &ota_crypto_openssl, digest, err));
    ota_hex_encode(digest, sizeof digest, hex);
    *same = strcmp(hex, f->sha256) == 0;
    return OTA_OK;
}

static enum ota_status look_at(const struct ota_provisioning *p, const struct ota_provision_file *f,
                               struct found *found, struct ota_err *err) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source file = {.fd = -1};
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", p->folder, f->name);
    bool same = true;
    enum ota_status st = ota_file_source_open(&file, path, OTA_FACTORY_FLASH_MAX, err);
    if (st == OTA_NOT_FOUND) {
        found->gone = true;
        return OTA_OK;
    }
    OTA_TRY(st);
    OTA_TRY(is_same(&file.source, f, &same, err));
    if (!same)
        found->spoilt = ota_short_path(&found->path, path, 100);
    return OTA_OK;
}

/* ---- what it is made of -------------------------------------------------------------------------------- */

static bool holds(const struct ota_provision_entry *e, const char *name) {
    for (size_t i = 0; i < e->file_count; i++)
        if (strcmp(e->file[i].name, name) == 0)
            return true;
    return false;
}

static bool is_other_kind(const struct ota_provisioning *p, const struct ota_provision_board *b,
                          const struct ota_provision_entry *e) {
    OTA_CLEAN_FREE char *name = ota_provision_file(p, b);
    return !holds(e, name);
}

static bool differs(const struct ota_provision_entry *e, const struct ota_provision_inputs *now, size_t kind) {
    return e->made_of[kind][0] && strcmp(e->made_of[kind], now->made_of[kind]) != 0;
}

/* Which of it, for a person. The flash size stands in the bootloader, too: then nobody can tell about the build. */
static void name_others(const struct ota_provision_entry *e, const struct ota_provision_inputs *now,
                        struct ota_buf *out) {
    static const char *const names[OTA_MADE_OF_COUNT] = {
        [OTA_MADE_OF_MAC] = "mac",
        [OTA_MADE_OF_VALUES] = "values",
        [OTA_MADE_OF_PRODUCT] = "product",
        [OTA_MADE_OF_CHANNEL] = "channel",
        [OTA_MADE_OF_GROUPS] = "groups",
        [OTA_MADE_OF_URL] = "url",
        [OTA_MADE_OF_ROOT] = "trusted root",
        [OTA_MADE_OF_CA] = "CA",
        [OTA_MADE_OF_CERTIFICATE] = "--client-cert",
        [OTA_MADE_OF_FLASH_SIZE] = "flash size",
        [OTA_MADE_OF_BUILD] = "build",
    };
    for (size_t k = 0; k < OTA_MADE_OF_COUNT; k++)
        if (differs(e, now, k) && (k != OTA_MADE_OF_BUILD || !differs(e, now, OTA_MADE_OF_FLASH_SIZE)))
            ota_buf_printf(out, "%s%s", out->len ? ", " : "", names[k]);
    if (!out->len)
        ota_buf_str(out, "values, options or build");
}

/* Of a record without a digest, or with one of another key, nobody can tell: `others` stays empty. */
static enum ota_status find_others(struct ota_provisioning *p, const struct ota_provision_board *b,
                                   const struct ota_provision_entry *e, struct ota_buf *others, struct ota_err *err) {
    OTA_CLEAN(ota_id_record_free) struct ota_id_record r = {0};
    OTA_CLEAN(ota_secret_free) struct ota_buf nvs = {0};
    struct ota_provision_inputs now;
    size_t name = strlen(p->key.name);
    if (!e->inputs || strncmp(e->inputs, p->key.name, name) != 0 || e->inputs[name] != '-')
        return OTA_OK;
    OTA_TRY(ota_provision_identity(p, b, &r, err));
    OTA_TRY(ota_provision_values(p, b, &nvs, err));
    OTA_TRY(ota_provision_inputs(p, b, &r, ota_buf_span(&nvs), &now, err));
    if (strcmp(now.whole, e->inputs) != 0)
        name_others(e, &now, others);
    return OTA_OK;
}

/* ---- the verdict --------------------------------------------------------------------------------------- */

static enum ota_status judge(struct ota_provisioning *p, const struct ota_provision_board *b,
                             const struct ota_provision_entry *e, const struct found *found, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf others = {0};
    if (found->spoilt)
        return ota_err_set(err, OTA_CONFIG, "%s: is not as it was made; bring it back, or let --again make it anew",
                           found->spoilt);
    if (is_other_kind(p, b, e)) {
        (void)ota_err_set(err, OTA_CONFIG, "board %s was made %s --parts; %s, or let --again make it anew", e->id,
                          p->parts ? "without" : "with", p->parts ? "leave the option out" : "add the option");
        return ota_provision_blame(&p->list, b, err);
    }
    OTA_TRY(find_others(p, b, e, &others, err));
    if (!others.len)
        return OTA_OK;
    (void)ota_err_set(err, OTA_CONFIG,
                      "board %s would be made of something else now (%s); change that back, or let --again make it "
                      "anew",
                      e->id, ota_buf_text(&others));
    return ota_provision_blame(&p->list, b, err);
}

enum ota_status ota_provision_look(struct ota_provisioning *p, const struct ota_provision_board *b,
                                   const struct ota_provision_entry *e, struct ota_err *err) {
    enum ota_provision_state *state = ota_provision_state(p, b);
    struct found found = {0};
    struct ota_err why;
    for (size_t i = 0; i < e->file_count; i++)
        OTA_TRY(look_at(p, &e->file[i], &found, err));
    *state = found.gone ? p->again ? OTA_PROVISION_REMADE : OTA_PROVISION_GONE : OTA_PROVISION_KEPT;
    if (found.gone && !found.spoilt)
        return OTA_OK;
    enum ota_status st = judge(p, b, e, &found, &why);
    if (st == OTA_OK)
        return OTA_OK;
    if (st == OTA_CONFIG && p->again) {
        *state = OTA_PROVISION_REMADE;
        return OTA_OK;
    }
    *err = why;
    return st;
}

static enum ota_status clear_file(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                  const struct ota_provision_file *f, struct ota_err *err) {
    OTA_CLEAN_FREE char *name = ota_provision_file(p, b);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", p->folder, f->name);
    struct found found = {0};
    if (*ota_provision_state(p, b) != OTA_PROVISION_FRESH)
        OTA_TRY(look_at(p, f, &found, err));
    bool stays = !found.spoilt && strcmp(f->name, name) == 0 && *ota_provision_state(p, b) != OTA_PROVISION_FRESH;
    return stays ? OTA_OK : ota_fs_remove(path, err);
}

enum ota_status ota_provision_clear(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                    const struct ota_provision_entry *e, struct ota_err *err) {
    for (size_t i = 0; e && i < e->file_count; i++)
        OTA_TRY(clear_file(p, b, &e->file[i], err));
    if (*ota_provision_state(p, b) != OTA_PROVISION_FRESH)
        return OTA_OK;
    OTA_CLEAN_FREE char *name = ota_provision_file(p, b);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", p->folder, name);
    return ota_fs_remove(path, err);
}
