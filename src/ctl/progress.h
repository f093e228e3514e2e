/* SPDX-License-Identifier: Apache-2.0 */
/* A progress bar on stderr; nothing when that is no terminal. Private to src/ctl. */
#ifndef OTA_CTL_PROGRESS_H
#define OTA_CTL_PROGRESS_H

#include "release/build.h"

struct ota_progress_bar {
    const char *verb; /* "checking" */
    bool on;
    unsigned shown; /* percent last drawn */
};
/* The callback table; `bar` must outlive it. */
struct ota_build_progress ota_progress_start(struct ota_progress_bar *bar, const char *verb);
/* Clears the line. */
void ota_progress_end(const struct ota_progress_bar *bar);

#endif
