/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the upload store share. Private to src/store. */
#ifndef OTA_STORE_UPLOAD_FILES_H
#define OTA_STORE_UPLOAD_FILES_H

#include "store/upload.h"

bool ota_upload_id_valid(const char *id);
/* state/uploads/<id>/<name>; the caller frees. */
char *ota_upload_path(const struct ota_workspace *w, const char *id, const char *name);
/* Where a whole file of this digest and length lies: in the upload, else in the published repository of the product.
 * NULL: nowhere. The caller frees. */
char *ota_upload_find(const struct ota_workspace *w, const struct ota_upload *u, const struct ota_upload_file *f);
/* For a file that is not there whole: how much of it is. */
uint32_t ota_upload_part_length(const struct ota_workspace *w, const char *id, const struct ota_upload_file *f);
/* Sets u->state, counter and why by what became of it since it was handed over. */
#define OTA_UPLOAD_INCOMING_MAX 65u
OTA_MUST_USE enum ota_status ota_upload_settle(const struct ota_workspace *w, struct ota_upload *u,
                                               struct ota_err *err);

#endif
