/* SPDX-License-Identifier: Apache-2.0 */
/* Staging over HTTPS: every image of the plan that does not wait in flash yet is downloaded. */
#include "core/agent_private.h"

enum ota_status ota_agent_stage(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    struct ota_journal *j = &a->journal;
    for (size_t i = 0; i < j->count; i++) {
        if (j->step[i].state != OTA_STEP_WAITING)
            continue;
        ota_agent_at(a, j->step[i].image.label);
        OTA_TRY(ota_agent_download(a, &j->step[i], err));
    }
    ota_agent_at(a, NULL);
    if (ota_agent_deferred(a) || !ota_agent_in_window(a))
        *event = OTA_EVENT_WAIT;
    return OTA_OK;
}
