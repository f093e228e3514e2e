/* SPDX-License-Identifier: Apache-2.0 */
/* What `otactl firmware configure` wrote into trust/, in this program. ota_id comes before it, value by value. */
#include "trust/trust.h"

#include <stddef.h>

#include "app.h"

/* trust/root.json as it is, trust/ca.pem with a NUL: both linked in by CMakeLists.txt. */
extern const uint8_t root_begin[] __asm__("_binary_root_json_start");
extern const uint8_t root_end[] __asm__("_binary_root_json_end");
extern const uint8_t ca_begin[] __asm__("_binary_ca_pem_start");
extern const uint8_t ca_end[] __asm__("_binary_ca_pem_end");

const struct ota_esp_trust *app_trust(void) {
    static struct ota_esp_trust trust = {
        .product = OTA_TRUST_PRODUCT,
        .channel = OTA_TRUST_CHANNEL,
        .url_metadata = OTA_TRUST_URL_METADATA,
        .url_targets = OTA_TRUST_URL_TARGETS,
        .url_api = OTA_TRUST_URL_API,
    };
    trust.root = (struct ota_span){root_begin, (size_t)(root_end - root_begin)};
    if (OTA_TRUST_HAS_CA)
        trust.ca_pem = (struct ota_span){ca_begin, (size_t)(ca_end - ca_begin)};
    return &trust;
}
