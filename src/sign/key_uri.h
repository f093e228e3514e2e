/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PKCS#11 URIs (RFC 7512) that name signing keys. Private to src/sign.
 *
 *   pkcs11:token=T;object=O[;...][?pin-source=file:/...][&module-path=/...]
 *
 * Path attributes taken: token, serial, manufacturer, model (one of the first two is a must), object, id (one is a
 * must), type=private. Query attributes taken: pin-source, module-path. Everything else is refused rather than
 * ignored: it might have been what tells two keys apart. pin-value is refused because a URI is seen by other users and
 * logs.
 */
#ifndef OTA_SIGN_KEY_URI_H
#define OTA_SIGN_KEY_URI_H

#include "ota/err.h"

#define OTA_KEY_URI_MAX 1024u

struct ota_key_uri {
    char *address;  /* the URI without its query: what a module looks up */
    char *token;    /* for messages: token or serial, decoded */
    char *object;   /* for messages: object, else id as it was written */
    char *pin_file; /* of pin-source; NULL */
    char *module;   /* of module-path; NULL */
};
void ota_key_uri_free(struct ota_key_uri *uri);
/* ARGUMENT with the remedy. */
OTA_MUST_USE enum ota_status ota_key_uri_parse(const char *text, struct ota_key_uri *out, struct ota_err *err);

#endif
