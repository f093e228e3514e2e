/* SPDX-License-Identifier: Apache-2.0 */
/* A partition table as CSV or, beginning with its magic, as a binary. One that is good is written in the other form and
 * reads back the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/crypto.h"
#include "image/table_agent.h"
#include "image/table_csv.h"
#include "image/table_text.h"

static const char *variable(const char *name) {
    return strcmp(name, "A") == 0 ? "a,data,nvs,,12K" : NULL;
}

static const struct ota_table_csv_rules rules = {.name = "x",
                                                 .table_offset = 0x8000,
                                                 .bootloader_known = true,
                                                 .recovery_known = true,
                                                 .recovery_offset = 0x3F0000,
                                                 .variable = variable};
static unsigned line[OTA_TABLE_ROWS_MAX];

static void check_same(const struct ota_table *a, const struct ota_table *b) {
    fuzz_promise(a->count == b->count && memcmp(a->row, b->row, sizeof a->row) == 0);
}

/* What a table that may be served says in a CSV makes the same table. */
static void check_written(const struct ota_table *t) {
    static struct ota_table again;
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    struct ota_err err;
    ota_table_csv_write(t, &text);
    for (size_t i = 0; i < t->count; i++)
        if (t->row[i].type == OTA_PART_BOOTLOADER || t->row[i].type == OTA_PART_TABLE || t->row[i].flags > 3)
            return; /* a CSV does not say where those lie, and has no word for such flags */
    fuzz_promise(ota_table_csv_read(ota_buf_span(&text), &rules, &again, line, &err) == OTA_OK);
    check_same(t, &again);
}

static void judge(const struct ota_table *t) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    cJSON *tree = cJSON_CreateObject();
    struct ota_err err;
    if (ota_table_check(t, 0x8000, 0x400000, &err) == OTA_OK) {
        check_written(t);
        (void)!ota_table_check_agent(t, &err);
        for (size_t i = 0; ota_chip_at(i); i++)
            (void)!ota_table_check_chip(t, ota_chip_at(i), 0x8000, &err);
    }
    ota_table_remarks(t, &text);
    ota_table_text(t, 0x8000, 0x400000, &text);
    ota_table_add_json(tree, t);
    cJSON_Delete(tree);
}

static void read_csv(struct ota_span input) {
    static struct ota_table t, again;
    uint8_t bytes[OTA_TABLE_LENGTH];
    struct ota_err err;
    if (ota_table_csv_read(input, &rules, &t, line, &err) != OTA_OK) {
        fuzz_promise(err.msg[0] == 'x');
        return;
    }
    for (size_t i = 1; i < t.count; i++)
        fuzz_promise(line[i - 1] < line[i]);
    fuzz_promise(ota_table_write(&t, &ota_crypto_openssl, bytes, &err) == OTA_OK);
    fuzz_promise(ota_table_read((struct ota_span){bytes, sizeof bytes}, &ota_crypto_openssl, &again, &err) == OTA_OK);
    check_same(&t, &again);
    judge(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ota_table t;
    struct ota_err err;
    uint8_t *bytes = fuzz_copy(data, size);
    const struct ota_span input = {bytes, size};
    if (size >= 2 && data[0] == 0xAA && data[1] == 0x50) {
        if (ota_table_read(input, &ota_crypto_openssl, &t, &err) == OTA_OK)
            judge(&t);
    } else {
        read_csv(input);
    }
    free(bytes);
    return 0;
}
