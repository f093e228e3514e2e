/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channel and groups, which an operator may change on the board: ota_state keeps what was set there, above ota_id's,
 * under the keys "channel" and "groups", text without a NUL. ota_esp_identity_load() reads both.
 */
#include <string.h>

#include "ota_esp_private.h"

#define GROUPS_MAX 256u

/* One of the two. */
struct member {
    const char *key;
    const char *own; /* ota_id's or the build's; NULL: not known, ota_state hid it at start */
    char *text;      /* room for what is set now */
    size_t cap;
};

static char channel_text[OTA_NAME_MAX + 1u], groups_text[GROUPS_MAX + 1u];
static struct member channel = {.key = "channel", .text = channel_text, .cap = sizeof channel_text};
static struct member groups = {.key = "groups", .text = groups_text, .cap = sizeof groups_text};

static const char **used(const struct member *m) {
    struct ota_identity *who = &ota_esp_agent.cfg.identity;
    return m == &channel ? &who->channel : &who->groups;
}

static const char *of(const struct member *m, const struct ota_identity *who) {
    return m == &channel ? who->channel : who->groups;
}

static bool is_set(const struct member *m) {
    struct ota_err err;
    size_t len;
    return ota_esp_kv.get(ota_esp_kv.ctx, m->key, m->text, m->cap, &len, &err) == OTA_OK;
}

void ota_esp_membership_open(const struct ota_identity *who) {
    channel.own = is_set(&channel) ? NULL : who->channel;
    groups.own = is_set(&groups) ? NULL : who->groups;
}

/* ---- the words of ota_id ------------------------------------------------------------------------------- */

/* The identity is read once more, without the word of ota_state that was just erased. It stays, as the first one does:
 * that happens once per start for each of the two. */
static enum ota_status learn(struct member *m, struct ota_err *err) {
    static struct ota_esp_identity again;
    OTA_TRY(ota_esp_identity_load(ota_esp_config->trust, &again, err));
    m->own = of(m, &again.who) ? of(m, &again.who) : "";
    return OTA_OK;
}

static enum ota_status forget(struct member *m, struct ota_err *err) {
    OTA_TRY(ota_esp_kv.erase(ota_esp_kv.ctx, m->key, err));
    if (!m->own)
        OTA_TRY(learn(m, err));
    *used(m) = m->own;
    return OTA_OK;
}

/* ---- new words ------------------------------------------------------------------------------------------- */

static enum ota_status keep(struct member *m, const char *text, struct ota_err *err) {
    OTA_TRY(ota_esp_kv.set(ota_esp_kv.ctx, m->key, text, strlen(text), err));
    (void)ota_format(m->text, m->cap, "%s", text);
    *used(m) = m->text;
    return OTA_OK;
}

struct change {
    struct member *m;
    const char *text;
};

static enum ota_status change(void *what, struct ota_err *err) {
    const struct change *c = what;
    OTA_TRY(c->text && c->text[0] ? keep(c->m, c->text, err) : forget(c->m, err));
    const char *now = *used(c->m) ? *used(c->m) : "";
    ota_log(&ota_esp_log, OTA_LOG_INFO, "%s: %s", c->m->key, now[0] ? now : "none");
    return OTA_OK;
}

static enum ota_status wish(struct member *m, const char *text, struct ota_err *err) {
    struct change c = {m, text};
    OTA_TRY(ota_esp_wish(change, &c, err));
    ota_esp_check(); /* another channel offers something else */
    return OTA_OK;
}

enum ota_status ota_esp_set_channel(const char *name, struct ota_err *err) {
    if (name && name[0] && !ota_name_valid(ota_span_str(name)))
        return ota_err_set(err, OTA_CONFIG, "\"%s\" is no channel: small letters, digits and -, %u at most", name,
                           OTA_NAME_MAX);
    return wish(&channel, name, err);
}

/* Names with commas between; blanks around a name are the agent's to skip. */
static bool groups_valid(const char *list) {
    for (const char *p = list;;) {
        size_t len = strcspn(p, ",");
        struct ota_span name = {(const uint8_t *)p, len};
        while (name.len > 0 && name.p[0] == ' ')
            name = (struct ota_span){name.p + 1, name.len - 1};
        while (name.len > 0 && name.p[name.len - 1] == ' ')
            name.len--;
        if (!ota_name_valid(name))
            return false;
        if (p[len] == '\0')
            return true;
        p += len + 1;
    }
}

enum ota_status ota_esp_set_groups(const char *list, struct ota_err *err) {
    if (list && strlen(list) > GROUPS_MAX)
        return ota_err_set(err, OTA_CONFIG, "groups: over %u characters", GROUPS_MAX);
    if (list && list[0] && !groups_valid(list))
        return ota_err_set(err, OTA_CONFIG,
                           "\"%s\" are no groups: names of small letters, digits and -, commas between", list);
    return wish(&groups, list, err);
}

const struct ota_identity *ota_esp_identity(void) {
    return &ota_esp_agent.cfg.identity;
}
