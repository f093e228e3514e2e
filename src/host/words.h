/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of words between programs of this house: cut at one separator, numbers in plain decimal. */
#ifndef OTA_HOST_WORDS_H
#define OTA_HOST_WORDS_H

#include "ota/bytes.h"

/* What stands before the first `separator` of *rest (or all of it); *rest goes on behind it. */
struct ota_span ota_words_take(struct ota_span *rest, char separator);
/* 1 to 9 digits, at most `max`. */
bool ota_words_number(struct ota_span word, uint32_t max, uint32_t *out);

#endif
