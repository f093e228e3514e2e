/* SPDX-License-Identifier: Apache-2.0 */
/* What push tells, as text and as JSON. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/push.h"
#include "host/printable.h"
#include "store/repo_json.h"

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void print_step(const struct ota_step *s, const char *file) {
    OTA_CLEAN_FREE char *packed = s->z_length ? ota_sprintf(", %u compressed", s->z_length) : ota_strdup("");
    ota_print_line(stdout, "  %-17s %9u bytes  %s%s", s->label, s->length, file, packed);
}

void ota_push_print_plan(const struct ota_push *p) {
    const struct ota_release *r = &p->build.release;
    ota_print_line(stdout, "%s %s for %s:", r->product, r->version, r->chip);
    for (size_t i = 0; i < r->step_count; i++)
        print_step(&r->step[i], last_part(p->build.path[i]));
    if (p->build.left_count)
        printf("Left out:\n");
    for (size_t i = 0; i < p->build.left_count; i++) {
        const struct ota_build_left *left = &p->build.left[i];
        ota_print_line(stdout, "  %-17s %s: %s%s%s", left->label, last_part(left->file), left->reason,
                       left->remedy[0] ? "; add " : "", left->remedy);
    }
    for (size_t i = 0; i < p->build.remark_count; i++)
        ota_print_line(stdout, "Note: %s", p->build.remark[i]);
}

static void print_draft(const struct ota_release *r) {
    OTA_CLEAN_FREE char *id = ota_sprintf("%s-%u", r->product, r->counter);
    printf("Waits for the signature of the product key as draft %s; nothing is published yet. Next:\n\n"
           "  otactl sign %s --key FILE      here, or\n"
           "  otactl sign export %s -o FILE  to sign it on another machine\n"
           "  otactl publish %s\n",
           id, id, id, id);
}

void ota_push_print_outcome(const struct ota_push *p) {
    char share[OTA_CTL_SHARE_MAX];
    const struct ota_release *r = &p->build.release;
    if (p->is_unsigned && !p->dry_run) {
        print_draft(r);
        return;
    }
    if (p->dry_run)
        printf("Every check passed; nothing was published (-n).\n");
    else
        printf("Published as %s release %u.\n", r->product, r->counter);
    if (!p->dry_run && p->server.url)
        ota_print_line(stdout, "Sent %u of %u files (%llu bytes) to %s; it had the others.", p->server.sent_files,
                       p->server.files, (unsigned long long)p->server.sent_bytes, p->server.url);
    if (!p->channel)
        printf("It %s offered to no board%s; add --channel NAME to offer it.\n", p->dry_run ? "would be" : "is",
               p->dry_run ? "" : " yet");
    else
        printf("%s on %s to %s of its boards.\n", p->dry_run ? "Would be offered" : "Offered", p->channel,
               ota_ctl_share(p->permille, share));
    if (r->from_min && !p->build.given.from_min)
        printf("Boards take release %u first, then this one.\n", r->from_min);
}

static cJSON *steps_json(const struct ota_build *b) {
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < b->release.step_count; i++) {
        const struct ota_step *s = &b->release.step[i];
        char hex[OTA_SHA256_HEX_LEN + 1];
        cJSON *item = cJSON_CreateObject();
        ota_hex_encode(s->sha256, OTA_SHA256_LEN, hex);
        (void)cJSON_AddStringToObject(item, "kind", ota_kind_name(s->kind));
        (void)cJSON_AddStringToObject(item, "label", s->label);
        (void)cJSON_AddStringToObject(item, "file", b->path[i]);
        (void)cJSON_AddNumberToObject(item, "length", s->length);
        (void)cJSON_AddStringToObject(item, "sha256", hex);
        ota_repo_packed_json(s, item);
        (void)cJSON_AddItemToArray(list, item);
    }
    return list;
}

static cJSON *left_json(const struct ota_build *b) {
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < b->left_count; i++) {
        cJSON *item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "file", b->left[i].file);
        (void)cJSON_AddStringToObject(item, "label", b->left[i].label);
        (void)cJSON_AddStringToObject(item, "reason", b->left[i].reason);
        (void)cJSON_AddStringToObject(item, "remedy", b->left[i].remedy);
        (void)cJSON_AddItemToArray(list, item);
    }
    return list;
}

/* null: no board was asked. */
static cJSON *fleet_json(const struct ota_push_fleet *f) {
    if (!f->asked)
        return cJSON_CreateNull();
    cJSON *o = cJSON_CreateObject();
    (void)cJSON_AddNumberToObject(o, "fits", (double)f->fits);
    (void)cJSON_AddNumberToObject(o, "misfits", (double)f->misfits);
    (void)cJSON_AddNumberToObject(o, "unknown", (double)f->unknown);
    return o;
}

void ota_push_print_json(const struct ota_push *p) {
    const struct ota_release *r = &p->build.release;
    cJSON *tree = cJSON_CreateObject(), *remarks = cJSON_CreateArray();
    (void)cJSON_AddStringToObject(tree, "product", r->product);
    if (p->dry_run)
        (void)cJSON_AddNullToObject(tree, "counter");
    else
        (void)cJSON_AddNumberToObject(tree, "counter", r->counter);
    (void)cJSON_AddStringToObject(tree, "version", r->version);
    if (p->channel)
        (void)cJSON_AddStringToObject(tree, "channel", p->channel);
    else
        (void)cJSON_AddNullToObject(tree, "channel");
    (void)cJSON_AddNumberToObject(tree, "permille", p->channel ? p->permille : 0);
    (void)cJSON_AddNumberToObject(tree, "from_min", r->from_min);
    (void)cJSON_AddBoolToObject(tree, "published", !p->dry_run && !p->is_unsigned);
    if (p->is_unsigned && !p->dry_run) {
        OTA_CLEAN_FREE char *draft = ota_sprintf("%s-%u", r->product, r->counter);
        (void)cJSON_AddStringToObject(tree, "draft", draft);
    }
    (void)cJSON_AddBoolToObject(tree, "dry_run", p->dry_run);
    if (p->server.url) {
        (void)cJSON_AddStringToObject(tree, "server", p->server.url);
        (void)cJSON_AddNumberToObject(tree, "sent_files", p->server.sent_files);
        (void)cJSON_AddNumberToObject(tree, "sent_bytes", (double)p->server.sent_bytes);
    }
    (void)cJSON_AddItemToObject(tree, "steps", steps_json(&p->build));
    (void)cJSON_AddItemToObject(tree, "left_out", left_json(&p->build));
    for (size_t i = 0; i < p->build.remark_count; i++)
        (void)cJSON_AddItemToArray(remarks, cJSON_CreateString(p->build.remark[i]));
    (void)cJSON_AddItemToObject(tree, "remarks", remarks);
    (void)cJSON_AddItemToObject(tree, "fleet", fleet_json(&p->fleet));
    ota_ctl_print_json(&tree);
}
