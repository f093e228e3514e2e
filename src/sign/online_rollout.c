/* SPDX-License-Identifier: Apache-2.0 */
/* Judges and changes what channels offer; see online_rollout.h. */
#include "sign/online_rollout.h"

#include <string.h>

#include "host/buf.h"
#include "host/crypto.h"
#include "host/words.h"

#define SALT_BYTES 8u
#define PERMILLE_MAX 1000u

static const struct ota_online_product *find_product(const struct ota_online_product *product, size_t count,
                                                     const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(product[i].name, name) == 0)
            return &product[i];
    return NULL;
}

/* ---- wanted lines ----------------------------------------------------------------------------------------- */

struct wish {
    char product[OTA_NAME_MAX + 1], channel[OTA_NAME_MAX + 1];
    uint32_t counter, permille;
    uint8_t group_count;
    char group[OTA_GROUPS_MAX][OTA_NAME_MAX + 1];
};

static bool read_groups(struct ota_span text, struct wish *w) {
    do {
        struct ota_span group = ota_words_take(&text, ',');
        if (w->group_count == OTA_GROUPS_MAX || (!ota_name_valid(group) && !ota_span_equal_str(group, "*")) ||
            !ota_span_copy(group, w->group[w->group_count], sizeof w->group[0]))
            return false;
        w->group_count++;
    } while (text.len);
    return true;
}

static bool read_name(struct ota_span text, char out[OTA_NAME_MAX + 1]) {
    return ota_name_valid(text) && ota_span_copy(text, out, OTA_NAME_MAX + 1);
}

static bool read_wish(struct ota_span line, struct wish *w) {
    memset(w, 0, sizeof *w);
    return read_name(ota_words_take(&line, ' '), w->product) && read_name(ota_words_take(&line, ' '), w->channel) &&
           ota_words_number(ota_words_take(&line, ' '), OTA_COUNTER_MAX, &w->counter) &&
           ota_words_number(ota_words_take(&line, ' '), PERMILLE_MAX, &w->permille) && read_groups(line, w);
}

/* Not secret, only different for each release, so that the same boards are not always first. Derived, so that signing
 * stays a function of its input. */
static enum ota_status make_salt(const struct wish *w, uint64_t now, char salt[OTA_SALT_MAX + 1], struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    OTA_CLEAN_FREE char *text =
        ota_sprintf("%s/%s/%u/%llu", w->product, w->channel, w->counter, (unsigned long long)now);
    OTA_TRY(ota_sha256(&ota_crypto_openssl, text, strlen(text), digest, err));
    ota_hex_encode(digest, SALT_BYTES, salt);
    return OTA_OK;
}

static bool same(const struct ota_channel *a, const struct ota_channel *b) {
    bool equal = a->counter == b->counter && a->permille == b->permille && a->group_count == b->group_count &&
                 a->path_count == b->path_count;
    for (size_t i = 0; equal && i < a->group_count; i++)
        equal = strcmp(a->group[i], b->group[i]) == 0;
    for (size_t i = 0; equal && i < a->path_count; i++)
        equal = a->path[i] == b->path[i];
    return equal;
}

static enum ota_status grant(struct ota_channel *c, const struct wish *w, uint64_t now,
                             const struct ota_online_product *product, struct ota_err *err) {
    const struct ota_release *release = ota_stones_find(&product->listed, w->counter);
    if (!release)
        return ota_err_set(err, OTA_NOT_FOUND, "%s has no release %u", w->product, w->counter);
    if (w->counter < c->counter)
        return ota_err_set(err, OTA_COUNTER,
                           "channel %s of %s offers release %u; boards never go back to %u: push the old state as a "
                           "new release",
                           w->channel, w->product, c->counter, w->counter);
    if (w->counter != c->counter)
        OTA_TRY(make_salt(w, now, c->salt, err));
    c->counter = w->counter;
    c->permille = (uint16_t)w->permille;
    c->group_count = w->group_count;
    memcpy(c->group, w->group, sizeof c->group);
    return ota_stones_path(&product->listed, release, w->channel, c, err);
}

static enum ota_status apply(struct ota_rollout *r, const struct wish *w, uint64_t now,
                             const struct ota_online_product *product, size_t count, bool *changed,
                             struct ota_err *err) {
    const struct ota_online_product *p = find_product(product, count, w->product);
    if (!p)
        return ota_err_set(err, OTA_NOT_FOUND, "there is no product %s", w->product);
    struct ota_rollout_channel *entry = ota_rollout_need(r, w->product, w->channel);
    if (!entry)
        return ota_err_set(err, OTA_TOO_LARGE, "more than %u channels", OTA_ROLLOUT_MAX);
    const struct ota_channel before = entry->channel;
    OTA_TRY(grant(&entry->channel, w, now, p, err));
    *changed = *changed || !same(&before, &entry->channel);
    return OTA_OK;
}

enum ota_status ota_online_want(struct ota_rollout *r, struct ota_span lines, uint64_t now,
                                const struct ota_online_product *product, size_t count, bool *changed,
                                struct ota_err *err) {
    while (lines.len) {
        struct wish w;
        if (!read_wish(ota_words_take(&lines, '\n'), &w))
            return ota_err_set(err, OTA_ARGUMENT,
                               "wanted channel: not \"<product> <channel> <counter> <permille> "
                               "<groups>\"");
        OTA_TRY(apply(r, &w, now, product, count, changed, err));
    }
    ota_rollout_sort(r);
    return OTA_OK;
}

void ota_online_withdraw(struct ota_rollout *r, const struct ota_online_product *product, size_t count, bool *changed) {
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct ota_online_product *p = find_product(product, count, r->entry[i].product);
        if (!p || p->listed.count > 0)
            r->entry[kept++] = r->entry[i];
    }
    *changed = *changed || kept < r->count;
    r->count = kept;
}

/* ---- what may be offered ---------------------------------------------------------------------------------- */

static enum ota_status check_stone(const struct ota_rollout_channel *c, const struct ota_stones *listed,
                                   uint32_t counter, struct ota_err *err) {
    const struct ota_release *r = ota_stones_find(listed, counter);
    if (!r)
        return ota_err_set(err, OTA_CHANNEL, "channel %s of %s needs release %u, which its role does not list any more",
                           c->name, c->product, counter);
    if (!ota_stones_allows(r, c->name))
        return ota_err_set(err, OTA_CHANNEL,
                           "release %u of %s was not signed for channel %s; add it to channels of the product in "
                           "ota.conf and push again",
                           counter, c->product, c->name);
    return OTA_OK;
}

enum ota_status ota_online_check(const struct ota_rollout *r, const struct ota_online_product *product, size_t count,
                                 struct ota_err *err) {
    for (size_t i = 0; i < r->count; i++) {
        const struct ota_rollout_channel *c = &r->entry[i];
        const struct ota_online_product *p = find_product(product, count, c->product);
        if (!p)
            return ota_err_set(err, OTA_DELEGATION, "channel %s: there is no product %s", c->name, c->product);
        for (size_t k = 0; k < c->channel.path_count; k++)
            OTA_TRY(check_stone(c, &p->listed, c->channel.path[k], err));
        OTA_TRY(check_stone(c, &p->listed, c->channel.counter, err));
    }
    return OTA_OK;
}
