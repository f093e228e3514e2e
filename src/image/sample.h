/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sample images of every kind for every chip: well-formed to esptool and to our own checks, deterministic (the same
 * arguments give the same bytes), and different in content from version to version. They are for demonstrations and
 * tests on the virtual board; on a chip they do nothing useful.
 */
#ifndef OTA_IMAGE_SAMPLE_H
#define OTA_IMAGE_SAMPLE_H

#include "host/buf.h"
#include "ota/image.h"
#include "ota/table.h"

/* Every sample app contains one of the two. The virtual board's self-test fails when it finds the first in the
 * running app. */
#define OTA_SAMPLE_MARKER_FAIL "otadevice:self-test=fail"
#define OTA_SAMPLE_MARKER_PASS "otadevice:self-test=pass"
/* Only in an app whose network does not work: on the virtual board every request of it fails. */
#define OTA_SAMPLE_MARKER_NO_NETWORK "otadevice:network=none"

#define OTA_SAMPLE_APP_SIZE (300u * 1024u)
#define OTA_SAMPLE_APP_SIZE_MIN (96u * 1024u)
#define OTA_SAMPLE_BOOTLOADER_SIZE (20u * 1024u)
#define OTA_SAMPLE_STORAGE_SIZE (64u * 1024u)
#define OTA_SAMPLE_SLOT_SIZE 0x180000u
#define OTA_SAMPLE_FLASH_SIZE 0x400000u
#define OTA_SAMPLE_EXTRA_OFFSET 0x360000u /* of the partition that add_label asks for */
#define OTA_SAMPLE_EXTRA_SIZE 0x10000u
#define OTA_SAMPLE_TEXT_MAX 31u
#define OTA_SAMPLE_IDF "v5.5-sample" /* idf_ver of both descriptors */

struct ota_sample {
    const struct ota_chip *chip;
    const char *project;   /* 1..31 characters of a file name */
    const char *version;   /* 1..31 printable ASCII characters */
    const char *add_label; /* one more data partition with an image, or NULL */
    uint32_t app_size;     /* of the file, rounded down to 16; OTA_SAMPLE_APP_SIZE_MIN..OTA_SAMPLE_SLOT_SIZE */
    bool faulty, no_network;
};
/* ARGUMENT when a value above is out of its range. The others may be called only after it said OTA_OK. */
OTA_MUST_USE enum ota_status ota_sample_check(const struct ota_sample *s, struct ota_err *err);

/* Each appends to an empty *out. */
OTA_MUST_USE enum ota_status ota_sample_app(const struct ota_sample *s, const struct ota_crypto *crypto,
                                            struct ota_buf *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_sample_bootloader(const struct ota_sample *s, const struct ota_crypto *crypto,
                                                   struct ota_buf *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_sample_table(const struct ota_sample *s, const struct ota_crypto *crypto,
                                              struct ota_buf *out, struct ota_err *err);
/* The contents of a data partition, of `size` bytes; begins with a line of text that names project, label and
 * version. */
OTA_MUST_USE enum ota_status ota_sample_data(const struct ota_sample *s, const char *label, uint32_t size,
                                             const struct ota_crypto *crypto, struct ota_buf *out, struct ota_err *err);

/* The sample table's rows; the last one only with add_label. *count is set. */
#define OTA_SAMPLE_ROWS_MAX 10u
void ota_sample_rows(const struct ota_sample *s, struct ota_partition rows[OTA_SAMPLE_ROWS_MAX], size_t *count);

#endif
