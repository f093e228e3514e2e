/* SPDX-License-Identifier: Apache-2.0 */
/* `custom` of a channel. One that is good is written again and reads back the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "ota/release.h"

#define WRITTEN_MAX 4096u

static void check_written(const struct ota_channel *c) {
    static char text[WRITTEN_MAX];
    struct ota_value file, entry;
    struct ota_target target = {.path = ota_span_str("rollout/thermo/stable"), .has_custom = true};
    struct ota_channel again;
    struct ota_json j;
    struct ota_err err;
    ota_json_init(&j, text, sizeof text, false);
    ota_json_object(&j);
    ota_channel_write(&j, "thermo", "stable", c);
    ota_json_object_end(&j);
    fuzz_promise(!j.bad && ota_scan_canonicalize((uint8_t *)text, &j.len, &err) == OTA_OK);
    fuzz_promise(ota_scan_value((struct ota_span){(uint8_t *)text, j.len}, &file, &err) == OTA_OK);
    fuzz_promise(ota_scan_get(&file, "rollout/thermo/stable", &entry, &err) == OTA_OK);
    fuzz_promise(ota_scan_get(&entry, "custom", &target.custom, &err) == OTA_OK);
    fuzz_promise(ota_channel_read(&target, "thermo", &again, &err) == OTA_OK);
    fuzz_promise(memcmp(&again, c, sizeof again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ota_target target = {.path = ota_span_str("rollout/thermo/stable"), .has_custom = true};
    struct ota_channel channel;
    struct ota_err err;
    size_t len = size;
    uint8_t *bytes = fuzz_copy(data, size);
    if (ota_scan_canonicalize(bytes, &len, &err) == OTA_OK &&
        ota_scan_value((struct ota_span){bytes, len}, &target.custom, &err) == OTA_OK &&
        ota_channel_read(&target, "thermo", &channel, &err) == OTA_OK)
        check_written(&channel);
    free(bytes);
    return 0;
}
