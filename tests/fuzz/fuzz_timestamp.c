/* SPDX-License-Identifier: Apache-2.0 */
/* A timestamp: its one entry, and `issued`, which formats back to the same text. */
#include "fuzz.h"

static void check_time(uint64_t seconds) {
    char text[OTA_TIME_TEXT_MAX];
    uint64_t again;
    ota_time_format(seconds, text);
    fuzz_promise(ota_time_parse(ota_span_str(text), &again) && again == seconds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_role role;
    struct ota_err err;
    if (fuzz_role_open(&role, data, size, "timestamp")) {
        struct ota_meta_entry entry;
        uint64_t issued;
        size_t count;
        bool found;
        check_time(role.meta.expires);
        if (ota_meta_entries(&role.meta, &entry, 1, &count, &err) == OTA_OK)
            fuzz_promise(count == 0 || (count == 1 && entry.version >= 1));
        if (ota_timestamp_issued(&role.meta, &issued, &found, &err) == OTA_OK && found)
            check_time(issued);
    }
    fuzz_role_free(&role);
    return 0;
}
