/* SPDX-License-Identifier: Apache-2.0 */
/* The images of a bundle: each goes the way of a downloaded one, or is only hashed when the bundle is read for proof. */
#include <string.h>

#include "core/bundle_private.h"

static struct ota_journal_step *planned(struct ota_agent *a, const struct ota_step *image) {
    for (size_t i = 0; i < a->journal.count; i++)
        if (strcmp(a->journal.step[i].image.label, image->label) == 0)
            return &a->journal.step[i];
    return NULL; /* in the round of a new table nothing else is */
}

static enum ota_status find_image(const struct ota_bundle *b, const char *path, uint32_t *index, struct ota_err *err) {
    const struct ota_release *r = &b->a->release;
    char wanted[OTA_TARGET_PATH_MAX];
    uint32_t i = 0;
    for (; i < r->step_count; i++) {
        const struct ota_step *s = &r->step[i];
        if (ota_release_served_path(r->product, r->counter, s->file, s->sha256, wanted, sizeof wanted) &&
            strcmp(wanted, path) == 0)
            break;
    }
    if (i == r->step_count || b->seen & 1u << i)
        return ota_err_set(err, OTA_BUNDLE, "%s: no image of release %u, or one that came already", path,
                           (unsigned)r->counter);
    *index = i;
    return OTA_OK;
}

enum ota_status ota_bundle_begin_image(struct ota_bundle *b, const char *path, uint32_t size, struct ota_err *err) {
    struct ota_agent *a = b->a;
    OTA_TRY(find_image(b, path, &b->image, err));
    const struct ota_step *image = &a->release.step[b->image];
    b->seen |= 1u << b->image;
    if (size != image->length)
        return ota_err_set(err, OTA_LENGTH, "%s: %u bytes in the bundle, %u signed", image->label, (unsigned)size,
                           (unsigned)image->length);
    if (b->verify) {
        OTA_TRY(a->cfg.crypto->sha256_begin(a->cfg.crypto->ctx, &b->u.hash, err));
        b->wanted = true;
        return OTA_OK;
    }
    struct ota_journal_step *s = planned(a, image);
    if (!s || s->state != OTA_STEP_WAITING)
        return OTA_OK; /* there already, or planned after a reboot under the new table */
    ota_agent_at(a, image->label);
    OTA_TRY(ota_stager_begin(&b->u.stager, a, s, err));
    b->wanted = true;
    return OTA_OK;
}

static enum ota_status stage(struct ota_bundle *b, const uint8_t *p, size_t n, struct ota_err *err) {
    while (n > 0) {
        uint8_t *to;
        size_t room = ota_stager_room(&b->u.stager, &to), part = n < room ? n : room;
        memcpy(to, p, part);
        OTA_TRY(ota_stager_take(&b->u.stager, part, err));
        p += part;
        n -= part;
    }
    return OTA_OK;
}

enum ota_status ota_bundle_take_image(struct ota_bundle *b, const uint8_t *p, size_t n, struct ota_err *err) {
    struct ota_agent *a = b->a;
    enum ota_status status =
        b->verify ? a->cfg.crypto->sha256_update(a->cfg.crypto->ctx, &b->u.hash, p, n, err) : stage(b, p, n, err);
    return status == OTA_OK ? OTA_OK : ota_err_prefix(err, "%s", a->release.step[b->image].label);
}

static enum ota_status check_digest(struct ota_bundle *b, struct ota_err *err) {
    struct ota_agent *a = b->a;
    uint8_t digest[OTA_SHA256_LEN];
    OTA_TRY(a->cfg.crypto->sha256_end(a->cfg.crypto->ctx, &b->u.hash, digest, err));
    if (memcmp(digest, a->release.step[b->image].sha256, sizeof digest) == 0)
        return OTA_OK;
    return ota_err_set(err, OTA_HASH, "its bytes are not the signed ones (SHA-256 differs)");
}

enum ota_status ota_bundle_end_image(struct ota_bundle *b, struct ota_err *err) {
    b->wanted = false; /* the hash ends here, right or wrong */
    enum ota_status status = b->verify ? check_digest(b, err) : ota_stager_end(&b->u.stager, err);
    return status == OTA_OK ? OTA_OK : ota_err_prefix(err, "%s", b->a->release.step[b->image].label);
}

enum ota_status ota_bundle_check_images(const struct ota_bundle *b, struct ota_err *err) {
    const struct ota_release *r = &b->a->release;
    for (size_t i = 0; i < r->step_count; i++)
        if (!(b->seen & 1u << i))
            return ota_err_set(err, OTA_BUNDLE, "the image for %s is missing: make the bundle anew with otactl bundle",
                               r->step[i].label);
    return OTA_OK;
}

enum ota_status ota_bundle_commit(struct ota_bundle *b, struct ota_err *err) {
    struct ota_agent *a = b->a;
    memset(&a->last, 0, sizeof a->last);
    if (ota_agent_deferred(a))
        return ota_err_set(err, OTA_BUSY, "the application says not now: send the bundle again later");
    if (ota_agent_all_skipped(&a->journal))
        return ota_agent_finish(a, err);
    ota_agent_drive(a, OTA_EVENT_BUNDLE);
    if (a->reboot)
        return OTA_OK;
    if (a->last.code != OTA_OK) {
        *err = a->last;
        return err->code;
    }
    return ota_err_set(err, OTA_BUSY, "the application says not now: send the bundle again later");
}
