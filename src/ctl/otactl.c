/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/prctl.h>
#include <sys/resource.h>

#include "ctl/cmd.h"
#include "host/cleanup.h"

/* Keys and passphrases must not leave by a core file. */
static void leave_no_core(void) {
    const struct rlimit none = {0, 0};
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
}

/* A tree that lacks what was no memory for would go unnoticed into files and answers. */
static void *allocate(size_t n) {
    return ota_calloc(1, n);
}

int main(int argc, char **argv) {
    cJSON_Hooks hooks = {.malloc_fn = allocate, .free_fn = free};
    cJSON_InitHooks(&hooks);
    leave_no_core();
    int rc = ota_args_main(&ota_ctl_program, argc, argv);
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* the keys are gone; leak checkers may look */
    return rc;
}
