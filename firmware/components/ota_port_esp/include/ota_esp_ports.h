/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ports of ota/ports.h and ota/agent.h over ESP-IDF, one by one: ota_esp.h wires them up; an application that wants
 * another transport or key-value store takes the others from here. One chip, one application: each exists once.
 *
 * tests/esp runs the same sources over doubles of the ESP-IDF calls they make.
 */
#ifndef OTA_ESP_PORTS_H
#define OTA_ESP_PORTS_H

#include "ota/agent.h"

#ifdef __cplusplus
extern "C" {
#endif

struct esp_netif_obj;

/* ---- flash: esp_partition for what the table names and for holes, raw for bootloader and table ------- */

/* Size of the chip as the bootloader's header has it, primary bootloader and table from this build's configuration.
 * TABLE_FORMAT: ESP-IDF finds no partition; FLASH. */
OTA_MUST_USE enum ota_status ota_esp_flash_open(struct ota_err *err);
extern struct ota_flash ota_esp_flash;

/* ---- slots: esp_ota_ops ----------------------------------------------------------------------------------- */

extern const struct ota_boot_port ota_esp_boot_port;

/* ---- key-value: NVS -------------------------------------------------------------------------------------- */

/* Partition ota_state, namespace "ota". NOT_FOUND: the table has none. What NVS calls unusable is erased, as is said in
 * the log: the agent then finds out again what it runs. */
OTA_MUST_USE enum ota_status ota_esp_kv_open(struct ota_err *err);
extern const struct ota_kv ota_esp_kv;

/* ---- clock, hash, log ------------------------------------------------------------------------------------ */

extern const struct ota_clock ota_esp_clock; /* synchronised: time() is later than the build */
extern const struct ota_crypto ota_esp_crypto;
extern const struct ota_log ota_esp_log; /* tag "ota" */

/* zlib by the ROM's tinfl; 15 KiB of heap between begin() and end(). NULL when the configuration has none. */
extern const struct ota_inflate *const ota_esp_inflate;

/* ---- what the board is: eFuses, header, configuration ------------------------------------------------------- */

/* After ota_esp_flash_open(). UNSUPPORTED: a chip that the agent does not know. */
OTA_MUST_USE enum ota_status ota_esp_board(struct ota_board *out, struct ota_err *err);

/* ---- who it is: ota_id over what the build brings, ota_state's channel and groups over both ------------------- */

struct ota_esp_trust;

/* Borrowed from the trust of the build or from `kept`. */
struct ota_esp_identity {
    struct ota_identity who;
    struct ota_span ca_pem;                           /* PEM with NUL; len 0: none */
    struct ota_span client_crt, client_key;           /* likewise */
    const char *url_metadata, *url_targets, *url_api; /* NULL: not known */
    const char *token;                                /* NULL: none */
    void *kept;                                       /* one allocation for all that was read */
};
/* Value by value: what ota_id has, else what `trust` (may be NULL) has; channel and groups of ota_state come first, through
 * ota_esp_kv when it is open: keys "channel" and "groups". An ota_id that cannot be read counts as empty, as is said in
 * the log; it is never written. CONFIG names the value that is missing or wrong. The id may be missing: then it is the
 * factory's MAC address, "esp-30aea4123456". MEMORY. */
OTA_MUST_USE enum ota_status ota_esp_identity_load(const struct ota_esp_trust *trust, struct ota_esp_identity *out,
                                                   struct ota_err *err);
void ota_esp_identity_free(struct ota_esp_identity *identity);

/* ---- transport: esp_http_client ----------------------------------------------------------------------------- */

/* Of one server one client with 2 * CONFIG_OTA_HTTP_BUFFER of heap, and of all servers one connection, with TLS's buffers
 * (CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN and _OUT_). esp_http_client posts what it sees to the default event loop, which must
 * exist, and waits for room there: CONFIG_ESP_HTTP_CLIENT_EVENT_POST_TIMEOUT=0 keeps a busy loop from slowing a download.
 *
 * A client certificate whose key is not in ota_id comes through `connection`, which sees the client's configuration
 * before the client is made; what it puts there must outlive the transport:
 *
 *   static void from_secure_cert(void *ctx, void *config) {       // DS peripheral, key in eFuse; esp_secure_cert
 *       esp_http_client_config_t *c = config;
 *       c->client_cert_pem = device_cert_pem;                     // esp_secure_cert_get_device_cert()
 *       c->ds_data = ds_context;                                  // esp_secure_cert_get_ds_ctx(); CONFIG_ESP_TLS_USE_DS_PERIPHERAL
 *   }
 */
struct ota_esp_transport_config {
    const char *url_metadata, *url_targets, *url_api; /* NULL: not known */
    const char *token;                                /* NULL: none */
    struct ota_span ca_pem, client_crt, client_key;   /* PEM with NUL */
    const char *user_agent;                           /* NULL: "ota" */
    void (*connection)(void *ctx, void *config);      /* ota_esp.h */
    void *connection_ctx;
};
/* Borrowed for good. The server proves itself by `ca_pem` (CONFIG_OTA_TLS_CA), by the certificate bundle (CONFIG_OTA_TLS_BUNDLE), or by either.
 * `connection` is called before a client is made, which makes two connections at most; not for those that may do without
 * a proof: they need CONFIG_MBEDTLS_CERTIFICATE_BUNDLE (an empty one will do), or are refused as ever.
 * CONFIG: an address is no http:// or https://, or cannot prove itself by either; a token with characters that none has,
 * or one for an http:// address; half of a client certificate. */
OTA_MUST_USE enum ota_status ota_esp_transport_open(const struct ota_esp_transport_config *cfg, struct ota_err *err);
/* The agent sleeps: closes the connection, which holds TLS's buffers; the next handshake is a short one. */
void ota_esp_transport_rest(void);
/* From the next connection on; NULL: as the routing table says. */
void ota_esp_transport_bind(struct esp_netif_obj *interface);
extern const struct ota_transport ota_esp_transport;

#ifdef __cplusplus
}
#endif

#endif
