/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TUF client workflow (TUF 1.0.x section 5) over ports: root chain, timestamp, snapshot, targets, delegated
 * roles; what is trusted is kept in the key-value store.
 *
 * Keys in the store (each set() is atomic; after a cut at any write the next run starts from a trusted state):
 *   "root"      newest trusted root, in canonical form: what was verified. (One buffer serves everything and is
 *               canonicalised in place, so the received spelling is gone by then; the two differ in escapes only.)
 *   "snapshot"  trusted snapshot, in canonical form
 *   "ts"        record: timestamp version, SHA-256 of its `signed`, expiry, snapshot version, floor, time of the last whole
 *               run, ETag
 *   "rotated"   record, while a root that rotates an online key is being taken over: its version, the floor to keep
 *   "roles"     record: for targets and each role seen that targets delegates: name, version, SHA-256 of its `signed`,
 *               expiry
 * Roots and the snapshot are verified again when they are loaded. A damaged record counts as lost and is logged.
 * Records begin with a version byte and end with a CRC-32.
 */
#ifndef OTA_TRUST_H
#define OTA_TRUST_H

#include "ota/metadata.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_ROOT_ROTATIONS_MAX 256u /* new roots followed in one run */
#define OTA_DELEGATIONS_MAX 4u      /* delegated roles waiting to be visited in one search */
#define OTA_ROLES_VISITED_MAX 16u   /* roles visited in one search */
#define OTA_TRUST_RECORD_VERSION 1u
#define OTA_TIMESTAMP_RECORD_VERSION 1u
#define OTA_WHOLE_RUN_EVERY_S (24u * 3600u) /* after so long no 304 ends a run, if the clock tells */

struct ota_timestamp_record {
    uint64_t version;               /* 0: none yet */
    uint8_t sha256[OTA_SHA256_LEN]; /* of `signed`: the same content may gain signatures */
    uint64_t expires;
    uint64_t snapshot_version;
    uint64_t floor;          /* time never goes below it, unix seconds */
    uint64_t whole;          /* when a run last verified everything that was wanted, unix seconds; 0: never */
    char etag[OTA_ETAG_MAX]; /* "" unless the run that stored it finished whole: only then may a 304 end a run */
};

struct ota_role_record {
    char name[OTA_ROLE_NAME_MAX + 1];
    uint64_t version;
    uint64_t expires;
    uint8_t sha256[OTA_SHA256_LEN];
};

struct ota_trust_config {
    const struct ota_crypto *crypto;
    const struct ota_kv *kv;
    const struct ota_transport *transport;
    const struct ota_clock *clock;
    const struct ota_log *log;
    struct ota_span root; /* the root built into the board or given to the tool, wire bytes */
    const char *product;  /* whose role lists this board's releases; NULL: a tool that follows no product */
    uint64_t build_time;  /* lowest floor, unix seconds; 0: none */
    uint8_t *buf;         /* working buffer, kept for the life of the struct; OTA_METADATA_MAX on the chip */
    size_t cap;
};

/* Each is used for a moment only; none of them outlives a call. */
union ota_trust_work {
    struct ota_delegation pending[OTA_DELEGATIONS_MAX]; /* while searching */
    struct ota_signers signers;                         /* of a root that is being judged */
    struct ota_meta_entry entries[OTA_SNAPSHOT_ENTRIES_MAX];
    uint8_t record[OTA_SNAPSHOT_ENTRIES_MAX * 96u];
};

/* Working memory; about 7 KiB on a 32-bit chip beside `buf`. Treat as opaque but for the fields marked public. */
struct ota_trust {
    struct ota_trust_config cfg;
    struct ota_timestamp_record ts;                           /* public, valid after refresh */
    struct ota_meta_entry snapshot[OTA_SNAPSHOT_ENTRIES_MAX]; /* public, valid after refresh */
    size_t snapshot_count;
    uint64_t snapshot_version, snapshot_expires; /* public; version 0: none */
    uint64_t root_version, root_expires;         /* public */
    struct ota_role_record roles[OTA_SNAPSHOT_ENTRIES_MAX];
    size_t role_count;
    uint64_t now;                   /* public: time used for expiry, after the floor */
    bool time_unverified;           /* public: the clock was not synchronised, now is the floor */
    bool allow_unauthenticated;     /* public, set by the caller: servers need not prove their name */
    bool authenticated;             /* public: every answer of this run came from an authenticated server */
    uint32_t retry_after;           /* public: seconds the server asked for, 0 if none */
    bool roles_changed, ts_changed; /* memory is ahead of the store until finish() */
    bool stale;                     /* memory and store went apart: nothing is stored, the next run loads anew */
    uint64_t issued;                /* of this run's timestamp, 0: none */
    char etag[OTA_ETAG_MAX];        /* of this run's timestamp */
    size_t key_bytes;               /* end of buf that holds keys of schemes other than P-256; 0 on the chip */
    struct ota_signers signers[OTA_ROLE_COUNT];
    union ota_trust_work work;
};

/* Loads what is trusted from the store; an empty store starts from cfg.root. */
OTA_MUST_USE enum ota_status ota_trust_init(struct ota_trust *t, const struct ota_trust_config *cfg,
                                            struct ota_err *err);

/* One refresh: root chain, timestamp, snapshot. With `if_changed` the timestamp is asked for first with the stored
 * ETag; an unexpired 304 sets *unchanged and ends the run. Otherwise the full workflow; *unchanged stays false. */
OTA_MUST_USE enum ota_status ota_trust_refresh(struct ota_trust *t, bool if_changed, bool *unchanged,
                                               struct ota_err *err);

/* The top-level targets role alone, verified, in cfg.buf until the next call: for clients that refresh it without
 * looking for anything. */
OTA_MUST_USE enum ota_status ota_trust_targets(struct ota_trust *t, struct ota_metadata *role, struct ota_err *err);

/* Search `target` through targets and its delegations (pre-order, terminating respected). Leaves the verified role
 * that lists it in cfg.buf: *role spans it until the next call. Each role's version, hash, length, expiry and
 * signatures are checked. Also gives the delegation that led there (name "targets" when none); `by` may be NULL.
 * DELEGATION when a terminating role does not list it, NOT_FOUND when nobody does. */
OTA_MUST_USE enum ota_status ota_trust_open(struct ota_trust *t, const char *target, struct ota_metadata *role,
                                            struct ota_target *entry, struct ota_delegation *by, struct ota_err *err);

/* Targets and the role of cfg.product are verified in the versions that this run's snapshot names. Only then does
 * finish() raise the floor: whoever holds online keys alone could name versions that do not exist, to keep the expiry
 * of the real ones out of sight. */
bool ota_trust_complete(const struct ota_trust *t);

/* Ends a run, a failed one too (whole = false): checks `issued` against every trusted offline role (ISSUED: nothing
 * of this timestamp is kept), raises the floor if the run is complete, stores "ts" and "roles" if they changed.
 * `whole` = everything the caller wanted was verified: only then is the ETag kept. Does not touch cfg.buf. */
OTA_MUST_USE enum ota_status ota_trust_finish(struct ota_trust *t, bool whole, struct ota_err *err);

/* What is known of a bundle's files while they are checked; each lies in cfg.buf[0..len) when it is judged. A root is
 * taken over for good, or passed over when it is known; the product's role, once right, is recorded with targets. */
struct ota_trust_bundle {
    struct ota_meta_entry snapshot, targets, rollout, product;
    struct ota_delegation by_product, by_rollout;
};
OTA_MUST_USE enum ota_status ota_trust_bundle_begin(struct ota_trust *t, struct ota_trust_bundle *b,
                                                    struct ota_err *err);
OTA_MUST_USE enum ota_status ota_trust_bundle_root(struct ota_trust *t, size_t len, uint64_t version,
                                                   struct ota_err *err);
OTA_MUST_USE enum ota_status ota_trust_bundle_timestamp(struct ota_trust *t, struct ota_trust_bundle *b, size_t len,
                                                        struct ota_err *err);
OTA_MUST_USE enum ota_status ota_trust_bundle_snapshot(struct ota_trust *t, struct ota_trust_bundle *b, size_t len,
                                                       struct ota_err *err);
/* `release` and `channel`: paths of targets, whose roles must be the first that a search would follow. */
OTA_MUST_USE enum ota_status ota_trust_bundle_targets(struct ota_trust *t, struct ota_trust_bundle *b, size_t len,
                                                      const char *release, const char *channel, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_trust_bundle_rollout(struct ota_trust *t, struct ota_trust_bundle *b, size_t len,
                                                      struct ota_metadata *role, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_trust_bundle_product(struct ota_trust *t, struct ota_trust_bundle *b, size_t len,
                                                      struct ota_metadata *role, struct ota_err *err);
/* After the product's role, or when the bundle is given up. */
void ota_trust_bundle_end(struct ota_trust *t);

/* The trusted root, canonical, in cfg.buf until the next call. */
OTA_MUST_USE enum ota_status ota_trust_root(struct ota_trust *t, struct ota_metadata *root, struct ota_err *err);

#ifdef __cplusplus
}
#endif

#endif
