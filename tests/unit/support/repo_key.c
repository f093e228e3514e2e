/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the repository in memory. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "host/crypto.h"
#include "repo_maker.h"
#include "unit.h"

struct repo_key {
    EVP_PKEY *pkey;
    bool rsa, ed25519;
    char keyid[OTA_SHA256_HEX_LEN + 1];
    struct ota_buf pem, object;
};

static void describe(struct repo_key *k) {
    char hex[65];
    uint8_t raw[32];
    size_t n = sizeof raw;
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PUBKEY(bio, k->pkey), 1);
    long len = BIO_get_mem_data(bio, &text);
    ota_buf_append(&k->pem, text, (size_t)len);
    BIO_free(bio);
    if (k->ed25519) {
        assert_int_equal(EVP_PKEY_get_raw_public_key(k->pkey, raw, &n), 1);
        ota_hex_encode(raw, n, hex);
        ota_buf_printf(&k->object, "{\"keytype\":\"ed25519\",\"keyval\":{\"public\":\"%s\"},\"scheme\":\"ed25519\"}",
                       hex);
        return;
    }
    ota_buf_printf(&k->object, "{\"keytype\":\"%s\",\"keyval\":{\"public\":\"", k->rsa ? "rsa" : "ecdsa");
    for (size_t i = 0; i < k->pem.len; i++)
        if (k->pem.p[i] == '\n')
            ota_buf_str(&k->object, "\\n");
        else
            ota_buf_append(&k->object, &k->pem.p[i], 1);
    ota_buf_printf(&k->object, "\"},\"scheme\":\"%s\"}", k->rsa ? "rsassa-pss-sha256" : "ecdsa-sha2-nistp256");
}

struct repo_key *repo_key_new(const char *type) {
    struct ota_err err;
    uint8_t digest[OTA_SHA256_LEN];
    struct repo_key *k = ota_calloc(1, sizeof *k);
    k->rsa = strcmp(type, "rsa") == 0;
    k->ed25519 = strcmp(type, "ed25519") == 0;
    k->pkey = k->rsa ? EVP_RSA_gen(2048) : k->ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_EC_gen(type);
    assert_non_null(k->pkey);
    describe(k);
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, k->object.p, k->object.len, digest, &err));
    ota_hex_encode(digest, sizeof digest, k->keyid);
    return k;
}

void repo_key_free(struct repo_key *k) {
    if (!k)
        return;
    EVP_PKEY_free(k->pkey);
    ota_buf_free(&k->pem);
    ota_buf_free(&k->object);
    free(k);
}

const char *repo_key_id(const struct repo_key *k) {
    return k->keyid;
}
const char *repo_key_object(const struct repo_key *k) {
    return ota_buf_text(&k->object);
}
struct ota_span repo_key_pem(const struct repo_key *k) {
    return ota_buf_span(&k->pem);
}

size_t repo_key_sign(const struct repo_key *k, struct ota_span msg, uint8_t *out) {
    size_t n = 512;
    EVP_PKEY_CTX *params = NULL;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(md, &params, k->ed25519 ? NULL : EVP_sha256(), NULL, k->pkey), 1);
    if (k->rsa) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(params, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    assert_int_equal(EVP_DigestSign(md, out, &n, msg.p, msg.len), 1);
    EVP_MD_CTX_free(md);
    return n;
}
