/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The update agent: one step(state, event) machine and the actions it asks for, over ports. The same on chip and host.
 *
 * The third door is a bundle, ota/bundle.h.
 *
 *   ota_boot()  before any filesystem is mounted: finishes committed copies, writes otadata, notices a rollback
 *   ota_run()   later, from a task: polls, verifies, plans, stages, commits, confirms, reports
 *
 * Both may ask for a reboot: ota_agent.reboot is set and they return OTA_OK; the caller reboots. Power may be cut
 * anywhere.
 */
#ifndef OTA_AGENT_H
#define OTA_AGENT_H

#include "ota/image.h"
#include "ota/journal.h"
#include "ota/otadata.h"
#include "ota/table.h"
#include "ota/trust.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_ACTIVATIONS_MAX 3u
#define OTA_CHUNK OTA_SECTOR             /* one read from the network, one write to flash */
#define OTA_PROGRESS_EVERY (64u * 1024u) /* bytes between two journal writes while staging */
#define OTA_STATE_LABEL "ota_state"
#define OTA_ID_LABEL "ota_id"
#define OTA_STAGING_LABEL "staging"

/* Who the board is. Strings live as long as the agent. */
struct ota_identity {
    const char *id, *product, *channel;
    const char *groups;   /* comma-separated, may be "" */
    struct ota_span root; /* trusted root, wire bytes */
};

/* What the board is; constant while it runs. */
struct ota_board {
    const struct ota_chip *chip;
    uint16_t revision; /* major*100+minor */
    uint32_t table_offset;
    struct ota_boot_config boot;
    uint32_t secure_version;     /* anti-rollback eFuse */
    uint8_t boot_secure_version; /* the ROM starts no bootloader below it; 0: it does not look */
    bool recovery;               /* ROM recovery present and its eFuse set */
    bool on_recovery;            /* and the ROM had to: the primary bootloader in flash does not start */
    uint32_t recovery_offset;
    uint64_t build_time; /* of the firmware, unix seconds */
    const char *agent;   /* "otadevice/0.1.0", for reports */
};

/* Slot selection: esp_ota_ops on the chip, its double in the simulator. */
struct ota_boot_port {
    void *ctx;
    /* Flash address of the app that runs. */
    enum ota_status (*running)(void *ctx, uint32_t *offset, struct ota_err *err);
    /* State in otadata of the slot at `offset`; UNDEFINED without an entry. *has_entry says which. */
    enum ota_status (*state)(void *ctx, uint32_t offset, enum ota_slot_state *state, bool *has_entry,
                             struct ota_err *err);
    /* Boot this slot next (state NEW under rollback). Verifies the image first, as the chip does. */
    enum ota_status (*activate)(void *ctx, uint32_t offset, struct ota_err *err);
    /* Mark the running app VALID; refuses unless the active entry is the running slot's. */
    enum ota_status (*confirm)(void *ctx, struct ota_err *err);
    /* What the chip's own check says of the app or bootloader that waits at `offset`, Secure Boot's signature included:
     * it is asked before anything is put where a refusal would come too late. SIGNATURE; NULL: the chip has no more to
     * say than the agent knows. */
    enum ota_status (*verify)(void *ctx, uint32_t offset, uint32_t length, enum ota_kind kind, struct ota_err *err);
    /* Mark the running app INVALID; the caller reboots. Refused when nothing else could boot. */
    enum ota_status (*invalidate)(void *ctx, struct ota_err *err);
};

/* The application's say. Every member may be NULL. A false answer defers (may_start, before_activate) or ends the
 * try (accept_image: `head` is not verified yet). */
struct ota_hooks {
    void *ctx;
    bool (*may_start)(void *ctx, const struct ota_release *release);
    bool (*accept_image)(void *ctx, const char *label, struct ota_span head);
    bool (*before_activate)(void *ctx, const char *label);
    bool (*self_test)(void *ctx);
    void (*progress)(void *ctx, const char *label, uint32_t done, uint32_t total);
};

struct ota_bundle_file; /* ota/bundle.h */

/* Minutes of the day, UTC: when a staged update may be installed. from == to: always; from > to: over midnight. */
struct ota_maintenance {
    uint16_t from, to;
};

/* Every port is needed (a board without a network: a transport whose open() says NETWORK) but inflate and bundle; of
 * the identity `groups` may be NULL; hooks may all be NULL. What it points to lives as long as the agent. */
struct ota_agent_config {
    const struct ota_crypto *crypto;
    const struct ota_flash *flash;
    const struct ota_kv *kv;
    const struct ota_clock *clock;
    const struct ota_transport *transport;
    const struct ota_log *log;
    const struct ota_boot_port *boot;
    const struct ota_bundle_file *bundle; /* the one an app came in proves itself by reading again; NULL: none */
    const struct ota_inflate *inflate;    /* NULL: compressed forms are not asked for */
    struct ota_hooks hooks;
    struct ota_identity identity;
    struct ota_board board;
    uint32_t poll_interval_s;      /* 0: 3600 */
    uint32_t confirm_timeout_s;    /* 0: 600 */
    uint32_t stall_s;              /* a sector that takes longer ends a download; 0: 60 */
    uint32_t download_s;           /* so does a request that does; the next resumes it. 0: 3600 */
    uint32_t deadline_s;           /* an update not committed after so long on is a failed try; 0: 7 days */
    struct ota_maintenance window; /* without a synchronised clock it is always open */
    bool reports;                  /* POST reports; off when the board has no token */
    uint8_t *buf;                  /* metadata buffer, OTA_METADATA_MAX or more */
    size_t cap;
};

/* ---- for those who come from a list of upgrades (ADF's ota_service) ------------------------------------ */

enum ota_item_result {
    OTA_ITEM_NONE,   /* no update, or one without an image for this label */
    OTA_ITEM_SAME,   /* the image is there already */
    OTA_ITEM_STAGED, /* it is in flash, and installed by the reboot that is due */
    OTA_ITEM_FAILED, /* see code */
};

/* One label that the application is ready to have updated. */
struct ota_list_item {
    const char *label;           /* "@ota", "storage", ... */
    bool reboot;                 /* when it was updated the reboot is urgent (ADF: reboot_flag) */
    bool stop_on_failure;        /* when it fails nothing behind it is tried (ADF: break_after_fail) */
    enum ota_item_result result; /* out */
    enum ota_status code;        /* out: of FAILED */
};

/* ---- the machine --------------------------------------------------------------------------------------- */

enum ota_state {
    OTA_STATE_IDLE,       /* nothing to do until the next poll */
    OTA_STATE_POLLING,    /* metadata is being fetched and verified */
    OTA_STATE_PLANNING,   /* is there a release for us, does it fit, where is it staged */
    OTA_STATE_STAGING,    /* images are being downloaded */
    OTA_STATE_CHECKING,   /* second poll: is the release still offered */
    OTA_STATE_COMMITTING, /* commit record, or otadata for an app alone */
    OTA_STATE_REBOOTING,
    OTA_STATE_COPYING,    /* ota_boot(): staged images go to their places */
    OTA_STATE_ACTIVATING, /* ota_boot(): otadata */
    OTA_STATE_TESTING,    /* new app: self-test; the board must neither sleep deeply nor reboot of itself */
    OTA_STATE_CONFIRMING, /* new app: one verified run, then VALID; neither here */
    OTA_STATE_ROLLING_BACK,
    OTA_STATE_REPORTING,
    OTA_STATE_COUNT
};
enum ota_event {
    OTA_EVENT_BOOT_IDLE,      /* boot found nothing to finish */
    OTA_EVENT_BOOT_COMMITTED, /* boot found a commit record */
    OTA_EVENT_BOOT_NEW_APP,   /* boot found the new app running, unconfirmed */
    OTA_EVENT_BOOT_ABANDONED, /* boot found the old app running after an activation */
    OTA_EVENT_TIMER,          /* time to poll, or poll now */
    OTA_EVENT_BUNDLE,         /* every image of a bundle is staged */
    OTA_EVENT_DONE,           /* the action succeeded */
    OTA_EVENT_NOTHING,        /* it succeeded and there is nothing (more) to do */
    OTA_EVENT_WAIT,           /* not now: a hook or the server says later */
    OTA_EVENT_FAILED,         /* the action failed; *err says why */
    OTA_EVENT_COUNT
};
enum ota_action {
    OTA_ACTION_SLEEP,
    OTA_ACTION_POLL,
    OTA_ACTION_PLAN,
    OTA_ACTION_STAGE,
    OTA_ACTION_CHECK,
    OTA_ACTION_COMMIT,
    OTA_ACTION_REBOOT,
    OTA_ACTION_COPY,
    OTA_ACTION_ACTIVATE,
    OTA_ACTION_SELF_TEST,
    OTA_ACTION_PROVE, /* one full verified run, then confirm */
    OTA_ACTION_ROLL_BACK,
    OTA_ACTION_REPORT,
    OTA_ACTION_COUNT
};
const char *ota_state_name(enum ota_state s);
const char *ota_event_name(enum ota_event e);
const char *ota_action_name(enum ota_action a);

/* The transition function: no I/O, no clock. A pair the table does not list keeps the state and sleeps. */
enum ota_action ota_step(enum ota_state *state, enum ota_event event);

/* ---- the agent ----------------------------------------------------------------------------------------- */

/* One use at a time: sector on its way to flash, encoded record, or what is being judged. */
union ota_scratch {
    uint8_t bytes[OTA_CHUNK];
    struct ota_table table;
    struct ota_image image[2];
    struct ota_delegation by;
};

/* A copy for displays and consoles. */
struct ota_agent_status {
    enum ota_state state;
    enum ota_phase phase;
    uint32_t counter; /* of the release that runs, 0: unknown */
    char version[OTA_VERSION_MAX + 1];
    uint32_t next_counter; /* of the update under way, 0: none */
    char next_version[OTA_VERSION_MAX + 1];
    char label[OTA_LABEL_MAX + 1]; /* at work */
    uint32_t done, total;          /* bytes of it */
    bool reboot, mixed, counter_unknown;
    uint8_t tries;          /* of the update under way that failed */
    enum ota_result result; /* of the last update */
    char message[120];      /* why it was not installed */
};

/* All memory of the agent. Public fields are marked; the rest is the agent's. */
struct ota_agent {
    struct ota_agent_config cfg;
    enum ota_state state;            /* public */
    bool reboot;                     /* public: the caller must reboot now */
    bool fed;                        /* public: a bundle is being fed; ota_run() does nothing meanwhile */
    bool mixed;                      /* public: labels are newer than the app (after a rollback) */
    bool counter_unknown;            /* public: no listed release matches the running app */
    struct ota_board_record board;   /* public */
    struct ota_journal journal;      /* public */
    struct ota_report_record report; /* public */
    struct ota_server_record server; /* public */
    struct ota_tries_record tries;   /* public */
    struct ota_defer_record defer;   /* public */
    struct ota_err last;             /* public: why the last run failed, code OTA_OK when it did not */
    uint32_t running;                /* public: flash address of the running app */
    struct ota_table table;          /* public: as read from flash at start */
    struct ota_trust trust;          /* loaded by the first poll */
    bool trust_loaded;
    bool answered;                 /* in doubt: the old app has reached the server */
    struct ota_release release;    /* the one being considered */
    uint32_t channel_counter;      /* what the channel offers, as last read; 0: nothing */
    char label[OTA_LABEL_MAX + 1]; /* of the step at work, for messages and reports; "": none */
    uint32_t done, total;          /* bytes of that step that arrived, and all of them */
    struct ota_list_item *list;    /* during ota_upgrade() */
    size_t list_count;
    uint32_t backoff;          /* consecutive failed runs */
    uint32_t retry_after;      /* seconds a server asked for in this run */
    bool force;                /* full run wanted */
    bool asked;                /* the next run is one by hand */
    bool unproven[2];          /* this run does without the server's proof; by enum ota_address */
    bool proof_failed;         /* this run, a poll, ended at a server that did not prove its name */
    bool proof_counted;        /* since the reset, one that did was counted, */
    uint64_t proof_counted_ms; /* last at this uptime */
    uint32_t wait_s;           /* until the window opens, 0: nothing waits for it */
    uint64_t spent_ms;         /* uptime up to which journal.spent_s counts */
    uint32_t bundle_failures;  /* bundles with false images in a row */
    uint64_t bundle_ms;        /* uptime until which no other one is taken */
    uint64_t defer_ms;         /* uptime until which updates are put off; 0: they are not */
    bool without_rollback;     /* the bootloader left the new app's entry NEW */
    bool copy_again;           /* ota_boot() could not copy: the next run reboots for another try */
    uint64_t started_ms;       /* uptime at init */
    uint64_t last_full_ms;
    union ota_scratch scratch;
};

/* Reads table, records, running slot. Does not touch the network. A damaged record is logged and counts as absent. */
OTA_MUST_USE enum ota_status ota_agent_init(struct ota_agent *a, const struct ota_agent_config *cfg,
                                            struct ota_err *err);
/* See top. Runs actions until the machine sleeps or a reboot is due. A failed copy or activation is not an error of
 * this function: see a->last. Fails only when the board cannot tell what to boot. */
OTA_MUST_USE enum ota_status ota_boot(struct ota_agent *a, struct ota_err *err);
/* One cycle: until the board may sleep or must reboot. *sleep_s: seconds until the next call (jitter and backoff in
 * it). A failed update is not an error of this function: see a->last. While a->state is TESTING or CONFIRMING call it
 * again after *sleep_s, without a reboot or deep sleep between: either makes the bootloader give the new app up. */
OTA_MUST_USE enum ota_status ota_run(struct ota_agent *a, uint32_t *sleep_s, struct ota_err *err);
/* Next ota_run() does a full run. */
void ota_poll_now(struct ota_agent *a);
/* For other tasks too, under the application's lock. */
void ota_agent_get_status(const struct ota_agent *a, struct ota_agent_status *out);
/* One cycle, now, of a board whose application names what may be updated. A release is the signer's whole: one with an
 * image for any label that is not in the list is refused, before a byte is downloaded. Its images come in the order of
 * its steps. One that fails ends the list if it says so; else the others are fetched all the same, and the next call
 * fetches what failed. All or none are installed: when all are staged, agent.reboot is set and *urgent says whether an
 * updated item wants it at once. Fails with what ended it; the items say more. */
OTA_MUST_USE enum ota_status ota_upgrade(struct ota_agent *a, struct ota_list_item *list, size_t count, bool *urgent,
                                         struct ota_err *err);
/* No update begins and none is installed for so long (at most OTA_DEFER_MAX_S); 0: now is fine again. Kept across
 * resets of a board whose clock is synchronised; without a clock a reset ends it. KV when it could not be kept: it
 * holds until the reset. */
#define OTA_DEFER_MAX_S (30u * 24u * 3600u)
OTA_MUST_USE enum ota_status ota_defer(struct ota_agent *a, uint32_t seconds, struct ota_err *err);

#ifdef __cplusplus
}
#endif

#endif
