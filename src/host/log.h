/* SPDX-License-Identifier: Apache-2.0 */
/* The programs' log: lines on stderr, as text or as JSON objects. One per process; safe from several threads. */
#ifndef OTA_HOST_LOG_H
#define OTA_HOST_LOG_H

#include "ota/ports.h"

enum ota_log_format { OTA_LOG_TEXT, OTA_LOG_JSON };
/* Program name goes before text lines ("otaserve: ..."); times are UTC in JSON lines, left out in text unless
 * `times`. */
void ota_log_setup(const char *program, enum ota_log_format format, enum ota_log_level max, bool times);
extern const struct ota_log ota_log_stderr;
/* One already formed line, written with a single write(); for the access log. */
void ota_log_raw(const char *line, size_t len);

#endif
