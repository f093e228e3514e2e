/* SPDX-License-Identifier: Apache-2.0 */
/* otadevice run: switches the board on. The log goes to stderr, what came of it to stdout. */
#include "host/log.h"
#include "sim/cmd.h"
#include "sim/outcome.h"

/* "HH:MM<end>": minutes of the day, and what stands behind. */
static const char *read_minute(const char *text, char end, uint16_t *out) {
    for (int i = 0; i < 5; i++)
        if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9')
            return NULL;
    const int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    *out = (uint16_t)(hour * 60 + minute);
    return hour < 24 && minute < 60 && text[5] == end ? text + 5 : NULL;
}

static enum ota_status read_window(const struct ota_args *args, struct ota_maintenance *out, struct ota_err *err) {
    const char *text = ota_args_get(args, "window"), *rest = text;
    if (!text)
        return OTA_OK;
    rest = read_minute(rest, '-', &out->from);
    if (rest && read_minute(rest + 1, '\0', &out->to))
        return OTA_OK;
    return ota_err_set(err, OTA_USAGE, "--window %.40s: times of the day in UTC like 02:00-04:30 are wanted", text);
}

static enum ota_status read_options(const struct ota_args *args, struct ota_device_config *cfg, uint64_t *cut,
                                    struct ota_err *err) {
    uint64_t interval, timeout;
    OTA_TRY(ota_args_number(args, "interval", 1, 7u * 24u * 3600u, 0, &interval, err));
    OTA_TRY(ota_args_number(args, "confirm-timeout", 1, 24u * 3600u, 0, &timeout, err));
    OTA_TRY(ota_args_number(args, "power-cut", 1, UINT32_MAX, 0, cut, err));
    OTA_TRY(ota_sim_clock(args, &cfg->clock, err));
    OTA_TRY(read_window(args, &cfg->window, err));
    cfg->once = ota_args_has(args, "once");
    cfg->interval_s = (uint32_t)interval;
    cfg->confirm_timeout_s = (uint32_t)timeout;
    return OTA_OK;
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
    return ota_outcome_print(&outcome, &board.nor, ota_sim_json(args), err);
}
