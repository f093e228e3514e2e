/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stepping stones: the releases a board far behind installs on its way to the one its channel offers. Private to
 * src/sign.
 *
 * A release has `from_min`, the lowest counter it may be installed over. From the offered release downward the path
 * takes, each time, the listed release of the channel that reaches furthest back, until every board is served or none
 * reaches further.
 */
#ifndef OTA_SIGN_STONES_H
#define OTA_SIGN_STONES_H

#include "ota/release.h"

/* All releases a product role lists, ascending by counter. */
struct ota_stones {
    size_t count;
    struct ota_release *release; /* owned */
};
OTA_MUST_USE enum ota_status ota_stones_read(const struct ota_metadata *role, const char *product,
                                             struct ota_stones *out, struct ota_err *err);
void ota_stones_free(struct ota_stones *s);
const struct ota_release *ota_stones_find(const struct ota_stones *s, uint32_t counter); /* NULL */
bool ota_stones_allows(const struct ota_release *r, const char *channel);

/* Sets c->path and c->path_count for `target` on `channel`. TOO_LARGE when more than OTA_PATH_STONES_MAX are needed. */
OTA_MUST_USE enum ota_status ota_stones_path(const struct ota_stones *s, const struct ota_release *target,
                                             const char *channel, struct ota_channel *c, struct ota_err *err);

#endif
