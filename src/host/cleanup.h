/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope cleanup for host code: initialise at declaration, steal to hand ownership on.
 *
 *   OTA_CLEAN_FREE char *path = NULL;      free()
 *   OTA_CLEAN_FD int fd = -1;              close()
 *   OTA_CLEAN_DIR DIR *dir = NULL;         closedir()
 *   return OTA_STEAL(path);                path becomes NULL
 */
#ifndef OTA_HOST_CLEANUP_H
#define OTA_HOST_CLEANUP_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static inline void ota_clean_free(void *p) {
    free(*(void **)p);
}
static inline void ota_clean_fd(const int *fd) {
    if (*fd >= 0)
        (void)close(*fd);
}
static inline void ota_clean_dir(DIR **dir) {
    if (*dir)
        (void)closedir(*dir);
}

#define OTA_CLEAN(fn) __attribute__((cleanup(fn)))
#define OTA_CLEAN_FREE OTA_CLEAN(ota_clean_free)
#define OTA_CLEAN_FD OTA_CLEAN(ota_clean_fd)
#define OTA_CLEAN_DIR OTA_CLEAN(ota_clean_dir)

#define OTA_STEAL(p)                 \
    __extension__({                  \
        __typeof__(p) stolen_ = (p); \
        (p) = NULL;                  \
        stolen_;                     \
    })

#endif
