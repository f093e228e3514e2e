/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board's own page, through which a phone brings a bundle (ota/bundle.h): what an HTTP server on the board asks and
 * answers. Nothing here does I/O: esp_http_server, or any other, is a thin shell around it.
 *
 *   GET  /        the page: one file, nothing from elsewhere
 *   GET  /status  {"board","busy","channel","counter","last":{"code","counter","message","result"},"limit","mixed",
 *                 "product","received","running","state","total"}; limit: bytes of a bundle
 *   POST /bundle  application/octet-stream with a Content-Length and the page's token in X-OTA-Token:
 *                 {"again","code","counter","message","reboot","result","version"}, result: reboots, again, there
 *
 * Errors are problem+json (RFC 9457) as the update server's are; the type of a refused bundle names its ota_status, which
 * stands in "code" too.
 *
 * A page of another site can do nothing: it cannot read the token, which is new with every boot, its Origin is not this
 * board's, and a name of its own that it lets point here is not in `hosts`. What comes is installed only when the bundle
 * proves right; an upload that breaks off leaves the board as it was.
 */
#ifndef OTA_PAGE_H
#define OTA_PAGE_H

#include "ota/agent.h"
#include "ota/bundle.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_PAGE_TOKEN_HEX 32u
#define OTA_PAGE_TEXT_MAX 2304u   /* a message of err.h, every byte of it escaped */
#define OTA_PAGE_TIME_MAX_S 1800u /* an upload that takes longer is ended */
#define OTA_PAGE_STALL_S 60u      /* so is one of which less than a sector comes in that time */
#define OTA_PAGE_HEADERS_MAX 7u
#define OTA_PAGE_PARTS_MAX 3u

struct ota_page_config {
    struct ota_agent *agent; /* ota_boot() was called. ota_run() and others only while !ota_page_open() */
    /* Names and addresses, without a port, under which the board is called; NULL ends the list. NULL instead of a list:
     * any name, and then a name of another site that points to the board gets through. */
    const char *const *hosts;
    const char *version; /* of the running app, for the page */
};

/* A field that is absent has p == NULL. `path` without query, as it stands in the request line. The shell sends
 * Content-Length and closes or drains a body that is not wanted; it ends a connection on which nothing comes for 30 s
 * (then end() with complete = false): while an upload is open, the agent waits for it. */
struct ota_page_request {
    struct ota_span method, path;
    struct ota_span host, origin, content_type, token; /* headers */
    uint64_t length;                                   /* Content-Length; OTA_LENGTH_UNKNOWN: none, or chunked */
    /* Another task is at work with the agent: nothing is read of it, and what needs it is answered with 503 and
     * Retry-After. */
    bool busy;
};

struct ota_page_header {
    const char *name, *value;
};

/* Parts and values belong to the upload or are constant; they stand until the next call. */
struct ota_page_answer {
    unsigned status;
    struct ota_page_header header[OTA_PAGE_HEADERS_MAX];
    size_t header_count;
    struct ota_span part[OTA_PAGE_PARTS_MAX]; /* of the body, one after the other; some may be empty */
    bool reboot;                              /* when it is sent, the board reboots */
};

/* Caller's storage, about 4.6 KiB on a 32-bit chip. Opaque. */
struct ota_page {
    struct ota_page_config cfg;
    char token[OTA_PAGE_TOKEN_HEX + 1];
    bool open;
    uint64_t total, received, started_ms;
    uint64_t paced, paced_ms; /* bytes and time when another sector was there */
    struct ota_err why;       /* code OTA_OK: what came so far is right */
    struct ota_bundle bundle;
    char text[OTA_PAGE_TEXT_MAX];
};

/* Once per boot. Fails when there is no randomness. */
OTA_MUST_USE enum ota_status ota_page_begin(struct ota_page *p, const struct ota_page_config *cfg, struct ota_err *err);
/* The head of a request. False: *answer says it all, and a body is not to be read. True: its body is wanted by feed(),
 * then end(); other requests may come between. */
OTA_MUST_USE bool ota_page_request(struct ota_page *p, const struct ota_page_request *r,
                                   struct ota_page_answer *answer);
/* False: it failed. Call end() now, with complete = true, and keep its answer until the rest was read or the client is
 * gone: while the upload is open the agent waits. */
bool ota_page_feed(struct ota_page *p, const void *data, size_t n);
/* complete: all of the body was fed; else it broke off, and nobody may be left to hear the answer. */
void ota_page_end(struct ota_page *p, bool complete, struct ota_page_answer *answer);
/* A body is being fed. */
bool ota_page_open(const struct ota_page *p);

#ifdef __cplusplus
}
#endif

#endif
