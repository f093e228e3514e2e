/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile bundle against a whole board. The input is the archive, behind a byte that says in what pieces it is fed; or
 * its members after lines "=== PATH", from which the archive is made. Every signature counts as
 * good, so what is left to stop it are the rules: nothing outside of where images wait is written, nothing is committed
 * that is not complete, and a refusal leaves no journal.
 */
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "host/buf.h"
#include "image/bundle_write.h"
#include "ota/agent.h"
#include "ota/bundle.h"

#define FLASH_SIZE 0x200000u
#define TABLE_AT 0x8000u
#define SLOT_0 0x20000u
#define SLOT_1 0x90000u

static uint8_t *flash;

static const struct ota_partition rows[] = {
    {OTA_PART_DATA, OTA_DATA_NVS, 0x9000, 0x4000, "nvs", 0},
    {OTA_PART_DATA, OTA_DATA_OTA, 0xd000, 0x2000, "otadata", 0},
    {OTA_PART_APP, OTA_APP_OTA_0, SLOT_0, 0x70000, "ota_0", 0},
    {OTA_PART_APP, OTA_APP_OTA_0 + 1, SLOT_1, 0x70000, "ota_1", 0},
    {OTA_PART_DATA, OTA_DATA_NVS, 0x100000, 0xc000, OTA_STATE_LABEL, 0},
    {OTA_PART_DATA, OTA_DATA_NVS, 0x10c000, 0x4000, OTA_ID_LABEL, OTA_FLAG_READONLY},
    {OTA_PART_DATA, OTA_DATA_SPIFFS, 0x110000, 0x8000, "storage", 0},
    {OTA_PART_DATA, OTA_DATA_SPIFFS, 0x118000, 0x8000, "data", 0},
};

/* What waits lies in no partition but the passive slot. */
static void check_place(uint32_t off, size_t n) {
    fuzz_promise(off <= FLASH_SIZE && n <= FLASH_SIZE - off && off >= TABLE_AT + OTA_SECTOR);
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++)
        fuzz_promise(rows[i].offset == SLOT_1 || off + n <= rows[i].offset || off >= rows[i].offset + rows[i].size);
}

static enum ota_status flash_read(void *ctx, uint32_t off, void *p, size_t n, struct ota_err *err) {
    (void)ctx;
    (void)err;
    fuzz_promise(off <= FLASH_SIZE && n <= FLASH_SIZE - off);
    memcpy(p, flash + off, n);
    return OTA_OK;
}

static enum ota_status flash_write(void *ctx, uint32_t off, const void *p, size_t n, struct ota_err *err) {
    (void)ctx;
    (void)err;
    check_place(off, n);
    memcpy(flash + off, p, n);
    return OTA_OK;
}

static enum ota_status flash_erase(void *ctx, uint32_t off, uint32_t n, struct ota_err *err) {
    (void)ctx;
    (void)err;
    check_place(off, n);
    memset(flash + off, 0xFF, n);
    return OTA_OK;
}

static enum ota_status running(void *ctx, uint32_t *offset, struct ota_err *err) {
    (void)ctx;
    (void)err;
    *offset = SLOT_0;
    return OTA_OK;
}

static enum ota_status slot_state(void *ctx, uint32_t offset, enum ota_slot_state *state, bool *has_entry,
                                  struct ota_err *err) {
    (void)ctx;
    (void)err;
    *state = OTA_SLOT_VALID;
    *has_entry = offset == SLOT_0;
    return OTA_OK;
}

static enum ota_status activate(void *ctx, uint32_t offset, struct ota_err *err) {
    (void)ctx;
    (void)err;
    fuzz_promise(offset == SLOT_1);
    return OTA_OK;
}

static enum ota_status mark(void *ctx, struct ota_err *err) {
    (void)ctx;
    return ota_err_set(err, OTA_INTERNAL, "nothing is on trial");
}

static enum ota_status no_network(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                  struct ota_err *err) {
    (void)ctx;
    (void)req;
    (void)resp;
    return ota_err_set(err, OTA_NETWORK, "none");
}

static void log_line(void *ctx, enum ota_log_level level, const char *text) {
    (void)ctx;
    (void)level;
    fuzz_promise(strlen(text) < 1024);
}

static void put_table(void) {
    struct ota_table t = {.count = OTA_ARRAY_LEN(rows)};
    struct ota_err err;
    memcpy(t.row, rows, sizeof rows);
    fuzz_promise(ota_table_write(&t, &fuzz_crypto, flash + TABLE_AT, &err) == OTA_OK);
}

/* ---- input --------------------------------------------------------------------------------------------- */

static enum ota_status append(void *ctx, const void *p, size_t n, struct ota_err *err) {
    (void)err;
    ota_buf_append(ctx, p, n);
    return OTA_OK;
}

/* Before the next "\n=== ", or the end. */
static size_t body_length(const uint8_t *p, size_t n) {
    const uint8_t *at = n ? memmem(p, n, "\n=== ", 5) : NULL;
    return at ? (size_t)(at - p) : n;
}

static void pack(const uint8_t *p, size_t n, struct ota_buf *out) {
    const struct ota_bundle_sink sink = {out, append};
    struct ota_bundle_writer w;
    struct ota_err err;
    ota_bundle_write_begin(&w, &sink);
    while (n > 4) {
        char path[300] = "";
        const uint8_t *line = memchr(p, '\n', n);
        size_t head = line ? (size_t)(line - p) + 1 : n;
        if (line && head > 5 && head - 5 < sizeof path)
            memcpy(path, p + 4, head - 5);
        p += head;
        n -= head;
        size_t len = body_length(p, n);
        if (ota_bundle_write_file(&w, path, (struct ota_span){p, len}, &err) != OTA_OK)
            return;
        p += len;
        n -= len;
        if (n > 0) {
            p++;
            n--;
        }
    }
    fuzz_promise(ota_bundle_write_end(&w, &err) == OTA_OK);
}

static void feed(struct ota_bundle *b, const uint8_t *p, size_t n, size_t piece, struct ota_err *err) {
    for (size_t pos = 0; pos < n; pos += piece) {
        uint8_t *part = fuzz_copy(p + pos, n - pos < piece ? n - pos : piece);
        enum ota_status status = ota_bundle_feed(b, part, n - pos < piece ? n - pos : piece, err);
        free(part);
        if (status != OTA_OK)
            return;
    }
    enum ota_status status = ota_bundle_end(b, err);
    fuzz_promise(status == OTA_OK || err->code == status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ota_agent agent;
    static struct ota_bundle bundle;
    static uint8_t buf[OTA_METADATA_MAX];
    const struct ota_flash port = {.size = FLASH_SIZE, .read = flash_read, .write = flash_write, .erase = flash_erase};
    const struct ota_boot_port boot = {
        .running = running, .state = slot_state, .activate = activate, .confirm = mark, .invalidate = mark};
    const struct ota_transport net = {.open = no_network};
    const struct ota_log log = {.line = log_line};
    struct ota_memory_kv *memory = ota_memory_kv_new();
    OTA_CLEAN(ota_buf_free) struct ota_buf archive = {0};
    struct ota_err err;
    flash = malloc(FLASH_SIZE);
    fuzz_promise(flash != NULL);
    memset(flash, 0xFF, FLASH_SIZE);
    put_table();
    const struct ota_agent_config cfg = {
        .crypto = &fuzz_crypto,
        .flash = &port,
        .kv = ota_memory_kv_port(memory),
        .clock = &fuzz_board_clock,
        .transport = &net,
        .log = &log,
        .boot = &boot,
        .identity = {.id = "b", .product = "thermo", .channel = "stable", .groups = "", .root = fuzz_board_root()},
        .board = {.chip = ota_chip_by_name(ota_span_str("esp32c3")), .table_offset = TABLE_AT, .agent = "fuzz/1"},
        .buf = buf,
        .cap = sizeof buf,
    };
    fuzz_promise(ota_agent_init(&agent, &cfg, &err) == OTA_OK);
    fuzz_promise(ota_bundle_begin(&bundle, &agent, OTA_DOOR_STREAM, &err) == OTA_OK);
    const uint8_t how = size ? data[0] : 0;
    if (how == '=')
        pack(data, size, &archive);
    else if (size > 1)
        ota_buf_append(&archive, data + 1, size - 1);
    feed(&bundle, archive.p, archive.len, how % 2 ? 1u + how * 8u : 4096u, &err);
    ota_bundle_abort(&bundle);
    fuzz_promise(agent.reboot == (agent.journal.phase > OTA_PHASE_STAGING));
    fuzz_promise(agent.reboot || agent.journal.phase == OTA_PHASE_IDLE);
    free(flash);
    ota_memory_kv_free(&memory);
    return 0;
}
