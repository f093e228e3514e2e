/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signed repository in memory and the transport that serves it, with the faults a network can have. One product, `thermo`, one channel,
 * `stable`, for ESP32-C3 boards.
 */
#ifndef OTA_TESTS_FAKE_SERVER_H
#define OTA_TESTS_FAKE_SERVER_H

#include "host/buf.h"
#include "ota/release.h"
#include "sign/key.h"

#define FAKE_FILES_MAX 256u
#define FAKE_RELEASES_MAX 20u
#define FAKE_NOW 1800000000ull

struct fake_file {
    char path[OTA_TARGET_PATH_MAX]; /* as requested, with the address before it: "m/", "t/" */
    struct ota_buf bytes;
    char etag[OTA_ETAG_MAX];
};

/* Inside "signed" of a delegated role, with its own key's signature: what our writers would not write. */
struct fake_edit {
    const char *role, *from, *to; /* role NULL: none */
};

struct fake_server {
    struct ota_transport port;
    struct ota_key *key[4], *rollout_key; /* root, targets (and the product), snapshot, timestamp */
    struct ota_buf root;                  /* 1.root.json, for the board's identity */
    struct fake_file file[FAKE_FILES_MAX];
    size_t file_count;
    struct ota_release release[FAKE_RELEASES_MAX];
    size_t release_count;
    struct ota_channel channel;
    bool no_channel;
    uint64_t version;         /* of every role but targets, raised by publish */
    uint64_t targets_days;    /* until targets expires, 0: 300 */
    uint64_t targets_version; /* 0 stands for 1 */
    uint64_t later;           /* seconds after FAKE_NOW at which publish signs */
    const char *product_path; /* what targets delegates to the product role; NULL: all of the product */

    struct fake_edit edit;
    struct ota_key *product_key; /* borrowed; signs the product's role instead of the right one; NULL: off */

    /* Faults. */
    bool down;              /* nobody answers */
    bool unauthenticated;   /* TLS without a proven name */
    unsigned retired;       /* whose CA the board no longer trusts: bits 1 << enum ota_address */
    const char *fault_path; /* part of a path the next ones concern; NULL: none */
    uint64_t break_after;   /* bytes of a matching body after which the line breaks, once; 0: off */
    bool any_if_range;      /* it does not heed If-Range */
    uint64_t range_shift;   /* a part says it begins so many bytes later than it does */
    uint64_t announce;      /* Content-Length of a matching answer, 0: the true one */
    size_t append, drop;    /* bytes too many or too few at the end of a matching body */
    int status;             /* of a matching answer, 0: the true one */
    uint32_t retry_after;   /* with either status */
    int report_status;      /* of the answer to a report, 0: 204 */
    size_t trickle;         /* bytes of a matching body that arrive at a time, 0: as many as fit */
    size_t trickle_from;    /* byte of the body from which on that is so */
    uint64_t trickle_ms;    /* and the time that takes */
    uint64_t *uptime_ms;    /* borrowed, of the board that waits for them */

    void (*on_image)(struct fake_server *s); /* called once, when the next image is asked for */

    /* What was seen. */
    unsigned requests, image_requests, ranges;
    unsigned polls;                 /* requests for the timestamp */
    unsigned unproven, conditional; /* requests that wanted no proof; with If-None-Match */
    uint64_t image_bytes;
    struct ota_buf report; /* last body POSTed */
    unsigned reports;

    /* The answer being read. */
    struct ota_buf body;
    size_t body_pos;
    bool breaks, trickles;
    bool image;
};

struct fake_server *fake_server_new(void);
void fake_server_free(struct fake_server *s);

/* Adds a release without steps; the caller adds images, then publishes. counter must be above the last one's. */
struct ota_release *fake_server_release(struct fake_server *s, uint32_t counter, const char *version);
void fake_server_image(struct fake_server *s, struct ota_release *r, enum ota_kind kind, const char *label,
                       const char *file, struct ota_span bytes);
/* Adds the zlib form of an image that was added: `z` as it is, made by fake_server_deflate() or not. */
void fake_server_pack(struct fake_server *s, struct ota_release *r, const char *file, struct ota_span z);
/* zlib with a window of 1 << window_bits. The caller frees it. */
struct ota_buf fake_server_deflate(struct ota_span bytes, int window_bits);
/* Offers release `counter` on the channel to everybody. */
void fake_server_offer(struct fake_server *s, uint32_t counter);
/* From the next publish on. */
void fake_server_delegate(struct fake_server *s, const char *product_path);
/* Signs everything anew. */
void fake_server_publish(struct fake_server *s);
/* The served image, to damage it. */
struct fake_file *fake_server_served(struct fake_server *s, uint32_t counter, const char *file);

#endif
