/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's records: what is written is read, and what is damaged is refused. */
#include "support/unit.h"

#include "ota/journal.h"

static struct ota_err err;
static uint8_t bytes[OTA_JOURNAL_BYTES_MAX];

/* As long as a journal can be: eight steps with every string at its limit. */
static struct ota_journal full_journal(void) {
    struct ota_journal j = {
        .phase = OTA_PHASE_COMMITTED,
        .counter = 37,
        .format = OTA_JOURNAL_VERSION,
        .door = OTA_DOOR_STREAM,
        .spent_s = 86400,
        .old_app_offset = 0x10000,
        .new_app_offset = 0x190000,
        .table_round = 1,
        .activations = 2,
        .self_test_failed = 1,
        .authenticated = 1,
        .offline = 1,
        .saved_bytes = 1ull << 40,
        .count = OTA_STEPS_MAX,
    };
    memset(j.version, 'v', OTA_VERSION_MAX);
    for (size_t i = 0; i < OTA_STEPS_MAX; i++) {
        struct ota_journal_step *s = &j.step[i];
        memset(s->image.file, 'f', OTA_FILE_MAX);
        memset(s->image.label, (int)('a' + i), OTA_LABEL_MAX);
        s->image.kind = (enum ota_kind)(i % OTA_KIND_COUNT);
        s->image.length = 0x12345;
        s->image.z_length = i % 2 ? 77 : 0;
        memset(s->image.sha256, (int)i, sizeof s->image.sha256);
        if (s->image.z_length > 0)
            memset(s->image.z_sha256, 0xA5, sizeof s->image.z_sha256);
        s->state = (enum ota_step_state)(i % 4);
        s->stage_offset = 0x360000;
        s->dest_offset = 0x320000;
        s->dest_size = 0x40000;
        s->done = s->state == OTA_STEP_STAGED ? s->image.length : 0x2000;
        memset(s->etag, 'e', OTA_ETAG_MAX - 1);
        s->plain = i % 2;
    }
    return j;
}

static void test_journal_round_trip(void **unused) {
    (void)unused;
    struct ota_journal in = full_journal(), out;
    size_t len;
    assert_ota_ok(ota_journal_encode(&in, bytes, sizeof bytes, &len, &err));
    assert_ota_ok(ota_journal_decode((struct ota_span){bytes, len}, &out, &err));
    assert_memory_equal(&in, &out, sizeof in);
}

/* What the firmware before this one wrote: read as it is, and written so that it can read it again after a rollback. */
static void test_journal_older_format_is_kept(void **unused) {
    (void)unused;
    struct ota_journal in = full_journal(), out;
    size_t len, newer;
    in.door = OTA_DOOR_HTTPS;
    assert_ota_ok(ota_journal_encode(&in, bytes, sizeof bytes, &newer, &err));
    in.format = 1;
    in.spent_s = 0;
    for (size_t i = 0; i < in.count; i++)
        in.step[i].plain = 0;
    assert_ota_ok(ota_journal_encode(&in, bytes, sizeof bytes, &len, &err));
    assert_int_equal(bytes[0], 1);
    assert_int_equal(len, newer - 1 - 4 - in.count);
    assert_ota_ok(ota_journal_decode((struct ota_span){bytes, len}, &out, &err));
    assert_memory_equal(&in, &out, sizeof in);
    in.format = 0;
    assert_ota_ok(ota_journal_encode(&in, bytes, sizeof bytes, &len, &err));
    assert_int_equal(bytes[0], OTA_JOURNAL_VERSION);
}

static void test_journal_cut_anywhere_is_refused(void **unused) {
    (void)unused;
    struct ota_journal in = full_journal(), out;
    size_t len;
    assert_ota_ok(ota_journal_encode(&in, bytes, sizeof bytes, &len, &err));
    for (size_t i = 0; i < len; i++)
        assert_ota(ota_journal_decode((struct ota_span){bytes, i}, &out, &err), OTA_JOURNAL);
}

static void test_journal_flipped_bit_is_refused(void **unused) {
    (void)unused;
    struct ota_journal in = full_journal(), out;
    size_t len;
    assert_ota_ok(ota_journal_encode(&in, bytes, sizeof bytes, &len, &err));
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 0x10;
        assert_ota(ota_journal_decode((struct ota_span){bytes, len}, &out, &err), OTA_JOURNAL);
        bytes[i] ^= 0x10;
    }
}

/* A right CRC over a value that cannot be: a bug or another firmware, never to be acted upon. */
static void test_journal_out_of_range_is_refused(void **unused) {
    (void)unused;
    struct ota_journal in = full_journal(), out;
    size_t len;
    in.step[3].done = 0x1001; /* neither a sector nor the end */
    assert_ota_ok(ota_journal_encode(&in, bytes, sizeof bytes, &len, &err));
    assert_ota(ota_journal_decode((struct ota_span){bytes, len}, &out, &err), OTA_JOURNAL);
    in = full_journal();
    in.phase = (enum ota_phase)9;
    assert_ota_ok(ota_journal_encode(&in, bytes, sizeof bytes, &len, &err));
    assert_ota(ota_journal_decode((struct ota_span){bytes, len}, &out, &err), OTA_JOURNAL);
}

static void test_journal_newer_format_is_refused(void **unused) {
    (void)unused;
    struct ota_journal in = full_journal(), out;
    size_t len;
    assert_ota_ok(ota_journal_encode(&in, bytes, sizeof bytes, &len, &err));
    bytes[0] = OTA_JOURNAL_VERSION + 1;
    ota_put_le32(bytes + len - 4, ota_crc32(0, bytes, len - 4));
    assert_ota(ota_journal_decode((struct ota_span){bytes, len}, &out, &err), OTA_JOURNAL);
    assert_non_null(strstr(err.msg, "format 3"));
}

static void test_journal_small_buffer_is_refused(void **unused) {
    (void)unused;
    struct ota_journal in = full_journal();
    size_t len;
    assert_ota(ota_journal_encode(&in, bytes, 1000, &len, &err), OTA_INTERNAL);
}

static void test_journal_board_round_trip(void **unused) {
    (void)unused;
    struct ota_board_record in = {.counter = 12, .version = "1.2", .failed_counter = 13, .count = 2}, out;
    in.format = OTA_BOARD_VERSION;
    in.app_offset = 0x190000;
    in.installed[0] = (struct ota_installed){"storage", 12, 0x320000, 0x40000, 65536, {1, 2, 3}};
    in.installed[1] = (struct ota_installed){"@partition-table", 9, 0x8000, 0x1000, 3072, {4, 5, 6}};
    size_t len;
    assert_ota_ok(ota_board_encode(&in, bytes, sizeof bytes, &len, &err));
    assert_ota_ok(ota_board_decode((struct ota_span){bytes, len}, &out, &err));
    assert_memory_equal(&in, &out, sizeof in);
    bytes[len - 5] ^= 1;
    assert_ota(ota_board_decode((struct ota_span){bytes, len}, &out, &err), OTA_JOURNAL);
}

/* Written by the app before an update, and for it to read after a rollback, until the new one is confirmed. */
static void test_journal_board_of_an_older_agent(void **unused) {
    (void)unused;
    struct ota_board_record in = {.format = 1, .counter = 12, .version = "1.2", .failed_counter = 13, .count = 1}, out;
    in.installed[0] = (struct ota_installed){"storage", 12, 0x320000, 0x40000, 65536, {1, 2, 3}};
    size_t len;
    assert_ota_ok(ota_board_encode(&in, bytes, sizeof bytes, &len, &err));
    assert_int_equal(bytes[0], 1);
    assert_int_equal(len, 1 + 4 + 4 + 4 + 1 + 8 + 16 + OTA_SHA256_LEN + 4);
    assert_ota_ok(ota_board_decode((struct ota_span){bytes, len}, &out, &err));
    assert_memory_equal(&in, &out, sizeof in);
}

static void test_journal_report_round_trip(void **unused) {
    (void)unused;
    struct ota_report_record in = {.stream = {1, 2, 3}, .number = 4, .pending = true, .counter = 2, .label = "storage"};
    struct ota_report_record out;
    in.result = OTA_RESULT_ROLLED_BACK;
    strcpy(in.stage, "confirm");
    strcpy(in.code, "self-test");
    memset(in.message, 'm', sizeof in.message - 1);
    size_t len;
    assert_ota_ok(ota_report_encode(&in, bytes, sizeof bytes, &len, &err));
    assert_ota_ok(ota_report_decode((struct ota_span){bytes, len}, &out, &err));
    assert_memory_equal(&in, &out, sizeof in);
    assert_string_equal(ota_result_name(out.result), "rolled-back");
}

/* No count beyond the one that matters. */
static void test_journal_server_round_trip(void **unused) {
    (void)unused;
    struct ota_server_record in = {.unproven = OTA_UNPROVEN_POLLS}, out;
    size_t len;
    assert_ota_ok(ota_server_encode(&in, bytes, sizeof bytes, &len, &err));
    assert_ota_ok(ota_server_decode((struct ota_span){bytes, len}, &out, &err));
    assert_int_equal(out.unproven, OTA_UNPROVEN_POLLS);
    in.unproven = OTA_UNPROVEN_POLLS + 1;
    assert_ota_ok(ota_server_encode(&in, bytes, sizeof bytes, &len, &err));
    assert_ota(ota_server_decode((struct ota_span){bytes, len}, &out, &err), OTA_JOURNAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_journal_round_trip),
        cmocka_unit_test(test_journal_older_format_is_kept),
        cmocka_unit_test(test_journal_cut_anywhere_is_refused),
        cmocka_unit_test(test_journal_flipped_bit_is_refused),
        cmocka_unit_test(test_journal_out_of_range_is_refused),
        cmocka_unit_test(test_journal_newer_format_is_refused),
        cmocka_unit_test(test_journal_small_buffer_is_refused),
        cmocka_unit_test(test_journal_board_round_trip),
        cmocka_unit_test(test_journal_board_of_an_older_agent),
        cmocka_unit_test(test_journal_report_round_trip),
        cmocka_unit_test(test_journal_server_round_trip),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
