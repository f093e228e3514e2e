/* SPDX-License-Identifier: Apache-2.0 */
/* Lines go to double_log (double/log.h). */
#ifndef OTA_TESTS_ESP_LOG_H
#define OTA_TESTS_ESP_LOG_H

void double_log_line(char level, const char *tag, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define ESP_LOGE(tag, ...) double_log_line('E', tag, __VA_ARGS__)
#define ESP_LOGW(tag, ...) double_log_line('W', tag, __VA_ARGS__)
#define ESP_LOGI(tag, ...) double_log_line('I', tag, __VA_ARGS__)
#define ESP_LOGD(tag, ...) double_log_line('D', tag, __VA_ARGS__)

#endif
