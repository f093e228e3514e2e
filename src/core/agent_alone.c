/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An app that was confirmed while no server answered, because the one before it found none either, has proved nothing
 * about its own network. While it goes on finding none, the app before it is given a look from time to time, as an app
 * on trial: with a server it stays, and judges the release again; without one the bootloader's rollback brings this app
 * back. The first verified run ends it.
 */
#include "core/agent_private.h"

#define LOOK_S (6u * 3600u)
#define LOOK_DOUBLINGS 2u /* 6 h, 12 h, then once a day */

static uint64_t uptime(const struct ota_agent *a) {
    return a->cfg.clock->uptime_ms(a->cfg.clock->ctx);
}

static uint64_t clock_or_zero(const struct ota_agent *a) {
    uint64_t now;
    return a->cfg.clock->now(a->cfg.clock->ctx, &now) ? now : 0;
}

static bool is_slot(const struct ota_agent *a, uint32_t offset) {
    for (size_t i = 0; i < ota_table_slot_count(&a->table); i++)
        if (ota_table_slot(&a->table, i)->offset == offset)
            return true;
    return false;
}

/* Only where the bootloader takes the look back by itself, and esp_ota_set_boot_partition() erases nothing for a lower
 * secure version. */
static bool may_look(const struct ota_agent *a, uint32_t old) {
    const struct ota_boot_config *boot = &a->cfg.board.boot;
    return old != a->running && boot->rollback && !boot->anti_rollback && is_slot(a, old);
}

enum ota_status ota_agent_note_alone(struct ota_agent *a, struct ota_err *err) {
    if (!may_look(a, a->journal.old_app_offset))
        return OTA_OK;
    a->alone = (struct ota_alone_record){.old_app_offset = a->journal.old_app_offset, .since = clock_or_zero(a)};
    return ota_agent_save_alone(a, err);
}

void ota_agent_end_alone(struct ota_agent *a) {
    struct ota_err why;
    if (a->alone.old_app_offset != 0 && ota_agent_drop_alone(a, &why) != OTA_OK)
        ota_log(a->cfg.log, OTA_LOG_WARNING, "%s", why.msg);
}

static bool long_enough(const struct ota_agent *a) {
    const uint32_t doublings = a->alone.looks < LOOK_DOUBLINGS ? a->alone.looks : LOOK_DOUBLINGS;
    const uint64_t wanted = (uint64_t)LOOK_S << doublings, now = clock_or_zero(a);
    return uptime(a) - a->started_ms >= wanted * 1000u ||
           (now != 0 && a->alone.since != 0 && now >= a->alone.since + wanted);
}

static bool look_due(const struct ota_agent *a) {
    return a->alone.old_app_offset != 0 && may_look(a, a->alone.old_app_offset) && a->last.code != OTA_OK &&
           a->state == OTA_STATE_IDLE && a->journal.phase == OTA_PHASE_IDLE && long_enough(a);
}

void ota_agent_look(struct ota_agent *a) {
    const struct ota_boot_port *b = a->cfg.boot;
    const struct ota_hooks *hooks = &a->cfg.hooks;
    struct ota_err why;
    if (!look_due(a) || (hooks->before_activate && !hooks->before_activate(hooks->ctx, OTA_LABEL_APP)))
        return;
    if (a->alone.looks < UINT8_MAX)
        a->alone.looks++;
    a->alone.since = clock_or_zero(a);
    if (ota_agent_save_alone(a, &why) != OTA_OK || b->activate(b->ctx, a->alone.old_app_offset, &why) != OTA_OK) {
        ota_log(a->cfg.log, OTA_LOG_WARNING, "the app before this one cannot look for a server: %s", why.msg);
        a->started_ms = uptime(a); /* not at once again */
        return;
    }
    ota_log(
        a->cfg.log, OTA_LOG_WARNING,
        "no server since this app was confirmed without one: the app before it, at 0x%x, looks whether that is this "
        "app's fault",
        (unsigned)a->alone.old_app_offset);
    a->reboot = true;
}
