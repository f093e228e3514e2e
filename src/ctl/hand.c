/* SPDX-License-Identifier: Apache-2.0 */
/* Keys at hand, and signatures by them; see hand.h. */
#include "ctl/hand.h"

#include <string.h>

#include "sign/role_sign.h"
#include "store/draft.h"

void ota_hand_free(struct ota_hand *h) {
    for (size_t i = 0; i < h->count; i++)
        ota_key_free(&h->entry[i].key);
    h->count = 0;
}

/* ---- finding ---------------------------------------------------------------------------------------------- */

/* Takes the key over. */
static enum ota_status add(struct ota_hand *h, struct ota_key **key, const char *given, struct ota_err *err) {
    if (h->count == OTA_HAND_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "more than %u keys", OTA_HAND_MAX);
    OTA_TRY(ota_public_key_from_pem(ota_span_str(ota_key_public(*key)->pem), &h->entry[h->count].public, err));
    h->entry[h->count].key = OTA_STEAL(*key);
    h->entry[h->count].given = given;
    h->entry[h->count++].used = false;
    return OTA_OK;
}

static enum ota_status add_reference(struct ota_hand *h, const char *reference, const struct ota_passphrase *from,
                                     bool new_keys, struct ota_err *err) {
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    struct ota_key_public other;
    struct ota_err ignored;
    if (ota_key_load_with(&key, reference, from, err) == OTA_OK)
        return add(h, &key, reference, err);
    /* the new key's private half lies elsewhere */
    return new_keys && ota_key_load_public(&other, reference, NULL, &ignored) == OTA_OK ? OTA_OK : err->code;
}

enum ota_status ota_hand_add_given(struct ota_hand *h, const struct ota_args *args, bool new_keys,
                                   struct ota_err *err) {
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(args, "passphrase-file"));
    const size_t count = ota_args_count(args, "key");
    if (count > OTA_HAND_GIVEN_MAX)
        return ota_err_set(err, OTA_USAGE, "more than %u keys", OTA_HAND_GIVEN_MAX);
    for (size_t i = 0; i < count; i++)
        OTA_TRY(add_reference(h, ota_args_at(args, "key", i), &from, new_keys, err));
    return OTA_OK;
}

enum ota_status ota_hand_add_folder(struct ota_hand *h, const struct ota_workspace *w, const struct ota_key_ask *ask,
                                    struct ota_err *err) {
    OTA_CLEAN(ota_key_files_free) struct ota_key_files files = {0};
    OTA_TRY(ota_key_files_load(w, ask, &files, err));
    for (size_t i = 0; i < files.count; i++)
        if (files.entry[i].key)
            OTA_TRY(add(h, &files.entry[i].key, NULL, err));
    return OTA_OK;
}

enum ota_status ota_hand_for_draft(struct ota_hand *h, const struct ota_workspace *w, const char *id,
                                   const struct ota_args *args, bool new_keys, struct ota_err *err) {
    OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
    struct ota_key_ask ask = {.from = ota_passphrase_source(ota_args_get(args, "passphrase-file"))};
    OTA_TRY(ota_draft_open(w, id, &d, err));
    for (size_t i = 0; i < ota_draft_need_count(d) && ask.count < OTA_CTL_ASK_MAX; i++)
        ask.role[ask.count++] = ota_draft_need(d, i)->role->name;
    OTA_TRY(ota_hand_add_given(h, args, new_keys, err));
    return ota_hand_add_folder(h, w, &ask, err);
}

/* ---- signing ---------------------------------------------------------------------------------------------- */

/* *wanted: this key may sign; *has: and it did. Where nothing says who may, the key that somebody named. */
static enum ota_status judge(const struct ota_hand *h, size_t index, const struct ota_sign_file *f,
                             const struct ota_sign_group by[2], size_t groups, bool *wanted, bool *has,
                             struct ota_err *err) {
    *wanted = groups == 0 && h->entry[index].given;
    *has = false;
    for (size_t g = 0; g < groups; g++) {
        const struct ota_signers *signers = &by[g].signers;
        uint32_t signed_by;
        OTA_TRY(ota_role_signed_by(&f->role, signers, &signed_by, err));
        for (size_t k = 0; k < signers->count; k++) {
            if (memcmp(signers->key[k].point, h->entry[index].public.point, sizeof signers->key[k].point) != 0)
                continue;
            *wanted = true;
            *has = signed_by & 1u << k;
        }
    }
    return OTA_OK;
}

static enum ota_status sign_file(struct ota_hand *h, const struct ota_sign_set *set, struct ota_sign_file *f,
                                 size_t *made, struct ota_err *err) {
    struct ota_sign_group by[2];
    size_t groups;
    OTA_TRY(ota_sign_set_signers(set, f, by, &groups, err));
    for (size_t i = 0; i < h->count; i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
        bool wanted, has;
        OTA_TRY(judge(h, i, f, by, groups, &wanted, &has, err));
        h->entry[i].used |= wanted;
        if (!wanted || has)
            continue;
        OTA_TRY(ota_role_add_signature(ota_buf_span(&f->role.wire), h->entry[i].key, &wire, err));
        OTA_TRY(ota_sign_file_replace(f, ota_buf_span(&wire), err));
        ++*made;
    }
    return OTA_OK;
}

enum ota_status ota_hand_sign(struct ota_hand *h, struct ota_sign_set *set, size_t *made, struct ota_err *err) {
    *made = 0;
    for (size_t i = 0; i < set->count; i++)
        if (!set->file[i].published)
            OTA_TRY(sign_file(h, set, &set->file[i], made, err));
    for (size_t i = 0; i < h->count; i++)
        if (h->entry[i].given && !h->entry[i].used)
            return ota_err_set(err, OTA_KEY, "nothing was signed: no role here names the key %s", h->entry[i].given);
    return OTA_OK;
}

bool ota_hand_used(const struct ota_hand *h) {
    for (size_t i = 0; i < h->count; i++)
        if (h->entry[i].used)
            return true;
    return false;
}
