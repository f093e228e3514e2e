/* SPDX-License-Identifier: Apache-2.0 */
/* mbedTLS 2.28 of Debian 12 has the functions of 3.6 under names that end in _ret. */
#ifndef OTA_TESTS_MBEDTLS_SHA256_H
#define OTA_TESTS_MBEDTLS_SHA256_H

#include <mbedtls/version.h>

#include_next <mbedtls/sha256.h>

#if MBEDTLS_VERSION_MAJOR < 3
#define mbedtls_sha256_starts mbedtls_sha256_starts_ret
#define mbedtls_sha256_update mbedtls_sha256_update_ret
#define mbedtls_sha256_finish mbedtls_sha256_finish_ret
#endif

#endif
