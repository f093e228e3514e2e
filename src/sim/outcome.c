/* SPDX-License-Identifier: Apache-2.0 */
/* The last lines of run and bundle. */
#include "sim/outcome.h"

#include <stdio.h>

#include "sim/cmd.h"

static void release_text(char *out, size_t cap, uint32_t counter, const char *version) {
    if (counter)
        (void)ota_format(out, cap, "release %u (%s)", (unsigned)counter, version);
    else
        (void)ota_format(out, cap, "%s, of an unknown release", version);
}

static const char *wear_text(char *out, size_t cap, uint32_t most) {
    if (most == 0)
        (void)ota_format(out, cap, "nothing erased");
    else if (most == 1)
        (void)ota_format(out, cap, "each sector erased at most once");
    else
        (void)ota_format(out, cap, "each sector erased at most %u times", most);
    return out;
}

static void print_text(const struct ota_device_outcome *o, const struct ota_nor *nor) {
    char requests[256], now[96], before[96], wear[64];
    ota_meter_format(&o->meter, requests, sizeof requests);
    release_text(now, sizeof now, o->counter, o->version);
    release_text(before, sizeof before, o->from_counter, o->from_version);
    if (!o->offline)
        printf("%s\n", requests);
    if (nor->operations)
        printf("%u reboot%s, %llu flash operations, %llu bytes written, %s\n", o->reboots, o->reboots == 1 ? "" : "s",
               (unsigned long long)nor->operations, (unsigned long long)nor->bytes_written,
               wear_text(wear, sizeof wear, ota_nor_wear(nor)));
    if (o->failure.code != OTA_OK)
        printf("%s runs %s%s\n", o->label, now, o->mixed ? ", with partitions of a later release (mixed)" : "");
    else if (o->waiting)
        printf("release %u is staged and waits %u s for its window; %s runs\n", (unsigned)o->waiting,
               (unsigned)o->waits_s, now);
    else if (o->updated)
        printf("updated: %s, before it %s\n", now, before);
    else
        printf("up to date: %s%s\n", now, o->mixed ? ", with partitions of a later release (mixed)" : "");
}

static cJSON *requests_json(const struct ota_meter *m) {
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < m->status_count; i++) {
        cJSON *row = cJSON_CreateObject();
        (void)cJSON_AddNumberToObject(row, "status", m->status[i].status);
        (void)cJSON_AddNumberToObject(row, "count", m->status[i].count);
        (void)cJSON_AddItemToArray(list, row);
    }
    return list;
}

static cJSON *release_json(uint32_t counter, const char *version) {
    cJSON *o = cJSON_CreateObject();
    (void)cJSON_AddNumberToObject(o, "counter", counter);
    (void)cJSON_AddStringToObject(o, "version", version);
    return o;
}

static const char *result_name(const struct ota_device_outcome *o) {
    if (o->failure.code != OTA_OK)
        return "failed";
    if (o->waiting)
        return "waits";
    return o->updated ? "updated" : "up-to-date";
}

static void print_json(const struct ota_device_outcome *o, const struct ota_nor *nor) {
    bool failed = o->failure.code != OTA_OK;
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "result", result_name(o));
    (void)cJSON_AddItemToObject(tree, "from", release_json(o->from_counter, o->from_version));
    (void)cJSON_AddItemToObject(tree, "running", release_json(o->counter, o->version));
    (void)cJSON_AddStringToObject(tree, "label", o->label);
    (void)cJSON_AddBoolToObject(tree, "mixed", o->mixed);
    (void)cJSON_AddNumberToObject(tree, "reboots", o->reboots);
    (void)cJSON_AddNumberToObject(tree, "requests", o->meter.requests);
    (void)cJSON_AddItemToObject(tree, "answers", requests_json(&o->meter));
    (void)cJSON_AddNumberToObject(tree, "image_bytes", (double)o->meter.image_bytes);
    (void)cJSON_AddNumberToObject(tree, "flash_operations", (double)nor->operations);
    (void)cJSON_AddNumberToObject(tree, "flash_bytes", (double)nor->bytes_written);
    (void)cJSON_AddNumberToObject(tree, "flash_wear", ota_nor_wear(nor));
    if (o->waiting) {
        (void)cJSON_AddNumberToObject(tree, "waiting", o->waiting);
        (void)cJSON_AddNumberToObject(tree, "waits_s", o->waits_s);
    }
    if (failed) {
        cJSON *error = cJSON_AddObjectToObject(tree, "error");
        (void)cJSON_AddStringToObject(error, "code", ota_status_name(o->failure.code));
        (void)cJSON_AddStringToObject(error, "message", o->failure.msg);
    }
    ota_sim_print_json(&tree);
}

enum ota_status ota_outcome_print(const struct ota_device_outcome *o, const struct ota_nor *nor, bool json,
                                  struct ota_err *err) {
    if (json)
        print_json(o, nor);
    else
        print_text(o, nor);
    *err = o->failure;
    return o->failure.code;
}
