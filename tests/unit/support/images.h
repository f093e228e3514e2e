/* SPDX-License-Identifier: Apache-2.0 */
/* Images for tests: in memory, sample ones, and the real ones of $OTA_SHARED/images (default ../shared/images). */
#ifndef OTA_TESTS_IMAGES_H
#define OTA_TESTS_IMAGES_H

#include "host/buf.h"
#include "image/sample.h"
#include "ota/ports.h"

/* A source over bytes; `bytes` must outlive it. */
struct ota_source memory_source(const struct ota_span *bytes);

/* Reads a real image whole; false when the folder or the file is absent. */
bool reference_image(const char *name, struct ota_buf *out);

/* A sample of the chip, version 1.0.0, the smallest app. */
struct ota_sample sample_of(const char *chip);
void sample_app(const struct ota_sample *s, struct ota_buf *out);
void sample_bootloader(const struct ota_sample *s, struct ota_buf *out);

/* Makes checksum and SHA-256 of an image right again after its bytes were changed (its segment lengths not). */
void reseal_image(struct ota_buf *image);

#endif
