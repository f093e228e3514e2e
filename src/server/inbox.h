/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox: images copied into images/<product>/ (with one product also loose .bin files in images/) become releases.
 *
 * A folder is looked at when nothing in it changed for OTA_INBOX_QUIET_MS. What was taken may stay: files that lie
 * there untouched since do not count. Those that arrived are judged together, copied to state/inbox/<product>/, where
 * nobody else can change them, and handed to the signer. Conditions: the product's key lies in the workspace, the
 * folders belong to this user and nobody else may write there. In every other case the log has the reason, and the
 * push command if that would pass.
 */
#ifndef OTA_SERVER_INBOX_H
#define OTA_SERVER_INBOX_H

#include <sys/stat.h>

#include "server/publisher.h"

#define OTA_INBOX_QUIET_MS 2000u
#define OTA_INBOX_FOLDERS_MAX 64u
#define OTA_INBOX_NAME_MAX 64u

struct ota_inbox_folder {
    char name[OTA_INBOX_NAME_MAX + 1]; /* below images/; "" for the loose files */
    uint64_t seen, judged;             /* what it looked like: last time, and when it was judged; 0 never */
    uint64_t since_ms;                 /* monotonic: looks like `seen` since */
    bool present;
};

struct ota_inbox {
    const struct ota_workspace *w;
    struct ota_publisher *publisher;
    char *dir;
    char tag[18]; /* "", or ".<hash of dir>" where that is not images/: tells the records of several inboxes apart */
    size_t count;
    struct ota_inbox_folder folder[OTA_INBOX_FOLDERS_MAX];
};

/* dir: NULL for images/ of the workspace. */
void ota_inbox_init(struct ota_inbox *in, const struct ota_workspace *w, struct ota_publisher *p, const char *dir);
void ota_inbox_free(struct ota_inbox *in);
/* Looks at every folder and takes what is ready. *changed: something was published. Returns the milliseconds until it
 * should look again, or -1. */
int ota_inbox_scan(struct ota_inbox *in, bool *changed);

/* A number that differs when the file is another, was written again, or its permissions changed. */
uint64_t ota_inbox_mark(const char *name, const struct stat *st);
/* The path of a folder; the caller frees. */
char *ota_inbox_path(const struct ota_inbox *in, const struct ota_inbox_folder *f);

#endif
