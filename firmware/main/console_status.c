/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "ota status":
 *
 *   board      esp-30aea4123456, product thermo
 *   channel    stable, groups lab
 *   runs       release 37 (2.4.1)
 *   state      staging @ota of release 38 (2.5.0): 45 % of 1310720 bytes
 *   last       installed
 *   next run   in 3120 s
 */
#include <stdio.h>

#include "app.h"

static void print_release(uint32_t counter, const char *version) {
    if (counter)
        printf("release %u (%s)", (unsigned)counter, version);
    else
        printf("an app of an unknown release");
}

static void print_board(const struct ota_identity *who) {
    if (!who->id) {
        printf("board      has no identity: updates are off, the log says why at its start\n");
        return;
    }
    printf("board      %s, product %s\n", who->id, who->product);
    printf("channel    %s", who->channel);
    if (who->groups && who->groups[0])
        printf(", groups %s", who->groups);
    printf("\n");
}

static void print_running(const struct ota_agent_status *s) {
    const bool trial = s->state == OTA_STATE_TESTING || s->state == OTA_STATE_CONFIRMING;
    printf("runs       ");
    if (trial)
        print_release(s->next_counter, s->next_version);
    else
        print_release(s->counter, s->version);
    if (s->mixed)
        printf(", with partitions of a later release (mixed)");
    if (trial)
        printf(", on trial: do not switch the board off");
    printf("\n");
}

static void print_state(const struct ota_agent_status *s, bool asleep) {
    const bool looks = s->state == OTA_STATE_IDLE && !asleep;
    printf("state      %s", looks ? "looking for an update" : ota_state_name(s->state));
    if (s->next_counter) {
        if (s->label[0])
            printf(" %s of", s->label);
        printf(" ");
        print_release(s->next_counter, s->next_version);
    }
    if (s->total)
        printf(": %u %% of %u bytes", (unsigned)(s->done * 100ull / s->total), (unsigned)s->total);
    if (s->tries)
        printf(", failed %u times", s->tries);
    printf("%s\n", s->reboot ? ", reboots" : "");
}

static void print_last(const struct ota_agent_status *s) {
    struct ota_err last;
    ota_esp_last(&last);
    printf("last       %s%s%s\n", ota_result_name(s->result), s->message[0] ? ": " : "", s->message);
    if (last.code != OTA_OK)
        printf("trouble    %s\n", last.msg);
}

void app_console_status(void) {
    struct ota_agent_status s;
    const uint32_t next_s = ota_esp_next_run();
    ota_esp_status(&s);
    print_board(ota_esp_identity());
    print_running(&s);
    print_state(&s, next_s > 0 || !ota_esp_identity()->id);
    print_last(&s);
    if (next_s)
        printf("next run   in %u s\n", (unsigned)next_s);
}
