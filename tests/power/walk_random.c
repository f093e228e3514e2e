/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that depend on the seed alone. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_set_rand_method: the one way to make keys and signatures the same again */
#include <openssl/rand.h>

#include "walk.h"

/* splitmix64 */
static uint64_t next(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15ull;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

static uint64_t library_state;

static int library_bytes(unsigned char *p, int n) {
    for (int i = 0; i < n; i++)
        p[i] = (unsigned char)next(&library_state);
    return 1;
}

static int library_status(void) {
    return 1;
}

void walk_random_begin(struct walk *k) {
    static const RAND_METHOD method = {.bytes = library_bytes, .pseudorand = library_bytes, .status = library_status};
    k->drawn = k->seed * 2u + 1u;
    library_state = k->seed * 2u;
    (void)RAND_set_rand_method(&method);
}

uint32_t walk_below(struct walk *k, uint32_t n) {
    return (uint32_t)((next(&k->drawn) >> 32) * n >> 32);
}

bool walk_chance(struct walk *k, uint32_t percent) {
    return walk_below(k, 100) < percent;
}
