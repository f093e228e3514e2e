/* SPDX-License-Identifier: Apache-2.0 */
/* The same where NVS is encrypted. */
#include "test_esp_identity.c"
