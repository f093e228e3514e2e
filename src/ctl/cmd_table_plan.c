/* SPDX-License-Identifier: Apache-2.0 */
/* otactl table diff, table plan: from one partition table to another. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd_table.h"
#include "host/err_place.h"
#include "host/printable.h"
#include "image/table_agent.h"
#include "image/table_plan.h"

struct comparison {
    struct ota_table_file from, to;
    struct ota_table_plan plan;
};

/* ---- words --------------------------------------------------------------------------------------------- */

static void put_word(struct ota_buf *out, const char *word) {
    ota_buf_printf(out, "%s%s", out->len ? ", " : "", word);
}

static void put_changes(const struct ota_table_move *m, struct ota_buf *out) {
    if (!m->from)
        put_word(out, "added");
    if (!m->to)
        put_word(out, "removed");
    if (m->moved)
        put_word(out, "moved");
    if (m->grown)
        put_word(out, "grown");
    if (m->shrunk)
        put_word(out, "shrunk");
    if (m->retyped)
        put_word(out, "retyped");
    if (m->reflagged)
        put_word(out, "flags");
    if (!out->len)
        put_word(out, "same");
}

static void put_place(const struct ota_partition *p, struct ota_buf *out) {
    if (p)
        ota_buf_printf(out, "0x%06x+0x%06x", p->offset, p->size);
    else
        ota_buf_str(out, "-");
}

static const char *label_of(const struct ota_table_move *m) {
    return m->from ? m->from->label : m->to->label;
}

/* ---- text ---------------------------------------------------------------------------------------------- */

static void print_move(const struct ota_table_move *m, bool planned) {
    OTA_CLEAN(ota_buf_free) struct ota_buf from = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf to = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf changes = {0};
    put_place(m->from, &from);
    put_place(m->to, &to);
    put_changes(m, &changes);
    if (!planned)
        ota_print_line(stdout, "%-16s  %-18s  %-18s  %s", label_of(m), ota_buf_text(&from), ota_buf_text(&to),
                       ota_buf_text(&changes));
    else
        ota_print_line(stdout, "%-16s  %-18s  %-18s  %-14s  %-4s  %s", label_of(m), ota_buf_text(&from),
                       ota_buf_text(&to), ota_buf_text(&changes), ota_table_contents_name(m->contents),
                       m->never.code == OTA_OK ? "may" : "never");
}

static void print_text(const struct comparison *c, bool planned) {
    printf("%-16s  %-18s  %-18s  %s\n", "LABEL", "OLD", "NEW",
           planned ? "CHANGE          DATA  OVER THE AIR" : "CHANGE");
    for (size_t i = 0; i < c->plan.count; i++)
        if (planned || ota_table_move_changes(&c->plan.move[i]))
            print_move(&c->plan.move[i], planned);
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static void add_place(cJSON *row, const char *name, const struct ota_partition *p) {
    char type[8], subtype[8];
    if (!p) {
        (void)cJSON_AddNullToObject(row, name);
        return;
    }
    cJSON *o = cJSON_AddObjectToObject(row, name);
    (void)cJSON_AddStringToObject(o, "type", ota_partition_type_name(p, type));
    (void)cJSON_AddStringToObject(o, "subtype", ota_partition_subtype_name(p, subtype));
    (void)cJSON_AddNumberToObject(o, "offset", p->offset);
    (void)cJSON_AddNumberToObject(o, "size", p->size);
    (void)cJSON_AddNumberToObject(o, "flags", p->flags);
}

static void add_move(cJSON *list, const struct ota_table_move *m, bool planned) {
    OTA_CLEAN(ota_buf_free) struct ota_buf changes = {0};
    cJSON *row = cJSON_CreateObject();
    put_changes(m, &changes);
    (void)cJSON_AddStringToObject(row, "label", label_of(m));
    (void)cJSON_AddStringToObject(row, "change", ota_buf_text(&changes));
    add_place(row, "old", m->from);
    add_place(row, "new", m->to);
    if (planned) {
        (void)cJSON_AddStringToObject(row, "data", ota_table_contents_name(m->contents));
        (void)cJSON_AddBoolToObject(row, "over_the_air", m->never.code == OTA_OK);
        (void)cJSON_AddStringToObject(row, "reason", m->never.code == OTA_OK ? "" : m->never.msg);
    }
    cJSON_AddItemToArray(list, row);
}

static cJSON *images_json(const struct comparison *c) {
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < c->plan.count; i++)
        if (ota_table_move_wants_image(&c->plan.move[i]))
            cJSON_AddItemToArray(list, cJSON_CreateString(label_of(&c->plan.move[i])));
    return list;
}

static cJSON *json_of(const struct comparison *c, bool planned) {
    cJSON *tree = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(tree, "partitions");
    for (size_t i = 0; i < c->plan.count; i++)
        if (planned || ota_table_move_changes(&c->plan.move[i]))
            add_move(list, &c->plan.move[i], planned);
    return tree;
}

/* ---- verbs --------------------------------------------------------------------------------------------- */

static enum ota_status open_both(const struct ota_args *args, struct comparison *c, struct ota_err *err) {
    OTA_TRY(ota_ctl_table_open(args, 0, &c->from, err));
    OTA_TRY(ota_ctl_table_open(args, 1, &c->to, err));
    OTA_TRY(ota_ctl_table_check(&c->from, err));
    OTA_TRY(ota_ctl_table_check(&c->to, err));
    ota_table_plan_make(&c->from.table, &c->to.table, &c->plan);
    return OTA_OK;
}

static bool changes(const struct comparison *c) {
    for (size_t i = 0; i < c->plan.count; i++)
        if (ota_table_move_changes(&c->plan.move[i]))
            return true;
    return false;
}

enum ota_status ota_cmd_table_diff(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN_FREE struct comparison *c = ota_calloc(1, sizeof *c);
    OTA_TRY(open_both(args, c, err));
    if (ota_ctl_json(args)) {
        cJSON *tree = json_of(c, false);
        ota_ctl_print_json(&tree);
    } else if (changes(c)) {
        print_text(c, false);
    } else {
        printf("No difference.\n");
    }
    return OTA_OK;
}

/* The table itself is copied like a bootloader: without a way back in ROM a board that loses its power then is lost. */
static bool is_risky(const struct comparison *c) {
    return !c->to.chip || !c->to.chip->recovery;
}

static enum ota_status judge(const struct comparison *c, struct ota_err *err) {
    if (ota_table_check_agent(&c->to.table, err) != OTA_OK)
        return ota_err_place(err, c->to.path, 0);
    if (c->plan.verdict.code == OTA_OK)
        return OTA_OK;
    return ota_err_set(err, c->plan.verdict.code, "%s: never over the air; boards with the old table must be flashed",
                       c->plan.verdict.msg);
}

static void print_images(const struct comparison *c) {
    OTA_CLEAN(ota_buf_free) struct ota_buf labels = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf options = {0};
    for (size_t i = 0; i < c->plan.count; i++)
        if (ota_table_move_wants_image(&c->plan.move[i])) {
            put_word(&labels, label_of(&c->plan.move[i]));
            ota_buf_printf(&options, " --with %s", label_of(&c->plan.move[i]));
        }
    if (labels.len)
        ota_print_line(stdout, "Lost, new or a file system of another size: %s. Where the build has its image, add%s",
                       ota_buf_text(&labels), ota_buf_text(&options));
}

/* Each of them: whoever mends one wants to know the others. */
static void print_reasons(const struct comparison *c) {
    size_t from = ota_table_slot_count(&c->from.table), to = ota_table_slot_count(&c->to.table);
    if (c->plan.verdict.code == OTA_OK)
        return;
    printf("\nNever over the air:\n");
    for (size_t i = 0; i < c->plan.count; i++)
        if (c->plan.move[i].never.code != OTA_OK)
            ota_print_line(stdout, "  %s", c->plan.move[i].never.msg);
    if (from != to)
        printf("  the number of ota_ slots changes from %zu to %zu\n", from, to);
}

static void print_verdict(const struct comparison *c) {
    if (!changes(c))
        printf("\nNo difference: a release with this table changes nothing.\n");
    else if (!is_risky(c))
        printf("\nOver the air: otactl push BUILD_DIR --with @partition-table\n"
               "On revisions of the %s without ROM recovery: add --accept-brick-risk\n",
               c->to.chip->name);
    else
        printf("\nOver the air: otactl push BUILD_DIR --with @partition-table --accept-brick-risk\n"
               "Power lost while its one sector is copied bricks the board%s.\n",
               c->to.chip ? "" : "; --chip CHIP says whether it has ROM recovery");
    print_images(c);
}

enum ota_status ota_cmd_table_plan(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf remarks = {0};
    OTA_CLEAN_FREE struct comparison *c = ota_calloc(1, sizeof *c);
    struct ota_err why = {0};
    OTA_TRY(open_both(args, c, err));
    enum ota_status st = judge(c, &why);
    if (ota_ctl_json(args)) {
        cJSON *tree = json_of(c, true);
        (void)cJSON_AddBoolToObject(tree, "over_the_air", st == OTA_OK);
        (void)cJSON_AddBoolToObject(tree, "brick_risk", changes(c) && is_risky(c));
        (void)cJSON_AddItemToObject(tree, "images", images_json(c));
        (void)cJSON_AddStringToObject(tree, "reason", st == OTA_OK ? "" : why.msg);
        ota_ctl_print_json(&tree);
    } else {
        print_text(c, true);
        print_reasons(c);
        if (st == OTA_OK) {
            print_verdict(c);
            ota_table_remarks_agent(&c->to.table, &remarks);
            ota_ctl_table_notes(&remarks);
        }
    }
    if (st != OTA_OK)
        *err = why;
    return st;
}
