/* SPDX-License-Identifier: Apache-2.0 */
/* A public key as PEM and as a key object, by the chip's reader and by the host's. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/crypto.h"

/* Whatever was decoded can be asked to verify, and says no to nonsense. */
static void use(const struct ota_public_key *key) {
    static const uint8_t sig[] = {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01};
    struct ota_err err;
    bool valid = false;
    if (ota_crypto_openssl.verify(ota_crypto_openssl.ctx, key, ota_span_str("x"), (struct ota_span){sig, sizeof sig},
                                  &valid, &err) == OTA_OK)
        fuzz_promise(!valid);
}

static void read_pem(struct ota_span pem) {
    struct ota_public_key key;
    struct ota_err err;
    if (ota_public_key_from_pem(pem, &key, &err) != OTA_OK)
        return;
    fuzz_promise(key.scheme == OTA_SCHEME_ECDSA_P256);
    use(&key);
}

static void read_object(uint8_t *bytes, size_t len) {
    struct ota_public_key key, chip_key;
    struct ota_value v;
    struct ota_err err;
    struct ota_crypto chip = ota_crypto_openssl;
    chip.decode_key = NULL;
    if (ota_scan_canonicalize(bytes, &len, &err) != OTA_OK ||
        ota_scan_value((struct ota_span){bytes, len}, &v, &err) != OTA_OK)
        return;
    bool host = ota_metadata_key(&v, &ota_crypto_openssl, &key, &err) == OTA_OK;
    bool small = ota_metadata_key(&v, &chip, &chip_key, &err) == OTA_OK;
    fuzz_promise(host || !small);
    if (small)
        fuzz_promise(ota_public_key_equal(&key, &chip_key));
    if (host)
        use(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *copy = fuzz_copy(data, size);
    read_pem((struct ota_span){copy, size});
    read_object(copy, size);
    free(copy);
    return 0;
}
