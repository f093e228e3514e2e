/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Secure Boot signatures the boards of a product require, by ota.conf:
 *
 *   secure_boot = KEY...   Secure Boot v2: apps and bootloaders carry a signature by every one of these keys
 *   signed_apps = KEY      no Secure Boot, but ESP-IDF checks apps when they are updated: the first signature of an app is
 *                          by this key. It takes the trusted key from the running app's first block and looks at the
 *                          new app's first block, so further blocks help nobody
 *   signed_data = yes      data partitions of subtype undefined carry them, too
 *
 * KEY is the file of a public key (PEM) or of its digest (raw, or in hex: 32 bytes that are hex digits are the text of
 * the ESP32-C2's 16), relative to the workspace, or the digest in hex. A P-256 key
 * of the ESP32, whose version 2 knows RSA only, is one of version 1: apps carry that signature, and bootloaders none.
 */
#ifndef OTA_HOST_BOOT_POLICY_H
#define OTA_HOST_BOOT_POLICY_H

#include "host/signature.h"
#include "host/workspace.h"

struct ota_boot_policy {
    size_t count; /* 0: nothing is required */
    bool signed_apps, signed_data;
    bool v1; /* its key is one of version 1 */
    struct {
        char name[OTA_BOOT_WORD_MAX + 1]; /* as ota.conf has it */
        struct ota_boot_key public;       /* scheme UNKNOWN: only its digest was named */
    } key[OTA_BOOT_KEYS_MAX];
};

/* CONFIG: a file that is no key or digest, a key of a scheme that the chip lacks, or a digest whose length does not suit
 * it. */
OTA_MUST_USE enum ota_status ota_boot_policy_read(const struct ota_workspace *w, const struct ota_product_config *p,
                                                  struct ota_boot_policy *out, struct ota_err *err);
/* Does it want a signature on images of this kind? */
bool ota_boot_policy_wants(const struct ota_boot_policy *policy, enum ota_kind kind);
/* Of version 2, whose keys these are unless v1 is set. SIGNATURE, naming the key that is missing. */
OTA_MUST_USE enum ota_status ota_boot_policy_check(const struct ota_boot_policy *policy, const struct ota_chip *chip,
                                                   const struct ota_signatures *found, struct ota_err *err);

#endif
