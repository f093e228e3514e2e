/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a release into its product's role and drops those nobody needs any more; see sign.h. */
#include <string.h>

#include "host/role_file.h"
#include "host/rollout.h"
#include "sign/role.h"
#include "sign/sign.h"
#include "sign/stones.h"

/* Bytes the caller verified, opened for reading. */
static enum ota_status open_verified(struct ota_role_file *f, const char *name, struct ota_span wire,
                                     struct ota_err *err) {
    ota_role_file_set(f, name, wire);
    return ota_role_file_parse(f, "targets", err);
}

enum ota_status ota_sign_next_counter(struct ota_span role, const char *product, uint32_t *counter,
                                      struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    uint32_t listed[OTA_RELEASES_MAX];
    size_t count;
    OTA_TRY(open_verified(&f, product, role, err));
    OTA_TRY(ota_release_counters(&f.meta, product, listed, OTA_ARRAY_LEN(listed), &count, err));
    uint32_t last = count ? listed[count - 1] : 0, floor;
    OTA_TRY(ota_role_counter_floor(&f.meta, &floor, err));
    last = floor > last ? floor : last;
    if (last >= OTA_COUNTER_MAX)
        return ota_err_set(err, OTA_COUNTER, "product %s: counter %u is the last one", product, last);
    *counter = last + 1;
    return OTA_OK;
}

/* What the new role lists. */
struct selection {
    size_t count;
    const struct ota_release *release[OTA_RELEASES_MAX];
};

static void keep(struct selection *s, const struct ota_release *r) {
    for (size_t i = 0; i < s->count; i++)
        if (s->release[i] == r)
            return;
    if (r && s->count < OTA_RELEASES_MAX) /* the role listed no more than that */
        s->release[s->count++] = r;
}

static void keep_path(struct selection *s, const struct ota_stones *listed, const struct ota_channel *c) {
    for (size_t i = 0; i < c->path_count; i++)
        keep(s, ota_stones_find(listed, c->path[i]));
}

static enum ota_status keep_what_channels_need(struct selection *s, const struct ota_stones *listed,
                                               struct ota_span rollout, const char *product, struct ota_err *err) {
    if (rollout.len == 0)
        return OTA_OK;
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    OTA_CLEAN_FREE struct ota_rollout *channels = ota_calloc(1, sizeof *channels);
    OTA_TRY(open_verified(&f, "rollout", rollout, err));
    OTA_TRY(ota_rollout_read(&f.meta, channels, err));
    for (size_t i = 0; i < channels->count; i++)
        if (strcmp(channels->entry[i].product, product) == 0)
            keep_path(s, listed, &channels->entry[i].channel);
    return OTA_OK;
}

static enum ota_status keep_stones(struct selection *s, const struct ota_stones *listed, const struct ota_release *next,
                                   struct ota_err *err) {
    for (size_t i = 0; i < next->channel_count; i++) {
        struct ota_channel way;
        OTA_TRY(ota_stones_path(listed, next, next->channel[i], &way, err));
        keep_path(s, listed, &way);
    }
    return OTA_OK;
}

static enum ota_status check(const struct ota_sign_release *in, const struct ota_stones *listed, struct ota_err *err) {
    OTA_TRY(ota_release_check(in->release, err));
    if (in->release->channel_count == 0)
        return ota_err_set(err, OTA_CHANNEL,
                           "release %u of %s allows no channel; add one to ota.conf: channels = stable",
                           in->release->counter, in->release->product);
    const struct ota_release *last = listed->count ? &listed->release[listed->count - 1] : NULL;
    if (last && in->release->counter <= last->counter)
        return ota_err_set(err, OTA_COUNTER, "release %u of %s: %u is listed already", in->release->counter,
                           in->release->product, last->counter);
    return OTA_OK;
}

/* A floor has done its work once a release above it is listed. */
static enum ota_status check_floor(const struct ota_sign_release *in, const struct ota_metadata *old,
                                   struct ota_err *err) {
    uint32_t floor;
    OTA_TRY(ota_role_counter_floor(old, &floor, err));
    if (in->release->counter <= floor)
        return ota_err_set(err, OTA_COUNTER, "release %u of %s: boards may run up to %u already", in->release->counter,
                           in->release->product, floor);
    return OTA_OK;
}

static enum ota_status seal(const struct ota_sign_release *in, const struct selection *s, uint64_t version,
                            struct ota_buf *out, struct ota_err *err) {
    const struct ota_role_product role = {
        .version = version,
        .expires = in->now + OTA_ROLE_OFFLINE_LIFE,
        .count = s->count,
        .release = s->release,
    };
    if (ota_role_product(&role, &in->by, out, err) != OTA_OK)
        return ota_err_prefix(err, "%s with %zu releases", in->release->product, s->count);
    return OTA_OK;
}

enum ota_status ota_sign_release(const struct ota_sign_release *in, struct ota_buf *out, uint64_t *version,
                                 struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file old = {0};
    OTA_CLEAN(ota_stones_free) struct ota_stones listed = {0};
    OTA_TRY(open_verified(&old, in->release->product, in->role, err));
    OTA_TRY(ota_stones_read(&old.meta, in->release->product, &listed, err));
    OTA_TRY(check(in, &listed, err));
    OTA_TRY(check_floor(in, &old.meta, err));
    struct selection s = {.count = 1, .release = {in->release}};
    if (listed.count) /* what a channel goes back to offering when the new one is withdrawn */
        keep(&s, &listed.release[listed.count - 1]);
    OTA_TRY(keep_what_channels_need(&s, &listed, in->rollout, in->release->product, err));
    OTA_TRY(keep_stones(&s, &listed, in->release, err));
    *version = old.meta.version + 1;
    return seal(in, &s, *version, out, err);
}
