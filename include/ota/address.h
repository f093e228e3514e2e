/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of a server and the token for its API, as every transport has to check them before it uses them. */
#ifndef OTA_ADDRESS_H
#define OTA_ADDRESS_H

#include "ota/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An http:// or https:// base without user name or password. CONFIG. */
OTA_MUST_USE enum ota_status ota_address_check(const char *url, struct ota_err *err);
bool ota_address_is_https(const char *url);
/* "https://host:port" of a base that was checked. */
struct ota_span ota_address_origin(const char *url);

/* Printable, without spaces, and the API it is for (may be NULL) is https://. CONFIG. */
OTA_MUST_USE enum ota_status ota_token_check(const char *token, const char *url_api, struct ota_err *err);

#ifdef __cplusplus
}
#endif

#endif
