/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a release on their way to a server, and the release itself: the API of otaserve(8).
 *
 *   announce the files -> send what is missing, in parts -> hand over the signed role -> wait for the verdict
 *
 * Equal content is the same upload to the server, so that nothing has to be remembered here: whoever runs the same
 * push again goes on where the last one was cut off.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/progress.h"
#include "ctl/push.h"
#include "ctl/push_call.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/json_tree.h"
#include "host/status_name.h"

#define PART_BYTES (512u * 1024u)
#define FILES_MAX (2u * OTA_STEPS_MAX + 1u) /* each plain and zlib, and the notes */
#define POLL_FIRST_MS 100u
#define POLL_MAX_MS 1000u

/* One file of the release: on disk, or (path NULL) in memory. */
struct file {
    const char *path, *name;
    const uint8_t *bytes;
    char sha256[OTA_SHA256_HEX_LEN + 1];
    uint32_t length, have;
};
struct upload {
    struct ota_push *push;
    char id[64];
    size_t count;
    struct file file[FILES_MAX];
    const char *state; /* of the last answer: borrowed from `answer` */
    cJSON *answer;
};
static void upload_free(struct upload *u) {
    cJSON_Delete(u->answer);
}

/* ---- files --------------------------------------------------------------------------------------------- */

static struct file *find(struct upload *u, const char *sha256) {
    for (size_t i = 0; i < u->count; i++)
        if (strcmp(u->file[i].sha256, sha256) == 0)
            return &u->file[i];
    return NULL;
}

/* Two labels may get the same bytes: they travel once. */
static void add(struct upload *u, struct file f, const uint8_t sha256[OTA_SHA256_LEN]) {
    ota_hex_encode(sha256, OTA_SHA256_LEN, f.sha256);
    if (!find(u, f.sha256))
        u->file[u->count++] = f;
}

static void list_files(struct upload *u) {
    const struct ota_build *b = &u->push->build;
    const struct ota_release *r = &b->release;
    for (size_t i = 0; i < r->step_count; i++) {
        const struct ota_step *s = &r->step[i];
        add(u, (struct file){.path = b->path[i], .name = s->file, .length = s->length}, s->sha256);
        if (s->z_length)
            add(u, (struct file){.bytes = b->packed[i].p, .name = s->file, .length = s->z_length}, s->z_sha256);
    }
    add(u, (struct file){.bytes = b->notes.p, .name = "release.txt", .length = r->notes_length}, r->notes_sha256);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static enum ota_status bad_answer(const struct upload *u, struct ota_err *err) {
    return ota_err_set(err, OTA_HTTP, "%s: this is not how otaserve answers", u->push->server.url);
}

/* What the server says of the upload. It chooses none of our files: only those announced are looked at. */
static enum ota_status read_answer(struct upload *u, const struct ota_http_reply *r, struct ota_err *err) {
    const cJSON *f;
    ota_json_tree_free(&u->answer);
    OTA_TRY(ota_json_tree_parse(ota_buf_span(&r->body), u->push->server.url, OTA_HTTP_ANSWER_MAX, &u->answer, err));
    const char *id = ota_json_tree_string(u->answer, "id");
    u->state = ota_json_tree_string(u->answer, "state");
    if (!id || !u->state || strspn(id, "0123456789abcdef") != strlen(id) ||
        !ota_span_copy(ota_span_str(id), u->id, sizeof u->id))
        return bad_answer(u, err);
    cJSON_ArrayForEach(f, cJSON_GetObjectItemCaseSensitive(u->answer, "files")) {
        const char *sha256 = ota_json_tree_string(f, "sha256");
        const cJSON *have = cJSON_GetObjectItemCaseSensitive(f, "have");
        struct file *mine = sha256 ? find(u, sha256) : NULL;
        if (!mine || !cJSON_IsNumber(have) || have->valuedouble < 0 || have->valuedouble > mine->length)
            return bad_answer(u, err);
        mine->have = (uint32_t)have->valuedouble;
    }
    return OTA_OK;
}

static enum ota_status begin(struct upload *u, struct ota_err *err) {
    OTA_CLEAN(ota_http_reply_free) struct ota_http_reply r = {.status = 0};
    OTA_CLEAN(ota_json_tree_free) cJSON *body = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(body, "product", u->push->product->name);
    cJSON *files = cJSON_AddArrayToObject(body, "files");
    for (size_t i = 0; i < u->count; i++) {
        cJSON *f = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(f, "sha256", u->file[i].sha256);
        (void)cJSON_AddNumberToObject(f, "length", u->file[i].length);
        (void)cJSON_AddItemToArray(files, f);
    }
    OTA_CLEAN_FREE char *text = cJSON_PrintUnformatted(body);
    const struct ota_http_request req = {
        .method = "POST", .path = "/api/v1/releases", .type = "application/json", .body = ota_span_str(text)};
    OTA_TRY(ota_push_call(u->push, &req, &r, err));
    return read_answer(u, &r, err);
}

static enum ota_status look(struct upload *u, struct ota_err *err) {
    OTA_CLEAN(ota_http_reply_free) struct ota_http_reply r = {.status = 0};
    OTA_CLEAN_FREE char *path = ota_sprintf("/api/v1/releases/%s", u->id);
    OTA_TRY(ota_push_call(u->push, &(struct ota_http_request){.method = "GET", .path = path}, &r, err));
    return read_answer(u, &r, err);
}

/* ---- sending ------------------------------------------------------------------------------------------- */

static enum ota_status read_part(const struct file *f, uint32_t n, struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source source = {.fd = -1};
    out->len = 0;
    if (!f->path) {
        ota_buf_append(out, f->bytes + f->have, n);
        return OTA_OK;
    }
    OTA_TRY(ota_file_source_open(&source, f->path, OTA_IMAGE_LENGTH_MAX, err));
    if (source.source.size != f->length)
        return ota_err_set(err, OTA_HASH, "%s: changed since it was checked; push again", f->path);
    ota_buf_reserve(out, n);
    OTA_TRY(source.source.read(source.source.ctx, f->have, out->p, n, err));
    out->len = n;
    return OTA_OK;
}

static enum ota_status send_part(struct upload *u, struct file *f, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN(ota_http_reply_free) struct ota_http_reply r = {.status = 0};
    uint32_t left = f->length - f->have, n = left < PART_BYTES ? left : PART_BYTES;
    OTA_TRY(read_part(f, n, &bytes, err));
    OTA_CLEAN_FREE char *path = ota_sprintf("/api/v1/releases/%s/files/%s", u->id, f->sha256);
    OTA_CLEAN_FREE char *range = ota_sprintf("bytes %u-%u/%u", f->have, f->have + n - 1, f->length);
    const struct ota_http_request req = {.method = "PUT",
                                         .path = path,
                                         .range = range,
                                         .type = "application/octet-stream",
                                         .body = ota_buf_span(&bytes)};
    OTA_TRY(ota_push_call_once(u->push, &req, &r, err));
    f->have += n;
    u->push->server.sent_bytes += n;
    return OTA_OK;
}

/* One file to its end. After whatever went wrong the server says where to go on. */
static enum ota_status send_file(struct upload *u, struct file *f, const struct ota_build_progress *progress,
                                 struct ota_err *err) {
    struct ota_push_patience patience = {0};
    while (f->have < f->length) {
        progress->bytes(progress->ctx, f->name, f->have, f->length);
        enum ota_status st = send_part(u, f, err);
        if (st == OTA_OK) {
            patience = (struct ota_push_patience){0};
            continue;
        }
        if (st == OTA_HASH)
            return ota_err_place(err, f->path ? f->path : f->name, 0);
        if (!ota_push_may_retry(&patience, st))
            return st;
        OTA_TRY(ota_push_wait(&patience, err));
        OTA_TRY(look(u, err));
    }
    u->push->server.sent_files++;
    return OTA_OK;
}

static enum ota_status send_missing(struct upload *u, struct ota_err *err) {
    struct ota_progress_bar bar;
    const struct ota_build_progress progress = ota_progress_start(&bar, "sending");
    enum ota_status st = OTA_OK;
    for (size_t i = 0; i < u->count && st == OTA_OK; i++)
        if (u->file[i].have < u->file[i].length)
            st = send_file(u, &u->file[i], &progress, err);
    ota_progress_end(&bar);
    return st;
}

/* ---- handing over -------------------------------------------------------------------------------------- */

static enum ota_status hand_over(struct upload *u, const struct ota_buf *role, struct ota_err *err) {
    const struct ota_push *p = u->push;
    OTA_CLEAN(ota_http_reply_free) struct ota_http_reply r = {.status = 0};
    OTA_CLEAN(ota_json_tree_free) cJSON *body = cJSON_CreateObject();
    OTA_CLEAN_FREE char *path = ota_sprintf("/api/v1/releases/%s/publish", u->id);
    (void)cJSON_AddStringToObject(body, "role", ota_buf_text(role));
    if (p->channel) {
        (void)cJSON_AddStringToObject(body, "channel", p->channel);
        (void)cJSON_AddNumberToObject(body, "permille", p->permille);
    }
    OTA_CLEAN_FREE char *text = cJSON_PrintUnformatted(body);
    const struct ota_http_request req = {
        .method = "POST", .path = path, .type = "application/json", .body = ota_span_str(text)};
    enum ota_status st = ota_push_call(u->push, &req, &r, err);
    if (st == OTA_COUNTER) /* the same conflict, seen from another side */
        return ota_err_set(err, OTA_ROLLBACK, "another release came in between");
    if (st == OTA_EXISTS) /* an earlier try got through, its answer did not */
        return look(u, err);
    OTA_TRY(st);
    return read_answer(u, &r, err);
}

static enum ota_status verdict(const struct upload *u, struct ota_err *err) {
    const cJSON *why = ota_json_tree_object(u->answer, "refused");
    const char *code = why ? ota_json_tree_string(why, "code") : NULL;
    const char *detail = why ? ota_json_tree_string(why, "detail") : NULL;
    if (strcmp(u->state, "refused") != 0)
        return ota_err_set(err, OTA_HTTP, "%s: the release is %s again", u->push->server.url, u->state);
    return ota_err_set(err, code ? ota_status_by_name(ota_span_str(code)) : OTA_INTERNAL, "refused: %s",
                       detail ? detail : "no reason was given");
}

static uint64_t uptime_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static enum ota_status see_published(struct upload *u, struct ota_err *err) {
    const uint64_t until = uptime_ms() + OTA_PUSH_WAIT_MS;
    for (unsigned ms = POLL_FIRST_MS; strcmp(u->state, "queued") == 0; ms = ms < POLL_MAX_MS ? 2 * ms : POLL_MAX_MS) {
        if (ota_push_stopped())
            return ota_err_set(err, OTA_INTERRUPTED,
                               "stopped; %s has the release and publishes it: otactl releases there shows it",
                               u->push->server.url);
        if (uptime_ms() > until)
            return ota_err_set(err, OTA_BUSY,
                               "%s did not publish within %u s (its log says more); the release stays queued there",
                               u->push->server.url, OTA_PUSH_WAIT_MS / 1000u);
        (void)nanosleep(&(struct timespec){.tv_nsec = (long)(ms % 1000u) * 1000000L, .tv_sec = ms / 1000u}, NULL);
        OTA_TRY(look(u, err));
    }
    return strcmp(u->state, "published") == 0 ? OTA_OK : verdict(u, err);
}

static enum ota_status upload(struct upload *u, const struct ota_buf *role, struct ota_err *err) {
    OTA_TRY(begin(u, err));
    OTA_TRY(send_missing(u, err));
    OTA_TRY(hand_over(u, role, err));
    return see_published(u, err);
}

enum ota_status ota_push_upload(struct ota_push *p, const struct ota_buf *role, struct ota_err *err) {
    OTA_CLEAN(upload_free) struct upload u = {.push = p};
    list_files(&u);
    p->server.files = (unsigned)u.count;
    enum ota_status st = upload(&u, role, err);
    if (st == OTA_NOT_FOUND) /* given up there meanwhile, or a file was pruned: from the start */
        st = upload(&u, role, err);
    return st;
}
