/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's task. It is made by ota_esp_boot(), because what that has to do needs more stack than an application's
 * main task has; ota_esp_start() lets it go on.
 *
 * A reset at any moment, by the task watchdog, a brownout or a panic, is a power cut to the agent: the next
 * ota_esp_boot() goes on from what is written down.
 */
#include <stdatomic.h>

#include "esp_random.h"
#include "esp_system.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "sdkconfig.h"

#include "ota_esp_private.h"

#define AFTER_A_FAULT_S 60u       /* ota_run() itself failed */
#define SLEEP_MAX_S (24u * 3600u) /* ticks are 32 bits wide */

static TaskHandle_t task;
static StaticSemaphore_t opened_memory;
static SemaphoreHandle_t opened;
static enum ota_status open_status;
static struct ota_err open_err;
static atomic_bool started, check_wanted, install_wanted;

/* ---- what it costs ------------------------------------------------------------------------------------- */

static void log_memory(void) {
    static UBaseType_t least = UINT32_MAX;
    const UBaseType_t unused = uxTaskGetStackHighWaterMark(NULL);
    ota_log(&ota_esp_log, unused < least ? OTA_LOG_INFO : OTA_LOG_DEBUG,
            "stack %u of %u bytes never used, heap minimum %u", (unsigned)unused, (unsigned)CONFIG_OTA_TASK_STACK,
            (unsigned)esp_get_minimum_free_heap_size());
    if (unused < least)
        least = unused;
}

/* ---- runs ------------------------------------------------------------------------------------------------ */

/* The window is lifted for one run, however it ends. */
static uint32_t run(void) {
    struct ota_err err;
    uint32_t sleep_s = 0;
    (void)ota_esp_lock(UINT32_MAX);
    ota_esp_publish_sleep(0);
    const struct ota_maintenance window = ota_esp_agent.cfg.window;
    const bool install = atomic_exchange(&install_wanted, false), check = atomic_exchange(&check_wanted, false);
    if (install)
        ota_esp_agent.cfg.window = (struct ota_maintenance){0, 0};
    if (install || check)
        ota_poll_now(&ota_esp_agent);
    if (ota_run(&ota_esp_agent, &sleep_s, &err) != OTA_OK) {
        ota_log(&ota_esp_log, OTA_LOG_ERROR, "%s; tries again in %u s", err.msg, AFTER_A_FAULT_S);
        sleep_s = AFTER_A_FAULT_S;
    }
    ota_esp_agent.cfg.window = window;
    log_memory();
    ota_esp_transport_rest(); /* a connection that waits holds the memory of a TLS session */
    ota_esp_publish_sleep(sleep_s);
    ota_esp_give();
    return sleep_s;
}

static void sleep_for(uint32_t seconds) {
    if (seconds > SLEEP_MAX_S)
        seconds = SLEEP_MAX_S;
    (void)ulTaskNotifyTake(pdTRUE, (TickType_t)seconds * configTICK_RATE_HZ);
}

/* Boards that get their power back together do not all come at once. A new app is proved without delay. */
static void spread(void) {
#if CONFIG_OTA_START_SPREAD_S > 0
    if (ota_esp_undecided())
        return;
    const uint32_t wait_s = esp_random() % (CONFIG_OTA_START_SPREAD_S + 1u);
    ota_esp_publish_sleep(wait_s);
    sleep_for(wait_s);
#endif
}

static void main_of_task(void *ctx) {
    (void)ctx;
    open_status = ota_esp_open(&open_err);
    const bool ok = open_status == OTA_OK;
    if (ok)
        log_memory();
    xSemaphoreGive(opened);
    if (!ok) {
        task = NULL;
        vTaskDelete(NULL);
    }
    while (!started)
        (void)ulTaskNotifyTake(pdTRUE, portMAX_DELAY);
    spread();
    for (;;)
        sleep_for(run());
}

enum ota_status ota_esp_task_create(struct ota_err *err) {
    const BaseType_t core = CONFIG_OTA_TASK_CORE < 0 ? tskNO_AFFINITY : CONFIG_OTA_TASK_CORE;
    opened = xSemaphoreCreateBinaryStatic(&opened_memory);
    started = check_wanted = install_wanted = false;
    if (xTaskCreatePinnedToCore(main_of_task, "ota", CONFIG_OTA_TASK_STACK, NULL, CONFIG_OTA_TASK_PRIORITY, &task,
                                core) != pdPASS)
        return ota_err_set(err, OTA_MEMORY, "no memory for the agent's task: %u bytes of stack",
                           (unsigned)CONFIG_OTA_TASK_STACK);
    xSemaphoreTake(opened, portMAX_DELAY);
    if (open_status != OTA_OK)
        *err = open_err;
    return open_status;
}

/* ---- for the application --------------------------------------------------------------------------------- */

void ota_esp_task_wake(void) {
    if (started)
        xTaskNotifyGive(task);
}

enum ota_status ota_esp_start(struct esp_netif_obj *interface, struct ota_err *err) {
    if (!ota_esp_lock_is_open())
        return ota_err_set(err, OTA_CONFIG, "updates are off on this board: the log says why, at its start");
    ota_esp_transport_bind(interface);
    started = true;
    xTaskNotifyGive(task);
    return OTA_OK;
}

void ota_esp_use_interface(struct esp_netif_obj *interface) {
    ota_esp_transport_bind(interface);
}

void ota_esp_check(void) {
    check_wanted = true;
    ota_esp_task_wake();
}

void ota_esp_install_now(void) {
    install_wanted = true;
    ota_esp_task_wake();
}

void ota_esp_reboot(void) {
    ota_log(&ota_esp_log, OTA_LOG_INFO, "reboots");
    esp_restart();
}
