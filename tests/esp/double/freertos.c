/* SPDX-License-Identifier: Apache-2.0 */
#include "double/freertos.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "double/clock.h"
#include "esp_random.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"

#define TASKS_MAX 8u

struct double_task {
    pthread_t thread;
    TaskFunction_t run;
    void *ctx;
    unsigned notified;
    bool waits; /* and has seen that nothing it waits for has come */
    bool has_deadline;
    TickType_t deadline;
};

struct double_freertos double_freertos = {.reset_reason = ESP_RST_POWERON};

/* [0] is the main task. All under the lock. */
static struct double_task task[TASKS_MAX];
static unsigned tasks;
static TickType_t now;
static bool off, restarted;
static jmp_buf reset;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static _Thread_local struct double_task *self;

static void change(void) {
    for (unsigned i = 0; i < tasks; i++)
        task[i].waits = false;
    pthread_cond_broadcast(&changed);
}

/* Called and left with the lock. */
static void end_self(void) __attribute__((noreturn));
static void end_self(void) {
    struct double_task *me = self;
    me->waits = true;
    me->has_deadline = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (me == task)
        longjmp(reset, 1);
    pthread_exit(NULL);
}

/* When the last one goes to wait, the next of all deadlines has come. */
static void let_time_pass(void) {
    const struct double_task *next = NULL;
    for (unsigned i = 0; i < tasks; i++) {
        if (!task[i].waits)
            return;
        if (task[i].has_deadline && (!next || task[i].deadline < next->deadline))
            next = &task[i];
    }
    if (!next)
        return; /* a deadlock, which hangs the test */
    if (next->deadline > now) {
        double_clock.uptime_us += (int64_t)(next->deadline - now) * 1000;
        now = next->deadline;
    }
    change();
}

static bool wait_for(unsigned *count, TickType_t ticks) {
    if (!self && count && *count > 0) /* a test without tasks */
        return true;
    self->has_deadline = ticks != portMAX_DELAY;
    self->deadline = now + ticks;
    while (!off && (!count || *count == 0) && !(self->has_deadline && now >= self->deadline)) {
        self->waits = true;
        let_time_pass();
        while (self->waits && !off)
            pthread_cond_wait(&changed, &lock);
    }
    self->has_deadline = false;
    self->waits = false;
    if (off)
        end_self();
    return count && *count > 0;
}

/* ---- semaphores ---------------------------------------------------------------------------------------- */

void portENTER_CRITICAL(portMUX_TYPE *mux) {
    (void)mux;
    pthread_mutex_lock(&lock);
}

void portEXIT_CRITICAL(portMUX_TYPE *mux) {
    (void)mux;
    pthread_mutex_unlock(&lock);
}

SemaphoreHandle_t xSemaphoreCreateMutexStatic(StaticSemaphore_t *memory) {
    memory->count = 1;
    return memory;
}

SemaphoreHandle_t xSemaphoreCreateBinaryStatic(StaticSemaphore_t *memory) {
    memory->count = 0;
    return memory;
}

BaseType_t xSemaphoreTake(SemaphoreHandle_t s, TickType_t ticks) {
    pthread_mutex_lock(&lock);
    const bool got = wait_for(&s->count, ticks);
    s->count -= got;
    pthread_mutex_unlock(&lock);
    return got;
}

BaseType_t xSemaphoreGive(SemaphoreHandle_t s) {
    pthread_mutex_lock(&lock);
    const bool gave = s->count == 0;
    s->count = 1;
    change();
    pthread_mutex_unlock(&lock);
    return gave;
}

/* ---- tasks ----------------------------------------------------------------------------------------------- */

static void *main_of_thread(void *ctx) {
    self = ctx;
    self->run(self->ctx);
    abort(); /* a task of FreeRTOS may not return */
}

BaseType_t xTaskCreatePinnedToCore(TaskFunction_t run, const char *name, uint32_t stack, void *ctx,
                                   UBaseType_t priority, TaskHandle_t *out, BaseType_t core) {
    (void)name, (void)stack, (void)priority, (void)core;
    if (double_freertos.no_task || tasks == TASKS_MAX)
        return pdFALSE;
    pthread_mutex_lock(&lock);
    struct double_task *t = &task[tasks++];
    *t = (struct double_task){.run = run, .ctx = ctx};
    if (out)
        *out = t;
    const bool made = pthread_create(&t->thread, NULL, main_of_thread, t) == 0;
    pthread_mutex_unlock(&lock);
    return made ? pdPASS : pdFALSE;
}

void vTaskDelete(TaskHandle_t t) {
    if (t)
        abort();
    pthread_mutex_lock(&lock);
    end_self();
}

void vTaskDelay(TickType_t ticks) {
    pthread_mutex_lock(&lock);
    (void)wait_for(NULL, ticks);
    pthread_mutex_unlock(&lock);
}

TaskHandle_t xTaskGetCurrentTaskHandle(void) {
    return self;
}

UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t t) {
    (void)t;
    return 3120;
}

BaseType_t xTaskNotifyGive(TaskHandle_t t) {
    pthread_mutex_lock(&lock);
    t->notified++;
    change();
    pthread_mutex_unlock(&lock);
    return pdPASS;
}

uint32_t ulTaskNotifyTake(BaseType_t clear, TickType_t ticks) {
    pthread_mutex_lock(&lock);
    (void)wait_for(&self->notified, ticks);
    const unsigned n = self->notified;
    self->notified = clear || n == 0 ? 0 : n - 1;
    pthread_mutex_unlock(&lock);
    return n;
}

/* ---- the board ------------------------------------------------------------------------------------------- */

static void switch_off(void) {
    pthread_mutex_lock(&lock);
    off = true;
    change();
    pthread_mutex_unlock(&lock);
    for (unsigned i = 1; i < tasks; i++)
        pthread_join(task[i].thread, NULL);
    tasks = 0;
    off = false; /* for the test, which may still ask */
}

bool double_freertos_run(void (*app_main)(void)) {
    switch_off(); /* what a test that failed left behind */
    restarted = false;
    now = 0;
    double_clock.uptime_us = 0;
    self = task;
    task[0] = (struct double_task){0};
    tasks = 1;
    if (setjmp(reset) == 0)
        app_main();
    switch_off();
    return !restarted;
}

void esp_restart(void) {
    pthread_mutex_lock(&lock);
    off = restarted = true;
    change();
    end_self();
}

esp_reset_reason_t esp_reset_reason(void) {
    return double_freertos.reset_reason;
}

uint32_t esp_random(void) {
    static uint32_t x = 12345;
    return x = x * 1103515245u + 12345u;
}
