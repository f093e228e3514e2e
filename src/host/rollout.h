/* SPDX-License-Identifier: Apache-2.0 */
/* The rollout role as a list: which release each channel offers. Writers and readers of it on the host share this. */
#ifndef OTA_HOST_ROLLOUT_H
#define OTA_HOST_ROLLOUT_H

#include "ota/release.h"

#define OTA_ROLLOUT_MAX (OTA_PRODUCTS_MAX * OTA_CHANNELS_MAX)

struct ota_rollout_channel {
    char product[OTA_NAME_MAX + 1], name[OTA_NAME_MAX + 1];
    struct ota_channel channel;
};
struct ota_rollout {
    size_t count;
    struct ota_rollout_channel entry[OTA_ROLLOUT_MAX]; /* in path order as read */
};

/* Of a verified rollout role. Paths other than rollout/<product>/<channel> are refused (DELEGATION). */
OTA_MUST_USE enum ota_status ota_rollout_read(const struct ota_metadata *role, struct ota_rollout *out,
                                              struct ota_err *err);
struct ota_rollout_channel *ota_rollout_find(struct ota_rollout *r, const char *product,
                                             const char *channel); /* NULL */
/* Finds it or adds it with counter 0; NULL when the list is full. */
struct ota_rollout_channel *ota_rollout_need(struct ota_rollout *r, const char *product, const char *channel);
void ota_rollout_sort(struct ota_rollout *r);

#endif
