/* SPDX-License-Identifier: Apache-2.0 */
/* What went to the console, one line each: "I (ota) text". */
#ifndef OTA_TESTS_DOUBLE_LOG_H
#define OTA_TESTS_DOUBLE_LOG_H

#include <stdbool.h>

void double_log_clear(void);
bool double_logged(const char *part);
const char *double_log_text(void);

#endif
