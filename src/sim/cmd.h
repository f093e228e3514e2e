/* SPDX-License-Identifier: Apache-2.0 */
/* otadevice's verbs: one handler per verb in cmd_<verb>.c. */
#ifndef OTA_SIM_CMD_H
#define OTA_SIM_CMD_H

#include "host/args.h"
#include "host/json_tree.h"

enum ota_status ota_cmd_sample(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_create(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_run(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_bundle(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_page(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_show(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_read(const struct ota_args *args, struct ota_err *err);

bool ota_sim_json(const struct ota_args *args);
/* One line on stdout; frees the tree. */
void ota_sim_print_json(cJSON **tree);
/* The value of an option that must be given: USAGE. */
OTA_MUST_USE enum ota_status ota_sim_required(const struct ota_args *args, const char *option, const char **out,
                                              struct ota_err *err);
/* --clock: unix seconds; 0 when it is not given. USAGE. */
OTA_MUST_USE enum ota_status ota_sim_clock(const struct ota_args *args, uint64_t *out, struct ota_err *err);

#endif
