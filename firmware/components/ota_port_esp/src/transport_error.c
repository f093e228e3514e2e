/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only a certificate that does not hold says something about the server's name; a handshake that broke, or for which
 * there was no memory, does not: the board must not come to trust a server without proof because its heap was full.
 *
 * mbedTLS codes by number: half of those named here left its headers with 4.0.
 */
#include "transport.h"

#include "esp_heap_caps.h"
#include "esp_system.h"
#include "esp_tls_errors.h"

#define X509_FIRST 0x2080 /* of the codes about a certificate: high part, the low seven bits are ASN.1's and the like */
#define X509_LAST 0x2980
#define X509_ALLOC 0x2880
#define X509_FATAL 0x3000 /* a verification callback gave up: the bundle has no certificate */
#define SSL_TIMEOUT 0x6800

#define BLOCK_MIN 16384u /* free when the connection's memory is back: the check of a certificate had less */
#define EVER_MIN 4096u   /* free at the worst since the boot, which may have been just now */

struct ota_esp_tls_error ota_esp_tls_error(esp_http_client_handle_t client) {
    struct ota_esp_tls_error e = {0};
    e.last = esp_http_client_get_and_clear_last_tls_error(client, &e.code, &e.flags);
    return e;
}

static bool is_certificate(int code) {
    const int high = code & 0xFF80;
    return high == X509_FATAL || (high >= X509_FIRST && high <= X509_LAST && high != X509_ALLOC);
}

/* ALLOC_FAILED of SSL, X.509, PK, ECP, MD, cipher, MPI; PSA_ERROR_INSUFFICIENT_MEMORY, which is all of them from 4.0 on. */
static bool is_memory(int code) {
    static const int codes[] = {0x7F00, X509_ALLOC, 0x3F80, 0x4D80, 0x5180, 0x6180, 0x0010, 141};
    for (size_t i = 0; i < OTA_ARRAY_LEN(codes); i++)
        if (code == codes[i])
            return true;
    return false;
}

/* mbedTLS calls a certificate untrusted, too, for whose signature it had no memory; nothing in its codes or flags tells. Who
 * is suspected wrongly gets another try at the next poll, or after the next boot. */
static bool was_short_of_memory(void) {
    return heap_caps_get_largest_free_block(MALLOC_CAP_DEFAULT) < BLOCK_MIN ||
           esp_get_minimum_free_heap_size() < EVER_MIN;
}

static enum ota_status handshake_failed(struct ota_esp_tls_error why, struct ota_err *err) {
    if (is_memory(why.code))
        return ota_err_set(err, OTA_MEMORY, "no memory for the TLS handshake");
    const bool certificate = why.flags || is_certificate(why.code);
    if (certificate && was_short_of_memory())
        return ota_err_set(err, OTA_MEMORY,
                           "the server's certificate does not hold (-0x%04x, flags 0x%x), or memory ran out over it",
                           (unsigned)why.code, (unsigned)why.flags);
    if (certificate)
        return ota_err_set(err, OTA_TLS, "the server's certificate does not hold (-0x%04x, flags 0x%x)",
                           (unsigned)why.code, (unsigned)why.flags);
    return ota_err_set(err, why.code == SSL_TIMEOUT ? OTA_TIMEOUT : OTA_NETWORK, "the TLS handshake broke (-0x%04x)",
                       (unsigned)why.code);
}

enum ota_status ota_esp_connect_failed(struct ota_esp_tls_error why, struct ota_err *err) {
    switch (why.last) {
    case ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED:
        return handshake_failed(why, err);
    case ESP_ERR_ESP_TLS_CANNOT_RESOLVE_HOSTNAME:
        return ota_err_set(err, OTA_NETWORK, "its name is not found");
    case ESP_ERR_ESP_TLS_CONNECTION_TIMEOUT:
        return ota_err_set(err, OTA_TIMEOUT, "it does not answer");
    case ESP_ERR_NO_MEM:
    case ESP_ERR_MBEDTLS_SSL_SETUP_FAILED: /* TLS's buffers */
        return ota_err_set(err, OTA_MEMORY, "no memory for a connection");
    case ESP_ERR_MBEDTLS_X509_CRT_PARSE_FAILED:
    case ESP_ERR_MBEDTLS_PK_PARSE_KEY_FAILED:
    case ESP_ERR_MBEDTLS_SSL_CONF_OWN_CERT_FAILED:
    case ESP_ERR_INVALID_ARG:
    case ESP_ERR_INVALID_STATE:
        if (is_memory(why.code))
            return ota_err_set(err, OTA_MEMORY, "no memory for a certificate or key");
        return ota_err_set(
            err, OTA_CONFIG,
            "the CA, the client certificate or its key cannot be used (0x%x, -0x%04x): provision ca, crt "
            "and key in ota_id as PEM",
            (unsigned)why.last, (unsigned)why.code);
    default:
        return ota_err_set(err, OTA_NETWORK, "no connection (0x%x)", (unsigned)why.last);
    }
}

enum ota_status ota_esp_connection_broke(struct ota_esp_tls_error why, bool in_body, struct ota_err *err) {
    switch (why.last) {
    case ESP_ERR_ESP_TLS_TCP_CLOSED_FIN:
        return ota_err_set(err, in_body ? OTA_TRUNCATED : OTA_NETWORK,
                           in_body ? "the answer ended before it was complete"
                                   : "closed the connection without an answer");
    case ESP_ERR_ESP_TLS_CONNECTION_TIMEOUT:
        return ota_err_set(err, OTA_TIMEOUT, "nothing arrived");
    case ESP_ERR_NO_MEM:
        return ota_err_set(err, OTA_MEMORY, "no memory for the answer");
    default:
        return ota_err_set(err, OTA_NETWORK, "the connection broke (0x%x, -0x%04x)", (unsigned)why.last,
                           (unsigned)why.code);
    }
}
