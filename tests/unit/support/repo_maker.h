/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TUF repository in memory: keys made on the spot, metadata signed as a test asks for it, a transport that serves it, a
 * key-value store that can be made to fail.
 *
 * repo_publish() writes every role from the fields of struct repo; a test changes a field and publishes again, or signs
 * and puts any text it likes.
 */
#ifndef OTA_TESTS_REPO_MAKER_H
#define OTA_TESTS_REPO_MAKER_H

#include "host/buf.h"
#include "host/transport.h"
#include "ota/trust.h"

#define REPO_KEYS_MAX 4
#define REPO_FILES_MAX 64
#define REPO_REQUESTS_MAX 64

struct repo_key;
/* "P-256", "ed25519", "rsa". */
struct repo_key *repo_key_new(const char *type);
void repo_key_free(struct repo_key *k);
const char *repo_key_id(const struct repo_key *k);
const char *repo_key_object(const struct repo_key *k); /* {"keytype",...} in wire form */
struct ota_span repo_key_pem(const struct repo_key *k);
/* out[512]; returns the length. */
size_t repo_key_sign(const struct repo_key *k, struct ota_span msg, uint8_t *out);

/* Who signs a role and who is listed for it. */
struct repo_role {
    const struct repo_key *key[REPO_KEYS_MAX];
    size_t count;
    unsigned threshold;
};

struct repo_file {
    char name[64];
    struct ota_buf bytes;
};

struct repo {
    struct repo_key *root, *targets, *snapshot, *timestamp, *thermo, *pump, *rollout;
    /* What the next publish writes. */
    struct repo_role role[OTA_ROLE_COUNT];
    unsigned root_version, targets_version, snapshot_version, timestamp_version, thermo_version, pump_version,
        rollout_version;
    const char *root_expires, *targets_expires, *snapshot_expires, *timestamp_expires, *thermo_expires,
        *rollout_expires;
    const char *issued;       /* NULL: left out */
    const char *delegations;  /* the array of roles; NULL: thermo, pump, rollout as the product has them */
    const char *targets_list; /* members of targets' `targets` */
    const char *thermo_list, *pump_list, *rollout_list;
    bool hashes; /* snapshot and timestamp carry length and sha256 */
    /* What is served. */
    struct repo_file file[REPO_FILES_MAX];
    size_t file_count;
    bool hide_length;      /* answers without Content-Length */
    uint64_t claim_length; /* not 0: Content-Length says this */
    char request[REPO_REQUESTS_MAX][64];
    size_t requests;
    const struct repo_file *open_file;
    size_t open_at;
    bool plain_http; /* the server proves nothing */
    struct ota_transport transport;
};

void repo_init(struct repo *r);
void repo_free(struct repo *r);
/* All roles, the root too. */
void repo_publish(struct repo *r);
void repo_publish_root(struct repo *r);
/* "signed" signed by `count` keys, stored under `name`. Wire text with sorted keys. */
void repo_sign(struct repo *r, const char *name, const char *signed_json, const struct repo_key *const *keys,
               size_t count);
void repo_put(struct repo *r, const char *name, const void *p, size_t n);
struct ota_buf *repo_get(struct repo *r, const char *name); /* NULL when absent */
void repo_remove(struct repo *r, const char *name);
bool repo_requested(const struct repo *r, const char *name);
/* Replaces the first `from` in a stored file by `to`. */
void repo_edit(struct repo *r, const char *name, const char *from, const char *to);
/* The same inside "signed", signed again by the role's own key. */
void repo_edit_signed(struct repo *r, const char *name, const char *from, const char *to, const struct repo_key *by);
struct ota_span repo_first_root(struct repo *r); /* 1.root.json */

/* A store whose n-th change, or n-th access of any kind (from 1), and all after it fail; 0: never. */
struct repo_kv {
    struct ota_memory_kv *memory;
    unsigned changes, fail_at;
    unsigned accesses, fail_access;
    struct ota_kv port;
};
void repo_kv_init(struct repo_kv *kv);
void repo_kv_free(struct repo_kv *kv);

#endif
