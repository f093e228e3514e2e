/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle (.otab): the part of a repository that one release needs, as one stream, for boards without a network: from
 * an SD card, a file, a page the board serves, a radio or a cable. Format: ota-bundle(5).
 *
 *   POSIX ustar archive; regular files, named as in the repository, in this order:
 *   targets/img/<product>/<counter>/<sha256>.release.txt      says which release follows
 *   metadata/1.root.json ... metadata/<n>.root.json           every root
 *   metadata/timestamp.json, <v>.snapshot.json, <v>.targets.json, <v>.rollout.json, <v>.<product>.json
 *   targets/img/<product>/<counter>/<sha256>.<file>           every image of the release, in order of its steps
 *   two blocks of zeros
 *
 * What is checked: every signature, version and hash; expiry of root, targets and product role only, against the clock
 * or the floor. The open share of a channel says nothing here. The release must be newer than the board's and no role
 * that an offline key signs older than one the board knows. Nothing the board knows is made older.
 *
 * ota_bundle_begin(), ota_bundle_feed() as bytes come, ota_bundle_end(); a failure of any of them ends it, and nothing
 * is active that was not. A power cut before ota_bundle_end() leaves the board as it was. Not to be called while
 * another call of the agent runs; ota_run() does nothing between begin and end or abort. What is downloaded for another
 * update and not committed yet makes room for a bundle, and neither window nor open share holds it up. After the reboot
 * ota_boot() and ota_run() go on as after an update over HTTPS: ota_run() confirms the new app, whatever the door.
 */
#ifndef OTA_BUNDLE_H
#define OTA_BUNDLE_H

#include "ota/journal.h"
#include "ota/trust.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_TAR_BLOCK 512u
#define OTA_TAR_PATH_MAX (OTA_TARGET_PATH_MAX + 8u)

struct ota_agent;

/* One image on its way to where it waits. */
struct ota_stager {
    struct ota_agent *a;
    struct ota_journal_step *s;
    struct ota_sha256 hash;
    bool hashing;
    uint32_t pos;       /* bytes in flash */
    uint32_t fill;      /* bytes in a->scratch, which wait for the rest of their sector */
    uint32_t journaled; /* bytes in flash that the journal knows of */
    uint32_t percent;   /* last one logged */
};

/* What is expected next. */
enum ota_bundle_part {
    OTA_BUNDLE_NOTES,
    OTA_BUNDLE_ROOTS,
    OTA_BUNDLE_TIMESTAMP,
    OTA_BUNDLE_SNAPSHOT,
    OTA_BUNDLE_TARGETS,
    OTA_BUNDLE_ROLLOUT,
    OTA_BUNDLE_PRODUCT,
    OTA_BUNDLE_IMAGES,
    OTA_BUNDLE_END,    /* the end of the archive was read */
    OTA_BUNDLE_CLOSED, /* failed, aborted or over */
};

/* Caller's storage, about 2.5 KiB on a 32-bit chip. Treat as opaque but for the fields marked public. */
struct ota_bundle {
    struct ota_agent *a;
    enum ota_door door;
    bool verify; /* only the proof is wanted: nothing is written */
    enum ota_bundle_part part;
    uint64_t received;      /* public: bytes fed */
    uint32_t counter;       /* public: the release it says it holds; 0: not known yet */
    uint32_t seen;          /* steps of the release whose image came, bit by index */
    uint32_t roots;         /* root files that came */
    uint32_t offered;       /* the release of the board's channel, 0: none */
    uint8_t zeros;          /* blocks of zeros read */
    uint32_t body, padding; /* bytes left of the member, and behind it */
    uint64_t version;       /* of the role file that comes */
    size_t have;            /* bytes of the header in `block`, or of a metadata file in the agent's buffer */
    uint32_t image;         /* index of the step whose image comes */
    bool done;              /* committed, or all of it was there */
    bool wanted;            /* the member's bytes are looked at */
    uint8_t block[OTA_TAR_BLOCK];
    union {
        struct ota_trust_bundle trust; /* until IMAGES */
        struct ota_stager stager;      /* from IMAGES on */
        struct ota_sha256 hash;        /* likewise, with `verify` */
    } u;
};

/* BUSY: an update is under way, the running app is not confirmed, the application says not now, or three bundles in a row
 * broke off, were put off or had images that are not the signed ones: 10 s from then on, twice as long each time, up to a day. */
OTA_MUST_USE enum ota_status ota_bundle_begin(struct ota_bundle *b, struct ota_agent *a, enum ota_door door,
                                              struct ota_err *err);
/* Any number of bytes at a time. */
OTA_MUST_USE enum ota_status ota_bundle_feed(struct ota_bundle *b, const void *p, size_t n, struct ota_err *err);
/* All bytes were fed: checks what is staged and commits. Then agent.reboot is set, and the next ota_boot() goes on; not
 * set: all of the release was there already. A release with a new partition table installs that first: feed the bundle
 * again after its reboot (agent.journal.table_round says so). */
OTA_MUST_USE enum ota_status ota_bundle_end(struct ota_bundle *b, struct ota_err *err);
/* Gives it up; may be called at any time, and after any of the others. */
void ota_bundle_abort(struct ota_bundle *b);

/* A bundle that can be read again, by the app that it brought, to prove itself (door FILE). */
struct ota_bundle_file {
    void *ctx;
    /* NOT_FOUND when it is gone. */
    enum ota_status (*open)(void *ctx, struct ota_err *err);
    enum ota_status (*read)(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err); /* *got 0: the end */
    void (*close)(void *ctx);
    struct ota_bundle *work; /* memory for one pass, used by these calls alone; lives as long as the agent */
};
/* Reads all of it through begin, feed and end. */
OTA_MUST_USE enum ota_status ota_bundle_install(struct ota_agent *a, const struct ota_bundle_file *file,
                                                struct ota_err *err);

/* ---- the archive ------------------------------------------------------------------------------------------------ */

struct ota_tar_member {
    char path[OTA_TAR_PATH_MAX]; /* with its NUL; "" for a block of zeros */
    uint32_t size;
};
/* Reads a header block. BUNDLE: not ustar, a wrong checksum, anything but a regular file, a path too long or with a
 * byte that does not belong into one, over OTA_IMAGE_LENGTH_MAX bytes. Source: POSIX pax, "ustar Interchange Format". */
OTA_MUST_USE enum ota_status ota_tar_read(const uint8_t block[OTA_TAR_BLOCK], struct ota_tar_member *out,
                                          struct ota_err *err);

#ifdef __cplusplus
}
#endif

#endif
