/* SPDX-License-Identifier: Apache-2.0 */
#include "support/esp_net.h"

#include <stdio.h>

struct esp_net esp_net;
struct ota_err esp_net_err;
const struct ota_request esp_net_metadata = {.address = OTA_ADDRESS_METADATA, .path = "timestamp.json"};

void esp_net_open(const char *token, struct ota_span ca) {
    const char *url = http_server_url(esp_net.server);
    (void)snprintf(esp_net.meta, sizeof esp_net.meta, "%s/metadata", url);
    (void)snprintf(esp_net.targets, sizeof esp_net.targets, "%s/targets/", url);
    (void)snprintf(esp_net.api, sizeof esp_net.api, "%s/api/v1", url);
    esp_net.config = (struct ota_esp_transport_config){
        .url_metadata = esp_net.meta,
        .url_targets = esp_net.targets,
        .url_api = esp_net.api,
        .ca_pem = ca,
        .token = token,
        .user_agent = esp_net.agent ? esp_net.agent : "test/1",
    };
    assert_ota_ok(ota_esp_transport_open(&esp_net.config, &err));
}

void esp_net_start(const struct http_answer *answers) {
    esp_net.server = http_server_start(answers, false);
    esp_net_open(NULL, (struct ota_span){0});
}

struct ota_span esp_net_ca(const struct http_server *s) {
    const struct ota_span ca = http_server_ca(s);
    return (struct ota_span){ca.p, ca.len + 1};
}

enum ota_status esp_net_get(const struct ota_request *req, struct ota_response *resp) {
    memset(resp, 0xAA, sizeof *resp); /* every field must be set */
    return net->open(net->ctx, req, resp, &err);
}

void esp_net_body(size_t wanted, enum ota_status status) {
    http_body_is(net, wanted, status, &err);
}

void esp_net_end(void) {
    static const struct ota_esp_transport_config none;
    ota_esp_transport_bind(NULL);
    assert_ota_ok(ota_esp_transport_open(&none, &err));
    assert_int_equal(double_http.clients, 0);
    if (esp_net.server)
        http_server_stop(&esp_net.server);
}
