/* SPDX-License-Identifier: Apache-2.0 */
/* By which names and addresses boards may reach this host. Private to src/sign. */
#ifndef OTA_SIGN_PKI_NAMES_H
#define OTA_SIGN_PKI_NAMES_H

#include "host/buf.h"

/* *common: the host of `url` if it has one, else the hostname; the caller frees. `names`: "DNS:...,IP:..." as OpenSSL's subjectAltName wants it:
 * hostname, hostname.local, localhost, loopback and every local address, the host of url; each once. */
void ota_pki_names(const char *url, char **common, struct ota_buf *names);

#endif
