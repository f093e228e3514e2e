/* SPDX-License-Identifier: Apache-2.0 */
/* Secure Boot signatures: the bytes of a block against arithmetic of our own and espsecure's files, and every refusal. */
#include "image/signed_image.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>

#include "image/signature_block.h"
#include "sign/boot_private.h"
#include "support/boot_signer.h"
#include "support/images.h"
#include "support/unit.h"

#define RSA_LEN 384
#define BLOCK OTA_SIGNATURE_BLOCK_LEN

static struct ota_err err;

static void says(const char *part) {
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" is not in \"%s\"", part, err.msg);
}

static struct ota_buf app_for(const char *chip) {
    struct ota_buf out = {0};
    const struct ota_sample s = sample_of(chip);
    sample_app(&s, &out);
    return out;
}

static enum ota_status open_as(struct ota_signed_image *i, const struct ota_buf *file, const char *chip, bool data) {
    return ota_signed_image_open(i, ota_buf_span(file), chip ? ota_chip_by_name(ota_span_str(chip)) : NULL, data, &err);
}

static enum ota_status sign_into(struct ota_signed_image *i, const struct boot_signer *s) {
    const struct ota_boot_key *public = ota_boot_private_public(s->key);
    OTA_CLEAN(ota_buf_free) struct ota_buf signature = {0};
    OTA_TRY(ota_boot_private_sign(s->key, ota_signed_image_digest(i, public->scheme), &signature, &err));
    return ota_signed_image_add(i, public, ota_buf_span(&signature), &err);
}

/* One key per scheme for all tests: RSA's takes seconds to make. */
static struct boot_signer *signer(enum ota_boot_scheme scheme) {
    static struct boot_signer made[OTA_BOOT_ECDSA384 + 1];
    if (!made[scheme].key)
        boot_signer_make(&made[scheme], scheme);
    return &made[scheme];
}

static int free_signers(void **state) {
    static const enum ota_boot_scheme all[] = {OTA_BOOT_RSA3072, OTA_BOOT_ECDSA256, OTA_BOOT_ECDSA384};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(all); i++)
        boot_signer_free(signer(all[i]));
    return 0;
}

static struct ota_buf signed_by(const struct boot_signer *s, const struct ota_buf *body) {
    OTA_CLEAN(ota_signed_image_free) struct ota_signed_image i;
    struct ota_buf out = {0};
    assert_ota_ok(open_as(&i, body, NULL, false));
    assert_ota_ok(sign_into(&i, s));
    ota_signed_image_write(&i, &out);
    return out;
}

static struct ota_buf signed_app(enum ota_boot_scheme scheme) {
    OTA_CLEAN(ota_buf_free) struct ota_buf app = app_for("esp32c5");
    return signed_by(signer(scheme), &app);
}

/* Small, for tests that read it hundreds of times. */
static struct ota_buf signed_data(enum ota_boot_scheme scheme) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    ota_buf_str(&text, "data");
    return signed_by(signer(scheme), &text);
}

static void read_signatures(const struct ota_buf *file, struct ota_signatures *out) {
    const struct ota_span bytes = ota_buf_span(file);
    const struct ota_source src = memory_source(&bytes);
    assert_ota_ok(ota_signatures_read(&src, file->len, out, &err));
}

/* ---- the bytes, by arithmetic of our own ------------------------------------------------------------------ */

static uint32_t crc_bit_by_bit(const uint8_t *p, size_t n) {
    uint32_t c = 0xFFFFFFFF;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ 0xEDB88320 : c >> 1;
    }
    return ~c;
}

/* a >= b, both little-endian. */
static bool at_least(const uint8_t *a, const uint8_t *b, size_t n) {
    for (size_t i = n; i-- > 0;)
        if (a[i] != b[i])
            return a[i] > b[i];
    return true;
}

/* 2^6144 mod n by doubling and subtracting: nothing that OpenSSL has a part in. */
static void two_to_the_6144(const uint8_t n[RSA_LEN], uint8_t out[RSA_LEN]) {
    uint8_t a[RSA_LEN + 1] = {1}, m[RSA_LEN + 1] = {0};
    memcpy(m, n, RSA_LEN);
    for (int step = 0; step < 6144; step++) {
        unsigned carry = 0;
        for (size_t i = 0; i < sizeof a; i++) {
            carry += 2u * a[i];
            a[i] = (uint8_t)carry;
            carry >>= 8;
        }
        if (!at_least(a, m, sizeof a))
            continue;
        int borrow = 0;
        for (size_t i = 0; i < sizeof a; i++) {
            int d = a[i] - m[i] - borrow;
            a[i] = (uint8_t)d;
            borrow = d < 0;
        }
    }
    memcpy(out, a, RSA_LEN);
}

static void reversed(const uint8_t *p, size_t n, uint8_t *out) {
    for (size_t i = 0; i < n; i++)
        out[i] = p[n - 1 - i];
}

static EVP_PKEY *public_of(const struct boot_signer *s) {
    OTA_CLEAN(ota_buf_free) struct ota_buf pem = {0};
    assert_ota_ok(ota_boot_private_write_public(s->key, &pem, &err));
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(key);
    return key;
}

static void number_is(EVP_PKEY *key, const char *name, const uint8_t *little_endian, int n) {
    uint8_t want[RSA_LEN];
    BIGNUM *value = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &value), 1);
    assert_int_equal(BN_bn2lebinpad(value, want, n), n);
    assert_memory_equal(little_endian, want, (size_t)n);
    BN_free(value);
}

static void zeros_between(const uint8_t *b, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        if (b[i] != 0)
            fail_msg("byte %zu of the block is %u", i, b[i]);
}

/* Signs `file`'s body with s alone and gives its block; checks what all blocks have. */
static const uint8_t *only_block(const struct boot_signer *s, struct ota_buf *out, uint8_t version, uint8_t hash) {
    OTA_CLEAN(ota_buf_free) struct ota_buf app = app_for("esp32c5");
    OTA_CLEAN(ota_signed_image_free) struct ota_signed_image i;
    app.len -= 5; /* not a whole sector: and the padding of the sample goes */
    ota_buf_append(&app, "\xff\xff\xff", 3);
    assert_ota_ok(open_as(&i, &app, NULL, true));
    assert_ota_ok(sign_into(&i, s));
    ota_signed_image_write(&i, out);
    assert_int_equal(out->len, (app.len + 4095) / 4096 * 4096 + 4096);
    assert_memory_equal(out->p, app.p, app.len);
    const uint8_t *b = out->p + out->len - 4096;
    for (const uint8_t *p = out->p + app.len; p < b; p++)
        assert_int_equal(*p, 0xFF);
    for (const uint8_t *p = b + 1216; p < b + 4096; p++)
        assert_int_equal(*p, 0xFF);
    assert_int_equal(b[0], 0xE7);
    assert_int_equal(b[1], version);
    assert_int_equal(b[2], hash);
    assert_int_equal(b[3], 0);
    uint8_t digest[64];
    assert_int_equal(EVP_Digest(out->p, out->len - 4096, digest, NULL, hash ? EVP_sha384() : EVP_sha256(), NULL), 1);
    assert_memory_equal(b + 4, digest, hash ? 48 : 32);
    assert_int_equal(ota_le32(b + 1196), crc_bit_by_bit(b, 1196));
    zeros_between(b, 1200, 1216);
    return b;
}

static void test_signed_image_rsa_block_byte_by_byte(void **state) {
    const struct boot_signer s = *signer(OTA_BOOT_RSA3072);
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    uint8_t r[RSA_LEN], sig[RSA_LEN], digest[32];
    (void)state;
    const uint8_t *b = only_block(&s, &file, 2, 0);
    EVP_PKEY *key = public_of(&s);
    number_is(key, OSSL_PKEY_PARAM_RSA_N, b + 36, 384);
    number_is(key, OSSL_PKEY_PARAM_RSA_E, b + 420, 4);
    two_to_the_6144(b + 36, r);
    assert_memory_equal(b + 424, r, sizeof r);
    assert_int_equal(ota_le32(b + 808) * ota_le32(b + 36), UINT32_MAX); /* m' * n = -1 mod 2^32 */
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    reversed(b + 812, RSA_LEN, sig);
    assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, 6 /* PSS */), 1);
    assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32), 1);
    assert_int_equal(EVP_PKEY_verify(ctx, sig, sizeof sig, b + 4, 32), 1);
    assert_int_equal(EVP_Digest(b + 36, 776, digest, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(s.digest, digest, 32);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void ecdsa_block(enum ota_boot_scheme scheme, uint8_t curve, size_t key_at, size_t n) {
    const struct boot_signer s = *signer(scheme);
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    uint8_t digest[32];
    const uint8_t *b = only_block(&s, &file, 3, n == 48), *sig = b + key_at + 1 + 2 * n;
    EVP_PKEY *key = public_of(&s);
    assert_int_equal(b[key_at], curve);
    number_is(key, OSSL_PKEY_PARAM_EC_PUB_X, b + key_at + 1, (int)n);
    number_is(key, OSSL_PKEY_PARAM_EC_PUB_Y, b + key_at + 1 + n, (int)n);
    ECDSA_SIG *rs = ECDSA_SIG_new();
    assert_int_equal(ECDSA_SIG_set0(rs, BN_lebin2bn(sig, (int)n, NULL), BN_lebin2bn(sig + n, (int)n, NULL)), 1);
    unsigned char *der = NULL;
    int len = i2d_ECDSA_SIG(rs, &der);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
    assert_int_equal(EVP_PKEY_verify(ctx, der, (size_t)len, b + 4, n), 1);
    zeros_between(b, key_at + 1 + 4 * n, 1196);
    assert_int_equal(EVP_Digest(b + key_at, 1 + 2 * n, digest, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(s.digest, digest, 32);
    OPENSSL_free(der);
    ECDSA_SIG_free(rs);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void test_signed_image_p256_block_byte_by_byte(void **state) {
    (void)state;
    ecdsa_block(OTA_BOOT_ECDSA256, 2, 36, 32);
}

static void test_signed_image_p384_block_byte_by_byte(void **state) {
    (void)state;
    ecdsa_block(OTA_BOOT_ECDSA384, 3, 52, 48);
}

/* ---- espsecure's files ------------------------------------------------------------------------------------ */

static void public_key(const char *name, struct ota_boot_key *out) {
    OTA_CLEAN(ota_buf_free) struct ota_buf pem = {0};
    assert_true(reference_image(name, &pem));
    assert_ota_ok(ota_boot_key_from_pem(ota_buf_span(&pem), name, out, &err));
}

/* The signature of a block, as tools exchange it. */
static void signature_of(const uint8_t *b, enum ota_boot_scheme scheme, struct ota_buf *out) {
    const struct ota_boot_layout *l = ota_boot_layout(scheme);
    uint8_t big[RSA_LEN];
    if (scheme == OTA_BOOT_RSA3072) {
        reversed(b + l->signature_at, RSA_LEN, big);
        ota_buf_append(out, big, sizeof big);
        return;
    }
    int n = (int)l->number_len;
    ECDSA_SIG *rs = ECDSA_SIG_new();
    unsigned char *der = NULL;
    const uint8_t *sig = b + l->signature_at;
    assert_int_equal(ECDSA_SIG_set0(rs, BN_lebin2bn(sig, n, NULL), BN_lebin2bn(sig + n, n, NULL)), 1);
    int len = i2d_ECDSA_SIG(rs, &der);
    ota_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    ECDSA_SIG_free(rs);
}

/* From the public key and the signature alone comes the same block. */
static void remakes_block(const char *file, unsigned block, const char *key_file) {
    OTA_CLEAN(ota_buf_free) struct ota_buf golden = {0}, signature = {0};
    struct ota_boot_key key;
    struct ota_signature_digests digests;
    uint8_t made[BLOCK];
    assert_true(reference_image(file, &golden));
    public_key(key_file, &key);
    const struct ota_span bytes = ota_buf_span(&golden);
    const struct ota_source src = memory_source(&bytes);
    const uint8_t *b = golden.p + golden.len - OTA_SECTOR + block * BLOCK;
    assert_ota_ok(ota_signature_digest(&src, golden.len - OTA_SECTOR, &digests, &err));
    signature_of(b, key.scheme, &signature);
    assert_ota_ok(ota_signature_block_make(&key, ota_signature_digest_for(&digests, key.scheme),
                                           ota_buf_span(&signature), made, &err));
    assert_memory_equal(made, b, BLOCK);
}

static void test_signed_image_equals_espsecure_block_by_block(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf there = {0};
    (void)state;
    if (!reference_image("bootloader_signed_v2_rsa.bin", &there))
        skip();
    remakes_block("bootloader_signed_v2_rsa.bin", 0, "rsa_secure_boot_signing_pubkey.pem");
    remakes_block("bootloader_multi_signed_v2_rsa.bin", 0, "rsa_secure_boot_signing_pubkey.pem");
    remakes_block("bootloader_multi_signed_v2_rsa.bin", 1, "rsa_secure_boot_signing_pubkey2.pem");
    remakes_block("bootloader_signed_v2_ecdsa256.bin", 0, "ecdsa256_secure_boot_signing_pubkey.pem");
}

static void test_signed_image_equals_espsecure_as_a_file(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf golden = {0}, plain = {0}, signature = {0}, made = {0};
    OTA_CLEAN(ota_signed_image_free) struct ota_signed_image i = {0};
    struct ota_boot_key key;
    (void)state;
    if (!reference_image("bootloader_signed_v2_rsa.bin", &golden) ||
        !reference_image("bootloader_unsigned_v2.bin", &plain))
        skip();
    public_key("rsa_secure_boot_signing_pubkey.pem", &key);
    signature_of(golden.p + golden.len - OTA_SECTOR, key.scheme, &signature);
    assert_ota_ok(open_as(&i, &plain, NULL, false));
    assert_int_equal(i.kind, OTA_IMAGE_BOOTLOADER);
    assert_ota_ok(ota_signed_image_add(&i, &key, ota_buf_span(&signature), &err));
    ota_signed_image_write(&i, &made);
    assert_int_equal(made.len, golden.len);
    assert_memory_equal(made.p, golden.p, golden.len);
}

static void test_signed_image_verifies_what_espsecure_signed(void **state) {
    static const struct {
        const char *file;
        size_t blocks;
        enum ota_boot_scheme scheme;
    } golden[] = {{"bootloader_signed_v2_rsa.bin", 1, OTA_BOOT_RSA3072},
                  {"bootloader_multi_signed_v2_rsa.bin", 3, OTA_BOOT_RSA3072},
                  {"bootloader_signed_v2_ecdsa256.bin", 1, OTA_BOOT_ECDSA256}};
    (void)state;
    for (size_t g = 0; g < OTA_ARRAY_LEN(golden); g++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
        struct ota_signatures found;
        if (!reference_image(golden[g].file, &file))
            skip();
        read_signatures(&file, &found);
        assert_int_equal(found.count, golden[g].blocks);
        for (size_t b = 0; b < found.count; b++) {
            assert_int_equal(found.block[b].scheme, golden[g].scheme);
            assert_true(found.block[b].valid);
        }
        file.p[100] ^= 1;
        read_signatures(&file, &found);
        assert_false(found.block[0].valid);
    }
}

static void test_signed_image_digests_are_espsecures(void **state) {
    static const char p256[] = "f35cc5dbdde67f94a7bbcb5723371ba91822193582308f84cb95b4531219056d";
    OTA_CLEAN(ota_buf_free) struct ota_buf digest = {0};
    struct ota_boot_key key;
    char hex[OTA_SHA256_HEX_LEN + 1];
    (void)state;
    if (!reference_image("rsa_public_key_digest.bin", &digest))
        skip();
    public_key("rsa_secure_boot_signing_pubkey.pem", &key);
    assert_int_equal(digest.len, 32);
    assert_memory_equal(key.digest.byte, digest.p, 32);
    public_key("ecdsa256_secure_boot_signing_pubkey.pem", &key);
    ota_hex_encode(key.digest.byte, 32, hex);
    assert_string_equal(hex, p256);
}

/* ---- mutated blocks --------------------------------------------------------------------------------------- */

/* Every field in every block: a bit flipped, the CRC put right. Only what no chip looks at may change unnoticed. */
static void every_bit_counts(enum ota_boot_scheme scheme, size_t used) {
    OTA_CLEAN(ota_buf_free) struct ota_buf file = signed_data(scheme);
    const struct ota_boot_layout *l = ota_boot_layout(scheme);
    uint8_t *b = file.p + file.len - OTA_SECTOR;
    struct ota_signatures found;
    for (size_t at = 0; at < OTA_SIGNATURE_CRC_AT; at += at < l->key_at + 1 ? 1 : 13) {
        bool ignored = at == 3 || at >= used || (scheme == OTA_BOOT_RSA3072 && at == 2);
        b[at] ^= 0x40;
        read_signatures(&file, &found);
        if (found.count && found.block[0].crc_ok)
            fail_msg("byte %zu: its CRC still holds", at);
        boot_sign_reseal(&file, 0);
        read_signatures(&file, &found);
        bool valid = found.count == 1 && found.block[0].valid;
        if (valid != ignored)
            fail_msg("byte %zu of a %s block: valid is %d", at, l->name, valid);
        if (at >= 4 && at < 4 + l->digest_len)
            assert_false(found.block[0].digest_ok);
        b[at] ^= 0x40;
        boot_sign_reseal(&file, 0);
    }
    read_signatures(&file, &found);
    assert_true(found.block[0].valid);
}

static void test_signed_image_every_bit_of_an_rsa_block_counts(void **state) {
    (void)state;
    every_bit_counts(OTA_BOOT_RSA3072, 1196);
}

static void test_signed_image_every_bit_of_a_p256_block_counts(void **state) {
    (void)state;
    every_bit_counts(OTA_BOOT_ECDSA256, 165);
}

static void test_signed_image_every_bit_of_a_p384_block_counts(void **state) {
    (void)state;
    every_bit_counts(OTA_BOOT_ECDSA384, 245);
}

/* Numbers at their limits: r, s, X, Y, n, e of 0, of all ones; curves and hashes that there are not. */
static void test_signed_image_fields_out_of_range(void **state) {
    static const struct {
        enum ota_boot_scheme scheme;
        size_t at, len;
        uint8_t fill;
        bool known; /* the scheme can still be told */
    } cases[] = {
        {OTA_BOOT_RSA3072, 36, 384, 0x00, true},  {OTA_BOOT_RSA3072, 36, 384, 0xFF, true},
        {OTA_BOOT_RSA3072, 36, 1, 0x02, true},    {OTA_BOOT_RSA3072, 420, 4, 0x00, true},
        {OTA_BOOT_RSA3072, 420, 4, 0xFF, true},   {OTA_BOOT_RSA3072, 424, 384, 0x00, true},
        {OTA_BOOT_RSA3072, 808, 4, 0x00, true},   {OTA_BOOT_RSA3072, 812, 384, 0x00, true},
        {OTA_BOOT_RSA3072, 812, 384, 0xFF, true}, {OTA_BOOT_RSA3072, 1, 1, 1, false},
        {OTA_BOOT_RSA3072, 1, 1, 4, false},       {OTA_BOOT_RSA3072, 1, 1, 3, false},
        {OTA_BOOT_ECDSA256, 2, 1, 1, false},      {OTA_BOOT_ECDSA256, 2, 1, 2, false},
        {OTA_BOOT_ECDSA256, 36, 1, 0, false},     {OTA_BOOT_ECDSA256, 36, 1, 1, true},
        {OTA_BOOT_ECDSA256, 36, 1, 3, false},     {OTA_BOOT_ECDSA256, 37, 64, 0x00, true},
        {OTA_BOOT_ECDSA256, 37, 64, 0xFF, true},  {OTA_BOOT_ECDSA256, 101, 32, 0x00, true},
        {OTA_BOOT_ECDSA256, 133, 32, 0x00, true}, {OTA_BOOT_ECDSA256, 101, 64, 0xFF, true},
        {OTA_BOOT_ECDSA384, 2, 1, 0, false},      {OTA_BOOT_ECDSA384, 52, 1, 2, false},
        {OTA_BOOT_ECDSA384, 53, 96, 0x00, true},  {OTA_BOOT_ECDSA384, 53, 96, 0xFF, true},
        {OTA_BOOT_ECDSA384, 149, 48, 0x00, true}, {OTA_BOOT_ECDSA384, 149, 96, 0xFF, true},
    };
    (void)state;
    for (size_t c = 0; c < OTA_ARRAY_LEN(cases); c++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf file = signed_data(cases[c].scheme);
        struct ota_signatures found;
        memset(file.p + file.len - OTA_SECTOR + cases[c].at, cases[c].fill, cases[c].len);
        boot_sign_reseal(&file, 0);
        read_signatures(&file, &found);
        if (found.count && found.block[0].valid)
            fail_msg("case %zu is valid", c);
        if (found.count && (found.block[0].scheme != OTA_BOOT_UNKNOWN) != cases[c].known)
            fail_msg("case %zu: scheme %s", c, ota_boot_layout(found.block[0].scheme)->name);
        if (found.count == 0 && cases[c].at != 1)
            fail_msg("case %zu: no block was found", c);
    }
}

static void test_signed_image_cut_at_every_boundary(void **state) {
    static const size_t ends[] = {0,    1,    2,    23,   24,   4,    4095, 4096, 4097, 8191,
                                  8192, 8193, 1023, 1024, 1215, 1216, 1217, 2432, 3648};
    OTA_CLEAN(ota_buf_free) struct ota_buf file = signed_app(OTA_BOOT_ECDSA256);
    (void)state;
    for (size_t i = 0; i < 2 * OTA_ARRAY_LEN(ends); i++) {
        size_t end = i % 2 ? file.len - ends[i / 2] : ends[i / 2];
        if (end == file.len || end == file.len - 4096)
            continue; /* the whole file, and the one without its signature */
        struct ota_buf cut = {.p = file.p, .len = end, .cap = file.cap};
        OTA_CLEAN(ota_signed_image_free) struct ota_signed_image image = {0};
        struct ota_signatures found;
        read_signatures(&cut, &found);
        if (found.count)
            fail_msg("cut at %zu: a signature was found", end);
        if (open_as(&image, &cut, NULL, false) == OTA_OK)
            fail_msg("cut at %zu: taken for a whole image", end);
    }
}

/* ---- what may be signed ----------------------------------------------------------------------------------- */

static void refuses(const struct ota_buf *file, const char *chip, enum ota_status code, const char *why) {
    OTA_CLEAN(ota_signed_image_free) struct ota_signed_image i = {0};
    assert_ota(open_as(&i, file, chip, false), code);
    says(why);
}

static void test_signed_image_refuses_what_no_chip_boots(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf app = app_for("esp32c3"), table = {0}, empty = {0};
    (void)state;
    refuses(&empty, NULL, OTA_TRUNCATED, "empty");
    ota_buf_append(&table, "\xAA\x50\x01\x02", 4);
    refuses(&table, NULL, OTA_UNSUPPORTED, "partition table");
    refuses(&app, "esp32s3", OTA_CHIP, "is for esp32c3, not for esp32s3");
    app.p[app.len / 2] ^= 1;
    refuses(&app, NULL, OTA_IMAGE_CHECKSUM, "checksum");
    app.p[app.len / 2] ^= 1;
    app.p[12] = 0x77;
    refuses(&app, NULL, OTA_CHIP, "0x0077");
    app.p[12] = 0x05;
    OTA_CLEAN(ota_buf_free) struct ota_buf longer = {0};
    uint8_t more[OTA_SECTOR] = {0};
    ota_buf_append(&longer, app.p, app.len);
    ota_buf_append(&longer, more, sizeof more);
    refuses(&longer, NULL, OTA_IMAGE_KIND, "behind its image");
}

static void test_signed_image_refuses_a_bootloader_over_the_limit(void **state) {
    struct ota_sample s = sample_of("esp32");
    OTA_CLEAN(ota_buf_free) struct ota_buf boot = {0}, big = {0};
    OTA_CLEAN(ota_signed_image_free) struct ota_signed_image i = {0};
    uint8_t more[40 * 1024] = {0};
    (void)state;
    sample_bootloader(&s, &boot);
    assert_ota_ok(open_as(&i, &boot, NULL, false));
    /* One segment more of 40 KiB: over the 48 KiB of Secure Boot v2. */
    ota_buf_append(&big, boot.p, OTA_IMAGE_HEADER_LEN);
    big.p[1]++;
    ota_put_le32(more, 0x3FFF0000);
    ota_put_le32(more + 4, sizeof more - 8);
    size_t first = 8 + ota_le32(boot.p + OTA_IMAGE_HEADER_LEN + 4);
    ota_buf_append(&big, boot.p + OTA_IMAGE_HEADER_LEN, first);
    ota_buf_append(&big, more, sizeof more);
    ota_buf_append(&big, boot.p + OTA_IMAGE_HEADER_LEN + first, boot.len - OTA_IMAGE_HEADER_LEN - first);
    reseal_image(&big);
    refuses(&big, NULL, OTA_SLOT_SIZE, "under Secure Boot the esp32 takes 49152");
}

static void test_signed_image_refuses_signatures_that_do_not_hold(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf file = signed_app(OTA_BOOT_ECDSA256), v1 = app_for("esp32");
    uint8_t appended[OTA_SIGNATURE_V1_LEN] = {0, 0, 0, 0, 1};
    (void)state;
    file.p[file.len - 4096 - 1] ^= 1;
    refuses(&file, NULL, OTA_SIGNATURE, "block 0 does not hold");
    ota_buf_append(&v1, appended, sizeof appended);
    refuses(&v1, NULL, OTA_UNSUPPORTED, "V1");
}

static void test_signed_image_keeps_to_what_the_chip_knows(void **state) {
    static const struct {
        const char *chip;
        enum ota_boot_scheme scheme;
        bool known;
    } rows[] = {
        {"esp32", OTA_BOOT_RSA3072, true},     {"esp32", OTA_BOOT_ECDSA256, false},
        {"esp32s2", OTA_BOOT_RSA3072, true},   {"esp32s3", OTA_BOOT_ECDSA256, false},
        {"esp32c2", OTA_BOOT_RSA3072, false},  {"esp32c2", OTA_BOOT_ECDSA256, true},
        {"esp32c2", OTA_BOOT_ECDSA384, false}, {"esp32c3", OTA_BOOT_RSA3072, true},
        {"esp32c3", OTA_BOOT_ECDSA256, false}, {"esp32c5", OTA_BOOT_RSA3072, true},
        {"esp32c5", OTA_BOOT_ECDSA384, true},  {"esp32c6", OTA_BOOT_ECDSA256, true},
        {"esp32c6", OTA_BOOT_ECDSA384, false}, {"esp32c61", OTA_BOOT_RSA3072, false},
        {"esp32h2", OTA_BOOT_ECDSA256, true},  {"esp32p4", OTA_BOOT_ECDSA384, true},
    };
    (void)state;
    for (size_t r = 0; r < OTA_ARRAY_LEN(rows); r++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf app = app_for(rows[r].chip);
        OTA_CLEAN(ota_signed_image_free) struct ota_signed_image i = {0};
        struct ota_boot_key key = {.scheme = rows[r].scheme};
        assert_ota_ok(open_as(&i, &app, NULL, false));
        enum ota_status st = ota_signed_image_takes(&i, &key, &err);
        if ((st == OTA_OK) != rows[r].known)
            fail_msg("%s, %s: %s", rows[r].chip, ota_boot_layout(rows[r].scheme)->name, st ? err.msg : "taken");
        if (!rows[r].known)
            assert_int_equal(st, OTA_UNSUPPORTED);
    }
    struct ota_boot_key p192 = {.scheme = OTA_BOOT_ECDSA192};
    OTA_CLEAN(ota_buf_free) struct ota_buf app = app_for("esp32c2");
    OTA_CLEAN(ota_signed_image_free) struct ota_signed_image i = {0};
    assert_ota_ok(open_as(&i, &app, NULL, false));
    assert_ota(ota_signed_image_takes(&i, &p192, &err), OTA_UNSUPPORTED);
}

/* Blocks up to the chip's number, one scheme, each by a key of its own; kept byte for byte when one is appended. */
static void fills_the_sector(const char *chip, enum ota_boot_scheme scheme, unsigned room) {
    OTA_CLEAN(ota_buf_free) struct ota_buf file = app_for(chip);
    struct boot_signer s;
    for (unsigned n = 0; n <= room; n++) {
        OTA_CLEAN(ota_signed_image_free) struct ota_signed_image i = {0};
        OTA_CLEAN(ota_buf_free) struct ota_buf before = {0};
        boot_signer_make(&s, scheme);
        ota_buf_append(&before, file.p, file.len);
        assert_ota_ok(open_as(&i, &before, NULL, false));
        assert_int_equal(i.found, n);
        assert_ota(sign_into(&i, &s), n == room ? OTA_TOO_LARGE : OTA_OK);
        boot_signer_free(&s);
        if (n == room)
            return;
        file.len = 0;
        ota_signed_image_write(&i, &file);
        struct ota_signatures found;
        read_signatures(&file, &found);
        assert_int_equal(found.count, n + 1);
        for (unsigned b = 0; b <= n; b++)
            assert_true(found.block[b].valid);
        if (n)
            assert_memory_equal(file.p, before.p, before.len - OTA_SECTOR + n * BLOCK);
    }
}

static void test_signed_image_holds_as_many_blocks_as_the_chip_reads(void **state) {
    (void)state;
    fills_the_sector("esp32", OTA_BOOT_RSA3072, 1);
    fills_the_sector("esp32c2", OTA_BOOT_ECDSA256, 1);
    fills_the_sector("esp32c6", OTA_BOOT_ECDSA256, 3);
    fills_the_sector("esp32p4", OTA_BOOT_ECDSA384, 3);
}

static void test_signed_image_mixes_no_schemes(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf file = signed_app(OTA_BOOT_ECDSA256);
    OTA_CLEAN(ota_signed_image_free) struct ota_signed_image i = {0};
    (void)state;
    assert_ota_ok(open_as(&i, &file, NULL, false));
    assert_ota(sign_into(&i, signer(OTA_BOOT_ECDSA384)), OTA_SIGNATURE);
    says("built for one scheme");
}

static void test_signed_image_takes_no_foreign_signature(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf app = app_for("esp32c5"), sig = {0};
    OTA_CLEAN(ota_signed_image_free) struct ota_signed_image i = {0};
    const struct boot_signer rsa = *signer(OTA_BOOT_RSA3072), p256 = *signer(OTA_BOOT_ECDSA256);
    uint8_t other[32] = {1};
    (void)state;
    assert_ota_ok(open_as(&i, &app, NULL, false));
    assert_ota_ok(ota_boot_private_sign(p256.key, (struct ota_span){other, sizeof other}, &sig, &err));
    assert_ota(ota_signed_image_add(&i, ota_boot_private_public(p256.key), ota_buf_span(&sig), &err), OTA_SIGNATURE);
    says("not of this file");
    assert_ota(ota_signed_image_add(&i, ota_boot_private_public(rsa.key), ota_buf_span(&sig), &err), OTA_SIGNATURE);
    says("384 bytes");
    sig.len--;
    assert_ota(ota_signed_image_add(&i, ota_boot_private_public(p256.key), ota_buf_span(&sig), &err), OTA_SIGNATURE);
    says("DER");
    assert_int_equal(i.signatures.count, 0);
}

/* An app that fills its last MMU page is not remarked on. */
static void test_signed_image_sees_secure_padding(void **state) {
    struct ota_sample s = sample_of("esp32c3");
    OTA_CLEAN(ota_buf_free) struct ota_buf app = {0};
    OTA_CLEAN(ota_signed_image_free) struct ota_signed_image i = {0}, padded = {0};
    (void)state;
    s.app_size = 0x20000;
    sample_app(&s, &app);
    assert_ota_ok(open_as(&padded, &app, NULL, false));
    assert_false(padded.loose);
    app.len = 0;
    s.app_size = 0x21000;
    sample_app(&s, &app);
    assert_ota_ok(open_as(&i, &app, NULL, false));
    assert_true(i.loose);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed_image_rsa_block_byte_by_byte),
        cmocka_unit_test(test_signed_image_p256_block_byte_by_byte),
        cmocka_unit_test(test_signed_image_p384_block_byte_by_byte),
        cmocka_unit_test(test_signed_image_equals_espsecure_block_by_block),
        cmocka_unit_test(test_signed_image_equals_espsecure_as_a_file),
        cmocka_unit_test(test_signed_image_verifies_what_espsecure_signed),
        cmocka_unit_test(test_signed_image_digests_are_espsecures),
        cmocka_unit_test(test_signed_image_every_bit_of_an_rsa_block_counts),
        cmocka_unit_test(test_signed_image_every_bit_of_a_p256_block_counts),
        cmocka_unit_test(test_signed_image_every_bit_of_a_p384_block_counts),
        cmocka_unit_test(test_signed_image_fields_out_of_range),
        cmocka_unit_test(test_signed_image_cut_at_every_boundary),
        cmocka_unit_test(test_signed_image_refuses_what_no_chip_boots),
        cmocka_unit_test(test_signed_image_refuses_a_bootloader_over_the_limit),
        cmocka_unit_test(test_signed_image_refuses_signatures_that_do_not_hold),
        cmocka_unit_test(test_signed_image_keeps_to_what_the_chip_knows),
        cmocka_unit_test(test_signed_image_holds_as_many_blocks_as_the_chip_reads),
        cmocka_unit_test(test_signed_image_mixes_no_schemes),
        cmocka_unit_test(test_signed_image_takes_no_foreign_signature),
        cmocka_unit_test(test_signed_image_sees_secure_padding),
    };
    return cmocka_run_group_tests(tests, NULL, free_signers);
}
