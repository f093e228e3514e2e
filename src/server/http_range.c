/* SPDX-License-Identifier: Apache-2.0 */
/* Range and conditional headers. */
#include "server/http_range.h"

#include <string.h>
#include <strings.h>

/* Digits as a number that stops growing at UINT64_MAX: a position beyond any file need not be told apart from
 * another. */
static bool digits(const char **p, uint64_t *out) {
    const char *s = *p;
    uint64_t v = 0;
    for (; *s >= '0' && *s <= '9'; s++) {
        uint64_t d = (uint64_t)(*s - '0');
        v = v > (UINT64_MAX - d) / 10 ? UINT64_MAX : v * 10 + d;
    }
    bool some = s != *p;
    *p = s;
    *out = v;
    return some;
}

static enum ota_range suffix(uint64_t wanted, uint64_t size, uint64_t *from, uint64_t *length) {
    if (wanted == 0 || size == 0)
        return OTA_RANGE_UNSATISFIABLE;
    *length = wanted < size ? wanted : size;
    *from = size - *length;
    return OTA_RANGE_PART;
}

enum ota_range ota_range_parse(const char *header, uint64_t size, uint64_t *from, uint64_t *length) {
    uint64_t first, last = UINT64_MAX;
    if (!header || strncasecmp(header, "bytes=", 6) != 0)
        return OTA_RANGE_WHOLE;
    const char *p = header + 6;
    if (*p == '-') {
        p++;
        return digits(&p, &last) && !*p ? suffix(last, size, from, length) : OTA_RANGE_WHOLE;
    }
    if (!digits(&p, &first) || *p++ != '-')
        return OTA_RANGE_WHOLE;
    if (*p && (!digits(&p, &last) || *p || last < first))
        return OTA_RANGE_WHOLE;
    if (first >= size)
        return OTA_RANGE_UNSATISFIABLE;
    *from = first;
    *length = (last < size ? last + 1 : size) - first;
    return OTA_RANGE_PART;
}

bool ota_etag_listed(const char *list, const char *etag) {
    size_t want = strlen(etag);
    if (!list)
        return false;
    while (*list) {
        list += strspn(list, " \t,");
        if (*list == '*')
            return true;
        if (strncmp(list, "W/", 2) == 0)
            list += 2;
        if (*list != '"')
            return false;
        const char *end = strchr(list + 1, '"');
        if (!end)
            return false;
        if ((size_t)(end + 1 - list) == want && memcmp(list, etag, want) == 0)
            return true;
        list = end + 1;
    }
    return false;
}

bool ota_etag_allows_range(const char *if_range, const char *etag) {
    return !if_range || strcmp(if_range, etag) == 0;
}
