/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other tasks want of the agent. Whoever has it fulfils the wish at the next good moment: between two sectors of a
 * download, or when it is given back. Nobody having it, the asking task does so itself.
 */
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"

#include "ota_esp_private.h"

struct wish {
    ota_esp_wish_fn *fn;
    void *what;
    struct ota_err *err;
    enum ota_status status;
};

static StaticSemaphore_t turn_memory, done_memory;
static SemaphoreHandle_t turn; /* one asks at a time */
static SemaphoreHandle_t done;
static portMUX_TYPE guard = portMUX_INITIALIZER_UNLOCKED;
static struct wish *waiting;

void ota_esp_steer_create(void) {
    turn = xSemaphoreCreateMutexStatic(&turn_memory);
    done = xSemaphoreCreateBinaryStatic(&done_memory);
}

/* Takes the wish away from everybody else. */
static struct wish *pick(void) {
    portENTER_CRITICAL(&guard);
    struct wish *w = waiting;
    waiting = NULL;
    portEXIT_CRITICAL(&guard);
    return w;
}

bool ota_esp_is_wished(void) {
    portENTER_CRITICAL(&guard);
    const bool is = waiting != NULL;
    portEXIT_CRITICAL(&guard);
    return is;
}

void ota_esp_serve(void) {
    struct wish *w = pick();
    if (!w)
        return;
    w->status = w->fn(w->what, w->err);
    xSemaphoreGive(done);
}

static enum ota_status busy(struct ota_err *err) {
    return ota_err_set(err, OTA_BUSY, "the agent is at work and did not listen for %u s: ask again",
                       OTA_ESP_PATIENCE_MS / 1000u);
}

/* It is put up before the lock is tried: either that succeeds, or its holder sees the wish when he gives it back. */
static enum ota_status ask(struct wish *w, struct ota_err *err) {
    portENTER_CRITICAL(&guard);
    waiting = w;
    portEXIT_CRITICAL(&guard);
    if (ota_esp_lock(0))
        ota_esp_give();
    if (xSemaphoreTake(done, pdMS_TO_TICKS(OTA_ESP_PATIENCE_MS)) == pdTRUE)
        return w->status;
    if (pick())
        return busy(err);
    xSemaphoreTake(done, portMAX_DELAY); /* somebody is at it */
    return w->status;
}

enum ota_status ota_esp_wish(ota_esp_wish_fn *fn, void *what, struct ota_err *err) {
    struct wish w = {.fn = fn, .what = what, .err = err, .status = OTA_INTERNAL};
    if (!ota_esp_lock_is_open())
        return ota_err_set(err, OTA_CONFIG, "updates are off on this board: the log says why, at its start");
    if (ota_esp_lock_is_mine())
        return fn(what, err); /* out of a hook */
    if (xSemaphoreTake(turn, pdMS_TO_TICKS(OTA_ESP_PATIENCE_MS)) != pdTRUE)
        return busy(err);
    enum ota_status status = ask(&w, err);
    xSemaphoreGive(turn);
    return status;
}

static enum ota_status defer(void *what, struct ota_err *err) {
    return ota_defer(&ota_esp_agent, *(const uint32_t *)what, err);
}

enum ota_status ota_esp_defer(uint32_t seconds, struct ota_err *err) {
    OTA_TRY(ota_esp_wish(defer, &seconds, err));
    if (seconds == 0)
        ota_esp_task_wake(); /* what was put off need not wait for the next poll */
    return OTA_OK;
}
