/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otactl sign: shows what a role or draft says, then adds signatures to it. The content is never touched, and nothing
 * is written before every signature is made.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/cmd.h"
#include "ctl/hand.h"
#include "ctl/output_file.h"
#include "ctl/push.h"
#include "ctl/sign_set.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/printable.h"
#include "sign/role_show.h"

struct signing {
    const struct ota_args *args;
    struct ota_workspace w;
    bool has_workspace, draft; /* the operand is the id of one */
    struct ota_sign_set *set;
    struct ota_hand hand; /* --key; keys/ when none was given */
};
static void signing_free(struct signing *s) {
    ota_workspace_close(&s->w);
    ota_sign_set_delete(&s->set);
    ota_hand_free(&s->hand);
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
            return ota_err_place(err, f->name, 0);
    }
    OTA_CLEAN_FREE char *lines = ota_strdup(ota_buf_text(&text));
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"))
        ota_print_line(ota_ctl_json(s->args) ? stderr : stdout, "%s", line);
    return OTA_OK;
}

/* ---- with which keys -------------------------------------------------------------------------------------- */

static enum ota_status load_keys(struct signing *s, struct ota_err *err) {
    struct ota_key_ask ask = {.from = ota_passphrase_source(ota_args_get(s->args, "passphrase-file"))};
    if (ota_args_has(s->args, "key"))
        return ota_hand_add_given(&s->hand, s->args, false, err);
    if (!s->has_workspace)
        return ota_err_set(err, OTA_USAGE, "with which key? There is no workspace here; add --key FILE");
    for (size_t i = 0; i < s->set->count && ask.count < OTA_CTL_ASK_MAX; i++)
        if (!s->set->file[i].published)
            ask.role[ask.count++] = s->set->file[i].role.name;
    return ota_hand_add_folder(&s->hand, &s->w, &ask, err);
}

static enum ota_status sign_all(struct signing *s, struct ota_err *err) {
    size_t made;
    OTA_TRY(ota_hand_sign(&s->hand, s->set, &made, err));
    return ota_hand_used(&s->hand)
               ? OTA_OK
               : ota_err_set(err, OTA_KEY, "nothing was signed: keys/ holds no key that may; add --key FILE");
}

/* What was shown is what is signed: nobody may have changed the draft since. */
static enum ota_status sign_draft(struct signing *s, struct ota_err *err) {
    OTA_CLEAN(ota_sign_set_delete) struct ota_sign_set *shown = OTA_STEAL(s->set);
    OTA_CLEAN_FD int lock = -1;
    s->set = ota_calloc(1, sizeof *s->set);
    OTA_TRY(ota_push_lock(&s->w, &lock, err));
    OTA_TRY(ota_sign_set_draft(&s->w, shown->id, s->set, err));
    if (!ota_sign_set_same(shown, s->set))
        return ota_err_set(err, OTA_ROLLBACK, "nothing was signed: the draft %s has changed since it was shown",
                           shown->id);
    OTA_TRY(sign_all(s, err));
    return ota_sign_set_save_draft(s->set, &s->w, err);
}

static enum ota_status sign_file(struct signing *s, struct ota_err *err) {
    const char *path = ota_args_operand(s->args, 0);
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_TRY(sign_all(s, err));
    if (s->set->id)
        OTA_TRY(ota_sign_set_export(s->set, &text, err));
    const struct ota_buf *out = s->set->id ? &text : &s->set->file[0].role.wire;
    return ota_ctl_output_write(path, ota_buf_span(out), 0644, err);
}

/* ---- the verb --------------------------------------------------------------------------------------------- */

enum ota_status ota_cmd_sign(const struct ota_args *args, struct ota_err *err) {
    if (ota_ctl_signs_image(args))
        return ota_ctl_sign_image(args, err);
    OTA_CLEAN(signing_free) struct signing s = {.args = args, .set = ota_calloc(1, sizeof *s.set)};
    OTA_TRY(find_workspace(&s, err));
    OTA_TRY(read_set(&s, err));
    OTA_TRY(show(&s, err));
    OTA_TRY(ota_ctl_agree(args, "Sign this? [y/N] ", "nothing was signed", err));
    OTA_TRY(load_keys(&s, err));
    OTA_TRY(s.draft ? sign_draft(&s, err) : sign_file(&s, err));
    return ota_sign_set_report(s.set, ota_ctl_json(args), err);
}
