/* SPDX-License-Identifier: Apache-2.0 */
/* GET /healthz: 200 when boards are served and freshness is signed, 503 when not; with reasons for either and for
 * what will fail soon. */
#ifndef OTA_SERVER_HEALTH_H
#define OTA_SERVER_HEALTH_H

#include "server/exchange.h"
#include "store/outlook.h"

#define OTA_HEALTH_REASONS_MAX 32u

/* What is known, in plain numbers; judged by ota_health_judge(). */
struct ota_health_facts {
    bool signer_running, clock_set;
    bool moved;                         /* the workspace's folder is gone, or another lies in its place */
    uint64_t signer_down_since;         /* unix seconds, when not running */
    char signer_error[OTA_ERR_MSG_MAX]; /* why the last start or signature failed, "" */
    char repo_error[OTA_ERR_MSG_MAX];   /* why the repository could not be read, "" */
    uint64_t published;                 /* unix seconds: last change of timestamp.json, 0 unknown */
    uint64_t tls_expires;
    uint64_t disk_free; /* bytes below state/ */
    struct ota_outlook outlook;
};

struct ota_health_reason {
    bool failing; /* else a warning */
    const char *about;
    char text[OTA_ERR_MSG_MAX];
};
struct ota_health_reasons {
    size_t count;
    bool failing;
    struct ota_health_reason reason[OTA_HEALTH_REASONS_MAX];
};
void ota_health_judge(const struct ota_health_facts *facts, uint64_t now, struct ota_health_reasons *out);

struct ota_health {
    pthread_mutex_t lock;
    struct ota_health_facts facts;
    struct ota_health_reasons told; /* what the log said last */
    bool started;
};
void ota_health_init(struct ota_health *h);
void ota_health_free(struct ota_health *h);
/* Takes new facts over and logs the reasons whose text is new: a threshold that was passed, a day less. */
void ota_health_update(struct ota_health *h, const struct ota_health_facts *facts, uint64_t now);
enum MHD_Result ota_health_get(struct ota_health *h, struct ota_exchange *x);

/* Fills everything that is read from disk: roles, disk space, last publication. */
void ota_health_read(const struct ota_workspace *w, const struct ota_key_list *keys, struct ota_health_facts *facts);

#endif
