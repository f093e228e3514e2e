/* SPDX-License-Identifier: Apache-2.0 */
/* otactl push: reads the command line, builds and checks the release, hands it to push_publish.c. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/progress.h"
#include "ctl/push.h"
#include "host/fs.h"
#include "host/printable.h"
#include "release/build_compare.h"

#define PERMILLE_ALL 1000u

/* What the options of the build borrow. */
struct words {
    const char *channels[OTA_CHANNELS_MAX + 1];
    const char **with, **key;
    char *table;
    struct ota_buf notes;
    bool has_notes;
    struct ota_boot_policy policy;
};
static void words_free(struct words *v) {
    free(v->with);
    free(v->key);
    free(v->table);
    ota_buf_free(&v->notes);
}

/* "25%", "2.5%", "25" */
static enum ota_status parse_share(const char *text, uint16_t *permille, struct ota_err *err) {
    unsigned whole = 0, tenth = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && whole <= 100; p++)
        whole = whole * 10 + (unsigned)(*p - '0');
    if (p > text && p[0] == '.' && p[1] >= '0' && p[1] <= '9') {
        tenth = (unsigned)(p[1] - '0');
        p += 2;
    }
    if (*p == '%')
        p++;
    if (p == text || *p || text[0] < '0' || text[0] > '9' || whole * 10 + tenth > PERMILLE_ALL)
        return ota_err_set(err, OTA_USAGE, "--share \"%.20s\" is no share from 0%% to 100%%, as 25%% or 2.5%%", text);
    *permille = (uint16_t)(whole * 10 + tenth);
    return OTA_OK;
}

static enum ota_status read_share(const struct ota_args *args, struct ota_push *p, struct ota_err *err) {
    const char *share = ota_args_get(args, "share");
    bool has_permille = ota_args_has(args, "permille");
    uint64_t permille;
    if (share && has_permille)
        return ota_err_set(err, OTA_USAGE, "--share and --permille say the same; give one of them");
    if ((share || has_permille) && !p->channel)
        return ota_err_set(err, OTA_USAGE, "a share of which channel? Add --channel NAME");
    if (share)
        return parse_share(share, &p->permille, err);
    OTA_TRY(ota_args_number(args, "permille", 0, PERMILLE_ALL, PERMILLE_ALL, &permille, err));
    p->permille = (uint16_t)permille;
    return OTA_OK;
}

static enum ota_status read_channel(const struct ota_args *args, struct ota_push *p, struct words *v,
                                    struct ota_err *err) {
    const struct ota_product_config *product = p->product;
    const char *wanted = ota_args_get(args, "channel");
    for (size_t i = 0; i < product->channel_count; i++) {
        v->channels[i] = product->channel[i];
        if (wanted && strcmp(wanted, product->channel[i]) == 0)
            p->channel = product->channel[i];
    }
    if (!wanted)
        p->channel = product->default_channel[0] ? product->default_channel : NULL;
    if (!wanted || p->channel)
        return OTA_OK;
    const char *near = ota_args_nearest(wanted, v->channels);
    OTA_CLEAN(ota_buf_free) struct ota_buf all = {0};
    for (size_t i = 0; i < product->channel_count; i++)
        ota_buf_printf(&all, "%s%s", i ? ", " : "", product->channel[i]);
    return ota_err_set(err, OTA_USAGE, "product %s has no channel \"%.40s\"; %s%s%s", product->name, wanted,
                       near ? "did you mean \"" : "ota.conf lists: ", near ? near : ota_buf_text(&all),
                       near ? "\"?" : "");
}

static enum ota_status read_notes(const struct ota_args *args, struct words *v, struct ota_err *err) {
    const char *path = ota_args_get(args, "notes");
    if (!path)
        return OTA_OK;
    OTA_TRY(ota_fs_read(path, OTA_NOTES_MAX, &v->notes, err));
    if (v->notes.len == 0 || memchr(v->notes.p, '\0', v->notes.len))
        return ota_err_set(err, OTA_ARGUMENT, "%s: is empty or no text; release notes are UTF-8", path);
    v->has_notes = true;
    return OTA_OK;
}

static const char **all_of(const struct ota_args *args, const char *option) {
    size_t count = ota_args_count(args, option);
    const char **list = ota_calloc(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = ota_args_at(args, option, i);
    return list;
}

static enum ota_status read_server(const struct ota_args *args, struct ota_push *p, struct ota_err *err) {
    static const char *const remote_only[] = {"root", "ca", "token-file"};
    const char *given = ota_args_get(args, "server"), *url = given ? given : p->w->config.server;
    p->place = url[0] ? &ota_push_remote : p->is_unsigned ? &ota_push_draft : &ota_push_local;
    if (url[0] && p->is_unsigned)
        return ota_err_set(err, OTA_USAGE, "--unsigned leaves the release in a workspace; it cannot go to a server");
    if (p->is_unsigned && p->key[0])
        return ota_err_set(err, OTA_USAGE, "--unsigned and --key contradict each other; give one of them");
    for (size_t i = 0; !url[0] && i < OTA_ARRAY_LEN(remote_only); i++)
        if (ota_args_has(args, remote_only[i]))
            return ota_err_set(err, OTA_USAGE, "--%s is for a push to a server; add --server URL", remote_only[i]);
    if (!url[0])
        return OTA_OK;
    if (strncmp(url, "https://", 8) != 0)
        return ota_err_set(err, OTA_USAGE, "--server \"%.80s\" is no https:// address", url);
    p->server = (struct ota_push_server){
        .url = url,
        .root = ota_args_get(args, "root"),
        .ca = ota_args_get(args, "ca"),
        .token_file = ota_args_get(args, "token-file"),
    };
    return OTA_OK;
}

static enum ota_status read_options(const struct ota_args *args, struct ota_push *p, struct words *v,
                                    struct ota_build_options *o, struct ota_err *err) {
    uint64_t from_min;
    OTA_TRY(read_channel(args, p, v, err));
    OTA_TRY(read_share(args, p, err));
    OTA_TRY(read_notes(args, v, err));
    OTA_TRY(ota_boot_policy_read(p->w, p->product, &v->policy, err));
    for (size_t i = 0; i < ota_args_count(args, "accept-change"); i++)
        OTA_TRY(ota_build_accept(ota_args_at(args, "accept-change", i), &p->accept, err));
    OTA_TRY(ota_args_number(args, "from-min", 0, OTA_COUNTER_MAX, 0, &from_min, err));
    v->with = all_of(args, "with");
    const char *table = ota_args_get(args, "table");
    v->table = table ? ota_strdup(table) : ota_build_known_table(p->w, p->product->name);
    p->dry_run = ota_args_has(args, "dry-run");
    *o = (struct ota_build_options){
        .product = p->product->name,
        .chip = p->product->chip,
        .channels = v->channels,
        .version = ota_args_get(args, "version"),
        .with = v->with,
        .table = v->table,
        .sdkconfig = ota_args_get(args, "sdkconfig"),
        .notes = v->has_notes ? ota_buf_text(&v->notes) : NULL,
        .compatible = ota_args_has(args, "compatible"),
        .accept_risk = ota_args_has(args, "accept-brick-risk"),
        .from_min = (uint32_t)from_min,
        .policy = &v->policy,
    };
    return OTA_OK;
}

/* Without an operand: where somebody who just typed `idf.py build` stands. */
static enum ota_status own_build_folder(const char **out, struct ota_err *err) {
    static const char *const usual[] = {".", "build"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(usual); i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/flasher_args.json", usual[i]);
        *out = usual[i];
        if (ota_fs_is_file(path))
            return OTA_OK;
    }
    return ota_err_set(err, OTA_USAGE,
                       "push what? Neither here nor in build/ is a flasher_args.json; name the build folder of idf.py, "
                       "or image files");
}

static enum ota_status build_operands(const struct ota_args *args, struct ota_push *p,
                                      const struct ota_build_options *o, struct ota_err *err) {
    size_t count = ota_args_operands(args);
    const char *folder = NULL;
    if (count == 0)
        OTA_TRY(own_build_folder(&folder, err));
    else if (count == 1 && ota_fs_is_dir(ota_args_operand(args, 0)))
        folder = ota_args_operand(args, 0);
    if (folder && ota_args_has(args, "table"))
        return ota_err_set(err, OTA_USAGE, "--table is for single images; a build folder brings its own table");
    if (folder)
        return ota_build_open_folder(&p->build, o, folder, err);
    if (o->with[0])
        return ota_err_set(err, OTA_USAGE, "--with chooses from a build folder; name the other images as FILE:LABEL");
    OTA_CLEAN_FREE const char **operands = ota_calloc(count, sizeof *operands);
    for (size_t i = 0; i < count; i++)
        operands[i] = ota_args_operand(args, i);
    return ota_build_open_files(&p->build, o, operands, count, err);
}

static enum ota_status check_and_build(const struct ota_args *args, struct ota_push *p, struct words *v,
                                       struct ota_err *err) {
    struct ota_build_options o;
    struct ota_progress_bar bar;
    OTA_TRY(read_options(args, p, v, &o, err));
    o.progress = ota_progress_start(&bar, "checking");
    enum ota_status st = build_operands(args, p, &o, err);
    ota_progress_end(&bar);
    if (st != OTA_OK || ota_args_has(args, "no-compress"))
        return st;
    o.progress = ota_progress_start(&bar, "compressing");
    st = ota_build_compress(&p->build, &o.progress, err);
    ota_progress_end(&bar);
    return st;
}

/* Read before any lock is taken: what is printed first, and all that a dry run needs. */
static enum ota_status compare_with_published(struct ota_push *p, struct ota_err *err) {
    OTA_CLEAN(ota_push_current_free) struct ota_push_current current = {.role = {0}};
    OTA_TRY(p->place->read(p, &current, err));
    OTA_TRY(ota_push_set_base(p, &current, err));
    return ota_push_compare(p, &current, err);
}

/* The release is out whatever comes of this. */
static void remember_table(const struct ota_push *p) {
    struct ota_err why;
    if (ota_build_remember_table(&p->build, p->w, &why) != OTA_OK)
        ota_print_line(stderr, "note: the partition table is not remembered for later pushes: %s", why.msg);
}

static enum ota_status push(const struct ota_args *args, struct ota_push *p, struct ota_err *err) {
    OTA_CLEAN(words_free) struct words v = {.key = all_of(args, "key")};
    bool json = ota_ctl_json(args);
    p->key = v.key;
    p->is_unsigned = ota_args_has(args, "unsigned");
    p->passphrase = ota_passphrase_source(ota_args_get(args, "passphrase-file"));
    OTA_TRY(read_server(args, p, err));
    OTA_TRY(ota_workspace_product(p->w, ota_args_get(args, "product"), &p->product, err));
    OTA_TRY(check_and_build(args, p, &v, err));
    OTA_TRY(compare_with_published(p, err));
    OTA_TRY(ota_push_ask_fleet(p, err));
    if (!json)
        ota_push_print_plan(p);
    if (!p->dry_run) {
        OTA_TRY(ota_push_publish(p, err));
        remember_table(p);
    }
    if (json)
        ota_push_print_json(p);
    else
        ota_push_print_outcome(p);
    return OTA_OK;
}

enum ota_status ota_cmd_push(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    struct ota_push *p = ota_calloc(1, sizeof *p);
    p->w = &w;
    p->lock = -1;
    enum ota_status st = push(args, p, err);
    ota_build_free(&p->build);
    free(p);
    return st;
}
