/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A push to a server. What the release goes on top of is read as a board would read it, and verified from the root
 * that lies here: a server, or whoever stands in its place, cannot have anything signed but on top of what was
 * signed before.
 */
#include <string.h>

#include "ctl/origin.h"
#include "ctl/push.h"
#include "host/fs.h"
#include "store/repo.h"

#define TOKEN_FILE_MAX 256u

static enum ota_status read_root(const struct ota_push *p, struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN_FREE char *own = ota_workspace_path(p->w, "keys/root.json");
    if (p->server.root)
        return ota_fs_read(p->server.root, OTA_CAP_ROOT, out, err);
    if (!ota_fs_exists(own))
        return ota_err_set(err, OTA_NOT_FOUND,
                           "%s is missing: the root that the server's metadata is judged by. Copy keys/root.json of "
                           "the server's workspace there, or name it with --root FILE",
                           own);
    return ota_fs_read(own, OTA_CAP_ROOT, out, err);
}

static enum ota_status fetch(const struct ota_push *p, struct ota_span root, struct ota_repo_roles *out,
                             struct ota_err *err) {
    OTA_CLEAN(ota_origin_close) struct ota_origin server = {.dir = NULL};
    OTA_TRY(ota_origin_open(&server, p->server.url, p->w, p->server.ca, err));
    enum ota_status st = ota_repo_fetch(ota_origin_transport(&server), root, p->product->name, out, err);
    if (st == OTA_SIGNATURE) {
        const struct ota_err why = *err;
        return ota_err_set(err, st, "%s: %s; judged by %s: is that the root of this server?", p->server.url, why.msg,
                           p->server.root ? p->server.root : "keys/root.json");
    }
    return st == OTA_OK ? st : ota_err_prefix(err, "%s", p->server.url);
}

static enum ota_status read_current(struct ota_push *p, struct ota_push_current *c, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf root = {0};
    OTA_CLEAN(ota_repo_roles_free) struct ota_repo_roles roles = {.targets = {0}};
    OTA_TRY(read_root(p, &root, err));
    OTA_TRY(fetch(p, ota_buf_span(&root), &roles, err));
    ota_push_current_free(c);
    *c = (struct ota_push_current){.role = roles.product, .rollout = roles.rollout, .targets = roles.targets};
    roles = (struct ota_repo_roles){.targets = {0}};
    return OTA_OK;
}

/* The first line of --token-file or $OTA_TOKEN_FILE: never of the command line, which everybody on the machine sees. */
static enum ota_status read_token(const struct ota_push *p, struct ota_buf *out, struct ota_err *err) {
    const char *path = p->server.token_file ? p->server.token_file : getenv("OTA_TOKEN_FILE");
    if (!path || !path[0])
        return ota_err_set(err, OTA_USAGE,
                           "a push to %s needs a token: name the file that holds it with $OTA_TOKEN_FILE or "
                           "--token-file (made there by: otactl token create NAME --role push)",
                           p->server.url);
    OTA_TRY(ota_fs_read_secret(path, TOKEN_FILE_MAX, out, err));
    out->len = strcspn(ota_buf_text(out), "\r\n");
    if (out->len == 0 || memchr(out->p, ' ', out->len))
        return ota_err_set(err, OTA_CONFIG, "%s: its first line is no token", path);
    ota_buf_append(out, "", 0);
    out->p[out->len] = '\0';
    return OTA_OK;
}

static enum ota_status enter(struct ota_push *p, struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf token = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf ca = {0};
    OTA_TRY(read_token(p, &token, err));
    OTA_TRY(ota_origin_ca(p->w, p->server.ca, &ca, err));
    const struct ota_http_client_config cfg = {
        .url = p->server.url,
        .token = ota_buf_text(&token),
        .ca_pem = ota_buf_span(&ca),
        .user_agent = "otactl/" OTA_PROGRAM_VERSION,
        .stopped = ota_push_stopped,
    };
    return ota_http_client_new(&cfg, &p->server.api, err);
}

static enum ota_status publish(struct ota_push *p, const struct ota_buf *role, uint64_t version, struct ota_err *err) {
    (void)version; /* it stands in the role */
    return ota_push_upload(p, role, err);
}

static void leave(struct ota_push *p) {
    ota_http_client_free(&p->server.api);
}

const struct ota_push_place ota_push_remote = {
    .read = read_current,
    .enter = enter,
    .publish = publish,
    .leave = leave,
};
