/* SPDX-License-Identifier: Apache-2.0 */
/* Judges expiry and custody of the roles; see outlook.h. */
#include "store/outlook.h"

#include <string.h>

#include "host/key_file.h"

#define DAY 86400u
#define DAILY_BELOW 7u     /* days */
#define ONLINE_BELOW 7u    /* snapshot and rollout are renewed under 10 days */
#define TIMESTAMP_BELOW 4u /* it lives 7 days and is renewed daily */

/* ---- who holds the keys ----------------------------------------------------------------------------------- */

static const struct ota_key_place *find_key(const struct ota_key_list *keys, uint32_t keyid_crc) {
    for (size_t i = 0; i < keys->count; i++)
        if (keys->key[i].keyid[0] && ota_keyid_crc(ota_span_str(keys->key[i].keyid)) == keyid_crc)
            return &keys->key[i];
    return NULL;
}

/* A file of this role that did not open. Its name is all there is to go by. */
static const struct ota_key_place *find_locked(const struct ota_key_list *keys, const char *name) {
    char role[OTA_ROLE_NAME_MAX + 1];
    for (size_t i = 0; i < keys->count; i++)
        if (!keys->key[i].keyid[0] && ota_key_file_role(keys->key[i].file, role) && strcmp(role, name) == 0)
            return &keys->key[i];
    return NULL;
}

static void list_here(const struct ota_repo_role_info *r, const struct ota_key_list *keys, size_t *here,
                      struct ota_buf *files) {
    *here = 0;
    for (size_t i = 0; i < r->key_count; i++) {
        const struct ota_key_place *k = find_key(keys, r->keyid_crc[i]);
        if (k)
            ota_buf_printf(files, "%skeys/%s%s", (*here)++ ? ", " : "", k->file, k->token ? " (HSM)" : "");
    }
}

static void find_holder(const struct ota_repo_role_info *r, const struct ota_key_list *keys,
                        struct ota_outlook_role *out) {
    OTA_CLEAN(ota_buf_free) struct ota_buf files = {0};
    const struct ota_key_place *locked = find_locked(keys, r->name);
    list_here(r, keys, &out->here, &files);
    if (locked)
        ota_buf_printf(&files, "%skeys/%s (%s)", files.len ? ", " : "", locked->file,
                       locked->token ? "HSM, not reached" : "encrypted");
    const char *where = files.len ? ota_buf_text(&files) : "elsewhere";
    if (r->key_count == 1)
        (void)ota_format(out->holder, sizeof out->holder, "%s", where);
    else
        (void)ota_format(out->holder, sizeof out->holder, "%u of %zu, %zu key%s here%s%s", r->threshold, r->key_count,
                         out->here, out->here == 1 ? "" : "s", files.len ? ": " : "", files.len ? where : "");
}

void ota_outlook_find(const struct ota_repo_info *info, const struct ota_key_list *keys, struct ota_outlook *out) {
    memset(out, 0, sizeof *out);
    for (; out->count < info->role_count && out->count < OTA_OUTLOOK_ROLES_MAX; out->count++) {
        const struct ota_repo_role_info *r = &info->role[out->count];
        struct ota_outlook_role *o = &out->role[out->count];
        memcpy(o->name, r->name, sizeof o->name);
        o->version = r->version;
        o->expires = r->expires;
        o->threshold = r->threshold;
        o->keys = r->key_count;
        find_holder(r, keys, o);
    }
}

/* ---- what has to be done ---------------------------------------------------------------------------------- */

bool ota_outlook_online(const struct ota_outlook_role *r) {
    return strcmp(r->name, "timestamp") == 0 || strcmp(r->name, "snapshot") == 0 || strcmp(r->name, "rollout") == 0;
}

bool ota_outlook_renewed(const struct ota_outlook_role *r) {
    return ota_outlook_online(r) || (r->here >= r->threshold && strcmp(r->name, "root") != 0);
}

static void describe_remedy(const struct ota_outlook_role *r, char *out, size_t cap) {
    if (ota_outlook_online(r))
        (void)ota_format(out, cap, "otaserve renews it while it runs: start it, or see its log");
    else if (ota_outlook_renewed(r))
        (void)ota_format(out, cap, "otaserve renews it: start it, or run: otactl renew %s", r->name);
    else if (r->here >= r->threshold)
        (void)ota_format(out, cap, "Run: otactl renew %s", r->name);
    else
        (void)ota_format(out, cap, "Run: otactl renew %s --key FILE (with its offline key; %u of its keys must sign)",
                         r->name, r->threshold);
}

/* Days before expiry from which on it is said: 60, 30, 7. */
static unsigned step_of(uint64_t days) {
    static const unsigned steps[] = {7, 30, 60};
    for (size_t i = 0; i < OTA_ARRAY_LEN(steps); i++)
        if (days < steps[i])
            return steps[i];
    return 0;
}

static enum ota_outlook_level judge(const char *what, const char *remedy, uint64_t expires, uint64_t now,
                                    uint64_t only_below, char text[OTA_ERR_MSG_MAX]) {
    char when[OTA_TIME_TEXT_MAX];
    ota_time_format(expires, when);
    text[0] = '\0';
    if (expires <= now) {
        uint64_t ago = (now - expires) / DAY;
        (void)ota_format(text, OTA_ERR_MSG_MAX, "%s expired on %s, %llu day%s ago. %s", what, when,
                         (unsigned long long)ago, ago == 1 ? "" : "s", remedy);
        return OTA_OUTLOOK_EXPIRED;
    }
    uint64_t days = (expires - now) / DAY;
    if (days >= only_below || step_of(days) == 0)
        return OTA_OUTLOOK_WELL;
    if (days < DAILY_BELOW)
        (void)ota_format(text, OTA_ERR_MSG_MAX, "%s expires in %llu day%s, on %s. %s", what, (unsigned long long)days,
                         days == 1 ? "" : "s", when, remedy);
    else
        (void)ota_format(text, OTA_ERR_MSG_MAX, "%s expires in less than %u days, on %s. %s", what, step_of(days), when,
                         remedy);
    return OTA_OUTLOOK_WARNING;
}

/* Without its key an online role lives on until it expires, and then every board stands still. */
static bool lacks_key(const struct ota_outlook_role *r) {
    return ota_outlook_online(r) && r->here < r->threshold;
}

static enum ota_outlook_level judge_lacking(const struct ota_outlook_role *r, uint64_t now,
                                            char text[OTA_ERR_MSG_MAX]) {
    char when[OTA_TIME_TEXT_MAX];
    ota_time_format(r->expires, when);
    (void)ota_format(
        text, OTA_ERR_MSG_MAX,
        "role %s cannot be signed here (its key: %s), and boards need it anew before %s. Bring the key back "
        "into keys/, or replace it: otactl root rotate %s",
        r->name, r->holder, when, r->name);
    return r->expires <= now ? OTA_OUTLOOK_EXPIRED : OTA_OUTLOOK_WARNING;
}

enum ota_outlook_level ota_outlook_judge(const struct ota_outlook_role *r, uint64_t now, char text[OTA_ERR_MSG_MAX]) {
    char what[OTA_ROLE_NAME_MAX + 8], remedy[160];
    if (lacks_key(r))
        return judge_lacking(r, now, text);
    uint64_t below = strcmp(r->name, "timestamp") == 0 ? TIMESTAMP_BELOW : ota_outlook_online(r) ? ONLINE_BELOW : 60u;
    (void)ota_format(what, sizeof what, "role %s", r->name);
    describe_remedy(r, remedy, sizeof remedy);
    return judge(what, remedy, r->expires, now, below, text);
}

enum ota_outlook_level ota_outlook_judge_tls(uint64_t expires, uint64_t now, char text[OTA_ERR_MSG_MAX]) {
    return judge("certificate keys/server.crt", "Put a new one there and send otaserve SIGHUP", expires, now, 60u,
                 text);
}

const struct ota_outlook_role *ota_outlook_next(const struct ota_outlook *o) {
    const struct ota_outlook_role *next = NULL;
    for (size_t i = 0; i < o->count; i++)
        if (!ota_outlook_renewed(&o->role[i]) && (!next || o->role[i].expires < next->expires))
            next = &o->role[i];
    return next;
}

/* ---- what a thief could do -------------------------------------------------------------------------------- */

static void describe_power(const struct ota_outlook_role *r, struct ota_buf *lines) {
    if (strcmp(r->name, "root") == 0)
        ota_buf_str(lines, "change every key, and so sign anything");
    else if (strcmp(r->name, "targets") == 0)
        ota_buf_str(lines, "add products and replace the keys of all of them");
    else
        ota_buf_printf(lines, "sign any release of %s", r->name);
    ota_buf_printf(lines, " (%s: %s)\n", r->name, r->holder);
}

void ota_outlook_theft(const struct ota_outlook *o, struct ota_buf *lines) {
    for (size_t i = 0; i < o->count; i++)
        if (!ota_outlook_online(&o->role[i]) && o->role[i].here >= o->role[i].threshold)
            describe_power(&o->role[i], lines);
    if (lines->len == 0)
        ota_buf_str(lines, "only choose among releases that were signed for a channel, never an older one\n");
}
