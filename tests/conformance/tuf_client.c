/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core's TUF client under the command line of theupdateframework/tuf-conformance (CLIENT-CLI.md). All decisions
 * are the core's; this program moves bytes.
 */
#include <stdio.h>
#include <string.h>

#include "host/args.h"
#include "host/clock.h"
#include "host/fs.h"
#include "host/log.h"
#include "host/transport.h"
#include "shelf.h"
#include "verifier.h"

#define TARGET_MAX (64u * 1024u * 1024u)

struct client {
    struct verifier verifier;
    struct ota_curl *curl;
    struct shelf shelf;
    struct ota_buf root;
    struct ota_timestamp_record before;
    struct ota_trust trust;
    uint8_t buf[OTA_METADATA_MAX];
};

static void client_free(struct client *c) {
    shelf_free(&c->shelf);
    ota_curl_free(&c->curl);
    ota_buf_free(&c->root);
}

static enum ota_status need(const struct ota_args *args, const char *option, const char **out, struct ota_err *err) {
    *out = ota_args_get(args, option);
    return *out ? OTA_OK : ota_err_set(err, OTA_USAGE, "--%s is missing", option);
}

static enum ota_status set_up(struct client *c, const struct ota_args *args, struct ota_err *err) {
    const char *dir, *url;
    OTA_TRY(need(args, "metadata-dir", &dir, err));
    OTA_TRY(need(args, "metadata-url", &url, err));
    const struct ota_curl_config net = {.url_metadata = url, .url_targets = ota_args_get(args, "target-base-url")};
    OTA_CLEAN_FREE char *root = ota_sprintf("%s/root.json", dir);
    c->verifier = verifier_of_platform();
    OTA_TRY(ota_fs_read(root, OTA_CAP_ROOT, &c->root, err));
    OTA_TRY(ota_curl_new(&net, &c->curl, err));
    shelf_init(&c->shelf, dir, ota_curl_transport(c->curl));
    const struct ota_trust_config cfg = {
        .crypto = &c->verifier.crypto,
        .kv = &c->shelf.kv,
        .transport = &c->shelf.transport,
        .clock = &ota_clock_system,
        .log = &ota_log_stderr,
        .root = ota_buf_span(&c->root),
        .buf = c->buf,
        .cap = sizeof c->buf,
    };
    OTA_TRY(ota_trust_init(&c->trust, &cfg, err));
    c->before = c->trust.ts;
    return OTA_OK;
}

/* ---- targets --------------------------------------------------------------------------------------------- */

struct wanted {
    const struct verifier_digest *digest;
    struct ota_span hex;
    uint64_t length;
};

/* The first digest of the platform's that the entry has. */
static enum ota_status choose_digest(const struct client *c, const struct ota_target *entry, struct wanted *w,
                                     struct ota_err *err) {
    w->length = entry->length;
    for (w->digest = c->verifier.digest; w->digest->name; w->digest++) {
        struct ota_value v;
        bool found = false;
        if (entry->hashes.raw.p)
            OTA_TRY(ota_scan_find(&entry->hashes, w->digest->name, &v, &found, err));
        if (found)
            return ota_scan_text(&v, w->digest->name, &w->hex, err);
    }
    return ota_err_set(err, OTA_UNSUPPORTED, "no hash of a kind this platform has");
}

static enum ota_status matches(const struct wanted *w, struct ota_span bytes, bool *good, struct ota_err *err) {
    uint8_t digest[VERIFIER_DIGEST_MAX];
    char hex[2 * VERIFIER_DIGEST_MAX + 1];
    OTA_TRY(w->digest->make(bytes, digest, err));
    ota_hex_encode(digest, w->digest->len, hex);
    *good = bytes.len == w->length && ota_span_equal_str(w->hex, hex);
    return OTA_OK;
}

static enum ota_status read_body(const struct ota_transport *net, uint64_t length, struct ota_buf *out,
                                 struct ota_err *err) {
    uint8_t chunk[4096];
    for (size_t got;;) {
        OTA_TRY(net->read(net->ctx, chunk, sizeof chunk, &got, err));
        if (got == 0)
            return OTA_OK;
        if (out->len + got > length)
            return ota_err_set(err, OTA_LENGTH, "longer than the %llu bytes signed", (unsigned long long)length);
        ota_buf_append(out, chunk, got);
    }
}

static void put_encoded(struct ota_buf *out, const char *path, const char *plain) {
    for (const char *p = path; *p; p++) {
        const char c = *p;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(plain, c))
            ota_buf_printf(out, "%c", c);
        else
            ota_buf_printf(out, "%%%02X", (unsigned char)c);
    }
}

/* Consistent snapshots: the hash stands before the file's name. */
static enum ota_status fetch(struct client *c, const char *target, const struct wanted *w, struct ota_buf *out,
                             struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf path = {0};
    const struct ota_transport *net = ota_curl_transport(c->curl);
    const char *file = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
    OTA_CLEAN_FREE char *served =
        ota_sprintf("%.*s%.*s.%s", (int)(file - target), target, (int)w->hex.len, (const char *)w->hex.p, file);
    struct ota_response resp;
    put_encoded(&path, served, "-._~/");
    const struct ota_request req = {.address = OTA_ADDRESS_TARGETS, .path = ota_buf_text(&path)};
    OTA_TRY(net->open(net->ctx, &req, &resp, err));
    enum ota_status status = resp.status == 200
                                 ? read_body(net, w->length, out, err)
                                 : ota_err_set(err, OTA_HTTP, "%s: the server answered %d", served, resp.status);
    net->close(net->ctx);
    return status;
}

static enum ota_status download(struct client *c, const char *target, const char *dir, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0}, name = {0};
    struct ota_metadata role;
    struct ota_target entry;
    struct wanted w;
    struct ota_err absent;
    bool good = false;
    OTA_TRY(ota_trust_open(&c->trust, target, &role, &entry, NULL, err));
    OTA_TRY(choose_digest(c, &entry, &w, err));
    put_encoded(&name, target, "-_~");
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, ota_buf_text(&name));
    if (ota_fs_read(path, TARGET_MAX, &bytes, &absent) == OTA_OK)
        OTA_TRY(matches(&w, ota_buf_span(&bytes), &good, err));
    if (good)
        return OTA_OK;
    bytes.len = 0;
    OTA_TRY(fetch(c, target, &w, &bytes, err));
    OTA_TRY(matches(&w, ota_buf_span(&bytes), &good, err));
    if (!good)
        return ota_err_set(err, OTA_HASH, "%s: not the file that was signed", target);
    return ota_fs_write(path, bytes.p, bytes.len, 0644, err);
}

/* ---- commands -------------------------------------------------------------------------------------------- */

static enum ota_status run_init(const struct ota_args *args, struct ota_err *err) {
    const char *dir;
    OTA_TRY(need(args, "metadata-dir", &dir, err));
    OTA_CLEAN_FREE char *kv = ota_sprintf("%s/.state/kv", dir);
    OTA_CLEAN_FREE char *as = ota_sprintf("%s/.state/as", dir);
    OTA_CLEAN_FREE char *root = ota_sprintf("%s/root.json", dir);
    OTA_TRY(ota_fs_mkdirs(kv, 0755, err));
    OTA_TRY(ota_fs_mkdirs(as, 0755, err));
    return ota_fs_copy(ota_args_operand(args, 0), root, 0644, err);
}

static enum ota_status update(struct client *c, const struct ota_args *args, struct ota_err *err) {
    struct ota_metadata role;
    const char *dir;
    bool unchanged;
    OTA_TRY(ota_trust_refresh(&c->trust, false, &unchanged, err));
    OTA_TRY(ota_trust_targets(&c->trust, &role, err));
    for (size_t i = 0; i < ota_args_count(args, "target-name"); i++) {
        OTA_TRY(need(args, "target-dir", &dir, err));
        OTA_TRY(download(c, ota_args_at(args, "target-name", i), dir, err));
    }
    return OTA_OK;
}

/* What was verified before a failure stays trusted. */
static enum ota_status run_update(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(client_free) struct client c = {0};
    struct ota_err unkept;
    OTA_TRY(set_up(&c, args, err));
    enum ota_status status = update(&c, args, err);
    enum ota_status kept = ota_trust_finish(&c.trust, status == OTA_OK, &unkept);
    if (kept == OTA_OK)
        kept = shelf_keep(&c.shelf, &c.trust, &c.before, &unkept);
    if (status == OTA_OK && kept != OTA_OK)
        *err = unkept;
    return status == OTA_OK ? kept : status;
}

static const struct ota_option options[] = {
    {"metadata-dir", 0, "DIR", "where trusted metadata is kept", false},
    {"metadata-url", 0, "URL", "the repository's metadata", false},
    {"target-base-url", 0, "URL", "the repository's targets", false},
    {"target-dir", 0, "DIR", "where targets are put", false},
    {"target-name", 0, "PATH", "a target to download; may be repeated", true},
    {0},
};
static const struct ota_verb verbs[] = {
    {"init", "ROOT", 1, 1, "trust this root", NULL, NULL, run_init},
    {"refresh", "", 0, 0, "bring the top-level metadata up to date", NULL, NULL, run_update},
    {"download", "", 0, 0, "refresh, then get targets", NULL, NULL, run_update},
    {0},
};

int main(int argc, char **argv) {
    static const struct ota_program program = {.name = "tuf-client",
                                               .summary = "the TUF client of boards, for the public conformance suite",
                                               .options = options,
                                               .verbs = verbs,
                                               .man_section = "1",
                                               .epilogue = ""};
    ota_log_setup("tuf-client", OTA_LOG_TEXT, OTA_LOG_INFO, false);
    return ota_args_main(&program, argc, argv);
}
