/* SPDX-License-Identifier: Apache-2.0 */
/* inotify, only to wake the main loop. */
#include "server/watch.h"

#include <sys/inotify.h>

#define EVENTS \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK)

int ota_watch_open(void) {
    return inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
}

void ota_watch_folders(int fd, const struct ota_workspace *w, const struct ota_inbox *in) {
    OTA_CLEAN_FREE char *incoming = ota_workspace_path(w, "state/incoming");
    if (fd < 0)
        return;
    (void)inotify_add_watch(fd, w->dir, IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR);
    (void)inotify_add_watch(fd, incoming, EVENTS);
    (void)inotify_add_watch(fd, in->dir, EVENTS);
    for (size_t i = 0; i < in->count; i++) {
        OTA_CLEAN_FREE char *path = ota_inbox_path(in, &in->folder[i]);
        (void)inotify_add_watch(fd, path, EVENTS);
    }
}

void ota_watch_drain(int fd) {
    char events[4096] __attribute__((aligned(8)));
    while (read(fd, events, sizeof events) > 0) {
    }
}
