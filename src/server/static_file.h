/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of the repository, mapped once and shared by every request: its bytes, its strong ETag, and the answers
 * that are alike for all. Files there are never changed in place (src/store/repo.h replaces by rename), so a mapping
 * stays true for as long as it is held.
 */
#ifndef OTA_SERVER_STATIC_FILE_H
#define OTA_SERVER_STATIC_FILE_H

#include <sys/stat.h>

#include "server/exchange.h"

struct ota_static_file;

/* Opens root + "/" + name without following any link below root. NOT_FOUND when it is not there, IO when it is not a
 * regular file. The caller owns one reference. */
OTA_MUST_USE enum ota_status ota_static_file_open(const char *root, const char *name, enum ota_served kind,
                                                  struct ota_static_file **out, struct ota_err *err);
void ota_static_file_hold(struct ota_static_file *f);
void ota_static_file_release(struct ota_static_file *f);
/* Is the file at this place still the one that is mapped? */
bool ota_static_file_same(const struct ota_static_file *f, const struct stat *st);
/* 200, 206, 304 or 416, as the request's headers want it. */
enum MHD_Result ota_static_file_answer(struct ota_static_file *f, struct ota_exchange *x);

#endif
