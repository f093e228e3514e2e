/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signed repository on disk, and the one way anything gets into it.
 *
 *   state/repo/metadata/timestamp.json, <v>.snapshot.json, <v>.targets.json, <v>.<product>.json, <v>.rollout.json, <v>.root.json
 *   state/repo/targets/img/<product>/<counter>/<sha256>.<file>
 *
 * A release handed over lies in state/incoming/<id>/ (renamed there whole from state/incoming/.tmp-<id>):
 *
 *   request            lines "product NAME", "counter N", "version V", optional "channel NAME PERMILLE GROUPS", "by USER"
 *   metadata/<v>.<product>.json      the product role with this release in it, signed
 *   targets/img/<product>/<counter>/<sha256>.<file>
 *
 * A change is handed over the same way; its request has the lines "change TEXT" and "by USER", and its metadata/ may hold
 * successive <v>.root.json, one <v>.targets.json, and one <v>.<product>.json for each product that targets delegates to.
 *
 * Publishing it: verify like a board would, ask the signer for rollout, snapshot, timestamp; images, then metadata,
 * timestamp last (a new root with all of them at once); each fsync + rename. Then the folder goes and state/incoming/<id>.done or <id>.refused (status
 * name, newline, message) appears, for whoever waits. A crash at any point leaves the previous release served whole,
 * and publishing again finishes the job.
 */
#ifndef OTA_STORE_REPO_H
#define OTA_STORE_REPO_H

#include "host/buf.h"
#include "host/fs.h"
#include "host/signer_link.h"
#include "host/workspace.h"
#include "ota/trust.h"

/* A role as published (root: the newest), once everything published was verified from that root on, but for expiry.
 * NOT_FOUND when there is none. */
OTA_MUST_USE enum ota_status ota_repo_role(const struct ota_workspace *w, const char *role, struct ota_buf *out,
                                           struct ota_err *err);

/* What the repository says, verified from its own root on: for status, releases, healthz. */
struct ota_repo_role_info {
    char name[OTA_ROLE_NAME_MAX + 1];
    uint64_t version, expires, length;
    uint32_t threshold;
    size_t key_count; /* keys that may sign it */
    uint32_t keyid_crc[OTA_ROLE_KEYS_MAX];
};
struct ota_repo_channel_info {
    char product[OTA_NAME_MAX + 1], name[OTA_NAME_MAX + 1];
    struct ota_channel channel;
};
struct ota_repo_info {
    size_t role_count;
    struct ota_repo_role_info role[OTA_SNAPSHOT_ENTRIES_MAX + 4];
    size_t channel_count;
    struct ota_repo_channel_info channel[OTA_PRODUCTS_MAX * OTA_CHANNELS_MAX];
    size_t release_count; /* all products, ascending by product, counter */
    struct ota_release *release;
};
OTA_MUST_USE enum ota_status ota_repo_read(const struct ota_workspace *w, struct ota_repo_info *out,
                                           struct ota_err *err);
void ota_repo_info_free(struct ota_repo_info *info);

/* Verify a repository through any transport like a board with only its root would, down to every listed image's
 * length and digest (with_images). report() is told of each thing found right; may be NULL. */
OTA_MUST_USE enum ota_status ota_repo_verify(const struct ota_transport *transport, struct ota_span root,
                                             bool with_images, void (*report)(void *ctx, const char *line), void *ctx,
                                             struct ota_err *err);

/* The roles that a release of `product` goes on top of, wire bytes, through any transport and verified like a board
 * with only `root` would, but for images. DELEGATION when there is no such product. */
struct ota_repo_roles {
    struct ota_buf targets, rollout, product;
};
void ota_repo_roles_free(struct ota_repo_roles *r);
OTA_MUST_USE enum ota_status ota_repo_fetch(const struct ota_transport *transport, struct ota_span root,
                                            const char *product, struct ota_repo_roles *out, struct ota_err *err);

/* Publishes incoming/<id>; writes .done or .refused and removes the folder. It stays, for another try, when the error
 * is no verdict on the release: the signer died or cannot sign now (CLOCK, ISSUED, KEY, ROLLBACK of the whole
 * repository), what is published already does not verify, or a file could not be read or written. The caller holds
 * state/publish.lock. */
OTA_MUST_USE enum ota_status ota_repo_publish(const struct ota_workspace *w, struct ota_signer *signer, const char *id,
                                              struct ota_err *err);
/* Re-signs what is due (sign/online.h); *changed says whether anything was written. Removes files nobody can need any
 * more when it was. The caller holds state/publish.lock. */
OTA_MUST_USE enum ota_status ota_repo_renew(const struct ota_workspace *w, struct ota_signer *signer, bool clock_ok,
                                            bool *changed, struct ota_err *err);
/* Copies what boards need, and no more, to the folder `dir`: roots, current roles, the images of listed releases;
 * timestamp last. Verifies it there like a board would. What `dir` holds already stays. *bytes: of all its files. The
 * caller holds state/publish.lock. */
OTA_MUST_USE enum ota_status ota_repo_export(const struct ota_workspace *w, const char *dir, uint64_t *bytes,
                                             struct ota_err *err);
/* Ids waiting in state/incoming, oldest first; leftovers (.tmp-*, .done, .refused) older than an hour are removed.
 * *remarks gets a line for each thing that is neither, or cannot be removed; none of them stops the rest. */
OTA_MUST_USE enum ota_status ota_repo_incoming(const struct ota_workspace *w, struct ota_fs_names *out,
                                               struct ota_buf *remarks, struct ota_err *err);
/* Does incoming/<id> hold a release of this product. */
bool ota_repo_incoming_is_of(const struct ota_workspace *w, const char *id, const char *product);
/* Is a daemon running? Writes nothing, so that it can be asked where nothing may be written.
 * PERMISSION when the lock is another user's: not known. */
OTA_MUST_USE enum ota_status ota_repo_daemon_runs(const struct ota_workspace *w, bool *runs, struct ota_err *err);
/* Is a daemon running: tries daemon.lock. *lock_fd >= 0: nobody is, and the caller holds the lock now. */
OTA_MUST_USE enum ota_status ota_repo_daemon(const struct ota_workspace *w, int *lock_fd, struct ota_err *err);

#endif
