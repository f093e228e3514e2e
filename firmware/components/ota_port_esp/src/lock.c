/* SPDX-License-Identifier: Apache-2.0 */
/* Who has the agent: one task at a time, for a whole run. */
#include <stdatomic.h>

#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"

#include "ota_esp_private.h"

static StaticSemaphore_t memory;
static SemaphoreHandle_t lock;
static _Atomic(TaskHandle_t) holder; /* written by who holds it; each task asks about itself alone */
static atomic_bool open;

void ota_esp_lock_create(void) {
    lock = xSemaphoreCreateMutexStatic(&memory);
    holder = NULL;
    open = false;
}

void ota_esp_lock_open(void) {
    open = true;
}

bool ota_esp_lock_is_open(void) {
    return open;
}

bool ota_esp_lock_is_mine(void) {
    return holder == xTaskGetCurrentTaskHandle();
}

bool ota_esp_lock(uint32_t wait_ms) {
    const TickType_t ticks = wait_ms == UINT32_MAX ? portMAX_DELAY : pdMS_TO_TICKS(wait_ms);
    if (!lock || xSemaphoreTake(lock, ticks) != pdTRUE)
        return false;
    holder = xTaskGetCurrentTaskHandle();
    return true;
}

void ota_esp_unlock(void) {
    holder = NULL;
    xSemaphoreGive(lock);
}

/* A hook that took the agent in whose run it is called would wait for itself. */
struct ota_agent *ota_esp_take(uint32_t wait_ms) {
    if (!open || ota_esp_lock_is_mine() || !ota_esp_lock(wait_ms))
        return NULL;
    return &ota_esp_agent;
}

/* A wish that came too late to be seen here, and too early to find the lock free, is not left to the next run. */
void ota_esp_give(void) {
    do {
        ota_esp_serve();
        ota_esp_publish();
        if (ota_esp_agent.reboot)
            ota_esp_reboot(); /* with the lock held: nobody begins anything new */
        ota_esp_unlock();
    } while (ota_esp_is_wished() && ota_esp_lock(0));
}
