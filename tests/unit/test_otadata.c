/* SPDX-License-Identifier: Apache-2.0 */
/* otadata: ESP-IDF's CRC vectors, which entry counts, which slot it selects. */
#include "ota/otadata.h"
#include "support/unit.h"

static struct ota_otadata_entry entry(uint32_t seq, enum ota_slot_state state) {
    uint8_t bytes[OTA_OTADATA_ENTRY];
    struct ota_otadata_entry e;
    ota_otadata_encode(seq, state, bytes);
    ota_otadata_decode(bytes, &e);
    return e;
}
static struct ota_otadata_entry blank(void) {
    uint8_t bytes[OTA_OTADATA_ENTRY];
    struct ota_otadata_entry e;
    memset(bytes, 0xFF, sizeof bytes);
    ota_otadata_decode(bytes, &e);
    return e;
}

static void test_otadata_crc_vectors(void **state) {
    static const uint32_t crc[] = {0x4743989A, 0x55F63774, 0xED4A5011, 0x709D68A8};
    static const uint8_t first[] = {0x9A, 0x98, 0x43, 0x47};
    uint8_t bytes[OTA_OTADATA_ENTRY];
    (void)state;
    for (uint32_t seq = 1; seq <= 4; seq++) {
        ota_otadata_encode(seq, OTA_SLOT_NEW, bytes);
        assert_int_equal(ota_le32(bytes), seq);
        assert_int_equal(ota_le32(bytes + 24), 0);
        assert_int_equal(ota_le32(bytes + 28), crc[seq - 1]);
        for (size_t i = 4; i < 24; i++)
            assert_int_equal(bytes[i], 0xFF);
        if (seq == 1)
            assert_memory_equal(bytes + 28, first, 4);
    }
}

static void test_otadata_state_survives(void **state) {
    static const enum ota_slot_state states[] = {OTA_SLOT_NEW,     OTA_SLOT_PENDING_VERIFY, OTA_SLOT_VALID,
                                                 OTA_SLOT_INVALID, OTA_SLOT_ABORTED,        OTA_SLOT_UNDEFINED};
    static const char *const names[] = {"new", "pending-verify", "valid", "invalid", "aborted", "undefined"};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(states); i++) {
        struct ota_otadata_entry e = entry(7, states[i]);
        assert_int_equal(e.state, states[i]);
        assert_true(e.crc_ok);
        assert_string_equal(ota_slot_state_name(e.state), names[i]);
    }
    assert_string_equal(ota_slot_state_name((enum ota_slot_state)99), "unknown");
}

static void test_otadata_usable(void **state) {
    struct ota_otadata_entry e = blank();
    (void)state;
    assert_false(ota_otadata_usable(&e));
    e = entry(UINT32_MAX, OTA_SLOT_VALID); /* blank whatever its CRC */
    assert_false(ota_otadata_usable(&e));
    e = entry(1, OTA_SLOT_INVALID);
    assert_false(ota_otadata_usable(&e));
    e = entry(1, OTA_SLOT_ABORTED);
    assert_false(ota_otadata_usable(&e));
    e = entry(1, OTA_SLOT_UNDEFINED);
    assert_true(ota_otadata_usable(&e));
    e.crc_ok = false;
    assert_false(ota_otadata_usable(&e));
}

static void test_otadata_crc_covers_the_sequence(void **state) {
    uint8_t bytes[OTA_OTADATA_ENTRY];
    struct ota_otadata_entry e;
    (void)state;
    ota_otadata_encode(5, OTA_SLOT_VALID, bytes);
    for (size_t i = 0; i < OTA_OTADATA_ENTRY; i++) {
        bytes[i] ^= 0x10;
        ota_otadata_decode(bytes, &e);
        assert_int_equal(e.crc_ok, i >= 4 && i < 28);
        bytes[i] ^= 0x10;
    }
}

static void test_otadata_active(void **state) {
    struct ota_otadata_entry none[2] = {blank(), blank()};
    struct ota_otadata_entry second[2] = {entry(1, OTA_SLOT_VALID), entry(2, OTA_SLOT_NEW)};
    struct ota_otadata_entry first[2] = {entry(3, OTA_SLOT_VALID), entry(2, OTA_SLOT_VALID)};
    struct ota_otadata_entry tie[2] = {entry(2, OTA_SLOT_VALID), entry(2, OTA_SLOT_VALID)};
    struct ota_otadata_entry aborted[2] = {entry(3, OTA_SLOT_ABORTED), entry(2, OTA_SLOT_VALID)};
    struct ota_otadata_entry lone[2] = {blank(), entry(9, OTA_SLOT_VALID)};
    (void)state;
    assert_int_equal(ota_otadata_active(none), -1);
    assert_int_equal(ota_otadata_active(second), 1);
    assert_int_equal(ota_otadata_active(first), 0);
    assert_int_equal(ota_otadata_active(tie), 0);
    assert_int_equal(ota_otadata_active(aborted), 1);
    assert_int_equal(ota_otadata_active(lone), 1);
}

static void test_otadata_slot(void **state) {
    (void)state;
    assert_int_equal(ota_otadata_slot(1, 2), 0);
    assert_int_equal(ota_otadata_slot(2, 2), 1);
    assert_int_equal(ota_otadata_slot(3, 2), 0);
    assert_int_equal(ota_otadata_slot(5, 3), 1);
    assert_int_equal(ota_otadata_slot(5, 0), 0);
}

static void test_otadata_next_seq_is_the_smallest_above(void **state) {
    (void)state;
    for (uint32_t count = 1; count <= 16; count++)
        for (uint32_t active = 0; active < 40; active++)
            for (uint32_t slot = 0; slot < count; slot++) {
                uint32_t want = active + 1;
                while (ota_otadata_slot(want, count) != slot)
                    want++;
                assert_int_equal(ota_otadata_next_seq(active, slot, count), want);
            }
    assert_int_equal(ota_otadata_next_seq(UINT32_MAX - 3, 0, 2), UINT32_MAX - 2);
    assert_int_equal(ota_otadata_next_seq(UINT32_MAX - 2, 0, 2), 0); /* used up */
    assert_int_equal(ota_otadata_next_seq(UINT32_MAX - 1, 1, 2), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_otadata_crc_vectors),
        cmocka_unit_test(test_otadata_state_survives),
        cmocka_unit_test(test_otadata_usable),
        cmocka_unit_test(test_otadata_crc_covers_the_sequence),
        cmocka_unit_test(test_otadata_active),
        cmocka_unit_test(test_otadata_slot),
        cmocka_unit_test(test_otadata_next_seq_is_the_smallest_above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
