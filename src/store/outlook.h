/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What expires when, who can renew it, and what has to be done about it: the one judgement that otactl status,
 * /healthz and the daemon's log repeat.
 *
 *   root, targets, products   said 60, 30 and 7 days before, then every day
 *   snapshot, rollout         renewed by themselves under 10 days: said under 7
 *   timestamp                 renewed by itself every day: said under 4 of its 7
 */
#ifndef OTA_STORE_OUTLOOK_H
#define OTA_STORE_OUTLOOK_H

#include "host/key_list.h"
#include "store/repo.h"

#define OTA_OUTLOOK_ROLES_MAX (OTA_SNAPSHOT_ENTRIES_MAX + 4u)
#define OTA_OUTLOOK_HOLDER_MAX 200u

struct ota_outlook_role {
    char name[OTA_ROLE_NAME_MAX + 1];
    uint64_t version, expires;
    uint32_t threshold;
    size_t keys, here;                   /* keys that may sign; those of them that this workspace can sign with */
    char holder[OTA_OUTLOOK_HOLDER_MAX]; /* "keys/root.pem", "2 of 3, 1 key here: keys/root.a.pem", "elsewhere" */
};
struct ota_outlook {
    size_t count;
    struct ota_outlook_role role[OTA_OUTLOOK_ROLES_MAX];
};
/* Keys are told by their keyid, whatever their file is called. */
void ota_outlook_find(const struct ota_repo_info *info, const struct ota_key_list *keys, struct ota_outlook *out);

/* Is it signed without a person in any workspace: timestamp, snapshot, rollout. */
bool ota_outlook_online(const struct ota_outlook_role *r);
/* Does otaserve-signer renew it: an online role, or an offline one other than root with enough keys here. */
bool ota_outlook_renewed(const struct ota_outlook_role *r);

enum ota_outlook_level { OTA_OUTLOOK_WELL, OTA_OUTLOOK_WARNING, OTA_OUTLOOK_EXPIRED };
/* `text`: what is wrong and what to do, "" when all is well. It changes with each threshold, and every day below 7
 * days, so that a log which tells only what is new tells it then. */
enum ota_outlook_level ota_outlook_judge(const struct ota_outlook_role *r, uint64_t now, char text[OTA_ERR_MSG_MAX]);
/* The same for the server's certificate. */
enum ota_outlook_level ota_outlook_judge_tls(uint64_t expires, uint64_t now, char text[OTA_ERR_MSG_MAX]);
/* The first role to expire that only a person can renew; NULL: there is none. */
const struct ota_outlook_role *ota_outlook_next(const struct ota_outlook *o);

/* What whoever takes this machine could do with the keys on it, one line each. */
void ota_outlook_theft(const struct ota_outlook *o, struct ota_buf *lines);

#endif
