/* SPDX-License-Identifier: Apache-2.0 */
/* Edits ota.conf; see conf_edit.h. */
#include "ctl/conf_edit.h"

#include <string.h>

#include "host/fs.h"
#include "host/words.h"

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

static void remove_section(struct ota_span text, const char *name, struct ota_buf *out) {
    bool inside = false;
    for (struct ota_span left = text; left.len;) {
        struct ota_span line = ota_words_take(&left, '\n');
        bool other, own = begins(line, name, &other);
        inside = own || (inside && !other);
        if (inside)
            continue;
        ota_buf_append(out, line.p, line.len);
        ota_buf_str(out, "\n");
    }
}

static bool has_section(struct ota_span text, const char *name) {
    bool other, found = false;
    for (struct ota_span left = text; left.len && !found;)
        found = begins(ota_words_take(&left, '\n'), name, &other);
    return found;
}

/* `rest`: chip and channels. */
static void add_section(const char *name, struct ota_span rest, struct ota_buf *out) {
    struct ota_span chip = ota_words_take(&rest, ' ');
    if (out->len && out->p[out->len - 1] != '\n')
        ota_buf_str(out, "\n");
    ota_buf_printf(out, "\n[product %s]\nchip = %.*s\nchannels = %.*s\n", name, (int)chip.len, (const char *)chip.p,
                   (int)rest.len, (const char *)rest.p);
}

static enum ota_status apply_line(struct ota_span line, struct ota_buf *text, struct ota_err *err) {
    struct ota_span verb = ota_words_take(&line, ' '), word = ota_words_take(&line, ' ');
    char name[OTA_NAME_MAX + 1];
    OTA_CLEAN(ota_buf_free) struct ota_buf kept = {0};
    if (!ota_name_valid(word) || !ota_span_copy(word, name, sizeof name))
        return ota_err_set(err, OTA_CONFIG, "the draft's conf names no product");
    if (ota_span_equal_str(verb, "remove")) {
        remove_section(ota_buf_span(text), name, &kept);
        ota_buf_free(text);
        *text = kept;
        kept = (struct ota_buf){0};
        return OTA_OK;
    }
    if (!ota_span_equal_str(verb, "add"))
        return ota_err_set(err, OTA_CONFIG, "the draft's conf says neither add nor remove");
    if (!has_section(ota_buf_span(text), name))
        add_section(name, line, text);
    return OTA_OK;
}

enum ota_status ota_conf_apply(const struct ota_workspace *w, const char *lines, struct ota_buf *before,
                               struct ota_buf *after, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_config *config = ota_calloc(1, sizeof *config);
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "ota.conf");
    OTA_TRY(ota_fs_read(path, OTA_CONFIG_MAX, before, err));
    ota_buf_append(after, before->p, before->len);
    for (struct ota_span left = ota_span_str(lines); left.len;)
        OTA_TRY(apply_line(ota_words_take(&left, '\n'), after, err));
    return ota_config_parse(ota_buf_span(after), path, config, err);
}

enum ota_status ota_conf_write(const struct ota_workspace *w, const struct ota_buf *text, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "ota.conf");
    return ota_fs_write(path, text->p, text->len, 0644, err);
}
