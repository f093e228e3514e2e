/* SPDX-License-Identifier: Apache-2.0 */
/* A board that trusts a repository in memory: its store, clock and buffer, and one run as an agent does it. */
#ifndef OTA_TESTS_TRUST_WORLD_H
#define OTA_TESTS_TRUST_WORLD_H

#include "repo_maker.h"

#define DAY 86400u
#define JAN_2 1767312000u /* 2026-01-02T00:00:00Z */

/* One entry of `targets`. */
#define ENTRY(path) "\"" path "\":{\"length\":5}"

struct trust_world {
    struct repo repo;
    struct repo_kv kv;
    struct ota_trust trust;
    uint8_t *buf; /* exactly the chip's size, so that a byte beyond it is seen */
    struct ota_buf root;
};

extern uint64_t trust_clock_now;
extern bool trust_clock_known;

int trust_world_setup(void **state); /* a repository with version 1 of everything, 2026-01-02 */
int trust_world_teardown(void **state);
#define TRUST_TEST(name) cmocka_unit_test_setup_teardown(name, trust_world_setup, trust_world_teardown)

/* ota_trust_init() over the board's store. */
enum ota_status trust_boot(struct trust_world *w, struct ota_err *err);
enum ota_status trust_open_path(struct trust_world *w, const char *path, struct ota_delegation *by,
                                struct ota_err *err);
/* Boot, refresh, open `path` (unless NULL), finish. */
enum ota_status trust_run(struct trust_world *w, const char *path, bool if_changed, bool *unchanged,
                          struct ota_err *err);
enum ota_status trust_full_run(struct trust_world *w, struct ota_err *err);
/* The next publish has a new snapshot and timestamp. */
void repo_bump(struct repo *r);
/* Changes "signed" of 2.root.json, signed again by the root key. */
void trust_edit_root(struct trust_world *w, const char *from, const char *to);

#endif
