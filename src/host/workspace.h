/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A workspace on disk.
 *
 *   ota.conf
 *   images/                     inbox, never served
 *   keys/      0700             root.pem targets.pem snapshot.pem timestamp.pem rollout.pem <product>.pem  (PKCS#8, 0600)
 *                               further keys of a role: host/key_file.h
 *                               root.json (the root that the signer believes: newest of state/repo that it was shown)
 *                               last-signed (what the online roles were signed as last: sign/last_signed.h)
 *                               tls-ca.pem tls-server.pem (private, 0600)   ca.crt server.crt (certificates)
 *   state/
 *     repo/metadata/ repo/targets/   the signed repository, servable as it is
 *     incoming/<id>/                 a release or change handed over (store/repo.h)
 *     drafts/<id>/                   one that still waits for signatures (store/draft.h)
 *     tables/<product>.bin           partition table of the newest build pushed
 *     tables/<sha256>.bin            those of boards that were provisioned
 *     fleet.db                       SQLite
 *     lock                           push: counters are assigned under it
 *     publish.lock                   whoever writes state/repo
 *     daemon.lock                    held by a running otaserve; holds its pid
 */
#ifndef OTA_HOST_WORKSPACE_H
#define OTA_HOST_WORKSPACE_H

#include "host/config.h"

struct ota_workspace {
    char *dir; /* absolute */
    struct ota_config config;
};

/* Finds it: `dir` if given, else $OTA_HOME, else upward from the current folder. WORKSPACE with the `otactl init`
 * command to type when there is none. */
OTA_MUST_USE enum ota_status ota_workspace_open(struct ota_workspace *w, const char *dir, struct ota_err *err);
void ota_workspace_close(struct ota_workspace *w);
/* "<dir>/<formatted>"; the caller frees. */
char *ota_workspace_path(const struct ota_workspace *w, const char *fmt, ...) OTA_PRINTF(2, 3);
/* The product named, or the only one; CONFIG/USAGE naming the choices otherwise. */
OTA_MUST_USE enum ota_status ota_workspace_product(const struct ota_workspace *w, const char *name,
                                                   const struct ota_product_config **out, struct ota_err *err);

#endif
