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
    struct {
        const char *file; /* a CSV, and the line of this board in it; NULL: all of the above are options */
        unsigned line;
        bool channel, groups, url; /* is a column there */
    } listed;
    const struct ota_id_record *read; /* root and ca of another board of the same run: they are not read again */
};
/* Fills everything but id, token, crt and key. `w` and `p` are NULL for a board of another workspace's server: then
 * product, url and root must be given. USAGE and CHANNEL name the option, ARGUMENT and CHANNEL line and column. */
OTA_MUST_USE enum ota_status ota_provision_trust(const struct ota_workspace *w, const struct ota_product_config *p,
                                                 const struct ota_provision *wanted, struct ota_id_record *out,
                                                 struct ota_err *err);
/* USAGE unless it can be the id of a board. */
OTA_MUST_USE enum ota_status ota_provision_check_id(const char *id, struct ota_err *err);
/*
 * A board is made known when its file is there, so that being killed in between takes no id and loses no token: the same
 * command finds the token in the file, and goes on.
 */
/* Is the record's id free, or with an id of NULL: which is the first free one of "<prefix>-0001" and so on. The record
 * gets its id, and a token unless it has one; nothing is registered. EXISTS. */
OTA_MUST_USE enum ota_status ota_provision_choose(const struct ota_workspace *w, const char *prefix,
                                                  struct ota_id_record *r, struct ota_err *err);
/* Adds the board to the fleet, with its certificate if it has one. EXISTS when another run took its id meanwhile; its file is worth nothing then. After
 * another error it may be known. */
OTA_MUST_USE enum ota_status ota_provision_register(const struct ota_workspace *w, const struct ota_id_record *r,
                                                    struct ota_err *err);

#endif
