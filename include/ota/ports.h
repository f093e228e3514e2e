/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the core needs from a platform: const tables of callbacks with a context. A platform is chosen by
 * file (src/host, src/sim, firmware/components/ota_port_esp), never by #ifdef.
 *
 * Every callback that can fail returns enum ota_status and fills *err.
 */
#ifndef OTA_PORTS_H
#define OTA_PORTS_H

#include "ota/bytes.h"
#include "ota/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- crypto -------------------------------------------------------------------------------------------- */

/* Room for a platform's running SHA-256 (mbedTLS and PSA state, or a pointer to OpenSSL's). */
struct ota_sha256 {
    union {
        uint64_t align;
        void *pointer;
        uint8_t bytes[256];
    } u;
};

enum ota_key_scheme {
    OTA_SCHEME_ECDSA_P256 = 1, /* ecdsa-sha2-nistp256 */
    OTA_SCHEME_ED25519 = 2,    /* host only */
    OTA_SCHEME_RSA_PSS = 3,    /* rsassa-pss-sha256, host only */
};

/* A decoded public key. `point` identifies it within its scheme, whatever its keyid or spelling: X || Y (big-endian)
 * of P-256, the key of ed25519 or the SHA-256 of an RSA key's DER, then zeros. RSA verifies with `text`, borrowed from
 * the metadata. */
struct ota_public_key {
    enum ota_key_scheme scheme;
    uint8_t point[64];
    struct ota_span text;
};

struct ota_crypto {
    void *ctx;
    /* Every begun hash is ended or aborted. */
    enum ota_status (*sha256_begin)(void *ctx, struct ota_sha256 *h, struct ota_err *err);
    enum ota_status (*sha256_update)(void *ctx, struct ota_sha256 *h, const void *p, size_t n, struct ota_err *err);
    enum ota_status (*sha256_end)(void *ctx, struct ota_sha256 *h, uint8_t out[OTA_SHA256_LEN], struct ota_err *err);
    void (*sha256_abort)(void *ctx, struct ota_sha256 *h);
    enum ota_status (*md5)(void *ctx, const void *p, size_t n, uint8_t out[16], struct ota_err *err);
    /* *valid: does sig (DER for P-256) by key cover msg. A signature that does not parse is *valid = false. */
    enum ota_status (*verify)(void *ctx, const struct ota_public_key *key, struct ota_span msg, struct ota_span sig,
                              bool *valid, struct ota_err *err);
    /* NULL on the chip. Decodes keys of other schemes than P-256: UNSUPPORTED for unknown ones (which are then
     * skipped). */
    enum ota_status (*decode_key)(void *ctx, struct ota_span keytype, struct ota_span scheme, struct ota_span text,
                                  struct ota_public_key *out, struct ota_err *err);
    enum ota_status (*random)(void *ctx, void *p, size_t n, struct ota_err *err);
};

/* One-shot SHA-256 over the port. */
OTA_MUST_USE enum ota_status ota_sha256(const struct ota_crypto *c, const void *p, size_t n,
                                        uint8_t out[OTA_SHA256_LEN], struct ota_err *err);

/* ---- random-access bytes ------------------------------------------------------------------------------- */

/* A file, a partition, a buffer. read() gives exactly n bytes or fails; off + n <= size always holds. */
struct ota_source {
    void *ctx;
    uint64_t size;
    enum ota_status (*read)(void *ctx, uint64_t off, void *p, size_t n, struct ota_err *err);
};

/* ---- flash --------------------------------------------------------------------------------------------- */

#define OTA_SECTOR 4096u

/* The whole chip by absolute address. write() needs erased bytes below it; erase() takes multiples of
 * OTA_SECTOR. Encryption, where it is on, lies below this port. */
struct ota_flash {
    void *ctx;
    uint32_t size;
    enum ota_status (*read)(void *ctx, uint32_t off, void *p, size_t n, struct ota_err *err);
    enum ota_status (*write)(void *ctx, uint32_t off, const void *p, size_t n, struct ota_err *err);
    enum ota_status (*erase)(void *ctx, uint32_t off, uint32_t n, struct ota_err *err);
};

/* ---- key-value store ----------------------------------------------------------------------------------- */

#define OTA_KV_KEY_MAX 15u

/* Partition `ota_state`. set() is atomic per key: after a power cut the key has its old or its new value. */
struct ota_kv {
    void *ctx;
    /* NOT_FOUND when absent; TOO_LARGE when it does not fit cap. */
    enum ota_status (*get)(void *ctx, const char *key, void *p, size_t cap, size_t *len, struct ota_err *err);
    enum ota_status (*set)(void *ctx, const char *key, const void *p, size_t len, struct ota_err *err);
    enum ota_status (*erase)(void *ctx, const char *key, struct ota_err *err); /* absent: OTA_OK */
};

/* ---- clock --------------------------------------------------------------------------------------------- */

struct ota_clock {
    void *ctx;
    bool (*now)(void *ctx, uint64_t *unix_seconds); /* false: not synchronised */
    uint64_t (*uptime_ms)(void *ctx);               /* monotonic since boot */
};

/* ---- transport ----------------------------------------------------------------------------------------- */

enum ota_address { OTA_ADDRESS_METADATA, OTA_ADDRESS_TARGETS, OTA_ADDRESS_API };
#define OTA_ETAG_MAX 80u
#define OTA_LENGTH_UNKNOWN UINT64_MAX

struct ota_request {
    enum ota_address address;
    const char *path;          /* relative to the address's base URL, no leading '/', already safe characters */
    uint64_t range_from;       /* > 0: Range: bytes=<from>- */
    const char *if_range;      /* NULL or a strong ETag with its quotes */
    const char *if_none_match; /* NULL or an ETag with its quotes */
    bool no_cache;             /* caches on the way must ask the server: Cache-Control: no-cache */
    struct ota_span body;      /* p != NULL: POST application/json */
    /* The server need not prove its name: what it sends is judged by signatures alone. Never heeded for
     * OTA_ADDRESS_API, and nothing that names the board (token, client certificate) goes along. */
    bool allow_unauthenticated;
};

struct ota_response {
    int status;              /* 200, 206, 304, 404, ... */
    uint64_t length;         /* of this body, or OTA_LENGTH_UNKNOWN */
    uint64_t range_from;     /* 206: first byte of Content-Range */
    uint64_t total;          /* 206: full length of Content-Range, or OTA_LENGTH_UNKNOWN; else = length */
    char etag[OTA_ETAG_MAX]; /* "" when absent or too long */
    uint32_t retry_after;    /* seconds, 0 when absent */
    bool authenticated;      /* the server proved its name (TLS) */
};

/* A server that was reached and did not prove its name is TLS; one that was not reached, or whose connection broke
 * before it could, is NETWORK or TIMEOUT. One request at a time: open, read until *got == 0 (end of a complete body),
 * close. close() is always called after a successful open(). A body that ends before its Content-Length is TRUNCATED.
 * HTTP error statuses are not errors here. A read() during which nothing arrives is TIMEOUT after 30 s at the latest;
 * that something arrives slowly is the agent's to judge. */
struct ota_transport {
    void *ctx;
    enum ota_status (*open)(void *ctx, const struct ota_request *req, struct ota_response *resp, struct ota_err *err);
    enum ota_status (*read)(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err);
    void (*close)(void *ctx);
};

/* ---- inflate ------------------------------------------------------------------------------------------- */

/* zlib (RFC 1950) with a window of at most 4 KiB, as a stream; one at a time. */
struct ota_inflate {
    void *ctx;
    enum ota_status (*begin)(void *ctx, struct ota_err *err);
    /* Takes from in[0..*in_len), gives to out[0..*out_len); both become what was used. *end: the stream is complete and
     * its Adler-32 right. Neither taken nor given, and no *end: it wants more input. Bad data, or a larger window:
     * HASH. */
    enum ota_status (*run)(void *ctx, const uint8_t *in, size_t *in_len, uint8_t *out, size_t *out_len, bool *end,
                           struct ota_err *err);
    void (*end)(void *ctx); /* also after a failed begin */
};

/* ---- log ----------------------------------------------------------------------------------------------- */

enum ota_log_level { OTA_LOG_ERROR, OTA_LOG_WARNING, OTA_LOG_INFO, OTA_LOG_DEBUG };

struct ota_log {
    void *ctx;
    void (*line)(void *ctx, enum ota_log_level level, const char *text);
};
void ota_log(const struct ota_log *log, enum ota_log_level level, const char *fmt, ...) OTA_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif

#endif
