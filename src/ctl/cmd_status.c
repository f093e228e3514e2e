/* SPDX-License-Identifier: Apache-2.0 */
/* otactl status: roles, channels, what a stolen server could do, and what a person must see to. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "host/clock.h"
#include "host/role_file.h"
#include "host/words.h"
#include "sign/key_scan.h"
#include "sign/last_signed.h"
#include "sign/pki.h"
#include "store/outlook.h"

#define DAY 86400u
#define WARNINGS_MAX 32u

struct status {
    const struct ota_workspace *w;
    struct ota_repo_info info;
    struct ota_outlook outlook;
    uint64_t now, tls_expires; /* 0: no certificate to read */
    bool daemon, daemon_known, custody_known;
    struct ota_buf stolen;
    size_t warning_count;
    char *warning[WARNINGS_MAX];
};

static void status_free(struct status *s) {
    ota_repo_info_free(&s->info);
    ota_buf_free(&s->stolen);
    for (size_t i = 0; i < s->warning_count; i++)
        free(s->warning[i]);
    free(s);
}

static int64_t days_left(const struct status *s, uint64_t expires) {
    int64_t seconds = (int64_t)expires - (int64_t)s->now;
    return seconds >= 0 ? seconds / DAY : -1 - (-seconds - 1) / DAY;
}

/* ---- findings ------------------------------------------------------------------------------------------ */

static void warn(struct status *s, char *text) {
    if (s->warning_count < WARNINGS_MAX)
        s->warning[s->warning_count++] = text;
    else
        free(text);
}

static void warn_of_expiry(struct status *s) {
    char text[OTA_ERR_MSG_MAX];
    for (size_t i = 0; i < s->outlook.count; i++)
        if (ota_outlook_judge(&s->outlook.role[i], s->now, text) != OTA_OUTLOOK_WELL)
            warn(s, ota_strdup(text));
    if (s->tls_expires && ota_outlook_judge_tls(s->tls_expires, s->now, text) != OTA_OUTLOOK_WELL)
        warn(s, ota_strdup(text));
}

static bool has_role(const struct status *s, const char *name) {
    for (size_t i = 0; i < s->info.role_count; i++)
        if (strcmp(s->info.role[i].name, name) == 0)
            return true;
    return false;
}

static enum ota_status ask_last_signed(const struct ota_workspace *w, uint64_t version, struct ota_err *err) {
    OTA_CLEAN_FREE char *keys = ota_workspace_path(w, "keys");
    OTA_CLEAN(ota_buf_free) struct ota_buf timestamp = {0};
    struct ota_last_signed past;
    OTA_TRY(ota_last_signed_read(keys, &past, err));
    OTA_TRY(ota_repo_role(w, "timestamp", &timestamp, err));
    return ota_last_signed_accepts(&past, ota_buf_span(&timestamp), version, err);
}

static enum ota_status last_issued(const struct ota_workspace *w, uint64_t *issued, struct ota_err *err) {
    OTA_CLEAN_FREE char *keys = ota_workspace_path(w, "keys");
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    struct ota_last_signed past;
    bool found;
    OTA_TRY(ota_last_signed_read(keys, &past, err));
    OTA_TRY(ota_repo_role(w, "timestamp", &wire, err));
    ota_role_file_set(&f, "timestamp", ota_buf_span(&wire));
    OTA_TRY(ota_role_file_parse(&f, "timestamp", err));
    OTA_TRY(ota_timestamp_issued(&f.meta, issued, &found, err));
    if (past.issued > *issued)
        *issued = past.issued;
    return OTA_OK;
}

/* The signer does not sign in the past of what it signed. */
static void warn_of_the_clock(struct status *s) {
    char now[OTA_TIME_TEXT_MAX], then[OTA_TIME_TEXT_MAX];
    uint64_t issued = 0;
    struct ota_err ignored; /* whatever is wrong with the repository is told elsewhere */
    if (last_issued(s->w, &issued, &ignored) != OTA_OK || s->now >= issued)
        return;
    ota_time_format(s->now, now);
    ota_time_format(issued, then);
    warn(s, ota_sprintf("the clock says %s, which is before the newest signature (%s): nothing can be signed; set this "
                        "machine's clock, or, if it is right, run once: otaserve --clock-ok",
                        now, then));
}

/* A restored backup: the signer will not go on from it by itself. */
static void warn_of_the_past(struct status *s) {
    struct ota_err err;
    for (size_t i = 0; i < s->info.role_count; i++)
        if (strcmp(s->info.role[i].name, "timestamp") == 0 &&
            ask_last_signed(s->w, s->info.role[i].version, &err) != OTA_OK)
            warn(s, ota_sprintf("nothing can be signed: %s", err.msg));
}

static void find_warnings(struct status *s) {
    uint64_t ignored;
    if (!ota_clock_system.now(ota_clock_system.ctx, &ignored))
        warn(s, ota_strdup("the clock of this machine is not set: nothing can be signed"));
    warn_of_expiry(s);
    warn_of_the_clock(s);
    warn_of_the_past(s);
    for (size_t i = 0; i < s->w->config.product_count; i++)
        if (!has_role(s, s->w->config.product[i].name))
            warn(s, ota_sprintf("product %s is in ota.conf but not in the repository", s->w->config.product[i].name));
}

/* Keys and certificate as this user may see them: status must work for somebody who may not. */
static void read_custody(struct status *s) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(s->w, "keys");
    struct ota_key_list keys;
    struct ota_err err;
    s->custody_known = ota_key_scan(dir, &keys, &err) == OTA_OK;
    if (!s->custody_known) {
        keys.count = 0;
        warn(s, ota_sprintf("nothing is known about the keys here: %s", err.msg));
    }
    ota_outlook_find(&s->info, &keys, &s->outlook);
    if (!s->custody_known)
        for (size_t i = 0; i < s->outlook.count; i++)
            (void)ota_format(s->outlook.role[i].holder, sizeof s->outlook.role[i].holder, "not known");
    if (s->custody_known && ota_pki_expires(s->w, &s->tls_expires, &err) != OTA_OK)
        warn(s, ota_sprintf("boards cannot be served: %s", err.msg));
}

/* The lock is the daemon's user's alone. */
static enum ota_status ask_daemon(struct status *s, struct ota_err *err) {
    enum ota_status st = ota_repo_daemon_runs(s->w, &s->daemon, err);
    s->daemon_known = st == OTA_OK;
    return st == OTA_PERMISSION ? OTA_OK : st;
}

/* ---- output -------------------------------------------------------------------------------------------- */

static void print_certificate(const struct status *s) {
    char date[OTA_TIME_TEXT_MAX];
    if (!s->tls_expires)
        return;
    ota_time_format(s->tls_expires, date);
    printf("%-20s %12s  %-20s %6lld  %s\n", "(TLS certificate)", "", date, (long long)days_left(s, s->tls_expires),
           "keys/server.crt");
}

static void print_theft(const struct status *s) {
    struct ota_span left = ota_buf_span(&s->stolen);
    if (!s->custody_known) {
        printf("\nWhat a thief of this server could do is not known.\n");
        return;
    }
    printf("\nWhoever stole this server could:\n");
    while (left.len) {
        struct ota_span line = ota_words_take(&left, '\n');
        printf("  %.*s\n", (int)line.len, (const char *)line.p);
    }
}

static void print_text(const struct status *s) {
    char date[OTA_TIME_TEXT_MAX], share[OTA_CTL_SHARE_MAX];
    printf("workspace  %s\nboards     %s\notaserve   %s\n\n", s->w->dir,
           s->w->config.url[0] ? s->w->config.url : "no url in ota.conf",
           !s->daemon_known ? "not known whether it runs"
           : s->daemon      ? "running"
                            : "not running");
    printf("%-20s %12s  %-20s %6s  %s\n", "ROLE", "VERSION", "EXPIRES", "DAYS", "KEY");
    for (size_t i = 0; i < s->outlook.count; i++) {
        const struct ota_outlook_role *role = &s->outlook.role[i];
        ota_time_format(role->expires, date);
        printf("%-20s %12llu  %-20s %6lld  %s\n", role->name, (unsigned long long)role->version, date,
               (long long)days_left(s, role->expires), role->holder);
    }
    print_certificate(s);
    printf("\n");
    for (size_t i = 0; i < s->info.channel_count; i++) {
        const struct ota_repo_channel_info *c = &s->info.channel[i];
        printf("%s %s offers release %u to %s of its boards\n", c->product, c->name, c->channel.counter,
               ota_ctl_share(c->channel.permille, share));
    }
    if (s->info.channel_count == 0)
        printf("No channel offers a release yet.\n");
    print_theft(s);
    for (size_t i = 0; i < s->warning_count; i++)
        printf("Warning: %s\n", s->warning[i]);
}

static cJSON *roles_json(const struct status *s) {
    cJSON *list = cJSON_CreateArray();
    char date[OTA_TIME_TEXT_MAX];
    for (size_t i = 0; i < s->outlook.count; i++) {
        const struct ota_outlook_role *role = &s->outlook.role[i];
        cJSON *item = cJSON_CreateObject();
        ota_time_format(role->expires, date);
        (void)cJSON_AddStringToObject(item, "name", role->name);
        (void)cJSON_AddNumberToObject(item, "version", (double)role->version);
        (void)cJSON_AddStringToObject(item, "expires", date);
        (void)cJSON_AddNumberToObject(item, "days_left", (double)days_left(s, role->expires));
        (void)cJSON_AddStringToObject(item, "holder", role->holder);
        (void)cJSON_AddNumberToObject(item, "threshold", role->threshold);
        (void)cJSON_AddNumberToObject(item, "keys", (double)role->keys);
        (void)cJSON_AddNumberToObject(item, "keys_here", (double)role->here);
        (void)cJSON_AddBoolToObject(item, "renewed", ota_outlook_renewed(role));
        (void)cJSON_AddItemToArray(list, item);
    }
    return list;
}

static cJSON *channels_json(const struct status *s) {
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < s->info.channel_count; i++) {
        const struct ota_repo_channel_info *c = &s->info.channel[i];
        cJSON *item = cJSON_CreateObject(), *groups = cJSON_CreateArray();
        for (size_t g = 0; g < c->channel.group_count; g++)
            (void)cJSON_AddItemToArray(groups, cJSON_CreateString(c->channel.group[g]));
        (void)cJSON_AddStringToObject(item, "product", c->product);
        (void)cJSON_AddStringToObject(item, "name", c->name);
        (void)cJSON_AddNumberToObject(item, "counter", c->channel.counter);
        (void)cJSON_AddNumberToObject(item, "permille", c->channel.permille);
        (void)cJSON_AddItemToObject(item, "groups", groups);
        (void)cJSON_AddItemToArray(list, item);
    }
    return list;
}

static cJSON *theft_json(const struct status *s) {
    cJSON *list = cJSON_CreateArray();
    struct ota_span left = ota_buf_span(&s->stolen);
    while (left.len) {
        struct ota_span line = ota_words_take(&left, '\n');
        OTA_CLEAN_FREE char *text = ota_sprintf("%.*s", (int)line.len, (const char *)line.p);
        (void)cJSON_AddItemToArray(list, cJSON_CreateString(text));
    }
    return list;
}

static void print_json(const struct status *s) {
    char date[OTA_TIME_TEXT_MAX];
    cJSON *tree = cJSON_CreateObject(), *warnings = cJSON_CreateArray();
    (void)cJSON_AddStringToObject(tree, "workspace", s->w->dir);
    (void)cJSON_AddStringToObject(tree, "url", s->w->config.url);
    (void)cJSON_AddItemToObject(tree, "daemon", s->daemon_known ? cJSON_CreateBool(s->daemon) : cJSON_CreateNull());
    (void)cJSON_AddItemToObject(tree, "roles", roles_json(s));
    (void)cJSON_AddItemToObject(tree, "channels", channels_json(s));
    if (s->tls_expires) {
        ota_time_format(s->tls_expires, date);
        (void)cJSON_AddStringToObject(tree, "certificate_expires", date);
    }
    (void)cJSON_AddItemToObject(tree, "stolen_server", s->custody_known ? theft_json(s) : cJSON_CreateNull());
    for (size_t i = 0; i < s->warning_count; i++)
        (void)cJSON_AddItemToArray(warnings, cJSON_CreateString(s->warning[i]));
    (void)cJSON_AddItemToObject(tree, "warnings", warnings);
    ota_ctl_print_json(&tree);
}

static enum ota_status gather(struct status *s, struct ota_err *err) {
    s->now = ota_ctl_now();
    OTA_TRY(ota_repo_read(s->w, &s->info, err));
    OTA_TRY(ask_daemon(s, err));
    read_custody(s);
    ota_outlook_theft(&s->outlook, &s->stolen);
    find_warnings(s);
    return OTA_OK;
}

enum ota_status ota_cmd_status(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    struct status *s = ota_calloc(1, sizeof *s);
    s->w = &w;
    enum ota_status st = gather(s, err);
    if (st == OTA_OK && ota_ctl_json(args))
        print_json(s);
    else if (st == OTA_OK)
        print_text(s);
    status_free(s);
    return st;
}
