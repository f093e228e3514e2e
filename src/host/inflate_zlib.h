/* SPDX-License-Identifier: Apache-2.0 */
/* The inflate port over zlib. */
#ifndef OTA_HOST_INFLATE_ZLIB_H
#define OTA_HOST_INFLATE_ZLIB_H

#include "ota/ports.h"

#define OTA_Z_WINDOW_BITS 12 /* 4 KiB: what a board has room for */

struct ota_inflate_zlib;
struct ota_inflate_zlib *ota_inflate_zlib_new(void);
void ota_inflate_zlib_free(struct ota_inflate_zlib **z);
/* Lives as long as *z. */
const struct ota_inflate *ota_inflate_zlib_port(const struct ota_inflate_zlib *z);

#endif
