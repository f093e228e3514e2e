/* SPDX-License-Identifier: Apache-2.0 */
#include "host/id_record.h"

#include <openssl/crypto.h>
#include <string.h>

static void free_secret(char *text) {
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void ota_id_record_free(struct ota_id_record *r) {
    char *const texts[] = {r->id, r->product, r->channel, r->groups, r->url_meta, r->url_targets, r->url_api};
    for (size_t i = 0; i < OTA_ARRAY_LEN(texts); i++)
        free(texts[i]);
    free_secret(r->token);
    if (r->key.p)
        OPENSSL_cleanse(r->key.p, r->key.cap);
    ota_buf_free(&r->root);
    ota_buf_free(&r->ca);
    ota_buf_free(&r->crt);
    ota_buf_free(&r->key);
    *r = (struct ota_id_record){0};
}
