/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the verb table: verbs that make what a board is flashed with. */
#ifndef OTA_CTL_VERBS_BOARD_H
#define OTA_CTL_VERBS_BOARD_H

#include "host/args.h"

extern const struct ota_option ota_verb_table_show_options[], ota_verb_table_build_options[],
    ota_verb_table_check_options[], ota_verb_firmware_configure_options[], ota_verb_nvs_build_options[],
    ota_verb_nvs_show_options[], ota_verb_nvs_identity_options[], ota_verb_table_diff_options[],
    ota_verb_nvs_new_keys_options[], ota_verb_provision_options[], ota_verb_fleet_fits_options[];
extern const char ota_verb_table_show_details[], ota_verb_table_build_details[], ota_verb_table_check_details[],
    ota_verb_firmware_configure_details[], ota_verb_nvs_build_details[], ota_verb_nvs_show_details[],
    ota_verb_nvs_identity_details[], ota_verb_table_diff_details[], ota_verb_table_plan_details[],
    ota_verb_nvs_new_keys_details[], ota_verb_provision_details[], ota_verb_fleet_fits_details[];

#endif
