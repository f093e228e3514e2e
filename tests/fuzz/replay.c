/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds the files given to a harness, without a fuzzer: fuzz_x FILE... A finding ends the program with a trace. */
#include <stdio.h>

#include "fuzz.h"
#include "host/fs.h"

#define INPUT_MAX (1024u * 1024u)

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf input = {0};
        struct ota_err err;
        if (ota_fs_read(argv[i], INPUT_MAX, &input, &err) != OTA_OK) {
            fprintf(stderr, "%s\n", err.msg);
            return 1;
        }
        printf("# %s\n", argv[i]);
        fflush(stdout);
        LLVMFuzzerTestOneInput(input.p, input.len);
    }
    return argc < 2;
}
