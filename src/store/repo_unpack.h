/* SPDX-License-Identifier: Apache-2.0 */
/* Does a zlib form hold the image it is signed for: inflated as it streams by, never kept. Private to src/store. */
#ifndef OTA_STORE_REPO_UNPACK_H
#define OTA_STORE_REPO_UNPACK_H

#include "store/repo_verify.h"

struct ota_repo_unpack; /* opaque */
/* For an image with plain_length > 0. */
OTA_MUST_USE enum ota_status ota_repo_unpack_begin(const struct ota_repo_image *image, struct ota_repo_unpack **out,
                                                   struct ota_err *err);
/* The next bytes of the form. HASH: no such stream, or bytes after its end; LENGTH: more than the image has, at which
 * it stops, so that no form takes more time than its image would. */
OTA_MUST_USE enum ota_status ota_repo_unpack_feed(struct ota_repo_unpack *u, const uint8_t *p, size_t n,
                                                  struct ota_err *err);
/* That was all. LENGTH, HASH: it is not the image. */
OTA_MUST_USE enum ota_status ota_repo_unpack_end(struct ota_repo_unpack *u, struct ota_err *err);
void ota_repo_unpack_free(struct ota_repo_unpack **u);

#endif
