/* SPDX-License-Identifier: Apache-2.0 */
/* The request file of a release in state/incoming (store/repo.h), as everybody writes it who hands one over. */
#ifndef OTA_HOST_RELEASE_REQUEST_H
#define OTA_HOST_RELEASE_REQUEST_H

#include "host/buf.h"

struct ota_release_request {
    const char *product, *version; /* printable */
    uint32_t counter;
    const char *channel; /* NULL: offered to nobody */
    uint16_t permille;
    const char *groups; /* comma-separated; "*" */
    const char *by;     /* who did it, for the audit log: one word */
};
void ota_release_request_write(const struct ota_release_request *r, struct ota_buf *out);

#endif
