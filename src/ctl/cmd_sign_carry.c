/* SPDX-License-Identifier: Apache-2.0 */
/* otactl sign export, sign import: a draft to a machine that holds a key, and its signatures back. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/output_file.h"
#include "ctl/push.h"
#include "ctl/sign_set.h"
#include "host/fs.h"
#include "host/shell_words.h"
#include "sign/role_sign.h"
#include "store/draft.h"

/* ---- how far it is ---------------------------------------------------------------------------------------- */

static uint32_t bits(uint32_t v) {
    return (uint32_t)__builtin_popcount(v);
}

/* Prints or collects one line per role and group of signers. */
static enum ota_status report_file(const struct ota_sign_set *set, const struct ota_sign_file *f, cJSON *list,
                                   bool *complete, struct ota_err *err) {
    struct ota_sign_group by[2];
    size_t groups;
    OTA_TRY(ota_sign_set_signers(set, f, by, &groups, err));
    *complete = *complete && groups > 0;
    for (size_t g = 0; g < groups; g++) {
        uint32_t signed_by;
        OTA_TRY(ota_role_signed_by(&f->role, &by[g].signers, &signed_by, err));
        *complete = *complete && bits(signed_by) >= by[g].signers.threshold;
        cJSON *item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "role", f->role.name);
        (void)cJSON_AddNumberToObject(item, "version", (double)f->role.meta.version);
        (void)cJSON_AddStringToObject(item, "by", by[g].by);
        (void)cJSON_AddNumberToObject(item, "signatures", bits(signed_by));
        (void)cJSON_AddNumberToObject(item, "needed", by[g].signers.threshold);
        (void)cJSON_AddItemToArray(list, item);
    }
    return OTA_OK;
}

enum ota_status ota_sign_set_report(const struct ota_sign_set *set, bool json, struct ota_err *err) {
    cJSON *tree = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(tree, "roles");
    bool complete = true;
    enum ota_status st = OTA_OK;
    for (size_t i = 0; i < set->count && st == OTA_OK; i++)
        if (!set->file[i].published)
            st = report_file(set, &set->file[i], list, &complete, err);
    (void)cJSON_AddItemToObject(tree, "draft", set->id ? cJSON_CreateString(set->id) : cJSON_CreateNull());
    (void)cJSON_AddBoolToObject(tree, "complete", complete);
    if (st == OTA_OK && json) {
        ota_ctl_print_json(&tree);
        return OTA_OK;
    }
    const cJSON *item;
    if (st == OTA_OK) {
        cJSON_ArrayForEach(item, list) {
            printf("%s version %.0f: %d of %d signatures by the keys of %s\n",
                   cJSON_GetStringValue(cJSON_GetObjectItem(item, "role")),
                   cJSON_GetNumberValue(cJSON_GetObjectItem(item, "version")),
                   cJSON_GetObjectItem(item, "signatures")->valueint, cJSON_GetObjectItem(item, "needed")->valueint,
                   cJSON_GetStringValue(cJSON_GetObjectItem(item, "by")));
        }
        if (cJSON_GetArraySize(list) == 0)
            printf("Signed. Whose signatures it needs is not known here: --previous FILE or a workspace says.\n");
    }
    cJSON_Delete(tree);
    return st;
}

/* ---- export ----------------------------------------------------------------------------------------------- */

/* A file that is there may hold signatures that were made elsewhere. */
static enum ota_status write_export(const struct ota_sign_set *set, const char *path, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_TRY(ota_sign_set_export(set, &text, err));
    enum ota_status st = ota_fs_write_new(path, text.p, text.len, 0644, err);
    return st == OTA_EXISTS ? ota_err_set(err, OTA_EXISTS,
                                          "%s: exists, and may hold signatures; it is never overwritten: name another "
                                          "file, or remove it",
                                          path)
                            : st;
}

enum ota_status ota_cmd_sign_export(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {0};
    OTA_CLEAN(ota_sign_set_delete) struct ota_sign_set *set = ota_calloc(1, sizeof *set);
    const char *id = ota_args_operand(args, 0), *path = ota_args_get(args, "output");
    if (!path || !path[0])
        return ota_err_set(err, OTA_USAGE, "sign export wants a file to write: otactl sign export %s -o FILE", id);
    OTA_TRY(ota_ctl_output_check_new(path, err));
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    enum ota_status st = ota_sign_set_draft(&w, id, set, err);
    if (st == OTA_NOT_FOUND)
        return ota_err_set(err, OTA_NOT_FOUND, "%s: no such draft; \"otactl publish\" lists them", id);
    OTA_TRY(st);
    OTA_TRY(write_export(set, path, err));
    if (ota_ctl_json(args)) {
        cJSON *tree = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(tree, "draft", id);
        (void)cJSON_AddStringToObject(tree, "file", path);
        ota_ctl_print_json(&tree);
        return OTA_OK;
    }
    OTA_CLEAN_FREE char *word = ota_shell_word(path);
    printf("%s: draft %s without its images. Where the key is, with no workspace:\n"
           "  otactl sign %s --key KEY\n"
           "Then back here:\n"
           "  otactl sign import %s\n",
           path, id, word, word);
    return OTA_OK;
}

/* ---- import ----------------------------------------------------------------------------------------------- */

static const struct ota_sign_file *same_name(const struct ota_sign_set *set, const char *name) {
    for (size_t i = 0; i < set->count; i++)
        if (!set->file[i].published && strcmp(set->file[i].name, name) == 0)
            return &set->file[i];
    return NULL;
}

/* Who may sign is what this workspace says, whatever the file brings along. */
static enum ota_status take_file(const struct ota_sign_set *here, struct ota_sign_file *f,
                                 const struct ota_sign_file *from, size_t *taken, struct ota_err *err) {
    struct ota_sign_group by[2];
    size_t groups;
    OTA_TRY(ota_sign_set_signers(here, f, by, &groups, err));
    for (size_t g = 0; g < groups; g++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
        size_t n;
        OTA_TRY(ota_role_take_signatures(ota_buf_span(&f->role.wire), ota_buf_span(&from->role.wire), &by[g].signers,
                                         &wire, &n, err));
        OTA_TRY(ota_sign_file_replace(f, ota_buf_span(&wire), err));
        *taken += n;
    }
    return OTA_OK;
}

static enum ota_status take_all(struct ota_sign_set *here, const struct ota_sign_set *from, size_t *taken,
                                struct ota_err *err) {
    *taken = 0;
    for (size_t i = 0; i < here->count; i++) {
        const struct ota_sign_file *other = same_name(from, here->file[i].name);
        if (!here->file[i].published && other)
            OTA_TRY(take_file(here, &here->file[i], other, taken, err));
    }
    return OTA_OK;
}

enum ota_status ota_cmd_sign_import(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {0};
    OTA_CLEAN(ota_sign_set_delete)
    struct ota_sign_set *here = ota_calloc(1, sizeof *here), *from = ota_calloc(1, sizeof *from);
    OTA_CLEAN_FD int lock = -1;
    const char *path = ota_args_operand(args, 0);
    size_t taken;
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    enum ota_status st = ota_sign_set_read(path, from, err);
    if (!from->id && from->count)
        return ota_err_set(err, OTA_ARGUMENT, "%s: no exported draft (otactl sign export makes one)", path);
    OTA_TRY(st);
    OTA_TRY(ota_push_lock(&w, &lock, err));
    OTA_CLEAN_FREE char *waiting = ota_draft_path(&w, from->id);
    if (!ota_fs_is_dir(waiting))
        return ota_err_set(err, OTA_NOT_FOUND,
                           "%s: signs draft %s, which does not wait here any more (\"otactl publish\" lists drafts)",
                           path, from->id);
    if (ota_sign_set_draft(&w, from->id, here, err) != OTA_OK)
        return ota_err_prefix(err, "%s: draft %s", path, from->id);
    OTA_TRY(take_all(here, from, &taken, err));
    if (taken == 0)
        return ota_err_set(err, OTA_SIGNATURE, "%s: no signature in it is new and valid for draft %s", path, from->id);
    OTA_TRY(ota_sign_set_save_draft(here, &w, err));
    return ota_sign_set_report(here, ota_ctl_json(args), err);
}
