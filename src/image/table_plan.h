/* SPDX-License-Identifier: Apache-2.0 */
/* From one partition table to another: what happens to each partition, and whether a release may do it over the air. */
#ifndef OTA_IMAGE_TABLE_PLAN_H
#define OTA_IMAGE_TABLE_PLAN_H

#include "ota/table.h"

/* What is in the partition afterwards, if nothing else is written to it. */
enum ota_table_contents {
    OTA_CONTENTS_KEPT,  /* all of it */
    OTA_CONTENTS_CUT,   /* its end is lost */
    OTA_CONTENTS_LOST,  /* at its new place is what was there before */
    OTA_CONTENTS_EMPTY, /* a new partition: what was there before, too, but nobody misses it */
};
const char *ota_table_contents_name(enum ota_table_contents c); /* "kept", "cut", "lost", "new" */

struct ota_table_move {
    const struct ota_partition *from, *to; /* borrowed; one may be NULL, not both */
    bool moved, grown, shrunk, retyped, reflagged;
    enum ota_table_contents contents;
    struct ota_err never; /* code OTA_OK: a release may do this */
};
struct ota_table_plan {
    size_t count;
    struct ota_table_move move[2 * OTA_TABLE_ROWS_MAX]; /* rows of the old table in their order, then new ones */
    struct ota_err verdict;                             /* code OTA_OK: over the air, as far as the tables decide */
};
/* Both tables passed ota_table_check(), and outlive the plan. */
void ota_table_plan_make(const struct ota_table *from, const struct ota_table *to, struct ota_table_plan *out);
/* Does it change anything? */
bool ota_table_move_changes(const struct ota_table_move *m);
/* Is what it holds worth nothing afterwards, because it is lost, cut or new, or a file system of another size, and may a
 * release bring it? */
bool ota_table_move_wants_image(const struct ota_table_move *m);

#endif
