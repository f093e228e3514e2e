/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flash mode, frequency and size as a build wants them ("flash_settings" of flasher_args.json). esptool writes them into
 * the header of what it puts where the chip's bootloader stands, and makes the SHA-256 behind the image anew:
 *
 *   2  flash mode    3  flash size << 4 | frequency code
 *
 * "keep", and "detect", which needs a board, leave what is there. Source: esptool cmds.py
 * (_update_image_flash_params, merge_bin), targets/<chip>.py.
 *
 * To the bootloader, and to apps that run behind it, the flash is as large as the header says, whatever the chip is:
 * ESP-IDF bootloader_flash_config_<chip>.c (update_flash_config).
 */
#ifndef OTA_IMAGE_FLASH_SETTINGS_H
#define OTA_IMAGE_FLASH_SETTINGS_H

#include "host/buf.h"
#include "host/idf_folder.h"
#include "ota/image.h"

/* Codes of the header; -1: stays as it is. */
struct ota_flash_settings {
    int mode, speed, size;
    bool size_given; /* by --flash-size, not by the build */
};
/* `size` ("4MB", of ota_idf_flash_size()) instead of the build's; NULL. CONFIG for what esptool does not know. */
OTA_MUST_USE enum ota_status ota_flash_settings_read(const struct ota_idf_folder *f, const struct ota_chip *chip,
                                                     const char *size, struct ota_flash_settings *out,
                                                     struct ota_err *err);
/* Bytes of flash by the code of a header. */
uint32_t ota_flash_settings_size(uint8_t spi_size);
/* Makes the bootloader `bytes` (of `path`) as merge-bin does; what is no sound image stays as it is. IMAGE_SIGNATURE when
 * that would break its signature, which esptool does not look at. */
OTA_MUST_USE enum ota_status ota_flash_settings_apply(const struct ota_flash_settings *s, const char *path,
                                                      struct ota_buf *bytes, bool *changed, struct ota_err *err);
/* " --flash-mode dio --flash-freq 40m ..." for esptool; the caller frees. */
char *ota_flash_settings_options(const struct ota_flash_settings *s, const struct ota_chip *chip);

#endif
