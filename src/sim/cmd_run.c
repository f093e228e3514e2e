/* SPDX-License-Identifier: Apache-2.0 */
/* otadevice run: switches the board on. The log goes to stderr, what came of it to stdout. */
#include <stdio.h>

#include "host/log.h"
#include "sim/cmd.h"
#include "sim/device.h"

static enum ota_status read_clock(const struct ota_args *args, uint64_t *out, struct ota_err *err) {
    const char *text = ota_args_get(args, "clock");
    *out = 0;
    if (!text || (ota_time_parse(ota_span_str(text), out) && *out > 0))
        return OTA_OK;
    return ota_err_set(err, OTA_USAGE, "--clock %.40s: a time like 2031-01-01T00:00:00Z is wanted", text);
}

static enum ota_status read_options(const struct ota_args *args, struct ota_device_config *cfg, uint64_t *cut,
                                    struct ota_err *err) {
    uint64_t interval, timeout;
    OTA_TRY(ota_args_number(args, "interval", 1, 7u * 24u * 3600u, 0, &interval, err));
    OTA_TRY(ota_args_number(args, "confirm-timeout", 1, 24u * 3600u, 0, &timeout, err));
    OTA_TRY(ota_args_number(args, "power-cut", 1, UINT32_MAX, 0, cut, err));
    OTA_TRY(read_clock(args, &cfg->clock, err));
    cfg->once = ota_args_has(args, "once");
    cfg->interval_s = (uint32_t)interval;
    cfg->confirm_timeout_s = (uint32_t)timeout;
    return OTA_OK;
}

/* ---- what came of it ----------------------------------------------------------------------------------- */

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
    printf("%s\n", requests);
    if (nor->operations)
        printf("%u reboot%s, %llu flash operations, %llu bytes written, %s\n", o->reboots, o->reboots == 1 ? "" : "s",
               (unsigned long long)nor->operations, (unsigned long long)nor->bytes_written,
               wear_text(wear, sizeof wear, ota_nor_wear(nor)));
    if (o->failure.code != OTA_OK)
        printf("%s runs %s%s\n", o->label, now, o->mixed ? ", with partitions of a later release (mixed)" : "");
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

static void print_json(const struct ota_device_outcome *o, const struct ota_nor *nor) {
    bool failed = o->failure.code != OTA_OK;
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "result", failed ? "failed" : o->updated ? "updated" : "up-to-date");
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
    if (failed) {
        cJSON *error = cJSON_AddObjectToObject(tree, "error");
        (void)cJSON_AddStringToObject(error, "code", ota_status_name(o->failure.code));
        (void)cJSON_AddStringToObject(error, "message", o->failure.msg);
    }
    ota_sim_print_json(&tree);
}

enum ota_status ota_cmd_run(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_virtual_board_close) struct ota_virtual_board board = {.nor.fd = -1};
    struct ota_device_config cfg = {.board = &board, .log = &ota_log_stderr};
    struct ota_device_outcome outcome;
    const char *path;
    uint64_t cut;
    OTA_TRY(ota_sim_required(args, "flash", &path, err));
    OTA_TRY(read_options(args, &cfg, &cut, err));
    OTA_TRY(ota_virtual_board_open(&board, path, OTA_NOR_WRITE, err));
    ota_log_setup("board", ota_sim_json(args) ? OTA_LOG_JSON : OTA_LOG_TEXT, OTA_LOG_INFO, false);
    if (cut)
        ota_nor_cut_power(&board.nor, cut, OTA_NOR_CUT_TORN);
    OTA_TRY(ota_device_run(&cfg, &outcome, err));
    if (ota_sim_json(args))
        print_json(&outcome, &board.nor);
    else
        print_text(&outcome, &board.nor);
    *err = outcome.failure;
    return outcome.failure.code;
}
