/* SPDX-License-Identifier: Apache-2.0 */
/* otactl verify: a whole repository, as a board with nothing but its root would judge it. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/origin.h"
#include "host/fs.h"
#include "store/repo.h"

/* What is verified against what. */
struct judge {
    const char *place; /* as given */
    bool json;
    struct ota_workspace w;
    bool has_workspace;
    struct ota_origin origin;
    struct ota_buf root;
    cJSON *found;
};
static void judge_free(struct judge *j) {
    ota_origin_close(&j->origin);
    ota_workspace_close(&j->w);
    ota_buf_free(&j->root);
    cJSON_Delete(j->found);
}

static void found(void *ctx, const char *line) {
    struct judge *j = ctx;
    if (j->json)
        (void)cJSON_AddItemToArray(j->found, cJSON_CreateString(line));
    else
        printf("ok  %s\n", line);
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

/* -C, else the workspace that DIR is or is the state/repo of, else the usual search. None is no error yet: --root may be given. */
static enum ota_status find_workspace(struct judge *j, const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN_FREE char *above = ota_sprintf("%s/../..", j->place);
    const char *const around[] = {j->place, above};
    const char *dir = ota_args_get(args, "workspace");
    for (size_t i = 0; i < OTA_ARRAY_LEN(around) && !dir && !ota_origin_is_url(j->place); i++) {
        OTA_CLEAN_FREE char *conf = ota_sprintf("%s/ota.conf", around[i]);
        if (ota_fs_is_file(conf))
            dir = around[i];
    }
    enum ota_status st = ota_workspace_open(&j->w, dir, err);
    j->has_workspace = st == OTA_OK;
    return st == OTA_WORKSPACE && !dir ? OTA_OK : st;
}

static enum ota_status verify_repository(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(judge_free)
    struct judge j = {.place = ota_args_operand(args, 0), .json = ota_ctl_json(args), .found = cJSON_CreateArray()};
    OTA_TRY(find_workspace(&j, args, err));
    OTA_TRY(ota_origin_open(&j.origin, j.place, j.has_workspace ? &j.w : NULL, ota_args_get(args, "ca"), err));
    OTA_TRY(read_root(&j, ota_args_get(args, "root"), err));
    OTA_TRY(ota_repo_verify(ota_origin_transport(&j.origin), ota_buf_span(&j.root), true, found, &j, err));
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

enum ota_status ota_cmd_verify(const struct ota_args *args, struct ota_err *err) {
    static const char *const of_images[] = {"secure-boot", "product", "passphrase-file"};
    const char *what = ota_args_operand(args, 0);
    if (ota_fs_is_file(what))
        return ota_ctl_verify_image(args, err);
    for (size_t i = 0; i < OTA_ARRAY_LEN(of_images); i++)
        if (ota_args_has(args, of_images[i]))
            return ota_err_set(err, OTA_USAGE, "%s: no such file, and --%s is for an image", what, of_images[i]);
    return verify_repository(args, err);
}
