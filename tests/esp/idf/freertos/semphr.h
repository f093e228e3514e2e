/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_FREERTOS_SEMPHR_H
#define OTA_TESTS_FREERTOS_SEMPHR_H

#include "freertos/FreeRTOS.h"

SemaphoreHandle_t xSemaphoreCreateMutexStatic(StaticSemaphore_t *memory);
SemaphoreHandle_t xSemaphoreCreateBinaryStatic(StaticSemaphore_t *memory);
BaseType_t xSemaphoreTake(SemaphoreHandle_t s, TickType_t ticks);
BaseType_t xSemaphoreGive(SemaphoreHandle_t s);

#endif
