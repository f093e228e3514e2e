/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The publishing half of otaserve: keeps otaserve-signer running, publishes what lies in state/incoming, renews what
 * is about to expire. Used by the main thread alone; serving goes on meanwhile.
 */
#ifndef OTA_SERVER_PUBLISHER_H
#define OTA_SERVER_PUBLISHER_H

#include <time.h>

#include "store/repo.h"

struct ota_publisher {
    const struct ota_workspace *w;
    bool clock_ok;
    struct ota_signer signer;
    unsigned failures;             /* starts in a row that failed, or ended within a minute */
    uint64_t started_ms;           /* monotonic */
    uint64_t restart_ms, renew_ms; /* monotonic: not before */
    uint64_t retry_ms;             /* monotonic: when a release that could not be published is tried again; 0: none */
    uint64_t down_since;           /* unix seconds, while the signer is not running */
    struct ota_buf remarks;        /* about state/incoming, as logged last */
    char error[OTA_ERR_MSG_MAX];   /* why the last start, publication or renewal failed; "" */
    struct ota_key_list keys;      /* that lie in keys/, as the signer said last */
    struct timespec keys_changed;  /* of the folder then */
    uint64_t keys_ms;              /* monotonic: ask again */
};

/* Starts the signer and renews what is due; failing to renew is only logged. */
OTA_MUST_USE enum ota_status ota_publisher_start(struct ota_publisher *p, const struct ota_workspace *w, bool clock_ok,
                                                 struct ota_err *err);
void ota_publisher_stop(struct ota_publisher *p);
bool ota_publisher_running(const struct ota_publisher *p);
/* Does what is due. *changed: something was published or the signer's state changed. Returns the milliseconds until
 * the next thing is due. */
int ota_publisher_tick(struct ota_publisher *p, bool *changed);
/* Which keys lie in keys/; asks the signer when the folder changed, and every hour. */
const struct ota_key_list *ota_publisher_keys(struct ota_publisher *p);
/* Makes a release of the images in `folder` and publishes it; `channel` "" offers it to nobody. *summary says what it
 * is. BUSY: try later. */
OTA_MUST_USE enum ota_status ota_publisher_take(struct ota_publisher *p, const char *product, const char *channel,
                                                const char *folder, struct ota_buf *summary, struct ota_err *err);

#endif
