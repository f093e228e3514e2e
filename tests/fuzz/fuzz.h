/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz harnesses share. A harness is one LLVMFuzzerTestOneInput() that hands its input to one reader and aborts
 * when a promise of that reader is broken. `make fuzz` links each with libFuzzer; `make check` links each with
 * replay.c and feeds it tests/fuzz/corpus/<name>/.
 */
#ifndef OTA_TESTS_FUZZ_H
#define OTA_TESTS_FUZZ_H

#include "ota/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Names what was broken and aborts. */
#define fuzz_promise(expr) fuzz_promise_at((expr), #expr, __FILE__, __LINE__)
void fuzz_promise_at(bool kept, const char *what, const char *file, int line);

/* In memory of exactly that size, so that a byte read beyond it is seen. Freed by the caller. */
uint8_t *fuzz_copy(const void *data, size_t size);

/* OpenSSL's port, but every signature is good unless its first byte is FF: random bytes get past verification. */
extern const struct ota_crypto fuzz_crypto;

/* A metadata file that parsed. */
struct fuzz_role {
    uint8_t *bytes;
    struct ota_metadata meta;
};
/* False when it is refused. Promises of the parser are checked; threshold and signatures are gone through. The caller
 * frees a role in either case. */
bool fuzz_role_open(struct fuzz_role *r, const uint8_t *data, size_t size, const char *type);
void fuzz_role_free(struct fuzz_role *r);
/* Goes through every entry of `targets` and finds each again by its path. */
void fuzz_role_targets(const struct ota_metadata *m);

#endif
