/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otactl init: everything is made in a folder of its own and put into place at the end. A new DIR appears by one
 * rename; in a DIR that exists the parts are moved in with ota.conf last, because a folder without ota.conf is no
 * workspace.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/ask.h"
#include "ctl/cmd.h"
#include "ctl/init_conf.h"
#include "ctl/key_backup_file.h"
#include "host/fs.h"
#include "host/shell_words.h"
#include "sign/pki.h"
#include "sign/sign.h"

static const char gitignore[] = "# Keys and state are not for a repository.\n/keys/\n/state/\n";

/* Made in less than a second: rather finish than stop in the middle. */
static void hold_signals(sigset_t *before) {
    sigset_t stop;
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGINT);
    (void)sigaddset(&stop, SIGTERM);
    (void)sigaddset(&stop, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &stop, before);
}

/* Nothing of a workspace may be there already. images/ may: an inbox is often what somebody begins with. */
static enum ota_status check_free(const char *dir, struct ota_err *err) {
    static const char *const parts[] = {"ota.conf", "keys", "state"};
    if (!ota_fs_exists(dir))
        return OTA_OK;
    if (!ota_fs_is_dir(dir))
        return ota_err_set(err, OTA_EXISTS, "%s: exists and is not a folder", dir);
    for (size_t i = 0; i < OTA_ARRAY_LEN(parts); i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, parts[i]);
        if (!ota_fs_exists(path))
            continue;
        if (i == 0)
            return ota_err_set(err, OTA_EXISTS, "%s: is a workspace already; nothing was changed", dir);
        return ota_err_set(err, OTA_EXISTS,
                           "%s: exists without ota.conf; put ota.conf back, or move keys and state away, then init "
                           "again",
                           path);
    }
    return OTA_OK;
}

static enum ota_status make_folder(const char *dir, const char *name, mode_t mode, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, name);
    return ota_fs_mkdirs(path, mode, err);
}

static enum ota_status make_file(const char *dir, const char *name, struct ota_span text, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, name);
    return ota_fs_write(path, text.p, text.len, 0644, err);
}

/* A whole workspace in the empty folder w->dir. */
static enum ota_status fill(const struct ota_workspace *w, const struct ota_buf *conf, struct ota_err *err) {
    uint64_t now = ota_ctl_now();
    OTA_TRY(make_folder(w->dir, "keys", 0700, err));
    OTA_TRY(make_folder(w->dir, "state/incoming", 0755, err));
    OTA_TRY(make_folder(w->dir, "images", 0755, err));
    OTA_TRY(ota_sign_create(w, now, err));
    OTA_TRY(ota_pki_create(w, now, err));
    OTA_TRY(make_file(w->dir, ".gitignore", ota_span_str(gitignore), err));
    return make_file(w->dir, "ota.conf", ota_buf_span(conf), err);
}

static enum ota_status move_in(const char *from, const char *dir, const char *name, bool keep, struct ota_err *err) {
    OTA_CLEAN_FREE char *source = ota_sprintf("%s/%s", from, name);
    OTA_CLEAN_FREE char *target = ota_sprintf("%s/%s", dir, name);
    if (keep && ota_fs_exists(target))
        return OTA_OK;
    return ota_fs_rename(source, target, err);
}

/* A .gitignore that is there keeps its lines and gets ours. */
static enum ota_status extend_gitignore(const char *dir, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/.gitignore", dir);
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_TRY(ota_fs_read(path, OTA_CONFIG_MAX, &text, err));
    if (strstr(ota_buf_text(&text), gitignore))
        return OTA_OK;
    if (text.len && text.p[text.len - 1] != '\n')
        ota_buf_str(&text, "\n");
    ota_buf_str(&text, gitignore);
    return ota_fs_write(path, text.p, text.len, 0644, err);
}

static enum ota_status move_into_place(const char *temp, const char *dir, bool fresh, struct ota_err *err) {
    if (fresh)
        return ota_fs_rename(temp, dir, err);
    OTA_TRY(move_in(temp, dir, ".gitignore", true, err));
    OTA_TRY(extend_gitignore(dir, err));
    OTA_TRY(move_in(temp, dir, "images", true, err));
    OTA_TRY(move_in(temp, dir, "state", false, err));
    OTA_TRY(move_in(temp, dir, "keys", false, err));
    return move_in(temp, dir, "ota.conf", false, err);
}

static char *temp_name(const char *dir, bool fresh) {
    const char *slash = strrchr(dir, '/');
    if (!fresh)
        return ota_sprintf("%s/.otactl-init-XXXXXX", dir);
    return slash ? ota_sprintf("%.*s/.%s.init-XXXXXX", (int)(slash - dir), dir, slash + 1)
                 : ota_sprintf(".%s.init-XXXXXX", dir);
}

static enum ota_status make_parents(const char *dir, struct ota_err *err) {
    const char *slash = strrchr(dir, '/');
    if (!slash || slash == dir)
        return OTA_OK;
    OTA_CLEAN_FREE char *parent = ota_sprintf("%.*s", (int)(slash - dir), dir);
    return ota_fs_mkdirs(parent, 0755, err);
}

static enum ota_status create(const char *dir, const struct ota_buf *conf, const struct ota_config *config,
                              struct ota_err *err) {
    bool fresh = !ota_fs_exists(dir);
    struct ota_err ignored;
    if (fresh)
        OTA_TRY(make_parents(dir, err));
    OTA_CLEAN_FREE char *temp = temp_name(dir, fresh);
    if (!mkdtemp(temp))
        return ota_fs_errno(err, dir, "cannot create a folder there");
    struct ota_workspace w = {.dir = temp, .config = *config};
    enum ota_status st = chmod(temp, 0755) ? ota_fs_errno(err, temp, "cannot set permissions") : OTA_OK;
    if (st == OTA_OK)
        st = fill(&w, conf, err);
    if (st == OTA_OK)
        st = move_into_place(temp, dir, fresh, err);
    if (st != OTA_OK || !fresh)
        (void)!ota_fs_remove_tree(temp, &ignored);
    return st;
}

/* ---- the backup of root's key ----------------------------------------------------------------------------- */

static enum ota_status write_backup(const char *dir, const char *path, const struct ota_passphrase *from,
                                    struct ota_err *err) {
    static const char *const root[] = {"root"};
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {0};
    size_t saved;
    OTA_TRY(ota_workspace_open(&w, dir, err));
    OTA_TRY(ota_key_backup_place(&w, path, "otactl init --backup FILE", err));
    return ota_key_backup_write(&w, root, OTA_ARRAY_LEN(root), path, from, &saved, err);
}

/* What losing root means is said before it is asked for. *path stays NULL when nobody wants it now. */
static enum ota_status offer_backup(const char *dir, const struct ota_passphrase *from, char **path,
                                    struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf answer = {0};
    (void)fputs(
        "Without root's key no lost or stolen key can ever be replaced: every board would have to be flashed by "
        "hand.\nKeep an encrypted copy of it on another medium.\n",
        stderr);
    ota_ctl_ask_line("File for the encrypted copy (empty: not now): ", &answer);
    if (answer.len == 0)
        return OTA_OK;
    OTA_TRY(write_backup(dir, ota_buf_text(&answer), from, err));
    *path = ota_strdup(ota_buf_text(&answer));
    return OTA_OK;
}

static enum ota_status back_up(const struct ota_args *args, const char *dir, char **path, struct ota_err *err) {
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(args, "passphrase-file"));
    const char *wanted = ota_args_get(args, "backup");
    enum ota_status st = OTA_OK;
    if (wanted) {
        st = write_backup(dir, wanted, &from, err);
        *path = st == OTA_OK ? ota_strdup(wanted) : NULL;
    } else if (ota_ctl_may_ask() && !ota_ctl_json(args)) {
        st = offer_backup(dir, &from, path, err);
    }
    return st == OTA_OK ? OTA_OK : ota_err_prefix(err, "the workspace is made, but there is no backup of root's key");
}

/* Of a workspace that is still to be made: its folder may not exist, nor that of a backup which would lie in it. */
static enum ota_status check_backup_place(char *dir, const char *wanted, struct ota_err *err) {
    OTA_CLEAN_FREE char *real = realpath(dir, NULL);
    const struct ota_workspace w = {.dir = real ? real : dir};
    return ota_key_backup_place(&w, wanted, "otactl init --backup FILE", err);
}

/* A wrong passphrase file, a taken name or a place that is none is found before anything is made. */
static enum ota_status check_backup(const struct ota_args *args, char *dir, struct ota_err *err) {
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(args, "passphrase-file"));
    OTA_CLEAN(ota_secret_free) struct ota_buf passphrase = {0};
    const char *wanted = ota_args_get(args, "backup");
    if (!wanted && ota_args_has(args, "passphrase-file"))
        return ota_err_set(err, OTA_USAGE, "--passphrase-file is for a backup of root's key: add --backup FILE");
    if (!wanted)
        return OTA_OK;
    OTA_TRY(check_backup_place(dir, wanted, err));
    return from.file || !from.may_ask ? ota_passphrase_choose(&from, wanted, &passphrase, err) : OTA_OK;
}

/* ---- telling -------------------------------------------------------------------------------------------- */

static void print_json(const char *dir, const struct ota_config *c, const char *backup) {
    OTA_CLEAN_FREE char *root = ota_sprintf("%s/state/repo/metadata/1.root.json", dir);
    OTA_CLEAN_FREE char *ca = ota_sprintf("%s/keys/ca.crt", dir);
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "workspace", dir);
    (void)cJSON_AddStringToObject(tree, "product", c->product[0].name);
    (void)cJSON_AddStringToObject(tree, "chip", c->product[0].chip);
    cJSON *list = cJSON_AddArrayToObject(tree, "products");
    for (size_t i = 0; i < c->product_count; i++) {
        cJSON *item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "name", c->product[i].name);
        (void)cJSON_AddStringToObject(item, "chip", c->product[i].chip);
        (void)cJSON_AddItemToArray(list, item);
    }
    (void)cJSON_AddStringToObject(tree, "url", c->url);
    (void)cJSON_AddStringToObject(tree, "root", root);
    (void)cJSON_AddStringToObject(tree, "ca", ca);
    (void)cJSON_AddItemToObject(tree, "backup", backup ? cJSON_CreateString(backup) : cJSON_CreateNull());
    ota_ctl_print_json(&tree);
}

static void print_text(const char *dir, const char *given, const struct ota_config *c, const char *backup) {
    OTA_CLEAN_FREE char *quoted = ota_shell_word(given ? given : "");
    OTA_CLEAN_FREE char *where = given ? ota_sprintf(" -C %s", quoted) : ota_strdup("");
    printf("Made a workspace in %s for", dir);
    for (size_t i = 0; i < c->product_count; i++)
        printf("%s %s on %s", i ? "," : "", c->product[i].name, c->product[i].chip);
    printf(".\n");
    printf("  keys/     signs your releases; keep it private\n");
    printf("  images/   copy an app.bin into %s and it is released to all boards on %s at once\n"
           "            (auto in ota.conf)\n",
           c->product_count > 1 ? "images/PRODUCT/" : "it", c->product[0].auto_channel);
    printf("  ota.conf  boards call %s\n\n", c->url);
    if (backup)
        printf("%s holds root's key, encrypted and read back. Keep it elsewhere, and apart from its passphrase.\n\n",
               backup);
    else
        printf("Back up root's key: without it no lost or stolen key can ever be replaced, and every board\n"
               "would have to be flashed by hand.\n  otactl%s keys backup -o FILE\n\n",
               where);
    printf("Next:\n");
    printf("  otactl%s push BUILD_DIR\n", where);
    printf("  otaserve%s\n", where);
    printf("  otactl%s fleet list\n", where);
}

enum ota_status ota_cmd_init(const struct ota_args *args, struct ota_err *err) {
    struct ota_init_product product[OTA_PRODUCTS_MAX];
    size_t count = ota_args_count(args, "product");
    const char *given = ota_args_operand(args, 0);
    OTA_CLEAN(ota_buf_free) struct ota_buf conf = {0};
    struct ota_config config;
    sigset_t before;
    if (!given)
        given = ota_args_get(args, "workspace");
    if (count == 0 || count != ota_args_count(args, "chip"))
        return ota_err_set(err, OTA_USAGE,
                           "init wants --product and --chip, as often as there are products: otactl init%s%s --product "
                           "thermo --chip esp32c3",
                           given ? " " : "", given ? given : "");
    if (given && !given[0])
        return ota_err_set(err, OTA_USAGE, "DIR is empty; name a folder, or leave it out for the current one");
    OTA_CLEAN_FREE char *dir = ota_strdup(given ? given : ".");
    for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
        dir[n - 1] = '\0';
    if (count > OTA_PRODUCTS_MAX)
        return ota_err_set(err, OTA_USAGE, "more than %u products", OTA_PRODUCTS_MAX);
    for (size_t i = 0; i < count; i++)
        product[i] = (struct ota_init_product){ota_args_at(args, "product", i), ota_args_at(args, "chip", i)};
    OTA_TRY(ota_init_conf(product, count, ota_args_get(args, "url"), &conf, &config, err));
    OTA_TRY(check_free(dir, err));
    OTA_TRY(check_backup(args, dir, err));
    hold_signals(&before);
    enum ota_status st = create(dir, &conf, &config, err);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    OTA_TRY(st);
    OTA_CLEAN_FREE char *backup = NULL;
    OTA_TRY(back_up(args, dir, &backup, err));
    OTA_CLEAN_FREE char *real = realpath(dir, NULL);
    if (ota_ctl_json(args))
        print_json(real ? real : dir, &config, backup);
    else
        print_text(real ? real : dir, given, &config, backup);
    return OTA_OK;
}
