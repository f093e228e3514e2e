/* SPDX-License-Identifier: Apache-2.0 */
/* How boards are shown. */
#include "ctl/fleet_view.h"

#include <stdio.h>

#include "host/buf.h"

enum ota_status ota_ctl_fleet(const struct ota_workspace *w, struct ota_fleet **out, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "state/fleet.db");
    return ota_fleet_open(out, path, err);
}

void ota_ctl_age(uint64_t then, uint64_t now, char out[24]) {
    static const struct {
        uint64_t below, unit;
        const char *name;
    } steps[] = {{120, 1, "s"}, {7200, 60, "min"}, {172800, 3600, "h"}, {UINT64_MAX, 86400, "d"}};
    size_t i = 0;
    if (then == 0) {
        (void)ota_format(out, 24, "never");
        return;
    }
    uint64_t age = now > then ? now - then : 0;
    while (age >= steps[i].below)
        i++;
    if (age < 5)
        (void)ota_format(out, 24, "now");
    else
        (void)ota_format(out, 24, "%llu %s ago", (unsigned long long)(age / steps[i].unit), steps[i].name);
}

struct show {
    const struct ota_fleet_view *view;
    uint64_t now;
    size_t count;
    bool strangers;
    cJSON *list; /* NULL: text */
};

static bool show_row(void *ctx, const struct ota_fleet_device *d) {
    struct show *s = ctx;
    if (s->list) {
        (void)cJSON_AddItemToArray(s->list, s->view->json(d));
        return true;
    }
    if (d->quarantine && !s->strangers) {
        s->strangers = true;
        printf("%sIn quarantine: they reported, but were never added (otactl device add ID)\n", s->count ? "\n" : "");
        s->count = 0;
    }
    if (s->count++ == 0)
        printf("%s\n", s->view->heading);
    s->view->text(d, s->now);
    return true;
}

enum ota_status ota_ctl_fleet_show(const struct ota_args *args, const struct ota_fleet_view *view,
                                   struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {.dir = NULL};
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    const char *product = ota_args_get(args, "product");
    const struct ota_product_config *known;
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    if (product)
        OTA_TRY(ota_workspace_product(&w, product, &known, err));
    OTA_CLEAN_FREE char *path = ota_workspace_path(&w, "state/fleet.db");
    enum ota_status st = ota_fleet_open_reading(&fleet, path, err);
    if (st != OTA_NOT_FOUND) /* before the first board there is no fleet */
        OTA_TRY(st);
    cJSON *tree = ota_ctl_json(args) ? cJSON_CreateObject() : NULL;
    struct show s = {.view = view, .now = ota_ctl_now(), .list = tree ? cJSON_AddArrayToObject(tree, "devices") : NULL};
    st = fleet ? ota_fleet_list(fleet, product, show_row, &s, err) : OTA_OK;
    if (st == OTA_OK && tree)
        ota_ctl_print_json(&tree);
    else if (st == OTA_OK && s.count == 0)
        printf("%s\n", view->empty);
    cJSON_Delete(tree);
    return st;
}
