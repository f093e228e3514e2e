/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of a bundle: headers, bodies, and the order in which its members stand. */
#include "ota/bundle.h"

#include <string.h>

#include "core/bundle_private.h"

#define METADATA "metadata/"
#define TARGETS "targets/"
#define ZERO_BLOCKS_MAX 32u /* tar fills up to 20 blocks */
#define READ_SIZE 512u

/* ---- names --------------------------------------------------------------------------------------------- */

static const char *const roles[] = {
    [OTA_BUNDLE_ROOTS] = "root",      [OTA_BUNDLE_TIMESTAMP] = "timestamp", [OTA_BUNDLE_SNAPSHOT] = "snapshot",
    [OTA_BUNDLE_TARGETS] = "targets", [OTA_BUNDLE_ROLLOUT] = "rollout",
};

static const char *role_name(const struct ota_bundle *b) {
    return b->part == OTA_BUNDLE_PRODUCT ? b->a->cfg.identity.product : roles[b->part];
}

static size_t role_cap(enum ota_bundle_part part) {
    switch (part) {
    case OTA_BUNDLE_TIMESTAMP:
        return OTA_CAP_TIMESTAMP;
    case OTA_BUNDLE_PRODUCT:
        return OTA_CAP_PRODUCT;
    default:
        return OTA_METADATA_MAX;
    }
}

static const char *after(const char *path, const char *start) {
    size_t n = strlen(start);
    return strncmp(path, start, n) == 0 ? path + n : NULL;
}

/* "<digits><rest>": the number, 0 when it is not of that form. */
static uint64_t number_before(const char *s, const char *rest) {
    uint64_t n = 0;
    const char *p = s;
    for (; *p >= '0' && *p <= '9' && n < UINT64_MAX / 100u; p++)
        n = n * 10u + (uint64_t)(*p - '0');
    return p > s && strcmp(p, rest) == 0 ? n : 0;
}

static bool names_role(const struct ota_bundle *b, const char *file, uint64_t *version) {
    char rest[OTA_TRUST_FILE_MAX];
    *version = 1;
    if (b->part == OTA_BUNDLE_TIMESTAMP)
        return strcmp(file, "timestamp.json") == 0;
    ota_format(rest, sizeof rest, ".%s.json", role_name(b));
    *version = number_before(file, rest);
    return *version > 0;
}

/* ---- a member begins ----------------------------------------------------------------------------------- */

static enum ota_status out_of_order(const struct ota_bundle *b, const char *path, struct ota_err *err) {
    return ota_err_set(err, OTA_BUNDLE, "%s where %s must stand: make the bundle anew with otactl bundle", path,
                       b->part == OTA_BUNDLE_NOTES ? "a release.txt" : role_name(b));
}

/* "targets/img/<product>/<counter>/<sha256>.release.txt" */
static enum ota_status begin_notes(struct ota_bundle *b, const struct ota_tar_member *m, struct ota_err *err) {
    static const char tail[] = "."
                               "release.txt";
    const char *product = b->a->cfg.identity.product;
    const char *rest = after(m->path, TARGETS "img/");
    const char *slash = rest ? strchr(rest, '/') : NULL;
    size_t len = rest ? strlen(rest) : 0;
    uint64_t counter = 0;
    if (!slash || len < sizeof tail || strcmp(rest + len - (sizeof tail - 1), tail) != 0)
        return out_of_order(b, m->path, err);
    if ((size_t)(slash - rest) != strlen(product) || strncmp(rest, product, strlen(product)) != 0)
        return ota_err_set(err, OTA_BUNDLE, "a bundle for product %.*s; this board is a %s", (int)(slash - rest), rest,
                           product);
    const char *number = slash + 1;
    for (; *number >= '0' && *number <= '9' && counter <= OTA_COUNTER_MAX; number++)
        counter = counter * 10u + (uint64_t)(*number - '0');
    if (*number != '/' || counter == 0 || counter > OTA_COUNTER_MAX || m->size > OTA_NOTES_MAX)
        return out_of_order(b, m->path, err);
    b->counter = (uint32_t)counter;
    b->wanted = false;
    b->part = OTA_BUNDLE_ROOTS;
    return OTA_OK;
}

static enum ota_status begin_role(struct ota_bundle *b, const struct ota_tar_member *m, struct ota_err *err) {
    const char *file = after(m->path, METADATA);
    if (b->part == OTA_BUNDLE_ROOTS && b->roots > 0 && file && strcmp(file, "timestamp.json") == 0)
        b->part = OTA_BUNDLE_TIMESTAMP;
    if (!file || !names_role(b, file, &b->version))
        return out_of_order(b, m->path, err);
    const size_t room = b->a->cfg.cap - b->a->trust.key_bytes, cap = role_cap(b->part);
    if (m->size > (cap < room ? cap : room))
        return ota_err_set(err, OTA_TOO_LARGE, "%s: larger than its cap", m->path);
    b->wanted = true;
    b->have = 0;
    return OTA_OK;
}

static enum ota_status begin_member(struct ota_bundle *b, const struct ota_tar_member *m, struct ota_err *err) {
    b->body = m->size;
    b->padding = (OTA_TAR_BLOCK - m->size % OTA_TAR_BLOCK) % OTA_TAR_BLOCK;
    b->have = 0;
    if (b->part == OTA_BUNDLE_NOTES)
        return begin_notes(b, m, err);
    if (b->part < OTA_BUNDLE_IMAGES)
        return begin_role(b, m, err);
    const char *path = after(m->path, TARGETS);
    if (!path)
        return ota_err_set(err, OTA_BUNDLE, "%s: no image of release %u", m->path, (unsigned)b->counter);
    return ota_bundle_begin_image(b, path, m->size, err);
}

static enum ota_status end_of_archive(struct ota_bundle *b, struct ota_err *err) {
    if (b->part < OTA_BUNDLE_IMAGES)
        return ota_err_set(err, OTA_BUNDLE, "ends before its %s: make the bundle anew with otactl bundle",
                           b->part == OTA_BUNDLE_NOTES ? "release.txt" : role_name(b));
    if (b->part == OTA_BUNDLE_IMAGES)
        OTA_TRY(ota_bundle_check_images(b, err));
    b->part = OTA_BUNDLE_END;
    if (++b->zeros > ZERO_BLOCKS_MAX)
        return ota_err_set(err, OTA_BUNDLE, "goes on after its end");
    return OTA_OK;
}

/* ---- a member ends ------------------------------------------------------------------------------------- */

static enum ota_status end_role(struct ota_bundle *b, struct ota_err *err) {
    const enum ota_bundle_part part = b->part;
    enum ota_status status = ota_bundle_judge(b, b->have, err);
    if (status == OTA_ROLLBACK)
        return ota_err_prefix(err, "made before what this board knows: make the bundle anew with otactl bundle");
    if (status == OTA_EXPIRED)
        return ota_err_prefix(err, "out of date: make the bundle anew with otactl bundle");
    if (status != OTA_OK)
        return ota_err_prefix(err, "%s", part == OTA_BUNDLE_PRODUCT ? b->a->cfg.identity.product : roles[part]);
    if (part == OTA_BUNDLE_ROOTS)
        b->roots++;
    else
        b->part = part + 1;
    return OTA_OK;
}

static enum ota_status end_member(struct ota_bundle *b, struct ota_err *err) {
    enum ota_status status = OTA_OK;
    if (b->wanted)
        status = b->part < OTA_BUNDLE_IMAGES ? end_role(b, err) : ota_bundle_end_image(b, err);
    b->wanted = false;
    b->have = 0;
    return status;
}

static enum ota_status take_header(struct ota_bundle *b, struct ota_err *err) {
    struct ota_tar_member m;
    b->have = 0;
    OTA_TRY(ota_tar_read(b->block, &m, err));
    if (m.path[0] == '\0')
        return end_of_archive(b, err);
    if (b->zeros > 0)
        return ota_err_set(err, OTA_BUNDLE, "goes on after its end with %s", m.path);
    OTA_TRY(begin_member(b, &m, err));
    return b->body == 0 ? end_member(b, err) : OTA_OK;
}

/* ---- bytes --------------------------------------------------------------------------------------------- */

static size_t at_most(size_t n, size_t cap) {
    return n < cap ? n : cap;
}

static enum ota_status take_body(struct ota_bundle *b, const uint8_t *p, size_t n, struct ota_err *err) {
    b->body -= (uint32_t)n;
    if (b->wanted && b->part < OTA_BUNDLE_IMAGES) {
        memcpy(b->a->cfg.buf + b->have, p, n);
        b->have += n;
    } else if (b->wanted) {
        OTA_TRY(ota_bundle_take_image(b, p, n, err));
    }
    return b->body == 0 ? end_member(b, err) : OTA_OK;
}

static enum ota_status feed(struct ota_bundle *b, const uint8_t *p, size_t n, struct ota_err *err) {
    while (n > 0) {
        size_t part;
        if (b->body > 0) {
            part = at_most(n, b->body);
            OTA_TRY(take_body(b, p, part, err));
        } else if (b->padding > 0) {
            part = at_most(n, b->padding);
            b->padding -= (uint32_t)part;
        } else {
            part = at_most(n, OTA_TAR_BLOCK - b->have);
            memcpy(b->block + b->have, p, part);
            b->have += part;
            if (b->have == OTA_TAR_BLOCK)
                OTA_TRY(take_header(b, err));
        }
        p += part;
        n -= part;
        b->received += part;
    }
    return OTA_OK;
}

static enum ota_status closed(const struct ota_bundle *b, struct ota_err *err) {
    return b->part == OTA_BUNDLE_CLOSED ? ota_err_set(err, OTA_INTERNAL, "this bundle has ended") : OTA_OK;
}

enum ota_status ota_bundle_begin(struct ota_bundle *b, struct ota_agent *a, enum ota_door door, struct ota_err *err) {
    memset(b, 0, sizeof *b);
    b->a = a;
    b->door = door;
    b->part = OTA_BUNDLE_CLOSED;
    OTA_TRY(ota_bundle_may_begin(b, err));
    b->part = OTA_BUNDLE_NOTES;
    a->fed = true;
    return OTA_OK;
}

enum ota_status ota_bundle_feed(struct ota_bundle *b, const void *p, size_t n, struct ota_err *err) {
    OTA_TRY(closed(b, err));
    enum ota_status status = feed(b, p, n, err);
    if (status == OTA_OK)
        return OTA_OK;
    ota_bundle_abort(b);
    ota_bundle_log_refusal(b, err);
    return status;
}

/* All of it came. */
static enum ota_status check_complete(const struct ota_bundle *b, struct ota_err *err) {
    if (b->part == OTA_BUNDLE_END && b->zeros >= 2 && b->have > 0)
        return ota_err_set(err, OTA_BUNDLE, "goes on after its end");
    if (b->part == OTA_BUNDLE_END && b->zeros >= 2)
        return OTA_OK;
    return ota_err_set(err, OTA_TRUNCATED, "the bundle ends after %llu bytes, before it is complete: send it again",
                       (unsigned long long)b->received);
}

enum ota_status ota_bundle_end(struct ota_bundle *b, struct ota_err *err) {
    OTA_TRY(closed(b, err));
    enum ota_status status = check_complete(b, err);
    if (status == OTA_OK)
        status = ota_bundle_commit(b, err);
    b->done = status == OTA_OK;
    if (b->done)
        b->a->bundle_failures = 0;
    ota_bundle_abort(b);
    if (status != OTA_OK)
        ota_bundle_log_refusal(b, err);
    return status;
}

/* ---- a file -------------------------------------------------------------------------------------------- */

static enum ota_status read_all(struct ota_bundle *b, const struct ota_bundle_file *f, struct ota_err *err) {
    uint8_t part[READ_SIZE];
    for (size_t got;;) {
        OTA_TRY(f->read(f->ctx, part, sizeof part, &got, err));
        if (got == 0)
            return OTA_OK;
        OTA_TRY(ota_bundle_feed(b, part, got, err));
    }
}

enum ota_status ota_bundle_prove(struct ota_agent *a, const struct ota_bundle_file *f, struct ota_err *err) {
    struct ota_bundle *b = f->work;
    OTA_TRY(f->open(f->ctx, err));
    memset(b, 0, sizeof *b);
    enum ota_status status = ota_bundle_begin_proof(b, a, err);
    if (status == OTA_OK)
        status = read_all(b, f, err);
    if (status == OTA_OK)
        status = check_complete(b, err);
    ota_bundle_abort(b);
    f->close(f->ctx);
    return status;
}

enum ota_status ota_bundle_install(struct ota_agent *a, const struct ota_bundle_file *f, struct ota_err *err) {
    struct ota_bundle *b = f->work;
    OTA_TRY(f->open(f->ctx, err));
    enum ota_status status = ota_bundle_begin(b, a, OTA_DOOR_FILE, err);
    if (status == OTA_OK)
        status = read_all(b, f, err);
    if (status == OTA_OK)
        status = ota_bundle_end(b, err);
    ota_bundle_abort(b);
    f->close(f->ctx);
    return status;
}
