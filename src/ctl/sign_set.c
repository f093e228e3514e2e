/* SPDX-License-Identifier: Apache-2.0 */
/* Roles to be signed; see sign_set.h. */
#include "ctl/sign_set.h"

#include <string.h>

#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/words.h"
#include "sign/role_sign.h"
#include "store/draft.h"

#define HEADER "otaserve-draft 1"
#define EXPORT_MAX (OTA_SIGN_SET_MAX * (OTA_METADATA_MAX + 128u))

void ota_sign_set_free(struct ota_sign_set *set) {
    for (size_t i = 0; i < set->count; i++)
        ota_role_file_free(&set->file[i].role);
    free(set->id);
    *set = (struct ota_sign_set){0};
}

void ota_sign_set_delete(struct ota_sign_set **set) {
    if (*set)
        ota_sign_set_free(*set);
    free(*set);
    *set = NULL;
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

/* The role of "12.thermo.json" or "timestamp.json"; false for other names. */
static bool role_of(const char *name, char role[OTA_ROLE_NAME_MAX + 1]) {
    size_t n = strlen(name), ending = strlen(".json");
    if (n <= ending || strcmp(name + n - ending, ".json") != 0)
        return false;
    size_t start = strspn(name, "0123456789");
    if (start && name[start] == '.')
        start++;
    else
        start = 0;
    struct ota_span text = {(const uint8_t *)name + start, n - ending - start};
    return ota_name_valid(text) && ota_span_copy(text, role, OTA_ROLE_NAME_MAX + 1);
}

/* The name of a delegated role is not in it: it comes from the file's name, else from the first image it lists. */
static void name_role(struct ota_role_file *f, const char *file) {
    char role[OTA_ROLE_NAME_MAX + 1];
    struct ota_scan it;
    struct ota_target target;
    struct ota_value v;
    struct ota_err ignored;
    bool more = false, delegates = false;
    if (strcmp(f->name, "targets") != 0)
        return;
    if (role_of(file, role)) {
        memcpy(f->name, role, sizeof f->name);
        return;
    }
    if (ota_scan_find(&f->meta.signed_value, "delegations", &v, &delegates, &ignored) != OTA_OK || delegates ||
        ota_targets_begin(&f->meta, &it, &ignored) != OTA_OK ||
        ota_targets_next(&it, &target, &more, &ignored) != OTA_OK || !more)
        return;
    struct ota_span rest = target.path;
    (void)ota_words_take(&rest, '/');
    struct ota_span product = ota_words_take(&rest, '/');
    if (ota_name_valid(product))
        (void)ota_span_copy(product, f->name, sizeof f->name);
}

static enum ota_status add(struct ota_sign_set *set, const char *name, struct ota_span wire, bool published,
                           struct ota_err *err) {
    if (set->count == OTA_SIGN_SET_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "more than %u roles", OTA_SIGN_SET_MAX);
    struct ota_sign_file *f = &set->file[set->count];
    *f = (struct ota_sign_file){.published = published};
    if (!ota_span_copy(ota_span_str(name), f->name, sizeof f->name))
        return ota_err_set(err, OTA_ARGUMENT, "its name is not one of a role's file");
    set->count++; /* freed with the set from here on */
    OTA_TRY(ota_role_sign_open(wire, &f->role, err));
    name_role(&f->role, name);
    return OTA_OK;
}

enum ota_status ota_sign_set_add(struct ota_sign_set *set, const char *name, struct ota_span wire, bool published,
                                 struct ota_err *err) {
    return add(set, name, wire, published, err) == OTA_OK ? OTA_OK : ota_err_prefix(err, "%s", name);
}

static enum ota_status bad_line(size_t line, struct ota_err *err) {
    return ota_err_set(err, OTA_CONFIG, "line %zu: not one of an exported draft", line);
}

static enum ota_status read_line(struct ota_sign_set *set, struct ota_span line, size_t number, struct ota_err *err) {
    char name[OTA_SIGN_NAME_MAX + 1], role[OTA_ROLE_NAME_MAX + 1];
    struct ota_span word = ota_words_take(&line, ' ');
    if (ota_span_equal_str(word, "id")) {
        if (set->id || !ota_file_valid(line))
            return bad_line(number, err);
        set->id = ota_sprintf("%.*s", (int)line.len, (const char *)line.p);
        return OTA_OK;
    }
    bool published = ota_span_equal_str(word, "published");
    if ((!published && !ota_span_equal_str(word, "sign")) ||
        !ota_span_copy(ota_words_take(&line, ' '), name, sizeof name) || !role_of(name, role))
        return bad_line(number, err);
    return ota_sign_set_add(set, name, line, published, err);
}

static enum ota_status read_export(struct ota_sign_set *set, struct ota_span text, struct ota_err *err) {
    (void)ota_words_take(&text, '\n');
    for (size_t number = 2; text.len; number++) {
        struct ota_span line = ota_words_take(&text, '\n');
        if (line.len && line.p[line.len - 1] == '\r')
            line.len--;
        if (line.len)
            OTA_TRY(read_line(set, line, number, err));
    }
    return set->id ? OTA_OK : ota_err_set(err, OTA_CONFIG, "it does not say which draft it is");
}

enum ota_status ota_sign_set_read(const char *path, struct ota_sign_set *out, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    const char *slash = strrchr(path, '/');
    OTA_TRY(ota_fs_read(path, EXPORT_MAX, &text, err));
    enum ota_status st = strncmp(ota_buf_text(&text), HEADER, strlen(HEADER)) == 0
                             ? read_export(out, ota_buf_span(&text), err)
                             : add(out, slash ? slash + 1 : path, ota_buf_span(&text), false, err);
    return st == OTA_OK ? OTA_OK : ota_err_place(err, path, 0);
}

static enum ota_status add_role(struct ota_sign_set *set, const char *role, uint64_t version,
                                const struct ota_buf *wire, bool published, struct ota_err *err) {
    OTA_CLEAN_FREE char *name = ota_sprintf("%llu.%s.json", (unsigned long long)version, role);
    return ota_sign_set_add(set, name, ota_buf_span(wire), published, err);
}

static enum ota_status add_published(struct ota_sign_set *set, const struct ota_workspace *w, const char *role,
                                     struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    enum ota_status st = ota_repo_role(w, role, &wire, err);
    if (st == OTA_NOT_FOUND) /* a product that is new */
        return OTA_OK;
    OTA_TRY(st);
    OTA_TRY(ota_role_sign_open(ota_buf_span(&wire), &f, err));
    return add_role(set, role, f.meta.version, &wire, true, err);
}

enum ota_status ota_sign_set_publish(struct ota_sign_set *set, const struct ota_workspace *w, struct ota_err *err) {
    size_t own = set->count;
    OTA_TRY(add_published(set, w, "root", err));
    OTA_TRY(add_published(set, w, "targets", err));
    for (size_t i = 0; i < own; i++)
        if (strcmp(set->file[i].role.name, "root") != 0 && strcmp(set->file[i].role.name, "targets") != 0)
            OTA_TRY(add_published(set, w, set->file[i].role.name, err));
    return OTA_OK;
}

enum ota_status ota_sign_set_draft(const struct ota_workspace *w, const char *id, struct ota_sign_set *out,
                                   struct ota_err *err) {
    OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
    const struct ota_role_file *last = NULL;
    OTA_TRY(ota_draft_open(w, id, &d, err));
    out->id = ota_strdup(id);
    for (size_t i = 0; i < ota_draft_need_count(d); i++) {
        const struct ota_role_file *f = ota_draft_need(d, i)->role;
        if (f == last) /* a root's two needs follow each other */
            continue;
        last = f;
        OTA_TRY(add_role(out, f->name, f->meta.version, &f->wire, false, err));
    }
    return ota_sign_set_publish(out, w, err);
}

bool ota_sign_set_same(const struct ota_sign_set *a, const struct ota_sign_set *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++)
        same = strcmp(a->file[i].name, b->file[i].name) == 0 &&
               ota_span_equal(a->file[i].role.meta.signed_value.raw, b->file[i].role.meta.signed_value.raw);
    return same;
}

/* ---- writing ---------------------------------------------------------------------------------------------- */

/* Only our own writers' roles are known to be one line; a foreign one must not be cut. */
static enum ota_status export_file(const struct ota_sign_file *f, struct ota_buf *out, struct ota_err *err) {
    struct ota_span wire = ota_buf_span(&f->role.wire);
    while (wire.len && (wire.p[wire.len - 1] == '\n' || wire.p[wire.len - 1] == '\r'))
        wire.len--;
    if (memchr(wire.p, '\n', wire.len))
        return ota_err_set(err, OTA_UNSUPPORTED, "%s: is not compact JSON on one line", f->name);
    ota_buf_printf(out, "%s %s ", f->published ? "published" : "sign", f->name);
    ota_buf_append(out, wire.p, wire.len);
    ota_buf_str(out, "\n");
    return OTA_OK;
}

enum ota_status ota_sign_set_export(const struct ota_sign_set *set, struct ota_buf *out, struct ota_err *err) {
    ota_buf_printf(out, HEADER "\nid %s\n", set->id);
    for (size_t i = 0; i < set->count; i++)
        OTA_TRY(export_file(&set->file[i], out, err));
    return OTA_OK;
}

enum ota_status ota_sign_set_save_draft(const struct ota_sign_set *set, const struct ota_workspace *w,
                                        struct ota_err *err) {
    for (size_t i = 0; i < set->count; i++) {
        const struct ota_sign_file *f = &set->file[i];
        const struct ota_draft_file file = {f->role.name, f->role.meta.version, ota_buf_span(&f->role.wire)};
        if (!f->published)
            OTA_TRY(ota_draft_update(w, set->id, &file, err));
    }
    return OTA_OK;
}

/* ---- who signs -------------------------------------------------------------------------------------------- */

/* The newest `role` below `limit`. */
static const struct ota_sign_file *newest(const struct ota_sign_set *set, const char *role, uint64_t limit) {
    const struct ota_sign_file *best = NULL;
    for (size_t i = 0; i < set->count; i++) {
        const struct ota_sign_file *f = &set->file[i];
        if (strcmp(f->role.name, role) == 0 && f->role.meta.version < limit &&
            (!best || f->role.meta.version > best->role.meta.version))
            best = f;
    }
    return best;
}

const struct ota_sign_file *ota_sign_set_before(const struct ota_sign_set *set, const struct ota_sign_file *f) {
    return newest(set, f->role.name, f->role.meta.version);
}

static enum ota_status of_root(const struct ota_sign_file *root, enum ota_role role, struct ota_sign_group out[2],
                               size_t *groups, struct ota_err *err) {
    if (!root)
        return OTA_OK;
    OTA_TRY(ota_root_signers(&root->role.meta, role, &ota_crypto_openssl, &out[*groups].signers, err));
    ota_draft_by(ota_role_name(role), "root", root->role.meta.version, out[*groups].by);
    ++*groups;
    return OTA_OK;
}

static enum ota_status of_delegation(const struct ota_sign_file *targets, const char *role, struct ota_sign_group *out,
                                     size_t *groups, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_role_delegations *d = ota_calloc(1, sizeof *d);
    if (!targets)
        return OTA_OK;
    OTA_TRY(ota_role_delegations_read(&targets->role, d, err));
    for (size_t i = 0; i < d->count && *groups == 0; i++) {
        if (strcmp(d->delegation[i].name, role) != 0)
            continue;
        out->signers = d->delegation[i].signers;
        ota_draft_by(role, "targets", targets->role.meta.version, out->by);
        *groups = 1;
    }
    return *groups ? OTA_OK
                   : ota_err_set(err, OTA_DELEGATION, "%s: targets %llu does not delegate to it", role,
                                 (unsigned long long)targets->role.meta.version);
}

enum ota_status ota_sign_set_signers(const struct ota_sign_set *set, const struct ota_sign_file *f,
                                     struct ota_sign_group out[2], size_t *groups, struct ota_err *err) {
    *groups = 0;
    if (strcmp(f->role.name, "root") == 0) {
        OTA_TRY(of_root(ota_sign_set_before(set, f), OTA_ROLE_ROOT, out, groups, err));
        return of_root(f, OTA_ROLE_ROOT, out, groups, err);
    }
    for (int role = OTA_ROLE_TARGETS; role < OTA_ROLE_COUNT; role++)
        if (strcmp(f->role.name, ota_role_name((enum ota_role)role)) == 0)
            return of_root(newest(set, "root", UINT64_MAX), (enum ota_role)role, out, groups, err);
    return of_delegation(newest(set, "targets", UINT64_MAX), f->role.name, out, groups, err);
}

enum ota_status ota_sign_file_replace(struct ota_sign_file *f, struct ota_span wire, struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file next = {0};
    OTA_TRY(ota_role_sign_open(wire, &next, err));
    memcpy(next.name, f->role.name, sizeof next.name); /* a delegated role's stands in no file */
    ota_role_file_free(&f->role);
    f->role = next;
    next = (struct ota_role_file){0};
    return OTA_OK;
}
