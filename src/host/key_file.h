/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of files in keys/ that hold a signing key or say where it is.
 *
 *   <role>.pem  <role>.uri                       the key a role began with
 *   <role>.<suffix>.pem  <role>.<suffix>.uri     further keys of it; suffix [a-z0-9-]{1,32}
 *
 * The name is for people, and tells keys that sign by themselves from those of root and TLS. What a key may sign is
 * decided by its keyid alone.
 */
#ifndef OTA_HOST_KEY_FILE_H
#define OTA_HOST_KEY_FILE_H

#include "ota/metadata.h"

/* False for files that hold no role's key: TLS's, certificates, notes. */
bool ota_key_file_role(const char *file, char role[OTA_ROLE_NAME_MAX + 1]);
bool ota_key_file_suffix_valid(struct ota_span suffix);

#endif
