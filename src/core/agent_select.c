/* SPDX-License-Identifier: Apache-2.0 */
/* Which release is offered to this board: channel, groups, share, stepping stones, and the rules that metadata can
 * tell. */
#include <string.h>

#include "core/agent_private.h"

bool ota_agent_lasting(enum ota_status code) {
    switch (code) {
    case OTA_CHANNEL:
    case OTA_NEEDS:
    case OTA_COUNTER:
    case OTA_COMPAT:
    case OTA_RISK:
    case OTA_CHIP:
    case OTA_CHIP_REVISION:
    case OTA_SECURE_VERSION:
    case OTA_BOOT_CONFIG:
    case OTA_IMAGE_MAGIC:
    case OTA_IMAGE_HEADER:
    case OTA_IMAGE_SEGMENT:
    case OTA_IMAGE_CHECKSUM:
    case OTA_IMAGE_HASH:
    case OTA_IMAGE_SIGNATURE:
    case OTA_IMAGE_DESCRIPTOR:
    case OTA_IMAGE_SMALL:
    case OTA_IMAGE_KIND:
    case OTA_TABLE_FORMAT:
    case OTA_TABLE_MD5:
    case OTA_TABLE_LAYOUT:
    case OTA_TABLE_CHANGE:
    case OTA_LABEL:
    case OTA_SLOT_SIZE:
    case OTA_STAGING:
    case OTA_REFUSED_BY_APP:
    case OTA_UNSUPPORTED:
        return true;
    default:
        return false;
    }
}

static bool channel_allowed(const struct ota_release *r, const char *channel) {
    for (size_t i = 0; i < r->channel_count; i++)
        if (strcmp(r->channel[i], channel) == 0)
            return true;
    return false;
}

static bool same_boot_config(const struct ota_boot_config *a, const struct ota_boot_config *b) {
    return a->anti_rollback == b->anti_rollback && a->flash_encryption == b->flash_encryption &&
           a->rollback == b->rollback && a->secure_boot == b->secure_boot && a->table_offset == b->table_offset;
}

static bool has_kind(const struct ota_release *r, enum ota_kind kind) {
    for (size_t i = 0; i < r->step_count; i++)
        if (r->step[i].kind == kind)
            return true;
    return false;
}

static enum ota_status check_boot(const struct ota_board *b, const struct ota_release *r, struct ota_err *err) {
    bool bootloader = has_kind(r, OTA_KIND_BOOTLOADER);
    if (!bootloader && !has_kind(r, OTA_KIND_TABLE))
        return OTA_OK;
    if (!r->has_boot || !same_boot_config(&r->boot, &b->boot))
        return ota_err_set(err, OTA_BOOT_CONFIG,
                           "signed for secure boot %u, flash encryption %u, rollback %u, anti-rollback %u, table at "
                           "0x%x; this board has %u, %u, %u, %u, 0x%x",
                           r->boot.secure_boot, r->boot.flash_encryption, r->boot.rollback, r->boot.anti_rollback,
                           (unsigned)r->boot.table_offset, b->boot.secure_boot, b->boot.flash_encryption,
                           b->boot.rollback, b->boot.anti_rollback, (unsigned)b->boot.table_offset);
    if (bootloader && b->boot.secure_boot == 1)
        return ota_err_set(err, OTA_UNSUPPORTED,
                           "under Secure Boot V1 a bootloader cannot be replaced over the air; use a cable");
    if (bootloader && !b->recovery && !r->risk)
        return ota_err_set(err, OTA_RISK,
                           "this board has no ROM recovery and the signer did not accept the risk; push it with "
                           "--accept-brick-risk");
    return OTA_OK;
}

enum ota_status ota_agent_check_release(const struct ota_agent *a, const struct ota_release *r, struct ota_err *err) {
    const struct ota_board *b = &a->cfg.board;
    const char *channel = a->cfg.identity.channel;
    OTA_TRY(ota_release_check(r, err));
    if (!channel_allowed(r, channel))
        return ota_err_set(err, OTA_CHANNEL, "its signer does not allow it on channel %s", channel);
    if (strcmp(r->chip, b->chip->name) != 0)
        return ota_err_set(err, OTA_CHIP, "made for %s, this board is an %s", r->chip, b->chip->name);
    if (b->revision < r->chip_rev_min)
        return ota_err_set(err, OTA_CHIP_REVISION, "needs chip revision %u.%u or newer, this is %u.%u",
                           r->chip_rev_min / 100u, r->chip_rev_min % 100u, b->revision / 100u, b->revision % 100u);
    if (b->boot.anti_rollback && has_kind(r, OTA_KIND_APP) && r->secure_version < b->secure_version)
        return ota_err_set(err, OTA_SECURE_VERSION, "secure version %u, the board's eFuse asks for %u",
                           (unsigned)r->secure_version, (unsigned)b->secure_version);
    return check_boot(b, r, err);
}

/* `groups` is comma-separated, blanks around names allowed. */
static bool in_group(const char *groups, const char *name) {
    size_t len = strlen(name);
    for (const char *p = groups; *p;) {
        while (*p == ',' || *p == ' ')
            p++;
        const char *end = p;
        while (*end && *end != ',')
            end++;
        const char *last = end;
        while (last > p && last[-1] == ' ')
            last--;
        if ((size_t)(last - p) == len && memcmp(p, name, len) == 0)
            return true;
        p = end;
    }
    return false;
}

static bool in_groups(const struct ota_channel *c, const char *groups) {
    for (size_t i = 0; i < c->group_count; i++)
        if (strcmp(c->group[i], "*") == 0 || in_group(groups, c->group[i]))
            return true;
    return false;
}

/* Stones of one product lie in one role as a rule: another is looked for only when it does not list this one by
 * right. */
static enum ota_status read_release(struct ota_agent *a, uint32_t counter, struct ota_agent_role *role,
                                    struct ota_err *err) {
    bool found;
    OTA_TRY(ota_agent_read_listed(a, role, counter, &found, err));
    if (found)
        return OTA_OK;
    OTA_TRY(ota_agent_open_role(a, counter, role, err));
    OTA_TRY(ota_agent_read_listed(a, role, counter, &found, err));
    if (!found)
        return ota_err_set(err, OTA_METADATA_FIELD, "release %u: the role that should list it does not",
                           (unsigned)counter);
    return OTA_OK;
}

/* A board that does not know its release takes the channel's own and no stone: any of them could be older than what
 * it runs. */
static enum ota_status pick_for_unknown(struct ota_agent *a, const struct ota_channel *c, struct ota_agent_role *role,
                                        struct ota_err *err) {
    OTA_TRY(read_release(a, c->counter, role, err));
    if (a->release.from_min == 0)
        return OTA_OK;
    return ota_err_set(err, OTA_COUNTER,
                       "release %u: needs release %u or newer on the board, which cannot tell what it runs: offer a "
                       "release with from_min 0, or flash and provision the board again",
                       (unsigned)c->counter, (unsigned)a->release.from_min);
}

/* The highest stone that may be installed over what the board has. */
static enum ota_status pick_stone(struct ota_agent *a, const struct ota_channel *c, struct ota_agent_role *role,
                                  struct ota_err *err) {
    uint32_t lowest_need = 0;
    if (a->board.counter == 0)
        return pick_for_unknown(a, c, role, err);
    for (size_t i = c->path_count; i-- > 0 && c->path[i] > a->board.counter;) {
        OTA_TRY(read_release(a, c->path[i], role, err));
        if (a->release.from_min <= a->board.counter)
            return OTA_OK;
        lowest_need = a->release.from_min;
    }
    return ota_err_set(err, OTA_COUNTER,
                       "release %u: cannot be installed over release %u; the lowest stepping stone needs %u",
                       (unsigned)c->counter, (unsigned)a->board.counter, (unsigned)lowest_need);
}

/* *open = false: the channel has nothing for this board now; the log says why. */
static enum ota_status channel_open(struct ota_agent *a, const struct ota_channel *c, bool *open, struct ota_err *err) {
    const struct ota_identity *id = &a->cfg.identity;
    *open = false;
    if (c->counter < a->board.counter) {
        ota_log(a->cfg.log, OTA_LOG_INFO, "channel %s is at release %u, this board at %u: it waits", id->channel,
                (unsigned)c->counter, (unsigned)a->board.counter);
        return OTA_OK;
    }
    if (c->counter == a->board.counter) {
        ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s) is what channel %s offers: nothing to do",
                (unsigned)c->counter, a->board.version, id->channel);
        return OTA_OK;
    }
    if (!in_groups(c, id->groups ? id->groups : "")) {
        ota_log(a->cfg.log, OTA_LOG_INFO, "release %u is offered to other groups than this board's (%s)",
                (unsigned)c->counter, id->groups && id->groups[0] ? id->groups : "none");
        return OTA_OK;
    }
    OTA_TRY(ota_channel_includes(c, a->cfg.crypto, id->id, open, err));
    if (!*open)
        ota_log(a->cfg.log, OTA_LOG_INFO, "release %u is open to %u of 1000 boards, not yet to this one",
                (unsigned)c->counter, c->permille);
    return OTA_OK;
}

static enum ota_status read_channel(struct ota_agent *a, struct ota_channel *out, bool *found, struct ota_err *err) {
    const struct ota_identity *id = &a->cfg.identity;
    char path[OTA_TARGET_PATH_MAX];
    struct ota_metadata role;
    struct ota_target entry;
    *found = false;
    if (!ota_channel_path(id->product, id->channel, path, sizeof path))
        return ota_err_set(err, OTA_CONFIG, "product %s, channel %s: not names; provision the board again", id->product,
                           id->channel);
    enum ota_status status = ota_trust_open(&a->trust, path, &role, &entry, NULL, err);
    if (status == OTA_DELEGATION || status == OTA_NOT_FOUND) {
        ota_log(a->cfg.log, OTA_LOG_WARNING,
                "channel %s of product %s offers nothing: no release was put on it yet, or its name is wrong",
                id->channel, id->product);
        return OTA_OK;
    }
    if (status == OTA_OK)
        status = ota_channel_read(&entry, id->product, out, err);
    if (status != OTA_OK)
        return ota_err_prefix(err, "channel %s", id->channel);
    *found = true;
    return OTA_OK;
}

static enum ota_status forgive(struct ota_agent *a, struct ota_err *err) {
    OTA_TRY(ota_agent_forget_tries(a, err)); /* left over when the power went while they were given up */
    a->board.failed_counter = 0;
    return ota_agent_save_board(a, err);
}

/* A release that failed here rests until the channel offers this board another one. */
static enum ota_status rested(struct ota_agent *a, bool *failed, struct ota_err *err) {
    *failed = a->board.failed_counter == a->release.counter;
    if (*failed)
        ota_log(a->cfg.log, OTA_LOG_WARNING,
                "release %u (%s) failed on this board: it waits until channel %s offers another",
                (unsigned)a->release.counter, a->release.version, a->cfg.identity.channel);
    return *failed || a->board.failed_counter == 0 ? OTA_OK : forgive(a, err);
}

enum ota_status ota_agent_select(struct ota_agent *a, bool *offered, struct ota_err *err) {
    struct ota_channel channel;
    struct ota_agent_role role;
    bool found, open, failed;
    *offered = false;
    a->channel_counter = 0;
    OTA_TRY(read_channel(a, &channel, &found, err));
    if (!found)
        return OTA_OK;
    a->channel_counter = channel.counter;
    if (a->board.failed_counter > channel.counter)
        OTA_TRY(forgive(a, err));
    /* A product role that changed is read though it has nothing for this board: its expiry bounds the time that is
     * kept. */
    if (a->board.counter == 0 || channel.counter > a->board.counter || !ota_trust_complete(&a->trust))
        OTA_TRY(ota_agent_open_role(a, channel.counter, &role, err));
    /* Not while the running app is on trial: were it rolled back, the record would name the wrong release. */
    if (a->board.counter == 0 && a->state != OTA_STATE_CONFIRMING)
        OTA_TRY(ota_agent_recover_counter(a, &role, err));
    OTA_TRY(channel_open(a, &channel, &open, err));
    if (!open)
        return OTA_OK;
    OTA_TRY(pick_stone(a, &channel, &role, err));
    OTA_TRY(rested(a, &failed, err));
    if (failed)
        return OTA_OK;
    *offered = true;
    if (ota_agent_check_release(a, &a->release, err) != OTA_OK)
        return ota_err_prefix(err, "release %u (%s)", (unsigned)a->release.counter, a->release.version);
    return OTA_OK;
}
