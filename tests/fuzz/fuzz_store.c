/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a board finds in its trust store. The first byte chooses the key that holds the input, with its last four bytes
 * made a right CRC-32 or not. A board always boots: what is damaged counts as lost. (But for a root that was signed and
 * is no good all the same: no board stores one, but here every signature is good.)
 */
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "host/buf.h"

static const char *const keys[] = {"root", "snapshot", "ts", "roles", "rotated"};

/* Boots twice with a run's end between, as a board that lost power after it. */
static void boot(const struct ota_kv *kv, bool own_root) {
    static struct ota_trust t;
    struct ota_err err;
    if (fuzz_board_boot(&t, kv, NULL, &err) != OTA_OK) {
        fuzz_promise(own_root);
        return;
    }
    fuzz_promise(t.root_version >= 1 && t.snapshot_count <= OTA_SNAPSHOT_ENTRIES_MAX);
    uint64_t root = t.root_version, floor = t.ts.floor;
    fuzz_promise(ota_trust_finish(&t, false, &err) == OTA_OK);
    fuzz_promise(fuzz_board_boot(&t, kv, NULL, &err) == OTA_OK);
    fuzz_promise(t.root_version == root && t.ts.floor == floor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ota_err err;
    if (size < 6)
        return 0;
    const char *key = keys[data[0] / 2 % OTA_ARRAY_LEN(keys)];
    size_t len = size - 1;
    uint8_t *value = fuzz_copy(data + 1, len);
    struct ota_writer end = {.p = value, .cap = len, .len = len - 4};
    if (data[0] % 2)
        ota_write_u32(&end, ota_crc32(0, value, len - 4));
    struct ota_memory_kv *memory = ota_memory_kv_new();
    const struct ota_kv *kv = ota_memory_kv_port(memory);
    fuzz_promise(kv->set(kv->ctx, key, value, len, &err) == OTA_OK);
    boot(kv, strcmp(key, "root") == 0);
    ota_memory_kv_free(&memory);
    free(value);
    return 0;
}
