/* SPDX-License-Identifier: Apache-2.0 */
/* Texts made from the verb table: help, man page, completion. Used by args.c alone. */
#ifndef OTA_HOST_ARGS_TEXT_H
#define OTA_HOST_ARGS_TEXT_H

#include "host/args.h"

/* Help of one verb, or of the program when verb is NULL. To stdout. */
void ota_args_print_help(const struct ota_program *program, const struct ota_verb *verb);
/* The verbs of two words that begin with this one ("keys"); false: none does. To stdout. */
bool ota_args_print_group(const struct ota_program *program, const char *group);
/* --version, --man, --completion: prints and says true. */
bool ota_args_print_special(const struct ota_program *program, const char *argument);

#endif
