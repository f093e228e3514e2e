/* SPDX-License-Identifier: Apache-2.0 */
/* Staging over HTTPS: every image of the plan that does not wait in flash yet is downloaded. */
#include "core/agent_private.h"

enum ota_status ota_agent_stage(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    struct ota_journal *j = &a->journal;
    enum ota_status failed = OTA_OK;
    const char *first = NULL; /* label of what failed */
    struct ota_err why;
    for (size_t i = 0; i < j->count; i++) {
        if (j->step[i].state != OTA_STEP_WAITING)
            continue;
        ota_agent_at(a, j->step[i].image.label);
        enum ota_status status = ota_agent_download(a, &j->step[i], &why);
        if (status != OTA_OK && failed == OTA_OK) {
            *err = why;
            failed = status;
            first = j->step[i].image.label;
        }
        if (!ota_agent_list_goes_on(a, j->step[i].image.label, status))
            break;
    }
    if (failed != OTA_OK) {
        ota_agent_at(a, first);
        return failed;
    }
    ota_agent_at(a, NULL);
    if (ota_agent_deferred(a) || !ota_agent_in_window(a))
        *event = OTA_EVENT_WAIT;
    return OTA_OK;
}
