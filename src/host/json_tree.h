/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON of request bodies, reports and build files as a cJSON tree. cJSON alone is lax, so the text is checked first:
 * size, depth, UTF-8, control characters, \u0000, then duplicate keys (decoded; any order). Never for signed metadata.
 */
#ifndef OTA_HOST_JSON_TREE_H
#define OTA_HOST_JSON_TREE_H

#include <cjson/cJSON.h>

#include "host/cleanup.h"
#include "ota/bytes.h"

#define OTA_JSON_TREE_DEPTH_MAX 16u

/* `name` goes before messages ("flasher_args.json"). `max` caps the text in bytes. The caller frees *out with
 * ota_json_tree_free(). TOO_LARGE, JSON_DEPTH, JSON_UTF8, JSON_SYNTAX, JSON_KEYS. */
OTA_MUST_USE enum ota_status ota_json_tree_parse(struct ota_span text, const char *name, size_t max, cJSON **out,
                                                 struct ota_err *err);
/* For OTA_CLEAN(ota_json_tree_free) cJSON *tree = NULL; */
void ota_json_tree_free(cJSON **tree);

/* Members by exact name; NULL when absent or of another type. */
const cJSON *ota_json_tree_object(const cJSON *object, const char *name);
const char *ota_json_tree_string(const cJSON *object, const char *name);

/* RFC 3629, no surrogates, no NUL. */
bool ota_utf8_valid(struct ota_span text);

#endif
