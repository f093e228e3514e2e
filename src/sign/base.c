/* SPDX-License-Identifier: Apache-2.0 */
/* What a new release goes on top of; see base.h. */
#include "sign/base.h"

#include <string.h>

#include "host/role_file.h"
#include "host/rollout.h"
#include "sign/stones.h"

static enum ota_status read_role(struct ota_span role, const char *product, struct ota_stones *out,
                                 struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    ota_role_file_set(&f, product, role);
    OTA_TRY(ota_role_file_parse(&f, "targets", err));
    return ota_stones_read(&f.meta, product, out, err);
}

/* *counter 0: the channel offers nothing. */
static enum ota_status read_offer(struct ota_span rollout, const char *product, const char *channel, uint32_t *counter,
                                  struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    *counter = 0;
    if (rollout.len == 0 || !channel || !channel[0])
        return OTA_OK;
    OTA_CLEAN_FREE struct ota_rollout *channels = ota_calloc(1, sizeof *channels);
    ota_role_file_set(&f, "rollout", rollout);
    OTA_TRY(ota_role_file_parse(&f, "targets", err));
    OTA_TRY(ota_rollout_read(&f.meta, channels, err));
    const struct ota_rollout_channel *entry = ota_rollout_find(channels, product, channel);
    *counter = entry ? entry->channel.counter : 0;
    return OTA_OK;
}

enum ota_status ota_sign_offered(const struct ota_sign_current *now, const char *product, const char *channel,
                                 struct ota_release *out, bool *found, struct ota_err *err) {
    OTA_CLEAN(ota_stones_free) struct ota_stones listed = {0};
    uint32_t counter;
    *found = false;
    OTA_TRY(read_offer(now->rollout, product, channel, &counter, err));
    OTA_TRY(read_role(now->role, product, &listed, err));
    const struct ota_release *offered = ota_stones_find(&listed, counter);
    if (!offered)
        return OTA_OK;
    *out = *offered;
    *found = true;
    return OTA_OK;
}

/* Does `next` write every partition that `r` writes. */
static bool replaces(const struct ota_release *next, const struct ota_release *r) {
    for (size_t i = 0; i < r->step_count; i++) {
        bool has = false;
        for (size_t k = 0; k < next->step_count; k++)
            has |= strcmp(next->step[k].label, r->step[i].label) == 0;
        if (!has)
            return false;
    }
    return true;
}

enum ota_status ota_sign_set_base(struct ota_build *b, const struct ota_sign_current *now, const char *channel,
                                  struct ota_err *err) {
    OTA_CLEAN(ota_stones_free) struct ota_stones listed = {0};
    const char *product = b->release.product;
    uint32_t counter;
    OTA_TRY(read_offer(now->rollout, product, channel, &counter, err));
    OTA_TRY(read_role(now->role, product, &listed, err));
    const struct ota_release *offered = ota_stones_find(&listed, counter), *r = offered;
    while (r && replaces(&b->release, r)) { /* from_min is below its release's counter: this ends */
        counter = r->from_min;
        r = ota_stones_find(&listed, counter);
    }
    return ota_build_set_base(b, offered, counter, err);
}

enum ota_status ota_sign_compare(struct ota_build *b, const struct ota_sign_current *now, const char *channel,
                                 const struct ota_transport *targets, unsigned accept, struct ota_err *err) {
    OTA_CLEAN(ota_stones_free) struct ota_stones listed = {0};
    const char *product = b->release.product;
    uint32_t counter;
    OTA_TRY(read_offer(now->rollout, product, channel, &counter, err));
    OTA_TRY(read_role(now->role, product, &listed, err));
    const struct ota_build_past past = {
        .count = listed.count,
        .release = listed.release,
        .offered = ota_stones_find(&listed, counter),
        .channel = channel,
        .targets = targets,
    };
    return ota_build_compare(b, &past, accept, err);
}
