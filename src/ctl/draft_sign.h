/* SPDX-License-Identifier: Apache-2.0 */
/* What verbs do with a draft: sign it with the keys at hand, publish it, say how far it is. Private to src/ctl. */
#ifndef OTA_CTL_DRAFT_SIGN_H
#define OTA_CTL_DRAFT_SIGN_H

#include "ctl/hand.h"
#include "store/draft.h"

/* With every key at hand that may sign something in it; *made: how many signatures. `set`, zeroed, then holds the draft
 * with them. The caller holds state/lock. */
OTA_MUST_USE enum ota_status ota_ctl_draft_sign(const struct ota_workspace *w, const char *id, struct ota_hand *h,
                                                struct ota_sign_set *set, size_t *made, struct ota_err *err);
/* The same with the keys of keys/ and of --key, taking state/lock; `new_keys` as ota_hand_add_given(). */
OTA_MUST_USE enum ota_status ota_ctl_draft_sign_all(const struct ota_workspace *w, const char *id,
                                                    const struct ota_args *args, bool new_keys, size_t *made,
                                                    struct ota_err *err);
/* Hands it over and waits until it is published; then moves keys that nothing names any more to keys/retired/.
 * SIGNATURE naming what is missing. */
OTA_MUST_USE enum ota_status ota_ctl_draft_publish(const struct ota_workspace *w, const char *id, struct ota_err *err);
/* Signs; publishes if that was enough, else tells what to type next. *published says which. */
OTA_MUST_USE enum ota_status ota_ctl_draft_finish(const struct ota_workspace *w, const char *id,
                                                  const struct ota_args *args, bool *published, struct ota_err *err);

/* One line per role and the keys that count. */
void ota_ctl_draft_print(const struct ota_draft *d);
cJSON *ota_ctl_draft_json(const char *id, const struct ota_draft *d);

#endif
