/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A board for the agent's tests: strict NOR flash and a key-value store in memory, the boot chain of ESP-IDF with rollback, and a power
 * plug. Flash aborts the test on a write over unerased bytes, on misalignment and out of range.
 */
#ifndef OTA_TESTS_FAKE_BOARD_H
#define OTA_TESTS_FAKE_BOARD_H

#include "host/buf.h"
#include "ota/agent.h"

#define FAKE_FLASH_SIZE 0x400000u
#define FAKE_KEYS_MAX 12u
#define FAKE_APP_LENGTH 0x3000u
#define FAKE_TABLE_OFFSET 0x8000u
#define FAKE_OTADATA 0xd000u
#define FAKE_SLOT_0 0x10000u
#define FAKE_SLOT_1 0x190000u
#define FAKE_STORAGE 0x320000u
#define FAKE_FACTORY 0x330000u
#define FAKE_RECOVERY 0x3f0000u
#define FAKE_STORAGE_SIZE 0x8000u
#define FAKE_FACTORY_SIZE 0x10000u

struct fake_key {
    char name[OTA_KV_KEY_MAX + 1];
    struct ota_buf value;
};

struct fake_board {
    uint8_t *flash;
    struct fake_key key[FAKE_KEYS_MAX];
    struct ota_flash flash_port;
    struct ota_kv kv_port;
    struct ota_clock clock_port;
    struct ota_boot_port boot_port;
    struct ota_log log_port;
    uint8_t buf[OTA_METADATA_MAX];

    uint32_t running;
    uint64_t uptime_ms;
    uint64_t now;     /* the clock */
    bool no_clock;    /* it is not synchronised */
    bool clock_runs;  /* it goes on while the board sleeps */
    bool recovery;    /* the ROM starts the bootloader at FAKE_RECOVERY when the primary one fails */
    bool on_recovery; /* it says that it did */
    bool no_rollback; /* the bootloader leaves a new entry as it is */
    bool factory;     /* the table has a factory app at FAKE_FACTORY */
    bool anti_rollback;
    uint8_t boot_secure_version; /* the ROM starts no bootloader below it */
    struct fake_chip *chip;      /* boots by the simulator's ROM (fake_chip.h); NULL: by fake_boot.c */
    /* NULL, or boots it otherwise. False: nothing boots. */
    bool (*reset)(struct fake_board *b);

    /* The plug: from operation `cut_at` (1..) on nothing is written any more. 0: never. A torn cut does half of that operation. */
    uint64_t ops, cut_at;
    bool torn, off;
    uint64_t flash_writes, kv_writes;

    /* Worn flash: erasing below `worn_to`, from `worn_from` on, fails that many times. */
    uint32_t worn_from, worn_to;
    unsigned worn;

    /* Of the configuration. 0 and NULL: the agent's defaults. */
    struct ota_maintenance window;
    uint32_t stall_s, download_s, deadline_s;
    const struct ota_inflate *inflate;
    const struct ota_bundle_file *bundle; /* NULL: none */

    bool refuse_start, refuse_image, refuse_activation;
    struct ota_buf log; /* every line */
    bool verbose;
};

/* The board as it was when power was applied: its flash and its records. */
struct fake_saved {
    struct ota_buf flash;
    struct fake_key key[FAKE_KEYS_MAX];
};

struct fake_board *fake_board_new(void);
void fake_board_free(struct fake_board *b);

/* Images for this board. The caller frees them. */
struct ota_buf fake_app(const char *version, bool faulty);
struct ota_buf fake_bootloader(const char *version);
/* The board's table; `extra` adds a data partition "extra" behind storage. */
struct ota_buf fake_table(bool extra);
struct ota_buf fake_table_with_factory(void);
struct ota_buf fake_data(const char *text, size_t length);

/* Writes without rules or counting, as a flash programmer does. */
void fake_board_flash(struct fake_board *b, uint32_t offset, struct ota_span bytes);
bool fake_board_holds(const struct fake_board *b, uint32_t offset, struct ota_span bytes);

/* ROM, bootloader, otadata: picks the app, as after a reset; power is on again. False: nothing boots. */
bool fake_board_boot(struct fake_board *b);
/* A configuration over all ports of the board. */
struct ota_agent_config fake_board_config(struct fake_board *b, const struct ota_transport *transport,
                                          struct ota_span root);
bool fake_board_logged(const struct fake_board *b, const char *part);
void fake_board_forget(struct fake_board *b, const char *key);

void fake_board_save(const struct fake_board *b, struct fake_saved *s);
/* Power is on, no operation was done yet. */
void fake_board_restore(struct fake_board *b, const struct fake_saved *s);
void fake_saved_free(struct fake_saved *s);

#endif
