/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the signer does for SIGN: bytes in, bytes out, no file, no clock of its own.
 *
 * It believes nothing it is shown: the roots must lead on from the one it knows, each signed as the one before and it
 * itself want; the current timestamp and snapshot must be signed as the published root says, and every other role must be signed by whom its parent
 * names, no version may fall, every channel must offer a listed release that allows the channel, and never a lower
 * counter than before. Then it signs what is due:
 *
 *   targets, products   under a year left, while their keys are here: same content, next version
 *   rollout             content changed, or under 10 days left
 *   snapshot            any version changed, or under 10 days left
 *   timestamp           snapshot or root changed, or older than a day
 *
 * and whatever online role is not signed by the keys that the last root and targets name.
 *
 * With `life` those that end before it are due, and last so long, though never longer than the offline roles.
 *
 * Versions of the last three are max(previous + 1, last signed + 1, now).
 *
 * "Before" is not what the asker says it is. The current files must be those signed last, or those the last signature
 * was based on: an answer may be lost before it is on disk, and then the next proposal starts from where that one
 * did. Two consequences:
 *
 *   - What was signed last can be undone as long as no proposal was based on it; counters fall then to those of the files it was based on, and no
 *     further. After each publication the store makes a proposal that wants nothing, which closes that door.
 *   - The root to go on from is the published one: a successor is signed under, but not believed in before files
 *     that were signed under it come back. So a change may be dropped until it is published.
 *   - The first time, without current files, is only when nothing is remembered.
 */
#ifndef OTA_SIGN_ONLINE_H
#define OTA_SIGN_ONLINE_H

#include "sign/keyring.h"
#include "sign/last_signed.h"

#define OTA_ONLINE_ROOTS_MAX 8u

struct ota_online_proposal {
    bool clock_ok;     /* sign although the clock is before the last signature */
    uint64_t now;      /* unix seconds */
    uint64_t life;     /* seconds rollout, snapshot and timestamp shall last, if longer than usual; 0: as usual */
    size_t root_count; /* 1 to OTA_ONLINE_ROOTS_MAX */
    size_t published;  /* which of them is the newest published; those after it are to be adopted */
    struct ota_span root[OTA_ONLINE_ROOTS_MAX];
    struct ota_span targets;
    struct ota_span snapshot, timestamp, rollout; /* current ones; all three empty: the first time */
    struct ota_span wanted;                       /* lines, see host/signer_link.h */
    size_t product_count;
    struct ota_span product[OTA_PRODUCTS_MAX]; /* in the order targets delegates them */
};

/* Empty: unchanged. */
struct ota_online_answer {
    struct ota_buf rollout, snapshot, timestamp, targets;
    struct ota_buf product[OTA_PRODUCTS_MAX];
    struct ota_buf root; /* not signed: the root to know from now on */
};
void ota_online_answer_free(struct ota_online_answer *a);

/* CLOCK, ISSUED (the clock is past an offline role's expiry), ROLLBACK, CHANNEL, COUNTER, SIGNATURE, EXPIRED, ...:
 * nothing is signed then. *past is what was signed before, and afterwards what must be remembered before anybody is
 * given the answer; unchanged on failure. */
OTA_MUST_USE enum ota_status ota_online_sign(const struct ota_keyring *keys, const struct ota_online_proposal *in,
                                             struct ota_last_signed *past, struct ota_online_answer *out,
                                             struct ota_err *err);

#endif
