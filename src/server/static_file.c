/* SPDX-License-Identifier: Apache-2.0 */
/* One file of the repository, read or mapped once and shared by every request. */
#include "server/static_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#include "host/buf.h"
#include "host/crypto.h"
#include "host/fs.h"
#include "server/file_map.h"
#include "server/http_range.h"
#include "server/problem.h"

#define ETAG_HEX 32u
#define COPIED_MAX (64u * 1024u)

struct ota_static_file {
    atomic_uint references;   /* the cache's and each request's */
    struct ota_file_map *map; /* outlives the file until the last answer that points into it is sent */
    dev_t dev;
    ino_t ino;
    struct timespec mtime;
    enum ota_served kind;
    char etag[ETAG_HEX + 3];
    struct MHD_Response *whole, *unchanged;
};

static const char *cache_control(enum ota_served kind) {
    return kind == OTA_SERVED_TIMESTAMP ? "public, max-age=30" : "public, max-age=31536000, immutable";
}

static const char *content_type(enum ota_served kind) {
    return kind == OTA_SERVED_IMAGE ? "application/octet-stream" : "application/json";
}

static bool add(struct MHD_Response *r, const char *name, const char *value) {
    return r && MHD_add_response_header(r, name, value) == MHD_YES;
}

static bool add_common(const struct ota_static_file *f, struct MHD_Response *r) {
    return add(r, MHD_HTTP_HEADER_ETAG, f->etag) && add(r, MHD_HTTP_HEADER_CACHE_CONTROL, cache_control(f->kind)) &&
           add(r, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
}

static bool add_content(const struct ota_static_file *f, struct MHD_Response *r) {
    return add(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type(f->kind)) && add(r, "X-Content-Type-Options", "nosniff");
}

static struct MHD_Response *slice(const struct ota_static_file *f, uint64_t from, uint64_t length) {
    static char nothing[1];
    char *bytes = ota_file_map_bytes(f->map);
    ota_file_map_hold(f->map);
    struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback_cls(
        (size_t)length, bytes ? bytes + from : nothing, ota_file_map_release, f->map);
    if (!r) {
        ota_file_map_release(f->map);
        return NULL;
    }
    if (add_common(f, r))
        return r;
    MHD_destroy_response(r);
    return NULL;
}

/* The 304 is made over the same bytes: none are sent, but RFC 9110 8.6 wants the Content-Length of the 200 or none. */
static bool make_shared(struct ota_static_file *f) {
    f->whole = slice(f, 0, ota_file_map_length(f->map));
    f->unchanged = slice(f, 0, ota_file_map_length(f->map));
    return f->unchanged && add_content(f, f->whole);
}

static enum ota_status make_etag(struct ota_static_file *f, struct ota_err *err) {
    uint8_t sha256[OTA_SHA256_LEN];
    OTA_TRY(ota_sha256(&ota_crypto_openssl, ota_file_map_bytes(f->map), ota_file_map_length(f->map), sha256, err));
    f->etag[0] = '"';
    ota_hex_encode(sha256, ETAG_HEX / 2, f->etag + 1);
    f->etag[1 + ETAG_HEX] = '"';
    return OTA_OK;
}

/* Walks down one component at a time, so that no link placed anywhere below root is followed. */
static enum ota_status open_below(const char *root, const char *name, int *out, struct ota_err *err) {
    OTA_CLEAN_FD int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const char *p = name;
    char part[OTA_URL_PATH_MAX];
    for (const char *slash; dir >= 0 && (slash = strchr(p, '/')); p = slash + 1) {
        if (!ota_span_copy((struct ota_span){(const uint8_t *)p, (size_t)(slash - p)}, part, sizeof part))
            return ota_err_set(err, OTA_NOT_FOUND, "%s: name too long", name);
        int next = openat(dir, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int saved = errno;
        (void)close(dir);
        dir = next;
        errno = saved;
    }
    int fd = dir < 0 ? -1 : openat(dir, p, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return ota_fs_errno(err, name, "cannot open");
    *out = fd;
    return OTA_OK;
}

static enum ota_status read_file(struct ota_static_file *f, int fd, const char *name, struct ota_err *err) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        return ota_fs_errno(err, name, "cannot stat");
    if (!S_ISREG(st.st_mode))
        return ota_err_set(err, OTA_IO, "%s: not a regular file", name);
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->mtime = st.st_mtim;
    /* What is small is copied, so that it stays whole; mapping would gain nothing. */
    bool copied = f->kind != OTA_SERVED_IMAGE || st.st_size <= (off_t)COPIED_MAX;
    return ota_file_map_new(fd, name, (size_t)st.st_size, copied, &f->map, err);
}

static void file_free(struct ota_static_file *f) {
    if (f->whole)
        MHD_destroy_response(f->whole);
    if (f->unchanged)
        MHD_destroy_response(f->unchanged);
    if (f->map)
        ota_file_map_release(f->map);
    free(f);
}

enum ota_status ota_static_file_open(const char *root, const char *name, enum ota_served kind,
                                     struct ota_static_file **out, struct ota_err *err) {
    OTA_CLEAN_FD int fd = -1;
    OTA_TRY(open_below(root, name, &fd, err));
    struct ota_static_file *f = ota_calloc(1, sizeof *f);
    atomic_init(&f->references, 1);
    f->kind = kind;
    enum ota_status rc = read_file(f, fd, name, err);
    if (rc == OTA_OK)
        rc = make_etag(f, err);
    if (rc == OTA_OK && !make_shared(f))
        rc = ota_err_set(err, OTA_MEMORY, "%s: out of memory", name);
    if (rc != OTA_OK)
        ota_static_file_release(f);
    else
        *out = f;
    return rc;
}

void ota_static_file_hold(struct ota_static_file *f) {
    atomic_fetch_add_explicit(&f->references, 1, memory_order_relaxed);
}

void ota_static_file_release(struct ota_static_file *f) {
    if (atomic_fetch_sub_explicit(&f->references, 1, memory_order_acq_rel) == 1)
        file_free(f);
}

bool ota_static_file_same(const struct ota_static_file *f, const struct stat *st) {
    return f->ino == st->st_ino && f->dev == st->st_dev && (off_t)ota_file_map_length(f->map) == st->st_size &&
           f->mtime.tv_sec == st->st_mtim.tv_sec && f->mtime.tv_nsec == st->st_mtim.tv_nsec;
}

static enum MHD_Result answer_part(struct ota_static_file *f, struct ota_exchange *x, uint64_t from, uint64_t length) {
    char where[80];
    struct MHD_Response *r = slice(f, from, length);
    (void)ota_format(where, sizeof where, "bytes %llu-%llu/%llu", (unsigned long long)from,
                     (unsigned long long)(from + length - 1), (unsigned long long)ota_file_map_length(f->map));
    enum MHD_Result rc = MHD_NO;
    if (add_content(f, r) && add(r, MHD_HTTP_HEADER_CONTENT_RANGE, where))
        rc = ota_exchange_answer(x, MHD_HTTP_PARTIAL_CONTENT, r, length);
    if (r)
        MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result answer_unsatisfiable(struct ota_static_file *f, struct ota_exchange *x) {
    char size[40], detail[80];
    (void)ota_format(size, sizeof size, "bytes */%llu", (unsigned long long)ota_file_map_length(f->map));
    (void)ota_format(detail, sizeof detail, "the range begins past the last of %llu bytes",
                     (unsigned long long)ota_file_map_length(f->map));
    return ota_problem_answer_with(x, MHD_HTTP_RANGE_NOT_SATISFIABLE, OTA_OK, detail,
                                   (struct ota_problem_header){MHD_HTTP_HEADER_CONTENT_RANGE, size});
}

enum MHD_Result ota_static_file_answer(struct ota_static_file *f, struct ota_exchange *x) {
    uint64_t from = 0, length = 0;
    enum ota_range range = OTA_RANGE_WHOLE;
    if (ota_etag_listed(ota_exchange_header(x, MHD_HTTP_HEADER_IF_NONE_MATCH), f->etag))
        return ota_exchange_answer(x, MHD_HTTP_NOT_MODIFIED, f->unchanged, 0);
    /* RFC 9110 14.2: a range means something for GET alone. */
    if (!x->head && ota_etag_allows_range(ota_exchange_header(x, MHD_HTTP_HEADER_IF_RANGE), f->etag))
        range =
            ota_range_parse(ota_exchange_header(x, MHD_HTTP_HEADER_RANGE), ota_file_map_length(f->map), &from, &length);
    if (range == OTA_RANGE_PART)
        return answer_part(f, x, from, length);
    if (range == OTA_RANGE_UNSATISFIABLE)
        return answer_unsatisfiable(f, x);
    return ota_exchange_answer(x, MHD_HTTP_OK, f->whole, ota_file_map_length(f->map));
}
