/* SPDX-License-Identifier: Apache-2.0 */
/* otactl bundle: one release, and all that a board needs to judge it, in one file; ota-bundle(5). */
#include <stdio.h>
#include <string.h>

#include "ctl/bundle_file.h"
#include "ctl/cmd.h"
#include "ctl/origin.h"
#include "ctl/output_file.h"
#include "ctl/progress.h"
#include "host/crypto.h"
#include "host/fs.h"
#include "host/printable.h"
#include "host/words.h"
#include "store/repo_chain.h"
#include "store/repo_json.h"

#define CHUNK 65536u
#define WARN_SECONDS (60u * 86400u)

struct bundle {
    struct ota_workspace w;
    const char *product, *wanted; /* as given */
    const char *place;            /* the repository: a folder or an address */
    char *own_repo, *output;      /* where the bundle goes */
    struct ota_origin origin;
    struct ota_repo_chain chain;
    const struct ota_release *release;
    struct ota_bundle_file file;
    struct ota_bundle_writer writer;
    uint8_t chunk[CHUNK];
};
static void bundle_delete(struct bundle **bundle) {
    struct bundle *b = *bundle;
    ota_bundle_file_close(&b->file);
    ota_repo_chain_free(&b->chain);
    ota_origin_close(&b->origin);
    ota_workspace_close(&b->w);
    free(b->own_repo);
    free(b->output);
    free(b);
    *bundle = NULL;
}

/* ---- what is asked for ------------------------------------------------------------------------------------- */

/* What is not to be replaced must not be there at all, not even as a link. */
static enum ota_status read_output(const struct ota_args *args, const char *path, char **out, struct ota_err *err) {
    static const char *const inputs[] = {"root", "ca", NULL};
    if (!ota_args_has(args, "force")) {
        *out = ota_strdup(path);
        return OTA_OK;
    }
    OTA_TRY(ota_ctl_output_check(args, inputs, false, err));
    return ota_fs_place(path, out, err);
}

static enum ota_status read_words(const struct ota_args *args, struct bundle *b, struct ota_err *err) {
    const struct ota_product_config *only;
    const char *server = ota_args_get(args, "server");
    const size_t count = ota_args_operands(args);
    const char *named = ota_args_get(args, "product");
    const char *path = ota_args_get(args, "output");
    b->product = count > 1 ? ota_args_operand(args, 0) : named;
    b->wanted = ota_args_operand(args, count - 1);
    if (!path || !path[0])
        return ota_err_set(err, OTA_USAGE, "bundle wants a file to write: otactl bundle RELEASE -o FILE");
    OTA_TRY(ota_ctl_output_check_new(path, err));
    if (count > 1 && named && strcmp(named, b->product) != 0)
        return ota_err_set(err, OTA_USAGE, "product %.40s or --product %.40s? Name one", b->product, named);
    OTA_TRY(read_output(args, path, &b->output, err));
    OTA_TRY(ota_ctl_workspace(args, &b->w, err));
    if (!b->product) {
        OTA_TRY(ota_workspace_product(&b->w, NULL, &only, err));
        b->product = only->name;
    }
    if (!ota_name_valid(ota_span_str(b->product)))
        return ota_err_set(err, OTA_USAGE, "\"%.40s\" is no name of a product", b->product);
    b->own_repo = ota_workspace_path(&b->w, "state/repo");
    b->place = server ? server : b->w.config.server[0] ? b->w.config.server : b->own_repo;
    if (server && !ota_origin_is_url(server))
        return ota_err_set(err, OTA_USAGE, "--server \"%.80s\" is no https:// address", server);
    return OTA_OK;
}

/* The repository must not vouch for itself where there is something else that can. */
static enum ota_status read_root(const struct bundle *b, const struct ota_args *args, struct ota_buf *out,
                                 struct ota_err *err) {
    const char *given = ota_args_get(args, "root");
    OTA_CLEAN_FREE char *pinned = ota_workspace_path(&b->w, "keys/root.json");
    if (given || ota_fs_exists(pinned))
        return ota_fs_read(given ? given : pinned, OTA_CAP_ROOT, out, err);
    if (b->place == b->own_repo)
        return ota_repo_role(&b->w, "root", out, err);
    return ota_err_set(err, OTA_NOT_FOUND,
                       "%s is missing: the root that the server's metadata is judged by. Copy it there from the "
                       "server's workspace, or name it with --root FILE",
                       pinned);
}

static enum ota_status load(const struct ota_args *args, struct bundle *b, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf root = {0};
    OTA_TRY(read_root(b, args, &root, err));
    OTA_TRY(ota_origin_open(&b->origin, b->place, &b->w, ota_args_get(args, "ca"), err));
    enum ota_status st =
        ota_repo_chain_fetch(ota_origin_transport(&b->origin), ota_buf_span(&root), b->product, &b->chain, err);
    return st == OTA_OK || b->place == b->own_repo ? st : ota_err_prefix(err, "%s", b->place);
}

/* ---- which release ----------------------------------------------------------------------------------------- */

static enum ota_status not_listed(const struct bundle *b, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf all = {0};
    const struct ota_repo_chain *c = &b->chain;
    for (size_t i = 0; i < c->release_count; i++)
        ota_buf_printf(&all, "%s%u (%s)", i ? ", " : "", c->release[i].counter, c->release[i].version);
    if (c->release_count == 0)
        return ota_err_set(err, OTA_NOT_FOUND, "product %s lists no release: it was retired, or nothing was pushed yet",
                           b->product);
    return ota_err_set(err, OTA_NOT_FOUND,
                       "product %s lists no release \"%.63s\"; one that was pruned must be pushed again. Listed: %s",
                       b->product, b->wanted, ota_buf_text(&all)); /* the longer half last, where it may be cut */
}

/* A number is a counter, unless no release has it and one is called so. */
static enum ota_status choose(struct bundle *b, struct ota_err *err) {
    const struct ota_repo_chain *c = &b->chain;
    OTA_CLEAN(ota_buf_free) struct ota_buf named = {0};
    size_t count = 0;
    uint32_t counter = 0;
    if (ota_words_number(ota_span_str(b->wanted), OTA_COUNTER_MAX, &counter))
        for (size_t i = 0; i < c->release_count && !b->release; i++)
            b->release = c->release[i].counter == counter ? &c->release[i] : NULL;
    for (size_t i = 0; i < c->release_count && (!b->release || count); i++) {
        if (strcmp(c->release[i].version, b->wanted) != 0)
            continue;
        ota_buf_printf(&named, "%s%u", count++ ? ", " : "", c->release[i].counter);
        b->release = &c->release[i];
    }
    if (count > 1)
        return ota_err_set(err, OTA_ARGUMENT, "%.63s is the version of several releases; name one by its number: %s",
                           b->wanted, ota_buf_text(&named));
    return b->release ? ota_release_check(b->release, err) : not_listed(b, err);
}

static enum ota_status check_expiry(const struct bundle *b, struct ota_err *err) {
    char when[OTA_TIME_TEXT_MAX];
    const uint64_t now = ota_ctl_now();
    ota_time_format(b->chain.expires, when);
    if (b->chain.expires <= now)
        return ota_err_set(err, OTA_EXPIRED,
                           "role %s expired at %s, so that no board would take it; first: otactl "
                           "renew %s",
                           b->chain.bound, when, b->chain.bound);
    if (b->chain.expires - now < WARN_SECONDS)
        ota_print_line(stderr,
                       "note: boards take it until %s only, when role %s expires; to have longer, first: "
                       "otactl renew %s",
                       when, b->chain.bound, b->chain.bound);
    return OTA_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

static enum ota_status put_role(struct bundle *b, const struct ota_role_file *f, struct ota_err *err) {
    char path[OTA_REPO_ROLE_PATH_MAX];
    ota_repo_role_path(f, path);
    return ota_bundle_write_file(&b->writer, path, ota_buf_span(&f->wire), err);
}

/* The order in which a board can check it as it comes. */
static enum ota_status put_roles(struct bundle *b, struct ota_err *err) {
    const struct ota_repo_chain *c = &b->chain;
    const struct ota_role_file *const rest[] = {&c->timestamp, &c->snapshot, &c->targets, &c->rollout, &c->product};
    for (size_t i = 0; i < c->root_count; i++)
        OTA_TRY(put_role(b, &c->root[i], err));
    for (size_t i = 0; i < OTA_ARRAY_LEN(rest); i++)
        OTA_TRY(put_role(b, rest[i], err));
    return OTA_OK;
}

static enum ota_status copy_body(struct bundle *b, const struct ota_step *s, struct ota_sha256 *h,
                                 const struct ota_build_progress *progress, struct ota_err *err) {
    const struct ota_transport *from = ota_origin_transport(&b->origin);
    const struct ota_crypto *c = &ota_crypto_openssl;
    uint64_t total = 0;
    for (size_t got = 1; got; total += got) {
        OTA_TRY(from->read(from->ctx, b->chunk, CHUNK, &got, err));
        OTA_TRY(c->sha256_update(c->ctx, h, b->chunk, got, err));
        OTA_TRY(ota_bundle_write_bytes(&b->writer, b->chunk, got, err));
        progress->bytes(progress->ctx, s->file, total + got, s->length);
    }
    return ota_bundle_write_file_end(&b->writer, err);
}

static enum ota_status copy_checked(struct bundle *b, const struct ota_step *s,
                                    const struct ota_build_progress *progress, struct ota_err *err) {
    const struct ota_crypto *c = &ota_crypto_openssl;
    uint8_t digest[OTA_SHA256_LEN];
    struct ota_sha256 h;
    OTA_TRY(c->sha256_begin(c->ctx, &h, err));
    enum ota_status st = copy_body(b, s, &h, progress, err);
    if (st != OTA_OK) {
        c->sha256_abort(c->ctx, &h);
        return st;
    }
    OTA_TRY(c->sha256_end(c->ctx, &h, digest, err));
    if (memcmp(digest, s->sha256, sizeof digest) != 0)
        return ota_err_set(err, OTA_HASH, "is not what was signed; otactl restore --merge SOURCE brings back what is");
    return OTA_OK;
}

static enum ota_status open_image(const struct ota_transport *from, const char *path, struct ota_err *err) {
    const struct ota_request req = {.address = OTA_ADDRESS_TARGETS, .path = path};
    struct ota_response resp = {0};
    OTA_TRY(from->open(from->ctx, &req, &resp, err));
    if (resp.status == 200)
        return OTA_OK;
    from->close(from->ctx);
    if (resp.status == 404)
        return ota_err_set(err, OTA_NOT_FOUND, "is missing; otactl restore --merge SOURCE brings it back");
    return ota_err_set(err, OTA_HTTP, "the server answered %d", resp.status);
}

static enum ota_status put_image(struct bundle *b, const struct ota_step *s, const struct ota_build_progress *progress,
                                 struct ota_err *err) {
    const struct ota_transport *from = ota_origin_transport(&b->origin);
    const struct ota_release *r = b->release;
    char served[OTA_TARGET_PATH_MAX];
    if (!ota_release_served_path(r->product, r->counter, s->file, s->sha256, served, sizeof served))
        return ota_err_set(err, OTA_METADATA_FIELD, "no path for it");
    OTA_CLEAN_FREE char *path = ota_sprintf("targets/%s", served);
    OTA_TRY(open_image(from, served, err));
    enum ota_status st = ota_bundle_write_file_begin(&b->writer, path, s->length, err);
    if (st == OTA_OK)
        st = copy_checked(b, s, progress, err);
    from->close(from->ctx);
    return st;
}

static enum ota_status put_file(struct bundle *b, const struct ota_step *s, struct ota_err *err) {
    struct ota_progress_bar bar;
    const struct ota_build_progress progress = ota_progress_start(&bar, "writing");
    enum ota_status st = put_image(b, s, &progress, err);
    ota_progress_end(&bar);
    return st == OTA_OK ? OTA_OK : ota_err_prefix(err, "%s of release %u", s->file, b->release->counter);
}

/* The notes stand first: their path says which release the roles are to be asked for. */
static enum ota_status put_notes(struct bundle *b, struct ota_err *err) {
    const struct ota_release *r = b->release;
    struct ota_step notes = {.file = "release.txt", .length = r->notes_length};
    memcpy(notes.sha256, r->notes_sha256, sizeof notes.sha256);
    return put_file(b, &notes, err);
}

static enum ota_status put_images(struct bundle *b, struct ota_err *err) {
    for (size_t i = 0; i < b->release->step_count; i++)
        OTA_TRY(put_file(b, &b->release->step[i], err));
    return OTA_OK;
}

static enum ota_status write_bundle(const struct ota_args *args, struct bundle *b, struct ota_err *err) {
    OTA_TRY(ota_bundle_file_open(&b->file, b->output, ota_args_has(args, "force"), err));
    ota_bundle_write_begin(&b->writer, &b->file.sink);
    OTA_TRY(put_notes(b, err));
    OTA_TRY(put_roles(b, err));
    OTA_TRY(put_images(b, err));
    OTA_TRY(ota_bundle_write_end(&b->writer, err));
    return ota_bundle_file_finish(&b->file, err);
}

/* ---- telling ----------------------------------------------------------------------------------------------- */

static void print_json(const struct bundle *b, const char *when) {
    const struct ota_release *r = b->release;
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "file", b->file.path);
    (void)cJSON_AddStringToObject(tree, "product", r->product);
    (void)cJSON_AddNumberToObject(tree, "counter", r->counter);
    (void)cJSON_AddStringToObject(tree, "version", r->version);
    (void)cJSON_AddNumberToObject(tree, "bytes", (double)b->writer.bytes);
    cJSON *steps = cJSON_AddArrayToObject(tree, "steps");
    for (size_t i = 0; i < r->step_count; i++) {
        struct ota_step plain = r->step[i];
        plain.z_length = 0; /* stays behind */
        (void)cJSON_AddItemToArray(steps, ota_repo_step_json(&plain));
    }
    (void)cJSON_AddStringToObject(tree, "expires", when);
    (void)cJSON_AddStringToObject(tree, "bound_by", b->chain.bound);
    ota_ctl_print_json(&tree);
}

static void print_result(const struct bundle *b, bool json) {
    const struct ota_release *r = b->release;
    char when[OTA_TIME_TEXT_MAX];
    ota_time_format(b->chain.expires, when);
    if (json) {
        print_json(b, when);
        return;
    }
    ota_print_line(stdout, "%s: %s release %u (%s), %u image%s, %llu bytes", b->file.path, r->product, r->counter,
                   r->version, r->step_count, r->step_count == 1 ? "" : "s", (unsigned long long)b->writer.bytes);
    printf("Boards with a lower counter take it until %s, whatever share is open.\n", when);
}

enum ota_status ota_cmd_bundle(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(bundle_delete) struct bundle *b = ota_calloc(1, sizeof *b);
    b->file.fd = -1;
    OTA_TRY(read_words(args, b, err));
    OTA_TRY(load(args, b, err));
    OTA_TRY(choose(b, err));
    OTA_TRY(check_expiry(b, err));
    OTA_TRY(write_bundle(args, b, err));
    print_result(b, ota_ctl_json(args));
    return OTA_OK;
}
