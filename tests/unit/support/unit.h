/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes: cmocka in its required order, and assertions on statuses that show the message. */
#ifndef OTA_TESTS_UNIT_H
#define OTA_TESTS_UNIT_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "ota/err.h"

#define assert_ota_ok(expr)                                                    \
    do {                                                                       \
        err.msg[0] = '\0';                                                     \
        if ((expr) != OTA_OK)                                                  \
            fail_msg("%s: %s: %s", #expr, ota_status_name(err.code), err.msg); \
    } while (0)

#define assert_ota(expr, wanted)                                                                    \
    do {                                                                                            \
        enum ota_status got_;                                                                       \
        err.msg[0] = '\0';                                                                          \
        got_ = (expr);                                                                              \
        if (got_ != (wanted))                                                                       \
            fail_msg("%s: got %s (%s), wanted %s", #expr, ota_status_name(got_), err.msg, #wanted); \
        if (got_ != OTA_OK) {                                                                       \
            assert_int_equal(err.code, got_);                                                       \
            assert_true(err.msg[0] != '\0');                                                        \
        }                                                                                           \
    } while (0)

#endif
