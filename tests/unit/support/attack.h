/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attack, and what it must leave as it was. Each attack is tried on a board that trusts a repository already, for its own reason, and
 * afterwards store, flash and slots hold the bytes that they held before.
 */
#ifndef OTA_TESTS_ATTACK_H
#define OTA_TESTS_ATTACK_H

#include "fake_world.h"
#include "trust_world.h"

#define ATTACK_PATH "img/thermo/1/a"
#define ATTACK_STORE "root rotated snapshot ts roles" /* all of a trust_world's store */

/* A repository that lists ATTACK_PATH, and a board that has verified every role of it. No hashes in snapshot and timestamp, so that
 * what is refused is refused by the role's own rules. */
int attack_setup(void **state);
#define ATTACK_TEST(name) cmocka_unit_test_setup_teardown(name, attack_setup, trust_world_teardown)

/* The "signed" of a stored file, signed by these keys instead. */
void attack_sign(struct repo *r, const char *name, const struct repo_key *const *keys, size_t count);
/* One run of the board: refused with this status, `reason` in the message, every record as before. */
void attack_refused(struct trust_world *w, enum ota_status wanted, const char *reason);
/* The same, while these records may follow what was signed well: "ts snapshot". */
void attack_refused_after(struct trust_world *w, const char *may_follow, enum ota_status wanted, const char *reason);
/* The same in a run that looks for another path. */
void attack_refused_at(struct trust_world *w, const char *path, const char *may_follow, enum ota_status wanted,
                       const char *reason);
/* The honest repository, published anew with higher versions, is accepted. */
void attack_is_over(struct trust_world *w);

/* A whole agent with release 1, settled; *state is a struct world. */
int attack_world_setup(void **state);
int attack_world_teardown(void **state);
#define ATTACK_WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, attack_world_setup, attack_world_teardown)

/* Runs of a whole agent. What it knows of its repository may follow what was signed; flash, slots, root and its own records do not. */
void attack_world_refused(struct world *w, enum ota_status wanted, const char *reason);
/* Refused while an image is downloaded: passive slot, the hole behind the partitions and journal do not matter yet. */
void attack_download_refused(struct world *w, enum ota_status wanted, const char *reason);
/* As the first, but nothing is wrong: the board has no use for it, and logs why. */
void attack_world_ignored(struct world *w, const char *logged);

#endif
