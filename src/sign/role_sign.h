/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures on a role that is made already: a second person's, another machine's, an HSM's. What is signed never
 * changes; only the list of signatures does.
 */
#ifndef OTA_SIGN_ROLE_SIGN_H
#define OTA_SIGN_ROLE_SIGN_H

#include "host/role_file.h"
#include "sign/role.h"

/* Parses a role of whatever _type ("root", "targets" for products too, ...); who signed it is not looked at. */
OTA_MUST_USE enum ota_status ota_role_sign_open(struct ota_span file, struct ota_role_file *out, struct ota_err *err);

/* The file with this key's signature added, or replaced. TOO_LARGE beyond OTA_ROLE_SIGNATURES_MAX signatures or
 * OTA_METADATA_MAX bytes. KEY when what the key (a token, say) made does not verify. */
OTA_MUST_USE enum ota_status ota_role_add_signature(struct ota_span file, const struct ota_key *key,
                                                    struct ota_buf *out, struct ota_err *err);

/* `file` with those signatures of `copy` that verify with a key of `signers`; *taken: how many are new. `copy` must be
 * the same role to the last byte of what is signed: HASH otherwise. */
OTA_MUST_USE enum ota_status ota_role_take_signatures(struct ota_span file, struct ota_span copy,
                                                      const struct ota_signers *signers, struct ota_buf *out,
                                                      size_t *taken, struct ota_err *err);

/* The keys a role names, ready to verify with. */
OTA_MUST_USE enum ota_status ota_role_by_signers(const struct ota_role_by *by, struct ota_signers *out,
                                                 struct ota_err *err);
/* Does the role name this key. */
bool ota_role_by_names(const struct ota_role_by *by, const char *keyid);
/* Who of `signers` signed validly: one bit per index. */
OTA_MUST_USE enum ota_status ota_role_signed_by(const struct ota_role_file *f, const struct ota_signers *signers,
                                                uint32_t *by, struct ota_err *err);

#endif
