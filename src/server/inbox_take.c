/* SPDX-License-Identifier: Apache-2.0 */
/* What arrived in a folder that is quiet, may it be taken, and taking it. */
#include "server/inbox_take.h"

#include <string.h>
#include <sys/stat.h>

#include "host/crypto.h"
#include "host/log.h"
#include "host/shell_words.h"
#include "server/inbox_hint.h"

#define TAKEN_MAX (256u * 1024u)

/* A file that was not settled before: new, changed, or copied there once more. */
struct arrival {
    char *name;
    uint8_t sha256[OTA_SHA256_LEN];
    bool known;       /* these very bytes were taken or pushed before */
    uint32_t counter; /* the newest release they are part of; 0 none that is still listed */
};

/*
 * What lies in the folder. state/inbox/<product>.taken has a line for each file that is settled, "<digest> <mark>":
 * taken, or found to be released already, and not touched since. Those do not count. All that arrived is judged
 * together, known bytes or not.
 */
struct batch {
    struct ota_buf before, now; /* lines as read, and as they shall be */
    size_t count;
    struct arrival *file;
};

static void batch_free(struct batch *b) {
    for (size_t i = 0; i < b->count; i++)
        free(b->file[i].name);
    free(b->file);
    ota_buf_free(&b->before);
    ota_buf_free(&b->now);
}

bool ota_inbox_is_image(const struct ota_inbox_folder *f, const char *name) {
    size_t n = strlen(name);
    if (name[0] == '.')
        return false;
    return f->name[0] || (n > 4 && strcmp(name + n - 4, ".bin") == 0);
}

static enum ota_status writable_by_others(const char *path, struct ota_err *err) {
    struct stat st;
    if (stat(path, &st) != 0)
        return ota_fs_errno(err, path, "cannot examine");
    if (st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)))
        return OTA_OK;
    OTA_CLEAN_FREE char *word = ota_shell_word(path);
    return ota_err_set(err, OTA_PERMISSION,
                       "%s: others may write here, so nothing in it is signed unasked (chmod go-w %s)", path, word);
}

/* Everybody who may write here could have a release signed. */
static enum ota_status check_owner(const struct ota_inbox *in, const char *folder, struct ota_err *err) {
    OTA_TRY(writable_by_others(in->dir, err));
    return writable_by_others(folder, err);
}

static enum ota_status check_key(const struct ota_workspace *w, const char *product, struct ota_err *err) {
    OTA_CLEAN_FREE char *key = ota_workspace_path(w, "keys/%s.pem", product);
    if (ota_fs_exists(key))
        return OTA_OK;
    return ota_err_set(err, OTA_KEY, "the key of product %s is not in this workspace, so nothing is signed unasked",
                       product);
}

static enum ota_status find_product(const struct ota_inbox *in, const struct ota_inbox_folder *f,
                                    const struct ota_product_config **out, struct ota_err *err) {
    const struct ota_config *c = &in->w->config;
    *out = f->name[0] ? ota_config_product(c, f->name) : c->product_count == 1 ? &c->product[0] : NULL;
    if (*out)
        return OTA_OK;
    if (f->name[0])
        return ota_err_set(err, OTA_CONFIG, "%s/%s: ota.conf has no product of that name", in->dir, f->name);
    return ota_err_set(err, OTA_CONFIG, "%s: there are several products, so images go into %s/PRODUCT/", in->dir,
                       in->dir);
}

/* ---- what arrived -------------------------------------------------------------------------------------- */

static bool listed(const struct ota_buf *lines, const char *text) {
    return strstr(ota_buf_text(lines), text) != NULL;
}

/* The newest release that has this image; 0: none. */
static uint32_t release_of(const struct ota_repo_info *info, const char *product,
                           const uint8_t sha256[OTA_SHA256_LEN]) {
    uint32_t newest = 0;
    for (size_t i = 0; i < info->release_count; i++)
        for (size_t s = 0; s < info->release[i].step_count; s++)
            if (strcmp(info->release[i].product, product) == 0 && info->release[i].counter > newest &&
                memcmp(info->release[i].step[s].sha256, sha256, OTA_SHA256_LEN) == 0)
                newest = info->release[i].counter;
    return newest;
}

static enum ota_status check_file(const char *path, const struct stat *st, struct ota_err *err) {
    if (!S_ISREG(st->st_mode))
        return ota_err_set(err, OTA_IMAGE_KIND, "%s: is a link or a device, not a file", path);
    OTA_CLEAN_FREE char *word = ota_shell_word(path);
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) || (st->st_uid != geteuid() && st->st_uid != 0))
        return ota_err_set(err, OTA_PERMISSION,
                           "%s: others may write to it, so it is not signed unasked (chmod go-w %s, or chown it to the "
                           "user of otaserve)",
                           path, word);
    return OTA_OK;
}

static enum ota_status digest_of(const char *path, uint8_t out[OTA_SHA256_LEN], struct ota_err *err) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source f = {.fd = -1};
    OTA_TRY(ota_file_source_open(&f, path, OTA_IMAGE_LENGTH_MAX, err));
    return ota_source_sha256(&f.source, &ota_crypto_openssl, out, err);
}

static enum ota_status look_at(const char *path, const char *name, const struct ota_repo_info *info,
                               const char *product, struct batch *b, struct ota_err *err) {
    struct arrival a = {.counter = 0};
    char hex[OTA_SHA256_HEX_LEN + 1];
    struct stat st;
    if (lstat(path, &st) != 0)
        return ota_fs_errno(err, path, "cannot examine");
    OTA_TRY(check_file(path, &st, err));
    OTA_TRY(digest_of(path, a.sha256, err));
    ota_hex_encode(a.sha256, sizeof a.sha256, hex);
    OTA_CLEAN_FREE char *line = ota_sprintf("%s %016llx\n", hex, (unsigned long long)ota_inbox_mark(name, &st));
    ota_buf_str(&b->now, line);
    if (listed(&b->before, line))
        return OTA_OK;
    a.counter = release_of(info, product, a.sha256);
    a.known = a.counter > 0 || listed(&b->before, hex);
    a.name = ota_strdup(name);
    b->file[b->count++] = a;
    return OTA_OK;
}

/* Looks at every file also when one may not be taken, and returns what is wrong with the first such. */
static enum ota_status collect(const struct ota_inbox *in, const struct ota_inbox_folder *f, const char *folder,
                               const char *product, struct batch *b, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN_FREE struct ota_repo_info *info = ota_calloc(1, sizeof *info);
    struct ota_err why;
    enum ota_status first = OTA_OK;
    OTA_TRY(ota_fs_list(folder, &names, err));
    OTA_TRY(ota_repo_read(in->w, info, err));
    b->file = ota_calloc(names.count + 1, sizeof *b->file);
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", folder, names.name[i]);
        if (!ota_inbox_is_image(f, names.name[i]) || ota_fs_is_dir(path))
            continue;
        if (look_at(path, names.name[i], info, product, b, &why) != OTA_OK && first == OTA_OK) {
            first = why.code;
            *err = why;
        }
    }
    ota_repo_info_free(info);
    return first;
}

static bool anything_new(const struct batch *b) {
    for (size_t i = 0; i < b->count; i++)
        if (!b->file[i].known)
            return true;
    return false;
}

/* ---- taking it ----------------------------------------------------------------------------------------- */

static enum ota_status stage_all(const struct batch *b, const char *folder, const char *stage, struct ota_err *err) {
    OTA_TRY(ota_fs_remove_tree(stage, err));
    OTA_TRY(ota_fs_mkdirs(stage, 0700, err));
    for (size_t i = 0; i < b->count; i++) {
        OTA_CLEAN_FREE char *from = ota_sprintf("%s/%s", folder, b->file[i].name);
        OTA_CLEAN_FREE char *to = ota_sprintf("%s/%s", stage, b->file[i].name);
        OTA_TRY(ota_fs_copy(from, to, 0600, err));
    }
    return OTA_OK;
}

/* The copy is nobody's business but ours: messages shall name what lies in the inbox. */
static enum ota_status name_original(const char *stage, const char *folder, struct ota_err *err) {
    const struct ota_err found = *err;
    size_t n = strlen(stage), len = 0;
    for (const char *p = found.msg; *p && len + 1 < sizeof err->msg;) {
        bool internal = strncmp(p, stage, n) == 0;
        len += ota_format(err->msg + len, sizeof err->msg - len, "%.*s", internal ? (int)strlen(folder) : 1,
                          internal ? folder : p);
        p += internal ? n : 1;
    }
    return err->code;
}

static enum ota_status publish(struct ota_inbox *in, const struct ota_product_config *product, const struct batch *b,
                               const char *folder, struct ota_err *err) {
    OTA_CLEAN_FREE char *stage = ota_workspace_path(in->w, "state/inbox/%s", product->name);
    OTA_CLEAN(ota_buf_free) struct ota_buf summary = {0};
    struct ota_err ignored;
    enum ota_status st = stage_all(b, folder, stage, err);
    if (st == OTA_OK)
        st = ota_publisher_take(in->publisher, product->name, product->auto_channel, stage, &summary, err);
    (void)!ota_fs_remove_tree(stage, &ignored);
    if (st != OTA_OK)
        return name_original(stage, folder, err);
    ota_log(&ota_log_stderr, OTA_LOG_INFO, "inbox: %s; offered %s%s", ota_buf_text(&summary),
            product->auto_channel[0] ? "on " : "to nobody", product->auto_channel);
    return OTA_OK;
}

static void say_known(const struct ota_inbox *in, const struct ota_product_config *product, const struct batch *b,
                      const char *folder) {
    for (size_t i = 0; i < b->count; i++) {
        const struct arrival *a = &b->file[i];
        OTA_CLEAN_FREE char *command = ota_inbox_by_hand(in->w, product, folder, (const char *const *)&a->name, 1);
        OTA_CLEAN_FREE char *again = command ? ota_sprintf(" (to offer it again: %s)", command) : ota_strdup("");
        if (a->counter)
            ota_log(&ota_log_stderr, OTA_LOG_INFO, "inbox: %s is release %u already; nothing done%s", a->name,
                    (unsigned)a->counter, again);
        else
            ota_log(&ota_log_stderr, OTA_LOG_INFO, "inbox: %s was taken before; nothing done%s", a->name, again);
    }
}

/* Only where push differs: it asks a person. What is damaged or busy, it refuses as well. */
static void say_by_hand(const struct ota_inbox *in, const struct ota_product_config *product, const struct batch *b,
                        const char *folder, enum ota_status why) {
    if ((why != OTA_PERMISSION && why != OTA_COMPAT && why != OTA_IMAGE_KIND) || !b->count)
        return;
    OTA_CLEAN_FREE const char **names = ota_calloc(b->count, sizeof *names);
    for (size_t i = 0; i < b->count; i++)
        names[i] = b->file[i].name;
    OTA_CLEAN_FREE char *command = ota_inbox_by_hand(in->w, product, folder, names, b->count);
    if (command)
        ota_log(&ota_log_stderr, OTA_LOG_INFO, "inbox: to publish it by hand, type: %s", command);
}

static enum ota_status settle(const struct ota_workspace *w, const struct batch *b, const char *taken,
                              struct ota_err *err) {
    OTA_CLEAN_FREE char *folder = ota_workspace_path(w, "state/inbox");
    if (strcmp(ota_buf_text(&b->now), ota_buf_text(&b->before)) == 0)
        return OTA_OK;
    OTA_TRY(ota_fs_mkdirs(folder, 0700, err));
    return ota_fs_write(taken, b->now.p, b->now.len, 0600, err);
}

static enum ota_status take(struct ota_inbox *in, const struct ota_inbox_folder *f,
                            const struct ota_product_config *product, bool *published, struct ota_err *err) {
    OTA_CLEAN(batch_free) struct batch b = {.count = 0};
    OTA_CLEAN_FREE char *folder = ota_inbox_path(in, f);
    OTA_CLEAN_FREE char *taken =
        ota_workspace_path(in->w, "state/inbox/%s%s%s.taken", product->name, f->name[0] ? "" : ".loose", in->tag);
    enum ota_status st = ota_fs_read(taken, TAKEN_MAX, &b.before, err);
    if (st == OTA_OK || st == OTA_NOT_FOUND)
        st = collect(in, f, folder, product->name, &b, err);
    bool fresh = anything_new(&b);
    if (st == OTA_OK && fresh)
        st = check_owner(in, folder, err);
    if (st == OTA_OK && fresh)
        st = check_key(in->w, product->name, err);
    if (st == OTA_OK && fresh) {
        st = publish(in, product, &b, folder, err);
        *published |= st == OTA_OK;
    }
    if (st == OTA_OK && !fresh)
        say_known(in, product, &b, folder);
    if (st == OTA_OK)
        return settle(in->w, &b, taken, err);
    ota_log(&ota_log_stderr, OTA_LOG_WARNING, "inbox: not taken: %s", err->msg);
    say_by_hand(in, product, &b, folder, st);
    return st;
}

enum ota_status ota_inbox_take(struct ota_inbox *in, const struct ota_inbox_folder *f, bool *published) {
    const struct ota_product_config *product = NULL;
    struct ota_err err;
    if (find_product(in, f, &product, &err) == OTA_OK)
        return take(in, f, product, published, &err);
    ota_log(&ota_log_stderr, OTA_LOG_WARNING, "inbox: not taken: %s", err.msg);
    return err.code;
}
