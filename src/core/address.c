/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/address.h"

#include <string.h>

static bool begins(const char *s, const char *with) {
    return strncmp(s, with, strlen(with)) == 0;
}

bool ota_address_is_https(const char *url) {
    return begins(url, "https://");
}

enum ota_status ota_address_check(const char *url, struct ota_err *err) {
    if (!ota_address_is_https(url) && !begins(url, "http://"))
        return ota_err_set(err, OTA_CONFIG, "\"%s\" is no https:// address", url);
    const char *host = strstr(url, "://") + 3;
    if (memchr(host, '@', strcspn(host, "/?#"))) /* it would go to servers that prove nothing, and into every log */
        return ota_err_set(err, OTA_CONFIG,
                           "an address holds a user name or password: leave it out, only reports need "
                           "one, and that is the token");
    return OTA_OK;
}

struct ota_span ota_address_origin(const char *url) {
    const char *host = strstr(url, "://") + 3;
    return (struct ota_span){(const uint8_t *)url, (size_t)(host - url) + strcspn(host, "/?#")};
}

enum ota_status ota_token_check(const char *token, const char *url_api, struct ota_err *err) {
    for (const char *p = token; *p; p++)
        if (*p < 0x21 || *p > 0x7E)
            return ota_err_set(err, OTA_CONFIG, "the token holds characters that no token has");
    if (url_api && !ota_address_is_https(url_api))
        return ota_err_set(err, OTA_CONFIG, "%s is not https: the token would travel in the clear", url_api);
    return OTA_OK;
}
