/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the signer signed last: keys/last-signed, so that nobody who only speaks to it can have it start from
 * something older.
 *
 *   last <SHA-256>     of timestamp.json as signed last; it names the snapshot, which names all else
 *   base <SHA-256>     of the timestamp.json that one was based on
 *   timestamp N        versions signed last; the next ones are above
 *   snapshot N
 *   rollout N
 *   issued N           unix seconds of the last signature
 *
 * Written before an answer leaves the signer. Absent: nothing is remembered, and what is shown next is believed if it
 * is signed.
 */
#ifndef OTA_SIGN_LAST_SIGNED_H
#define OTA_SIGN_LAST_SIGNED_H

#include "host/buf.h"
#include "ota/ports.h"

#define OTA_LAST_SIGNED "last-signed"

struct ota_last_signed {
    bool known;
    uint8_t last[OTA_SHA256_LEN], base[OTA_SHA256_LEN];
    uint64_t timestamp, snapshot, rollout, issued;
};

/* Of the folder `keys`. JOURNAL, with the remedy, when the file is damaged. */
OTA_MUST_USE enum ota_status ota_last_signed_read(const char *keys, struct ota_last_signed *out, struct ota_err *err);
/* Leaves a file alone that says so already. */
OTA_MUST_USE enum ota_status ota_last_signed_write(const char *keys, const struct ota_last_signed *s,
                                                   struct ota_err *err);

/* Signing may go on from this timestamp.json of version `version`: the one signed last; the one that was based on,
 * because the last may have been lost on its way to the disk; or one signed later than is remembered, when keys/
 * comes from a backup. */
OTA_MUST_USE enum ota_status ota_last_signed_accepts(const struct ota_last_signed *s, struct ota_span timestamp,
                                                     uint64_t version, struct ota_err *err);

/* The owner's word that signing goes on from this timestamp.json of version `version`, though something newer was signed
 * and is lost. All online roles are due then, and their versions stay above those remembered. */
OTA_MUST_USE enum ota_status ota_last_signed_go_on(const char *keys, struct ota_span timestamp, uint64_t version,
                                                   struct ota_err *err);
/* Was that word given, and nothing signed since. */
OTA_MUST_USE enum ota_status ota_last_signed_behind(const struct ota_last_signed *s, struct ota_span timestamp,
                                                    uint64_t version, bool *behind, struct ota_err *err);

#endif
