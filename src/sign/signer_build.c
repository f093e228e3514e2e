/* SPDX-License-Identifier: Apache-2.0 */
/* BUILD: drop-in images become a signed release in state/incoming; see signer.h. */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "host/fs.h"
#include "host/role_file.h"
#include "host/shell_words.h"
#include "host/transport.h"
#include "host/workspace.h"
#include "release/build.h"
#include "sign/base.h"
#include "sign/sign.h"
#include "sign/signer.h"

enum { BUILD_PRODUCT, BUILD_FROM, BUILD_INTO, BUILD_ROLE, BUILD_TARGETS, BUILD_CHANNEL, BUILD_ROLLOUT, BUILD_PARTS };
#define DROPIN_USER "inbox"
#define EVERY_BOARD 1000u

struct order {
    const char *product, *from, *into, *channel; /* channel "": offered to nobody */
    struct ota_span role, targets, rollout;
};

/* A text without NUL in it: what follows one would be checked by nobody. */
static bool is_text(const struct ota_buf *part) {
    return part->len > 0 && memchr(part->p, 0, part->len) == NULL;
}

static enum ota_status read_order(const struct ota_signer_message *m, struct order *o, struct ota_err *err) {
    if (m->count != BUILD_PARTS || !is_text(&m->part[BUILD_PRODUCT]) || !is_text(&m->part[BUILD_FROM]) ||
        !is_text(&m->part[BUILD_INTO]))
        return ota_err_set(err, OTA_ARGUMENT, "BUILD: product, folder of images and folder to fill are wanted");
    *o = (struct order){
        .product = ota_buf_text(&m->part[BUILD_PRODUCT]),
        .from = ota_buf_text(&m->part[BUILD_FROM]),
        .into = ota_buf_text(&m->part[BUILD_INTO]),
        .channel = ota_buf_text(&m->part[BUILD_CHANNEL]),
        .role = ota_buf_span(&m->part[BUILD_ROLE]),
        .targets = ota_buf_span(&m->part[BUILD_TARGETS]),
        .rollout = ota_buf_span(&m->part[BUILD_ROLLOUT]),
    };
    return OTA_OK;
}

/* Whoever speaks for the network gets to write releases, and nothing else. */
static enum ota_status check_into(const struct ota_workspace *w, const char *into, struct ota_err *err) {
    OTA_CLEAN_FREE char *prefix = ota_workspace_path(w, "state/incoming/.tmp-");
    const size_t n = strlen(prefix);
    if (strncmp(into, prefix, n) != 0 || into[n] == '\0' || strchr(into + n, '/'))
        return ota_err_set(err, OTA_PERMISSION, "%s: releases are built in %s* only", into, prefix);
    return OTA_OK;
}

/* What the product key signs here nobody looks at first, so nobody but the owner (and root) may be able to change it.
 * Links are followed by nobody. */
static enum ota_status check_owned(const char *path, mode_t type, struct ota_err *err) {
    struct stat st;
    if (lstat(path, &st) != 0)
        return ota_fs_errno(err, path, "cannot examine");
    if ((st.st_mode & S_IFMT) != type)
        return ota_err_set(err, OTA_IMAGE_KIND, "%s: is not a %s", path, type == S_IFDIR ? "folder" : "file");
    if ((st.st_uid == geteuid() || st.st_uid == 0) && !(st.st_mode & (S_IWGRP | S_IWOTH)))
        return OTA_OK;
    OTA_CLEAN_FREE char *word = ota_shell_word(path);
    return ota_err_set(err, OTA_PERMISSION,
                       "%s: others may write here, so it is not signed by itself; chmod go-w %s, chown it to the user "
                       "of otaserve, or use otactl push",
                       path, word);
}

/* Names that begin with '.' are not images, see ota_build_open_dropins(). */
static enum ota_status check_from(const char *from, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(check_owned(from, S_IFDIR, err));
    OTA_TRY(ota_fs_list(from, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", from, names.name[i]);
        if (names.name[i][0] != '.')
            OTA_TRY(check_owned(path, S_IFREG, err));
    }
    return OTA_OK;
}

/* The role as targets, signed under the root the signer knows, delegates it. */
static enum ota_status verify_role(const struct ota_keyring *keys, const struct order *o, struct ota_signers *signers,
                                   struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file root = {0}, targets = {0}, role = {0};
    struct ota_signers top[OTA_ROLE_COUNT];
    OTA_CLEAN_FREE struct ota_role_delegations *d = ota_calloc(1, sizeof *d);
    ota_role_file_set(&root, "root", ota_buf_span(&keys->root));
    OTA_TRY(ota_role_file_open_root(&root, top, err));
    ota_role_file_set(&targets, "targets", o->targets);
    OTA_TRY(ota_role_file_open(&targets, "targets", &top[OTA_ROLE_TARGETS], err));
    OTA_TRY(ota_role_delegations_read(&targets, d, err));
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->delegation[i].name, o->product) != 0)
            continue;
        ota_role_file_set(&role, o->product, o->role);
        *signers = d->delegation[i].signers;
        return ota_role_file_open(&role, "targets", signers, err);
    }
    return ota_err_set(err, OTA_DELEGATION, "role targets: delegates to no product %s", o->product);
}

static enum ota_status open_images(const struct ota_workspace *w, const struct order *o, struct ota_build *b,
                                   struct ota_err *err) {
    const struct ota_product_config *p = NULL;
    const char *channels[OTA_CHANNELS_MAX + 1] = {0};
    OTA_TRY(ota_workspace_product(w, o->product, &p, err));
    for (size_t i = 0; i < p->channel_count; i++)
        channels[i] = p->channel[i];
    struct ota_boot_policy policy;
    OTA_TRY(ota_boot_policy_read(w, p, &policy, err));
    OTA_CLEAN_FREE char *table = ota_build_known_table(w, p->name);
    const struct ota_build_options options = {
        .product = p->name, .chip = p->chip, .channels = channels, .table = table, .policy = &policy};
    OTA_TRY(ota_build_open_dropins(b, &options, o->from, err));
    return ota_build_compress(b, NULL, err);
}

/* Nobody looks at a drop-in: what push would have to be told with --accept-change is never taken. */
static enum ota_status compare(const struct ota_workspace *w, const struct ota_sign_current *now, const char *channel,
                               struct ota_build *b, struct ota_err *err) {
    struct ota_dir_transport images;
    OTA_CLEAN_FREE char *repo = ota_workspace_path(w, "state/repo");
    ota_dir_transport_init(&images, repo, NULL);
    return ota_sign_compare(b, now, channel, &images.port, 0, err);
}

static enum ota_status write_release(const struct ota_workspace *w, const struct ota_role_keys *by,
                                     const struct order *o, struct ota_build *b, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0};
    uint64_t version;
    const struct ota_sign_current now = {.role = o->role, .rollout = o->rollout};
    OTA_TRY(ota_sign_set_base(b, &now, o->channel, err));
    OTA_TRY(compare(w, &now, o->channel, b, err));
    OTA_TRY(ota_sign_next_counter(o->role, o->product, &b->release.counter, err));
    const struct ota_sign_release release = {
        .by = *by,
        .release = &b->release,
        .role = o->role,
        .rollout = o->rollout,
        .now = (uint64_t)time(NULL),
    };
    OTA_TRY(ota_sign_release(&release, &role, &version, err));
    OTA_TRY(ota_build_write(b, o->into, NULL, err));
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", o->into);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%llu.%s.json", metadata, (unsigned long long)version, o->product);
    OTA_TRY(ota_fs_mkdirs(metadata, 0755, err));
    OTA_TRY(ota_fs_write(path, role.p, role.len, 0644, err));
    const struct ota_build_request request = {
        .channel = o->channel[0] ? o->channel : NULL,
        .permille = EVERY_BOARD,
        .groups = "*",
        .by = DROPIN_USER,
    };
    return ota_build_write_request(b, o->into, &request, err);
}

/* Remarks from `first` on. */
static void summarize(const struct ota_build *b, size_t first, struct ota_buf *out) {
    const struct ota_release *r = &b->release;
    ota_buf_printf(out, "release %u of %s, version %s:", r->counter, r->product, r->version);
    for (size_t i = 0; i < r->step_count; i++)
        ota_buf_printf(out, " %s to %s%s", r->step[i].file, r->step[i].label, i + 1 < r->step_count ? "," : "");
    for (size_t i = first; i < b->remark_count; i++)
        ota_buf_printf(out, "; note: %s", b->remark[i]);
}

enum ota_status ota_signer_build(const struct ota_keyring *keys, const struct ota_signer_message *request,
                                 struct ota_signer_message *answer, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {0};
    OTA_CLEAN(ota_build_free) struct ota_build b = {0};
    struct ota_signers signers;
    struct ota_role_keys by;
    struct order o = {0};
    OTA_TRY(read_order(request, &o, err));
    OTA_TRY(ota_workspace_open(&w, ".", err));
    OTA_TRY(check_into(&w, o.into, err));
    OTA_TRY(check_from(o.from, err));
    OTA_TRY(verify_role(keys, &o, &signers, err));
    if (ota_keyring_need(keys, o.product, &signers, &by, err) != OTA_OK)
        return ota_err_prefix(err, "images dropped in are not signed by themselves, use otactl push where the key is");
    OTA_TRY(open_images(&w, &o, &b, err));
    const size_t told_by_opening = b.remark_count; /* in words of a command line */
    OTA_TRY(write_release(&w, &by, &o, &b, err));
    summarize(&b, told_by_opening, &answer->part[0]);
    answer->type = OTA_SIGNER_BUILT;
    answer->count = 1;
    return OTA_OK;
}
