/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope all role writers share: {"signatures":[{"keyid","sig"}],"signed":{...}}, TUF 4.2. Private to src/sign.
 * */
#ifndef OTA_SIGN_ROLE_SEAL_H
#define OTA_SIGN_ROLE_SEAL_H

#include "sign/role.h"

struct ota_role_form {
    const char *name;   /* for messages */
    size_t cap;         /* bytes of the file */
    const char *remedy; /* what to do about a file over its cap */
    void (*write)(struct ota_json *j, const void *role);
};

OTA_MUST_USE enum ota_status ota_role_seal(const struct ota_role_form *form, const void *role,
                                           const struct ota_role_keys *keys, struct ota_buf *out, struct ota_err *err);

/* The members every role has, in the places sorting gives them. */
void ota_role_write_type(struct ota_json *j, const char *type);
void ota_role_write_expires(struct ota_json *j, uint64_t expires);
void ota_role_write_spec_version(struct ota_json *j);
void ota_role_write_version(struct ota_json *j, uint64_t version);
/* A value of a role that was read, as it stands: canonical in, wire (or canonical) out. */
void ota_role_write_value(struct ota_json *j, const struct ota_value *v);

#endif
