/* SPDX-License-Identifier: Apache-2.0 */
/* GET /healthz */
#include "server/health.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "host/clock.h"
#include "host/log.h"
#include "ota/scan.h"
#include "server/problem.h"

#define MIB (1024u * 1024u)
#define HEALTH_TEXT_MAX (32u * 1024u)
#define SIGNER_PATIENCE_S 60u
#define CLOCK_SLACK_S 300u

static void reason(struct ota_health_reasons *out, bool failing, const char *about, const char *fmt, ...)
    OTA_PRINTF(4, 5);
static void reason(struct ota_health_reasons *out, bool failing, const char *about, const char *fmt, ...) {
    va_list args;
    if (failing)
        out->failing = true;
    if (out->count == OTA_HEALTH_REASONS_MAX)
        return;
    struct ota_health_reason *r = &out->reason[out->count++];
    r->failing = failing;
    r->about = about;
    va_start(args, fmt);
    (void)ota_vformat(r->text, sizeof r->text, fmt, args);
    va_end(args);
}

static void judge_outlook(const struct ota_health_facts *f, uint64_t now, struct ota_health_reasons *out) {
    char text[OTA_ERR_MSG_MAX];
    enum ota_outlook_level level;
    for (size_t i = 0; i < f->outlook.count; i++) {
        level = ota_outlook_judge(&f->outlook.role[i], now, text);
        if (level != OTA_OUTLOOK_WELL)
            reason(out, level == OTA_OUTLOOK_EXPIRED, "expiry", "%s", text);
    }
    level = ota_outlook_judge_tls(f->tls_expires, now, text);
    if (level != OTA_OUTLOOK_WELL)
        reason(out, level == OTA_OUTLOOK_EXPIRED, "tls", "%s", text);
}

void ota_health_judge(const struct ota_health_facts *f, uint64_t now, struct ota_health_reasons *out) {
    memset(out, 0, sizeof *out);
    if (f->moved) { /* and nothing else that is read below it means anything */
        reason(out, true, "workspace",
               "the workspace was moved, removed or replaced: nothing is served; put it back, or start otaserve where "
               "it is now");
        return;
    }
    if (f->repo_error[0])
        reason(out, true, "repository", "%s", f->repo_error);
    if (!f->signer_running)
        reason(out, now - f->signer_down_since > SIGNER_PATIENCE_S, "signer",
               "otaserve-signer is not running and is being started again%s%s", f->signer_error[0] ? ": " : "",
               f->signer_error);
    else if (f->signer_error[0])
        reason(out, false, "signer", "%s", f->signer_error);
    if (!f->clock_set)
        reason(out, false, "clock", "the clock was never set; start NTP");
    else if (f->published > now + CLOCK_SLACK_S)
        reason(out, true, "clock", "the clock is before the last publication; nothing is signed until it is right");
    if (f->disk_free < 8u * MIB)
        reason(out, true, "disk",
               "%llu MiB are free for state/: nothing can be published. "
               "Make room: releases that were pruned keep their images for 30 days",
               (unsigned long long)(f->disk_free / MIB));
    else if (f->disk_free < 128u * MIB)
        reason(out, false, "disk", "only %llu MiB are free for state/", (unsigned long long)(f->disk_free / MIB));
    judge_outlook(f, now, out);
}

void ota_health_init(struct ota_health *h) {
    memset(h, 0, sizeof *h);
    (void)pthread_mutex_init(&h->lock, NULL);
}

void ota_health_free(struct ota_health *h) {
    (void)pthread_mutex_destroy(&h->lock);
}

static bool told(const struct ota_health_reasons *before, const struct ota_health_reason *r) {
    for (size_t i = 0; i < before->count; i++)
        if (strcmp(before->reason[i].text, r->text) == 0)
            return true;
    return false;
}

/* One line at the start, for the day nobody thinks of yet. */
static void log_next(const struct ota_outlook *o) {
    char when[OTA_TIME_TEXT_MAX];
    const struct ota_outlook_role *next = ota_outlook_next(o);
    if (!next)
        return;
    ota_time_format(next->expires, when);
    ota_log(&ota_log_stderr, OTA_LOG_INFO, "the next role that only a person can renew is %s, before %s; its key: %s",
            next->name, when, next->holder);
}

void ota_health_update(struct ota_health *h, const struct ota_health_facts *facts, uint64_t now) {
    struct ota_health_reasons found;
    (void)pthread_mutex_lock(&h->lock);
    h->facts = *facts;
    (void)pthread_mutex_unlock(&h->lock);
    ota_health_judge(facts, now, &found);
    for (size_t i = 0; i < found.count; i++)
        if (!told(&h->told, &found.reason[i]))
            ota_log(&ota_log_stderr, found.reason[i].failing ? OTA_LOG_ERROR : OTA_LOG_WARNING, "%s",
                    found.reason[i].text);
    h->told = found;
    if (!h->started)
        log_next(&facts->outlook);
    h->started = true;
}

static void write_roles(struct ota_json *j, const struct ota_health_facts *f) {
    char when[OTA_TIME_TEXT_MAX];
    ota_json_key(j, "roles");
    ota_json_array(j);
    for (size_t i = 0; i < f->outlook.count; i++) {
        const struct ota_outlook_role *r = &f->outlook.role[i];
        ota_time_format(r->expires, when);
        ota_json_object(j);
        ota_json_key(j, "expires");
        ota_json_str(j, when);
        ota_json_key(j, "holder");
        ota_json_str(j, r->holder);
        ota_json_key(j, "keys");
        ota_json_u64(j, r->keys);
        ota_json_key(j, "keys_here");
        ota_json_u64(j, r->here);
        ota_json_key(j, "name");
        ota_json_str(j, r->name);
        ota_json_key(j, "renewed");
        ota_json_bool(j, ota_outlook_renewed(r));
        ota_json_key(j, "threshold");
        ota_json_u64(j, r->threshold);
        ota_json_key(j, "version");
        ota_json_u64(j, r->version);
        ota_json_object_end(j);
    }
    ota_json_array_end(j);
}

static void write_reasons(struct ota_json *j, const struct ota_health_reasons *r) {
    ota_json_key(j, "reasons");
    ota_json_array(j);
    for (size_t i = 0; i < r->count; i++) {
        ota_json_object(j);
        ota_json_key(j, "about");
        ota_json_str(j, r->reason[i].about);
        ota_json_key(j, "level");
        ota_json_str(j, r->reason[i].failing ? "failing" : "warning");
        ota_json_key(j, "text");
        ota_json_str(j, r->reason[i].text);
        ota_json_object_end(j);
    }
    ota_json_array_end(j);
}

static size_t health_text(const struct ota_health_facts *f, const struct ota_health_reasons *r, char *out, size_t cap) {
    struct ota_json j;
    char published[OTA_TIME_TEXT_MAX];
    ota_time_format(f->published, published);
    ota_json_init(&j, out, cap, false);
    ota_json_object(&j);
    ota_json_key(&j, "disk_free");
    ota_json_u64(&j, f->disk_free);
    ota_json_key(&j, "published");
    ota_json_str(&j, published);
    write_reasons(&j, r);
    write_roles(&j, f);
    ota_json_key(&j, "signer");
    ota_json_str(&j, f->signer_running ? "running" : "stopped");
    ota_json_key(&j, "status");
    ota_json_str(&j, r->failing ? "failing" : r->count ? "warning" : "ok");
    ota_json_key(&j, "version");
    ota_json_str(&j, OTA_PROGRAM_VERSION);
    ota_json_object_end(&j);
    return j.bad ? 0 : j.len;
}

enum MHD_Result ota_health_get(struct ota_health *h, struct ota_exchange *x) {
    struct ota_health_facts facts;
    struct ota_health_reasons reasons;
    (void)pthread_mutex_lock(&h->lock);
    facts = h->facts;
    (void)pthread_mutex_unlock(&h->lock);
    ota_health_judge(&facts, (uint64_t)time(NULL), &reasons);
    OTA_CLEAN_FREE char *text = malloc(HEALTH_TEXT_MAX);
    size_t n = text ? health_text(&facts, &reasons, text, HEALTH_TEXT_MAX) : 0;
    if (!n)
        return ota_problem_answer(x, MHD_HTTP_INTERNAL_SERVER_ERROR, OTA_MEMORY, "out of memory");
    struct MHD_Response *r = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result rc = MHD_NO;
    if (r && MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json") == MHD_YES &&
        MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES)
        rc = ota_exchange_answer(x, reasons.failing ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK, r, n);
    if (r)
        MHD_destroy_response(r);
    return rc;
}

static void read_roles(const struct ota_workspace *w, const struct ota_key_list *keys, struct ota_health_facts *f) {
    struct ota_err err;
    OTA_CLEAN_FREE struct ota_repo_info *info = ota_calloc(1, sizeof *info);
    if (ota_repo_read(w, info, &err) != OTA_OK) {
        (void)ota_format(f->repo_error, sizeof f->repo_error, "%s", err.msg);
        return;
    }
    ota_outlook_find(info, keys, &f->outlook);
    ota_repo_info_free(info);
}

void ota_health_read(const struct ota_workspace *w, const struct ota_key_list *keys, struct ota_health_facts *f) {
    OTA_CLEAN_FREE char *state = ota_workspace_path(w, "state");
    OTA_CLEAN_FREE char *timestamp = ota_workspace_path(w, "state/repo/metadata/timestamp.json");
    struct statvfs fs;
    struct stat st;
    uint64_t now;
    f->repo_error[0] = '\0';
    f->outlook.count = 0;
    read_roles(w, keys, f);
    f->disk_free = statvfs(state, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
    f->published = stat(timestamp, &st) == 0 ? (uint64_t)st.st_mtime : 0;
    f->clock_set = ota_clock_system.now(ota_clock_system.ctx, &now);
}
