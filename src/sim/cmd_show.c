/* SPDX-License-Identifier: Apache-2.0 */
/* otadevice show: what is in the flash of a board that is switched off. The text is made from the same tree as the
 * JSON. */
#include <stdio.h>
#include <string.h>

#include "host/crypto.h"
#include "sim/cmd.h"
#include "sim/show.h"

static const char *text_of(const cJSON *object, const char *name) {
    const char *s = ota_json_tree_string(object, name);
    return s ? s : "-";
}

static unsigned long number_of(const cJSON *object, const char *name) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(v) ? (unsigned long)v->valuedouble : 0;
}

static bool true_in(const cJSON *object, const char *name) {
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static void print_identity(const cJSON *t) {
    const cJSON *id = ota_json_tree_object(t, "identity"), *boot = ota_json_tree_object(t, "boot");
    if (id)
        printf("board      %s, product %s, channel %s%s%s\n", text_of(id, "id"), text_of(id, "product"),
               text_of(id, "channel"), *text_of(id, "groups") ? ", groups " : "", text_of(id, "groups"));
    printf("chip       %s revision %lu.%lu, %lu MiB, MAC %s, secure version %lu\n", text_of(t, "chip"),
           number_of(t, "revision") / 100, number_of(t, "revision") % 100, number_of(t, "flash_size") >> 20,
           text_of(t, "mac"), number_of(t, "secure_version"));
    printf("boot       table at 0x%lx%s%s%s%s\n", number_of(boot, "table_offset"),
           true_in(boot, "rollback") ? ", rollback" : ", no rollback",
           true_in(boot, "anti_rollback") ? ", anti-rollback" : "",
           number_of(boot, "secure_boot") ? ", secure boot" : "", true_in(boot, "recovery") ? ", ROM recovery" : "");
    if (id)
        printf("server     %s\n", text_of(id, "url_meta"));
}

static void print_running(const cJSON *t) {
    const cJSON *r = ota_json_tree_object(t, "running");
    if (!r)
        printf("runs       nothing\n");
    else if (number_of(r, "counter"))
        printf("runs       %s from %s, release %lu%s\n", text_of(r, "version"), text_of(r, "label"),
               number_of(r, "counter"), true_in(t, "mixed") ? ", mixed with a later one" : "");
    else
        printf("runs       %s from %s\n", text_of(r, "version"), text_of(r, "label"));
}

static void print_table(const cJSON *t) {
    const cJSON *row, *list = cJSON_GetObjectItemCaseSensitive(t, "partitions");
    if (cJSON_GetArraySize(list) == 0)
        return;
    printf("\nLABEL             TYPE                       OFFSET      SIZE  VERSION          USED  SHA-256\n");
    cJSON_ArrayForEach(row, list) {
        char kind[48];
        (void)snprintf(kind, sizeof kind, "%s/%s", text_of(row, "type"), text_of(row, "subtype"));
        printf("%-17s %-24s %#9lx %9lu  %-12.12s %8lu  %.16s\n", text_of(row, "label"), kind, number_of(row, "offset"),
               number_of(row, "size"), text_of(row, "version"), number_of(row, "used"), text_of(row, "sha256"));
    }
}

static void print_otadata(const cJSON *t) {
    const cJSON *row, *list = cJSON_GetObjectItemCaseSensitive(t, "otadata");
    if (cJSON_GetArraySize(list) == 0)
        return;
    printf("\n");
    cJSON_ArrayForEach(row, list) {
        if (!true_in(row, "written"))
            printf("otadata    empty\n");
        else
            printf("otadata    sequence %lu, %s, %s%s%s\n", number_of(row, "seq"), text_of(row, "label"),
                   text_of(row, "state"), true_in(row, "crc_ok") ? "" : ", CRC wrong",
                   true_in(row, "active") ? ", active" : "");
    }
}

static void print_update(const cJSON *t) {
    const cJSON *row, *j = ota_json_tree_object(t, "journal"), *last = ota_json_tree_object(t, "last");
    if (j) {
        printf("journal    release %lu (%s), %s\n", number_of(j, "counter"), text_of(j, "version"),
               text_of(j, "phase"));
        cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(j, "steps"))
            printf("           %s: %lu of %lu bytes, %s\n", text_of(row, "label"), number_of(row, "done"),
                   number_of(row, "length"), text_of(row, "state"));
    } else {
        printf("journal    empty\n");
    }
    if (last)
        printf("last       release %lu: %s%s%s\n", number_of(last, "counter"), text_of(last, "result"),
               *text_of(last, "message") ? ": " : "", text_of(last, "message"));
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(t, "installed"))
        printf("installed  %s of release %lu, %lu bytes, %.16s\n", text_of(row, "label"), number_of(row, "counter"),
               number_of(row, "length"), text_of(row, "sha256"));
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(t, "faults"))
        printf("fault      %s\n", cJSON_IsString(row) ? row->valuestring : "-");
}

enum ota_status ota_cmd_show(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_view_close) struct ota_view view = {.board.nor.fd = -1};
    OTA_CLEAN(ota_json_tree_free) cJSON *tree = NULL;
    OTA_TRY(ota_view_open(&view, ota_args_operand(args, 0), err));
    OTA_TRY(ota_show_tree(&view, &tree, err));
    if (ota_sim_json(args)) {
        ota_sim_print_json(&tree);
        return OTA_OK;
    }
    print_identity(tree);
    print_running(tree);
    print_table(tree);
    print_otadata(tree);
    print_update(tree);
    return OTA_OK;
}
