/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per answered request, as text (the combined log form, with the duration at the end) or as a JSON object.
 * Neither headers with secrets nor queries are ever written.
 */
#ifndef OTA_SERVER_ACCESS_LOG_H
#define OTA_SERVER_ACCESS_LOG_H

#include "host/log.h"
#include "server/exchange.h"

struct ota_access_log;

/* path: a file to append to, "-" for stdout, NULL for none (then *out is NULL). */
OTA_MUST_USE enum ota_status ota_access_log_open(const char *path, enum ota_log_format format,
                                                 struct ota_access_log **out, struct ota_err *err);
void ota_access_log_close(struct ota_access_log **log);
/* Opens the file again by its name, for log rotation; on failure the old one stays. */
OTA_MUST_USE enum ota_status ota_access_log_reopen(struct ota_access_log *log, struct ota_err *err);
/* log may be NULL. complete: the whole answer was sent. */
void ota_access_log_write(struct ota_access_log *log, const struct ota_exchange *x, bool complete);
/* The line that would be written; returns its length, at most cap. wall: unix seconds, us: duration in microseconds. */
size_t ota_access_log_line(enum ota_log_format format, const struct ota_exchange *x, const char *address,
                           const char *agent, bool complete, uint64_t wall, uint64_t us, char *out, size_t cap);

#endif
