/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS identity: what boards check of it. */
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/certificate.h"
#include "host/fs.h"
#include "sign/pki.h"
#include "support/unit.h"

#define NOW 1790000000ull
#define YEAR (365 * 86400ull)

static struct ota_workspace w;
static struct ota_err err;

static int set_up(void **state) {
    (void)state;
    char dir[] = "/tmp/ota-pki-XXXXXX";
    memset(&w, 0, sizeof w);
    w.dir = ota_strdup(mkdtemp(dir));
    (void)snprintf(w.config.url, sizeof w.config.url, "https://ota.example.net:8443");
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    assert_ota_ok(ota_fs_remove_tree(w.dir, &err));
    ota_workspace_close(&w);
    return 0;
}

static void clean_x509(X509 **x) {
    X509_free(*x);
}
static X509 *read_cert(const char *name) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(&w, "keys/%s", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
    (void)fclose(f);
    assert_non_null(x);
    return x;
}

/* Verifies the server's certificate as a TLS client would at `when`. */
static int verify_at(X509 *ca, X509 *server, uint64_t when) {
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_add_cert(store, ca), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, server, NULL), 1);
    X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(p, (time_t)when);
    (void)X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_SSL_SERVER);
    (void)X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT);
    (void)X509_verify_cert(ctx);
    int result = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return result;
}

static void test_pki_server_is_trusted_through_the_ca(void **state) {
    (void)state;
    assert_ota_ok(ota_pki_create(&w, NOW, &err));
    OTA_CLEAN(clean_x509) X509 *ca = read_cert("ca.crt"), *server = read_cert("server.crt");
    assert_int_equal(verify_at(ca, server, NOW), X509_V_OK);
    assert_int_equal(verify_at(ca, server, NOW - YEAR), X509_V_OK); /* a board whose clock is its build time */
    assert_int_equal(verify_at(ca, server, NOW + 9 * YEAR), X509_V_OK);
    assert_int_equal(verify_at(ca, server, NOW + 11 * YEAR), X509_V_ERR_CERT_HAS_EXPIRED);
    assert_int_equal(X509_check_ca(ca), 1);
    assert_int_equal(X509_get_pathlen(ca), 0);
    assert_int_equal(X509_check_ca(server), 0);
    assert_true(ASN1_INTEGER_cmp(X509_get0_serialNumber(ca), X509_get0_serialNumber(server)) != 0);
    struct tm end;
    assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(ca), &end), 1);
    assert_true((uint64_t)timegm(&end) >= NOW + 30 * YEAR);
}

static void test_pki_server_answers_to_every_local_name_and_address(void **state) {
    (void)state;
    char hostname[128];
    assert_ota_ok(ota_pki_create(&w, NOW, &err));
    OTA_CLEAN(clean_x509) X509 *server = read_cert("server.crt");
    assert_int_equal(gethostname(hostname, sizeof hostname), 0);
    OTA_CLEAN_FREE char *local = ota_sprintf("%.*s.local", (int)strcspn(hostname, "."), hostname);
    const char *const names[] = {"localhost", "ota.example.net", hostname, local};
    const char *const addresses[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(names); i++)
        if (X509_check_host(server, names[i], 0, 0, NULL) != 1)
            fail_msg("not valid for %s", names[i]);
    for (size_t i = 0; i < OTA_ARRAY_LEN(addresses); i++)
        if (X509_check_ip_asc(server, addresses[i], 0) != 1)
            fail_msg("not valid for %s", addresses[i]);
    assert_int_equal(X509_check_host(server, "example.net", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(server, "192.0.2.1", 0), 0);
}

static void test_pki_url_may_be_any_host(void **state) {
    (void)state;
    static const struct {
        const char *url, *name, *address;
    } row[] = {
        {"https://192.0.2.7:8443", NULL, "192.0.2.7"},
        {"https://[2001:db8::7]:8443/base", NULL, "2001:db8::7"},
        {"https://user@boards.example.org/ota", "boards.example.org", NULL},
        {"https://bad host,DNS:evil.example", "localhost", NULL},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(row); i++) {
        OTA_CLEAN_FREE char *old = ota_workspace_path(&w, "keys/server.crt");
        assert_ota_ok(ota_fs_remove(old, &err));
        (void)snprintf(w.config.url, sizeof w.config.url, "%s", row[i].url);
        assert_ota_ok(ota_pki_create(&w, NOW, &err));
        OTA_CLEAN(clean_x509) X509 *server = read_cert("server.crt");
        if (row[i].name)
            assert_int_equal(X509_check_host(server, row[i].name, 0, 0, NULL), 1);
        if (row[i].address)
            assert_int_equal(X509_check_ip_asc(server, row[i].address, 0), 1);
        assert_int_equal(X509_check_host(server, "evil.example", 0, 0, NULL), 0);
    }
}

static void test_pki_create_again_leaves_what_is_there(void **state) {
    (void)state;
    static const char *const private[] = {"tls-ca.pem", "tls-server.pem"};
    assert_ota_ok(ota_pki_create(&w, NOW, &err));
    OTA_CLEAN(clean_x509) X509 *ca = read_cert("ca.crt"), *server = read_cert("server.crt");
    assert_ota_ok(ota_pki_create(&w, NOW + 5, &err));
    OTA_CLEAN(clean_x509) X509 *ca_after = read_cert("ca.crt"), *server_after = read_cert("server.crt");
    assert_int_equal(X509_cmp(ca, ca_after), 0);
    assert_int_equal(X509_cmp(server, server_after), 0);
    for (size_t i = 0; i < OTA_ARRAY_LEN(private); i++) {
        OTA_CLEAN_FREE char *path = ota_workspace_path(&w, "keys/%s", private[i]);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void test_pki_refuses_a_ca_of_another_key(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *key = ota_workspace_path(&w, "keys/tls-ca.pem");
    assert_ota_ok(ota_pki_create(&w, NOW, &err));
    assert_ota_ok(ota_fs_remove(key, &err));
    assert_ota(ota_pki_create(&w, NOW, &err), OTA_KEY);
}

static X509 *parse_cert(const struct ota_buf *pem) {
    BIO *text = BIO_new_mem_buf(pem->p, (int)pem->len);
    X509 *x = PEM_read_bio_X509(text, NULL, NULL, NULL);
    BIO_free(text);
    assert_non_null(x);
    return x;
}

/* As a server looks at a client's certificate. */
static int verify_client(X509 *ca, X509 *client, uint64_t when) {
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_add_cert(store, ca), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, client, NULL), 1);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)when);
    assert_int_equal(X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT), 1);
    int result = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return result;
}

static void test_pki_board_has_a_certificate_of_its_own(void **state) {
    (void)state;
    char name[80] = "", id[65];
    memset(id, 'b', 64);
    id[64] = '\0'; /* the longest id there is */
    OTA_CLEAN(ota_pki_issuer_close) struct ota_pki_issuer *issuer = NULL;
    OTA_CLEAN(ota_buf_free) struct ota_buf crt = {0}, key = {0}, crt2 = {0}, key2 = {0};
    assert_ota_ok(ota_pki_create(&w, NOW, &err));
    assert_ota_ok(ota_pki_issuer_open(&issuer, &w, &err));
    assert_ota_ok(ota_pki_issue(issuer, id, NOW, &crt, &key, &err));
    assert_ota_ok(ota_pki_issue(issuer, "b2", NOW, &crt2, &key2, &err));
    OTA_CLEAN(clean_x509) X509 *ca = read_cert("ca.crt");
    OTA_CLEAN(clean_x509) X509 *x = parse_cert(&crt);
    assert_int_equal(X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof name), 64);
    assert_string_equal(name, id);
    assert_int_equal(verify_client(ca, x, NOW + 20 * YEAR), X509_V_OK);
    assert_int_not_equal(verify_at(ca, x, NOW), X509_V_OK); /* it is no server's */
    assert_ota_ok(ota_certificate_check_key(ota_buf_span(&crt), ota_buf_span(&key), "key", &err));
    assert_ota(ota_certificate_check_key(ota_buf_span(&crt), ota_buf_span(&key2), "key", &err), OTA_KEY);
}

static void test_pki_issues_nothing_without_its_ca(void **state) {
    (void)state;
    OTA_CLEAN(ota_pki_issuer_close) struct ota_pki_issuer *issuer = NULL;
    OTA_CLEAN_FREE char *key = ota_workspace_path(&w, "keys/tls-ca.pem");
    assert_ota(ota_pki_issuer_open(&issuer, &w, &err), OTA_NOT_FOUND);
    assert_ota_ok(ota_pki_create(&w, NOW, &err));
    assert_ota_ok(ota_fs_remove(key, &err));
    assert_ota(ota_pki_issuer_open(&issuer, &w, &err), OTA_NOT_FOUND);
    assert_null(issuer);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_pki_server_is_trusted_through_the_ca),
        T(test_pki_server_answers_to_every_local_name_and_address),
        T(test_pki_url_may_be_any_host),
        T(test_pki_create_again_leaves_what_is_there),
        T(test_pki_refuses_a_ca_of_another_key),
        T(test_pki_board_has_a_certificate_of_its_own),
        T(test_pki_issues_nothing_without_its_ca),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
