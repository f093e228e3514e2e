/* SPDX-License-Identifier: Apache-2.0 */
/* Words as a POSIX shell takes them: what stands in a command that is printed to be run. */
#ifndef OTA_HOST_SHELL_WORDS_H
#define OTA_HOST_SHELL_WORDS_H

#include <cjson/cJSON.h>

/* In single quotes unless every character is plain to a shell. The caller frees. */
char *ota_shell_word(const char *word);
/* A command of an array of strings. The caller frees. */
char *ota_shell_line(const cJSON *words);

#endif
