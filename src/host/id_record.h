/* SPDX-License-Identifier: Apache-2.0 */
/* Who a board is, where it asks and whom it believes: what provisioning stores in `ota_id` (image/identity.h). */
#ifndef OTA_HOST_ID_RECORD_H
#define OTA_HOST_ID_RECORD_H

#include "host/buf.h"

/* Owned; NULL or empty for what is not there. `token` and `key` are secrets: never shown. */
struct ota_id_record {
    char *id, *product, *channel, *groups;
    char *url_meta, *url_targets, *url_api, *token;
    struct ota_buf root, ca, crt, key; /* ca, crt, key: PEM */
};
void ota_id_record_free(struct ota_id_record *r);

#endif
