/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb table: one row per verb, from which parsing, top help, verb help, man OPTIONS and shell completion come.
 * A program without verbs (otaserve) has one row named "".
 */
#ifndef OTA_HOST_ARGS_H
#define OTA_HOST_ARGS_H

#include "ota/err.h"

struct ota_option {
    const char *name;     /* "channel"; NULL ends the list */
    char letter;          /* 'C', or 0 */
    const char *argument; /* "NAME"; NULL for a flag */
    const char *help;     /* one or two lines */
    bool repeat;
};

struct ota_args;
struct ota_verb {
    const char *name;     /* "push", "device add"; NULL ends the table */
    const char *operands; /* "[BUILD_DIR | FILE[:LABEL]...]", "" for none */
    unsigned min, max;    /* operands; max 0: none */
    const char *summary;  /* one line, for the top help */
    const char *details;  /* paragraphs for verb help and man page, or NULL */
    const struct ota_option *options;
    enum ota_status (*run)(const struct ota_args *args, struct ota_err *err);
};

struct ota_program {
    const char *name, *summary;
    const struct ota_option *options; /* of every verb: -C, --json, ... */
    const struct ota_verb *verbs;
    const char *man_section; /* "1", "8" */
    const char *epilogue;    /* exit codes, files; shown in the man page */
};

/* Parses, finds the verb (nearest spelling suggested), handles --help, --version, --man (roff of SYNOPSIS to OPTIONS)
 * and
 * --completion (bash), runs it, prints "<program>: <message>" to stderr on failure. Returns the exit code. */
int ota_args_main(const struct ota_program *program, int argc, char **argv);

/* In a verb. Names must be in a table. */
bool ota_args_has(const struct ota_args *args, const char *option);
const char *ota_args_get(const struct ota_args *args, const char *option); /* last value or NULL */
size_t ota_args_count(const struct ota_args *args, const char *option);
const char *ota_args_at(const struct ota_args *args, const char *option, size_t index);
size_t ota_args_operands(const struct ota_args *args);
const char *ota_args_operand(const struct ota_args *args, size_t index);
/* Decimal in [min, max]; absent: `absent`. USAGE otherwise. */
OTA_MUST_USE enum ota_status ota_args_number(const struct ota_args *args, const char *option, uint64_t min,
                                             uint64_t max, uint64_t absent, uint64_t *out, struct ota_err *err);

/* The nearest of `names` (NULL-terminated) by edit distance, or NULL when none is near. */
const char *ota_args_nearest(const char *word, const char *const *names);

#endif
