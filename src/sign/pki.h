/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS identity of a workspace: a certificate authority of its own, which boards are given, and the server's
 * certificate.
 *
 *   keys/tls-ca.pem  keys/ca.crt          P-256, 30 years, CA:TRUE pathlen 0
 *   keys/tls-server.pem  keys/server.crt  10 years, serverAuth; subjectAltName: hostname, hostname.local, localhost, every local address, the host of
 *                                         ota.conf's url
 */
#ifndef OTA_SIGN_PKI_H
#define OTA_SIGN_PKI_H

#include "host/buf.h"
#include "host/workspace.h"

/* Makes what is missing of the four files and leaves what is there: repeating it after a crash finishes the job.
 * `now` in unix seconds. */
OTA_MUST_USE enum ota_status ota_pki_create(const struct ota_workspace *w, uint64_t now, struct ota_err *err);

/* The CA, opened to sign client certificates of boards. */
struct ota_pki_issuer;
/* NOT_FOUND without a CA of this workspace's own; KEY. */
OTA_MUST_USE enum ota_status ota_pki_issuer_open(struct ota_pki_issuer **out, const struct ota_workspace *w,
                                                 struct ota_err *err);
void ota_pki_issuer_close(struct ota_pki_issuer **issuer);
/* A new P-256 key and its certificate (30 years, clientAuth, CN = id), PEM, appended; `key` holds a secret. */
OTA_MUST_USE enum ota_status ota_pki_issue(const struct ota_pki_issuer *issuer, const char *id, uint64_t now,
                                           struct ota_buf *crt, struct ota_buf *key, struct ota_err *err);

/* When the server's certificate expires, unix seconds. */
OTA_MUST_USE enum ota_status ota_pki_expires(const struct ota_workspace *w, uint64_t *expires, struct ota_err *err);

#endif
