/* SPDX-License-Identifier: Apache-2.0 */
/* The members of `targets` that make up release 1 of thermo, without the envelope around them. */

#include "fuzz.h"
#include "host/buf.h"
#include "ota/release.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    struct ota_metadata role;
    struct ota_release r;
    struct ota_err err;
    bool found = false;
    ota_buf_str(&file, "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"expires\":\"2030-01-01T00:00:00Z\","
                       "\"spec_version\":\"1.0.31\",\"targets\":{");
    ota_buf_append(&file, data, size);
    ota_buf_str(&file, "},\"version\":1}}");
    if (ota_metadata_parse(file.p, &file.len, "targets", &role, &err) == OTA_OK &&
        ota_release_read(&role, "thermo", 1, &r, &found, &err) == OTA_OK && found) {
        fuzz_promise(r.counter == 1 && r.step_count >= 1 && r.channel_count <= OTA_CHANNELS_MAX);
        for (size_t i = 0; i < r.step_count; i++)
            fuzz_promise(r.step[i].length >= 1 && r.step[i].length <= OTA_IMAGE_LENGTH_MAX &&
                         ota_file_valid(ota_span_str(r.step[i].file)));
        enum ota_status fit = ota_release_check(&r, &err);
        fuzz_promise(fit == OTA_OK || err.code == fit);
    }
    return 0;
}
