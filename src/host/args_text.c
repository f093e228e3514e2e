/* SPDX-License-Identifier: Apache-2.0 */
/* Help, man page and completion, all from the verb table. */
#include "host/args_text.h"

#include <stdio.h>
#include <string.h>

#include "host/buf.h"

static bool is_single(const struct ota_program *p) {
    return !*p->verbs[0].name;
}

static void print_option(const struct ota_option *o) {
    char left[64];
    (void)snprintf(left, sizeof left, "%c%c%c --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                   o->letter ? ',' : ' ', o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    printf("  %-30s ", left);
    for (const char *h = o->help; *h; h++) {
        putchar(*h);
        if (*h == '\n')
            printf("  %-30s ", "");
    }
    printf("%s\n", o->repeat ? " (may be repeated)" : "");
}

static void print_options(const char *title, const struct ota_option *o) {
    if (!o || !o->name)
        return;
    printf("\n%s\n", title);
    for (; o->name; o++)
        print_option(o);
}

static void print_verb_help(const struct ota_program *p, const struct ota_verb *v) {
    printf("usage: %s%s%s [options]%s%s\n\n%s\n", p->name, *v->name ? " " : "", v->name, *v->operands ? " " : "",
           v->operands, v->summary);
    if (v->details)
        printf("\n%s\n", v->details);
    print_options("Options:", v->options);
    print_options(is_single(p) ? "Options:" : "Common options:", p->options);
    printf("  -h, --help                     this text\n");
    if (is_single(p) && p->epilogue)
        printf("\n%s\n", p->epilogue);
}

/* Of all verbs, or of those that begin with the word `group`. */
static size_t print_verbs(const struct ota_program *p, const char *group) {
    size_t n = group ? strlen(group) : 0, shown = 0;
    int width = 0;
    for (const struct ota_verb *v = p->verbs; v->name; v++)
        width = (int)strlen(v->name) > width ? (int)strlen(v->name) : width;
    for (const struct ota_verb *v = p->verbs; v->name; v++)
        if (!group || (strncmp(v->name, group, n) == 0 && (v->name[n] == ' ' || !v->name[n]))) {
            printf("  %-*s  %s\n", width, v->name, v->summary);
            shown++;
        }
    return shown;
}

bool ota_args_print_group(const struct ota_program *p, const char *group) {
    return print_verbs(p, group) > 0 && printf("\n\"%s VERB --help\" tells about one verb\n", p->name) > 0;
}

void ota_args_print_help(const struct ota_program *p, const struct ota_verb *verb) {
    if (verb || is_single(p)) {
        print_verb_help(p, verb ? verb : &p->verbs[0]);
        return;
    }
    printf("%s: %s\n\nusage: %s VERB [options] [operands]\n\nVerbs:\n", p->name, p->summary, p->name);
    (void)print_verbs(p, NULL);
    print_options("Common options:", p->options);
    printf("  -h, --help                     this text; \"%s VERB --help\" tells about one verb\n"
           "      --version                  version\n",
           p->name);
    if (p->epilogue)
        printf("\n%s\n", p->epilogue);
}

/* ---- man ---- */

/* Text as roff: a leading '.' or '\'' would be a request, '-' a hyphen, '\\' an escape. Blank lines start paragraphs.
 * */
static void roff_text(const char *text) {
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && *text == '\n') {
            printf(".PP\n");
            continue;
        }
        if (line_start && (*text == '.' || *text == '\''))
            printf("\\&");
        if (*text == '-')
            printf("\\-");
        else if (*text == '\\')
            printf("\\e");
        else
            putchar(*text);
        line_start = *text == '\n';
    }
    if (!line_start)
        putchar('\n');
}

static void roff_options(const struct ota_option *o) {
    for (; o && o->name; o++) {
        printf(".TP\n");
        if (o->letter)
            printf("\\fB\\-%c\\fR, ", o->letter);
        OTA_CLEAN_FREE char *name = ota_strdup(o->name);
        printf("\\fB\\-\\-");
        for (const char *c = name; *c; c++)
            printf(*c == '-' ? "\\-" : "%c", *c);
        printf("\\fR%s%s%s\n", o->argument ? " \\fI" : "", o->argument ? o->argument : "", o->argument ? "\\fR" : "");
        roff_text(o->help);
        if (o->repeat)
            printf("(may be repeated)\n");
    }
}

static void print_man(const struct ota_program *p) {
    printf(".SH SYNOPSIS\n");
    for (const struct ota_verb *v = p->verbs; v->name; v++) {
        printf("\\fB%s%s%s\\fR [options]%s", p->name, *v->name ? " " : "", v->name, *v->operands ? " " : "");
        if (*v->operands)
            roff_text(v->operands);
        else
            putchar('\n');
        printf(".br\n");
    }
    if (!is_single(p)) {
        printf(".SH VERBS\n");
        for (const struct ota_verb *v = p->verbs; v->name; v++) {
            printf(".SS %s\n", v->name);
            roff_text(v->summary);
            if (v->details) {
                printf(".PP\n");
                roff_text(v->details);
            }
            roff_options(v->options);
        }
        printf(".SH COMMON OPTIONS\n");
    } else {
        printf(".SH OPTIONS\n");
        roff_options(p->verbs[0].options);
    }
    roff_options(p->options);
    printf(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nHelp of the program or of one verb.\n");
    printf(".TP\n\\fB\\-\\-version\\fR\nVersion of the program.\n");
}

/* ---- completion ---- */

static void print_completion(const struct ota_program *p) {
    printf("# bash completion for %s: source it, or put it into bash-completion's folder\n", p->name);
    printf("complete -o default -W '");
    for (const struct ota_verb *v = p->verbs; v->name; v++) {
        printf("%s ", v->name);
        for (const struct ota_option *o = v->options; o && o->name; o++)
            printf("--%s ", o->name);
    }
    for (const struct ota_option *o = p->options; o && o->name; o++)
        printf("--%s ", o->name);
    printf("--help --version' %s\n", p->name);
}

bool ota_args_print_special(const struct ota_program *p, const char *argument) {
    if (strcmp(argument, "--version") == 0)
        printf("%s %s\n", p->name, OTA_PROGRAM_VERSION);
    else if (strcmp(argument, "--man") == 0)
        print_man(p);
    else if (strcmp(argument, "--completion") == 0)
        print_completion(p);
    else
        return false;
    return true;
}
