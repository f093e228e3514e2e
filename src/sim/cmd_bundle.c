/* SPDX-License-Identifier: Apache-2.0 */
/* otadevice bundle: a card with a bundle is inserted, and the board switched on. */
#include "host/log.h"
#include "sim/card.h"
#include "sim/cmd.h"
#include "sim/outcome.h"

enum ota_status ota_cmd_bundle(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_virtual_board_close) struct ota_virtual_board board = {.nor.fd = -1};
    struct ota_device_outcome outcome;
    struct ota_card card;
    const char *path;
    uint64_t cut;
    ota_card_insert(&card, ota_args_operand(args, 0));
    struct ota_device_config cfg = {
        .board = &board, .log = &ota_log_stderr, .once = true, .door = &card.door, .bundle = &card.bundle};
    OTA_TRY(ota_sim_required(args, "flash", &path, err));
    OTA_TRY(ota_args_number(args, "power-cut", 1, UINT32_MAX, 0, &cut, err));
    OTA_TRY(ota_sim_clock(args, &cfg.clock, err));
    OTA_TRY(ota_virtual_board_open(&board, path, OTA_NOR_WRITE, err));
    ota_log_setup("board", ota_sim_json(args) ? OTA_LOG_JSON : OTA_LOG_TEXT, OTA_LOG_INFO, false);
    if (cut)
        ota_nor_cut_power(&board.nor, cut, OTA_NOR_CUT_TORN);
    OTA_TRY(ota_device_run(&cfg, &outcome, err));
    return ota_outcome_print(&outcome, &board.nor, ota_sim_json(args), err);
}
