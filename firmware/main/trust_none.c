/* SPDX-License-Identifier: Apache-2.0 */
/* A program for any fleet: what a board trusts and where it asks stands in its ota_id alone. */
#include <stddef.h>

#include "app.h"

const struct ota_esp_trust *app_trust(void) {
    return NULL;
}
