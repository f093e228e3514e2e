/* SPDX-License-Identifier: Apache-2.0 */
/* The application's view: what goes on, and a list of labels that it is ready to have updated. */
#include <string.h>

#include "core/agent_private.h"

void ota_agent_get_status(const struct ota_agent *a, struct ota_agent_status *out) {
    memset(out, 0, sizeof *out);
    out->state = a->state;
    out->phase = a->journal.phase;
    out->counter = a->board.counter;
    ota_format(out->version, sizeof out->version, "%s", a->board.version);
    out->next_counter = a->journal.counter;
    ota_format(out->next_version, sizeof out->next_version, "%s", a->journal.version);
    ota_format(out->label, sizeof out->label, "%s", a->label);
    out->done = a->done;
    out->total = a->total;
    out->reboot = a->reboot;
    out->mixed = a->mixed;
    out->counter_unknown = a->counter_unknown;
    out->tries = a->journal.counter && a->tries.counter == a->journal.counter ? a->tries.failed : 0;
    out->result = a->report.result;
    ota_format(out->message, sizeof out->message, "%s", a->report.message);
}

static struct ota_list_item *item_of(const struct ota_agent *a, const char *label) {
    for (size_t i = 0; i < a->list_count; i++)
        if (strcmp(a->list[i].label, label) == 0)
            return &a->list[i];
    return NULL;
}

enum ota_status ota_agent_check_list(const struct ota_agent *a, struct ota_err *err) {
    const struct ota_release *r = &a->release;
    for (size_t i = 0; a->list && i < r->step_count; i++)
        if (!item_of(a, r->step[i].label))
            return ota_err_set(err, OTA_REFUSED_BY_APP,
                               "release %u (%s): has an image for %s, which is not in the application's list",
                               (unsigned)r->counter, r->version, r->step[i].label);
    return OTA_OK;
}

bool ota_agent_list_goes_on(struct ota_agent *a, const char *label, enum ota_status status) {
    struct ota_list_item *item = item_of(a, label);
    if (status == OTA_OK)
        return true;
    if (!item)
        return false;
    item->result = OTA_ITEM_FAILED;
    item->code = status;
    return !item->stop_on_failure;
}

/* What the plan says of each item that did not fail. */
static void take_results(struct ota_agent *a, bool *urgent) {
    const struct ota_journal *j = &a->journal;
    for (size_t i = 0; i < j->count; i++) {
        struct ota_list_item *item = item_of(a, j->step[i].image.label);
        if (!item || item->result == OTA_ITEM_FAILED || j->step[i].state == OTA_STEP_WAITING)
            continue;
        item->result = j->step[i].state == OTA_STEP_SKIPPED ? OTA_ITEM_SAME : OTA_ITEM_STAGED;
        *urgent = *urgent || (a->reboot && item->reboot && item->result == OTA_ITEM_STAGED);
    }
}

enum ota_status ota_upgrade(struct ota_agent *a, struct ota_list_item *list, size_t count, bool *urgent,
                            struct ota_err *err) {
    uint32_t sleep_s;
    *urgent = false;
    if (a->fed)
        return ota_err_set(err, OTA_BUSY, "a bundle is being fed: try again when it has ended");
    for (size_t i = 0; i < count; i++) {
        if (!list[i].label || !ota_label_valid(ota_span_str(list[i].label)))
            return ota_err_set(err, OTA_ARGUMENT, "item %zu of the list has no label", i);
        list[i].result = OTA_ITEM_NONE;
        list[i].code = OTA_OK;
    }
    a->list = list;
    a->list_count = count;
    a->force = true;
    enum ota_status status = ota_run(a, &sleep_s, err);
    take_results(a, urgent);
    a->list = NULL;
    a->list_count = 0;
    if (status != OTA_OK || a->last.code == OTA_OK)
        return status;
    if (a->last.code == OTA_REFUSED_BY_APP)
        a->force = true; /* a run without a list looks at the release again */
    *err = a->last;
    return err->code;
}
