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

static void print_result(const struct ota_args *args, const struct ota_sample *s, const char *dir) {
    if (!ota_sim_json(args)) {
        printf("%s: build folder of %s %s for %s%s%s\n", dir, s->project, s->version, s->chip->name,
               s->faulty ? ", whose self-test fails" : "", s->no_network ? ", which has no network" : "");
        return;
    }
    cJSON *tree = cJSON_CreateObject();
    cJSON_AddStringToObject(tree, "folder", dir);
    cJSON_AddStringToObject(tree, "project", s->project);
    cJSON_AddStringToObject(tree, "version", s->version);
    cJSON_AddStringToObject(tree, "chip", s->chip->name);
    cJSON_AddBoolToObject(tree, "faulty", s->faulty);
    cJSON_AddBoolToObject(tree, "no_network", s->no_network);
    ota_sim_print_json(&tree);
}

enum ota_status ota_cmd_sample(const struct ota_args *args, struct ota_err *err) {
    const char *dir = ota_args_operand(args, 0), *chip = NULL, *project = ota_args_get(args, "project");
    struct ota_sample s = {
        .project = project ? project : DEFAULT_PROJECT,
        .add_label = ota_args_get(args, "add-label"),
        .faulty = ota_args_has(args, "faulty"),
        .no_network = ota_args_has(args, "no-network"),
    };
    uint64_t size = 0;
    OTA_TRY(ota_sim_required(args, "chip", &chip, err));
    OTA_TRY(ota_sim_required(args, "version", &s.version, err));
    OTA_TRY(find_chip(chip, &s.chip, err));
    OTA_TRY(
        ota_args_number(args, "size", OTA_SAMPLE_APP_SIZE_MIN, OTA_SAMPLE_SLOT_SIZE, OTA_SAMPLE_APP_SIZE, &size, err));
    s.app_size = (uint32_t)size;
    OTA_TRY(ota_sample_folder(&s, dir, &ota_crypto_openssl, err));
    print_result(args, &s, dir);
    return OTA_OK;
}
