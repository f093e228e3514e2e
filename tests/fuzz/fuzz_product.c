/* SPDX-License-Identifier: Apache-2.0 */
/* A product role: every release it lists is read; one that is good is written again and reads back the same. */
#include <string.h>

#include "fuzz.h"
#include "ota/release.h"

#define COUNTERS_MAX 32u
#define WRITTEN_MAX 16384u

static const char product[] = "thermo";

/* A role of that one release. Returns its length. */
static size_t write_role(const struct ota_release *r, char *text) {
    struct ota_json j;
    ota_json_init(&j, text, WRITTEN_MAX, false);
    ota_json_object(&j);
    ota_json_key(&j, "signatures");
    ota_json_array(&j);
    ota_json_array_end(&j);
    ota_json_key(&j, "signed");
    ota_json_object(&j);
    ota_json_key(&j, "_type");
    ota_json_str(&j, "targets");
    ota_json_key(&j, "expires");
    ota_json_str(&j, "2030-01-01T00:00:00Z");
    ota_json_key(&j, "spec_version");
    ota_json_str(&j, "1.0.31");
    ota_json_key(&j, "targets");
    ota_json_object(&j);
    ota_release_write(&j, r);
    ota_json_object_end(&j);
    ota_json_key(&j, "version");
    ota_json_u64(&j, 1);
    ota_json_object_end(&j);
    ota_json_object_end(&j);
    fuzz_promise(!j.bad);
    return j.len;
}

static void check_written(const struct ota_release *r) {
    static char first[WRITTEN_MAX], wire[WRITTEN_MAX], second[WRITTEN_MAX];
    struct ota_metadata role;
    struct ota_release again;
    struct ota_err err;
    bool found;
    size_t len = write_role(r, first), canonical_len = len;
    memcpy(wire, first, len);
    fuzz_promise(ota_metadata_parse((uint8_t *)wire, &canonical_len, "targets", &role, &err) == OTA_OK);
    fuzz_promise(ota_release_read(&role, product, r->counter, &again, &found, &err) == OTA_OK && found);
    fuzz_promise(write_role(&again, second) == len && memcmp(first, second, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint32_t counter[COUNTERS_MAX];
    size_t count = 0;
    struct fuzz_role role;
    struct ota_err err;
    if (fuzz_role_open(&role, data, size, "targets")) {
        fuzz_role_targets(&role.meta);
        if (ota_release_counters(&role.meta, product, counter, COUNTERS_MAX, &count, &err) != OTA_OK)
            count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct ota_release r;
        bool found = false;
        fuzz_promise(i == 0 || counter[i - 1] < counter[i]);
        if (ota_release_read(&role.meta, product, counter[i], &r, &found, &err) != OTA_OK)
            continue;
        fuzz_promise(found && r.counter == counter[i] && r.step_count >= 1 && r.step_count <= OTA_STEPS_MAX);
        enum ota_status fit = ota_release_check(&r, &err);
        fuzz_promise(fit == OTA_OK || err.code == fit);
        check_written(&r);
    }
    fuzz_role_free(&role);
    return 0;
}
