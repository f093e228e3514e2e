/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otactl sign: shows what a role or draft says, then adds signatures to it. The content is never touched, and nothing
 * is written before every signature is made.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/cmd.h"
#include "ctl/key_roles.h"
#include "ctl/sign_set.h"
#include "host/fs.h"
#include "host/printable.h"
#include "sign/role_show.h"
#include "sign/role_sign.h"

#define KEYS_MAX 16u

struct signing {
    const struct ota_args *args;
    struct ota_workspace w;
    bool has_workspace, draft; /* the operand is the id of one */
    struct ota_sign_set *set;
    struct ota_key_files files; /* of keys/, when no --key was given */
    size_t key_count;
    struct ota_key *key[KEYS_MAX]; /* of --key */
    size_t made;
    cJSON *report;
};
static void signing_free(struct signing *s) {
    ota_workspace_close(&s->w);
    ota_sign_set_free(s->set);
    free(s->set);
    ota_key_files_free(&s->files);
    for (size_t i = 0; i < s->key_count; i++)
        ota_key_free(&s->key[i]);
    cJSON_Delete(s->report);
}

/* ---- what is signed --------------------------------------------------------------------------------------- */

/* None is no error yet: another machine has the file and a key, and nothing else. */
static enum ota_status find_workspace(struct signing *s, struct ota_err *err) {
    enum ota_status st = ota_ctl_workspace(s->args, &s->w, err);
    s->has_workspace = st == OTA_OK;
    return st == OTA_WORKSPACE && !ota_args_has(s->args, "workspace") ? OTA_OK : st;
}

static enum ota_status add_previous(struct signing *s, struct ota_err *err) {
    const char *path = ota_args_get(s->args, "previous");
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    if (!path)
        return s->has_workspace && !s->set->id ? ota_sign_set_publish(s->set, &s->w, err) : OTA_OK;
    const char *slash = strrchr(path, '/');
    OTA_TRY(ota_fs_read(path, OTA_METADATA_MAX, &wire, err));
    return ota_sign_set_add(s->set, slash ? slash + 1 : path, ota_buf_span(&wire), true, err);
}

static enum ota_status read_set(struct signing *s, struct ota_err *err) {
    const char *what = ota_args_operand(s->args, 0);
    if (ota_fs_is_file(what)) {
        OTA_TRY(ota_sign_set_read(what, s->set, err));
        return add_previous(s, err);
    }
    if (!s->has_workspace || !ota_file_valid(ota_span_str(what)))
        return ota_err_set(err, OTA_NOT_FOUND, "%s: no such file%s", what,
                           s->has_workspace ? "" : ", and no workspace here whose draft it could be");
    s->draft = true;
    if (ota_sign_set_draft(&s->w, what, s->set, err) != OTA_OK)
        return err->code == OTA_NOT_FOUND
                   ? ota_err_set(err, OTA_NOT_FOUND, "%s: neither a file nor a draft; \"otactl publish\" lists drafts",
                                 what)
                   : err->code;
    return OTA_OK;
}

static enum ota_status show(const struct signing *s, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    for (size_t i = 0; i < s->set->count; i++) {
        const struct ota_sign_file *f = &s->set->file[i];
        const struct ota_sign_file *before = ota_sign_set_before(s->set, f);
        if (!f->published && ota_role_show(&f->role, before ? &before->role : NULL, &text, err) != OTA_OK)
            return ota_err_prefix(err, "%s", f->name);
    }
    OTA_CLEAN_FREE char *lines = ota_strdup(ota_buf_text(&text));
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"))
        ota_print_line(ota_ctl_json(s->args) ? stderr : stdout, "%s", line);
    return OTA_OK;
}

/* ---- with which keys -------------------------------------------------------------------------------------- */

static enum ota_status load_keys(struct signing *s, struct ota_err *err) {
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(s->args, "passphrase-file"));
    size_t count = ota_args_count(s->args, "key");
    if (count > KEYS_MAX)
        return ota_err_set(err, OTA_USAGE, "more than %u keys", KEYS_MAX);
    for (; s->key_count < count; s->key_count++)
        OTA_TRY(ota_key_load_with(&s->key[s->key_count], ota_args_at(s->args, "key", s->key_count), &from, err));
    if (count > 0)
        return OTA_OK;
    if (!s->has_workspace)
        return ota_err_set(err, OTA_USAGE, "with which key? There is no workspace here; add --key FILE");
    return ota_key_files_load(&s->w, NULL, &s->files, err);
}

static bool may_sign(const struct ota_role_by *by, size_t groups, const struct ota_key *key) {
    bool may = groups == 0; /* nothing here says who may: then the key that was named */
    for (size_t g = 0; g < groups; g++)
        may |= ota_role_by_names(&by[g], ota_key_public(key)->keyid);
    return may;
}

static enum ota_status sign_with(struct signing *s, struct ota_sign_file *f, const struct ota_key *key,
                                 struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file next = {0};
    OTA_TRY(ota_role_add_signature(ota_buf_span(&f->role.wire), key, &wire, err));
    OTA_TRY(ota_role_sign_open(ota_buf_span(&wire), &next, err));
    memcpy(next.name, f->role.name, sizeof next.name);
    ota_role_file_free(&f->role);
    f->role = next;
    next = (struct ota_role_file){0};
    s->made++;
    return OTA_OK;
}

static enum ota_status sign_file(struct signing *s, struct ota_sign_file *f, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_role_by *by = ota_calloc(2, sizeof *by);
    size_t groups;
    OTA_TRY(ota_sign_set_signers(s->set, f, by, &groups, err));
    for (size_t i = 0; i < s->key_count; i++)
        if (may_sign(by, groups, s->key[i]))
            OTA_TRY(sign_with(s, f, s->key[i], err));
    for (size_t i = 0; i < s->files.count; i++)
        if (s->files.entry[i].key && groups && may_sign(by, groups, s->files.entry[i].key))
            OTA_TRY(sign_with(s, f, s->files.entry[i].key, err));
    return OTA_OK;
}

static enum ota_status sign_all(struct signing *s, struct ota_err *err) {
    for (size_t i = 0; i < s->set->count; i++)
        if (!s->set->file[i].published)
            OTA_TRY(sign_file(s, &s->set->file[i], err));
    if (s->made > 0)
        return OTA_OK;
    return ota_err_set(err, OTA_KEY,
                       s->key_count ? "nothing was signed: no role here names %s"
                                    : "nothing was signed: keys/ holds no key that may; add --key FILE%s",
                       s->key_count == 1 ? "this key"
                       : s->key_count    ? "these keys"
                                         : "");
}

/* ---- the verb --------------------------------------------------------------------------------------------- */

static enum ota_status confirm(const struct signing *s, struct ota_err *err) {
    if (ota_args_has(s->args, "yes"))
        return OTA_OK;
    if (!ota_ctl_may_ask())
        return ota_err_set(err, OTA_USAGE, "nothing was signed: there is no terminal to ask on; add --yes to sign it");
    return ota_ctl_confirm("Sign this? [y/N] ") ? OTA_OK
                                                : ota_err_set(err, OTA_INTERRUPTED, "nothing was signed, as you said");
}

static enum ota_status save(const struct signing *s, struct ota_err *err) {
    const char *path = ota_args_operand(s->args, 0);
    if (s->draft)
        return ota_sign_set_save_draft(s->set, &s->w, err);
    if (s->set->id)
        return ota_sign_set_export(s->set, path, err);
    return ota_fs_write(path, s->set->file[0].role.wire.p, s->set->file[0].role.wire.len, 0644, err);
}

enum ota_status ota_cmd_sign(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(signing_free) struct signing s = {.args = args, .set = ota_calloc(1, sizeof *s.set)};
    OTA_TRY(find_workspace(&s, err));
    OTA_TRY(read_set(&s, err));
    OTA_TRY(show(&s, err));
    OTA_TRY(confirm(&s, err));
    OTA_TRY(load_keys(&s, err));
    OTA_TRY(sign_all(&s, err));
    OTA_TRY(save(&s, err));
    return ota_sign_set_report(s.set, ota_ctl_json(args), err);
}
