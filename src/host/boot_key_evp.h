/* SPDX-License-Identifier: Apache-2.0 */
/* What boot_key.c and boot_key_verify.c share. */
#ifndef OTA_HOST_BOOT_KEY_EVP_H
#define OTA_HOST_BOOT_KEY_EVP_H

#include <openssl/evp.h>

#include "host/boot_key.h"

/* OpenSSL's form of it; NULL for numbers that are no key, such as a point that is not on its curve. */
EVP_PKEY *ota_boot_key_evp(const struct ota_boot_key *key);

#endif
