/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Would boards take these Secure Boot signatures? One set of rules for a release, for a board's first flash and for a
 * file by itself. Two may ask for signatures: ota.conf says by whom, the configuration of a build that there must be one
 * and of what kind. The name of a file says nothing: with remote signing <project>.bin is the unsigned one.
 *
 *   every block holds          also one that no board reads: the file is damaged else. ESP-IDF takes any one that holds,
 *                              but when it burns the keys into eFuse it stops at one that does not
 *   blocks that count          the first one (ESP32, ESP32-C2) or three, see ota_boot_key_count(); where apps are verified
 *                              on update only, without Secure Boot, the first one on every chip
 *   their scheme               one that the chip knows, and the one that the build verifies
 *   secure_boot, signed_apps   by those keys (boot_policy.h)
 *   images of one flash        share a key with Secure Boot V2: the bootloader's keys are what eFuse trusts. Without it
 *                              no chip looks at a bootloader's signature
 *
 * Version 1 has no blocks: there must be a signature behind the image. It carries no key, so that whether it holds can
 * only be said when ota.conf names one. Source: ESP-IDF bootloader_support/src/secure_boot_v1/, secure_boot_v2/.
 */
#ifndef OTA_HOST_BOOT_RULES_H
#define OTA_HOST_BOOT_RULES_H

#include "host/boot_policy.h"
#include "host/build_config.h"

struct ota_boot_rules {
    const struct ota_chip *chip;            /* NULL, of data: not known, so that every block counts */
    const struct ota_signing_config *build; /* NULL: nothing is known of it */
    const struct ota_boot_policy *policy;   /* NULL: requires nothing */
};
struct ota_boot_file {
    enum ota_kind kind;
    const char *path; /* for the remedy */
    const struct ota_source *source;
    uint64_t length; /* of the image in it */
};

/* Must files of this kind carry a signature of version 2, which takes a sector of its own? */
bool ota_boot_rules_take_sector(const struct ota_boot_rules *rules, enum ota_kind kind);
/* Do boards verify bootloaders, by Secure Boot V2: the build enables it, or ota.conf has secure_boot. Else neither their
 * signatures count nor, of an app, any block but the first. */
bool ota_boot_rules_secure_boot(const struct ota_boot_rules *rules);
/* How many blocks count, from the first on; all where nothing is known of the boards. */
unsigned ota_boot_rules_blocks(const struct ota_boot_rules *rules);
/* Why boards never look at block `index`, for people ("the esp32c3 does not know ecdsa256"); NULL: they do. */
const char *ota_boot_rules_ignored(const struct ota_boot_rules *rules, const struct ota_signatures *found, size_t index,
                                   char out[64]);
/* Reads *found as boards would. SIGNATURE with the remedy; CONFIG: build and policy contradict each other. */
OTA_MUST_USE enum ota_status ota_boot_rules_check(const struct ota_boot_rules *rules, const struct ota_boot_file *file,
                                                  struct ota_signatures *found, struct ota_err *err);

#endif
