/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channel and groups, which an operator may change on the board: ota_state keeps what was set there, above ota_id's,
 * under the keys "channel" and "groups", text without a NUL. ota_esp_identity_load() reads both.
 */
#include <string.h>

#include "ota/address.h"
#include "ota_esp_private.h"

/* What the agent reads once it was changed; before that its words are the identity's. */
static char channel[OTA_NAME_MAX + 1u], groups[OTA_GROUPS_TEXT_MAX + 1u];

struct change {
    const char *key;
    const char *text; /* NULL or "": ota_id's word again */
};

static bool is_channel(const struct change *c) {
    return strcmp(c->key, "channel") == 0;
}

static void use(const struct change *c, const char *text) {
    struct ota_identity *who = &ota_esp_agent.cfg.identity;
    const char **used = is_channel(c) ? &who->channel : &who->groups;
    char *room = is_channel(c) ? channel : groups;
    (void)ota_format(room, is_channel(c) ? sizeof channel : sizeof groups, "%s", text);
    *used = room;
}

static enum ota_status keep(const struct change *c, struct ota_err *err) {
    OTA_TRY(ota_esp_kv.set(ota_esp_kv.ctx, c->key, c->text, strlen(c->text), err));
    use(c, c->text);
    return OTA_OK;
}

/* Without the word of ota_state the identity has ota_id's or the build's. */
static enum ota_status forget(const struct change *c, struct ota_err *err) {
    struct ota_esp_identity own;
    OTA_TRY(ota_esp_kv.erase(ota_esp_kv.ctx, c->key, err));
    OTA_TRY(ota_esp_identity_load(ota_esp_config->trust, &own, err));
    const char *text = is_channel(c) ? own.who.channel : own.who.groups;
    use(c, text ? text : "");
    ota_esp_identity_free(&own);
    return OTA_OK;
}

static enum ota_status change(void *what, struct ota_err *err) {
    const struct change *c = what;
    OTA_TRY(c->text && c->text[0] ? keep(c, err) : forget(c, err));
    const char *now = is_channel(c) ? channel : groups;
    ota_log(&ota_esp_log, OTA_LOG_INFO, "%s: %s", c->key, now[0] ? now : "none");
    return OTA_OK;
}

static enum ota_status wish(const char *key, const char *text, struct ota_err *err) {
    struct change c = {key, text};
    OTA_TRY(ota_esp_wish(change, &c, err));
    ota_esp_check(); /* another channel offers something else */
    return OTA_OK;
}

enum ota_status ota_esp_set_channel(const char *name, struct ota_err *err) {
    if (name && name[0] && !ota_name_valid(ota_span_str(name)))
        return ota_err_set(err, OTA_CONFIG, "\"%.40s\" is no channel: small letters, digits and -, %u at most", name,
                           OTA_NAME_MAX);
    return wish("channel", name, err);
}

enum ota_status ota_esp_set_groups(const char *list, struct ota_err *err) {
    if (list && list[0] && !ota_groups_valid(ota_span_str(list)))
        return ota_err_set(err, OTA_CONFIG,
                           "\"%.80s\" is no list of groups: names of small letters, digits and -, commas between, %u "
                           "characters at most",
                           list, OTA_GROUPS_TEXT_MAX);
    return wish("groups", list, err);
}

const struct ota_identity *ota_esp_identity(void) {
    static const struct ota_identity nobody;
    return ota_esp_lock_is_open() ? &ota_esp_agent.cfg.identity : &nobody;
}
