/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated board, its signed repository and the releases there: what every proof of the whole agent on src/sim
 * starts from. Flash of 2 MiB lies in memory, otadata and ota_state in it, so that every operation counts; clock and
 * uptime move only when the board sleeps, and nothing waits. A forked child goes on with a copy of everything.
 *
 *   0 bootloader | 8000 table | 9000 nvs | D000 otadata | F000 phy_init
 *   10000 factory, or spare | 20000 ota_0 | 30000 ota_1 | 40000 ota_state | 4C000 ota_id
 *   50000 storage | 54000 hole, or pad and staging (enum sim_staging) | recovery bootloader last, where the chip has one
 *
 * Release 1 is in flash at first, whole. Nothing here ends the process when the board misbehaves: the caller judges.
 */
#ifndef OTA_TESTS_SIM_WORLD_H
#define OTA_TESTS_SIM_WORLD_H

#include "host/inflate_zlib.h"
#include "sim/board.h"
#include "sim/otaops.h"
#include "sim/rom.h"
#include "sim/statekv.h"
#include "sim_images.h"
#include "support/boot_signer.h"
#include "support/fake_bundle.h"
#include "support/fake_server.h"

#define SIM_FLASH_SIZE 0x200000u
#define SIM_TABLE_OFFSET 0x8000u
#define SIM_OTADATA 0xD000u
#define SIM_FACTORY 0x10000u
#define SIM_SLOT_0 0x20000u
#define SIM_SLOT_1 0x30000u
#define SIM_SLOT_SIZE 0x10000u
#define SIM_STATE 0x40000u
#define SIM_STORAGE 0x50000u
#define SIM_STORAGE_SIZE 0x4000u

enum sim_staging { SIM_STAGE_HOLE, SIM_STAGE_PARTITION, SIM_STAGE_SLOT };

struct sim_config {
    const char *chip;      /* NULL: esp32c3 */
    bool recovery;         /* the ROM knows a recovery bootloader and its eFuse is set */
    bool without_rollback; /* the bootloader was built without it */
    bool anti_rollback;
    uint8_t secure_boot; /* 0, or 2: eFuse holds the digest of a key that signs every bootloader and app */
    enum sim_staging staging;
    bool factory;    /* release 1 is in the factory partition */
    bool full_size;  /* app 1.3 MiB, storage 256 KiB, bootloader 20 KiB */
    bool compressed; /* every image has a zlib form, which the agent can read */
};

/* Where things are and how long images are: as the defines above say, or of the usual size, with staging in a hole. */
struct sim_layout {
    uint32_t flash, slot_size, slot_1, state, storage, storage_size;
    size_t app, bootloader, data;
};
const struct sim_layout *sim_layout(const struct sim_config *c);

/* How sim_world_boot() and sim_world_run() end. */
enum sim_end {
    SIM_RUNS,   /* boot: the agent waits for its next run */
    SIM_RESTS,  /* run: everything is decided, the board would sleep */
    SIM_CUT,    /* power is off; the next boot turns it on */
    SIM_DEAD,   /* nothing boots: w->err */
    SIM_FAILED, /* the agent could not go on: w->err */
    SIM_RESTLESS
};
const char *sim_end_name(enum sim_end end);

enum sim_wholly { SIM_BROKEN, SIM_OLD, SIM_NEW };

struct sim_release {
    uint32_t counter;
    struct ota_buf app, bootloader, table, storage;
};

struct sim_world {
    struct sim_config config;
    struct fake_server *server;
    struct ota_virtual_board board;
    struct boot_signer signer; /* under Secure Boot v2 */
    struct sim_release release[FAKE_RELEASES_MAX];
    size_t releases;
    uint64_t now;       /* unix seconds */
    uint64_t timestamp; /* version of the last one that sim_world_new_day() signed */
    uint64_t uptime_ms; /* since the last boot */
    unsigned boots;
    uint64_t kv_changes; /* of ota_state up to the last boot; later ones: kv.changes */
    uint64_t kv_fail_at; /* from the next boot on: kv.fail_at, counted over all boots */
    bool kv_fail_onwards;
    uint32_t sleep_s;    /* what the last run asked for */
    unsigned passes_max; /* of sim_world_run(), which then ends RESTLESS; 0: more than any update needs */
    void (*configure)(void *ctx, struct ota_agent_config *cfg); /* NULL, or changes what the next boot configures */
    void *configure_ctx;
    bool verbose; /* its log goes to stderr; SIM_WORLD_VERBOSE in the environment sets it */
    struct ota_err err;

    /* Of the last boot. */
    bool running, faulty, no_network;
    struct ota_rom_boot rom;
    struct ota_statekv kv;
    struct ota_otaops ops;
    struct ota_agent agent;
    struct ota_transport transport;
    struct ota_clock clock;
    struct ota_log log;
    struct ota_crypto crypto; /* OpenSSL's, but chance is a sequence: what is replayed takes the same way */
    uint64_t drawn;
    struct ota_inflate_zlib *inflate; /* NULL: not compressed */
    uint8_t metadata[OTA_METADATA_MAX];

    struct ota_buf archive; /* sim_world_pack() */
    struct fake_bundle_file card;
    struct ota_bundle feed;
};

/* A factory board with release 1, which the server lists and offers; nothing was polled yet. */
struct sim_world *sim_world_new(const struct sim_config *config);
void sim_world_free(struct sim_world *w);

/* Publishes and offers one more release, of the kinds named: 'a' app, 'F' app whose self-test fails, 'N' app without
 * network, 'V' with one of them: its secure version is the counter (else 0), 'C' likewise: the app is for another chip,
 * 'U' likewise: app and bootloader are signed with a key that no eFuse trusts, 'f' the factory app, 's' storage,
 * 'b' bootloader, 't' table,
 * with a partition "extra" when the counter is even. */
struct ota_release *sim_world_release(struct sim_world *w, uint32_t counter, const char *version, const char *kinds);

/* Likewise, with the images of the release before it. */
struct ota_release *sim_world_release_again(struct sim_world *w, uint32_t counter, const char *version,
                                            const char *kinds);
/* A day passes; the server signs its timestamp anew, and nothing else. */
void sim_world_new_day(struct sim_world *w);

/* Power on, reset and ota_boot(), as often as it asks for. */
enum sim_end sim_world_boot(struct sim_world *w);
/* ota_run() and the reboots it causes, until the board rests. Boots first when it does not run. A board that rests may
 * yet be dead at its next reset, when its bootloader was the last thing written: boot it once more to know. */
enum sim_end sim_world_run(struct sim_world *w);

/* Makes a bundle of the release offered last. Door FILE: an SD card in the board holds it, also after a reset. */
void sim_world_pack(struct sim_world *w, enum ota_door door);
/* Gives it to the board that runs, by that door, and performs the reboots it causes. RUNS, also when it is refused:
 * w->err. */
enum sim_end sim_world_feed(struct sim_world *w, enum ota_door door);

/* Does the place of `label` hold exactly this release's image of it, and behind it nothing: "@bootloader",
 * "@partition-table", "storage", or an app partition by its label; "@ota" is the running one. */
bool sim_world_holds(const struct sim_world *w, const char *label, uint32_t counter);
/* NEW: of the last release; OLD: of the one before. */
enum sim_wholly sim_world_wholly(const struct sim_world *w, const char *label);

#endif
