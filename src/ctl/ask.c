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

static bool said_yes(const char *question) {
    OTA_CLEAN(ota_buf_free) struct ota_buf answer = {0};
    ota_ctl_ask_line(question, &answer);
    return strcasecmp(ota_buf_text(&answer), "y") == 0 || strcasecmp(ota_buf_text(&answer), "yes") == 0;
}

enum ota_status ota_ctl_agree(const struct ota_args *args, const char *question, const char *undone,
                              struct ota_err *err) {
    if (ota_args_has(args, "yes"))
        return OTA_OK;
    if (!ota_ctl_may_ask())
        return ota_err_set(err, OTA_USAGE, "%s: there is no terminal to ask on; add --yes", undone);
    return said_yes(question) ? OTA_OK : ota_err_set(err, OTA_INTERRUPTED, "%s, as you said", undone);
}
