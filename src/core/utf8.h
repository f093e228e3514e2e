/* SPDX-License-Identifier: Apache-2.0 */
/* One UTF-8 sequence at a time (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
#ifndef OTA_CORE_UTF8_H
#define OTA_CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length (1..4) of the well-formed sequence at p[0..n), 0 when there is none. */
size_t ota_utf8_length(const uint8_t *p, size_t n);
/* Writes code point cp (not a surrogate, <= 0x10FFFF); returns 1..4. */
size_t ota_utf8_encode(uint32_t cp, uint8_t out[4]);

#endif
