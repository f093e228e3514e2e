/* SPDX-License-Identifier: Apache-2.0 */
/* Verification of a repository with a choice of what. Private to src/store; the whole is ota_repo_verify(). */
#ifndef OTA_STORE_REPO_VERIFY_H
#define OTA_STORE_REPO_VERIFY_H

#include "host/role_file.h"
#include "store/repo.h"

struct ota_repo_check {
    const struct ota_transport *transport;
    struct ota_span root; /* trusted, wire bytes */
    bool with_images;
    const char *product; /* NULL: every product; "": none. Another product's expired role does not matter then */
    void (*report)(void *ctx, const char *line);
    void (*role)(void *ctx, const char *name, struct ota_span wire); /* told of each role below root; may be NULL */
    void *ctx;
};
OTA_MUST_USE enum ota_status ota_repo_verify_part(const struct ota_repo_check *check, struct ota_err *err);

/* The files of a release on server and disk. */
struct ota_repo_image {
    char path[OTA_TARGET_PATH_MAX + OTA_SHA256_HEX_LEN + 1]; /* below targets/ */
    uint64_t length;
    uint8_t sha256[OTA_SHA256_LEN];
    uint64_t plain_length; /* of what this is the zlib form of; 0: it is none */
    uint8_t plain_sha256[OTA_SHA256_LEN];
};
#define OTA_REPO_IMAGES_MAX (2u * OTA_STEPS_MAX + 1u) /* each plain and zlib, and the notes */
OTA_MUST_USE enum ota_status ota_repo_images(const struct ota_release *r,
                                             struct ota_repo_image out[OTA_REPO_IMAGES_MAX], size_t *count,
                                             struct ota_err *err);

/* Calls `each` for every file of every release that the role of a product lists, until it fails. */
OTA_MUST_USE enum ota_status ota_repo_each_image(const struct ota_role_file *product,
                                                 enum ota_status (*each)(void *ctx, const struct ota_repo_image *image,
                                                                         struct ota_err *err),
                                                 void *ctx, struct ota_err *err);

#endif
