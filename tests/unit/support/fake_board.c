/* SPDX-License-Identifier: Apache-2.0 */
/* Flash, key-value store, clock and hooks of the board under test; the boot chain is in fake_boot.c. */
#include "fake_board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_boot.h"
#include "fake_chip.h"
#include "fake_server.h"
#include "unit.h"

#include "host/crypto.h"
#include "image/sample.h"

/* ---- the plug ------------------------------------------------------------------------------------------ */

enum plug { POWERED, TORN, DEAD };

static enum plug count_op(struct fake_board *b) {
    if (b->off)
        return DEAD;
    b->ops++;
    if (b->cut_at == 0 || b->ops < b->cut_at)
        return POWERED;
    b->off = true;
    return b->torn ? TORN : DEAD;
}

static enum ota_status dead(struct ota_err *e, enum ota_status code) {
    return ota_err_set(e, code, "no power");
}

/* ---- flash --------------------------------------------------------------------------------------------- */

static void check_range(uint32_t off, size_t n) {
    if (off > FAKE_FLASH_SIZE || n > FAKE_FLASH_SIZE - off)
        fail_msg("flash: 0x%x + %zu is past the end", off, n);
}

static enum ota_status flash_read(void *ctx, uint32_t off, void *p, size_t n, struct ota_err *e) {
    struct fake_board *b = ctx;
    check_range(off, n);
    if (b->off)
        return dead(e, OTA_FLASH);
    memcpy(p, b->flash + off, n);
    return OTA_OK;
}

static enum ota_status flash_write(void *ctx, uint32_t off, const void *p, size_t n, struct ota_err *e) {
    struct fake_board *b = ctx;
    check_range(off, n);
    if (off % 16 != 0 || n % 16 != 0)
        fail_msg("flash: write of %zu bytes at 0x%x is misaligned", n, off);
    for (size_t i = 0; !b->off && i < n; i++)
        if (b->flash[off + i] != 0xFF)
            fail_msg("flash: write over unerased 0x%zx", off + i);
    enum plug plug = count_op(b);
    if (plug != DEAD)
        memcpy(b->flash + off, p, plug == TORN ? n / 2 : n);
    b->flash_writes++;
    return plug == POWERED ? OTA_OK : dead(e, OTA_FLASH);
}

static enum ota_status flash_erase(void *ctx, uint32_t off, uint32_t n, struct ota_err *e) {
    struct fake_board *b = ctx;
    check_range(off, n);
    if (off % OTA_SECTOR != 0 || n % OTA_SECTOR != 0 || n == 0)
        fail_msg("flash: erase of %u bytes at 0x%x is misaligned", n, off);
    if (b->worn > 0 && off >= b->worn_from && off < b->worn_to) {
        b->worn--;
        return ota_err_set(e, OTA_FLASH, "sector at 0x%x is worn out", (unsigned)off);
    }
    enum plug plug = count_op(b);
    if (plug != DEAD)
        memset(b->flash + off, 0xFF, plug == TORN ? n / 2 : n);
    return plug == POWERED ? OTA_OK : dead(e, OTA_FLASH);
}

void fake_board_flash(struct fake_board *b, uint32_t offset, struct ota_span bytes) {
    check_range(offset, bytes.len);
    memcpy(b->flash + offset, bytes.p, bytes.len);
}

bool fake_board_holds(const struct fake_board *b, uint32_t offset, struct ota_span bytes) {
    check_range(offset, bytes.len);
    return memcmp(b->flash + offset, bytes.p, bytes.len) == 0;
}

/* ---- key-value store ----------------------------------------------------------------------------------- */

static struct fake_key *find_key(struct fake_board *b, const char *name) {
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++)
        if (strcmp(b->key[i].name, name) == 0)
            return &b->key[i];
    return NULL;
}

static enum ota_status kv_get(void *ctx, const char *name, void *p, size_t cap, size_t *len, struct ota_err *e) {
    struct fake_board *b = ctx;
    const struct fake_key *k = find_key(b, name);
    if (b->off)
        return dead(e, OTA_KV);
    if (!k)
        return ota_err_set(e, OTA_NOT_FOUND, "no key %s", name);
    if (k->value.len > cap)
        return ota_err_set(e, OTA_TOO_LARGE, "key %s", name);
    if (k->value.len > 0)
        memcpy(p, k->value.p, k->value.len);
    *len = k->value.len;
    return OTA_OK;
}

/* Atomic: a cut leaves the old value, so a torn one is none. */
static enum ota_status kv_set(void *ctx, const char *name, const void *p, size_t len, struct ota_err *e) {
    struct fake_board *b = ctx;
    if (count_op(b) != POWERED)
        return dead(e, OTA_KV);
    b->kv_writes++;
    struct fake_key *k = find_key(b, name);
    if (!k)
        k = find_key(b, "");
    assert_non_null(k);
    (void)ota_format(k->name, sizeof k->name, "%s", name);
    k->value.len = 0;
    ota_buf_append(&k->value, p, len);
    return OTA_OK;
}

void fake_board_forget(struct fake_board *b, const char *name) {
    struct fake_key *k = find_key(b, name);
    if (!k)
        return;
    ota_buf_free(&k->value);
    memset(k, 0, sizeof *k);
}

static enum ota_status kv_erase(void *ctx, const char *name, struct ota_err *e) {
    struct fake_board *b = ctx;
    if (count_op(b) != POWERED)
        return dead(e, OTA_KV);
    b->kv_writes++;
    fake_board_forget(b, name);
    return OTA_OK;
}

/* ---- clock, log, hooks --------------------------------------------------------------------------------- */

static bool now(void *ctx, uint64_t *unix_seconds) {
    const struct fake_board *b = ctx;
    *unix_seconds = b->now;
    return !b->no_clock;
}

static uint64_t uptime_ms(void *ctx) {
    return ((const struct fake_board *)ctx)->uptime_ms;
}

static void log_line(void *ctx, enum ota_log_level level, const char *text) {
    struct fake_board *b = ctx;
    (void)level;
    ota_buf_printf(&b->log, "%s\n", text);
    if (b->verbose)
        fprintf(stderr, "  %s\n", text);
}

bool fake_board_logged(const struct fake_board *b, const char *part) {
    return strstr(ota_buf_text(&b->log), part) != NULL;
}

static bool may_start(void *ctx, const struct ota_release *release) {
    (void)release;
    return !((const struct fake_board *)ctx)->refuse_start;
}

static bool accept_image(void *ctx, const char *label, struct ota_span head) {
    (void)label;
    (void)head;
    return !((const struct fake_board *)ctx)->refuse_image;
}

static bool before_activate(void *ctx, const char *label) {
    (void)label;
    return !((const struct fake_board *)ctx)->refuse_activation;
}

/* As the virtual board's: a faulty sample app carries a marker. */
static bool self_test(void *ctx) {
    const struct fake_board *b = ctx;
    return memmem(b->flash + b->running, FAKE_APP_LENGTH, OTA_SAMPLE_MARKER_FAIL, strlen(OTA_SAMPLE_MARKER_FAIL)) ==
           NULL;
}

/* ---- the board ----------------------------------------------------------------------------------------- */

struct fake_board *fake_board_new(void) {
    struct fake_board *b = ota_calloc(1, sizeof *b);
    b->flash = ota_calloc(1, FAKE_FLASH_SIZE);
    memset(b->flash, 0xFF, FAKE_FLASH_SIZE);
    b->now = FAKE_NOW;
    b->flash_port = (struct ota_flash){b, FAKE_FLASH_SIZE, flash_read, flash_write, flash_erase};
    b->kv_port = (struct ota_kv){b, kv_get, kv_set, kv_erase};
    b->clock_port = (struct ota_clock){b, now, uptime_ms};
    b->log_port = (struct ota_log){b, log_line};
    b->boot_port = fake_boot_port(b);
    b->verbose = getenv("FAKE_BOARD_VERBOSE") != NULL;
    return b;
}

void fake_board_free(struct fake_board *b) {
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++)
        ota_buf_free(&b->key[i].value);
    ota_buf_free(&b->log);
    free(b->flash);
    free(b);
}

struct ota_agent_config fake_board_config(struct fake_board *b, const struct ota_transport *transport,
                                          struct ota_span root) {
    struct ota_agent_config cfg = {
        .crypto = &ota_crypto_openssl,
        .flash = &b->flash_port,
        .kv = &b->kv_port,
        .clock = &b->clock_port,
        .transport = transport,
        .log = &b->log_port,
        .boot = &b->boot_port,
        .inflate = b->inflate,
        .bundle = b->bundle,
        .hooks = {.ctx = b,
                  .may_start = may_start,
                  .accept_image = accept_image,
                  .before_activate = before_activate,
                  .self_test = self_test},
        .identity = {.id = "t-0001", .product = "thermo", .channel = "stable", .groups = "lab, home", .root = root},
        .board = {.chip = ota_chip_by_name(ota_span_str("esp32c3")),
                  .revision = 4,
                  .table_offset = FAKE_TABLE_OFFSET,
                  .boot = {.rollback = true, .anti_rollback = b->anti_rollback, .table_offset = FAKE_TABLE_OFFSET},
                  .boot_secure_version = b->boot_secure_version,
                  .recovery = b->recovery,
                  .on_recovery = b->on_recovery,
                  .recovery_offset = FAKE_RECOVERY,
                  .agent = "test/1"},
        .window = b->window,
        .stall_s = b->stall_s,
        .download_s = b->download_s,
        .deadline_s = b->deadline_s,
        .reports = true,
        .buf = b->buf,
        .cap = sizeof b->buf,
    };
    if (b->chip) {
        cfg.board = ota_efuse_facts(&b->chip->sim.efuse);
        cfg.board.agent = "test/1";
    }
    return cfg;
}

void fake_board_save(const struct fake_board *b, struct fake_saved *s) {
    memset(s, 0, sizeof *s);
    ota_buf_append(&s->flash, b->flash, FAKE_FLASH_SIZE);
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++) {
        memcpy(s->key[i].name, b->key[i].name, sizeof s->key[i].name);
        ota_buf_append(&s->key[i].value, b->key[i].value.p, b->key[i].value.len);
    }
}

void fake_board_restore(struct fake_board *b, const struct fake_saved *s) {
    memcpy(b->flash, s->flash.p, FAKE_FLASH_SIZE);
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++) {
        memcpy(b->key[i].name, s->key[i].name, sizeof b->key[i].name);
        b->key[i].value.len = 0;
        ota_buf_append(&b->key[i].value, s->key[i].value.p, s->key[i].value.len);
    }
    b->off = false;
    b->ops = 0;
    b->log.len = 0;
}

void fake_saved_free(struct fake_saved *s) {
    ota_buf_free(&s->flash);
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++)
        ota_buf_free(&s->key[i].value);
}
