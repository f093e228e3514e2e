/* SPDX-License-Identifier: Apache-2.0 */
/* A root: header, keys and roles. A role's signers are at most as many as fit, and keep themselves. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_role root;
    if (fuzz_role_open(&root, data, size, "root")) {
        for (int role = 0; role < OTA_ROLE_COUNT; role++) {
            struct ota_signers signers;
            struct ota_err err;
            if (ota_root_signers(&root.meta, (enum ota_role)role, &fuzz_crypto, &signers, &err) != OTA_OK)
                continue;
            fuzz_promise(signers.threshold >= 1 && signers.count <= OTA_ROLE_KEYS_MAX);
            fuzz_promise(ota_signers_keep(&signers, &signers));
            if (ota_metadata_verify(&root.meta, &signers, &fuzz_crypto, &err) == OTA_OK)
                fuzz_promise(signers.threshold <= signers.count);
        }
    }
    fuzz_role_free(&root);
    return 0;
}
