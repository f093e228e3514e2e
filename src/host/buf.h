/* SPDX-License-Identifier: Apache-2.0 */
/* A growable run of bytes, always followed by a NUL. Declare as `OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};` */
#ifndef OTA_HOST_BUF_H
#define OTA_HOST_BUF_H

#include "host/cleanup.h"
#include "ota/bytes.h"

struct ota_buf {
    uint8_t *p;
    size_t len, cap;
};

void ota_buf_free(struct ota_buf *b);
/* Memory exhaustion ends the program with a message: a host tool cannot go on without it. */
void ota_buf_reserve(struct ota_buf *b, size_t more);
void ota_buf_append(struct ota_buf *b, const void *p, size_t n);
void ota_buf_str(struct ota_buf *b, const char *s);
void ota_buf_printf(struct ota_buf *b, const char *fmt, ...) OTA_PRINTF(2, 3);
struct ota_span ota_buf_span(const struct ota_buf *b);
const char *ota_buf_text(const struct ota_buf *b); /* "" when empty */

/* asprintf that ends the program when out of memory; the caller frees. */
char *ota_sprintf(const char *fmt, ...) OTA_PRINTF(1, 2);
char *ota_vsprintf(const char *fmt, va_list args) OTA_PRINTF(1, 0);
char *ota_strdup(const char *s);
void *ota_calloc(size_t n, size_t size);
void *ota_realloc(void *old, size_t n, size_t size);

#endif
