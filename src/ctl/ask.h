/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a person, on a terminal alone. Private to src/ctl. */
#ifndef OTA_CTL_ASK_H
#define OTA_CTL_ASK_H

#include "host/buf.h"

/* Are standard input and error a terminal. */
bool ota_ctl_may_ask(void);
/* One line without its end; "" when there is none. */
void ota_ctl_ask_line(const char *question, struct ota_buf *out);
/* Was the answer y or yes. */
bool ota_ctl_confirm(const char *question);

#endif
