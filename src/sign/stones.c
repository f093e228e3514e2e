/* SPDX-License-Identifier: Apache-2.0 */
/* Stepping stones; see stones.h. */
#include "sign/stones.h"

#include <string.h>

#include "host/buf.h"
#include "sign/role.h"

void ota_stones_free(struct ota_stones *s) {
    free(s->release);
    *s = (struct ota_stones){0};
}

enum ota_status ota_stones_read(const struct ota_metadata *role, const char *product, struct ota_stones *out,
                                struct ota_err *err) {
    uint32_t counter[OTA_RELEASES_MAX];
    size_t count;
    *out = (struct ota_stones){0};
    OTA_TRY(ota_release_counters(role, product, counter, OTA_ARRAY_LEN(counter), &count, err));
    OTA_CLEAN(ota_stones_free) struct ota_stones s = {.release = ota_calloc(count + 1, sizeof *s.release)};
    for (; s.count < count; s.count++) {
        bool found;
        OTA_TRY(ota_release_read(role, product, counter[s.count], &s.release[s.count], &found, err));
        if (!found)
            return ota_err_set(err, OTA_METADATA_FIELD, "role %s: img/%s/%u/ has no release.txt", product, product,
                               counter[s.count]);
    }
    *out = s;
    s = (struct ota_stones){0};
    return OTA_OK;
}

const struct ota_release *ota_stones_find(const struct ota_stones *s, uint32_t counter) {
    for (size_t i = 0; i < s->count; i++)
        if (s->release[i].counter == counter)
            return &s->release[i];
    return NULL;
}

bool ota_stones_allows(const struct ota_release *r, const char *channel) {
    for (size_t i = 0; i < r->channel_count; i++)
        if (strcmp(r->channel[i], channel) == 0)
            return true;
    return false;
}

/* The release below `above` that boards too old for it can take, reaching furthest back; the newest of equals. */
static const struct ota_release *stone_below(const struct ota_stones *s, const struct ota_release *above,
                                             const char *channel) {
    const struct ota_release *best = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const struct ota_release *r = &s->release[i];
        if (r->counter >= above->counter || r->counter < above->from_min || r->from_min >= above->from_min ||
            !ota_stones_allows(r, channel))
            continue;
        if (!best || r->from_min <= best->from_min)
            best = r;
    }
    return best;
}

enum ota_status ota_stones_path(const struct ota_stones *s, const struct ota_release *target, const char *channel,
                                struct ota_channel *c, struct ota_err *err) {
    uint32_t down[OTA_PATH_STONES_MAX];
    size_t n = 0;
    for (const struct ota_release *r = target; r; r = stone_below(s, r, channel)) {
        if (n == OTA_PATH_STONES_MAX)
            return ota_err_set(err, OTA_TOO_LARGE, "release %u: boards would need more than %u stepping stones",
                               target->counter, OTA_PATH_STONES_MAX);
        down[n++] = r->counter;
    }
    for (size_t i = 0; i < n; i++)
        c->path[i] = down[n - 1 - i];
    c->path_count = (uint8_t)n;
    return OTA_OK;
}
