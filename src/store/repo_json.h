/* SPDX-License-Identifier: Apache-2.0 */
/* The repository as JSON, for otactl and the API alike. */
#ifndef OTA_STORE_REPO_JSON_H
#define OTA_STORE_REPO_JSON_H

#include <cjson/cJSON.h>

#include "store/repo.h"

/* {"releases":[{product, counter, version, chip, from_min, channels, offered, steps}...]}, of one product or (NULL) of
 * all. The caller frees. */
cJSON *ota_repo_releases_json(const struct ota_repo_info *info, const char *product);
/* {kind, label, file, length, sha256}, and "z" as below. The caller frees. */
cJSON *ota_repo_step_json(const struct ota_step *s);
/* Adds "z" to a step, if it has a zlib form. */
void ota_repo_packed_json(const struct ota_step *s, cJSON *step);
/* Does the channel offer this release now. */
bool ota_repo_offers(const struct ota_repo_channel_info *c, const struct ota_release *r);

#endif
