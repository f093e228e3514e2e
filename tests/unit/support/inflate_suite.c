/* SPDX-License-Identifier: Apache-2.0 */
#include "inflate_suite.h"

#include <zlib.h>

#include "host/inflate_zlib.h" /* OTA_Z_WINDOW_BITS */
#include "unit.h"

#define PLAIN_LEN 20000u
#define PACKED_MAX (PLAIN_LEN + 1024u)

const struct ota_inflate *inflate_tested;
static uint8_t plain[PLAIN_LEN];

/* Repeats from 3000 bytes back, which a window of 4 KiB reaches, and from 9000, which it does not. */
int inflate_make_plain(void **state) {
    uint32_t x = 1;
    (void)state;
    for (size_t i = 0; i < PLAIN_LEN; i++) {
        x = x * 1664525u + 1013904223u;
        plain[i] = i >= 9000 && i % 900 > 450  ? plain[i - 9000]
                   : i >= 3000 && i % 700 > 90 ? plain[i - 3000]
                                               : (uint8_t)(x >> 24);
    }
    return 0;
}

static size_t pack(int window_bits, uint8_t out[PACKED_MAX]) {
    z_stream z = {.next_in = plain, .avail_in = PLAIN_LEN, .next_out = out, .avail_out = PACKED_MAX};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&z), Z_OK);
    return PACKED_MAX - z.avail_out;
}

struct result {
    uint8_t out[PLAIN_LEN + 1];
    size_t taken, given;
    bool ended;
};

/* Feeds pieces of at most `piece` bytes with room for as many, until it ends, fails or wants more than there is. */
static enum ota_status unpack(const uint8_t *in, size_t len, size_t piece, struct result *r, struct ota_err *err) {
    const struct ota_inflate *port = inflate_tested;
    *r = (struct result){.taken = 0};
    enum ota_status st = port->begin(port->ctx, err);
    while (st == OTA_OK && !r->ended) {
        size_t n = len - r->taken < piece ? len - r->taken : piece;
        size_t room = sizeof r->out - r->given < piece ? sizeof r->out - r->given : piece;
        st = port->run(port->ctx, in + r->taken, &n, r->out + r->given, &room, &r->ended, err);
        r->taken += n;
        r->given += room;
        if (n == 0 && room == 0 && !r->ended)
            break;
    }
    port->end(port->ctx);
    return st;
}

void inflate_gives_what_was_packed_however_torn(void **state) {
    static const size_t pieces[] = {1, 2, 3, 7, 255, 4096, 65536};
    uint8_t packed[PACKED_MAX];
    struct result r;
    struct ota_err err;
    (void)state;
    for (int bits = 9; bits <= OTA_Z_WINDOW_BITS; bits++) {
        const size_t len = pack(bits, packed);
        for (size_t i = 0; i < OTA_ARRAY_LEN(pieces); i++) {
            assert_ota_ok(unpack(packed, len, pieces[i], &r, &err));
            if (!r.ended || r.taken != len || r.given != PLAIN_LEN || memcmp(r.out, plain, PLAIN_LEN) != 0)
                fail_msg("window %d, pieces of %zu: %zu of %zu bytes gave %zu", bits, pieces[i], r.taken, len, r.given);
        }
    }
}

void inflate_refuses_a_larger_window(void **state) {
    uint8_t packed[PACKED_MAX];
    struct result r;
    struct ota_err err;
    (void)state;
    for (int bits = OTA_Z_WINDOW_BITS + 1; bits <= 15; bits++) {
        const size_t len = pack(bits, packed);
        assert_ota(unpack(packed, len, 4096, &r, &err), OTA_HASH);
        assert_int_equal(r.given, 0);
    }
}

void inflate_refuses_a_wrong_adler(void **state) {
    uint8_t packed[PACKED_MAX];
    struct result r;
    struct ota_err err;
    (void)state;
    const size_t len = pack(OTA_Z_WINDOW_BITS, packed);
    for (size_t i = 1; i <= 4; i++) {
        packed[len - i] ^= 1;
        assert_ota(unpack(packed, len, 4096, &r, &err), OTA_HASH);
        assert_false(r.ended);
        packed[len - i] ^= 1;
    }
}

void inflate_refuses_other_forms(void **state) {
    uint8_t packed[PACKED_MAX];
    struct result r;
    struct ota_err err;
    (void)state;
    static const int others[] = {-OTA_Z_WINDOW_BITS, 16 + OTA_Z_WINDOW_BITS}; /* no header, that of gzip */
    for (size_t i = 0; i < OTA_ARRAY_LEN(others); i++) {
        const size_t len = pack(others[i], packed);
        assert_ota(unpack(packed, len, 4096, &r, &err), OTA_HASH);
    }
    static const uint8_t dictionary[] = {0x48, 0x2C, 1, 2, 3, 4, 5}; /* FDICT is set, FCHECK right */
    assert_int_equal((dictionary[0] * 256 + dictionary[1]) % 31, 0);
    assert_ota(unpack(dictionary, sizeof dictionary, 4096, &r, &err), OTA_HASH);
}

void inflate_leaves_what_follows(void **state) {
    uint8_t packed[PACKED_MAX];
    struct result r;
    struct ota_err err;
    (void)state;
    const size_t len = pack(OTA_Z_WINDOW_BITS, packed);
    memset(packed + len, 0x78, 16);
    assert_ota_ok(unpack(packed, len + 16, 65536, &r, &err));
    assert_true(r.ended);
    assert_int_equal(r.taken, len);
    assert_int_equal(r.given, PLAIN_LEN);
}

void inflate_cut_anywhere_wants_more(void **state) {
    uint8_t packed[PACKED_MAX];
    struct result r;
    struct ota_err err;
    (void)state;
    const size_t len = pack(OTA_Z_WINDOW_BITS, packed);
    for (size_t cut = 0; cut < len; cut += cut + 64 < len ? 61 : 1) {
        assert_ota_ok(unpack(packed, cut, 65536, &r, &err));
        if (r.ended || r.taken != cut || r.given > PLAIN_LEN)
            fail_msg("cut at %zu of %zu: took %zu, gave %zu, ended %d", cut, len, r.taken, r.given, r.ended);
    }
}

void inflate_begins_again(void **state) {
    uint8_t packed[PACKED_MAX], out[64];
    struct ota_err err;
    bool ended;
    (void)state;
    (void)pack(OTA_Z_WINDOW_BITS, packed);
    const struct ota_inflate *port = inflate_tested;
    for (unsigned i = 0; i < 3; i++) { /* the second and third time in the middle of a stream */
        size_t n = 200, room = sizeof out;
        assert_ota_ok(port->begin(port->ctx, &err));
        assert_ota_ok(port->run(port->ctx, packed, &n, out, &room, &ended, &err));
        assert_int_equal(room, sizeof out);
        assert_memory_equal(out, plain, sizeof out);
    }
    port->end(port->ctx);
    port->end(port->ctx);
}
