/* SPDX-License-Identifier: Apache-2.0 */
/* Looks which keys lie in a workspace, the root's too, and forgets them again. */
#ifndef OTA_SIGN_KEY_SCAN_H
#define OTA_SIGN_KEY_SCAN_H

#include "host/key_list.h"

/* Of the folder `keys`, sorted by file. One that cannot be opened (encrypted, a token that does not answer) is listed
 * without its keyid. TOO_LARGE above OTA_KEY_LIST_MAX. */
OTA_MUST_USE enum ota_status ota_key_scan(const char *keys, struct ota_key_list *out, struct ota_err *err);

#endif
