/* SPDX-License-Identifier: Apache-2.0 */
/* The board of trust_world.h. */
#include "trust_world.h"

#include <stdlib.h>

#include "host/crypto.h"
#include "unit.h"

uint64_t trust_clock_now;
bool trust_clock_known;

static bool now(void *ctx, uint64_t *unix_seconds) {
    (void)ctx;
    *unix_seconds = trust_clock_now;
    return trust_clock_known;
}
static uint64_t uptime(void *ctx) {
    (void)ctx;
    return 0;
}
static const struct ota_clock clock_port = {.now = now, .uptime_ms = uptime};

int trust_world_setup(void **state) {
    struct trust_world *w = ota_calloc(1, sizeof *w);
    trust_clock_now = JAN_2;
    trust_clock_known = true;
    repo_init(&w->repo);
    repo_publish(&w->repo);
    repo_kv_init(&w->kv);
    w->buf = ota_calloc(1, OTA_METADATA_MAX);
    struct ota_span root = repo_first_root(&w->repo);
    ota_buf_append(&w->root, root.p, root.len);
    *state = w;
    return 0;
}

int trust_world_teardown(void **state) {
    struct trust_world *w = *state;
    repo_free(&w->repo);
    repo_kv_free(&w->kv);
    ota_buf_free(&w->root);
    free(w->buf);
    free(w);
    return 0;
}

enum ota_status trust_boot(struct trust_world *w, struct ota_err *err) {
    const struct ota_trust_config cfg = {.crypto = &ota_crypto_openssl,
                                         .kv = &w->kv.port,
                                         .transport = &w->repo.transport,
                                         .clock = &clock_port,
                                         .root = ota_buf_span(&w->root),
                                         .product = "thermo",
                                         .buf = w->buf,
                                         .cap = OTA_METADATA_MAX};
    w->repo.requests = 0;
    return ota_trust_init(&w->trust, &cfg, err);
}

enum ota_status trust_open_path(struct trust_world *w, const char *path, struct ota_delegation *by,
                                struct ota_err *err) {
    struct ota_metadata role;
    struct ota_target entry;
    return ota_trust_open(&w->trust, path, &role, &entry, by, err);
}

/* As an agent does it: boot, refresh, open what is wanted, finish. */
enum ota_status trust_run(struct trust_world *w, const char *path, bool if_changed, bool *unchanged,
                          struct ota_err *err) {
    struct ota_err kept;
    OTA_TRY(trust_boot(w, err));
    enum ota_status status = ota_trust_refresh(&w->trust, if_changed, unchanged, err);
    if (status == OTA_OK && !*unchanged && path)
        status = trust_open_path(w, path, NULL, err);
    enum ota_status ended = ota_trust_finish(&w->trust, status == OTA_OK, &kept);
    if (status == OTA_OK && ended != OTA_OK) {
        *err = kept;
        return ended;
    }
    return status;
}

enum ota_status trust_full_run(struct trust_world *w, struct ota_err *err) {
    bool unchanged;
    return trust_run(w, NULL, false, &unchanged, err);
}

void repo_bump(struct repo *r) {
    r->snapshot_version++;
    r->timestamp_version++;
}

void trust_edit_root(struct trust_world *w, const char *from, const char *to) {
    repo_edit_signed(&w->repo, "2.root.json", from, to, w->repo.root);
}
