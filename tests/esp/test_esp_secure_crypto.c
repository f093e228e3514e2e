/* SPDX-License-Identifier: Apache-2.0 */
/* The secure build takes crypto_mbedtls.c in place of crypto_psa.c, as ESP-IDF 5.5 does. */
#include "test_esp_crypto.c"
