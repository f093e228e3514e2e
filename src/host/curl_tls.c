/* SPDX-License-Identifier: Apache-2.0 */
/* TLS over libcurl; see curl_tls.h. */
#include "host/curl_tls.h"

void ota_curl_secure(CURL *easy, struct ota_span ca_pem, const char *protocols) {
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (ca_pem.len == 0)
        return;
    struct curl_blob blob = {.data = (void *)(uintptr_t)ca_pem.p, .len = ca_pem.len, .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}

enum ota_status ota_curl_status(CURLcode code) {
    switch (code) {
    case CURLE_PARTIAL_FILE:
        return OTA_TRUNCATED;
    case CURLE_OPERATION_TIMEDOUT:
        return OTA_TIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return OTA_TLS;
    case CURLE_WRITE_ERROR: /* a callback of ours said no */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_HTTP2:
    case CURLE_TOO_MANY_REDIRECTS:
        return OTA_HTTP;
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CERTPROBLEM: /* the client's own: it says nothing about the server */
        return OTA_CONFIG;
    case CURLE_OUT_OF_MEMORY:
        return OTA_MEMORY;
    default: /* CURLE_SSL_CONNECT_ERROR, too: a handshake that broke says nothing about the server's name */
        return OTA_NETWORK;
    }
}
