/* SPDX-License-Identifier: Apache-2.0 */
/* A rollout role as boards read it and as tools list it. */
#include <string.h>

#include "fuzz.h"
#include "host/rollout.h"

static void check_channel(const struct ota_channel *c) {
    struct ota_err err;
    bool in;
    fuzz_promise(c->counter >= 1 && c->permille <= 1000 && c->path_count <= OTA_PATH_STONES_MAX);
    fuzz_promise(ota_channel_includes(c, &fuzz_crypto, "kitchen", &in, &err) == OTA_OK);
    fuzz_promise(c->permille < 1000 || in);
    fuzz_promise(c->permille > 0 || !in);
}

static void read_as_board(const struct ota_metadata *role) {
    struct ota_scan it;
    struct ota_target entry;
    struct ota_channel channel;
    struct ota_err err;
    bool more;
    if (ota_targets_begin(role, &it, &err) != OTA_OK)
        return;
    while (ota_targets_next(&it, &entry, &more, &err) == OTA_OK && more)
        if (ota_channel_read(&entry, "thermo", &channel, &err) == OTA_OK)
            check_channel(&channel);
}

static void list(const struct ota_metadata *role) {
    static struct ota_rollout rollout;
    struct ota_err err;
    if (ota_rollout_read(role, &rollout, &err) != OTA_OK)
        return;
    for (size_t i = 0; i < rollout.count; i++) {
        const struct ota_rollout_channel *c = &rollout.entry[i];
        fuzz_promise(ota_name_valid(ota_span_str(c->product)) && ota_name_valid(ota_span_str(c->name)));
        fuzz_promise(ota_rollout_find(&rollout, c->product, c->name) == c);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_role role;
    if (fuzz_role_open(&role, data, size, "targets")) {
        fuzz_role_targets(&role.meta);
        read_as_board(&role.meta);
        list(&role.meta);
    }
    fuzz_role_free(&role);
    return 0;
}
