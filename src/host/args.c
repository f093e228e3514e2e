/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the verb and parsing its line by the verb table. The texts made from the table are in args_text.c. */
#include "host/args.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/args_text.h"
#include "host/buf.h"
#include "host/printable.h"

struct given {
    const struct ota_option *option;
    const char *value;
};

struct ota_args {
    const struct ota_program *program;
    const struct ota_verb *verb;
    struct given *given;
    size_t given_count;
    const char **operand;
    size_t operand_count;
};

/* ---- nearest spelling ---- */

static size_t edit_distance(const char *a, const char *b) {
    size_t la = strlen(a), lb = strlen(b);
    if (la > 40 || lb > 40)
        return SIZE_MAX;
    size_t row[42];
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t best = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = best < change ? best : change;
        }
    }
    return row[lb];
}

const char *ota_args_nearest(const char *word, const char *const *names) {
    const char *best = NULL;
    size_t best_distance = strlen(word) < 4 ? 2 : 3;
    for (; *names; names++) {
        size_t d = edit_distance(word, *names);
        if (strncmp(word, *names, strlen(word)) == 0 && strlen(word) >= 2)
            d = d > 1 ? 1 : d;
        if (d < best_distance) {
            best_distance = d;
            best = *names;
        }
    }
    return best;
}

static const char *nearest_verb(const struct ota_program *program, const char *word) {
    const char *names[64];
    size_t n = 0;
    for (const struct ota_verb *v = program->verbs; v->name && n < OTA_ARRAY_LEN(names) - 1; v++)
        names[n++] = v->name;
    names[n] = NULL;
    return ota_args_nearest(word, names);
}

/* ---- verb ---- */

/* The verb that argv[0..] begins with ("device add" is two words); *words says how many it took. */
static const struct ota_verb *find_verb(const struct ota_program *program, int argc, char **argv, int *words) {
    for (const struct ota_verb *v = program->verbs; v->name; v++) {
        const char *space = strchr(v->name, ' ');
        size_t first = space ? (size_t)(space - v->name) : strlen(v->name);
        if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], v->name, first) != 0)
            continue;
        if (!space) {
            *words = 1;
            return v;
        }
        if (argc >= 2 && strcmp(argv[1], space + 1) == 0) {
            *words = 2;
            return v;
        }
    }
    return NULL;
}

static enum ota_status unknown_verb(const struct ota_program *program, int argc, char **argv, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf second = {0};
    size_t n = strlen(argv[0]);
    for (const struct ota_verb *v = program->verbs; v->name; v++)
        if (strncmp(v->name, argv[0], n) == 0 && v->name[n] == ' ')
            ota_buf_printf(&second, "%s%s", second.len ? ", " : "", v->name + n + 1);
    OTA_CLEAN_FREE char *both =
        second.len && argc > 1 && argv[1][0] != '-' ? ota_sprintf("%s %s", argv[0], argv[1]) : ota_strdup(argv[0]);
    bool group = second.len && !strchr(both, ' ');
    const char *near = group ? NULL : nearest_verb(program, both);
    if (near && strcmp(near, both) != 0)
        return ota_err_set(err, OTA_USAGE, "unknown verb \"%s\"; did you mean \"%s\"?", both, near);
    if (second.len)
        return ota_err_set(err, OTA_USAGE, "\"%s\" wants one of: %s", argv[0], ota_buf_text(&second));
    return ota_err_set(err, OTA_USAGE, "unknown verb \"%s\"; \"%s --help\" lists them", both, program->name);
}

/* ---- options ---- */

static const struct ota_option *find_option(const struct ota_args *a, const char *name, size_t len, char letter) {
    const struct ota_option *lists[] = {a->verb->options, a->program->options};
    for (size_t i = 0; i < OTA_ARRAY_LEN(lists); i++)
        for (const struct ota_option *o = lists[i]; o && o->name; o++)
            if (letter ? o->letter == letter : strlen(o->name) == len && strncmp(o->name, name, len) == 0)
                return o;
    return NULL;
}

static const char *nearest_option(const struct ota_args *a, const char *word) {
    const char *names[96];
    size_t n = 0;
    const struct ota_option *lists[] = {a->verb->options, a->program->options};
    for (size_t i = 0; i < OTA_ARRAY_LEN(lists); i++)
        for (const struct ota_option *o = lists[i]; o && o->name && n < OTA_ARRAY_LEN(names) - 1; o++)
            names[n++] = o->name;
    names[n] = NULL;
    return ota_args_nearest(word, names);
}

static enum ota_status unknown_option(const struct ota_args *a, const char *text, struct ota_err *err) {
    OTA_CLEAN_FREE char *word =
        ota_sprintf("%.*s", (int)strcspn(text + 2 * (text[1] == '-'), "="), text + 2 * (text[1] == '-'));
    const char *near = text[1] == '-' ? nearest_option(a, word) : NULL;
    if (near)
        return ota_err_set(err, OTA_USAGE, "unknown option \"%s\"; did you mean \"--%s\"?", text, near);
    return ota_err_set(err, OTA_USAGE, "unknown option \"%s\"; see \"%s %s%s--help\"", text, a->program->name,
                       a->verb->name, *a->verb->name ? " " : "");
}

static enum ota_status give(struct ota_args *a, const struct ota_option *o, const char *value, struct ota_err *err) {
    for (size_t i = 0; i < a->given_count; i++)
        if (a->given[i].option == o && o->argument && !o->repeat)
            return ota_err_set(err, OTA_USAGE, "option --%s is given twice", o->name);
    if (o->argument && !*value && strcmp(o->argument, "NAME") == 0)
        return ota_err_set(err, OTA_USAGE, "option --%s has an empty %s", o->name, o->argument);
    a->given[a->given_count++] = (struct given){o, value};
    return OTA_OK;
}

/* One argument that begins with '-'; *at moves past what it consumed. */
static enum ota_status parse_option(struct ota_args *a, int argc, char **argv, int *at, struct ota_err *err) {
    const char *text = argv[*at];
    const struct ota_option *o;
    const char *value = NULL;
    if (text[1] == '-') {
        size_t len = strcspn(text + 2, "=");
        o = find_option(a, text + 2, len, 0);
        if (text[2 + len] == '=')
            value = text + 2 + len + 1;
    } else {
        o = find_option(a, NULL, 0, text[1]);
        if (text[2])
            value = text + 2;
    }
    if (!o || (!o->argument && value && text[1] != '-'))
        return unknown_option(a, text, err);
    if (!o->argument && value)
        return ota_err_set(err, OTA_USAGE, "option --%s takes no value", o->name);
    if (o->argument && !value) {
        if (*at + 1 >= argc)
            return ota_err_set(err, OTA_USAGE, "option --%s wants %s", o->name, o->argument);
        value = argv[++*at];
    }
    return give(a, o, value, err);
}

static enum ota_status parse(struct ota_args *a, int argc, char **argv, struct ota_err *err) {
    bool options = true;
    for (int i = 0; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1])
            OTA_TRY(parse_option(a, argc, argv, &i, err));
        else
            a->operand[a->operand_count++] = argv[i];
    }
    const struct ota_verb *v = a->verb;
    const char *space = *v->name ? " " : "";
    if (a->operand_count > v->max)
        return ota_err_set(err, OTA_USAGE, "unexpected \"%s\"; usage: %s%s%s %s", a->operand[v->max], a->program->name,
                           space, v->name, v->operands);
    if (a->operand_count < v->min)
        return ota_err_set(err, OTA_USAGE, "%s%s%s wants %s; see \"%s%s%s --help\"", a->program->name, space, v->name,
                           v->operands, a->program->name, space, v->name);
    return OTA_OK;
}

/* ---- entry ---- */

static bool asks(int argc, char **argv, const char *name, char letter) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if ((argv[i][0] == '-' && argv[i][1] == '-' && strcmp(argv[i] + 2, name) == 0) ||
            (letter && argv[i][0] == '-' && argv[i][1] == letter && !argv[i][2]))
            return true;
    return false;
}

static bool takes_value(const struct ota_option *options, const char *text) {
    for (const struct ota_option *o = options; o && o->name; o++)
        if (o->argument && ((text[1] == '-' && strcmp(text + 2, o->name) == 0) ||
                            (text[1] != '-' && text[1] == o->letter && !text[2])))
            return true;
    return false;
}

/* Options may stand before the verb: `otactl -C dir push`, `otactl --server URL push`. Moves the verb's words to the
 * front; whether the verb has such an option is seen later. */
static void verb_first(const struct ota_program *program, int argc, char **argv) {
    int i = 0;
    while (i < argc && argv[i][0] == '-' && argv[i][1]) {
        bool wants_value = takes_value(program->options, argv[i]);
        for (const struct ota_verb *v = program->verbs; v->name && !wants_value; v++)
            wants_value = takes_value(v->options, argv[i]);
        i += wants_value ? 2 : 1;
    }
    if (i == 0 || i >= argc)
        return;
    int words = 1;
    (void)find_verb(program, argc - i, argv + i, &words);
    for (int w = 0; w < words; w++) {
        char *moved = argv[i + w];
        memmove(argv + w + 1, argv + w, (size_t)i * sizeof *argv);
        argv[w] = moved;
    }
}

static int fail(const struct ota_program *program, const struct ota_err *err) {
    (void)fflush(stdout);
    ota_print_line(stderr, "%s: %s", program->name, err->msg);
    return ota_status_exit_code(err->code);
}

/* "| head -1" has read what it wanted: no word about it. The error may be of a write long ago, and errno another's. */
static bool reader_left(void) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

static int run_verb(const struct ota_program *program, const struct ota_verb *verb, int argc, char **argv) {
    struct ota_err err = {.code = OTA_OK};
    OTA_CLEAN_FREE struct given *given = ota_calloc((size_t)argc + 1, sizeof *given);
    OTA_CLEAN_FREE const char **operand = ota_calloc((size_t)argc + 1, sizeof *operand);
    struct ota_args args = {.program = program, .verb = verb, .given = given, .operand = operand};
    if (asks(argc, argv, "help", 'h')) {
        ota_args_print_help(program, verb);
        return 0;
    }
    if (parse(&args, argc, argv, &err) != OTA_OK || verb->run(&args, &err) != OTA_OK)
        return fail(program, &err);
    if (fflush(stdout) || ferror(stdout)) {
        if (reader_left())
            return ota_status_exit_code(OTA_IO);
        (void)ota_err_set(&err, OTA_IO, "standard output: cannot write: %s", strerror(errno));
        return fail(program, &err);
    }
    return 0;
}

int ota_args_main(const struct ota_program *program, int argc, char **argv) {
    struct ota_err err = {.code = OTA_OK};
    int words = 0;
    (void)signal(SIGPIPE, SIG_IGN);
    argc--, argv++;
    bool single = program->verbs[0].name && !*program->verbs[0].name;
    if (argc > 0 && ota_args_print_special(program, argv[0]))
        return 0;
    if (single)
        return run_verb(program, &program->verbs[0], argc, argv);
    verb_first(program, argc, argv);
    const struct ota_verb *verb = find_verb(program, argc, argv, &words);
    if (verb)
        return run_verb(program, verb, argc - words, argv + words);
    if (argc == 0 || argv[0][0] == '-') {
        if (asks(argc, argv, "help", 'h')) {
            ota_args_print_help(program, NULL);
            return 0;
        }
        if (argc == 0)
            (void)ota_err_set(&err, OTA_USAGE, "a verb is wanted; \"%s --help\" lists them", program->name);
        else
            (void)ota_err_set(&err, OTA_USAGE, "unknown option \"%s\"; \"%s --help\" lists verbs and options", argv[0],
                              program->name);
        return fail(program, &err);
    }
    if (strcmp(argv[0], "help") == 0) {
        const struct ota_verb *about = find_verb(program, argc - 1, argv + 1, &words);
        if (argc == 1 || about) {
            ota_args_print_help(program, about);
            return 0;
        }
        argc--, argv++;
        if (argc == 1 && ota_args_print_group(program, argv[0]))
            return 0;
    } else if (asks(argc, argv, "help", 'h') && (argc == 2 && ota_args_print_group(program, argv[0]))) {
        return 0;
    }
    (void)unknown_verb(program, argc, argv, &err);
    return fail(program, &err);
}

/* ---- what a verb asks ---- */

size_t ota_args_count(const struct ota_args *args, const char *option) {
    size_t n = 0;
    for (size_t i = 0; i < args->given_count; i++)
        n += strcmp(args->given[i].option->name, option) == 0;
    return n;
}
bool ota_args_has(const struct ota_args *args, const char *option) {
    return ota_args_count(args, option) > 0;
}
const char *ota_args_at(const struct ota_args *args, const char *option, size_t index) {
    for (size_t i = 0; i < args->given_count; i++)
        if (strcmp(args->given[i].option->name, option) == 0 && index-- == 0)
            return args->given[i].value;
    return NULL;
}
const char *ota_args_get(const struct ota_args *args, const char *option) {
    size_t n = ota_args_count(args, option);
    return n ? ota_args_at(args, option, n - 1) : NULL;
}
size_t ota_args_operands(const struct ota_args *args) {
    return args->operand_count;
}
const char *ota_args_operand(const struct ota_args *args, size_t index) {
    return index < args->operand_count ? args->operand[index] : NULL;
}

enum ota_status ota_args_number(const struct ota_args *args, const char *option, uint64_t min, uint64_t max,
                                uint64_t absent, uint64_t *out, struct ota_err *err) {
    const char *text = ota_args_get(args, option);
    char *end = NULL;
    if (!text) {
        *out = absent;
        return OTA_OK;
    }
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || v < min || v > max)
        return ota_err_set(err, OTA_USAGE, "option --%s: \"%s\" is not a number from %llu to %llu", option, text,
                           (unsigned long long)min, (unsigned long long)max);
    *out = v;
    return OTA_OK;
}
