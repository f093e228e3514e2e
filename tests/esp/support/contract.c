/* SPDX-License-Identifier: Apache-2.0 */
#include "support/contract.h"

#include <stdio.h>

#include "host/buf.h"
#include "support/fake_server.h"
#include "support/unit.h"

static struct ota_err err;

/* ---- flash --------------------------------------------------------------------------------------------- */

static void fill(uint8_t *p, size_t n, uint32_t seed) {
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (uint8_t)(seed >> 24);
    }
}

static void holds_ff(const struct ota_flash *f, uint32_t offset, size_t n) {
    uint8_t bytes[OTA_SECTOR];
    assert_ota_ok(f->read(f->ctx, offset, bytes, n, &err));
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != 0xFF)
            fail_msg("byte 0x%zx behind 0x%x is 0x%02x after an erase", i, (unsigned)offset, bytes[i]);
}

static void past_the_end(const struct ota_flash *f) {
    uint8_t bytes[16] = {0};
    assert_ota_ok(f->read(f->ctx, f->size - 16, bytes, 16, &err));
    assert_ota_ok(f->read(f->ctx, f->size, bytes, 0, &err));
    assert_ota(f->read(f->ctx, f->size - 8, bytes, 16, &err), OTA_FLASH);
    assert_ota(f->read(f->ctx, UINT32_MAX - 7, bytes, 16, &err), OTA_FLASH);
    assert_ota(f->write(f->ctx, f->size, bytes, 16, &err), OTA_FLASH);
    assert_ota(f->erase(f->ctx, f->size, OTA_SECTOR, &err), OTA_FLASH);
    assert_ota(f->erase(f->ctx, f->size - OTA_SECTOR, 2 * OTA_SECTOR, &err), OTA_FLASH);
}

void contract_flash(const struct ota_flash *f, uint32_t offset, uint32_t size) {
    uint8_t wanted[OTA_SECTOR], got[OTA_SECTOR];
    assert_int_equal(f->size % OTA_SECTOR, 0);
    assert_ota_ok(f->erase(f->ctx, offset, size, &err));
    for (uint32_t pos = 0; pos < size; pos += OTA_SECTOR)
        holds_ff(f, offset + pos, OTA_SECTOR);
    for (uint32_t pos = size; pos > 0; pos -= OTA_SECTOR) { /* in any order */
        fill(wanted, sizeof wanted, pos);
        assert_ota_ok(f->write(f->ctx, offset + pos - OTA_SECTOR, wanted, sizeof wanted, &err));
    }
    for (uint32_t pos = OTA_SECTOR; pos <= size; pos += OTA_SECTOR) {
        fill(wanted, sizeof wanted, pos);
        assert_ota_ok(f->read(f->ctx, offset + pos - OTA_SECTOR, got, sizeof got, &err));
        assert_memory_equal(got, wanted, sizeof got);
    }
    fill(wanted, sizeof wanted, OTA_SECTOR);
    assert_ota_ok(f->read(f->ctx, offset + 1001, got, 333, &err)); /* reading may begin and end anywhere */
    assert_memory_equal(got, wanted + 1001, 333);
    assert_ota_ok(f->erase(f->ctx, offset + OTA_SECTOR, OTA_SECTOR, &err)); /* its neighbours stay */
    holds_ff(f, offset + OTA_SECTOR, OTA_SECTOR);
    assert_ota_ok(f->read(f->ctx, offset, got, sizeof got, &err));
    assert_memory_equal(got, wanted, sizeof got);
    assert_ota_ok(f->write(f->ctx, offset + OTA_SECTOR + 64, wanted, 16, &err)); /* a part of a sector */
    holds_ff(f, offset + OTA_SECTOR, 64);
    holds_ff(f, offset + OTA_SECTOR + 80, OTA_SECTOR - 80);
    assert_ota_ok(f->erase(f->ctx, offset, 0, &err));
    assert_ota_ok(f->write(f->ctx, offset, wanted, 0, &err));
    assert_ota_ok(f->read(f->ctx, offset, got, sizeof got, &err));
    assert_memory_equal(got, wanted, sizeof got);
    past_the_end(f);
}

/* ---- slots --------------------------------------------------------------------------------------------- */

static void state_is(const struct ota_boot_port *p, uint32_t slot, bool has_entry, enum ota_slot_state wanted) {
    enum ota_slot_state got;
    bool has;
    assert_ota_ok(p->state(p->ctx, slot, &got, &has, &err));
    assert_int_equal(has, has_entry);
    assert_string_equal(ota_slot_state_name(got), ota_slot_state_name(wanted));
}

static const struct ota_boot_port *reset_to(const struct contract_boot *b, unsigned index) {
    const struct ota_boot_port *p = b->reset();
    uint32_t running;
    assert_ota_ok(p->running(p->ctx, &running, &err));
    assert_int_equal(running, b->slot[index]);
    return p;
}

void contract_boot_updates(const struct contract_boot *b) {
    const struct ota_boot_port *p = reset_to(b, 0);
    state_is(p, b->slot[0], true, OTA_SLOT_VALID);
    state_is(p, b->slot[1], false, OTA_SLOT_UNDEFINED);
    state_is(p, b->no_slot, false, OTA_SLOT_UNDEFINED);
    assert_ota_ok(p->confirm(p->ctx, &err)); /* it is VALID already */
    for (unsigned round = 1; round < 4; round++) {
        const unsigned next = round % 2, now = 1 - next;
        assert_ota_ok(p->activate(p->ctx, b->slot[next], &err));
        state_is(p, b->slot[next], true, OTA_SLOT_NEW);
        state_is(p, b->slot[now], true, OTA_SLOT_VALID);
        p = reset_to(b, next);
        state_is(p, b->slot[next], true, OTA_SLOT_PENDING_VERIFY);
        assert_ota_ok(p->confirm(p->ctx, &err));
        state_is(p, b->slot[next], true, OTA_SLOT_VALID);
        p = reset_to(b, next);
    }
}

void contract_boot_goes_back(const struct contract_boot *b) {
    const struct ota_boot_port *p = reset_to(b, 0);
    assert_ota_ok(p->activate(p->ctx, b->slot[1], &err));
    p = reset_to(b, 1);
    assert_ota_ok(p->invalidate(p->ctx, &err));
    p = reset_to(b, 0);
    state_is(p, b->slot[1], true, OTA_SLOT_INVALID);
    state_is(p, b->slot[0], true, OTA_SLOT_VALID);
    assert_ota_ok(p->activate(p->ctx, b->slot[1], &err));
    p = reset_to(b, 1);
    p = reset_to(b, 0); /* without having been confirmed */
    state_is(p, b->slot[1], true, OTA_SLOT_ABORTED);
    assert_ota_ok(p->activate(p->ctx, b->slot[1], &err)); /* again */
    p = reset_to(b, 1);
    assert_ota_ok(p->confirm(p->ctx, &err));
    (void)reset_to(b, 1);
}

void contract_boot_refuses(const struct contract_boot *b) {
    const struct ota_boot_port *p = reset_to(b, 0);
    assert_ota(p->activate(p->ctx, b->no_slot, &err), OTA_ARGUMENT);
    assert_ota(p->activate(p->ctx, b->slot[1] + OTA_SECTOR, &err), OTA_ARGUMENT);
    assert_ota(p->invalidate(p->ctx, &err), OTA_NO_BOOT);
    assert_ota_ok(p->activate(p->ctx, b->slot[1], &err));
    assert_ota(p->confirm(p->ctx, &err), OTA_ROLLED_BACK); /* it would be the other app's entry */
    assert_ota(p->invalidate(p->ctx, &err), OTA_ROLLED_BACK);
    state_is(p, b->slot[1], true, OTA_SLOT_NEW);
    p = reset_to(b, 1);
    b->spoil(b->slot[0]);
    assert_ota(p->invalidate(p->ctx, &err), OTA_NO_BOOT);
    state_is(p, b->slot[1], true, OTA_SLOT_PENDING_VERIFY);
    assert_true(!p->verify ||
                p->verify(p->ctx, b->bootloader, b->bootloader_length, OTA_KIND_BOOTLOADER, &err) == OTA_OK);
}

void contract_boot_falls_back(const struct contract_boot *b) {
    const struct ota_boot_port *p = reset_to(b, 0);
    b->spoil(b->slot[1]);
    enum ota_status status = p->activate(p->ctx, b->slot[1], &err);
    if (status == OTA_OK || status == OTA_FLASH || status == OTA_ARGUMENT)
        fail_msg("an app that does not verify: %s", ota_status_name(status));
    state_is(p, b->slot[1], false, OTA_SLOT_UNDEFINED);
    p = reset_to(b, 0);
    b->mend(b->slot[1]);
    assert_ota_ok(p->activate(p->ctx, b->slot[1], &err));
    b->spoil(b->slot[1]);
    p = reset_to(b, 0); /* otadata goes on naming the other */
    assert_ota(p->confirm(p->ctx, &err), OTA_ROLLED_BACK);
    b->mend(b->slot[1]);
    assert_ota_ok(p->activate(p->ctx, b->slot[1], &err));
    state_is(p, b->slot[1], true, OTA_SLOT_NEW);
    state_is(p, b->slot[0], true, OTA_SLOT_VALID);
    p = reset_to(b, 1);
    assert_ota_ok(p->confirm(p->ctx, &err));
    (void)reset_to(b, 1);
}

/* ---- key-value ----------------------------------------------------------------------------------------- */

#define BIG 8000u

static void value_is(const struct ota_kv *kv, const char *key, const void *wanted, size_t n) {
    static uint8_t there[BIG + 1];
    size_t got = 12345;
    assert_ota_ok(kv->get(kv->ctx, key, there, sizeof there, &got, &err));
    assert_int_equal(got, n);
    assert_true(n == 0 || memcmp(there, wanted, n) == 0);
}

static void is_absent(const struct ota_kv *kv, const char *key) {
    uint8_t there[16];
    size_t got;
    assert_ota(kv->get(kv->ctx, key, there, sizeof there, &got, &err), OTA_NOT_FOUND);
}

static void too_small(const struct ota_kv *kv) {
    uint8_t there[8] = {0x55, 0x55, 0x55, 0x55};
    size_t got;
    assert_ota_ok(kv->set(kv->ctx, "four", "1234", 4, &err));
    assert_ota(kv->get(kv->ctx, "four", there, 3, &got, &err), OTA_TOO_LARGE);
    assert_int_equal(there[3], 0x55);
    assert_ota(kv->get(kv->ctx, "four", there, 0, &got, &err), OTA_TOO_LARGE);
    assert_ota_ok(kv->get(kv->ctx, "four", there, 4, &got, &err));
    assert_memory_equal(there, "1234", 4);
    assert_int_equal(there[4], 0);
}

void contract_kv(const struct ota_kv *kv, void (*remount)(void)) {
    static uint8_t big[BIG];
    char key[OTA_KV_KEY_MAX + 1];
    fill(big, sizeof big, 1);
    is_absent(kv, "journal");
    assert_ota_ok(kv->erase(kv->ctx, "journal", &err));
    assert_ota_ok(kv->set(kv->ctx, "journal", "one", 3, &err));
    value_is(kv, "journal", "one", 3);
    assert_ota_ok(kv->set(kv->ctx, "journal", "another", 7, &err));
    value_is(kv, "journal", "another", 7);
    assert_ota_ok(kv->set(kv->ctx, "empty", "", 0, &err));
    value_is(kv, "empty", "", 0);
    assert_ota_ok(kv->set(kv->ctx, "big", big, sizeof big, &err));
    value_is(kv, "big", big, sizeof big);
    too_small(kv);
    for (unsigned i = 0; i < 12; i++) { /* keys as long as they may be */
        (void)snprintf(key, sizeof key, "%015u", i);
        assert_ota_ok(kv->set(kv->ctx, key, key, strlen(key), &err));
    }
    remount();
    value_is(kv, "journal", "another", 7);
    value_is(kv, "empty", "", 0);
    value_is(kv, "big", big, sizeof big);
    value_is(kv, "000000000000007", "000000000000007", 15);
    for (unsigned i = 0; i < 40; i++) { /* it does not fill up with what was replaced */
        big[0] = (uint8_t)i;
        assert_ota_ok(kv->set(kv->ctx, "big", big, sizeof big, &err));
    }
    assert_ota_ok(kv->erase(kv->ctx, "journal", &err));
    is_absent(kv, "journal");
    remount();
    is_absent(kv, "journal");
    value_is(kv, "big", big, sizeof big);
}

/* ---- clock --------------------------------------------------------------------------------------------- */

void contract_clock(const struct ota_clock *c, void (*pass_ms)(uint32_t ms)) {
    uint64_t before = c->uptime_ms(c->ctx), now;
    pass_ms(3);
    uint64_t after = c->uptime_ms(c->ctx);
    assert_true(after >= before + 2);
    if (c->now(c->ctx, &now))
        assert_true(now > 1704067200); /* 2024: whoever says so was set */
}

/* ---- crypto -------------------------------------------------------------------------------------------- */

static const uint8_t abc_sha256[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                     0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                     0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
static const uint8_t abc_md5[] = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
                                  0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
/* RFC 6979 A.2.5: P-256, SHA-256, message "sample". */
static const uint8_t rfc_point[64] = {0x60, 0xfe, 0xd4, 0xba, 0x25, 0x5a, 0x9d, 0x31, 0xc9, 0x61, 0xeb, 0x74, 0xc6,
                                      0x35, 0x6d, 0x68, 0xc0, 0x49, 0xb8, 0x92, 0x3b, 0x61, 0xfa, 0x6c, 0xe6, 0x69,
                                      0x62, 0x2e, 0x60, 0xf2, 0x9f, 0xb6, 0x79, 0x03, 0xfe, 0x10, 0x08, 0xb8, 0xbc,
                                      0x99, 0xa4, 0x1a, 0xe9, 0xe9, 0x56, 0x28, 0xbc, 0x64, 0xf2, 0xf1, 0xb2, 0x0c,
                                      0x2d, 0x7e, 0x9f, 0x51, 0x77, 0xa3, 0xc2, 0x94, 0xd4, 0x46, 0x22, 0x99};
static const uint8_t rfc_signature[72] = {
    0x30, 0x46, 0x02, 0x21, 0x00, 0xef, 0xd4, 0x8b, 0x2a, 0xac, 0xb6, 0xa8, 0xfd, 0x11, 0x40, 0xdd, 0x9c, 0xd4,
    0x5e, 0x81, 0xd6, 0x9d, 0x2c, 0x87, 0x7b, 0x56, 0xaa, 0xf9, 0x91, 0xc3, 0x4d, 0x0e, 0xa8, 0x4e, 0xaf, 0x37,
    0x16, 0x02, 0x21, 0x00, 0xf7, 0xcb, 0x1c, 0x94, 0x2d, 0x65, 0x7c, 0x41, 0xd4, 0x36, 0xc7, 0xa1, 0xb6, 0xe2,
    0x9f, 0x65, 0xf3, 0xe9, 0x00, 0xdb, 0xb9, 0xaf, 0xf4, 0x06, 0x4d, 0xc4, 0xab, 0x2f, 0x84, 0x3a, 0xcd, 0xa8};

static void digest_in_pieces(const struct ota_crypto *c, size_t piece) {
    struct ota_sha256 h, dropped;
    uint8_t text[200], whole[OTA_SHA256_LEN], got[OTA_SHA256_LEN];
    fill(text, sizeof text, 7);
    assert_ota_ok(ota_sha256(c, text, sizeof text, whole, &err));
    assert_ota_ok(c->sha256_begin(c->ctx, &h, &err));
    assert_ota_ok(c->sha256_begin(c->ctx, &dropped, &err)); /* two at a time */
    assert_ota_ok(c->sha256_update(c->ctx, &h, text, 0, &err));
    for (size_t pos = 0; pos < sizeof text; pos += piece) {
        size_t n = sizeof text - pos < piece ? sizeof text - pos : piece;
        assert_ota_ok(c->sha256_update(c->ctx, &h, text + pos, n, &err));
        assert_ota_ok(c->sha256_update(c->ctx, &dropped, text, 1, &err));
    }
    c->sha256_abort(c->ctx, &dropped);
    assert_ota_ok(c->sha256_end(c->ctx, &h, got, &err));
    assert_memory_equal(got, whole, sizeof whole);
}

static bool verifies(const struct ota_crypto *c, const uint8_t point[64], const char *message, const uint8_t *sig,
                     size_t n) {
    struct ota_public_key key = {.scheme = OTA_SCHEME_ECDSA_P256};
    bool valid = true;
    memcpy(key.point, point, sizeof key.point);
    assert_ota_ok(c->verify(c->ctx, &key, ota_span_str(message), (struct ota_span){sig, n}, &valid, &err));
    return valid;
}

static void signatures(const struct ota_crypto *c) {
    uint8_t bytes[80], point[64];
    memcpy(point, rfc_point, sizeof point);
    assert_true(verifies(c, rfc_point, "sample", rfc_signature, sizeof rfc_signature));
    assert_false(verifies(c, rfc_point, "sampler", rfc_signature, sizeof rfc_signature));
    assert_false(verifies(c, rfc_point, "", rfc_signature, sizeof rfc_signature));
    for (size_t i = 0; i < sizeof rfc_signature; i++) { /* whatever byte is another one: no error, but not valid */
        memcpy(bytes, rfc_signature, sizeof rfc_signature);
        bytes[i] ^= 1;
        if (verifies(c, rfc_point, "sample", bytes, sizeof rfc_signature))
            fail_msg("valid with byte %zu changed", i);
        if (verifies(c, rfc_point, "sample", rfc_signature, i))
            fail_msg("valid with its first %zu bytes", i);
    }
    memcpy(bytes, rfc_signature, sizeof rfc_signature);
    memset(bytes + sizeof rfc_signature, 0, 8);
    assert_false(verifies(c, rfc_point, "sample", bytes, sizeof bytes)); /* bytes behind it */
    static const uint8_t zeros[] = {0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00};
    assert_false(verifies(c, rfc_point, "sample", zeros, sizeof zeros));
    static const uint8_t negative[] = {0x30, 0x06, 0x02, 0x01, 0xff, 0x02, 0x01, 0xff};
    assert_false(verifies(c, rfc_point, "sample", negative, sizeof negative));
}

void contract_crypto(const struct ota_crypto *c) {
    uint8_t digest[OTA_SHA256_LEN], a[32] = {0}, b[32] = {0};
    assert_ota_ok(ota_sha256(c, "abc", 3, digest, &err));
    assert_memory_equal(digest, abc_sha256, sizeof digest);
    assert_ota_ok(c->md5(c->ctx, "abc", 3, digest, &err));
    assert_memory_equal(digest, abc_md5, sizeof abc_md5);
    for (size_t piece = 1; piece < 70; piece += 17)
        digest_in_pieces(c, piece);
    signatures(c);
    assert_ota_ok(c->random(c->ctx, a, sizeof a, &err));
    assert_ota_ok(c->random(c->ctx, b, sizeof b, &err));
    assert_memory_not_equal(a, b, sizeof a);
}

/* ---- inflate ------------------------------------------------------------------------------------------- */

/* Feeds `z`, `in_piece` bytes at a time, to room of `out_piece`. */
static enum ota_status unpack(const struct ota_inflate *f, struct ota_span z, size_t in_piece, size_t out_piece,
                              struct ota_buf *out, bool *end) {
    uint8_t room[5000];
    size_t pos = 0;
    *end = false;
    assert_true(out_piece <= sizeof room);
    assert_ota_ok(f->begin(f->ctx, &err));
    for (;;) {
        size_t in_len = z.len - pos < in_piece ? z.len - pos : in_piece, out_len = out_piece;
        const size_t offered = in_len;
        enum ota_status status = f->run(f->ctx, z.p + pos, &in_len, room, &out_len, end, &err);
        if (status != OTA_OK)
            return status;
        assert_true(in_len <= offered && out_len <= out_piece);
        pos += in_len;
        ota_buf_append(out, room, out_len);
        if (*end || (in_len == 0 && out_len == 0 && pos == z.len))
            return OTA_OK;
    }
}

static void unpacks(const struct ota_inflate *f, const struct ota_buf *z, const uint8_t *wanted, size_t n, size_t in,
                    size_t room) {
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    bool end;
    assert_ota_ok(unpack(f, ota_buf_span(z), in, room, &out, &end));
    f->end(f->ctx);
    assert_true(end);
    assert_int_equal(out.len, n);
    assert_memory_equal(out.p, wanted, n);
}

static void does_not_unpack(const struct ota_inflate *f, struct ota_span z, enum ota_status wanted) {
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    bool end = false;
    err.msg[0] = '\0';
    enum ota_status status = unpack(f, z, 512, 512, &out, &end);
    f->end(f->ctx);
    if (status != wanted || end)
        fail_msg("%zu bytes: %s %s, end %d", z.len, ota_status_name(status), err.msg, end);
}

void contract_inflate(const struct ota_inflate *f) {
    static uint8_t text[40000];
    fill(text, sizeof text, 3);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] &= i % 8192 < 4096 ? 0x0f : 0x7f;
    struct ota_span bytes = {text, sizeof text};
    OTA_CLEAN(ota_buf_free) struct ota_buf z = fake_server_deflate(bytes, 12), wide = fake_server_deflate(bytes, 15);
    unpacks(f, &z, text, sizeof text, 512, 4096);
    unpacks(f, &z, text, sizeof text, 1, 4096);
    unpacks(f, &z, text, sizeof text, 4096, 1);
    unpacks(f, &z, text, sizeof text, 333, 5000);
    does_not_unpack(f, (struct ota_span){z.p, z.len - 1}, OTA_OK); /* wants more */
    does_not_unpack(f, (struct ota_span){z.p, z.len / 2}, OTA_OK);
    does_not_unpack(f, ota_buf_span(&wide), OTA_HASH);
    z.p[z.len - 1] ^= 1; /* Adler-32 */
    does_not_unpack(f, ota_buf_span(&z), OTA_HASH);
    z.p[z.len - 1] ^= 1;
    z.p[0] ^= 0x40;
    does_not_unpack(f, ota_buf_span(&z), OTA_HASH);
    z.p[0] ^= 0x40;
    unpacks(f, &z, text, sizeof text, 4096, 4096); /* as good as new */
}
