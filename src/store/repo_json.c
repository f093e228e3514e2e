/* SPDX-License-Identifier: Apache-2.0 */
/* The repository as JSON. */
#include "store/repo_json.h"

#include <string.h>

bool ota_repo_offers(const struct ota_repo_channel_info *c, const struct ota_release *r) {
    return c->channel.counter == r->counter && strcmp(c->product, r->product) == 0;
}

static cJSON *strings(const char (*text)[OTA_NAME_MAX + 1], size_t count) {
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        (void)cJSON_AddItemToArray(list, cJSON_CreateString(text[i]));
    return list;
}

static cJSON *offered_json(const struct ota_repo_info *info, const struct ota_release *r) {
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < info->channel_count; i++) {
        if (!ota_repo_offers(&info->channel[i], r))
            continue;
        cJSON *item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "channel", info->channel[i].name);
        (void)cJSON_AddNumberToObject(item, "permille", info->channel[i].channel.permille);
        (void)cJSON_AddItemToArray(list, item);
    }
    return list;
}

cJSON *ota_repo_step_json(const struct ota_step *s) {
    char hex[OTA_SHA256_HEX_LEN + 1];
    cJSON *step = cJSON_CreateObject();
    ota_hex_encode(s->sha256, OTA_SHA256_LEN, hex);
    (void)cJSON_AddStringToObject(step, "kind", ota_kind_name(s->kind));
    (void)cJSON_AddStringToObject(step, "label", s->label);
    (void)cJSON_AddStringToObject(step, "file", s->file);
    (void)cJSON_AddNumberToObject(step, "length", s->length);
    (void)cJSON_AddStringToObject(step, "sha256", hex);
    ota_repo_packed_json(s, step);
    return step;
}

void ota_repo_packed_json(const struct ota_step *s, cJSON *step) {
    char hex[OTA_SHA256_HEX_LEN + 1];
    if (s->z_length == 0)
        return;
    cJSON *z = cJSON_AddObjectToObject(step, "z");
    ota_hex_encode(s->z_sha256, OTA_SHA256_LEN, hex);
    (void)cJSON_AddNumberToObject(z, "length", s->z_length);
    (void)cJSON_AddStringToObject(z, "sha256", hex);
}

static cJSON *release_json(const struct ota_repo_info *info, const struct ota_release *r) {
    cJSON *item = cJSON_CreateObject(), *steps = cJSON_CreateArray();
    (void)cJSON_AddStringToObject(item, "product", r->product);
    (void)cJSON_AddNumberToObject(item, "counter", r->counter);
    (void)cJSON_AddStringToObject(item, "version", r->version);
    (void)cJSON_AddStringToObject(item, "chip", r->chip);
    (void)cJSON_AddNumberToObject(item, "from_min", r->from_min);
    (void)cJSON_AddItemToObject(item, "channels", strings(r->channel, r->channel_count));
    (void)cJSON_AddItemToObject(item, "offered", offered_json(info, r));
    for (size_t i = 0; i < r->step_count; i++)
        (void)cJSON_AddItemToArray(steps, ota_repo_step_json(&r->step[i]));
    (void)cJSON_AddItemToObject(item, "steps", steps);
    return item;
}

cJSON *ota_repo_releases_json(const struct ota_repo_info *info, const char *product) {
    cJSON *tree = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(tree, "releases");
    for (size_t i = 0; i < info->release_count; i++)
        if (!product || strcmp(info->release[i].product, product) == 0)
            (void)cJSON_AddItemToArray(list, release_json(info, &info->release[i]));
    return tree;
}
