/* SPDX-License-Identifier: Apache-2.0 */
/* otactl verify: a whole repository, as a board with nothing but its root would judge it. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "host/fs.h"
#include "host/transport.h"
#include "store/repo.h"

#define CA_FILE_MAX (64u * 1024u)

/* What is verified against what. */
struct judge {
    const char *place; /* as given */
    bool json;
    struct ota_workspace w;
    bool has_workspace;
    struct ota_buf root, ca;
    cJSON *found;
};
static void judge_free(struct judge *j) {
    ota_workspace_close(&j->w);
    ota_buf_free(&j->root);
    ota_buf_free(&j->ca);
    cJSON_Delete(j->found);
}

static void found(void *ctx, const char *line) {
    struct judge *j = ctx;
    if (j->json)
        (void)cJSON_AddItemToArray(j->found, cJSON_CreateString(line));
    else
        printf("ok  %s\n", line);
}

static bool is_url(const char *place) {
    return strncmp(place, "https://", 8) == 0 || strncmp(place, "http://", 7) == 0;
}

/* --root, else the root that init pinned beside the keys: state/repo must not vouch for itself. */
static enum ota_status read_root(struct judge *j, const char *given, struct ota_err *err) {
    OTA_CLEAN_FREE char *pinned = j->has_workspace ? ota_workspace_path(&j->w, "keys/root.json") : NULL;
    if (given)
        return ota_fs_read(given, OTA_CAP_ROOT, &j->root, err);
    if (!j->has_workspace)
        return ota_err_set(
            err, OTA_WORKSPACE,
            "no workspace that names a trusted root; add --root FILE, or -C DIR of a workspace (made by: "
            "otactl init DIR --product NAME --chip esp32c3)");
    if (ota_fs_exists(pinned))
        return ota_fs_read(pinned, OTA_CAP_ROOT, &j->root, err);
    return ota_repo_role(&j->w, "root", &j->root, err);
}

static enum ota_status read_ca(struct judge *j, const char *given, struct ota_err *err) {
    OTA_CLEAN_FREE char *own = j->has_workspace ? ota_workspace_path(&j->w, "keys/ca.crt") : NULL;
    if (given)
        return ota_fs_read(given, CA_FILE_MAX, &j->ca, err);
    return own && ota_fs_exists(own) ? ota_fs_read(own, CA_FILE_MAX, &j->ca, err) : OTA_OK;
}

static enum ota_status verify_url(struct judge *j, struct ota_err *err) {
    size_t n = strlen(j->place);
    while (n && j->place[n - 1] == '/')
        n--;
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%.*s/metadata", (int)n, j->place);
    OTA_CLEAN_FREE char *targets = ota_sprintf("%.*s/targets", (int)n, j->place);
    OTA_CLEAN_FREE char *api = ota_sprintf("%.*s/api/v1", (int)n, j->place);
    const struct ota_curl_config cfg = {
        .url_metadata = metadata,
        .url_targets = targets,
        .url_api = api,
        .ca_pem = ota_buf_span(&j->ca),
        .user_agent = "otactl/" OTA_PROGRAM_VERSION,
    };
    OTA_CLEAN(ota_curl_free) struct ota_curl *curl = NULL;
    OTA_TRY(ota_curl_new(&cfg, &curl, err));
    return ota_repo_verify(ota_curl_transport(curl), ota_buf_span(&j->root), true, found, j, err);
}

/* A folder with metadata/ and targets/, or a workspace that has one in state/repo. NULL for an address. */
static enum ota_status find_repository(const char *place, char **out, struct ota_err *err) {
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", place);
    OTA_CLEAN_FREE char *inner = ota_sprintf("%s/state/repo", place);
    if (!place[0])
        return ota_err_set(err, OTA_USAGE, "verify what? Name a repository folder or an https address");
    if (is_url(place))
        return OTA_OK;
    if (!ota_fs_exists(place))
        return ota_err_set(err, OTA_NOT_FOUND, "%s: does not exist", place);
    if (!ota_fs_is_dir(place))
        return ota_err_set(err, OTA_IO, "%s: is no folder; verify takes a repository folder or an https address",
                           place);
    if (!ota_fs_is_dir(metadata) && !ota_fs_is_dir(inner))
        return ota_err_set(err, OTA_NOT_FOUND, "%s: is no repository: it has no metadata/ folder", place);
    *out = ota_strdup(ota_fs_is_dir(metadata) ? place : inner);
    return OTA_OK;
}

static enum ota_status verify_folder(struct judge *j, const char *folder, struct ota_err *err) {
    struct ota_dir_transport transport;
    ota_dir_transport_init(&transport, folder, NULL);
    return ota_repo_verify(&transport.port, ota_buf_span(&j->root), true, found, j, err);
}

/* -C, else the workspace that DIR is or is the state/repo of, else the usual search. None is no error yet: --root may be given. */
static enum ota_status find_workspace(struct judge *j, const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN_FREE char *above = ota_sprintf("%s/../..", j->place);
    const char *const around[] = {j->place, above};
    const char *dir = ota_args_get(args, "workspace");
    for (size_t i = 0; i < OTA_ARRAY_LEN(around) && !dir && !is_url(j->place); i++) {
        OTA_CLEAN_FREE char *conf = ota_sprintf("%s/ota.conf", around[i]);
        if (ota_fs_is_file(conf))
            dir = around[i];
    }
    enum ota_status st = ota_workspace_open(&j->w, dir, err);
    j->has_workspace = st == OTA_OK;
    return st == OTA_WORKSPACE && !dir ? OTA_OK : st;
}

enum ota_status ota_cmd_verify(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(judge_free)
    struct judge j = {.place = ota_args_operand(args, 0), .json = ota_ctl_json(args), .found = cJSON_CreateArray()};
    OTA_CLEAN_FREE char *folder = NULL;
    OTA_TRY(find_repository(j.place, &folder, err));
    OTA_TRY(find_workspace(&j, args, err));
    OTA_TRY(read_root(&j, ota_args_get(args, "root"), err));
    OTA_TRY(read_ca(&j, ota_args_get(args, "ca"), err));
    if (folder)
        OTA_TRY(verify_folder(&j, folder, err));
    else
        OTA_TRY(verify_url(&j, err));
    if (!j.json) {
        printf("%s is what its root says: a board may trust all of it.\n", j.place);
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "repository", j.place);
    (void)cJSON_AddBoolToObject(tree, "ok", true);
    (void)cJSON_AddItemToObject(tree, "found", OTA_STEAL(j.found));
    ota_ctl_print_json(&tree);
    return OTA_OK;
}
