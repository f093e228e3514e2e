/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file's bytes in memory, shared by every answer that points into them.
 *
 * A mapping of a file faults with SIGBUS where the file has become shorter (truncated in place, or a disk that cannot
 * be read). So that this costs one download and not the daemon, a handler puts a page of zeros there: the receiver's
 * digest does not fit, and the server goes on.
 */
#ifndef OTA_SERVER_FILE_MAP_H
#define OTA_SERVER_FILE_MAP_H

#include "ota/err.h"

#define OTA_FILE_MAPS_MAX \
    4096u /* mapped at the same time: those of the cache, and replaced ones that are still being sent */

struct ota_file_map;

/* Once, before the first mapping. */
OTA_MUST_USE enum ota_status ota_file_map_guard(struct ota_err *err);
/* The first `length` bytes of fd. copied: they are read instead, so that no later change of the file shows. `name` is
 * for messages. One reference is the caller's. */
OTA_MUST_USE enum ota_status ota_file_map_new(int fd, const char *name, size_t length, bool copied,
                                              struct ota_file_map **out, struct ota_err *err);
/* NULL when empty. Not to be written to. */
char *ota_file_map_bytes(const struct ota_file_map *m);
size_t ota_file_map_length(const struct ota_file_map *m);
void ota_file_map_hold(struct ota_file_map *m);
/* Fits libmicrohttpd's free callback. */
void ota_file_map_release(void *m);

#endif
