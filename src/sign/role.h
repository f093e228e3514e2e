/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers of the signed roles (TUF 1.0.x sections 4.3 to 4.6, ota-manifest(5)).
 *
 * A writer puts down one `signed` object. It runs twice: in canonical form for the bytes that are signed, in wire
 * form for the file. Structs borrow everything they point to.
 */
#ifndef OTA_SIGN_ROLE_H
#define OTA_SIGN_ROLE_H

#include "host/rollout.h"
#include "ota/release.h"
#include "sign/key.h"

/* Seconds from signing to expiry, and how much must be left before a role is signed anew. */
#define OTA_ROLE_DAY 86400ull
#define OTA_ROLE_ROOT_LIFE (3652u * OTA_ROLE_DAY)
#define OTA_ROLE_OFFLINE_LIFE (1096u * OTA_ROLE_DAY) /* targets and products: 3 years */
#define OTA_ROLE_OFFLINE_RENEW (365u * OTA_ROLE_DAY)
#define OTA_ROLE_ONLINE_LIFE (30u * OTA_ROLE_DAY) /* snapshot, rollout */
#define OTA_ROLE_ONLINE_RENEW (10u * OTA_ROLE_DAY)
#define OTA_ROLE_TIMESTAMP_LIFE (7u * OTA_ROLE_DAY)
#define OTA_ROLE_TIMESTAMP_AGE OTA_ROLE_DAY

/* Whose signatures a role wants: `threshold` of these keys, 1 <= threshold <= count. */
struct ota_role_by {
    uint32_t threshold;
    size_t count;
    struct ota_key_public key[OTA_ROLE_KEYS_MAX];
};
/* One key alone. */
struct ota_role_by ota_role_by_key(const struct ota_key_public *key);

struct ota_role_root {
    uint64_t version, expires;
    struct ota_role_by by[OTA_ROLE_COUNT];
};

struct ota_role_delegation {
    char name[OTA_NAME_MAX + 1];
    struct ota_role_by by;
};
/* Tens of kilobytes: not for the stack. */
struct ota_role_targets {
    uint64_t version, expires;
    size_t count;
    struct ota_role_delegation product[OTA_PRODUCTS_MAX];
    struct ota_role_by rollout;
};

struct ota_role_product {
    uint64_t version, expires;
    size_t count;                             /* <= OTA_RELEASES_MAX */
    const struct ota_release *const *release; /* any order */
};

struct ota_role_rollout {
    uint64_t version, expires;
    const struct ota_rollout *rollout; /* sorted: ota_rollout_sort() */
};

struct ota_role_snapshot {
    uint64_t version, expires;
    size_t count;                       /* <= OTA_SNAPSHOT_ENTRIES_MAX */
    const struct ota_meta_entry *entry; /* any order */
};

struct ota_role_timestamp {
    uint64_t version, expires, issued;
    struct ota_meta_entry snapshot;
};

/* Each gives the file with one signature by each of `keys`; without keys it is to be signed later. TOO_LARGE over the
 * role's cap, with the remedy. */
#define OTA_ROLE_SIGNERS_MAX (2u * OTA_ROLE_KEYS_MAX) /* a new root: by the old keys and the new ones */
struct ota_role_keys {
    size_t count;
    const struct ota_key *key[OTA_ROLE_SIGNERS_MAX];
};
OTA_MUST_USE enum ota_status ota_role_root(const struct ota_role_root *r, const struct ota_role_keys *keys,
                                           struct ota_buf *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_role_targets(const struct ota_role_targets *r, const struct ota_role_keys *keys,
                                              struct ota_buf *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_role_product(const struct ota_role_product *r, const struct ota_role_keys *keys,
                                              struct ota_buf *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_role_rollout(const struct ota_role_rollout *r, const struct ota_role_keys *keys,
                                              struct ota_buf *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_role_snapshot(const struct ota_role_snapshot *r, const struct ota_role_keys *keys,
                                               struct ota_buf *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_role_timestamp(const struct ota_role_timestamp *r, const struct ota_role_keys *keys,
                                                struct ota_buf *out, struct ota_err *err);

/* The content of a role that the writers above wrote, to be changed and written again. UNSUPPORTED when it holds what
 * they cannot write, such as a key of another scheme, which must not get lost unnoticed. */
OTA_MUST_USE enum ota_status ota_role_root_read(const struct ota_metadata *m, struct ota_role_root *out,
                                                struct ota_err *err);
OTA_MUST_USE enum ota_status ota_role_targets_read(const struct ota_metadata *m, struct ota_role_targets *out,
                                                   struct ota_err *err);

/* The same content under a new version and expiry: `signed` is a verified role's canonical bytes. For renewals. */
OTA_MUST_USE enum ota_status ota_role_renew(const struct ota_metadata *old, uint64_t version, uint64_t expires,
                                            size_t cap, const struct ota_role_keys *keys, struct ota_buf *out,
                                            struct ota_err *err);
/* The same for a product, with `counter_floor` unless it is 0: then the old one stays. */
OTA_MUST_USE enum ota_status ota_role_renew_product(const struct ota_metadata *old, uint64_t version, uint64_t expires,
                                                    uint32_t counter_floor, const struct ota_role_keys *keys,
                                                    struct ota_buf *out, struct ota_err *err);
/* What the next release's counter must be above, beside those listed: a product role whose newest releases were lost
 * with a disk says so, because boards that run them would take another release of the same counter for theirs. 0: the
 * role says nothing. */
OTA_MUST_USE enum ota_status ota_role_counter_floor(const struct ota_metadata *role, uint32_t *floor,
                                                    struct ota_err *err);

/* What a snapshot or timestamp says about a file. */
OTA_MUST_USE enum ota_status ota_role_entry(const char *name, uint64_t version, struct ota_span file,
                                            struct ota_meta_entry *out, struct ota_err *err);

#endif
