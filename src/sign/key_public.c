/* SPDX-License-Identifier: Apache-2.0 */
/* The public half of a key that lies elsewhere; see key.h. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "host/fs.h"
#include "sign/key.h"
#include "sign/key_private.h"

#define PUBLIC_FILE_MAX 4096u

static void clean_bio(BIO **b) {
    BIO_free(*b);
}

static bool is_public_file(const char *reference, struct ota_buf *text) {
    struct ota_err ignored;
    return ota_fs_is_file(reference) && ota_fs_read(reference, PUBLIC_FILE_MAX, text, &ignored) == OTA_OK &&
           strstr(ota_buf_text(text), "-----BEGIN PUBLIC KEY-----") != NULL;
}

static enum ota_status read_public(struct ota_key **out, const struct ota_buf *text, const char *path,
                                   struct ota_err *err) {
    OTA_CLEAN(clean_bio) BIO *bio = BIO_new_mem_buf(text->p, (int)text->len);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    ERR_clear_error();
    if (!pkey)
        return ota_err_set(err, OTA_KEY, "%s: not a public key in PEM form", path);
    return ota_key_adopt(out, pkey, false, path, err);
}

enum ota_status ota_key_load_public(struct ota_key_public *out, const char *reference,
                                    const struct ota_passphrase *passphrase, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    if (is_public_file(reference, &text))
        OTA_TRY(read_public(&key, &text, reference, err));
    else
        OTA_TRY(ota_key_load_with(&key, reference, passphrase, err));
    *out = *ota_key_public(key);
    return OTA_OK;
}
