/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of words; see words.h. */
#include "host/words.h"

#include <string.h>

#define DIGITS_MAX 9u /* fits uint32_t without a check at each digit */

struct ota_span ota_words_take(struct ota_span *rest, char separator) {
    const uint8_t *at = rest->len ? memchr(rest->p, separator, rest->len) : NULL;
    struct ota_span word = {rest->p, at ? (size_t)(at - rest->p) : rest->len};
    size_t used = word.len + (at ? 1 : 0);
    if (used)
        rest->p += used;
    rest->len -= used;
    return word;
}

bool ota_words_number(struct ota_span word, uint32_t max, uint32_t *out) {
    uint32_t n = 0;
    if (word.len == 0 || word.len > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (word.p[i] < '0' || word.p[i] > '9')
            return false;
        n = n * 10 + (uint32_t)(word.p[i] - '0');
    }
    *out = n;
    return n <= max;
}
