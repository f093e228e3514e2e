/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole client against a hostile repository. The input is the server: files after lines "=== NAME". Every
 * signature counts as good, so what is left to stop it are the rules. A run never lowers a version unless a root
 * rotated a key, what a run leaves can be booted from, and what was accepted once is accepted again until it expires.
 */
#include <string.h>

#include "board.h"

#define FILES_MAX 16u

struct server {
    struct ota_span name[FILES_MAX], body[FILES_MAX];
    size_t count;
    struct ota_span left;
};

/* Cuts what comes before the first `mark` off *rest. Without one: all of it, *rest is empty. */
static struct ota_span cut(struct ota_span *rest, const char *mark) {
    size_t n = strlen(mark);
    for (size_t i = 0; i + n <= rest->len; i++) {
        if (memcmp(rest->p + i, mark, n) != 0)
            continue;
        struct ota_span head = {rest->p, i};
        *rest = (struct ota_span){rest->p + i + n, rest->len - i - n};
        return head;
    }
    struct ota_span all = *rest;
    rest->len = 0;
    return all;
}

static void load(struct server *s, struct ota_span input) {
    cut(&input, "=== ");
    for (s->count = 0; s->count < FILES_MAX && input.len; s->count++) {
        s->name[s->count] = cut(&input, "\n");
        s->body[s->count] = cut(&input, "\n=== ");
    }
}

static enum ota_status serve_open(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                  struct ota_err *err) {
    struct server *s = ctx;
    (void)err;
    resp->status = 404;
    for (size_t i = 0; i < s->count && resp->status == 404; i++) {
        if (!ota_span_equal_str(s->name[i], req->path))
            continue;
        resp->status = 200;
        s->left = s->body[i];
        /* Every other file comes without a length. */
        resp->length = i % 2 ? OTA_LENGTH_UNKNOWN : s->left.len;
        ota_format(resp->etag, sizeof resp->etag, "\"%zu\"", s->left.len);
    }
    return OTA_OK;
}

static enum ota_status serve_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err) {
    struct server *s = ctx;
    (void)err;
    *got = s->left.len < cap ? s->left.len : cap;
    if (*got)
        memcpy(p, s->left.p, *got);
    s->left = (struct ota_span){s->left.p + *got, s->left.len - *got};
    return OTA_OK;
}

static void serve_close(void *ctx) {
    (void)ctx;
}

static enum ota_status run(struct ota_trust *t, struct ota_err *err) {
    struct ota_metadata role;
    struct ota_target entry;
    struct ota_err kept;
    bool unchanged;
    enum ota_status status = ota_trust_refresh(t, false, &unchanged, err);
    if (status == OTA_OK)
        status = ota_trust_open(t, "img/thermo/1/a", &role, &entry, NULL, err);
    if (status == OTA_OK)
        fuzz_promise(ota_span_equal_str(entry.path, "img/thermo/1/a") && role.expires > t->now);
    enum ota_status ended = ota_trust_finish(t, status == OTA_OK, &kept);
    return status == OTA_OK ? ended : status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ota_trust t;
    struct server s = {.count = 0};
    const struct ota_transport net = {.ctx = &s, .open = serve_open, .read = serve_read, .close = serve_close};
    struct ota_memory_kv *memory = ota_memory_kv_new();
    const struct ota_kv *kv = ota_memory_kv_port(memory);
    struct ota_err err;
    load(&s, (struct ota_span){data, size});
    fuzz_promise(fuzz_board_boot(&t, kv, &net, &err) == OTA_OK);
    enum ota_status first = run(&t, &err);
    const uint64_t root = t.root_version, timestamp = t.ts.version, snapshot = t.snapshot_version, floor = t.ts.floor;
    fuzz_promise(fuzz_board_boot(&t, kv, &net, &err) == OTA_OK);
    fuzz_promise(t.root_version == root);
    fuzz_promise(first != OTA_OK || (t.ts.version == timestamp && t.snapshot_version == snapshot));
    fuzz_promise(first != OTA_OK || t.ts.floor == floor);
    enum ota_status second = run(&t, &err);
    fuzz_promise(first != OTA_OK || second == OTA_OK || second == OTA_EXPIRED);
    fuzz_promise(t.root_version >= root);
    fuzz_promise(first != OTA_OK ||
                 (t.ts.version >= timestamp && t.snapshot_version >= snapshot && t.ts.floor >= floor));
    ota_memory_kv_free(&memory);
    return 0;
}
