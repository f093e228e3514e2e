/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets by key. */
#include "server/limit.h"

#include <arpa/inet.h>
#include <string.h>

#include "ota/bytes.h"

#define WAYS 8u /* places a key may be in: bounds the search, and what one sender can push out */

void ota_limit_init(struct ota_limit *l, uint32_t burst, uint32_t per_minute, uint64_t seed) {
    memset(l, 0, sizeof *l);
    (void)pthread_mutex_init(&l->lock, NULL);
    l->burst = burst;
    l->per_minute = per_minute;
    l->seed = seed;
}

void ota_limit_free(struct ota_limit *l) {
    (void)pthread_mutex_destroy(&l->lock);
}

static uint64_t hash(uint64_t seed, const char *key) {
    uint64_t h = 14695981039346656037ull ^ seed;
    for (; *key; key++) {
        h = (h ^ (uint8_t)*key) * 1099511628211ull;
        h ^= h >> 29;
    }
    return h ? h : 1;
}

static struct ota_limit_bucket *bucket_for(struct ota_limit *l, uint64_t key, uint64_t now_ms) {
    struct ota_limit_bucket *set = &l->bucket[(key >> 32) % (OTA_LIMIT_KEYS / WAYS) * WAYS], *oldest = set;
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].at_ms < oldest->at_ms)
            oldest = &set[i];
    }
    *oldest = (struct ota_limit_bucket){.key = key, .at_ms = now_ms, .millis = l->burst * 1000u};
    return oldest;
}

uint32_t ota_limit_take(struct ota_limit *l, const char *key, uint64_t now_ms) {
    uint32_t wait = 0;
    (void)pthread_mutex_lock(&l->lock);
    struct ota_limit_bucket *b = bucket_for(l, hash(l->seed, key), now_ms);
    uint64_t gained = (now_ms - b->at_ms) * l->per_minute / 60u, full = l->burst * 1000u;
    b->millis = gained >= full - b->millis ? (uint32_t)full : b->millis + (uint32_t)gained;
    b->at_ms = now_ms;
    if (b->millis >= 1000u)
        b->millis -= 1000u;
    else
        wait = (1000u - b->millis) * 60u / l->per_minute / 1000u + 1u;
    (void)pthread_mutex_unlock(&l->lock);
    return wait;
}

void ota_limit_address_key(const char *address, char out[OTA_LIMIT_KEY_MAX]) {
    struct in6_addr v6;
    if (inet_pton(AF_INET6, address, &v6) == 1) {
        memset(v6.s6_addr + 8, 0, 8);
        (void)inet_ntop(AF_INET6, &v6, out, OTA_LIMIT_KEY_MAX);
    } else {
        (void)ota_format(out, OTA_LIMIT_KEY_MAX, "%s", address);
    }
}
