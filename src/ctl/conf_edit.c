/* SPDX-License-Identifier: Apache-2.0 */
/* Edits ota.conf; see conf_edit.h. */
#include "ctl/conf_edit.h"

#include <string.h>

#include "host/fs.h"
#include "host/words.h"

static enum ota_status read_conf(const struct ota_workspace *w, char **path, struct ota_buf *text,
                                 struct ota_err *err) {
    *path = ota_workspace_path(w, "ota.conf");
    return ota_fs_read(*path, OTA_CONFIG_MAX, text, err);
}

static enum ota_status write_conf(const char *path, const struct ota_buf *text, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_config *config = ota_calloc(1, sizeof *config);
    OTA_TRY(ota_config_parse(ota_buf_span(text), path, config, err));
    return ota_fs_write(path, text->p, text->len, 0644, err);
}

enum ota_status ota_conf_add_product(const struct ota_workspace *w, const char *name, const char *chip,
                                     const char *channels, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN_FREE char *path = NULL;
    OTA_TRY(read_conf(w, &path, &text, err));
    if (text.len && text.p[text.len - 1] != '\n')
        ota_buf_str(&text, "\n");
    ota_buf_printf(&text, "\n[product %s]\nchip = %s\nchannels = %s\n", name, chip,
                   channels ? channels : "beta stable");
    return write_conf(path, &text, err);
}

/* "[product NAME]" with blanks where the parser allows them; *other: another section begins. */
static bool begins(struct ota_span line, const char *name, bool *other) {
    while (line.len && (line.p[0] == ' ' || line.p[0] == '\t'))
        line.p++, line.len--;
    *other = false;
    if (!line.len || line.p[0] != '[')
        return false;
    line.p++, line.len--;
    struct ota_span inner = ota_words_take(&line, ']'), word = {NULL, 0};
    bool product = false, named = false;
    while (inner.len) {
        word = ota_words_take(&inner, ' ');
        if (word.len == 0)
            continue;
        named = product && ota_span_equal_str(word, name);
        product = ota_span_equal_str(word, "product");
    }
    *other = !named;
    return named;
}

enum ota_status ota_conf_remove_product(const struct ota_workspace *w, const char *name, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0}, kept = {0};
    OTA_CLEAN_FREE char *path = NULL;
    bool inside = false;
    OTA_TRY(read_conf(w, &path, &text, err));
    for (struct ota_span left = ota_buf_span(&text); left.len;) {
        struct ota_span line = ota_words_take(&left, '\n');
        bool other, own = begins(line, name, &other);
        inside = own || (inside && !other);
        if (inside)
            continue;
        ota_buf_append(&kept, line.p, line.len);
        ota_buf_str(&kept, "\n");
    }
    return kept.len == text.len ? OTA_OK : write_conf(path, &kept, err);
}
