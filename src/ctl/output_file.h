/* SPDX-License-Identifier: Apache-2.0 */
/* Files that verbs make from another file: made again whenever that one changes. */
#ifndef OTA_CTL_OUTPUT_FILE_H
#define OTA_CTL_OUTPUT_FILE_H

#include "host/args.h"
#include "ota/bytes.h"

/* USAGE when both are one file. */
OTA_MUST_USE enum ota_status ota_ctl_output_check(const char *path, const char *input, struct ota_err *err);
/* Replaces what an earlier run made at --output, atomically; never the input itself (USAGE). */
OTA_MUST_USE enum ota_status ota_ctl_output_write(const char *path, const char *input, struct ota_span bytes,
                                                  struct ota_err *err);

#endif
