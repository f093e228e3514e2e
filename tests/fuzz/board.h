/* SPDX-License-Identifier: Apache-2.0 */
/* A board that trusts one key for everything, for harnesses that run the whole trust workflow. */
#ifndef OTA_TESTS_FUZZ_BOARD_H
#define OTA_TESTS_FUZZ_BOARD_H

#include "fuzz.h"
#include "host/transport.h"
#include "ota/trust.h"

/* Boots from what the store holds, else from the built-in root: 2026-01-02, product thermo. `transport` may be NULL when
 * nothing is fetched. */
enum ota_status fuzz_board_boot(struct ota_trust *t, const struct ota_kv *kv, const struct ota_transport *transport,
                                struct ota_err *err);

/* Its clock, which stands still, and its root. */
extern const struct ota_clock fuzz_board_clock;
struct ota_span fuzz_board_root(void);

#endif
