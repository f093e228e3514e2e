/* SPDX-License-Identifier: Apache-2.0 */
/* The check that request bodies, reports and build files pass before cJSON reads them. */
#include <stdlib.h>

#include "fuzz.h"
#include "host/json_tree.h"

#define TEXT_MAX 16384u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    OTA_CLEAN(ota_json_tree_free) cJSON *tree = NULL;
    struct ota_err err;
    uint8_t *copy = fuzz_copy(data, size);
    struct ota_span text = {copy, size};
    bool good = ota_json_tree_parse(text, "report", TEXT_MAX, &tree, &err) == OTA_OK;
    fuzz_promise(good == (tree != NULL));
    fuzz_promise(!good || (size <= TEXT_MAX && ota_utf8_valid(text)));
    free(copy);
    return 0;
}
