/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd's TLS handshake, moved out of its event loop's blind spot.
 *
 * With epoll, libmicrohttpd (up to 1.0.1) does not clear "read ready" when gnutls_handshake() would block, and spins
 * on the socket: one client that stops in the middle of its ClientHello costs a whole core. When gnutls_record_recv()
 * would block it behaves. So the executable defines both functions: the handshake reports success at once, and the
 * first record_recv() calls finish the real one.
 *
 * This works only while the dynamic linker binds libmicrohttpd's calls to the executable's definitions, which
 * ota_tls_interpose_check() proves.
 */
#ifndef OTA_SERVER_TLS_INTERPOSE_H
#define OTA_SERVER_TLS_INTERPOSE_H

#include "ota/err.h"

/* Runs a stalled handshake through libmicrohttpd itself. UNSUPPORTED unless the calls arrive here and the loop then
 * sleeps. cert and key: PEM. */
OTA_MUST_USE enum ota_status ota_tls_interpose_check(const char *cert, const char *key, struct ota_err *err);

#endif
