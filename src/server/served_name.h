/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which paths are files of the signed repository. Only names of exactly these forms reach the file system, so that no
 * spelling of a path can leave the repository:
 *
 *   /metadata/timestamp.json
 *   /metadata/<version>.<role>.json
 *   /targets/img/<product>/<counter>/<sha256>.<file>
 */
#ifndef OTA_SERVER_SERVED_NAME_H
#define OTA_SERVER_SERVED_NAME_H

#include "ota/bytes.h"

#define OTA_URL_PATH_MAX 512u

enum ota_served {
    OTA_SERVED_NOTHING,
    OTA_SERVED_TIMESTAMP, /* the one file that changes */
    OTA_SERVED_ROOT,      /* immutable once there; the next one's absence is asked for at every full run */
    OTA_SERVED_METADATA,  /* immutable */
    OTA_SERVED_IMAGE,     /* immutable */
};
/* path: decoded, from the first '/' on, without query. On success path + 1 is the name below the repository. */
enum ota_served ota_served_name(const char *path);

/* The path of a request's target: an absolute-form one, which every server must take (RFC 9112 3.2.2), without its
 * http(s)://authority. */
const char *ota_url_path(const char *target);
/* Undoes %XX into out[cap]. false: a bad escape, a control character, an encoded '/', or too long. */
bool ota_url_decode(const char *url, char *out, size_t cap);

#endif
