/* SPDX-License-Identifier: Apache-2.0 */
/* The rollout role as a list; see rollout.h. */
#include "host/rollout.h"

#include <stdlib.h>
#include <string.h>

/* "rollout/<product>/<channel>" */
static bool split_path(struct ota_span path, struct ota_rollout_channel *c) {
    static const char prefix[] = "rollout/";
    const size_t n = sizeof prefix - 1;
    if (path.len <= n || memcmp(path.p, prefix, n) != 0)
        return false;
    const uint8_t *slash = memchr(path.p + n, '/', path.len - n);
    if (!slash)
        return false;
    struct ota_span product = {path.p + n, (size_t)(slash - path.p) - n};
    struct ota_span name = {slash + 1, path.len - (size_t)(slash + 1 - path.p)};
    return ota_name_valid(product) && ota_name_valid(name) && ota_span_copy(product, c->product, sizeof c->product) &&
           ota_span_copy(name, c->name, sizeof c->name);
}

static enum ota_status read_entry(const struct ota_target *target, struct ota_rollout *out, struct ota_err *err) {
    if (out->count == OTA_ROLLOUT_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "role rollout: more than %u channels", OTA_ROLLOUT_MAX);
    struct ota_rollout_channel *c = &out->entry[out->count];
    if (!split_path(target->path, c))
        return ota_err_set(err, OTA_DELEGATION, "role rollout: \"%.*s\" is not rollout/<product>/<channel>",
                           (int)target->path.len, (const char *)target->path.p);
    OTA_TRY(ota_channel_read(target, c->product, &c->channel, err));
    out->count++;
    return OTA_OK;
}

enum ota_status ota_rollout_read(const struct ota_metadata *role, struct ota_rollout *out, struct ota_err *err) {
    struct ota_scan it;
    struct ota_target target;
    bool more = true;
    memset(out, 0, sizeof *out);
    OTA_TRY(ota_targets_begin(role, &it, err));
    while (more) {
        OTA_TRY(ota_targets_next(&it, &target, &more, err));
        if (more)
            OTA_TRY(read_entry(&target, out, err));
    }
    return OTA_OK;
}

struct ota_rollout_channel *ota_rollout_find(struct ota_rollout *r, const char *product, const char *channel) {
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->entry[i].product, product) == 0 && strcmp(r->entry[i].name, channel) == 0)
            return &r->entry[i];
    return NULL;
}

struct ota_rollout_channel *ota_rollout_need(struct ota_rollout *r, const char *product, const char *channel) {
    struct ota_rollout_channel *c = ota_rollout_find(r, product, channel);
    if (c || r->count == OTA_ROLLOUT_MAX)
        return c;
    c = &r->entry[r->count];
    memset(c, 0, sizeof *c);
    if (!ota_span_copy(ota_span_str(product), c->product, sizeof c->product) ||
        !ota_span_copy(ota_span_str(channel), c->name, sizeof c->name))
        return NULL;
    r->count++;
    return c;
}

static int compare(const void *a, const void *b) {
    const struct ota_rollout_channel *x = a, *y = b;
    char left[2 * OTA_NAME_MAX + 12], right[2 * OTA_NAME_MAX + 12];
    (void)ota_channel_path(x->product, x->name, left, sizeof left);
    (void)ota_channel_path(y->product, y->name, right, sizeof right);
    return strcmp(left, right);
}

void ota_rollout_sort(struct ota_rollout *r) {
    qsort(r->entry, r->count, sizeof r->entry[0], compare);
}
