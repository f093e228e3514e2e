/* SPDX-License-Identifier: Apache-2.0 */
/* Transport ports of the host: libcurl (https, what boards do) and a folder (verify before publishing, verify DIR). */
#ifndef OTA_HOST_TRANSPORT_H
#define OTA_HOST_TRANSPORT_H

#include "ota/ports.h"

struct ota_curl_config {
    const char *url_metadata, *url_targets, *url_api; /* bases; with or without a final '/' */
    struct ota_span ca_pem;                           /* trusted CA(s); empty: the system's */
    const char *token;                                /* Authorization: Bearer, API address only; NULL: none */
    struct ota_span client_crt, client_key;           /* PEM; to servers that proved their name. Empty: none */
    const char *user_agent;
    uint32_t connect_timeout_ms, stall_timeout_ms, total_timeout_ms; /* 0: 10 s, 20 s, 30 min */
};
struct ota_curl;
/* One connection kept alive between requests; body read in pull fashion with bounded buffering (<= 64 KiB). */
/* CONFIG: of client certificate and key one is missing. */
OTA_MUST_USE enum ota_status ota_curl_new(const struct ota_curl_config *cfg, struct ota_curl **out,
                                          struct ota_err *err);
void ota_curl_free(struct ota_curl **c);
const struct ota_transport *ota_curl_transport(struct ota_curl *c);
/* Bytes of bodies received since the start. */
uint64_t ota_curl_received(const struct ota_curl *c);

/* A repository folder (with metadata/ and targets/ below it); `overlay` (may be NULL) is looked at first. 404 for
 * what is not there. */
struct ota_dir_transport {
    const char *dir, *overlay;
    int fd;
    uint64_t left;
    struct ota_transport port;
};
void ota_dir_transport_init(struct ota_dir_transport *t, const char *dir, const char *overlay);

/* A key-value store in memory, for tools that verify and forget. */
struct ota_memory_kv;
struct ota_memory_kv *ota_memory_kv_new(void);
void ota_memory_kv_free(struct ota_memory_kv **kv);
const struct ota_kv *ota_memory_kv_port(struct ota_memory_kv *kv);

#endif
