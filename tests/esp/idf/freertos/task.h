/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_FREERTOS_TASK_H
#define OTA_TESTS_FREERTOS_TASK_H

#include "freertos/FreeRTOS.h"

typedef void (*TaskFunction_t)(void *ctx);

BaseType_t xTaskCreatePinnedToCore(TaskFunction_t run, const char *name, uint32_t stack, void *ctx, UBaseType_t priority,
                                   TaskHandle_t *out, BaseType_t core);
void vTaskDelete(TaskHandle_t task); /* NULL: the calling one, no other */
void vTaskDelay(TickType_t ticks);
TaskHandle_t xTaskGetCurrentTaskHandle(void);
UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task); /* bytes on this chip */
BaseType_t xTaskNotifyGive(TaskHandle_t task);
uint32_t ulTaskNotifyTake(BaseType_t clear, TickType_t ticks);

#endif
