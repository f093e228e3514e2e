/* SPDX-License-Identifier: Apache-2.0 */
/* The work of otaserve-signer: answers the requests of host/signer_link.h with the keys of a workspace. */
#ifndef OTA_SIGN_SIGNER_H
#define OTA_SIGN_SIGNER_H

#include "host/signer_link.h"
#include "sign/keyring.h"

/* Serves the socket `fd` until it closes. The current folder is the workspace. Keys are read for each request, so
 * that a key rotated or moved needs no restart; without those of the online roles HELLO is refused. A malformed message
 * ends the service with an error.
 *
 * `life`: how long rollout, snapshot and timestamp last, 0 as usual. It is the word of whoever started the signer, and
 * no message can change it: a daemon that was taken over gets signatures of 7 and 30 days from the signer it has, so
 * that boards cut off from everything else stop believing it after a week. */
OTA_MUST_USE enum ota_status ota_signer_serve(int fd, uint64_t life, struct ota_err *err);

/* One SIGN or BUILD request into an answer's parts (`answer` may hold some already). Private to src/sign. */
OTA_MUST_USE enum ota_status ota_signer_sign(const struct ota_keyring *keys, uint64_t life,
                                             const struct ota_signer_message *request,
                                             struct ota_signer_message *answer, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_signer_build(const struct ota_keyring *keys, const struct ota_signer_message *request,
                                              struct ota_signer_message *answer, struct ota_err *err);

#endif
