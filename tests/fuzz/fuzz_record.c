/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's records: board, journal, report, server, tries, defer. The first byte chooses one; the CRC-32 at the end is
 * made right, so that the fields behind it are reached. What decodes encodes to the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/buf.h"
#include "ota/journal.h"

#define CRC_LEN 4u

static bool board(struct ota_span in, uint8_t *out, size_t *len) {
    static struct ota_board_record r;
    struct ota_err err;
    if (ota_board_decode(in, &r, &err) != OTA_OK)
        return false;
    fuzz_promise(ota_board_encode(&r, out, OTA_JOURNAL_BYTES_MAX, len, &err) == OTA_OK);
    return true;
}

static bool journal(struct ota_span in, uint8_t *out, size_t *len) {
    static struct ota_journal r;
    struct ota_err err;
    if (ota_journal_decode(in, &r, &err) != OTA_OK)
        return false;
    fuzz_promise(ota_journal_encode(&r, out, OTA_JOURNAL_BYTES_MAX, len, &err) == OTA_OK);
    return true;
}

static bool report(struct ota_span in, uint8_t *out, size_t *len) {
    static struct ota_report_record r;
    struct ota_err err;
    if (ota_report_decode(in, &r, &err) != OTA_OK)
        return false;
    fuzz_promise(ota_report_encode(&r, out, OTA_JOURNAL_BYTES_MAX, len, &err) == OTA_OK);
    return true;
}

static bool server(struct ota_span in, uint8_t *out, size_t *len) {
    static struct ota_server_record r;
    struct ota_err err;
    if (ota_server_decode(in, &r, &err) != OTA_OK)
        return false;
    fuzz_promise(ota_server_encode(&r, out, OTA_JOURNAL_BYTES_MAX, len, &err) == OTA_OK);
    return true;
}

static bool tries(struct ota_span in, uint8_t *out, size_t *len) {
    static struct ota_tries_record r;
    struct ota_err err;
    if (ota_tries_decode(in, &r, &err) != OTA_OK)
        return false;
    fuzz_promise(r.failed <= OTA_TRIES_MAX && r.copies <= OTA_COPY_TRIES_MAX);
    fuzz_promise(ota_tries_encode(&r, out, OTA_JOURNAL_BYTES_MAX, len, &err) == OTA_OK);
    return true;
}

static bool defer(struct ota_span in, uint8_t *out, size_t *len) {
    static struct ota_defer_record r;
    struct ota_err err;
    if (ota_defer_decode(in, &r, &err) != OTA_OK)
        return false;
    fuzz_promise(ota_defer_encode(&r, out, OTA_JOURNAL_BYTES_MAX, len, &err) == OTA_OK);
    return true;
}

static void read_record(uint8_t which, struct ota_span in) {
    static bool (*const readers[])(struct ota_span, uint8_t *, size_t *) = {board,  journal, report,
                                                                            server, tries,   defer};
    static uint8_t out[OTA_JOURNAL_BYTES_MAX];
    size_t len;
    if (readers[which % OTA_ARRAY_LEN(readers)](in, out, &len))
        fuzz_promise(len == in.len && memcmp(out, in.p, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    size_t len = size - 1;
    uint8_t *record = fuzz_copy(data + 1, len);
    read_record(data[0], (struct ota_span){record, len});
    free(record);
    record = ota_calloc(1, len + CRC_LEN);
    struct ota_writer end = {.p = record, .cap = len + CRC_LEN};
    ota_write_bytes(&end, data + 1, len);
    ota_write_u32(&end, ota_crc32(0, record, len));
    read_record(data[0], (struct ota_span){record, len + CRC_LEN});
    free(record);
    return 0;
}
