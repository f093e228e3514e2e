/* SPDX-License-Identifier: Apache-2.0 */
/* The identity record as an NVS partition. */
#include "image/identity.h"

#include <string.h>

#include "image/nvs.h"

#define NAMESPACE "ota"
#define PARTITION_MAX (1024u * 1024u)

static const struct field {
    const char *key;
    size_t at; /* of the char * in the record */
    bool required;
} fields[] = {
    {"id", offsetof(struct ota_id_record, id), true},
    {"product", offsetof(struct ota_id_record, product), true},
    {"channel", offsetof(struct ota_id_record, channel), true},
    {"groups", offsetof(struct ota_id_record, groups), false},
    {"url_meta", offsetof(struct ota_id_record, url_meta), true},
    {"url_targets", offsetof(struct ota_id_record, url_targets), true},
    {"url_api", offsetof(struct ota_id_record, url_api), false},
    {"token", offsetof(struct ota_id_record, token), false},
};

static const struct blob {
    const char *key;
    size_t at; /* of the struct ota_buf in the record */
} blobs[] = {
    {"root", offsetof(struct ota_id_record, root)},
    {"ca", offsetof(struct ota_id_record, ca)},
    {"crt", offsetof(struct ota_id_record, crt)},
    {"key", offsetof(struct ota_id_record, key)},
};

static const char *value_of(const struct ota_id_record *r, const struct field *f) {
    char *value;
    memcpy(&value, (const char *)r + f->at, sizeof value);
    return value;
}

static char **slot_of(struct ota_id_record *r, const struct field *f) {
    return (char **)(void *)((char *)r + f->at);
}

static enum ota_status put_all(struct ota_nvs_writer *w, const struct ota_id_record *r, struct ota_err *err) {
    OTA_TRY(ota_nvs_namespace(w, NAMESPACE, err));
    for (size_t i = 0; i < OTA_ARRAY_LEN(fields); i++)
        if (value_of(r, &fields[i]))
            OTA_TRY(ota_nvs_put_string(w, fields[i].key, value_of(r, &fields[i]), err));
    for (size_t i = 0; i < OTA_ARRAY_LEN(blobs); i++) {
        const struct ota_buf *b = (const void *)((const char *)r + blobs[i].at);
        if (b->len)
            OTA_TRY(ota_nvs_put_blob(w, blobs[i].key, b->p, b->len, err));
    }
    return OTA_OK;
}

enum ota_status ota_id_record_write(const struct ota_id_record *r, uint32_t size, struct ota_buf *out,
                                    struct ota_err *err) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w = {0};
    enum ota_status status = ota_nvs_writer_init(&w, size, err);
    if (status == OTA_OK)
        status = put_all(&w, r, err);
    if (status != OTA_OK)
        return ota_err_prefix(err, "ota_id");
    ota_buf_append(out, w.image, w.size);
    return OTA_OK;
}

static enum ota_status take_string(struct ota_span image, const struct field *f, char **out, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    struct ota_err why;
    enum ota_status status = ota_nvs_get_string(image, NAMESPACE, f->key, &text, &why);
    if (status == OTA_NOT_FOUND && !f->required)
        return OTA_OK;
    if (status == OTA_NOT_FOUND)
        return ota_err_set(err, OTA_CONFIG, "no \"%s\": this board was not provisioned", f->key);
    if (status == OTA_OK)
        *out = ota_strdup(ota_buf_text(&text));
    else
        *err = why;
    return status;
}

static enum ota_status take_all(struct ota_span image, struct ota_id_record *r, struct ota_err *err) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(fields); i++)
        OTA_TRY(take_string(image, &fields[i], slot_of(r, &fields[i]), err));
    for (size_t i = 0; i < OTA_ARRAY_LEN(blobs); i++) {
        struct ota_buf *b = (void *)((char *)r + blobs[i].at);
        struct ota_err why;
        enum ota_status status = ota_nvs_get_blob(image, NAMESPACE, blobs[i].key, b, &why);
        if (status != OTA_OK && status != OTA_NOT_FOUND) {
            *err = why;
            return status;
        }
    }
    return r->root.len ? OTA_OK : ota_err_set(err, OTA_CONFIG, "no \"root\": this board was not provisioned");
}

enum ota_status ota_id_record_parse(struct ota_span image, struct ota_id_record *out, struct ota_err *err) {
    *out = (struct ota_id_record){0};
    return take_all(image, out, err) == OTA_OK ? OTA_OK : ota_err_prefix(err, "ota_id");
}

enum ota_status ota_id_record_read(const struct ota_flash *flash, uint32_t offset, uint32_t size,
                                   struct ota_id_record *out, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0};
    *out = (struct ota_id_record){0};
    if (size > PARTITION_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "ota_id: %u bytes; at most %u are read", (unsigned)size, PARTITION_MAX);
    ota_buf_reserve(&image, size);
    OTA_TRY(flash->read(flash->ctx, offset, image.p, size, err));
    image.len = size;
    return ota_id_record_parse(ota_buf_span(&image), out, err);
}
