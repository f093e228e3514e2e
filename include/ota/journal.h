/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's own records in the key-value store: what is installed, and the update under way.
 *
 *   "board"    what is installed per label, counter of the app, the release that failed     struct ota_board_record
 *   "journal"  the plan being carried out; absent when idle                                 struct ota_journal
 *   "report"   stream id, next number, last result not yet delivered                        struct ota_report_record
 *   "tries"    failed tries of a release; absent: none                                      struct ota_tries_record
 *   "defer"    until when no update begins or is installed; absent: not deferred            struct ota_defer_record
 *   "server"   how often in a row the server did not prove its name; absent: never          struct ota_server_record
 *
 * Byte form: u8 format version, little-endian fields in struct order, u32 CRC-32 (crc-0) of all before it. A record
 * with a wrong CRC or a newer version is JOURNAL. An agent goes on writing the version of the journal that it found
 * until that update ends, so that the app before it can read it after a rollback.
 */
#ifndef OTA_JOURNAL_H
#define OTA_JOURNAL_H

#include "ota/release.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_JOURNAL_VERSION 2u /* 1 has neither `plain`, `door` nor `spent_s` */
#define OTA_JOURNAL_BYTES_MAX 2560u
#define OTA_BOARD_VERSION 2u /* 1 has no `app_offset` */
#define OTA_BOARD_LABELS_MAX 12u

/* One label as last installed. Hash is the signed one; offset and size are the partition's: a moved label counts as
 * not installed. */
struct ota_installed {
    char label[OTA_LABEL_MAX + 1];
    uint32_t counter;
    uint32_t offset, size;
    uint32_t length;
    uint8_t sha256[OTA_SHA256_LEN];
};

struct ota_board_record {
    uint8_t format;   /* version of the record it was read from, and is written in; 0: the newest */
    uint32_t counter; /* release last installed whole; 0: unknown */
    char version[OTA_VERSION_MAX + 1];
    uint32_t failed_counter; /* not tried again until the channel offers something else; 0: none */
    uint32_t app_offset;     /* flash address of the app that ran when `counter` was found out; 0: unknown */
    uint8_t count;
    struct ota_installed installed[OTA_BOARD_LABELS_MAX];
};

enum ota_phase {
    OTA_PHASE_IDLE = 0,
    OTA_PHASE_STAGING = 1,    /* downloading; nothing active has changed */
    OTA_PHASE_COMMITTED = 2,  /* all is staged and verified: ota_boot() copies */
    OTA_PHASE_ACTIVATED = 3,  /* otadata names the new app; awaiting its first boots */
    OTA_PHASE_CONFIRMING = 4, /* the new app runs, not yet confirmed */
    OTA_PHASE_DOUBTED = 5, /* rolled back because no server answered: the old app finds out whether it can reach one */
};
const char *ota_phase_name(enum ota_phase p);

enum ota_step_state {
    OTA_STEP_WAITING = 0,
    OTA_STEP_STAGED = 1,  /* bytes in staging, hash right */
    OTA_STEP_ACTIVE = 2,  /* copied to its place, read back; app: otadata written */
    OTA_STEP_SKIPPED = 3, /* identical already */
};

struct ota_journal_step {
    struct ota_step image;
    enum ota_step_state state;
    uint32_t stage_offset; /* absolute flash address */
    uint32_t dest_offset, dest_size;
    uint32_t done;           /* bytes staged and safely re-hashable, multiple of OTA_SECTOR */
    char etag[OTA_ETAG_MAX]; /* of the interrupted download, for If-Range */
    uint8_t plain;           /* the compressed form broke off: the plain one, which can be resumed, is fetched */
};

/* How the images of an update come to the board. */
enum ota_door {
    OTA_DOOR_HTTPS = 0,
    OTA_DOOR_FILE = 1,   /* a bundle that can be read again */
    OTA_DOOR_STREAM = 2, /* a bundle that was sent once */
};

struct ota_journal {
    uint8_t format; /* version of the record it was read from, and is written in; 0: the newest */
    enum ota_phase phase;
    uint32_t counter;
    char version[OTA_VERSION_MAX + 1];
    uint32_t old_app_offset; /* the app that was running when this began */
    uint32_t new_app_offset; /* 0: the release has no app for us */
    uint8_t table_round;     /* 1: only the partition table is being installed; the rest is planned after its reboot */
    uint8_t activations;     /* of the app, at most OTA_ACTIVATIONS_MAX */
    uint8_t self_test_failed;
    uint8_t authenticated; /* the old app had authenticated the server */
    uint8_t offline;       /* the old app could not reach a server either: confirm without one */
    enum ota_door door;
    uint32_t spent_s;     /* time the board was on with this update under way */
    uint64_t saved_bytes; /* not downloaded again thanks to resume */
    uint8_t count;        /* 0 while STAGING: to be planned anew (the table round is done) */
    struct ota_journal_step step[OTA_STEPS_MAX];
};

enum ota_result {
    OTA_RESULT_NONE = 0,
    OTA_RESULT_INSTALLED = 1, /* confirmed, or no app in it */
    OTA_RESULT_ROLLED_BACK = 2,
    OTA_RESULT_FAILED = 3, /* refused or given up before activation */
};
const char *ota_result_name(enum ota_result r); /* "none", "installed", "rolled-back", "failed" */

struct ota_report_record {
    uint8_t stream[8];      /* random, made once */
    uint32_t number;        /* of the next report */
    bool pending;           /* something new to tell */
    enum ota_result result; /* of the last update */
    uint32_t counter;       /* it was about this release */
    char stage[16];         /* "verify", "plan", "stage", "copy", "activate", "confirm" */
    char code[24];          /* ota_status_name() */
    char message[120];
    char label[OTA_LABEL_MAX + 1];
};

/* Tries of one release that fail by this board's flash or by what was verified (a broken line does not count): then it
 * rests until the channel offers another. With the backoff between them about two days. What a mirror can cause counts
 * for the backoff and never gives a release up: then it is tried once a day. */
#define OTA_TRIES_MAX 15u
/* Beside them, tries to copy what is staged: each is a reboot. */
#define OTA_COPY_TRIES_MAX 3u

struct ota_tries_record {
    uint32_t counter; /* the release */
    uint8_t failed;
    uint8_t copies; /* that failed */
};

struct ota_defer_record {
    uint64_t until; /* unix seconds */
};

/* Scheduled polls after which metadata and images may come from a server that does not prove its name. */
#define OTA_UNPROVEN_POLLS 3u

struct ota_server_record {
    uint8_t unproven; /* such polls in a row, at most OTA_UNPROVEN_POLLS */
};

OTA_MUST_USE enum ota_status ota_board_encode(const struct ota_board_record *r, uint8_t *out, size_t cap, size_t *len,
                                              struct ota_err *err);
OTA_MUST_USE enum ota_status ota_board_decode(struct ota_span in, struct ota_board_record *r, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_journal_encode(const struct ota_journal *j, uint8_t *out, size_t cap, size_t *len,
                                                struct ota_err *err);
OTA_MUST_USE enum ota_status ota_journal_decode(struct ota_span in, struct ota_journal *j, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_report_encode(const struct ota_report_record *r, uint8_t *out, size_t cap, size_t *len,
                                               struct ota_err *err);
OTA_MUST_USE enum ota_status ota_report_decode(struct ota_span in, struct ota_report_record *r, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_tries_encode(const struct ota_tries_record *r, uint8_t *out, size_t cap, size_t *len,
                                              struct ota_err *err);
OTA_MUST_USE enum ota_status ota_tries_decode(struct ota_span in, struct ota_tries_record *r, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_defer_encode(const struct ota_defer_record *r, uint8_t *out, size_t cap, size_t *len,
                                              struct ota_err *err);
OTA_MUST_USE enum ota_status ota_defer_decode(struct ota_span in, struct ota_defer_record *r, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_server_encode(const struct ota_server_record *r, uint8_t *out, size_t cap, size_t *len,
                                               struct ota_err *err);
OTA_MUST_USE enum ota_status ota_server_decode(struct ota_span in, struct ota_server_record *r, struct ota_err *err);

#ifdef __cplusplus
}
#endif

#endif
