/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles (.otab): files of a repository in one stream, a POSIX ustar archive. ota-bundle(5) says which files, in which
 * order. Source of the form: POSIX.1-2017, pax, "ustar Interchange Format".
 *
 *     0  100  name, NUL-padded         257    6  "ustar" NUL
 *   100    8  "0000644" NUL            263    2  "00"
 *   108    8  uid "0000000" NUL        265   64  owner and group, empty
 *   116    8  gid, the same            329   16  device, empty
 *   124   12  length, 11 octal NUL     345  155  prefix, NUL-padded: path = prefix "/" name
 *   136   12  time "00000000000" NUL   500   12  NUL
 *   148    8  checksum: 6 octal NUL ' ', the sum of all bytes with this field blank
 *   156    1  '0' a regular file
 *   157  100  empty
 *   512       the file, padded with NUL to a multiple of 512
 *   end       two blocks of NUL, nothing after them
 *
 * Nothing in it depends on when, where or by whom it was made. Nothing is kept in memory: bytes go to the sink as they come.
 */
#ifndef OTA_IMAGE_BUNDLE_WRITE_H
#define OTA_IMAGE_BUNDLE_WRITE_H

#include "ota/bytes.h"

#define OTA_BUNDLE_WRITE_BLOCK 512u
#define OTA_BUNDLE_WRITE_FILE_MAX 077777777777ull /* what a header can say */

struct ota_bundle_sink {
    void *ctx;
    enum ota_status (*write)(void *ctx, const void *p, size_t n, struct ota_err *err);
};

struct ota_bundle_writer {
    const struct ota_bundle_sink *sink;
    uint64_t left;  /* of the file that is open */
    uint64_t bytes; /* written so far, headers and padding included */
};
void ota_bundle_write_begin(struct ota_bundle_writer *w, const struct ota_bundle_sink *sink);
/* TOO_LARGE: the path fits into no header. `length` bytes follow in ota_bundle_write_bytes(), then ota_bundle_write_file_end(). */
OTA_MUST_USE enum ota_status ota_bundle_write_file_begin(struct ota_bundle_writer *w, const char *path, uint64_t length,
                                                         struct ota_err *err);
/* LENGTH: more than was announced; nothing was written then. */
OTA_MUST_USE enum ota_status ota_bundle_write_bytes(struct ota_bundle_writer *w, const void *p, size_t n,
                                                    struct ota_err *err);
/* LENGTH: less than was announced. */
OTA_MUST_USE enum ota_status ota_bundle_write_file_end(struct ota_bundle_writer *w, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_bundle_write_end(struct ota_bundle_writer *w, struct ota_err *err);
/* All of it at once. */
OTA_MUST_USE enum ota_status ota_bundle_write_file(struct ota_bundle_writer *w, const char *path, struct ota_span bytes,
                                                   struct ota_err *err);

#endif
