/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `otactl push` share: cmd_push.c reads the command line, push_current.c compares it with what is
 * published, push_publish.c signs and hands over, push_report.c tells. Private to src/ctl. */
#ifndef OTA_CTL_PUSH_H
#define OTA_CTL_PUSH_H

#include <signal.h>

#include "ctl/cmd.h"
#include "release/build.h"

#define OTA_PUSH_WAIT_MS 30000

struct ota_push {
    const struct ota_workspace *w;
    const struct ota_product_config *product;
    const char *channel; /* NULL: offered to nobody */
    uint16_t permille;
    bool dry_run;
    struct ota_build build;
};

/* The roles a new release goes on top of, as ota_repo_role() has verified them. */
struct ota_push_current {
    struct ota_buf role, rollout, targets;
};
OTA_MUST_USE enum ota_status ota_push_current_read(const struct ota_push *p, struct ota_push_current *c,
                                                   struct ota_err *err);
void ota_push_current_free(struct ota_push_current *c);
/* A release without an app goes over the offered one, see sign/base.h. */
OTA_MUST_USE enum ota_status ota_push_set_base(struct ota_push *p, const struct ota_push_current *c,
                                               struct ota_err *err);
/* Adds remarks when the channel offers the same image already, or a higher version. */
OTA_MUST_USE enum ota_status ota_push_compare(struct ota_push *p, const struct ota_push_current *c,
                                              struct ota_err *err);

/* Assigns the counter, signs, hands the release over and waits until it is published; publishes itself where no
 * daemon runs. Killed at any moment it leaves the release before served whole. BUSY when a daemon did not answer
 * within OTA_PUSH_WAIT_MS: then, and only then, an error leaves the release queued. */
OTA_MUST_USE enum ota_status ota_push_publish(struct ota_push *p, struct ota_err *err);

/* push_wait.c: sees incoming/<id> published, by a daemon or, where none runs, here. What was refused comes back as
 * its status. BUSY after OTA_PUSH_WAIT_MS, INTERRUPTED when stopped. The caller holds state/lock. */
OTA_MUST_USE enum ota_status ota_push_see_published(const struct ota_workspace *w, const char *id, struct ota_err *err);
/* The same for the release of this push; on an error other than BUSY it is taken out of state/incoming again, unless
 * somebody is publishing it. */
OTA_MUST_USE enum ota_status ota_push_see_own(const struct ota_push *p, const char *id, struct ota_err *err);
/* From here on SIGINT and SIGTERM end the waiting, not the process. */
void ota_push_catch_stop(void);
/* Blocks both; the caller restores. */
void ota_push_hold_stop(sigset_t *before);

/* What goes in and what was left out; then, after publishing, the outcome. */
void ota_push_print_plan(const struct ota_push *p);
void ota_push_print_outcome(const struct ota_push *p);
void ota_push_print_json(const struct ota_push *p);

#endif
