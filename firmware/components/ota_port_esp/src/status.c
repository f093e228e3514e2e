/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the agent while it is at work: copies under a lock that nobody holds for long. */
#include <string.h>

#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"

#include "ota_esp_private.h"

static StaticSemaphore_t memory;
static SemaphoreHandle_t lock;
static struct ota_agent_status published;
static struct ota_err last;
static int64_t next_us; /* uptime at which the task comes again; 0: it does not sleep */

void ota_esp_status_create(void) {
    lock = xSemaphoreCreateMutexStatic(&memory);
    memset(&published, 0, sizeof published);
    memset(&last, 0, sizeof last);
    next_us = 0;
}

void ota_esp_publish(void) {
    xSemaphoreTake(lock, portMAX_DELAY);
    ota_agent_get_status(&ota_esp_agent, &published);
    last = ota_esp_agent.last;
    xSemaphoreGive(lock);
}

void ota_esp_publish_sleep(uint32_t seconds) {
    xSemaphoreTake(lock, portMAX_DELAY);
    next_us = seconds ? esp_timer_get_time() + seconds * 1000000ll : 0;
    xSemaphoreGive(lock);
}

void ota_esp_status(struct ota_agent_status *out) {
    memset(out, 0, sizeof *out);
    if (!lock)
        return;
    xSemaphoreTake(lock, portMAX_DELAY);
    *out = published;
    xSemaphoreGive(lock);
}

void ota_esp_last(struct ota_err *out) {
    memset(out, 0, sizeof *out);
    if (!lock)
        return;
    xSemaphoreTake(lock, portMAX_DELAY);
    *out = last;
    xSemaphoreGive(lock);
}

uint32_t ota_esp_next_run(void) {
    if (!lock)
        return 0;
    xSemaphoreTake(lock, portMAX_DELAY);
    const int64_t left = next_us ? next_us - esp_timer_get_time() : 0;
    xSemaphoreGive(lock);
    return left > 0 ? (uint32_t)(left / 1000000) + 1u : 0;
}

bool ota_esp_undecided(void) {
    struct ota_agent_status now;
    ota_esp_status(&now);
    return now.state == OTA_STATE_TESTING || now.state == OTA_STATE_CONFIRMING || now.phase == OTA_PHASE_DOUBTED;
}
