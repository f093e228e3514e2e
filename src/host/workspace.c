/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a workspace and reads its ota.conf. */
#include "host/workspace.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/buf.h"
#include "host/fs.h"

#define CONF "ota.conf"
#define INIT_COMMAND "otactl init DIR --product NAME --chip esp32c3"

/* Upward from `dir` (absolute), as git looks for its folder. NULL when there is none. */
static char *search_upward(const char *dir) {
    OTA_CLEAN_FREE char *at = ota_strdup(dir);
    for (;;) {
        OTA_CLEAN_FREE char *conf = ota_sprintf("%s/" CONF, at);
        if (ota_fs_is_file(conf))
            return ota_strdup(at);
        char *slash = strrchr(at, '/');
        if (!slash || at[0] == '\0')
            return NULL;
        *slash = '\0';
    }
}

static enum ota_status open_named(struct ota_workspace *w, const char *dir, const char *given_by, struct ota_err *err) {
    w->dir = realpath(dir, NULL);
    if (!w->dir && errno != ENOENT && errno != ENOTDIR)
        return ota_fs_errno(err, dir, given_by);
    if (!w->dir)
        return ota_err_set(
            err, OTA_WORKSPACE,
            "%s: no such folder (%s); make a workspace there: otactl init %s --product NAME --chip esp32c3", dir,
            given_by, dir);
    OTA_CLEAN_FREE char *conf = ota_sprintf("%s/" CONF, w->dir);
    if (!ota_fs_exists(conf))
        return ota_err_set(err, OTA_WORKSPACE,
                           "%s: no workspace there, " CONF
                           " is missing (%s); make one: otactl init %s --product NAME --chip esp32c3",
                           dir, given_by, dir);
    return OTA_OK;
}

static enum ota_status find_dir(struct ota_workspace *w, const char *dir, struct ota_err *err) {
    if (dir)
        return open_named(w, dir, "-C", err);
    const char *home = getenv("OTA_HOME");
    if (home && home[0])
        return open_named(w, home, "$OTA_HOME", err);
    OTA_CLEAN_FREE char *cwd = realpath(".", NULL);
    if (!cwd)
        return ota_fs_errno(err, ".", "current folder");
    w->dir = search_upward(cwd);
    if (!w->dir)
        return ota_err_set(
            err, OTA_WORKSPACE,
            "no workspace here or in any folder above; go into one, name it with -C DIR, or make one: " INIT_COMMAND);
    return OTA_OK;
}

static enum ota_status read_config(struct ota_workspace *w, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/" CONF, w->dir);
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_TRY(ota_fs_read(path, OTA_CONFIG_MAX, &text, err));
    return ota_config_parse(ota_buf_span(&text), path, &w->config, err);
}

enum ota_status ota_workspace_open(struct ota_workspace *w, const char *dir, struct ota_err *err) {
    memset(w, 0, sizeof *w);
    enum ota_status st = find_dir(w, dir, err);
    if (st == OTA_OK)
        st = read_config(w, err);
    if (st != OTA_OK)
        ota_workspace_close(w);
    return st;
}

void ota_workspace_close(struct ota_workspace *w) {
    free(w->dir);
    w->dir = NULL;
}

char *ota_workspace_path(const struct ota_workspace *w, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    OTA_CLEAN_FREE char *rest = ota_vsprintf(fmt, args);
    va_end(args);
    return ota_sprintf("%s/%s", w->dir, rest);
}

static const char *product_names(const struct ota_config *c, char *out, size_t cap) {
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < c->product_count && len < cap; i++)
        len += ota_format(out + len, cap - len, "%s%s", i ? ", " : "", c->product[i].name);
    return out;
}

enum ota_status ota_workspace_product(const struct ota_workspace *w, const char *name,
                                      const struct ota_product_config **out, struct ota_err *err) {
    char names[128];
    if (w->config.product_count == 0)
        return ota_err_set(err, OTA_CONFIG, "%s/" CONF ": there is no [product NAME] section", w->dir);
    if (!name && w->config.product_count > 1)
        return ota_err_set(err, OTA_USAGE, "which product? Add --product with one of: %s",
                           product_names(&w->config, names, sizeof names));
    *out = name ? ota_config_product(&w->config, name) : &w->config.product[0];
    if (!*out)
        return ota_err_set(err, OTA_USAGE, "no product \"%s\" in " CONF "; it has: %s", name,
                           product_names(&w->config, names, sizeof names));
    return OTA_OK;
}
