/* SPDX-License-Identifier: Apache-2.0 */
/* What in a quiet folder is new, may it be taken, and taking it. */
#include "server/inbox_take.h"

#include <string.h>
#include <sys/stat.h>

#include "host/crypto.h"
#include "host/log.h"

#define TAKEN_MAX (64u * 1024u)

/* Digests of files in the folder that need no release: one per line, kept in state/inbox/<product>.taken. */
struct digests {
    struct ota_buf before; /* as read */
    struct ota_buf now;    /* those of them that still lie there, and new ones */
};

static void digests_free(struct digests *d) {
    ota_buf_free(&d->before);
    ota_buf_free(&d->now);
}

bool ota_inbox_is_image(const struct ota_inbox_folder *f, const char *name) {
    size_t n = strlen(name);
    if (name[0] == '.')
        return false;
    return f->name[0] || (n > 4 && strcmp(name + n - 4, ".bin") == 0);
}

/* "otactl push images/thermo/a.bin ... --product thermo", for whatever the inbox does not take. */
static char *push_command(const struct ota_inbox *in, const struct ota_inbox_folder *f, const char *product) {
    OTA_CLEAN_FREE char *folder = ota_inbox_path(in, f);
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    struct ota_err ignored;
    ota_buf_str(&b, "otactl push");
    if (ota_fs_list(folder, &names, &ignored) == OTA_OK)
        for (size_t i = 0; i < names.count; i++) {
            OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", folder, names.name[i]);
            if (ota_inbox_is_image(f, names.name[i]) && ota_fs_is_file(path))
                ota_buf_printf(&b, " %s", path);
        }
    ota_buf_printf(&b, " --product %s", product);
    return ota_strdup(ota_buf_text(&b));
}

static enum ota_status writable_by_others(const char *path, struct ota_err *err) {
    struct stat st;
    if (stat(path, &st) != 0)
        return ota_fs_errno(err, path, "cannot examine");
    if (st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)))
        return OTA_OK;
    return ota_err_set(err, OTA_PERMISSION,
                       "%s: others may write here, so nothing in it is signed unasked (chmod go-w %s)", path, path);
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

static bool listed(const struct ota_buf *lines, const char *hex) {
    return strstr(ota_buf_text(lines), hex) != NULL;
}

/* Was this very image released before, by push? */
static bool in_release(const struct ota_repo_info *info, const char *product, const uint8_t sha256[OTA_SHA256_LEN]) {
    for (size_t i = 0; i < info->release_count; i++)
        for (size_t s = 0; s < info->release[i].step_count; s++)
            if (strcmp(info->release[i].product, product) == 0 &&
                memcmp(info->release[i].step[s].sha256, sha256, OTA_SHA256_LEN) == 0)
                return true;
    return false;
}

static enum ota_status digest_of(const char *path, uint8_t out[OTA_SHA256_LEN], struct ota_err *err) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source f = {.fd = -1};
    OTA_TRY(ota_file_source_open(&f, path, OTA_IMAGE_LENGTH_MAX, err));
    return ota_source_sha256(&f.source, &ota_crypto_openssl, out, err);
}

static enum ota_status check_file(const char *path, struct ota_err *err) {
    struct stat st;
    if (lstat(path, &st) != 0)
        return ota_fs_errno(err, path, "cannot examine");
    if (!S_ISREG(st.st_mode))
        return ota_err_set(err, OTA_IMAGE_KIND, "%s: is a link or a device, not a file", path);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) || (st.st_uid != geteuid() && st.st_uid != 0))
        return ota_err_set(err, OTA_PERMISSION,
                           "%s: others may write to it, so it is not signed unasked (chmod go-w %s, or chown it to the "
                           "user of otaserve)",
                           path, path);
    return OTA_OK;
}

/* Copies what is new to `stage`. */
static enum ota_status stage_file(const char *path, const char *name, const char *stage,
                                  const struct ota_repo_info *info, const char *product, struct digests *d,
                                  size_t *fresh, struct ota_err *err) {
    uint8_t sha256[OTA_SHA256_LEN];
    char hex[OTA_SHA256_HEX_LEN + 1];
    OTA_CLEAN_FREE char *copy = ota_sprintf("%s/%s", stage, name);
    OTA_TRY(check_file(path, err));
    OTA_TRY(digest_of(path, sha256, err));
    ota_hex_encode(sha256, sizeof sha256, hex);
    ota_buf_printf(&d->now, "%s\n", hex);
    if (listed(&d->before, hex) || in_release(info, product, sha256))
        return OTA_OK;
    ++*fresh;
    return ota_fs_copy(path, copy, 0600, err);
}

static enum ota_status stage_new(const struct ota_inbox *in, const struct ota_inbox_folder *f, const char *product,
                                 const char *stage, struct digests *d, size_t *fresh, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN_FREE struct ota_repo_info *info = ota_calloc(1, sizeof *info);
    OTA_CLEAN_FREE char *folder = ota_inbox_path(in, f);
    enum ota_status st = OTA_OK;
    OTA_TRY(ota_fs_remove_tree(stage, err));
    OTA_TRY(ota_fs_mkdirs(stage, 0700, err));
    OTA_TRY(ota_fs_list(folder, &names, err));
    OTA_TRY(ota_repo_read(in->w, info, err));
    for (size_t i = 0; i < names.count && st == OTA_OK; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", folder, names.name[i]);
        if (ota_inbox_is_image(f, names.name[i]) && !ota_fs_is_dir(path))
            st = stage_file(path, names.name[i], stage, info, product, d, fresh, err);
    }
    ota_repo_info_free(info);
    return st;
}

static enum ota_status publish_new(struct ota_inbox *in, const struct ota_product_config *product, const char *stage,
                                   struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf summary = {0};
    OTA_TRY(check_key(in->w, product->name, err));
    OTA_TRY(ota_publisher_take(in->publisher, product->name, product->auto_channel, stage, &summary, err));
    ota_log(&ota_log_stderr, OTA_LOG_INFO, "inbox: %s; offered %s%s", ota_buf_text(&summary),
            product->auto_channel[0] ? "on " : "to nobody", product->auto_channel);
    return OTA_OK;
}

/* The copy is nobody's business but ours: messages shall name the file that lies in the inbox. */
static enum ota_status name_original(const char *stage, const char *folder, struct ota_err *err) {
    struct ota_err renamed = *err;
    size_t n = strlen(stage);
    if (strncmp(err->msg, stage, n) == 0)
        (void)ota_format(renamed.msg, sizeof renamed.msg, "%s%s", folder, err->msg + n);
    *err = renamed;
    return err->code;
}

static enum ota_status take_new(struct ota_inbox *in, const struct ota_inbox_folder *f,
                                const struct ota_product_config *product, const char *folder, bool *published,
                                struct ota_err *err) {
    OTA_CLEAN(digests_free) struct digests d = {0};
    OTA_CLEAN_FREE char *taken =
        ota_workspace_path(in->w, "state/inbox/%s%s.taken", product->name, f->name[0] ? "" : ".loose");
    OTA_CLEAN_FREE char *stage = ota_workspace_path(in->w, "state/inbox/%s", product->name);
    struct ota_err ignored;
    size_t fresh = 0;
    enum ota_status st = ota_fs_read(taken, TAKEN_MAX, &d.before, err);
    if (st == OTA_OK || st == OTA_NOT_FOUND)
        st = stage_new(in, f, product->name, stage, &d, &fresh, err);
    if (st == OTA_OK && fresh) {
        st = publish_new(in, product, stage, err);
        *published |= st == OTA_OK;
    }
    (void)!ota_fs_remove_tree(stage, &ignored);
    return st == OTA_OK ? ota_fs_write(taken, d.now.p, d.now.len, 0600, err) : name_original(stage, folder, err);
}

static enum ota_status take(struct ota_inbox *in, const struct ota_inbox_folder *f,
                            const struct ota_product_config *product, bool *published, struct ota_err *err) {
    OTA_CLEAN_FREE char *folder = ota_inbox_path(in, f);
    OTA_TRY(check_owner(in, folder, err));
    return take_new(in, f, product, folder, published, err);
}

enum ota_status ota_inbox_take(struct ota_inbox *in, const struct ota_inbox_folder *f, bool *published) {
    const struct ota_product_config *product = NULL;
    struct ota_err err;
    enum ota_status st = find_product(in, f, &product, &err);
    if (st == OTA_OK)
        st = take(in, f, product, published, &err);
    if (st == OTA_OK)
        return OTA_OK;
    ota_log(&ota_log_stderr, OTA_LOG_WARNING, "inbox: not taken: %s", err.msg);
    if (product) {
        OTA_CLEAN_FREE char *command = push_command(in, f, product->name);
        ota_log(&ota_log_stderr, OTA_LOG_INFO, "inbox: to publish it by hand, type: %s", command);
    }
    return st;
}
