/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles of the fake server's releases, as otactl bundle writes them; a test may change the members before they are packed. */
#ifndef OTA_TESTS_FAKE_BUNDLE_H
#define OTA_TESTS_FAKE_BUNDLE_H

#include "fake_server.h"
#include "ota/bundle.h"

#define FAKE_MEMBERS_MAX 24u

struct fake_member {
    char path[OTA_TAR_PATH_MAX];
    struct ota_buf bytes;
};

struct fake_bundle {
    struct fake_member member[FAKE_MEMBERS_MAX];
    size_t count;
};

/* The release as published last. */
void fake_bundle_make(struct fake_bundle *b, struct fake_server *s, uint32_t counter);
void fake_bundle_free(struct fake_bundle *b);
/* The archive; the caller frees it. */
struct ota_buf fake_bundle_pack(const struct fake_bundle *b);
/* The member whose path contains `part`. */
struct fake_member *fake_bundle_member(struct fake_bundle *b, const char *part);
void fake_bundle_drop(struct fake_bundle *b, const char *part);

/* A file that can be read again. */
struct fake_bundle_file {
    struct ota_span bytes;
    size_t pos;
    bool gone, unreadable; /* NOT_FOUND; opens, then fails with IO */
    unsigned opened;
    struct ota_bundle work;
    struct ota_bundle_file port;
};
void fake_bundle_file(struct fake_bundle_file *f, struct ota_span bytes);

#endif
