/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_FREERTOS_H
#define OTA_TESTS_FREERTOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int BaseType_t;
typedef unsigned UBaseType_t;
typedef uint32_t TickType_t;
typedef struct double_task *TaskHandle_t;

#define pdFALSE 0
#define pdTRUE 1
#define pdPASS 1
#define configTICK_RATE_HZ 1000u
#define portMAX_DELAY UINT32_MAX
#define pdMS_TO_TICKS(ms) ((TickType_t)(ms))
#define tskNO_AFFINITY 0x7FFFFFFF

typedef int portMUX_TYPE;
#define portMUX_INITIALIZER_UNLOCKED 0
void portENTER_CRITICAL(portMUX_TYPE *mux);
void portEXIT_CRITICAL(portMUX_TYPE *mux);

/* A mutex or a binary semaphore. */
typedef struct double_semaphore {
    unsigned count;
} StaticSemaphore_t;
typedef StaticSemaphore_t *SemaphoreHandle_t;

#endif
