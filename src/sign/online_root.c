/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the root chain of a proposal; see online_root.h. */
#include "sign/online_root.h"

#include <string.h>

void ota_online_roots_free(struct ota_online_roots *r) {
    ota_role_file_free(&r->last);
}

static enum ota_status older_than_known(struct ota_err *err) {
    return ota_err_set(err, OTA_ROLLBACK,
                       "state/repo's newest root is older than keys/root.json; bring the newer files back from where "
                       "they still are: otactl restore --merge SOURCE");
}

static enum ota_status read_version(struct ota_span wire, uint64_t *version, struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    ota_role_file_set(&f, "root", wire);
    OTA_TRY(ota_role_file_parse(&f, "root", err));
    *version = f.meta.version;
    return OTA_OK;
}

/* Roots before the known one are not looked at: nothing would vouch for them. */
static enum ota_status find_known(struct ota_span known, const struct ota_online_proposal *in, size_t *index,
                                  struct ota_err *err) {
    uint64_t mine, theirs;
    for (*index = 0; *index < in->root_count; ++*index)
        if (ota_span_equal(in->root[*index], known))
            return OTA_OK;
    OTA_TRY(read_version(known, &mine, err));
    OTA_TRY(read_version(in->root[in->published], &theirs, err));
    if (mine > theirs)
        return older_than_known(err);
    return mine < theirs ? ota_err_set(err, OTA_KEY,
                                       "keys/root.json is root %llu, too far behind root %llu of state/repo; to walk "
                                       "there: otactl restore --merge",
                                       (unsigned long long)mine, (unsigned long long)theirs)
                         : ota_err_set(err, OTA_KEY, "root %llu of state/repo is not the one in keys/root.json",
                                       (unsigned long long)mine);
}

static enum ota_status follow(struct ota_online_roots *r, struct ota_span next, struct ota_err *err) {
    struct ota_signers by = r->next[OTA_ROLE_ROOT];
    const uint64_t version = r->last.meta.version + 1;
    ota_role_file_set(&r->last, "root", next);
    return ota_role_file_open_next_root(&r->last, version, &by, r->next, err);
}

enum ota_status ota_online_roots_open(struct ota_online_roots *r, struct ota_span known,
                                      const struct ota_online_proposal *in, struct ota_err *err) {
    size_t at;
    if (in->root_count == 0 || in->root_count > OTA_ONLINE_ROOTS_MAX || in->published >= in->root_count)
        return ota_err_set(err, OTA_ARGUMENT, "%zu roots given, 1 to %u are possible", in->root_count,
                           OTA_ONLINE_ROOTS_MAX);
    OTA_TRY(find_known(known, in, &at, err));
    if (at > in->published)
        return older_than_known(err);
    r->adopt = at < in->published ? &in->root[in->published] : NULL;
    r->changed = in->published + 1 < in->root_count;
    ota_role_file_set(&r->last, "root", in->root[at]);
    OTA_TRY(ota_role_file_open_root(&r->last, r->next, err));
    for (;; at++) {
        if (at == in->published)
            memcpy(r->published, r->next, sizeof r->published);
        if (at + 1 == in->root_count)
            return OTA_OK;
        OTA_TRY(follow(r, in->root[at + 1], err));
    }
}
