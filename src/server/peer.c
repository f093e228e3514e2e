/* SPDX-License-Identifier: Apache-2.0 */
/* Client certificates of boards; see peer.h. */
#include "server/peer.h"

#include <gnutls/x509.h>
#include <string.h>

/* A client decides what its key looks like, and how much it costs to verify one signature by it. */
#define RSA_BITS_MAX 4096u
#define RSA_EXPONENT_MAX 5u  /* bytes: 32 bits and a sign */
#define CHAIN_MAX 4096u      /* bytes; it stays with the connection, and goes into its tickets */
#define HANDSHAKE_MAX 16384u /* of one message; tickets come back in the first */

static bool is_cheap_rsa(gnutls_x509_crt_t crt) {
    gnutls_datum_t modulus = {0}, exponent = {0};
    bool cheap = gnutls_x509_crt_get_pk_rsa_raw(crt, &modulus, &exponent) >= 0 &&
                 modulus.size <= RSA_BITS_MAX / 8u + 1u && exponent.size <= RSA_EXPONENT_MAX;
    gnutls_free(modulus.data);
    gnutls_free(exponent.data);
    return cheap;
}

static bool is_cheap(gnutls_x509_crt_t crt) {
    switch (gnutls_x509_crt_get_pk_algorithm(crt, NULL)) {
    case GNUTLS_PK_ECDSA:
    case GNUTLS_PK_EDDSA_ED25519:
        return true;
    case GNUTLS_PK_RSA:
        return is_cheap_rsa(crt);
    default:
        return false;
    }
}

static bool import(const gnutls_datum_t *der, gnutls_x509_crt_t *out) {
    if (gnutls_x509_crt_init(out) < 0)
        return false;
    if (gnutls_x509_crt_import(*out, der, GNUTLS_X509_FMT_DER) >= 0)
        return true;
    gnutls_x509_crt_deinit(*out);
    return false;
}

/* The chain has been read, and the signature that proves the key is about to be verified. */
static int before_proof(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                        const gnutls_datum_t *message) {
    unsigned count = 0;
    size_t bytes = 0;
    gnutls_x509_crt_t crt;
    (void)type, (void)when, (void)message;
    if (!incoming) /* TLS 1.3: the server's own */
        return GNUTLS_E_SUCCESS;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    for (unsigned i = 0; i < count; i++)
        bytes += chain[i].size;
    if (!chain || bytes > CHAIN_MAX || !import(&chain[0], &crt))
        return GNUTLS_E_CERTIFICATE_ERROR;
    bool cheap = is_cheap(crt);
    gnutls_x509_crt_deinit(crt);
    return cheap ? GNUTLS_E_SUCCESS : GNUTLS_E_CERTIFICATE_ERROR;
}

void ota_peer_ask(gnutls_session_t session) {
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    gnutls_handshake_set_max_packet_length(session, HANDSHAKE_MAX);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY, GNUTLS_HOOK_PRE, before_proof);
}

/* ---- who it is ----------------------------------------------------------------------------------------- */

/* The one common name, which no NUL cuts short. */
static bool read_name(gnutls_x509_crt_t crt, char out[OTA_DEVICE_ID_MAX + 1]) {
    char name[OTA_DEVICE_ID_MAX + 1], second[OTA_DEVICE_ID_MAX + 1];
    size_t n = sizeof name, more = sizeof second;
    if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &n) < 0 || strlen(name) != n ||
        !ota_device_id_valid(ota_span_str(name)) ||
        gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 1, 0, second, &more) !=
            GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return false;
    memcpy(out, name, n + 1);
    return true;
}

static const char *fault_of(unsigned status) {
    if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED))
        return status & GNUTLS_CERT_EXPIRED ? "the client certificate has expired"
                                            : "the client certificate is not valid yet";
    if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
        return "the client certificate is not one for clients";
    if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA | GNUTLS_CERT_SIGNATURE_FAILURE))
        return "the client certificate is not of this server's CA";
    return "the client certificate has a critical extension, or an algorithm, that does not count here";
}

static void read_leaf(struct ota_tls *tls, gnutls_x509_crt_t crt, struct ota_peer *out) {
    unsigned status = ota_tls_judge(tls, crt);
    size_t n = sizeof out->key;
    char id[OTA_DEVICE_ID_MAX + 1];
    if (status)
        out->fault = fault_of(status);
    else if (!read_name(crt, id))
        out->fault = "the client certificate's common name cannot be the id of a board";
    else if (gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, out->key, &n) < 0 || n != sizeof out->key)
        out->fault = "the client certificate's key cannot be read";
    else
        memcpy(out->id, id, sizeof out->id);
}

void ota_peer_read(struct ota_tls *tls, const struct ota_exchange *x, struct ota_peer *out) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned count = 0;
    gnutls_x509_crt_t crt;
    memset(out, 0, sizeof *out);
    const gnutls_datum_t *chain = info ? gnutls_certificate_get_peers(info->tls_session, &count) : NULL;
    if (!chain || !count)
        return;
    out->fault = "the client certificate cannot be read";
    if (!import(&chain[0], &crt))
        return;
    out->fault = NULL;
    read_leaf(tls, crt, out);
    gnutls_x509_crt_deinit(crt);
}
