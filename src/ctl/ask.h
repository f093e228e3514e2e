/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a person, on a terminal alone. Private to src/ctl. */
#ifndef OTA_CTL_ASK_H
#define OTA_CTL_ASK_H

#include "host/args.h"
#include "host/buf.h"

/* Are standard input and error a terminal. */
bool ota_ctl_may_ask(void);
/* One line without its end; "" when there is none. */
void ota_ctl_ask_line(const char *question, struct ota_buf *out);
/* --yes, or y to the question. USAGE where nobody can be asked, INTERRUPTED when it was something else: "`undone`, as
 * you said". */
OTA_MUST_USE enum ota_status ota_ctl_agree(const struct ota_args *args, const char *question, const char *undone,
                                           struct ota_err *err);

#endif
