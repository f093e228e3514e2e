/* SPDX-License-Identifier: Apache-2.0 */
/* Quoting for a shell: POSIX.1-2017, Shell Command Language, 2.2.2. */
#include "host/shell_words.h"

#include <stdarg.h>
#include <string.h>

#include "host/buf.h"
#include "host/printable.h"

char *ota_shell_word(const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%";
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    if (word[0] && strspn(word, plain) == strlen(word))
        return ota_strdup(word);
    for (const char *p = word; *p; p++)
        ota_buf_printf(&b, *p == '\'' ? "'\\''" : "%c", *p);
    return ota_sprintf("'%s'", ota_buf_text(&b));
}

void ota_shell_add(cJSON *words, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    OTA_CLEAN_FREE char *word = ota_vsprintf(fmt, args);
    va_end(args);
    (void)ota_printable_clean(word);
    (void)cJSON_AddItemToArray(words, cJSON_CreateString(word));
}

char *ota_shell_line(const cJSON *words) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    const cJSON *word;
    cJSON_ArrayForEach(word, words) {
        OTA_CLEAN_FREE char *quoted = ota_shell_word(word->valuestring);
        ota_buf_str(&b, b.len ? " " : "");
        ota_buf_str(&b, quoted);
    }
    return ota_strdup(ota_buf_text(&b));
}
