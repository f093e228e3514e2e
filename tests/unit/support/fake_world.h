/* SPDX-License-Identifier: Apache-2.0 */
/* A board, its server and two releases, put together: what every test of the whole agent starts from. */
#ifndef OTA_TESTS_FAKE_WORLD_H
#define OTA_TESTS_FAKE_WORLD_H

#include "fake_board.h"
#include "fake_server.h"

#define WORLD_STORAGE_LENGTH 0x2800u /* leaves a rest of the partition to erase */
#define WORLD_WINDOW_BITS 12         /* 4 KiB: what a board has room for */

/* Images of one release. */
struct world_images {
    struct ota_buf app, bootloader, table, storage, factory;
};

struct world {
    struct fake_server *server;
    struct fake_board *board;
    struct ota_agent *agent;
    struct world_images one, two;
    uint32_t sleep_s;
    unsigned boots;
};

/* A factory board with release 1, which the server lists and offers; nothing was polled yet. */
struct world *world_new(void);
void world_free(struct world *w);

/* Release 2 of the kinds named: 'a' app, 'F' faulty app, 's' storage, 'b' bootloader, 't' table with a partition more, 'f' factory
 * app; 'z': and their zlib forms. Offered, published. */
struct ota_release *world_release_2(struct world *w, const char *kinds);

/* From now on the table has a factory app, and otadata names slot 0. Before world_settle(). */
void world_add_factory(struct world *w);

/* Reset and ota_boot(), as often as it asks for. False: the board is dead or the plug was pulled. */
bool world_start(struct world *w);
/* ota_run() and the reboots it causes, until the board sleeps with everything decided. Starts the board first if need be.
 * False when the plug was pulled or nothing boots. */
bool world_run(struct world *w);
/* Runs until release 1 is known and reported: the usual beginning. */
void world_settle(struct world *w);
/* Bytes and records say that the board runs release 2 with these kinds, confirmed, with no journal left. */
void world_expect_release_2(struct world *w, const char *kinds);
/* Slot of release 1's app untouched and running. */
void world_expect_release_1(struct world *w);

#endif
