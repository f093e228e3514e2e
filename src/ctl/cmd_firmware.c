/* SPDX-License-Identifier: Apache-2.0 */
/* otactl firmware configure: what a build brings along of this workspace, in the folder trust/ of its application. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "host/fs.h"
#include "host/printable.h"
#include "store/provision.h"

#define CMAKE_MAX (1024u * 1024u)

/* One file of trust/. Nothing in it is secret: whoever has the firmware image has it, too. */
struct part {
    const char *name;
    struct ota_span bytes;
};

/* ---- the project --------------------------------------------------------------------------------------- */

static enum ota_status no_firmware(const char *folder, const char *why, struct ota_err *err) {
    return ota_err_set(err, OTA_USAGE, "%s is no ESP-IDF project: %s; name the folder that idf.py builds in", folder,
                       why);
}

static enum ota_status check_project(const char *folder, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN_FREE char *cmake = ota_sprintf("%s/CMakeLists.txt", folder);
    OTA_CLEAN_FREE char *component = ota_sprintf("%s/main/CMakeLists.txt", folder);
    if (!ota_fs_is_file(cmake))
        return no_firmware(folder, "it has no CMakeLists.txt", err);
    if (!ota_fs_is_file(component))
        return no_firmware(folder, "it has no main/CMakeLists.txt", err);
    OTA_TRY(ota_fs_read(cmake, CMAKE_MAX, &text, err));
    return strstr(ota_buf_text(&text), "project") ? OTA_OK
                                                  : no_firmware(folder, "its CMakeLists.txt names no project", err);
}

/* ---- trust.h ------------------------------------------------------------------------------------------- */

/* A C string: octal escapes have a fixed width, so that what follows cannot lengthen them; "??" would be a trigraph. */
static void put_string(struct ota_buf *out, const char *name, const char *value) {
    ota_buf_printf(out, "#define OTA_TRUST_%s \"", name);
    for (const unsigned char *c = (const unsigned char *)value; *c; c++)
        if (*c < 0x20 || *c > 0x7E || strchr("\"\\?", *c))
            ota_buf_printf(out, "\\%03o", *c);
        else
            ota_buf_printf(out, "%c", *c);
    ota_buf_str(out, "\"\n");
}

static void write_header(const struct ota_id_record *r, struct ota_buf *out) {
    ota_buf_str(out, "/* Written by `otactl firmware configure`; made again by it, and not for a repository: another\n"
                     " * fleet has other values. What a board's ota_id partition says comes before each of them. */\n"
                     "#ifndef OTA_TRUST_OF_THE_BUILD_H\n#define OTA_TRUST_OF_THE_BUILD_H\n\n");
    put_string(out, "PRODUCT", r->product);
    put_string(out, "CHANNEL", r->channel);
    put_string(out, "URL_METADATA", r->url_meta);
    put_string(out, "URL_TARGETS", r->url_targets);
    put_string(out, "URL_API", r->url_api);
    ota_buf_printf(out,
                   "/* 1: ca.pem holds the CA of the server. 0: it is empty, the certificate bundle is trusted. */\n"
                   "#define OTA_TRUST_HAS_CA %d\n\n#endif\n",
                   r->ca.len ? 1 : 0);
}

/* ---- the folder ---------------------------------------------------------------------------------------- */

static enum ota_status same(const char *folder, const struct part *p, bool *equal, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf there = {0};
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", folder, p->name);
    struct ota_err absent;
    enum ota_status st = ota_fs_read(path, CMAKE_MAX, &there, &absent);
    *equal = st == OTA_OK && ota_span_equal(ota_buf_span(&there), p->bytes);
    if (st == OTA_OK || st == OTA_NOT_FOUND || st == OTA_TOO_LARGE)
        return OTA_OK;
    *err = absent;
    return st;
}

/* Unchanged files keep their time, so that a build has nothing to do. */
static enum ota_status is_current(const char *folder, const struct part *parts, size_t count, bool *current,
                                  struct ota_err *err) {
    *current = ota_fs_is_dir(folder);
    for (size_t i = 0; i < count && *current; i++)
        OTA_TRY(same(folder, &parts[i], current, err));
    return OTA_OK;
}

static enum ota_status fill(const char *folder, const struct part *parts, size_t count, struct ota_err *err) {
    OTA_TRY(ota_fs_remove_tree(folder, err));
    OTA_TRY(ota_fs_mkdirs(folder, 0755, err));
    for (size_t i = 0; i < count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", folder, parts[i].name);
        OTA_TRY(ota_fs_write(path, parts[i].bytes.p, parts[i].bytes.len, 0644, err));
    }
    return OTA_OK;
}

/* The new root never stands beside the old addresses: the folder changes as a whole. */
static enum ota_status replace(const char *folder, const struct part *parts, size_t count, struct ota_err *err) {
    OTA_CLEAN_FREE char *temp = ota_sprintf("%s.new", folder);
    struct ota_err ignored;
    enum ota_status st = fill(temp, parts, count, err);
    if (st == OTA_OK && ota_fs_is_dir(folder)) {
        st = ota_fs_exchange(temp, folder, err);
        if (st ==
            OTA_UNSUPPORTED) { /* such a file system: a moment without the folder, which no build takes for good */
            st = ota_fs_remove_tree(folder, err);
            if (st == OTA_OK)
                st = ota_fs_rename(temp, folder, err);
        }
    } else if (st == OTA_OK) {
        st = ota_fs_rename(temp, folder, err);
    }
    (void)!ota_fs_remove_tree(temp, &ignored);
    return st;
}

/* ---- the verb ------------------------------------------------------------------------------------------ */

static enum ota_status read_record(const struct ota_args *args, struct ota_id_record *r, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    const struct ota_product_config *product;
    const struct ota_provision wanted = {
        .channel = ota_args_get(args, "channel"),
        .url = ota_args_get(args, "url"),
        .root = ota_args_get(args, "root"),
        .ca = ota_args_get(args, "ca"),
        .no_ca = ota_args_has(args, "no-ca"),
    };
    if (wanted.ca && wanted.no_ca)
        return ota_err_set(err, OTA_USAGE, "--ca and --no-ca contradict each other; give one of them");
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    OTA_TRY(ota_workspace_product(&w, ota_args_get(args, "product"), &product, err));
    return ota_provision_trust(&w, product, &wanted, r, err);
}

static void report(const struct ota_args *args, const char *project, const char *folder, const struct ota_id_record *r,
                   bool changed) {
    if (ota_ctl_json(args)) {
        cJSON *tree = cJSON_CreateObject();
        OTA_CLEAN_FREE char *safe = ota_strdup(folder);
        (void)ota_printable_clean(safe);
        (void)cJSON_AddStringToObject(tree, "folder", safe);
        (void)cJSON_AddStringToObject(tree, "product", r->product);
        (void)cJSON_AddStringToObject(tree, "channel", r->channel);
        (void)cJSON_AddStringToObject(tree, "url_metadata", r->url_meta);
        (void)cJSON_AddStringToObject(tree, "url_targets", r->url_targets);
        (void)cJSON_AddStringToObject(tree, "url_api", r->url_api);
        (void)cJSON_AddBoolToObject(tree, "ca", r->ca.len > 0);
        (void)cJSON_AddBoolToObject(tree, "changed", changed);
        ota_ctl_print_json(&tree);
        return;
    }
    ota_print_line(stdout, "%s: %s", folder, changed ? "written" : "up to date");
    ota_print_line(stdout, "  root.json  the root that boards trust first");
    ota_print_line(stdout, "  ca.pem     %s",
                   r->ca.len ? "the CA of the server" : "empty: boards trust the certificate bundle");
    ota_print_line(stdout, "  trust.h    product %s, channel %s, %s", r->product, r->channel, r->url_meta);
    printf("No secret is in it. A board also needs its identity: otactl nvs identity --id ID\n\n");
    ota_print_line(stdout, "Now: idf.py -C %s build flash", project);
}

enum ota_status ota_cmd_firmware_configure(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_id_record_free) struct ota_id_record r = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf header = {0};
    const char *project = ota_args_operands(args) ? ota_args_operand(args, 0) : "firmware";
    OTA_CLEAN_FREE char *trimmed = ota_strdup(project);
    for (size_t n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/'; n--)
        trimmed[n - 1] = '\0';
    OTA_CLEAN_FREE char *folder = ota_sprintf("%s/main/trust", trimmed);
    bool current = false;
    OTA_TRY(check_project(trimmed, err));
    OTA_TRY(read_record(args, &r, err));
    write_header(&r, &header);
    const struct part parts[] = {
        {"root.json", ota_buf_span(&r.root)},
        {"ca.pem", ota_buf_span(&r.ca)},
        {"trust.h", ota_buf_span(&header)},
    };
    OTA_TRY(is_current(folder, parts, OTA_ARRAY_LEN(parts), &current, err));
    if (!current)
        OTA_TRY(replace(folder, parts, OTA_ARRAY_LEN(parts), err));
    report(args, trimmed, folder, &r, !current);
    return OTA_OK;
}
