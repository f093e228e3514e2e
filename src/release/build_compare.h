/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a release stands to those of its product before it. What would cut boards off is refused until somebody says
 * that it is meant; what some of them lose by it becomes a remark.
 *
 *   app          project_name other than the last app's              refused   project
 *                secure_version below the last app's                 refused   secure-version
 *                signed by no key of the last app                    refused   keys
 *                version below what the channel offers, or the last  remark
 *                chips or eFuse blocks that the last app took        remark
 *   bootloader   SPI mode, speed or size other than the last one's   refused   boot
 *                ... none was released, other than the last app's    remark
 *                signed by no key of the last one (or last app)      refused   keys
 *   factory      alone: signed by no key of the last app             refused   keys
 *   images       of this release that share no key                   refused   keys
 *   boot         of bootloader or table, other than the last one's   refused   boot
 *   data         SPIFFS, LittleFS of another size than its partition refused   size
 *                larger than the last one, and no table is known     remark
 *
 * Keys are those of Secure Boot signatures in the blocks that boards look at; where the last one was signed, an unsigned
 * one has no key of it.
 *
 * The last column is the word that lets it pass. "The last" is the newest release listed that has such an image.
 */
#ifndef OTA_RELEASE_BUILD_COMPARE_H
#define OTA_RELEASE_BUILD_COMPARE_H

#include "ota/ports.h"
#include "release/build.h"

enum {
    OTA_ACCEPT_PROJECT = 1,
    OTA_ACCEPT_SECURE_VERSION = 2,
    OTA_ACCEPT_BOOT = 4,
    OTA_ACCEPT_KEYS = 8,
    OTA_ACCEPT_SIZE = 16,
    OTA_ACCEPT_FLEET = 32, /* boards that would refuse it; src/ctl/push_fleet.c asks them */
};
/* Adds what a word of --accept-change stands for to *accept. USAGE with the words there are. */
OTA_MUST_USE enum ota_status ota_build_accept(const char *word, unsigned *accept, struct ota_err *err);

struct ota_build_past {
    size_t count;
    const struct ota_release *release;   /* all that the product role lists, ascending by counter */
    const struct ota_release *offered;   /* by the channel; NULL: none */
    const char *channel;                 /* its name; may be NULL without `offered` */
    const struct ota_transport *targets; /* where their images are; asked for one app and one bootloader at most */
};
/* Before a counter is assigned. The images of the past are believed for their signed digests only; one that is gone
 * is a remark. IMAGE_DESCRIPTOR, SECURE_VERSION, BOOT_CONFIG, SIGNATURE: see above, with the file, the place in it and the
 * remedy. HASH: an image is not the one that was signed. */
OTA_MUST_USE enum ota_status ota_build_compare(struct ota_build *b, const struct ota_build_past *past, unsigned accept,
                                               struct ota_err *err);

#endif
