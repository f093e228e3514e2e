/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets by key (an address, a board): how often someone may do something. Fixed memory; the longest idle key
 * gives way. */
#ifndef OTA_SERVER_LIMIT_H
#define OTA_SERVER_LIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define OTA_LIMIT_KEYS 1024u

struct ota_limit_bucket {
    uint64_t key; /* 0: free */
    uint64_t at_ms;
    uint32_t millis; /* thousandths of a token left at at_ms */
};
struct ota_limit {
    pthread_mutex_t lock;
    uint64_t seed;
    uint32_t burst, per_minute;
    struct ota_limit_bucket bucket[OTA_LIMIT_KEYS];
};

void ota_limit_init(struct ota_limit *l, uint32_t burst, uint32_t per_minute, uint64_t seed);
void ota_limit_free(struct ota_limit *l);
/* Takes a token at now_ms (monotonic). 0: taken; else the seconds until there is one. */
uint32_t ota_limit_take(struct ota_limit *l, const char *key, uint64_t now_ms);
/* The key of an address: of IPv6 its /64, for whoever has one has all of it. */
#define OTA_LIMIT_KEY_MAX 64u
void ota_limit_address_key(const char *address, char out[OTA_LIMIT_KEY_MAX]);

#endif
