/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a workspace gives a board: product, channel, addresses, trusted root, CA; and making the board known. The same
 * for a virtual board, for an ota_id image and for what is built into a firmware.
 */
#ifndef OTA_STORE_PROVISION_H
#define OTA_STORE_PROVISION_H

#include "host/id_record.h"
#include "host/workspace.h"

/* What was asked for; NULL: as the workspace says. */
struct ota_provision {
    const char *product, *channel, *groups;
    const char *url;       /* of the server; default: url of ota.conf */
    bool ca_optional;      /* without keys/ca.crt the system's CAs are trusted, as with no_ca */
    const char *root, *ca; /* files; default: the newest root published here, else keys/root.json; keys/ca.crt */
    bool no_ca;            /* trust the system's CAs */
    const struct ota_id_record *read; /* root and ca of another board of the same run: they are not read again */
};
/* Fills everything but id, token, crt and key. `w` and `p` are NULL for a board of another workspace's server: then
 * product, url and root must be given. USAGE and CHANNEL name the option. */
OTA_MUST_USE enum ota_status ota_provision_trust(const struct ota_workspace *w, const struct ota_product_config *p,
                                                 const struct ota_provision *wanted, struct ota_id_record *out,
                                                 struct ota_err *err);
/* USAGE unless it can be the id of a board. */
OTA_MUST_USE enum ota_status ota_provision_check_id(const char *id, struct ota_err *err);
/* Adds the board to the fleet: the record's id, or with an id of NULL the first free one of "<prefix>-0001" and so on.
 * The record gets its id and the token. EXISTS. */
OTA_MUST_USE enum ota_status ota_provision_register(const struct ota_workspace *w, const char *prefix,
                                                    struct ota_id_record *r, struct ota_err *err);

#endif
