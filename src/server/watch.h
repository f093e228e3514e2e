/* SPDX-License-Identifier: Apache-2.0 */
/* inotify on a few folders, only to wake the main loop: what changed is found by looking. */
#ifndef OTA_SERVER_WATCH_H
#define OTA_SERVER_WATCH_H

#include "server/inbox.h"

/* -1 when the system has no inotify to give: the periodic look remains. */
int ota_watch_open(void);
/* Watches the workspace itself for being moved, state/incoming, the inbox and its folders; watching one again changes
 * nothing. */
void ota_watch_folders(int fd, const struct ota_workspace *w, const struct ota_inbox *in);
void ota_watch_drain(int fd);

#endif
