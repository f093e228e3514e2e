/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Releases that arrive over the network, file by file, until they are handed over like any other (repo.h).
 *
 *   state/uploads/<id>/wanted          lines "token NAME", "product NAME", "file SHA256 LENGTH" ascending; written once
 *   state/uploads/<id>/<sha256>.part   what has arrived of a file; only ever appended to, by one writer at a time
 *   state/uploads/<id>/<sha256>        a whole file, digest checked
 *   state/uploads/<id>/handed          lines "incoming ID", "counter N": it went to state/incoming/<ID>
 *   state/uploads/<id>/result          the publisher's answer, as <ID>.done or <ID>.refused was
 *
 * Everything is bounded before it is accepted: files, bytes, uploads of one token, uploads of all, disk kept free. No
 * name comes from the sender: an id is 32 hex digits, a file its digest. After a crash an upload goes on where its
 * last bytes on disk end. Nothing here needs a key, and nothing here is believed: what is handed over is judged like
 * a board would, by ota_repo_publish().
 */
#ifndef OTA_STORE_UPLOAD_H
#define OTA_STORE_UPLOAD_H

#include "host/workspace.h"
#include "store/fleet_token.h"

#define OTA_UPLOAD_ID_LEN 32u
#define OTA_UPLOAD_FILES_MAX (2u * OTA_STEPS_MAX + 1u) /* each plain and zlib, and the notes */
#define OTA_UPLOAD_BYTES_MAX (256u << 20)              /* of one upload */
#define OTA_UPLOADS_PER_TOKEN 4u                       /* unfinished */
#define OTA_UPLOADS_BYTES_MAX (1ull << 30)             /* of all unfinished ones */
#define OTA_UPLOADS_KEEP_FREE (256ull << 20)           /* of the disk, after all of them have arrived */
#define OTA_UPLOAD_PART_MAX (1u << 20)                 /* that one request may bring */
#define OTA_UPLOAD_LIFE_S 86400u                       /* since it was last touched */

struct ota_upload_file {
    char sha256[OTA_SHA256_HEX_LEN + 1];
    uint32_t length;
};
struct ota_upload_wanted {
    char token[OTA_NAME_MAX + 1], product[OTA_NAME_MAX + 1];
    size_t count;
    struct ota_upload_file file[OTA_UPLOAD_FILES_MAX]; /* sorted by ota_upload_begin() */
};

enum ota_upload_state { OTA_UPLOAD_OPEN, OTA_UPLOAD_QUEUED, OTA_UPLOAD_PUBLISHED, OTA_UPLOAD_REFUSED };
const char *ota_upload_state_name(enum ota_upload_state s);

struct ota_upload {
    char id[OTA_UPLOAD_ID_LEN + 1];
    struct ota_upload_wanted wanted;
    uint32_t have[OTA_UPLOAD_FILES_MAX]; /* bytes here: of this upload, or because the repository has the file */
    enum ota_upload_state state;
    uint32_t counter;   /* unless open */
    struct ota_err why; /* when refused */
};

/* The unfinished upload of this token with exactly these files, or a new one. ARGUMENT, TOO_LARGE; BUSY: this
 * token has too many; NO_SPACE. *fresh: it is new. */
OTA_MUST_USE enum ota_status ota_upload_begin(const struct ota_workspace *w, struct ota_upload_wanted *wanted,
                                              struct ota_upload *out, bool *fresh, struct ota_err *err);
/* NOT_FOUND, also for one that another token began. Moves it on when the publisher has answered. */
OTA_MUST_USE enum ota_status ota_upload_read(const struct ota_workspace *w, const char *id, const char *token,
                                             struct ota_upload *out, struct ota_err *err);

/* One part of one file on its way to disk. */
struct ota_upload_writer {
    char *path; /* without ".part" */
    int fd;     /* locked */
    uint64_t at, end;
    struct ota_upload_file file;
};
/* Bytes [from, end) of `length`. LENGTH: not where the file ends now, or not its length; BUSY: somebody is writing it;
 * EXISTS: it is whole already; NOT_FOUND: the upload does not want it. */
OTA_MUST_USE enum ota_status ota_upload_write_begin(const struct ota_workspace *w, const struct ota_upload *u,
                                                    const char *sha256, uint64_t from, uint64_t end, uint64_t length,
                                                    struct ota_upload_writer *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_upload_write(struct ota_upload_writer *u, const void *p, size_t n,
                                              struct ota_err *err);
/* The part is complete (TRUNCATED otherwise). The last one: checks the digest; HASH, and the file begins anew. */
OTA_MUST_USE enum ota_status ota_upload_write_end(struct ota_upload_writer *u, struct ota_err *err);
void ota_upload_writer_close(struct ota_upload_writer *u);

/* Hands the release over: `role` is the product role that lists it, signed as targets delegates. Nothing is moved
 * before that was checked. ROLLBACK: the role is not on top of the one published now; BUSY: another release of the
 * product is on its way; TRUNCATED: files are missing; SIGNATURE, COUNTER, CHANNEL, and what a release must be. */
struct ota_upload_release {
    struct ota_span role;
    const char *channel; /* NULL: offered to nobody */
    uint16_t permille;
};
OTA_MUST_USE enum ota_status ota_upload_hand_over(const struct ota_workspace *w, struct ota_upload *u,
                                                  const struct ota_upload_release *r, struct ota_err *err);

/* Removes what nobody has touched for OTA_UPLOAD_LIFE_S, and the files of what is published. */
void ota_uploads_sweep(const struct ota_workspace *w);

#endif
