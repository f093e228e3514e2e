/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths are files of the signed repository. */
#include "server/served_name.h"

#include <string.h>
#include <strings.h>

static bool skip(const char **p, const char *prefix) {
    size_t n = strlen(prefix);
    if (strncmp(*p, prefix, n) != 0)
        return false;
    *p += n;
    return true;
}

/* A decimal without leading zero of at most `max` digits, then `end`. */
static bool skip_number(const char **p, size_t max, char end) {
    size_t n = strspn(*p, "0123456789");
    if (n == 0 || n > max || **p == '0' || (*p)[n] != end)
        return false;
    *p += n + 1;
    return true;
}

static enum ota_served metadata_name(const char *p) {
    if (strcmp(p, "timestamp.json") == 0)
        return OTA_SERVED_TIMESTAMP;
    const char *end = NULL;
    if (!skip_number(&p, 15, '.') || !(end = strchr(p, '.')) || strcmp(end, ".json") != 0)
        return OTA_SERVED_NOTHING;
    struct ota_span role = {(const uint8_t *)p, (size_t)(end - p)};
    if (ota_span_equal_str(role, "root"))
        return OTA_SERVED_ROOT;
    return ota_name_valid(role) ? OTA_SERVED_METADATA : OTA_SERVED_NOTHING;
}

static enum ota_served image_name(const char *p) {
    const char *slash = strchr(p, '/');
    if (!slash || !ota_name_valid((struct ota_span){(const uint8_t *)p, (size_t)(slash - p)}))
        return OTA_SERVED_NOTHING;
    p = slash + 1;
    if (!skip_number(&p, 9, '/') || strspn(p, "0123456789abcdef") != OTA_SHA256_HEX_LEN || p[OTA_SHA256_HEX_LEN] != '.')
        return OTA_SERVED_NOTHING;
    p += OTA_SHA256_HEX_LEN + 1;
    return ota_file_valid(ota_span_str(p)) ? OTA_SERVED_IMAGE : OTA_SERVED_NOTHING;
}

enum ota_served ota_served_name(const char *path) {
    if (skip(&path, "/metadata/"))
        return metadata_name(path);
    if (skip(&path, "/targets/img/"))
        return image_name(path);
    return OTA_SERVED_NOTHING;
}

const char *ota_url_path(const char *target) {
    size_t scheme = strncasecmp(target, "https://", 8) == 0 ? 8 : strncasecmp(target, "http://", 7) == 0 ? 7 : 0;
    if (scheme == 0)
        return target;
    const char *path = target + scheme + strcspn(target + scheme, "/?#");
    return *path == '/' ? path : "/";
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool ota_url_decode(const char *url, char *out, size_t cap) {
    size_t n = 0;
    for (; *url; url++) {
        char c = *url;
        if (c == '%') {
            int high = hex_digit(url[1]), low = high < 0 ? -1 : hex_digit(url[2]);
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            url += 2;
            if (c == '/')
                return false;
        }
        if ((unsigned char)c < 0x20 || c == 0x7F || n + 1 >= cap)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}
