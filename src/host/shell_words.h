/* SPDX-License-Identifier: Apache-2.0 */
/* Words as a POSIX shell takes them: what stands in a command that is printed to be run. */
#ifndef OTA_HOST_SHELL_WORDS_H
#define OTA_HOST_SHELL_WORDS_H

#include <cjson/cJSON.h>

#include "ota/err.h"

/* In single quotes unless every character is plain to a shell. The caller frees. */
char *ota_shell_word(const char *word);
/* One more word of a command; it is made printable (host/printable.h). */
void ota_shell_add(cJSON *words, const char *fmt, ...) OTA_PRINTF(2, 3);
/* A command of an array of strings. The caller frees. */
char *ota_shell_line(const cJSON *words);

#endif
