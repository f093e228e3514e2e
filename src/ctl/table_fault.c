/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ota_table_check() says of a row, as somebody who edits a CSV needs it: the line, the column and what to write
 * instead. Boards have no room for so many words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd_table.h"
#include "host/err_place.h"
#include "host/printable.h"

/* ---- advice -------------------------------------------------------------------------------------------- */

/* By a part of the message; the first that is found counts. */
static const struct advice {
    const char *part, *column, *remedy;
} advices[] = {
    {"the name ", "Name", ""}, /* explain_label() */
    {"its label is", "Name", "take letters, digits, _ and -"},
    {"has the same label", "Name", "give one of them another name"},
    {"has the same type and subtype", "SubType", "give one of them another subtype"},
    {"is reserved", "Type", ""},
    {"its size is 0", "Size", "write a size such as 64K"},
    {"of an app partition is not", "Size", "round it up"},
    {"as Secure Boot v1 needs", "Size", "round it up"},
    {"otadata has", "Size", "write 0x2000"},
    {"must be read-only", "Size", "make it larger, or add the flag readonly"},
    {"beyond the flash", "Size", "make it or one above it smaller, or name a larger flash with --flash-size"},
    {"cannot be read-only", "Flags", "take the flag away"},
    {"cannot carry the flag", "Flags", "take the flag away"},
    {"offset 0x", "Offset", "leave that column empty, and the next free place is taken"},
};

static const struct advice *find_advice(const char *message) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(advices); i++)
        if (strstr(message, advices[i].part))
            return &advices[i];
    return NULL;
}

/* A name that is printable and refused all the same wants a reason. */
static void explain_label(const struct ota_table_file *f, struct ota_err *err) {
    size_t i = 0;
    while (i < f->table.count && ota_label_valid(ota_span_str(f->table.row[i].label)))
        i++;
    const char *label = i < f->table.count ? f->table.row[i].label : "";
    const char *at = label[0] == '@' ? label : strpbrk(label, " \"/\\");
    if (!at || !*at || !ota_printable(label))
        return;
    (void)ota_err_set(err, OTA_TABLE_LAYOUT, "row %zu: the name %s has a %s in it%s; take letters, digits, _ and -", i,
                      label,
                      *at == ' '   ? "space"
                      : *at == '"' ? "quote"
                                   : (char[]){*at, '\0'},
                      *at == '"' ? " (a table's CSV knows no quoting)" : "");
}

/* ---- lines --------------------------------------------------------------------------------------------- */

/* "row 4 (ota_1): text" -> 4 and its text. */
static bool cut_row(const struct ota_table_file *f, const char *message, unsigned *row, const char **text) {
    int used = 0;
    if (sscanf(message, "row %u%n", row, &used) != 1 || *row >= f->table.count)
        return false;
    const char *colon = strstr(message + used, ": ");
    *text = colon ? colon + 2 : NULL;
    return colon != NULL;
}

/* A fault that is shared with another row names that by its line, too. */
static void tell(const struct ota_table_file *f, unsigned row, const char *text, struct ota_buf *out) {
    const struct advice *a = find_advice(text);
    const char *label = f->table.row[row].label;
    unsigned other;
    int used = 0;
    if (a)
        ota_buf_printf(out, "%s%s%s: ", a->column, ota_printable(label) && label[0] ? " of " : "",
                       ota_printable(label) ? label : "");
    if (sscanf(text, "row %u%n", &other, &used) == 1 && other < f->table.count)
        ota_buf_printf(out, "line %u%s", f->line[other], text + used);
    else
        ota_buf_str(out, text);
    if (a && a->remedy[0])
        ota_buf_printf(out, "; %s", a->remedy);
}

enum ota_status ota_ctl_table_fault(const struct ota_table_file *f, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf told = {0};
    const char *text;
    unsigned row;
    if (strstr(err->msg, ": its label is "))
        explain_label(f, err);
    if (f->form != OTA_TABLE_CSV || !cut_row(f, err->msg, &row, &text))
        return ota_err_place(err, f->path, 0);
    tell(f, row, text, &told);
    (void)ota_err_set(err, err->code, "%s", ota_buf_text(&told));
    return ota_err_place(err, f->path, f->line[row]);
}
