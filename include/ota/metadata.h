/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TUF metadata file: envelope, signatures, the fields each role has.
 * Source: The Update Framework specification 1.0.x, sections 4.2 to 4.7.
 *
 *   {"signatures":[{"keyid":"...","sig":"<hex DER>"}],"signed":{"_type":...,"expires":...,"spec_version":...,"version":...}}
 *
 * Unknown members are ignored (TUF 4.1 wants that), known ones are checked.
 */
#ifndef OTA_METADATA_H
#define OTA_METADATA_H

#include "ota/ports.h"
#include "ota/scan.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_ROLE_NAME_MAX 32u
#define OTA_ROLE_KEYS_MAX 5u         /* keys one role lists, of the schemes this platform has */
#define OTA_ROLE_KEYIDS_MAX 16u      /* keyids one role lists */
#define OTA_ROLE_SIGNATURES_MAX 16u  /* signatures looked at in one file */
#define OTA_SNAPSHOT_ENTRIES_MAX 16u /* 12 products, targets, rollout, room */
#define OTA_PRODUCTS_MAX 12u
#define OTA_DELEGATION_PATH_MAX 72u
#define OTA_TARGET_PATH_MAX 168u /* served path of the longest names, with its NUL */

/* Caps in bytes (ota-manifest(5)). */
#define OTA_CAP_ROOT 8192u
#define OTA_CAP_TARGETS 8192u
#define OTA_CAP_SNAPSHOT 8192u
#define OTA_CAP_ROLLOUT 8192u
#define OTA_CAP_TIMESTAMP 2048u
#define OTA_CAP_PRODUCT 6144u
#define OTA_METADATA_MAX 8192u

enum ota_role { OTA_ROLE_ROOT, OTA_ROLE_TARGETS, OTA_ROLE_SNAPSHOT, OTA_ROLE_TIMESTAMP, OTA_ROLE_COUNT };
const char *ota_role_name(enum ota_role role); /* "root", ... */

/* Who may sign: distinct public keys, and how many of them must. Of a keyid, which may be any text, a CRC-32 is kept:
 * it only says which key to try, and whatever text stands there, a signature counts for the key that made it. */
struct ota_signers {
    uint32_t threshold; /* >= 1 */
    uint8_t count;
    uint32_t keyid_crc[OTA_ROLE_KEYS_MAX];
    struct ota_public_key key[OTA_ROLE_KEYS_MAX];
};
uint32_t ota_keyid_crc(struct ota_span keyid);

/* A file in canonical form: spans point into the buffer it was parsed from. */
struct ota_metadata {
    struct ota_value signatures;
    struct ota_value signed_value; /* its raw span is what signatures cover */
    struct ota_span type;          /* "root", "targets", ... */
    uint64_t version;              /* >= 1 */
    uint64_t expires;              /* unix seconds */
};

/* Canonicalises buf[0..*len) in place and reads envelope and header. `type` is the _type wanted. */
OTA_MUST_USE enum ota_status ota_metadata_parse(uint8_t *buf, size_t *len, const char *type, struct ota_metadata *out,
                                                struct ota_err *err);

/* The same for bytes that are canonical already: what the trust store keeps. */
OTA_MUST_USE enum ota_status ota_metadata_parse_canonical(uint8_t *buf, size_t len, const char *type,
                                                          struct ota_metadata *out, struct ota_err *err);

/* SIGNATURE unless `threshold` distinct keys of `signers` made a valid signature. A keyid that appears twice among the
 * signatures is refused; unknown keyids and bad signatures count for nothing. */
OTA_MUST_USE enum ota_status ota_metadata_verify(const struct ota_metadata *m, const struct ota_signers *signers,
                                                 const struct ota_crypto *crypto, struct ota_err *err);

/* Decodes a key object {"keytype","keyval":{"public"},"scheme"}. UNSUPPORTED for schemes this platform lacks. */
OTA_MUST_USE enum ota_status ota_metadata_key(const struct ota_value *key, const struct ota_crypto *crypto,
                                              struct ota_public_key *out, struct ota_err *err);
/* Key from SubjectPublicKeyInfo PEM (P-256, uncompressed point). */
OTA_MUST_USE enum ota_status ota_public_key_from_pem(struct ota_span pem, struct ota_public_key *out,
                                                     struct ota_err *err);
/* The same key, whatever its keyid or spelling. */
bool ota_public_key_equal(const struct ota_public_key *a, const struct ota_public_key *b);

/* Keys of a top-level role out of a verified root. */
OTA_MUST_USE enum ota_status ota_root_signers(const struct ota_metadata *root, enum ota_role role,
                                              const struct ota_crypto *crypto, struct ota_signers *out,
                                              struct ota_err *err);
/* Is whatever `before` could sign good under `after` still: nobody lost their say (fast-forward recovery asks). */
bool ota_signers_keep(const struct ota_signers *before, const struct ota_signers *after);

/* An entry of snapshot's or timestamp's `meta`. */
struct ota_meta_entry {
    char name[OTA_ROLE_NAME_MAX + 1]; /* without ".json" */
    uint64_t version;
    uint64_t length; /* OTA_LENGTH_UNKNOWN when absent */
    bool has_sha256;
    uint8_t sha256[OTA_SHA256_LEN];
};
/* All entries; more than cap: TOO_LARGE. */
OTA_MUST_USE enum ota_status ota_meta_entries(const struct ota_metadata *m, struct ota_meta_entry *out, size_t cap,
                                              size_t *count, struct ota_err *err);
/* timestamp's `issued`; *found = false when absent. */
OTA_MUST_USE enum ota_status ota_timestamp_issued(const struct ota_metadata *m, uint64_t *unix_seconds, bool *found,
                                                  struct ota_err *err);

/* A delegation of a targets role. `path` is the pattern that matched. */
struct ota_delegation {
    char name[OTA_ROLE_NAME_MAX + 1];
    char path[OTA_DELEGATION_PATH_MAX + 1];
    bool terminating;
    bool nested; /* set by a search: another role than targets delegated it */
    struct ota_signers signers;
};
/* The index-th delegation (0, 1, ...) whose patterns match `target`; *found = false past the last. */
OTA_MUST_USE enum ota_status ota_targets_delegation(const struct ota_metadata *targets, const char *target,
                                                    size_t index, const struct ota_crypto *crypto,
                                                    struct ota_delegation *out, bool *found, struct ota_err *err);
/* The index-th delegation, whatever it matches (path = its first pattern): for tools that list roles. */
OTA_MUST_USE enum ota_status ota_targets_delegation_at(const struct ota_metadata *targets, size_t index,
                                                       const struct ota_crypto *crypto, struct ota_delegation *out,
                                                       bool *found, struct ota_err *err);
/* TUF 4.5: glob with * and ?, neither of which matches '/'. */
bool ota_path_matches(struct ota_span pattern, struct ota_span path);

/* An entry of `targets`. */
struct ota_target {
    struct ota_span path;
    uint64_t length;
    struct ota_value hashes; /* raw.p NULL when absent: every kind the entry has */
    bool has_sha256;
    uint8_t sha256[OTA_SHA256_LEN];
    bool has_custom;
    struct ota_value custom;
};
/* Iterate over all entries of a verified targets-like role. */
OTA_MUST_USE enum ota_status ota_targets_begin(const struct ota_metadata *m, struct ota_scan *it, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_targets_next(struct ota_scan *it, struct ota_target *out, bool *more,
                                              struct ota_err *err);
OTA_MUST_USE enum ota_status ota_targets_find(const struct ota_metadata *m, const char *path, struct ota_target *out,
                                              bool *found, struct ota_err *err);

#ifdef __cplusplus
}
#endif

#endif
