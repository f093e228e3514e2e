/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the ports, finds out who the board is and what it is, and lets the agent finish what a reset interrupted. */
#include "ota_esp.h"

#include <string.h>

#include "esp_app_desc.h"
#include "esp_system.h"
#include "sdkconfig.h"

#include "ota_esp_private.h"
#include "state_hole.h"

#define AGENT_MAX 72u
#if CONFIG_OTA_TLS_CA
#define TRUSTS_CA true
#else
#define TRUSTS_CA false
#endif

struct ota_agent ota_esp_agent;
const struct ota_esp_config *ota_esp_config;

static uint8_t metadata[OTA_METADATA_MAX];
static char agent_text[AGENT_MAX];
static struct ota_esp_identity identity;
static struct ota_esp_transport_config transport;

/* ---- what the log says first ----------------------------------------------------------------------------- */

static const char *fault_of(esp_reset_reason_t reason) {
    switch (reason) {
    case ESP_RST_PANIC:
        return "a panic";
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT:
        return "a watchdog";
    case ESP_RST_BROWNOUT:
        return "a brownout";
    default:
        return NULL;
    }
}

static void log_start(void) {
    const char *fault = fault_of(esp_reset_reason());
    if (fault)
        ota_log(&ota_esp_log, OTA_LOG_WARNING, "%s reset the board: an update goes on where it was", fault);
}

static void log_agent(void) {
    const struct ota_agent *a = &ota_esp_agent;
    const struct ota_identity *who = &a->cfg.identity;
    const bool trial = a->state == OTA_STATE_TESTING || a->state == OTA_STATE_CONFIRMING;
    const uint32_t counter = trial ? a->journal.counter : a->board.counter;
    char app[OTA_VERSION_MAX + 32u] = "an app of an unknown release";
    if (counter)
        (void)ota_format(app, sizeof app, "release %u (%s)", (unsigned)counter,
                         trial ? a->journal.version : a->board.version);
    ota_log(&ota_esp_log, OTA_LOG_INFO, "%s, product %s, channel %s: %s runs at 0x%x%s", who->id, who->product,
            who->channel, app, (unsigned)a->running, trial ? ", on trial" : "");
}

/* ---- what the agent is told ---------------------------------------------------------------------------------- */

/* It becomes a header field and a value in reports. */
static const char *agent_name(void) {
    if (ota_esp_config->agent)
        return ota_esp_config->agent;
    const esp_app_desc_t *app = esp_app_get_description();
    (void)ota_format(agent_text, sizeof agent_text, "%.*s/%.*s",
                     (int)strnlen(app->project_name, sizeof app->project_name), app->project_name,
                     (int)strnlen(app->version, sizeof app->version), app->version);
    for (char *p = agent_text; *p; p++)
        if (*p <= ' ' || *p > '~')
            *p = '-';
    return agent_text;
}

static enum ota_status open_transport(struct ota_err *err) {
    transport = (struct ota_esp_transport_config){
        .url_metadata = identity.url_metadata,
        .url_targets = identity.url_targets,
        .url_api = identity.url_api,
        .token = identity.token,
        .ca_pem = TRUSTS_CA ? identity.ca_pem : (struct ota_span){0},
        .client_crt = identity.client_crt,
        .client_key = identity.client_key,
        .user_agent = agent_name(),
        .connection = ota_esp_config->connection,
        .connection_ctx = ota_esp_config->connection_ctx,
    };
    return ota_esp_transport_open(&transport, err);
}

/* A report wants an address, and a word of who sends it. */
static bool can_report(void) {
    return identity.url_api && (identity.token || identity.client_crt.len > 0 || ota_esp_config->connection);
}

static void configure(struct ota_agent_config *c) {
    *c = (struct ota_agent_config){
        .crypto = &ota_esp_crypto,
        .flash = ota_esp_paced_flash(),
        .kv = &ota_esp_kv,
        .clock = &ota_esp_clock,
        .transport = &ota_esp_transport,
        .log = &ota_esp_log,
        .boot = ota_esp_paced_boot(),
        .bundle = &ota_esp_bundle_file,
        .inflate = ota_esp_inflate,
        .hooks = ota_esp_hooks(),
        .identity = identity.who,
        .poll_interval_s = CONFIG_OTA_POLL_INTERVAL_S,
        .confirm_timeout_s = CONFIG_OTA_CONFIRM_TIMEOUT_S,
        .window = {CONFIG_OTA_WINDOW_FROM, CONFIG_OTA_WINDOW_TO},
        .reports = can_report(),
        .buf = metadata,
        .cap = sizeof metadata,
    };
}

/* ---- start --------------------------------------------------------------------------------------------------- */

static enum ota_status open_kv(struct ota_err *err) {
    enum ota_status status = ota_esp_kv_open(err);
    if (status == OTA_NOT_FOUND)
        return ota_err_set(err, OTA_NOT_FOUND, "the partition table has no \"%s\" (data, nvs, 40K): add it",
                           OTA_STATE_LABEL);
    return status;
}

static enum ota_status open_agent(struct ota_err *err) {
    static struct ota_agent_config cfg;
    OTA_TRY(ota_esp_flash_open(err));
    OTA_TRY(open_kv(err));
    OTA_TRY(ota_esp_identity_load(ota_esp_config->trust, &identity, err));
    configure(&cfg);
    OTA_TRY(ota_esp_board(&cfg.board, err));
    cfg.board.agent = agent_name();
    OTA_TRY(open_transport(err));
    OTA_TRY(ota_agent_init(&ota_esp_agent, &cfg, err));
    ota_esp_state_hole_show(&ota_esp_agent.table);
    return OTA_OK;
}

/* With an app on trial in which the agent cannot even start, the board could never be updated again: the app before it
 * can. The port refuses where there is none. */
static void give_new_app_up(void) {
    struct ota_err err;
    uint32_t at;
    enum ota_slot_state state;
    bool has_entry;
    const struct ota_boot_port *b = &ota_esp_boot_port;
    if (b->running(b->ctx, &at, &err) != OTA_OK || b->state(b->ctx, at, &state, &has_entry, &err) != OTA_OK ||
        !has_entry || state != OTA_SLOT_PENDING_VERIFY)
        return;
    if (b->invalidate(b->ctx, &err) == OTA_OK) {
        ota_log(&ota_esp_log, OTA_LOG_ERROR, "a new app that cannot be updated is not kept: back to the one before it");
        ota_esp_reboot();
    }
    ota_log(&ota_esp_log, OTA_LOG_ERROR, "the new app stays, nothing else could boot: %s", err.msg);
}

enum ota_status ota_esp_open(struct ota_err *err) {
    log_start();
    (void)ota_esp_lock(UINT32_MAX);
    enum ota_status status = open_agent(err);
    if (status == OTA_OK)
        status = ota_boot(&ota_esp_agent, err);
    if (status != OTA_OK) {
        ota_log(&ota_esp_log, OTA_LOG_ERROR, "updates are off: %s", err->msg);
        give_new_app_up();
        ota_esp_unlock();
        return status;
    }
    if (!ota_esp_agent.reboot)
        log_agent();
    ota_esp_lock_open();
    ota_esp_give();
    return OTA_OK;
}

enum ota_status ota_esp_boot(const struct ota_esp_config *cfg, struct ota_err *err) {
    struct ota_err unread;
    if (!err)
        err = &unread;
    ota_esp_config = cfg;
    ota_esp_lock_create();
    ota_esp_status_create();
    ota_esp_steer_create();
    return ota_esp_task_create(err);
}
