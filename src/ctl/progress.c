/* SPDX-License-Identifier: Apache-2.0 */
/* Draws a line over itself, at most a hundred times per file. */
#include "ctl/progress.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 30u
#define NOTHING_SHOWN 101u

static void draw(void *ctx, const char *what, uint64_t done, uint64_t total) {
    struct ota_progress_bar *bar = ctx;
    const char *slash = strrchr(what, '/');
    unsigned percent = total ? (unsigned)(done * 100 / total) : 100;
    char cells[WIDTH + 1];
    if (!bar->on || percent == bar->shown)
        return;
    bar->shown = percent;
    for (unsigned i = 0; i < WIDTH; i++)
        cells[i] = i < percent * WIDTH / 100 ? '#' : '.';
    cells[WIDTH] = '\0';
    (void)fprintf(stderr, "\r\033[K%s %-24.24s [%s] %3u%%", bar->verb, slash ? slash + 1 : what, cells, percent);
    (void)fflush(stderr);
}

struct ota_build_progress ota_progress_start(struct ota_progress_bar *bar, const char *verb) {
    *bar = (struct ota_progress_bar){.verb = verb, .on = isatty(STDERR_FILENO) == 1, .shown = NOTHING_SHOWN};
    return (struct ota_build_progress){.ctx = bar, .bytes = draw};
}

void ota_progress_end(const struct ota_progress_bar *bar) {
    if (bar->on)
        (void)fputs("\r\033[K", stderr);
}
