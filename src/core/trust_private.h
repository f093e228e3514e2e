/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the trust workflow share. */
#ifndef OTA_CORE_TRUST_PRIVATE_H
#define OTA_CORE_TRUST_PRIVATE_H

#include "ota/trust.h"

#define OTA_KV_ROOT "root"
#define OTA_KV_SNAPSHOT "snapshot"
#define OTA_KV_TIMESTAMP "ts"
#define OTA_KV_ROLES "roles"

#define OTA_KV_ROTATED "rotated"

#define OTA_ROLLOUT_ROLE "rollout"

/* "<version>.<name>.json" with every byte of the name percent-encoded. */
#define OTA_TRUST_FILE_MAX (20u + 1u + 3u * OTA_ROLE_NAME_MAX + 6u)

/* Room at the front of buf: the end may hold key texts. */
size_t ota_trust_room(const struct ota_trust *t);
/* Copies borrowed key texts of `s` to the end of buf, whose first `used` bytes are taken. */
OTA_MUST_USE enum ota_status ota_trust_keep_keys(struct ota_trust *t, struct ota_signers *s, size_t used,
                                                 struct ota_err *err);
/* Reads everything that is trusted from the store. */
OTA_MUST_USE enum ota_status ota_trust_load(struct ota_trust *t, struct ota_err *err);
/* Makes the parsed root at buf[0..len) the trusted one in memory. */
OTA_MUST_USE enum ota_status ota_trust_adopt_root(struct ota_trust *t, const struct ota_metadata *root, size_t len,
                                                  struct ota_err *err);
/* now = max(clock, floor). */
void ota_trust_set_time(struct ota_trust *t);
/* EXPIRED when `expires` has come. */
OTA_MUST_USE enum ota_status ota_trust_check_expiry(const struct ota_trust *t, const char *role, uint64_t version,
                                                    uint64_t expires, struct ota_err *err);
/* Has it been a day since a whole run. Without a clock nobody knows: false. */
bool ota_trust_whole_run_due(const struct ota_trust *t);
const struct ota_meta_entry *ota_trust_entry(const struct ota_trust *t, const char *role); /* NULL */
/* Does the snapshot still name this version, of a role that is followed? Other records say nothing any more. */
bool ota_trust_role_current(const struct ota_trust *t, const struct ota_role_record *r);
/* ISSUED when `issued` lies beyond the expiry of root or of an offline role that is current. */
OTA_MUST_USE enum ota_status ota_trust_check_issued(const struct ota_trust *t, uint64_t issued, struct ota_err *err);

/* ---- trust_rotate.c ---- */

/* Takes over the judged root in buf[0..len), a successor of the trusted one. */
OTA_MUST_USE enum ota_status ota_trust_take_root(struct ota_trust *t, const struct ota_metadata *root, size_t len,
                                                 bool timestamp_rotated, bool snapshot_rotated, struct ota_err *err);
/* After loading: ends what a power cut left of it. */
OTA_MUST_USE enum ota_status ota_trust_end_rotation(struct ota_trust *t, struct ota_err *err);

/* ---- trust_refresh.c, trust_open.c ---- */

/* Judges the root in buf[0..len), a successor of the trusted one, and takes it over. */
OTA_MUST_USE enum ota_status ota_trust_accept_root(struct ota_trust *t, size_t len, struct ota_err *err);
/* What the record says of the role must not be newer; then the record is brought up to date, in memory. */
OTA_MUST_USE enum ota_status ota_trust_record_role(struct ota_trust *t, const char *name, const struct ota_metadata *m,
                                                   struct ota_err *err);

/* ---- trust_fetch.c ---- */

/* One metadata file to get: at most `cap` bytes, exactly `length` unless that is OTA_LENGTH_UNKNOWN. */
struct ota_trust_wanted {
    const char *file;
    size_t cap;
    uint64_t length;
    const char *if_none_match; /* or NULL */
    bool no_cache;
};
/* Any HTTP status is OTA_OK; a 200 leaves its body in buf[0..*len). */
OTA_MUST_USE enum ota_status ota_trust_fetch(struct ota_trust *t, const struct ota_trust_wanted *wanted,
                                             struct ota_response *resp, size_t *len, struct ota_err *err);
/* The file `entry` names, of exactly its length and hash. Anything but a 200 is an error. */
OTA_MUST_USE enum ota_status ota_trust_fetch_entry(struct ota_trust *t, const struct ota_meta_entry *entry,
                                                   const char *file, size_t cap, size_t *len, struct ota_err *err);
void ota_trust_file(uint64_t version, const char *role, char out[OTA_TRUST_FILE_MAX]);
OTA_MUST_USE enum ota_status ota_trust_bad_status(const char *file, int status, struct ota_err *err);

/* ---- trust_record.c ---- */

/* Records of the store, byte forms as in ota/trust.h. decode: false when damaged or of an unknown version. */
#define OTA_TIMESTAMP_RECORD_MAX (1u + 8u + OTA_SHA256_LEN + 8u + 8u + 8u + 8u + 1u + OTA_ETAG_MAX + 4u)
size_t ota_timestamp_record_encode(const struct ota_timestamp_record *r, uint8_t *out, size_t cap);
bool ota_timestamp_record_decode(struct ota_span in, struct ota_timestamp_record *r);
size_t ota_role_records_encode(const struct ota_role_record *r, size_t count, uint8_t *out, size_t cap);
bool ota_role_records_decode(struct ota_span in, struct ota_role_record *r, size_t cap, size_t *count);

/* A root of this version rotates an online key; 0: none does. */
struct ota_rotation_record {
    uint64_t root_version;
    uint64_t floor; /* kept; 0: the timestamp key is rotated, and time with it */
};
OTA_MUST_USE enum ota_status ota_trust_store_rotation(struct ota_trust *t, const struct ota_rotation_record *r,
                                                      struct ota_err *err);
/* Absent or damaged: zeros. */
OTA_MUST_USE enum ota_status ota_trust_load_rotation(struct ota_trust *t, struct ota_rotation_record *r,
                                                     struct ota_err *err);

OTA_MUST_USE enum ota_status ota_trust_store_timestamp(struct ota_trust *t, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_trust_store_roles(struct ota_trust *t, struct ota_err *err);
/* A record that is absent or damaged leaves zeros. */
OTA_MUST_USE enum ota_status ota_trust_load_records(struct ota_trust *t, struct ota_err *err);

#endif
