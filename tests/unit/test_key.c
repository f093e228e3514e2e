/* SPDX-License-Identifier: Apache-2.0 */
/* Signing keys: files, identity, signatures the core accepts. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "ota/metadata.h"
#include "sign/key.h"
#include "support/unit.h"

static char dir[] = "/tmp/ota-key-XXXXXX";
static struct ota_err err;

static int make_dir(void **state) {
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}
static int remove_dir(void **state) {
    (void)state;
    return ota_fs_remove_tree(dir, &err) == OTA_OK ? 0 : -1;
}
static char *path_of(const char *name) {
    return ota_sprintf("%s/%s", dir, name);
}

static void test_key_survives_its_file(void **state) {
    (void)state;
    struct stat st;
    OTA_CLEAN_FREE char *path = path_of("a.pem");
    OTA_CLEAN(ota_key_free) struct ota_key *made = NULL, *loaded = NULL;
    assert_ota_ok(ota_key_generate(&made, &err));
    assert_ota_ok(ota_key_save(made, path, &err));
    assert_ota_ok(ota_key_load(&loaded, path, &err));
    assert_string_equal(ota_key_public(made)->keyid, ota_key_public(loaded)->keyid);
    assert_string_equal(ota_key_public(made)->pem, ota_key_public(loaded)->pem);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_key_is_never_overwritten(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *path = path_of("b.pem");
    OTA_CLEAN(ota_key_free) struct ota_key *first = NULL, *second = NULL, *kept = NULL, *ensured = NULL;
    assert_ota_ok(ota_key_generate(&first, &err));
    assert_ota_ok(ota_key_generate(&second, &err));
    assert_ota_ok(ota_key_save(first, path, &err));
    assert_ota(ota_key_save(second, path, &err), OTA_EXISTS);
    assert_ota_ok(ota_key_load(&kept, path, &err));
    assert_string_equal(ota_key_public(kept)->keyid, ota_key_public(first)->keyid);
    assert_ota_ok(ota_key_ensure(&ensured, path, &err));
    assert_string_equal(ota_key_public(ensured)->keyid, ota_key_public(first)->keyid);
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    assert_ota_ok(ota_fs_list(dir, &names, &err));
    for (size_t i = 0; i < names.count; i++)
        assert_null(strstr(names.name[i], ".new")); /* no second copy of a private key lies about */
}

static void test_key_id_is_the_digest_of_the_canonical_object(void **state) {
    (void)state;
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    char hex[OTA_SHA256_HEX_LEN + 1];
    uint8_t digest[OTA_SHA256_LEN];
    assert_ota_ok(ota_key_generate(&key, &err));
    OTA_CLEAN_FREE char *object =
        ota_sprintf("{\"keytype\":\"ecdsa\",\"keyval\":{\"public\":\"%s\"},\"scheme\":\"ecdsa-sha2-nistp256\"}",
                    ota_key_public(key)->pem);
    assert_non_null(strchr(object, '\n')); /* canonical form has raw line feeds */
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, object, strlen(object), digest, &err));
    ota_hex_encode(digest, sizeof digest, hex);
    assert_string_equal(hex, ota_key_public(key)->keyid);
}

static void test_key_signature_is_one_the_core_accepts(void **state) {
    (void)state;
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    struct ota_key_signature sig;
    struct ota_public_key public;
    bool valid = false;
    assert_ota_ok(ota_key_generate(&key, &err));
    assert_ota_ok(ota_public_key_from_pem(ota_span_str(ota_key_public(key)->pem), &public, &err));
    assert_ota_ok(ota_key_sign(key, ota_span_str("message"), &sig, &err));
    const struct ota_span der = {sig.der, sig.len};
    assert_ota_ok(ota_crypto_openssl.verify(NULL, &public, ota_span_str("message"), der, &valid, &err));
    assert_true(valid);
    assert_ota_ok(ota_crypto_openssl.verify(NULL, &public, ota_span_str("messagf"), der, &valid, &err));
    assert_false(valid);
}

static void write_foreign(const char *path, EVP_PKEY *pkey, const char *passphrase) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_non_null(pkey);
    assert_int_equal(fchmod(fileno(f), 0600), 0);
    assert_int_equal(PEM_write_PKCS8PrivateKey(f, pkey, passphrase ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
                                               (void *)(uintptr_t)passphrase),
                     1);
    (void)fclose(f);
    EVP_PKEY_free(pkey);
}

static void test_key_load_refuses_what_boards_cannot_verify(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *path = path_of("foreign.pem");
    OTA_CLEAN_FREE char *missing = path_of("missing.pem");
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    write_foreign(path, EVP_EC_gen("P-384"), NULL);
    assert_ota(ota_key_load(&key, path, &err), OTA_KEY);
    assert_non_null(strstr(err.msg, "P-256"));
    write_foreign(path, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
    assert_ota(ota_key_load(&key, path, &err), OTA_KEY);
    write_foreign(path, EVP_EC_gen("P-256"), "secret");
    assert_ota(ota_key_load(&key, path, &err), OTA_PERMISSION); /* and does not wait for a passphrase */
    assert_ota_ok(ota_fs_write(path, "garbage", 7, 0600, &err));
    assert_ota(ota_key_load(&key, path, &err), OTA_KEY);
    assert_ota(ota_key_load(&key, missing, &err), OTA_NOT_FOUND);
    assert_ota(ota_key_load(&key, dir, &err), OTA_IO);
    assert_ota(ota_key_load(&key, "pkcs11:token=release", &err), OTA_ARGUMENT);
}

static void test_key_load_refuses_a_key_that_others_may_open(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *path = path_of("open.pem");
    OTA_CLEAN_FREE char *remedy = ota_sprintf("chmod 600 %s", path);
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL, *loaded = NULL;
    static const mode_t shared[] = {0640, 0604, 0620, 0610, 0644};
    assert_ota_ok(ota_key_generate(&key, &err));
    assert_ota_ok(ota_key_save(key, path, &err));
    for (size_t i = 0; i < OTA_ARRAY_LEN(shared); i++) {
        assert_int_equal(chmod(path, shared[i]), 0);
        assert_ota(ota_key_load(&loaded, path, &err), OTA_PERMISSION);
        assert_non_null(strstr(err.msg, remedy));
    }
    assert_int_equal(chmod(path, 0400), 0);
    assert_ota_ok(ota_key_load(&loaded, path, &err));
}

static void test_key_load_refuses_the_key_of_another_user(void **state) {
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give a file away */
    OTA_CLEAN_FREE char *path = path_of("given.pem");
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL, *loaded = NULL;
    assert_ota_ok(ota_key_generate(&key, &err));
    assert_ota_ok(ota_key_save(key, path, &err));
    assert_int_equal(chown(path, 4242, (gid_t)-1), 0);
    assert_ota(ota_key_load(&loaded, path, &err), OTA_PERMISSION);
    assert_non_null(strstr(err.msg, "user 4242"));
}

static char *passphrase_file(const char *name, const char *text) {
    char *path = path_of(name);
    assert_ota_ok(ota_fs_write(path, text, strlen(text), 0600, &err));
    return path;
}

static void test_key_encrypted_opens_with_its_passphrase_only(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *path = path_of("sealed.pem");
    OTA_CLEAN_FREE char *right = passphrase_file("right", "four words of mine\n");
    OTA_CLEAN_FREE char *wrong = passphrase_file("wrong", "five words of yours\n");
    OTA_CLEAN(ota_key_free) struct ota_key *made = NULL, *loaded = NULL, *none = NULL;
    OTA_CLEAN(ota_secret_free) struct ota_buf passphrase = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf pem = {0};
    const struct ota_passphrase with = {.file = right}, without = {.file = wrong};
    assert_ota_ok(ota_passphrase_read_file(right, &passphrase, &err));
    assert_ota_ok(ota_key_generate(&made, &err));
    assert_ota_ok(ota_key_save_encrypted(made, path, &passphrase, &err));
    assert_ota(ota_key_save_encrypted(made, path, &passphrase, &err), OTA_EXISTS);
    assert_ota_ok(ota_key_load_with(&loaded, path, &with, &err));
    assert_string_equal(ota_key_public(made)->keyid, ota_key_public(loaded)->keyid);
    assert_ota(ota_key_load_with(&none, path, &without, &err), OTA_KEY);
    assert_non_null(strstr(err.msg, "passphrase does not open it"));
    assert_ota(ota_key_load(&none, path, &err), OTA_PERMISSION);
    assert_non_null(strstr(err.msg, "--passphrase-file"));
    assert_ota_ok(ota_fs_read_secret(path, 4096, &pem, &err)); /* closed to others like a plain one */
    assert_non_null(strstr(ota_buf_text(&pem), "ENCRYPTED"));
}

static void test_key_encrypted_uses_scrypt(void **state) {
    (void)state;
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    OTA_CLEAN(ota_buf_free) struct ota_buf passphrase = {0}, pem = {0};
    ota_buf_str(&passphrase, "four words of mine");
    assert_ota_ok(ota_key_generate(&key, &err));
    assert_ota_ok(ota_key_write_pem(key, &passphrase, &pem, &err));
    uint8_t der[1024];
    size_t n;
    const char *body = strchr(ota_buf_text(&pem), '\n');
    const struct ota_span text = {(const uint8_t *)body, (size_t)(strstr(body, "-----END") - body)};
    assert_true(ota_base64_decode(text, der, sizeof der, &n));
    static const uint8_t scrypt[] = {0x2B, 0x06, 0x01, 0x04, 0x01, 0xDA, 0x47, 0x04, 0x0B};
    static const uint8_t cost[] = {0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x08, 0x02, 0x01, 0x05}; /* N r p */
    assert_non_null(memmem(der, n, scrypt, sizeof scrypt));
    assert_non_null(memmem(der, n, cost, sizeof cost));
}

static void test_key_uri_file_is_read_and_checked(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *path = path_of("thermo.uri");
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    assert_ota_ok(ota_fs_write(path, "no uri\n", 7, 0600, &err));
    assert_ota(ota_key_load(&key, path, &err), OTA_KEY);
    static const char secret[] = "pkcs11:token=t;object=o?pin-value=4711\n";
    assert_ota_ok(ota_fs_write(path, secret, strlen(secret), 0600, &err));
    assert_ota(ota_key_load(&key, path, &err), OTA_ARGUMENT);
    assert_non_null(strstr(err.msg, path));
    assert_null(strstr(err.msg, "4711"));
    static const char missing[] = "pkcs11:token=t;object=o?module-path=/nowhere/module.so\n";
    assert_ota_ok(ota_fs_write(path, missing, strlen(missing), 0600, &err));
    assert_ota(ota_key_load(&key, path, &err), OTA_NOT_FOUND);
    assert_non_null(strstr(err.msg, "OTA_PKCS11_MODULE"));
    assert_int_equal(chmod(path, 0644), 0);
    assert_ota(ota_key_load(&key, path, &err), OTA_PERMISSION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_survives_its_file),
        cmocka_unit_test(test_key_is_never_overwritten),
        cmocka_unit_test(test_key_id_is_the_digest_of_the_canonical_object),
        cmocka_unit_test(test_key_signature_is_one_the_core_accepts),
        cmocka_unit_test(test_key_load_refuses_what_boards_cannot_verify),
        cmocka_unit_test(test_key_load_refuses_a_key_that_others_may_open),
        cmocka_unit_test(test_key_load_refuses_the_key_of_another_user),
        cmocka_unit_test(test_key_encrypted_opens_with_its_passphrase_only),
        cmocka_unit_test(test_key_encrypted_uses_scrypt),
        cmocka_unit_test(test_key_uri_file_is_read_and_checked),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
