/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle in a file of the board's VFS. Its path outlives the reboot in ota_state. Everything here belongs to whoever
 * has the agent. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ota_esp_private.h"

#define PATH_LEN_MAX 128u /* with its NUL */
#define READ_AHEAD 4096u  /* a card reads eight sectors in hardly more time than one */

static const char KEY_PATH[] = "bundle_file";

static struct {
    const char *installing; /* NULL: the proof reads what was installed */
    bool kept;              /* its path, for the proof */
    char path[PATH_LEN_MAX];
    FILE *file;
} now;

/* ---- the path ------------------------------------------------------------------------------------------ */

static enum ota_status load_path(struct ota_err *err) {
    size_t len = 0;
    OTA_TRY(ota_esp_kv.get(ota_esp_kv.ctx, KEY_PATH, now.path, sizeof now.path - 1, &len, err));
    now.path[len] = '\0';
    return OTA_OK;
}

/* Written when it is another one. Without it the new app is proved as one that came in a stream is. */
static void keep_path(void) {
    struct ota_err err;
    now.kept = true;
    if (load_path(&err) == OTA_OK && strcmp(now.path, now.installing) == 0)
        return;
    if (ota_esp_kv.set(ota_esp_kv.ctx, KEY_PATH, now.installing, strlen(now.installing), &err) != OTA_OK)
        ota_log(&ota_esp_log, OTA_LOG_WARNING, "%s cannot be found again after the reboot: %s", now.installing,
                err.msg);
}

/* ---- the file ------------------------------------------------------------------------------------------ */

/* Whatever cannot be opened is gone: a card that was pulled says EIO as often as ENOENT. */
static enum ota_status file_open(void *ctx, struct ota_err *err) {
    (void)ctx;
    if (!now.installing)
        OTA_TRY(load_path(err));
    const char *path = now.installing ? now.installing : now.path;
    now.file = fopen(path, "rb");
    if (!now.file)
        return ota_err_set(err, OTA_NOT_FOUND, "%s: %s", path, strerror(errno));
    (void)setvbuf(now.file, NULL, _IOFBF, READ_AHEAD); /* without memory for it: slower */
    return OTA_OK;
}

/* The first read comes when the bundle may begin. Until then the path kept is that of an app that may not be proved yet,
 * from then on that of the one that is being installed. */
static enum ota_status file_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err) {
    (void)ctx;
    if (now.installing && !now.kept)
        keep_path();
    *got = fread(p, 1, cap, now.file);
    if (*got == 0 && ferror(now.file))
        return ota_err_set(err, OTA_IO, "the file cannot be read: %s", strerror(errno));
    return OTA_OK;
}

static void file_close(void *ctx) {
    (void)ctx;
    if (now.file)
        (void)fclose(now.file);
    now.file = NULL;
}

static struct ota_bundle work;
const struct ota_bundle_file ota_esp_bundle_file = {
    .open = file_open, .read = file_read, .close = file_close, .work = &work};

/* ---- installing ---------------------------------------------------------------------------------------- */

enum ota_status ota_esp_install_file(const char *path, struct ota_err *err) {
    if (strlen(path) >= PATH_LEN_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "%.60s...: a path of more than %u bytes", path, PATH_LEN_MAX - 1u);
    struct ota_agent *agent = ota_esp_take(OTA_ESP_PATIENCE_MS);
    if (!agent)
        return ota_err_set(err, OTA_BUSY, "the agent is at work, or did not start: try again later");
    now.installing = path;
    now.kept = false;
    const enum ota_status status = ota_bundle_install(agent, &ota_esp_bundle_file, err);
    now.installing = NULL;
    ota_esp_give();
    return status;
}
