/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of others on a terminal: names of files, versions and messages may hold escape sequences. Not printable are
 * C0, DEL and C1 control characters, the marks that reorder a line (U+200E..F, U+202A..E, U+2066..9), and what is not
 * UTF-8.
 */
#ifndef OTA_HOST_PRINTABLE_H
#define OTA_HOST_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ota/err.h"

bool ota_printable(const char *text);
/* Every unprintable character becomes one '?', in place. Returns the new length. */
size_t ota_printable_clean(char *text);
/* One line made printable; the line feed is added. */
void ota_print_line(FILE *out, const char *fmt, ...) OTA_PRINTF(2, 3);

#endif
