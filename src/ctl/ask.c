/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a person; see ask.h. */
#include "ctl/ask.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool ota_ctl_may_ask(void) {
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

void ota_ctl_ask_line(const char *question, struct ota_buf *out) {
    OTA_CLEAN_FREE char *line = NULL;
    size_t cap = 0;
    (void)fflush(stdout);
    (void)fputs(question, stderr);
    ssize_t n = getline(&line, &cap, stdin);
    if (n > 0)
        ota_buf_append(out, line, strcspn(line, "\r\n"));
}

bool ota_ctl_confirm(const char *question) {
    OTA_CLEAN(ota_buf_free) struct ota_buf answer = {0};
    ota_ctl_ask_line(question, &answer);
    return strcasecmp(ota_buf_text(&answer), "y") == 0 || strcasecmp(ota_buf_text(&answer), "yes") == 0;
}
