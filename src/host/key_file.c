/* SPDX-License-Identifier: Apache-2.0 */
/* Which file of keys/ is whose; see key_file.h. */
#include "host/key_file.h"

#include <string.h>

#define SUFFIX_MAX 32u
#define TLS_KEYS "tls-"

bool ota_key_file_suffix_valid(struct ota_span suffix) {
    bool valid = suffix.len > 0 && suffix.len <= SUFFIX_MAX;
    for (size_t i = 0; valid && i < suffix.len; i++)
        valid = (suffix.p[i] >= 'a' && suffix.p[i] <= 'z') || (suffix.p[i] >= '0' && suffix.p[i] <= '9') ||
                suffix.p[i] == '-';
    return valid;
}

bool ota_key_file_role(const char *file, char role[OTA_ROLE_NAME_MAX + 1]) {
    static const size_t ending = sizeof ".pem" - 1;
    size_t n = strlen(file), dot = strcspn(file, ".");
    if (n <= ending || (strcmp(file + n - ending, ".pem") != 0 && strcmp(file + n - ending, ".uri") != 0))
        return false;
    struct ota_span name = {(const uint8_t *)file, dot}, rest = {(const uint8_t *)file + dot, n - dot - ending};
    if (rest.len && !ota_key_file_suffix_valid((struct ota_span){rest.p + 1, rest.len - 1}))
        return false;
    return ota_name_valid(name) && strncmp(file, TLS_KEYS, sizeof TLS_KEYS - 1) != 0 &&
           ota_span_copy(name, role, OTA_ROLE_NAME_MAX + 1);
}
