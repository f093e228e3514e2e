/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metadata folder of the suite: what the core trusts, byte for byte as it was received.
 *
 *   D/root.json D/timestamp.json ...   trusted files, named as in URLs without the version
 *   D/.state/kv/KEY                    the core's own records
 *   D/.state/as/ROLE.json              under which versioned name D/ROLE.json was received
 *
 * It judges nothing: a body goes to D when the core says that it trusts this version, and the core verifies again what
 * it is given from D in place of a download.
 */
#ifndef OTA_TESTS_SHELF_H
#define OTA_TESTS_SHELF_H

#include "host/buf.h"
#include "ota/trust.h"

struct shelf_body;
struct shelf {
    const char *dir;
    const struct ota_transport *net;
    struct ota_transport transport; /* versioned files of D are not downloaded again */
    struct ota_kv kv;
    struct shelf_body *received; /* in this run */
    struct shelf_body *open;     /* being read; NULL: net's own */
    size_t pos;
    bool from_net;
};

void shelf_init(struct shelf *s, const char *dir, const struct ota_transport *net);
void shelf_free(struct shelf *s);
/* Brings D up to what the core trusts now. `before`: its timestamp when the run began. */
enum ota_status shelf_keep(struct shelf *s, const struct ota_trust *t, const struct ota_timestamp_record *before,
                           struct ota_err *err);

#endif
