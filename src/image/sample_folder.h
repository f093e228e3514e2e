/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A build folder as idf.py leaves it, with sample images:
 *
 *   <project>.bin  bootloader/bootloader.bin  partition_table/partition-table.bin  ota_data_initial.bin  storage.bin  [<add_label>.bin]
 *   flasher_args.json  project_description.json  config/sdkconfig.json
 *
 * Source: ESP-IDF esptool_py/flasher_args.json.in, tools/cmake/project_description.json.in.
 */
#ifndef OTA_IMAGE_SAMPLE_FOLDER_H
#define OTA_IMAGE_SAMPLE_FOLDER_H

#include "image/sample.h"

/* Creates `dir` as needed. EXISTS when it holds anything but an earlier sample, which is replaced. */
OTA_MUST_USE enum ota_status ota_sample_folder(const struct ota_sample *s, const char *dir,
                                               const struct ota_crypto *crypto, struct ota_err *err);

#endif
