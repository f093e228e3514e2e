/* SPDX-License-Identifier: Apache-2.0 */
/* Paths in messages; see err_place.h. */
#include "host/err_place.h"

#include <string.h>

#include "ota/bytes.h"

#define PREFIX_ROOM 80u /* of what ota_err_prefix() takes, for the line's number comes behind it */

const char *ota_short_path(struct ota_short_path *s, const char *path, size_t room) {
    size_t n = strlen(path);
    const char *end = n > room ? path + n - (room - 3) : path;
    while (end != path && ((unsigned char)*end & 0xC0u) == 0x80u) /* not within a character */
        end++;
    (void)ota_format(s->text, sizeof s->text, "%s%s", end != path ? "..." : "", end);
    return s->text;
}

enum ota_status ota_err_place(struct ota_err *err, const char *path, unsigned line) {
    struct ota_short_path s;
    (void)ota_short_path(&s, path, PREFIX_ROOM);
    return line ? ota_err_prefix(err, "%s:%u", s.text, line) : ota_err_prefix(err, "%s", s.text);
}
