/* SPDX-License-Identifier: Apache-2.0 */
/* Range and the conditional headers a download needs, as pure functions. Source: RFC 9110 sections 13.1 and 14. */
#ifndef OTA_SERVER_HTTP_RANGE_H
#define OTA_SERVER_HTTP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum ota_range {
    OTA_RANGE_WHOLE,         /* no range, several, or one that does not parse: 200 */
    OTA_RANGE_PART,          /* 206 */
    OTA_RANGE_UNSATISFIABLE, /* 416 */
};
/* header: value of Range, or NULL. On PART, *from < size and 1 <= *length <= size - *from: an end past the file is
 * clamped. */
enum ota_range ota_range_parse(const char *header, uint64_t size, uint64_t *from, uint64_t *length);

/* If-None-Match: is etag (with its quotes) in the list? Weak comparison; "*" matches everything. */
bool ota_etag_listed(const char *list, const char *etag);
/* If-Range: may the range be used? Absent: yes. Only the same strong tag is; a date never, since no Last-Modified is
 * sent. */
bool ota_etag_allows_range(const char *if_range, const char *etag);

#endif
