/* SPDX-License-Identifier: Apache-2.0 */
/* What channels offer, and whether they may. Private to src/sign. */
#ifndef OTA_SIGN_ONLINE_ROLLOUT_H
#define OTA_SIGN_ONLINE_ROLLOUT_H

#include "host/rollout.h"
#include "sign/stones.h"

/* A product as the signer sees it: its name by delegation, and what its role lists. */
struct ota_online_product {
    const char *name;
    struct ota_stones listed;
};

/* Applies the wanted lines to *r, and sets *changed if anything differs then. */
OTA_MUST_USE enum ota_status ota_online_want(struct ota_rollout *r, struct ota_span lines, uint64_t now,
                                             const struct ota_online_product *product, size_t count, bool *changed,
                                             struct ota_err *err);
/* A product whose role lists nothing is retired: its own key says so, and its channels go. */
void ota_online_withdraw(struct ota_rollout *r, const struct ota_online_product *product, size_t count, bool *changed);
/* Every channel offers only releases its product lists, that allow the channel. */
OTA_MUST_USE enum ota_status ota_online_check(const struct ota_rollout *r, const struct ota_online_product *product,
                                              size_t count, struct ota_err *err);

#endif
