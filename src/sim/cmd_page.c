/* SPDX-License-Identifier: Apache-2.0 */
/* otadevice page: switches the board on with its upload page. */
#include <stdio.h>

#include "host/log.h"
#include "sim/cmd.h"
#include "sim/device.h"
#include "sim/page_server.h"

#define DEFAULT_LISTEN "127.0.0.1:8080"

static void print_url(const struct ota_args *args, const char *flash, const char *url) {
    if (!ota_sim_json(args)) {
        printf("%s: upload page at %s\n", flash, url);
    } else {
        cJSON *tree = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(tree, "flash", flash);
        (void)cJSON_AddStringToObject(tree, "url", url);
        ota_sim_print_json(&tree);
    }
    (void)fflush(stdout);
}

enum ota_status ota_cmd_page(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_virtual_board_close) struct ota_virtual_board board = {.nor.fd = -1};
    OTA_CLEAN(ota_page_server_free) struct ota_page_server *page = NULL;
    struct ota_device_config cfg = {.board = &board, .log = &ota_log_stderr};
    struct ota_device_outcome outcome;
    const char *listen = ota_args_get(args, "listen"), *path;
    OTA_TRY(ota_sim_required(args, "flash", &path, err));
    OTA_TRY(ota_sim_clock(args, &cfg.clock, err));
    OTA_TRY(ota_page_server_new(listen ? listen : DEFAULT_LISTEN, &page, err));
    OTA_TRY(ota_virtual_board_open(&board, path, OTA_NOR_WRITE, err));
    ota_log_setup("board", ota_sim_json(args) ? OTA_LOG_JSON : OTA_LOG_TEXT, OTA_LOG_INFO, false);
    print_url(args, path, ota_page_server_url(page));
    cfg.door = ota_page_server_door(page);
    return ota_device_run(&cfg, &outcome, err);
}
