/* SPDX-License-Identifier: Apache-2.0 */
/* What every request over libcurl has in common: TLS, and how its errors are named. Private to src/host. */
#ifndef OTA_HOST_CURL_TLS_H
#define OTA_HOST_CURL_TLS_H

#include <curl/curl.h>

#include "ota/bytes.h"
#include "ota/err.h"

/* TLS 1.2 or newer, no redirect. A CA that is given is the only one; `ca_pem` must outlive the request. */
void ota_curl_secure(CURL *easy, struct ota_span ca_pem, const char *protocols);
enum ota_status ota_curl_status(CURLcode code);

#endif
