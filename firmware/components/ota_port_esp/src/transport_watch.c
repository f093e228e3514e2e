/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An end to what esp_http_client's timeouts let go on: each of them counts anew with every byte, below in a TLS record that
 * comes by drips, above in a head without end. A timer shuts the socket for reading; the next byte then aborts the
 * connection, and whoever waits for it is told. Nothing of the client is touched from the timer's task.
 *
 * The socket is let go before its number can become another's: HTTP_EVENT_DISCONNECTED comes before the close().
 */
#include <sys/socket.h>

#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "transport.h"

static struct {
    StaticSemaphore_t memory;
    SemaphoreHandle_t lock; /* of what is below; NULL: not made yet */
    esp_timer_handle_t timer;
    int fd; /* -1: none */
    int64_t until_us;
    bool fired;
} watch;

/* A call that was due when the watch before ended may come late: into this one. */
static void on_timer(void *arg) {
    (void)arg;
    (void)xSemaphoreTake(watch.lock, portMAX_DELAY);
    if (watch.fd >= 0 && esp_timer_get_time() >= watch.until_us) {
        watch.fired = true;
        (void)shutdown(watch.fd, SHUT_RD);
        watch.fd = -1;
    }
    (void)xSemaphoreGive(watch.lock);
}

/* Without memory for a timer it goes on as before. */
static bool made(void) {
    const esp_timer_create_args_t args = {.callback = on_timer, .name = "ota"};
    if (!watch.lock)
        watch.lock = xSemaphoreCreateMutexStatic(&watch.memory);
    return watch.timer || esp_timer_create(&args, &watch.timer) == ESP_OK;
}

static void set(int fd) {
    (void)xSemaphoreTake(watch.lock, portMAX_DELAY);
    watch.fd = fd;
    watch.until_us = esp_timer_get_time() + OTA_ESP_WATCH_MS * INT64_C(1000);
    (void)xSemaphoreGive(watch.lock);
}

void ota_esp_watch(int fd) {
    if (!made())
        return;
    (void)esp_timer_stop(watch.timer);
    set(fd);
    if (fd >= 0)
        (void)esp_timer_start_once(watch.timer, OTA_ESP_WATCH_MS * UINT64_C(1000));
}

void ota_esp_watch_let_go(void) {
    if (watch.timer)
        ota_esp_watch(-1);
}

bool ota_esp_watch_end(void) {
    ota_esp_watch_let_go();
    const bool fired = watch.fired;
    watch.fired = false;
    return fired;
}
