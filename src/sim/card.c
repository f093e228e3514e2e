/* SPDX-License-Identifier: Apache-2.0 */
/* A board that finds a card: it installs what is on it, as often as a release wants that, and then is done. */
#include "sim/card.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "host/fs.h"

/* One for the partition table and one for the rest; more only when power is cut again and again. */
#define READINGS_MAX 10u

static enum ota_status card_open(void *ctx, struct ota_err *err) {
    struct ota_card *c = ctx;
    struct stat st;
    c->file = fopen(c->path, "rb");
    if (!c->file)
        return ota_fs_errno(err, c->path, "cannot be read");
    if (fstat(fileno(c->file), &st) == 0 && S_ISREG(st.st_mode))
        return OTA_OK;
    fclose(c->file);
    c->file = NULL;
    return ota_err_set(err, OTA_IO, "%s: is no file", c->path);
}

static enum ota_status card_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err) {
    struct ota_card *c = ctx;
    *got = fread(p, 1, cap, c->file);
    return *got == 0 && ferror(c->file) ? ota_fs_errno(err, c->path, "cannot be read") : OTA_OK;
}

static void card_close(void *ctx) {
    struct ota_card *c = ctx;
    if (c->file)
        fclose(c->file);
    c->file = NULL;
}

static enum ota_status card_begin(void *ctx, struct ota_agent *a, const char *version, struct ota_err *err) {
    (void)ctx, (void)a, (void)version, (void)err;
    return OTA_OK;
}

static void sleep_for(uint32_t seconds) {
    struct timespec left = {.tv_sec = (time_t)seconds};
    while (nanosleep(&left, &left) != 0)
        ;
}

/* What was taken is in place, or was given up. */
static bool over(const struct ota_card *c, const struct ota_agent *a) {
    return c->committed && (a->board.counter == c->committed || a->board.failed_counter == c->committed);
}

static enum ota_status card_wait(void *ctx, struct ota_agent *a, bool decided, uint32_t seconds, bool *ended,
                                 struct ota_err *err) {
    struct ota_card *c = ctx;
    if (!decided && a->journal.door == OTA_DOOR_HTTPS && !c->told) {
        c->told = true;
        ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s) is to be decided first: waits up to ten minutes",
                (unsigned)a->journal.counter, a->journal.version);
    }
    if (!decided) {
        c->committed = a->journal.counter; /* also of a bundle that was taken before the power went */
        sleep_for(seconds);
        return OTA_OK;
    }
    *ended = over(c, a);
    if (*ended)
        return OTA_OK;
    if (++c->readings > READINGS_MAX)
        return ota_err_set(err, OTA_INTERNAL, "the bundle was read %u times and is not installed", READINGS_MAX);
    if (ota_bundle_install(a, &c->bundle, &a->last) == OTA_OK) {
        c->committed = a->reboot && a->journal.table_round ? 0 : c->work.counter;
        a->last = (struct ota_err){.code = OTA_OK};
    }
    *ended = !a->reboot;
    return OTA_OK;
}

void ota_card_insert(struct ota_card *c, const char *path) {
    memset(c, 0, sizeof *c);
    c->path = path;
    c->bundle = (struct ota_bundle_file){c, card_open, card_read, card_close, &c->work};
    c->door = (struct ota_device_door){c, card_begin, card_wait};
}
