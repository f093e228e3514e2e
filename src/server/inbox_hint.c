/* SPDX-License-Identifier: Apache-2.0 */
/* Judges files as push would, and writes the command only when push would take them. */
#include "server/inbox_hint.h"

#include <string.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "host/shell_words.h"
#include "ota/image.h"
#include "ota/release.h"
#include "ota/table.h"

struct judge {
    const struct ota_chip *chip;
    struct ota_table *table; /* NULL: not known */
    size_t apps, data;
};

static bool app_fits(struct judge *j, const struct ota_source *s) {
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    struct ota_image_rules rules = {.chip = j->chip, .room = OTA_IMAGE_LENGTH_MAX};
    struct ota_err ignored;
    for (size_t i = 0; j->table && i < ota_table_slot_count(j->table); i++)
        if (ota_table_slot(j->table, i)->size < rules.room)
            rules.room = ota_table_slot(j->table, i)->size;
    return ota_image_read(s, &ota_crypto_openssl, image, &ignored) == OTA_OK && image->kind == OTA_IMAGE_APP &&
           ota_image_check_app(image, s->size, &rules, &ignored) == OTA_OK;
}

/* "storage.bin" goes to partition storage. */
static bool data_fits(const struct judge *j, const char *name, uint64_t size) {
    const char *dot = strrchr(name, '.');
    struct ota_span stem = {(const uint8_t *)name, dot && dot > name ? (size_t)(dot - name) : strlen(name)};
    char label[OTA_LABEL_MAX + 1];
    struct ota_err ignored;
    if (!j->table || !ota_span_copy(stem, label, sizeof label))
        return false;
    const struct ota_partition *row = ota_table_by_label(j->table, label);
    return row && size > 0 && size <= row->size && ota_table_updatable(row, &ignored) == OTA_OK;
}

static bool fits(struct judge *j, const char *path, const char *name) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source f = {.fd = -1};
    uint8_t head[2] = {0, 0};
    struct ota_err ignored;
    if (!ota_fs_is_file(path) || ota_file_source_open(&f, path, OTA_IMAGE_LENGTH_MAX, &ignored) != OTA_OK ||
        f.source.size < sizeof head || f.source.read(f.source.ctx, 0, head, sizeof head, &ignored) != OTA_OK)
        return false;
    bool app = head[0] == OTA_IMAGE_MAGIC_BYTE, table = head[0] == 0xAA && head[1] == 0x50;
    j->apps += app;
    j->data += !app;
    return !table && (app ? app_fits(j, &f.source) : data_fits(j, name, f.source.size));
}

static struct ota_table *known_table(const struct ota_workspace *w, const char *product) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "state/tables/%s.bin", product);
    OTA_CLEAN_FREE struct ota_table *table = ota_calloc(1, sizeof *table);
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    struct ota_err ignored;
    if (ota_fs_read(path, OTA_SECTOR, &bytes, &ignored) != OTA_OK ||
        ota_table_read(ota_buf_span(&bytes), &ota_crypto_openssl, table, &ignored) != OTA_OK)
        return NULL;
    return OTA_STEAL(table);
}

static void put_word(struct ota_buf *out, const char *word) {
    OTA_CLEAN_FREE char *quoted = ota_shell_word(word);
    ota_buf_str(out, quoted);
}

char *ota_inbox_by_hand(const struct ota_workspace *w, const struct ota_product_config *product, const char *folder,
                        const char *const *names, size_t count) {
    OTA_CLEAN_FREE char *key = ota_workspace_path(w, "keys/%s.pem", product->name);
    OTA_CLEAN_FREE struct ota_table *table = known_table(w, product->name);
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    struct judge j = {.chip = ota_chip_by_name(ota_span_str(product->chip)), .table = table};
    if (!j.chip || count == 0 || count > OTA_STEPS_MAX || !ota_fs_exists(key))
        return NULL;
    ota_buf_str(&b, "otactl -C ");
    put_word(&b, w->dir);
    ota_buf_str(&b, " push");
    for (size_t i = 0; i < count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", folder, names[i]);
        if (!fits(&j, path, names[i]))
            return NULL;
        ota_buf_str(&b, " ");
        put_word(&b, path);
    }
    if (j.apps > 1)
        return NULL;
    ota_buf_printf(&b, " --product %s%s", product->name, j.apps && j.data ? " --compatible" : "");
    return ota_strdup(ota_buf_text(&b));
}
