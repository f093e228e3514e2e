/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `otactl push` share. Private to src/ctl.
 *
 *   cmd_push.c       the command line; builds and checks the release
 *   push_current.c   compares it with what is published
 *   push_fleet.c     asks the boards that are known here
 *   push_publish.c   counter, signature; the same for both places
 *   push_local.c     a workspace: state/incoming; push_wait.c waits, publishes and takes back
 *   push_remote.c    a server: its metadata; push_upload.c the files
 *   push_report.c    tells
 */
#ifndef OTA_CTL_PUSH_H
#define OTA_CTL_PUSH_H

#include <signal.h>

#include "ctl/cmd.h"
#include "host/http_client.h"
#include "host/passphrase.h"
#include "release/build.h"

#define OTA_PUSH_WAIT_MS 30000

struct ota_push;
/* The roles a new release goes on top of, verified by the place they come from. */
struct ota_push_current {
    struct ota_buf role, rollout, targets;
};
void ota_push_current_free(struct ota_push_current *c);

/* Where a push goes: the workspace itself (push_local.c) or a server (push_remote.c). */
struct ota_push_place {
    enum ota_status (*read)(struct ota_push *p, struct ota_push_current *c, struct ota_err *err);
    /* From here on nobody else's release of the product comes in between, where the place can see to that. */
    enum ota_status (*enter)(struct ota_push *p, struct ota_err *err);
    /* Hands over and waits until it is published. ROLLBACK: another release came in between, nothing was published. */
    enum ota_status (*publish)(struct ota_push *p, const struct ota_buf *role, uint64_t version, struct ota_err *err);
    /* Also after an error. */
    void (*leave)(struct ota_push *p);
};
extern const struct ota_push_place ota_push_local, ota_push_remote;
/* The workspace, but nothing is signed or published: the release becomes state/drafts/<product>-<counter>. */
extern const struct ota_push_place ota_push_draft;

/* What a remote push is told on the command line. */
struct ota_push_server {
    const char *url; /* NULL: the push is local */
    const char *root, *ca, *token_file;
    struct ota_http_client *api; /* while it pushes */
    unsigned files, sent_files;
    uint64_t sent_bytes;
};

/* What the boards it is offered to would say; all 0 unless asked. */
struct ota_push_fleet {
    bool asked;
    size_t fits, misfits, unknown;
};

struct ota_push {
    const struct ota_workspace *w;
    const struct ota_push_place *place;
    const struct ota_product_config *product;
    const char *channel; /* NULL: offered to nobody */
    uint16_t permille;
    bool dry_run, is_unsigned;
    unsigned accept;        /* OTA_ACCEPT_* */
    uint32_t compared;      /* the counter it would have had when it was held against what is published */
    const char *const *key; /* references of --key, NULL-terminated; none: those of keys/ */
    struct ota_passphrase passphrase;
    struct ota_build build;
    int lock; /* local: state/lock */
    struct ota_push_server server;
    struct ota_push_fleet fleet;
};

/* A release without an app goes over the offered one, see sign/base.h. */
OTA_MUST_USE enum ota_status ota_push_set_base(struct ota_push *p, const struct ota_push_current *c,
                                               struct ota_err *err);
/* Adds a remark when the channel offers the same image already; refuses and remarks what release/build_compare.h lists. */
OTA_MUST_USE enum ota_status ota_push_compare(struct ota_push *p, const struct ota_push_current *c,
                                              struct ota_err *err);

/* Holds it against the partition tables of the boards that state/fleet.db has on the channel. Sets p->fleet; remarks that
 * some would refuse it. SLOT_SIZE, LABEL, TABLE_CHANGE: what all would say whose table is known, unless that is
 * accepted. */
OTA_MUST_USE enum ota_status ota_push_ask_fleet(struct ota_push *p, struct ota_err *err);

/* Assigns the counter, signs, hands the release over and waits until it is published; on a conflict once more on top
 * of what has come. Killed at any moment it leaves the release before served whole. BUSY when the publisher did not
 * answer within OTA_PUSH_WAIT_MS: then, and only then, an error leaves the release queued. */
OTA_MUST_USE enum ota_status ota_push_publish(struct ota_push *p, struct ota_err *err);

/* push_upload.c: brings the release's files to the server, those it lacks, and hands it over; returns once it is
 * published. ROLLBACK, as above. */
OTA_MUST_USE enum ota_status ota_push_upload(struct ota_push *p, const struct ota_buf *role, struct ota_err *err);

/* push_local.c: state/lock, which whoever gives out versions and counters holds. */
OTA_MUST_USE enum ota_status ota_push_lock(const struct ota_workspace *w, int *fd, struct ota_err *err);

/* push_wait.c: sees incoming/<id> published, by a daemon or, where none runs, here. What was refused comes back as
 * its status. BUSY after OTA_PUSH_WAIT_MS, INTERRUPTED when stopped. The caller holds state/lock. */
OTA_MUST_USE enum ota_status ota_push_see_published(const struct ota_workspace *w, const char *id, struct ota_err *err);
/* The same of a release that somebody else handed over and waits for: the answer stays. */
OTA_MUST_USE enum ota_status ota_push_see_other(const struct ota_workspace *w, const char *id, struct ota_err *err);
/* The same for the release of this push; on an error other than BUSY it is taken out of state/incoming again, unless
 * somebody is publishing it. */
OTA_MUST_USE enum ota_status ota_push_see_own(const struct ota_push *p, const char *id, struct ota_err *err);
/* Has one of them come since. */
bool ota_push_stopped(void);
/* Which one; 0: none. */
int ota_push_stop_signal(void);
/* From here on SIGINT and SIGTERM end the waiting, not the process. */
void ota_push_catch_stop(void);
/* Blocks both; the caller restores. */
void ota_push_hold_stop(sigset_t *before);

/* What goes in and what was left out; then, after publishing, the outcome. */
void ota_push_print_plan(const struct ota_push *p);
void ota_push_print_outcome(const struct ota_push *p);
void ota_push_print_json(const struct ota_push *p);

#endif
