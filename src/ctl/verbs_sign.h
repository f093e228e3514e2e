/* SPDX-License-Identifier: Apache-2.0 */
/* Rows' parts that verbs.c takes from verbs_sign.c. */
#ifndef OTA_CTL_VERBS_SIGN_H
#define OTA_CTL_VERBS_SIGN_H

#include "host/args.h"

/* clang-format off */
#define PASSPHRASE_OPTION \
    {"passphrase-file", 0, "FILE", "its first line is the passphrase (chmod 600);\ndefault: $OTA_PASSPHRASE_FILE, else asked for", false}
/* clang-format on */

extern const struct ota_option ota_verb_verify_options[];
extern const char ota_verb_verify_details[];
extern const struct ota_option ota_verb_keys_new_options[];
extern const char ota_verb_keys_new_details[];
extern const struct ota_option ota_verb_keys_digest_options[];
extern const char ota_verb_keys_digest_details[];
extern const struct ota_option ota_verb_sign_options[];
extern const char ota_verb_sign_details[];

#endif
