/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boards to be provisioned: of --id, or of a CSV as mass manufacturing has it (ESP-IDF tools/mass_mfg, mfg_gen.py):
 * names of columns in the first line, one board in each further one. Private to src/ctl.
 *
 *   id                                       the board's, required
 *   mac                                      noted in the record: aa:bb:cc:dd:ee:ff, with - or without anything between
 *   ssid password softap_password            strings in the nvs partition, as firmware/main reads them
 *   channel groups url                       instead of the options of these names
 *   KEY                                      any key of the config CSV, whose column comes before those above
 *
 * The config CSV is mfg_gen's, without a first line of names: KEY,TYPE,ENCODING[,REPEAT]. With REPEAT every board has
 * the value of the first one.
 */
#ifndef OTA_CTL_PROVISION_LIST_H
#define OTA_CTL_PROVISION_LIST_H

#include "host/buf.h"
#include "image/nvs_csv.h"

enum ota_provision_column {
    OTA_COLUMN_ID,
    OTA_COLUMN_MAC,
    OTA_COLUMN_SSID,
    OTA_COLUMN_PASSWORD,
    OTA_COLUMN_SOFTAP,
    OTA_COLUMN_CHANNEL,
    OTA_COLUMN_GROUPS,
    OTA_COLUMN_URL,
    OTA_COLUMNS
};

/* A row of the config CSV. */
struct ota_provision_key {
    unsigned line;
    bool opens; /* a namespace */
    bool file, repeat;
    char name[OTA_NVS_KEY_MAX + 1], encoding[32];
};

/* Owned texts; NULL where the board has none. Values are in the order of the keys. */
struct ota_provision_board {
    unsigned line; /* of the CSV; 0: of --id */
    char *text[OTA_COLUMNS];
    char **value;
};

struct ota_provision_list {
    char *name, *config_name; /* of the files, for messages */
    size_t key_count;
    struct ota_provision_key *key;
    size_t count;
    struct ota_provision_board *board;
    bool named[OTA_COLUMNS]; /* a column of the CSV is for it */
    bool open_network;       /* of ota_provision_list_wifi(): without a password */
};
void ota_provision_list_free(struct ota_provision_list *l);
/* mfg_gen's config CSV; before the CSV is read. */
OTA_MUST_USE enum ota_status ota_provision_list_config(struct ota_provision_list *l, const char *path,
                                                       struct ota_err *err);
/* PERMISSION when it may hold secrets and is open to others: passwords, or texts and bytes of the config, of which
 * nobody but the firmware knows what they are. ARGUMENT with file and line. */
OTA_MUST_USE enum ota_status ota_provision_list_csv(struct ota_provision_list *l, const char *path,
                                                    struct ota_err *err);
/* One more board; EXISTS when there is one of this id. */
OTA_MUST_USE enum ota_status ota_provision_list_add(struct ota_provision_list *l, const char *id, struct ota_err *err);
/* A text without its byte order mark; `out` has it. ARGUMENT unless it is UTF-8 without NULs. */
OTA_MUST_USE enum ota_status ota_provision_read_text(const char *path, bool secret, size_t max, struct ota_buf *out,
                                                     struct ota_span *text, struct ota_err *err);

/* provision_networks.c: one Wi-Fi network for all boards: SSID and password are the two lines of a file that is closed
 * to others; likewise the password of the access point. USAGE when the CSV has a column for it, else errors name file
 * and line. */
OTA_MUST_USE enum ota_status ota_provision_list_wifi(struct ota_provision_list *l, const char *path,
                                                     struct ota_err *err);
OTA_MUST_USE enum ota_status ota_provision_list_softap(struct ota_provision_list *l, const char *path,
                                                       struct ota_err *err);

/* ARGUMENT for what no network can be called, or have as its password. */
OTA_MUST_USE enum ota_status ota_provision_check_networks(const struct ota_provision_board *b, struct ota_err *err);

/* provision_unique.c: writes a MAC as it is recorded, aa:bb:cc:dd:ee:ff; *text is owned. ARGUMENT unless it can be a
 * board's. */
OTA_MUST_USE enum ota_status ota_provision_mac(char **text, struct ota_err *err);
/* EXISTS when two boards of the list have one id or MAC. */
OTA_MUST_USE enum ota_status ota_provision_unique(const struct ota_provision_list *l, struct ota_err *err);

/* provision_nvs.c: the nvs partition of a board, `size` bytes appended; none when it would be blank. */
OTA_MUST_USE enum ota_status ota_provision_nvs(const struct ota_provision_list *l, const struct ota_provision_board *b,
                                               uint32_t size, struct ota_buf *out, struct ota_err *err);
/* "boards.csv:7: " before the message, if the board is of a CSV. Returns the code. */
enum ota_status ota_provision_blame(const struct ota_provision_list *l, const struct ota_provision_board *b,
                                    struct ota_err *err);

#endif
