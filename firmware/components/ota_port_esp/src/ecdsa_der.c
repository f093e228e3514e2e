/* SPDX-License-Identifier: Apache-2.0 */
#include "ecdsa_der.h"

#include <string.h>

#define TAG_SEQUENCE 0x30
#define TAG_INTEGER 0x02
#define NUMBER 32u
#define LENGTH_MAX 0x7Fu /* in one byte; two numbers of P-256 are shorter */

/* Takes tag, length and as many bytes off *in. */
static bool take(struct ota_span *in, uint8_t tag, struct ota_span *value) {
    if (in->len < 2 || in->p[0] != tag || in->p[1] > LENGTH_MAX || in->p[1] > in->len - 2)
        return false;
    *value = (struct ota_span){in->p + 2, in->p[1]};
    in->p += 2 + value->len;
    in->len -= 2 + value->len;
    return true;
}

static bool take_number(struct ota_span *in, uint8_t out[NUMBER]) {
    struct ota_span v;
    if (!take(in, TAG_INTEGER, &v) || v.len == 0 || v.p[0] & 0x80)
        return false;
    if (v.p[0] == 0 && v.len > 1) {
        if (!(v.p[1] & 0x80)) /* a zero that nothing asks for */
            return false;
        v = (struct ota_span){v.p + 1, v.len - 1};
    }
    if (v.len > NUMBER)
        return false;
    memset(out, 0, NUMBER - v.len);
    memcpy(out + NUMBER - v.len, v.p, v.len);
    return true;
}

bool ota_esp_ecdsa_raw(struct ota_span der, uint8_t raw[OTA_ESP_ECDSA_RAW]) {
    struct ota_span numbers;
    return take(&der, TAG_SEQUENCE, &numbers) && der.len == 0 && take_number(&numbers, raw) &&
           take_number(&numbers, raw + NUMBER) && numbers.len == 0;
}
