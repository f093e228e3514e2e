/* SPDX-License-Identifier: Apache-2.0 */
/* otactl: everything is in the verb table, verbs.c. */
#include "ctl/cmd.h"

int main(int argc, char **argv) {
    return ota_args_main(&ota_ctl_program, argc, argv);
}
