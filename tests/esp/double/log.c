/* SPDX-License-Identifier: Apache-2.0 */
#include "double/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"

static char text[65536]; /* later lines are lost */

void double_log_line(char level, const char *tag, const char *fmt, ...) {
    char line[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    size_t used = strlen(text);
    (void)snprintf(text + used, sizeof text - used, "%c (%s) %s\n", level, tag, line);
    if (getenv("FAKE_BOARD_VERBOSE"))
        (void)fprintf(stderr, "  %c (%s) %s\n", level, tag, line);
}

void double_log_clear(void) {
    text[0] = '\0';
}

bool double_logged(const char *part) {
    return strstr(text, part) != NULL;
}

const char *double_log_text(void) {
    return text;
}
