/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire between otaserve (or otactl) and otaserve-signer: a socketpair on the signer's fd 3, one request and one
 * answer at a time.
 *
 *   message = u32 le type | u32 le part count (<= 64) | parts: u32 le length (<= 1 MiB) | bytes
 *
 * The signer is given everything it judges; it reads only keys/ (and writes keys/last-signed and keys/root.json there) and, for BUILD,
 * ota.conf, state/tables and the folder named. It ends when the socket closes.
 *
 *   SIGN     a full proposal; the signer checks it like a board would (roots that lead on from the one it knows, roles signed by their delegated keys, no version lowered,
 *            rollout offers only listed releases on channels they allow, never a lower counter, based on what was signed last) and signs what is due.
 *     parts: 0 flags line "clock-ok=0 roots=N published=M": N roots (1 to 8) follow, oldest first; the M-th (from 1) is the newest
 *            published, after it come those to be adopted; the known one is the M-th or before it
 *            then: targets   current snapshot ("" none)   current timestamp ("")   current rollout ("")
 *            wanted channels: lines "<product> <channel> <counter> <permille> <groups,comma-separated>"; "" = leave as is
 *            product roles, each as received, in the order targets delegates them
 *     Current timestamp and snapshot are judged by the published root, all else by the last one. The signer takes the
 *     published root for the one it knows (keys/root.json) before it answers.
 *   SIGNED   parts: 0 rollout   1 snapshot   2 timestamp   3 targets   4.. product roles in the order given      ("" = unchanged)
 *   BUILD    parts: 0 "<product>"  1 absolute folder of drop-in images 2 absolute folder to fill (state/incoming/.tmp-<id>) 3 current product role
 *            4 current targets  5 channel or ""  6 current rollout ("" none)
 *   BUILT    parts: 0 summary text
 *   HELLO    answered by HELLO, parts: 0 the keys that lie in keys/ (host/key_list.h)
 *   REFUSED  parts: 0 status name  1 message
 */
#ifndef OTA_HOST_SIGNER_LINK_H
#define OTA_HOST_SIGNER_LINK_H

#include <sys/types.h>

#include "host/key_list.h"

enum ota_signer_type {
    OTA_SIGNER_HELLO = 1,
    OTA_SIGNER_SIGN = 2,
    OTA_SIGNER_BUILD = 3,
    OTA_SIGNER_SIGNED = 0x82,
    OTA_SIGNER_BUILT = 0x83,
    OTA_SIGNER_REFUSED = 0xFF
};
#define OTA_SIGNER_PARTS_MAX 64u
#define OTA_SIGNER_PART_MAX (1024u * 1024u)
#define OTA_SIGNER_FD 3

struct ota_signer_message {
    uint32_t type;
    size_t count;
    struct ota_buf part[OTA_SIGNER_PARTS_MAX];
};
void ota_signer_message_free(struct ota_signer_message *m);
OTA_MUST_USE enum ota_status ota_signer_send(int fd, uint32_t type, const struct ota_span *parts, size_t count,
                                             struct ota_err *err);
/* *closed when the peer closed between messages. wait_ms: for the whole message; < 0: for ever. Bounds are checked before memory is taken. */
OTA_MUST_USE enum ota_status ota_signer_receive(int fd, struct ota_signer_message *m, int wait_ms, bool *closed,
                                                struct ota_err *err);

/* A running signer: otaserve-signer beside the calling program, in ../libexec/otaserve from there, else in
 * LIBEXECDIR. The kernel ends it with the thread that started it, so start it from one that lives as long (main). */
struct ota_signer {
    pid_t pid;
    int fd; /* -1: not running */
};
/* Starts it and waits for its HELLO. */
OTA_MUST_USE enum ota_status ota_signer_start(struct ota_signer *s, const char *workspace_dir, struct ota_err *err);
/* The same, and its signatures last `life` seconds (1 to 1096 days): for a repository that nobody will keep fresh. */
OTA_MUST_USE enum ota_status ota_signer_start_for(struct ota_signer *s, const char *workspace_dir, uint64_t life,
                                                  struct ota_err *err);
/* Which keys lie in keys/ now. */
OTA_MUST_USE enum ota_status ota_signer_hello(struct ota_signer *s, struct ota_key_list *keys, struct ota_err *err);
/* Closes the socket, which ends it, and reaps it; one that does not end within two seconds is killed. */
void ota_signer_stop(struct ota_signer *s);
/* Request and answer; REFUSED becomes an error with the signer's status and message. When the link itself fails (it
 * died, or was silent for 60 s, for BUILD 10 min) the signer is stopped: start it again. */
OTA_MUST_USE enum ota_status ota_signer_call(struct ota_signer *s, uint32_t type, const struct ota_span *parts,
                                             size_t count, struct ota_signer_message *answer, struct ota_err *err);

#endif
