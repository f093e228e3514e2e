/* SPDX-License-Identifier: Apache-2.0 */
/* What verbs do with a draft: sign it with the keys at hand, publish it, say how far it is. Private to src/ctl. */
#ifndef OTA_CTL_DRAFT_SIGN_H
#define OTA_CTL_DRAFT_SIGN_H

#include "ctl/cmd.h"
#include "store/draft.h"

/* With every key of keys/ and of --key that may sign something in it; *made: how many signatures. */
OTA_MUST_USE enum ota_status ota_ctl_draft_sign(const struct ota_workspace *w, const char *id,
                                                const struct ota_args *args, size_t *made, struct ota_err *err);
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
