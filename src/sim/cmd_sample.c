/* SPDX-License-Identifier: Apache-2.0 */
/* otadevice sample: writes a build folder with sample images. */
#include <stdio.h>

#include "host/crypto.h"
#include "image/sample_folder.h"
#include "sim/cmd.h"

#define DEFAULT_PROJECT "thermo"

static enum ota_status find_chip(const char *name, const struct ota_chip **out, struct ota_err *err) {
    const char *names[32] = {NULL};
    size_t count = 0;
    for (const struct ota_chip *c; (c = ota_chip_at(count)) && count + 1 < OTA_ARRAY_LEN(names); count++)
        names[count] = c->name;
    *out = ota_chip_by_name(ota_span_str(name));
    if (*out)
        return OTA_OK;
    const char *near = ota_args_nearest(name, names);
    return ota_err_set(err, OTA_USAGE, "--chip %.32s: no such chip%s%s%s", name, near ? "; did you mean " : "",
                       near ? near : "", near ? "?" : "");
}

static enum ota_status required(const struct ota_args *args, const char *option, const char **out,
                                struct ota_err *err) {
    *out = ota_args_get(args, option);
    return *out ? OTA_OK : ota_err_set(err, OTA_USAGE, "--%s is required", option);
}

enum ota_status ota_cmd_sample(const struct ota_args *args, struct ota_err *err) {
    const char *dir = ota_args_operand(args, 0), *chip = NULL, *project = ota_args_get(args, "project");
    struct ota_sample s = {
        .project = project ? project : DEFAULT_PROJECT,
        .add_label = ota_args_get(args, "add-label"),
        .faulty = ota_args_has(args, "faulty"),
    };
    uint64_t size = 0;
    OTA_TRY(required(args, "chip", &chip, err));
    OTA_TRY(required(args, "version", &s.version, err));
    OTA_TRY(find_chip(chip, &s.chip, err));
    OTA_TRY(
        ota_args_number(args, "size", OTA_SAMPLE_APP_SIZE_MIN, OTA_SAMPLE_SLOT_SIZE, OTA_SAMPLE_APP_SIZE, &size, err));
    s.app_size = (uint32_t)size;
    OTA_TRY(ota_sample_folder(&s, dir, &ota_crypto_openssl, err));
    printf("%s: build folder of %s %s for %s%s\n", dir, s.project, s.version, s.chip->name,
           s.faulty ? ", whose self-test fails" : "");
    return OTA_OK;
}
