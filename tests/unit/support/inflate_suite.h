/* SPDX-License-Identifier: Apache-2.0 */
/* What every inflate port gives for whole and torn streams, and what it must refuse. */
#ifndef OTA_TESTS_INFLATE_SUITE_H
#define OTA_TESTS_INFLATE_SUITE_H

#include "ota/ports.h"

/* Set by the test before the suite runs. */
extern const struct ota_inflate *inflate_tested;

/* Setup of the group: what is packed. */
int inflate_make_plain(void **state);
void inflate_gives_what_was_packed_however_torn(void **state);
void inflate_refuses_a_larger_window(void **state);
void inflate_refuses_a_wrong_adler(void **state);
void inflate_refuses_other_forms(void **state);
void inflate_leaves_what_follows(void **state);
void inflate_cut_anywhere_wants_more(void **state);
void inflate_begins_again(void **state);

/* clang-format off */
#define INFLATE_TEST(port, name) {"test_" port "_" #name, inflate_##name, NULL, NULL, NULL}
/* The suite under the names of one port. */
#define INFLATE_SUITE(port) \
    INFLATE_TEST(port, gives_what_was_packed_however_torn), \
    INFLATE_TEST(port, refuses_a_larger_window), \
    INFLATE_TEST(port, refuses_a_wrong_adler), \
    INFLATE_TEST(port, refuses_other_forms), \
    INFLATE_TEST(port, leaves_what_follows), \
    INFLATE_TEST(port, cut_anywhere_wants_more), \
    INFLATE_TEST(port, begins_again)
/* clang-format on */

#endif
