/* SPDX-License-Identifier: Apache-2.0 */
/* Targets with delegations: what is found for a target is delegated by a pattern that matches it. */
#include <string.h>

#include "fuzz.h"

#define DELEGATIONS_LOOKED_AT 64u

static void search(const struct ota_metadata *targets, const char *target) {
    struct ota_delegation d;
    struct ota_err err;
    bool found = true;
    for (size_t i = 0; i < DELEGATIONS_LOOKED_AT && found; i++) {
        if (ota_targets_delegation(targets, target, i, &fuzz_crypto, &d, &found, &err) != OTA_OK || !found)
            return;
        fuzz_promise(ota_path_matches(ota_span_str(d.path), ota_span_str(target)));
        fuzz_promise(d.name[0] != '\0' && strlen(d.name) <= OTA_ROLE_NAME_MAX);
        fuzz_promise(strcmp(d.name, "root") != 0 && strcmp(d.name, "targets") != 0);
        fuzz_promise(d.signers.threshold >= 1 && d.signers.count <= OTA_ROLE_KEYS_MAX);
    }
}

static void list(const struct ota_metadata *targets) {
    struct ota_delegation d;
    struct ota_err err;
    bool found = true;
    for (size_t i = 0; i < DELEGATIONS_LOOKED_AT && found; i++)
        if (ota_targets_delegation_at(targets, i, &fuzz_crypto, &d, &found, &err) != OTA_OK)
            return;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const wanted[] = {"img/thermo/1/release.txt", "rollout/thermo/stable", "a", "", "a/b/c"};
    struct fuzz_role role;
    if (fuzz_role_open(&role, data, size, "targets")) {
        fuzz_role_targets(&role.meta);
        list(&role.meta);
        for (size_t i = 0; i < OTA_ARRAY_LEN(wanted); i++)
            search(&role.meta, wanted[i]);
    }
    fuzz_role_free(&role);
    return 0;
}
