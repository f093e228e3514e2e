/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of mapped repository files, shared by all threads. A request costs one look-up there and one stat() of
 * the file: what was replaced or changed on disk is opened anew. */
#ifndef OTA_SERVER_STATIC_H
#define OTA_SERVER_STATIC_H

#include "server/exchange.h"

#define OTA_STATIC_FILES_MAX 512u

struct ota_static;

/* root: state/repo. */
struct ota_static *ota_static_new(const char *root);
void ota_static_free(struct ota_static **s);
/* kind: of x->path, not NOTHING. */
enum MHD_Result ota_static_serve(struct ota_static *s, struct ota_exchange *x, enum ota_served kind);
/* Lets go of files that were replaced or removed on disk. */
void ota_static_sweep(struct ota_static *s);

#endif
