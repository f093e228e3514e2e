/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot: every entry has a role's name and a version. */
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ota_meta_entry entry[OTA_SNAPSHOT_ENTRIES_MAX];
    struct fuzz_role role;
    struct ota_err err;
    size_t count;
    if (fuzz_role_open(&role, data, size, "snapshot") &&
        ota_meta_entries(&role.meta, entry, OTA_ARRAY_LEN(entry), &count, &err) == OTA_OK) {
        fuzz_promise(count <= OTA_ARRAY_LEN(entry));
        for (size_t i = 0; i < count; i++)
            fuzz_promise(entry[i].version >= 1 && entry[i].name[0] != '\0' &&
                         strlen(entry[i].name) <= OTA_ROLE_NAME_MAX);
    }
    fuzz_role_free(&role);
    return 0;
}
