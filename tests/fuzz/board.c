/* SPDX-License-Identifier: Apache-2.0 */
/* The board of board.h. */
#include "board.h"

#define JAN_2 1767312000u /* 2026-01-02T00:00:00Z */

#define KEYID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ROLE "{\"keyids\":[\"" KEYID "\"],\"threshold\":1}"

static const char built_in_root[] =
    "{\"signatures\":[{\"keyid\":\"" KEYID "\",\"sig\":\"00\"}],\"signed\":{\"_type\":\"root\","
    "\"consistent_snapshot\":true,\"expires\":\"2036-01-01T00:00:00Z\",\"keys\":{\"" KEYID "\":{\"keytype\":\"ecdsa\","
    "\"keyval\":{\"public\":\"-----BEGIN PUBLIC "
    "KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEcddluWTKPpgyN4VoE6jkxvmegyEi\\n"
    "8jH/ZQ/C1ye3KZVjSFNoJ77reWxupz5adfVm3RbKRiKDpcjVbbD7SkXZeA==\\n-----END PUBLIC KEY-----\\n\"},"
    "\"scheme\":\"ecdsa-sha2-nistp256\"}},\"roles\":{\"root\":" ROLE ",\"snapshot\":" ROLE ",\"targets\":" ROLE
    ",\"timestamp\":" ROLE "},\"spec_version\":\"1.0.31\",\"version\":1}}";

static bool now(void *ctx, uint64_t *unix_seconds) {
    (void)ctx;
    *unix_seconds = JAN_2;
    return true;
}
static uint64_t uptime(void *ctx) {
    (void)ctx;
    return 0;
}

const struct ota_clock fuzz_board_clock = {.now = now, .uptime_ms = uptime};

struct ota_span fuzz_board_root(void) {
    return ota_span_str(built_in_root);
}

enum ota_status fuzz_board_boot(struct ota_trust *t, const struct ota_kv *kv, const struct ota_transport *transport,
                                struct ota_err *err) {
    static uint8_t buf[OTA_METADATA_MAX];
    const struct ota_trust_config cfg = {.crypto = &fuzz_crypto,
                                         .kv = kv,
                                         .transport = transport,
                                         .clock = &fuzz_board_clock,
                                         .root = fuzz_board_root(),
                                         .product = "thermo",
                                         .buf = buf,
                                         .cap = sizeof buf};
    return ota_trust_init(t, &cfg, err);
}
