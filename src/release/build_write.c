/* SPDX-License-Identifier: Apache-2.0 */
/* Fills an incoming folder. The digests were taken when the files were checked: copying takes them again. */
#include <fcntl.h>
#include <string.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "host/release_request.h"
#include "release/build_parts.h"

#define COPY_CHUNK 65536u

static enum ota_status target_path(const struct ota_build *b, const char *incoming, const char *file,
                                   const uint8_t sha256[OTA_SHA256_LEN], char **out, struct ota_err *err) {
    char served[OTA_TARGET_PATH_MAX + OTA_SHA256_HEX_LEN];
    if (!ota_release_served_path(b->release.product, b->release.counter, file, sha256, served, sizeof served))
        return ota_err_set(err, OTA_INTERNAL, "%s: no path for it", file);
    *out = ota_sprintf("%s/targets/%s", incoming, served);
    return OTA_OK;
}

enum ota_status ota_build_read_step(const struct ota_build *b, size_t index, const struct ota_build_progress *progress,
                                    struct ota_buf *out, struct ota_err *err) {
    const struct ota_step *step = &b->release.step[index];
    OTA_CLEAN(ota_file_source_close) struct ota_file_source f = {.fd = -1};
    uint8_t digest[OTA_SHA256_LEN];
    OTA_TRY(ota_file_source_open(&f, b->path[index], OTA_IMAGE_LENGTH_MAX, err));
    if (f.source.size != step->length)
        return ota_err_set(err, OTA_HASH, "%s: changed since it was checked; push again", b->path[index]);
    ota_buf_reserve(out, step->length);
    while (out->len < step->length) {
        size_t left = step->length - out->len, n = left < COPY_CHUNK ? left : COPY_CHUNK;
        OTA_TRY(f.source.read(f.source.ctx, out->len, out->p + out->len, n, err));
        out->len += n;
        if (progress && progress->bytes)
            progress->bytes(progress->ctx, step->file, out->len, step->length);
    }
    OTA_TRY(ota_sha256(&ota_crypto_openssl, out->p, out->len, digest, err));
    if (memcmp(digest, step->sha256, sizeof digest) != 0)
        return ota_err_set(err, OTA_HASH, "%s: changed since it was checked; push again", b->path[index]);
    return OTA_OK;
}

static enum ota_status write_step(const struct ota_build *b, const char *incoming, size_t index,
                                  const struct ota_build_progress *progress, struct ota_err *err) {
    const struct ota_step *step = &b->release.step[index];
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN_FREE char *to = NULL, *packed_to = NULL;
    OTA_TRY(target_path(b, incoming, step->file, step->sha256, &to, err));
    OTA_TRY(ota_build_read_step(b, index, progress, &bytes, err));
    OTA_TRY(ota_fs_write(to, bytes.p, bytes.len, 0644, err));
    if (step->z_length == 0)
        return OTA_OK;
    char packed[OTA_PACKED_FILE_MAX + 1];
    ota_release_packed_file(step->file, packed);
    OTA_TRY(target_path(b, incoming, packed, step->z_sha256, &packed_to, err));
    return ota_fs_write(packed_to, b->packed[index].p, b->packed[index].len, 0644, err);
}

enum ota_status ota_build_write(const struct ota_build *b, const char *incoming,
                                const struct ota_build_progress *progress, struct ota_err *err) {
    const struct ota_release *r = &b->release;
    OTA_CLEAN_FREE char *folder = ota_sprintf("%s/targets/img/%s/%u", incoming, r->product, r->counter);
    if (r->counter == 0)
        return ota_err_set(err, OTA_INTERNAL, "the release has no counter yet");
    OTA_TRY(ota_fs_mkdirs(folder, 0755, err));
    for (size_t i = 0; i < r->step_count; i++)
        OTA_TRY(write_step(b, incoming, i, progress, err));
    OTA_CLEAN_FREE char *notes = NULL;
    OTA_TRY(target_path(b, incoming, "release.txt", r->notes_sha256, &notes, err));
    return ota_fs_write(notes, b->notes.p, b->notes.len, 0644, err);
}

enum ota_status ota_build_write_request(const struct ota_build *b, const char *incoming,
                                        const struct ota_build_request *request, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/request", incoming);
    const struct ota_release_request lines = {
        .product = b->release.product,
        .version = b->release.version,
        .counter = b->release.counter,
        .channel = request->channel,
        .permille = request->permille,
        .groups = request->groups,
        .by = request->by,
    };
    ota_release_request_write(&lines, &text);
    return ota_fs_write(path, text.p, text.len, 0644, err);
}
