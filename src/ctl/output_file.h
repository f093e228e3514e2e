/* SPDX-License-Identifier: Apache-2.0 */
/* The file that a verb makes of others (-o FILE): made again whenever one of them changes, and never one of them. */
#ifndef OTA_CTL_OUTPUT_FILE_H
#define OTA_CTL_OUTPUT_FILE_H

#include <sys/types.h>

#include "host/args.h"
#include "ota/bytes.h"

/* Before anything is read or made. USAGE when --output is "" or "-", is where this program's own words go, or is the
 * file of one of these options (NULL ends them), or with `operands` of an operand, by whatever link. IO when it is no
 * regular file. */
OTA_MUST_USE enum ota_status ota_ctl_output_check(const struct ota_args *args, const char *const *options,
                                                  bool operands, struct ota_err *err);
/* USAGE when this input is the file at --output. */
/* A file that must not be there yet: names one, and not stdout. USAGE. */
OTA_MUST_USE enum ota_status ota_ctl_output_check_new(const char *path, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_ctl_output_check_input(const char *path, const char *input, struct ota_err *err);
/* Replaces what an earlier run made there, atomically; where links lead to, if it is one. */
OTA_MUST_USE enum ota_status ota_ctl_output_write(const char *path, struct ota_span bytes, mode_t mode,
                                                  struct ota_err *err);

#endif
