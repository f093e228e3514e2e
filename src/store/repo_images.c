/* SPDX-License-Identifier: Apache-2.0 */
/* Which files make up a release; see repo_verify.h. */
#include <stdio.h>
#include <string.h>

#include "store/repo_verify.h"

static enum ota_status add(const struct ota_release *r, const char *file, uint64_t length,
                           const uint8_t sha256[OTA_SHA256_LEN], struct ota_repo_image *out, struct ota_err *err) {
    if (!ota_release_served_path(r->product, r->counter, file, sha256, out->path, sizeof out->path))
        return ota_err_set(err, OTA_METADATA_FIELD, "release %u of %s: no path for %s", r->counter, r->product, file);
    out->length = length;
    out->plain_length = 0;
    memcpy(out->sha256, sha256, OTA_SHA256_LEN);
    return OTA_OK;
}

enum ota_status ota_repo_images(const struct ota_release *r, struct ota_repo_image out[OTA_REPO_IMAGES_MAX],
                                size_t *count, struct ota_err *err) {
    size_t n = 0;
    for (size_t i = 0; i < r->step_count; i++) {
        const struct ota_step *s = &r->step[i];
        OTA_TRY(add(r, s->file, s->length, s->sha256, &out[n++], err));
        if (s->z_length == 0)
            continue;
        char packed[OTA_PACKED_FILE_MAX + 1];
        ota_release_packed_file(s->file, packed);
        OTA_TRY(add(r, packed, s->z_length, s->z_sha256, &out[n], err));
        out[n].plain_length = s->length;
        memcpy(out[n++].plain_sha256, s->sha256, OTA_SHA256_LEN);
    }
    OTA_TRY(add(r, "release.txt", r->notes_length, r->notes_sha256, &out[n++], err));
    *count = n;
    return OTA_OK;
}

enum ota_status ota_repo_each_image(const struct ota_role_file *product,
                                    enum ota_status (*each)(void *ctx, const struct ota_repo_image *image,
                                                            struct ota_err *err),
                                    void *ctx, struct ota_err *err) {
    uint32_t counter[OTA_RELEASES_MAX];
    size_t releases;
    OTA_TRY(ota_release_counters(&product->meta, product->name, counter, OTA_RELEASES_MAX, &releases, err));
    for (size_t i = 0; i < releases; i++) {
        struct ota_release r;
        struct ota_repo_image image[OTA_REPO_IMAGES_MAX];
        size_t count = 0;
        bool found;
        OTA_TRY(ota_release_read(&product->meta, product->name, counter[i], &r, &found, err));
        if (found)
            OTA_TRY(ota_repo_images(&r, image, &count, err));
        for (size_t k = 0; k < count; k++)
            OTA_TRY(each(ctx, &image[k], err));
    }
    return OTA_OK;
}
