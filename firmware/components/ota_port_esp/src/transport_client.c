/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a client is made. A client makes two connections at most. The first one's TLS session shortens the second
 * handshake; a third would use what esp_http_client freed when the second ended without a session to keep (no memory, or
 * the server changed to TLS 1.3): its transport goes on pointing there, in 5.5 to 6.2.
 */
#include "transport.h"

#include <stdlib.h>
#include <string.h>

#include "esp_netif.h"
#include "net/if.h"
#include "ota/address.h"
#include "sdkconfig.h"

#define CONNECTIONS_MAX 2u
#define LINES_MAX 3u /* that the client's header writer keeps for itself: a NUL, and a line end */

static const struct ota_esp_transport_config *cfg;
static struct esp_netif_obj *volatile interface_to_use;
static volatile unsigned interface_number = 1;

/* ---- what the build has ---------------------------------------------------------------------------------- */

#if CONFIG_MBEDTLS_CERTIFICATE_BUNDLE
#include "mbedtls/ssl.h"

/* In place of the bundle's: esp-tls asked for a proof just before, for this connection; here it is told not to. Needs no
 * CONFIG_ESP_TLS_INSECURE, which would hold for every connection of the application. */
static esp_err_t ask_for_no_proof(void *conf) {
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_NONE);
    return ESP_OK;
}
#else
#define ask_for_no_proof NULL /* esp-tls does not look at the field then */
#endif

#if CONFIG_OTA_TLS_BUNDLE && CONFIG_MBEDTLS_CERTIFICATE_BUNDLE
#include "esp_crt_bundle.h"
#else
#define esp_crt_bundle_attach NULL /* not even named: it would bring the certificates into the app */
#endif

#if CONFIG_OTA_TLS_CA
#define TRUSTS_CA true
#else
#define TRUSTS_CA false
#endif

static esp_err_t (*const attach[])(void *conf) = {
    [OTA_ESP_PROOF_CA] = NULL,
    [OTA_ESP_PROOF_BUNDLE] = esp_crt_bundle_attach,
    [OTA_ESP_PROOF_NONE] = ask_for_no_proof,
};

#if CONFIG_ESP_TLS_CLIENT_SESSION_TICKETS
static void save_session(esp_http_client_config_t *c) {
    c->save_client_session = true;
}
#else
static void save_session(esp_http_client_config_t *c) {
    (void)c;
}
#endif

/* ---- configuration --------------------------------------------------------------------------------------- */

bool ota_esp_client_can(enum ota_esp_proof proof) {
    return proof == OTA_ESP_PROOF_CA ? TRUSTS_CA && cfg->ca_pem.len > 0 : attach[proof] != NULL;
}

static enum ota_status check_pem(struct ota_span pem, const char *what, struct ota_err *err) {
    if (pem.len && (pem.len < 2 || pem.p[pem.len - 1] != '\0'))
        return ota_err_set(err, OTA_CONFIG, "%s is no PEM that ends in a NUL", what);
    return OTA_OK;
}

enum ota_status ota_esp_client_config(const struct ota_esp_transport_config *config, struct ota_err *err) {
    OTA_TRY(check_pem(config->ca_pem, "the CA", err));
    OTA_TRY(check_pem(config->client_crt, "the client certificate", err));
    OTA_TRY(check_pem(config->client_key, "the client's key", err));
    if (!config->client_crt.len != !config->client_key.len)
        return ota_err_set(err, OTA_CONFIG, "of client certificate and key one is missing: provision crt and key");
    cfg = config;
    return OTA_OK;
}

void ota_esp_transport_bind(struct esp_netif_obj *interface) {
    interface_to_use = interface;
    interface_number++;
}

static const char *agent_name(void) {
    return cfg->user_agent ? cfg->user_agent : "ota";
}

static size_t line_of(const char *name, const char *value) {
    return value ? strlen(name) + strlen(": \r\n") + strlen(value) + LINES_MAX : 0;
}

/* A header line that does not fit is left out by esp_http_client, and the request with it never ends. */
static int tx_size(void) {
    size_t n = CONFIG_OTA_HTTP_BUFFER;
    const size_t token = line_of("Authorization: Bearer ", cfg->token);
    const size_t agent = line_of("User-Agent", agent_name());
    if (n < token)
        n = token;
    if (n < 256 + agent)
        n = 256 + agent;
    return (int)n;
}

/* The request line shares its buffer with the first header, User-Agent. */
size_t ota_esp_client_room(void) {
    return (size_t)tx_size() - line_of("User-Agent", agent_name());
}

static void set_proof(esp_http_client_config_t *c, enum ota_esp_proof proof) {
    c->crt_bundle_attach = attach[proof]; /* would come before cert_pem */
    if (proof == OTA_ESP_PROOF_CA)
        c->cert_pem = (const char *)cfg->ca_pem.p;
}

/* What names the board goes only to servers that proved themselves; so does what the application adds. */
static void set_identity(esp_http_client_config_t *c) {
    if (cfg->client_crt.len) {
        c->client_cert_pem = (const char *)cfg->client_crt.p;
        c->client_key_pem = (const char *)cfg->client_key.p;
    }
    if (cfg->connection)
        cfg->connection(cfg->connection_ctx, c);
    c->skip_cert_common_name_check = false;
}

static enum ota_status set_interface(esp_http_client_config_t *c, struct ifreq *name, struct ota_err *err) {
    struct esp_netif_obj *interface = interface_to_use;
    if (!interface)
        return OTA_OK;
    if (esp_netif_get_netif_impl_name(interface, name->ifr_name) != ESP_OK)
        return ota_err_set(err, OTA_NETWORK, "the interface that updates are bound to is not up");
    c->if_name = name; /* copied */
    return OTA_OK;
}

/* ---- clients --------------------------------------------------------------------------------------------- */

void ota_esp_client_drop(struct ota_esp_server *s) {
    if (s->client)
        (void)esp_http_client_cleanup(s->client);
    s->client = NULL;
    s->connected = false;
    s->connections = 0;
}

static enum ota_status make(struct ota_esp_server *s, enum ota_esp_proof proof, http_event_handle_cb on_event,
                            struct ota_err *err) {
    struct ifreq name = {0};
    const unsigned number = interface_number;
    esp_http_client_config_t c = {.keep_alive_enable = true};
    set_proof(&c, proof);
    if (proof != OTA_ESP_PROOF_NONE)
        set_identity(&c);
    if (ota_address_is_https(s->base)) /* of a plain connection there is no session: it would be asked for one */
        save_session(&c);
    OTA_TRY(set_interface(&c, &name, err));
    c.url = s->base;
    c.user_agent = agent_name();
    c.timeout_ms = OTA_ESP_CONNECT_MS;
    c.buffer_size = CONFIG_OTA_HTTP_BUFFER;
    c.buffer_size_tx = tx_size();
    c.disable_auto_redirect = true;
    c.max_authorization_retries = -1;
    c.is_async = false;
    c.event_handler = on_event;
    c.user_data = s;
    s->client = esp_http_client_init(&c);
    if (!s->client)
        return ota_err_set(err, OTA_MEMORY, "no memory for an HTTP client");
    s->proof = proof;
    s->made_for = number;
    return OTA_OK;
}

enum ota_status ota_esp_client_ready(struct ota_esp_server *s, enum ota_esp_proof proof, http_event_handle_cb on_event,
                                     struct ota_err *err) {
    const bool good = s->client && s->proof == proof && s->made_for == interface_number &&
                      (s->connected || s->connections < CONNECTIONS_MAX);
    if (good)
        return OTA_OK;
    ota_esp_client_drop(s);
    return make(s, proof, on_event, err);
}
