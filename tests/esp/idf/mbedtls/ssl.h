/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_MBEDTLS_SSL_H
#define OTA_TESTS_MBEDTLS_SSL_H

#define MBEDTLS_SSL_VERIFY_NONE 0
#define MBEDTLS_SSL_VERIFY_REQUIRED 2

/* What esp-tls gives to crt_bundle_attach. */
typedef struct {
    int authmode, bundle;
} mbedtls_ssl_config;
void mbedtls_ssl_conf_authmode(mbedtls_ssl_config *conf, int authmode);

#endif
