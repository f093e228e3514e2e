/* SPDX-License-Identifier: Apache-2.0 */
/* otactl fleet list: what every board runs and how its last update went. */
#include <stdio.h>

#include "ctl/fleet_view.h"

/* "installed", or for what went wrong also the release and the reason: "rolled-back 3 self-test". */
static void result_text(const struct ota_fleet_device *d, char out[64]) {
    if (!d->result[0] || ota_span_equal_str(ota_span_str(d->result), "none"))
        (void)ota_format(out, 64, "-");
    else if (ota_span_equal_str(ota_span_str(d->result), "installed"))
        (void)ota_format(out, 64, "installed");
    else
        (void)ota_format(out, 64, "%s %u %s", d->result, (unsigned)d->result_counter, d->code);
}

/* A board that has not said what it runs has neither release nor version. */
static void release_text(const struct ota_fleet_device *d, char out[24]) {
    if (d->counter_unknown)
        (void)ota_format(out, 24, "unknown");
    else if (!d->version[0])
        (void)ota_format(out, 24, "-");
    else
        (void)ota_format(out, 24, "%u%s", (unsigned)d->counter, d->mixed ? " mixed" : "");
}

static const char *or_dash(const char *text) {
    return text[0] ? text : "-";
}

static void text_row(const struct ota_fleet_device *d, uint64_t now) {
    char seen[24], result[64], release[24];
    ota_ctl_age(d->seen, now, seen);
    result_text(d, result);
    release_text(d, release);
    printf("%-20s %-14s %-10s %-9s %-18s %-12s %-26s %s%s\n", d->id, or_dash(d->product), or_dash(d->channel), release,
           or_dash(d->version), or_dash(d->state), result, seen, d->revoked ? ", revoked" : "");
}

static cJSON *json_row(const struct ota_fleet_device *d) {
    cJSON *o = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(o, "id", d->id);
    (void)cJSON_AddStringToObject(o, "product", d->product);
    (void)cJSON_AddStringToObject(o, "channel", d->channel);
    (void)cJSON_AddBoolToObject(o, "quarantine", d->quarantine);
    (void)cJSON_AddBoolToObject(o, "revoked", d->revoked);
    (void)cJSON_AddNumberToObject(o, "counter", d->counter);
    (void)cJSON_AddBoolToObject(o, "counter_unknown", d->counter_unknown);
    (void)cJSON_AddStringToObject(o, "version", d->version);
    (void)cJSON_AddStringToObject(o, "state", d->state);
    (void)cJSON_AddBoolToObject(o, "mixed", d->mixed);
    (void)cJSON_AddStringToObject(o, "result", d->result);
    (void)cJSON_AddNumberToObject(o, "result_counter", d->result_counter);
    (void)cJSON_AddStringToObject(o, "code", d->code);
    (void)cJSON_AddStringToObject(o, "message", d->message);
    (void)cJSON_AddBoolToObject(o, "time_unverified", d->time_unverified);
    (void)cJSON_AddNumberToObject(o, "added", (double)d->added);
    (void)cJSON_AddNumberToObject(o, "seen", (double)d->seen);
    (void)cJSON_AddStringToObject(o, "address", d->address);
    return o;
}

enum ota_status ota_cmd_fleet_list(const struct ota_args *args, struct ota_err *err) {
    static const struct ota_fleet_view view = {
        .heading =
            "ID                   PRODUCT        CHANNEL    RELEASE   VERSION            STATE        LAST UPDATE"
            "                SEEN",
        .empty = "No board yet; the first one: otactl device add ID",
        .text = text_row,
        .json = json_row,
    };
    return ota_ctl_fleet_show(args, &view, err);
}
