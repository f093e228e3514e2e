/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private keys at hand: those of --key and those in keys/. The one way verbs add signatures to roles: each key
 * signs where a role's signers are its own. Private to src/ctl.
 */
#ifndef OTA_CTL_HAND_H
#define OTA_CTL_HAND_H

#include "ctl/cmd.h"
#include "ctl/key_roles.h"
#include "ctl/sign_set.h"

#define OTA_HAND_GIVEN_MAX 16u
#define OTA_HAND_MAX (OTA_HAND_GIVEN_MAX + OTA_CTL_KEY_FILES_MAX)

struct ota_hand {
    size_t count;
    struct {
        struct ota_key *key;
        struct ota_public_key public;
        const char *given; /* its reference, borrowed; NULL: it lies in keys/ */
        bool used;         /* some role wants it */
    } entry[OTA_HAND_MAX];
};
void ota_hand_free(struct ota_hand *h);

/* Adds the keys of --key. With `new_keys` the option also names keys that come, whose public half is enough. */
OTA_MUST_USE enum ota_status ota_hand_add_given(struct ota_hand *h, const struct ota_args *args, bool new_keys,
                                                struct ota_err *err);
/* Adds those of keys/. One that does not open is not at hand: what lacks is told by whoever counts signatures. */
OTA_MUST_USE enum ota_status ota_hand_add_folder(struct ota_hand *h, const struct ota_workspace *w,
                                                 const struct ota_key_ask *ask, struct ota_err *err);
/* Both, for a draft: keys/ files named after its roles are worth a passphrase. Asks, so state/lock is not held. */
OTA_MUST_USE enum ota_status ota_hand_for_draft(struct ota_hand *h, const struct ota_workspace *w, const char *id,
                                                const struct ota_args *args, bool new_keys, struct ota_err *err);

/* Signs every role of the set that is to be signed, unless the key has signed it already; *made: new signatures. KEY
 * naming a key of --key that no role wants. */
OTA_MUST_USE enum ota_status ota_hand_sign(struct ota_hand *h, struct ota_sign_set *set, size_t *made,
                                           struct ota_err *err);
bool ota_hand_used(const struct ota_hand *h);

#endif
