/* SPDX-License-Identifier: Apache-2.0 */
/* The two bytes of a bootloader's header that esptool writes. */
#include "image/flash_settings.h"

#include <string.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "host/signature.h"
#include "image/inspect.h"

#define MODE_AT 2u
#define SIZE_SPEED_AT 3u
#define MODES 4u /* that esptool writes: qio to dout */
#define SIZES 8u
#define SIZE_IF_UNKNOWN 1u /* the code that a bootloader falls back to */
#define SPEED_UNDIVIDED 0xF

/* ---- as flasher_args.json has them --------------------------------------------------------------------- */

static bool stays(const char *text) {
    return !text || strcmp(text, "keep") == 0 || strcmp(text, "detect") == 0;
}

static int find_name(const char *text, const char *(*name)(uint8_t), uint8_t count) {
    for (uint8_t i = 0; i < count; i++)
        if (strcmp(name(i), text) == 0)
            return i;
    return -1;
}

/* "80m". The C6 has one code for 80 and 40 MHz. */
static int find_speed(const char *text, const struct ota_chip *chip) {
    static const int codes[] = {0, 1, 2, SPEED_UNDIVIDED};
    size_t n = strlen(text);
    if (n < 2 || text[n - 1] != 'm')
        return -1;
    const struct ota_span mhz = {(const uint8_t *)text, n - 1};
    for (size_t i = 0; i < OTA_ARRAY_LEN(codes); i++)
        if (chip->speed_mhz[i] && ota_span_equal_str(mhz, chip->speed_mhz[i]))
            return codes[i];
    return strcmp(chip->name, "esp32c6") == 0 && ota_span_equal_str(mhz, "40") ? 0 : -1;
}

enum ota_status ota_flash_settings_read(const struct ota_idf_folder *f, const struct ota_chip *chip, const char *given,
                                        struct ota_flash_settings *out, struct ota_err *err) {
    const char *mode = ota_idf_folder_setting(f, "flash_mode"), *freq = ota_idf_folder_setting(f, "flash_freq"),
               *size = given ? given : ota_idf_folder_setting(f, "flash_size");
    out->size_given = given != NULL;
    out->mode = stays(mode) ? -1 : find_name(mode, ota_flash_mode_name, MODES);
    out->speed = stays(freq) ? -1 : find_speed(freq, chip);
    out->size = stays(size) ? -1 : find_name(size, ota_flash_size_name, SIZES);
    const char *what = out->mode < 0 && !stays(mode)    ? "flash_mode"
                       : out->speed < 0 && !stays(freq) ? "flash_freq"
                       : out->size < 0 && !stays(size)  ? "flash_size"
                                                        : NULL;
    return !what ? OTA_OK
                 : ota_err_set(err, OTA_CONFIG,
                               "%s/flasher_args.json: flash_settings: %s \"%.20s\" is none that the %s has", f->given,
                               what, ota_idf_folder_setting(f, what), chip->name);
}

char *ota_flash_settings_options(const struct ota_flash_settings *s, const struct ota_chip *chip) {
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    if (s->mode >= 0)
        ota_buf_printf(&out, " --flash-mode %s", ota_flash_mode_name((uint8_t)s->mode));
    if (s->speed >= 0)
        ota_buf_printf(&out, " --flash-freq %sm", chip->speed_mhz[s->speed == SPEED_UNDIVIDED ? 3 : s->speed]);
    if (s->size >= 0)
        ota_buf_printf(&out, " --flash-size %s", ota_flash_size_name((uint8_t)s->size));
    return ota_strdup(ota_buf_text(&out));
}

uint32_t ota_flash_settings_size(uint8_t spi_size) {
    return 0x100000u << (spi_size < SIZES ? spi_size : SIZE_IF_UNKNOWN);
}

/* ---- into a header ------------------------------------------------------------------------------------- */

static enum ota_status check_unsigned(const struct ota_source *source, const struct ota_image *image, const char *path,
                                      const char *by, uint8_t mode, uint8_t size_speed, struct ota_err *err) {
    struct ota_signatures found;
    OTA_TRY(ota_signatures_read(source, image->length, &found, err));
    if (!found.v1 && !found.count)
        return OTA_OK;
    return ota_err_set(err, OTA_IMAGE_SIGNATURE,
                       "%s: is signed with flash mode/speed/size codes %u/%u/%u, and %s wants %u/%u/%u, "
                       "which would break its signature; build and sign it with these flash settings",
                       path, image->spi_mode, image->spi_speed, image->spi_size, by, mode, size_speed & 0x0Fu,
                       size_speed >> 4u);
}

enum ota_status ota_flash_settings_apply(const struct ota_flash_settings *s, const char *path, struct ota_buf *bytes,
                                         bool *changed, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    const struct ota_span span = ota_buf_span(bytes);
    const struct ota_source source = ota_span_source(&span);
    struct ota_err no_image;
    *changed = false;
    if (ota_image_read(&source, &ota_crypto_openssl, image, &no_image) != OTA_OK || !image->checksum_ok ||
        (image->hash_appended && !image->hash_ok))
        return OTA_OK;
    uint8_t mode = s->mode >= 0 ? (uint8_t)s->mode : image->spi_mode;
    unsigned speed = s->speed >= 0 ? (unsigned)s->speed : image->spi_speed;
    unsigned size = s->size >= 0 ? (unsigned)s->size : image->spi_size;
    uint8_t size_speed = (uint8_t)(size << 4 | speed);
    if (mode == bytes->p[MODE_AT] && size_speed == bytes->p[SIZE_SPEED_AT])
        return OTA_OK;
    OTA_TRY(check_unsigned(&source, image, path, s->size_given ? "--flash-size" : "flasher_args.json", mode, size_speed,
                           err));
    *changed = true;
    bytes->p[MODE_AT] = mode;
    bytes->p[SIZE_SPEED_AT] = size_speed;
    if (!image->hash_appended)
        return OTA_OK;
    const size_t hashed = image->length - OTA_SHA256_LEN;
    return ota_sha256(&ota_crypto_openssl, bytes->p, hashed, bytes->p + hashed, err);
}
