/* SPDX-License-Identifier: Apache-2.0 */
/* A repository somebody named: a folder, a workspace or the address of a server. Private to src/ctl. */
#ifndef OTA_CTL_ORIGIN_H
#define OTA_CTL_ORIGIN_H

#include "host/buf.h"
#include "host/transport.h"
#include "host/workspace.h"

bool ota_origin_is_url(const char *place);

/* Zeroed, it is closed. Not to be moved while it is open. */
struct ota_origin {
    char *dir;
    struct ota_dir_transport folder;
    struct ota_curl *curl; /* NULL: it is the folder */
};
/* A folder with metadata/, or a workspace that has one in state/repo, or an address, whose certificate is judged by
 * ota_origin_ca(). NOT_FOUND where there is no repository; whether a server has one, the first request tells. */
OTA_MUST_USE enum ota_status ota_origin_open(struct ota_origin *s, const char *place, const struct ota_workspace *w,
                                             const char *ca_file, struct ota_err *err);
const struct ota_transport *ota_origin_transport(const struct ota_origin *s);
void ota_origin_close(struct ota_origin *s);

/* Whom to trust to name a server: the file `given`, else keys/ca.crt of `w`, else empty, which means those the system
 * knows. Both may be NULL. */
OTA_MUST_USE enum ota_status ota_origin_ca(const struct ota_workspace *w, const char *given, struct ota_buf *out,
                                           struct ota_err *err);

#endif
