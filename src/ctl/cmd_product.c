/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otactl product: products come, go, and change their keys. Each is a draft, signed with the keys that are here and
 * published at once if that is enough.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/conf_edit.h"
#include "ctl/draft_sign.h"
#include "ctl/push.h"
#include "ctl/role_edit.h"
#include "host/fs.h"
#include "ota/image.h"

struct job {
    const struct ota_args *args;
    struct ota_workspace w;
    const char *name;
    struct ota_role_edit *e;
    struct ota_role_file role; /* of the product, as published */
    int lock;                  /* state/lock: two changes at once would lose one */
};
static void unlock(struct job *j) {
    if (j->lock >= 0)
        (void)close(j->lock);
    j->lock = -1;
}

static void job_free(struct job *j) {
    unlock(j);
    ota_role_file_free(&j->role);
    ota_role_edit_free(&j->e);
    ota_workspace_close(&j->w);
}

static enum ota_status open_job(struct job *j, const struct ota_args *args, const char *draft, struct ota_err *err) {
    j->args = args;
    j->name = ota_args_operand(args, 0);
    OTA_TRY(ota_ctl_workspace(args, &j->w, err));
    OTA_TRY(ota_push_lock(&j->w, &j->lock, err));
    return ota_role_edit_begin(&j->w, draft, &j->e, err);
}

static enum ota_status read_role(struct job *j, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_TRY(ota_ctl_product_role(&j->w, j->name, &wire, err));
    ota_role_file_set(&j->role, j->name, ota_buf_span(&wire));
    return ota_role_file_parse(&j->role, "targets", err);
}

static enum ota_status finish(struct job *j, const char *done, struct ota_err *err) {
    bool published;
    unlock(j); /* a passphrase that is waited for must not stop pushes */
    OTA_TRY(ota_ctl_draft_finish(&j->w, j->e->id, j->args, &published, err));
    if (!ota_ctl_json(j->args)) {
        if (published)
            printf("%s\n", done);
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "product", j->name);
    (void)cJSON_AddStringToObject(tree, "draft", j->e->id);
    (void)cJSON_AddBoolToObject(tree, "published", published);
    ota_ctl_print_json(&tree);
    return OTA_OK;
}

/* ---- add -------------------------------------------------------------------------------------------------- */

static enum ota_status check_new(const struct job *j, const char *chip, struct ota_err *err) {
    const struct ota_span name = ota_span_str(j->name);
    if (!ota_name_valid(name) || ota_name_reserved(name) || strncmp(j->name, "tls-", 4) == 0)
        return ota_err_set(err, OTA_USAGE,
                           "\"%.40s\" cannot name a product: a-z, 0-9 and '-', at most %u, and not a role's name or "
                           "tls-...",
                           j->name, OTA_NAME_MAX);
    if (!chip || !ota_chip_by_name(ota_span_str(chip)))
        return ota_err_set(err, OTA_USAGE, "which chip? Add --chip as idf.py set-target names it, e.g. esp32s3");
    for (size_t i = 0; i < j->e->targets.count; i++)
        if (strcmp(j->e->targets.product[i].name, j->name) == 0)
            return ota_err_set(err, OTA_EXISTS, "product %s is delegated already; a name is never used again", j->name);
    if (j->e->targets.count == OTA_PRODUCTS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "a repository holds at most %u products; make a second workspace",
                           OTA_PRODUCTS_MAX);
    return OTA_OK;
}

/* Its section comes with the publication; that it will be valid is seen now. One that is there stays as it is. */
static enum ota_status note_section(struct job *j, const char *chip, const char *channels, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf before = {0}, after = {0};
    const struct ota_product_config *there = ota_config_product(&j->w.config, j->name);
    if (there && strcmp(there->chip, chip) != 0)
        return ota_err_set(err, OTA_EXISTS, "product %s is in ota.conf already, with the chip %s: change it there",
                           j->name, there->chip);
    ota_buf_printf(&j->e->conf, "add %s %s %s\n", j->name, chip, channels ? channels : "beta stable");
    enum ota_status st = channels && strpbrk(channels, "\r\n")
                             ? OTA_CONFIG
                             : ota_conf_apply(&j->w, ota_buf_text(&j->e->conf), &before, &after, err);
    if (st != OTA_OK && channels)
        return ota_err_set(err, OTA_USAGE, "--channels \"%.80s\": names of a-z, 0-9 and '-' with blanks between them",
                           channels);
    return st;
}

/* The name of a first key is the product's alone. */
static enum ota_status first_key(const struct job *j, struct ota_key_public *out, struct ota_err *err) {
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    OTA_CLEAN_FREE char *path = ota_workspace_path(&j->w, "keys/%s.pem", j->name);
    if (ota_args_has(j->args, "key"))
        return ota_role_edit_new_key(&j->w, j->args, j->name, out, err);
    OTA_TRY(ota_key_ensure(&key, path, err));
    *out = *ota_key_public(key);
    return OTA_OK;
}

static enum ota_status put_empty_role(struct job *j, uint64_t version, const struct ota_key *key, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    const struct ota_role_product role = {.version = version, .expires = ota_ctl_now() + OTA_ROLE_OFFLINE_LIFE};
    const struct ota_role_keys by = {.count = key != NULL, .key = {key}};
    OTA_TRY(ota_role_product(&role, &by, &wire, err));
    return ota_role_edit_product(j->e, j->name, version, ota_buf_span(&wire), err);
}

enum ota_status ota_cmd_product_add(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(job_free) struct job j = {.lock = -1};
    const char *chip = ota_args_get(args, "chip");
    struct ota_key_public key;
    OTA_TRY(open_job(&j, args, OTA_DRAFT_TARGETS, err));
    OTA_TRY(check_new(&j, chip, err));
    OTA_TRY(note_section(&j, chip, ota_args_get(args, "channels"), err));
    OTA_TRY(first_key(&j, &key, err));
    struct ota_role_delegation *d = &j.e->targets.product[j.e->targets.count++];
    (void)snprintf(d->name, sizeof d->name, "%s", j.name);
    d->by = ota_role_by_key(&key);
    j.e->targets_changed = true;
    OTA_TRY(put_empty_role(&j, 1, NULL, err));
    ota_role_edit_note(j.e, "add product %s", j.name);
    OTA_TRY(ota_role_edit_save(j.e, err));
    return finish(&j, "Published; otactl push --product takes its releases now.", err);
}

/* ---- rotate-key ------------------------------------------------------------------------------------------- */

/* The same content, to be signed by other keys. */
static enum ota_status put_same_role(struct job *j, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    const struct ota_role_keys nobody = {.count = 0};
    const uint64_t version = j->role.meta.version + 1, end = ota_ctl_now() + OTA_ROLE_OFFLINE_LIFE;
    OTA_TRY(ota_role_renew(&j->role.meta, version, end, OTA_CAP_PRODUCT, &nobody, &wire, err));
    return ota_role_edit_product(j->e, j->name, version, ota_buf_span(&wire), err);
}

enum ota_status ota_cmd_product_rotate_key(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(job_free) struct job j = {.lock = -1};
    struct ota_role_by *by = NULL;
    struct ota_key_public key;
    OTA_TRY(open_job(&j, args, OTA_DRAFT_TARGETS, err));
    OTA_TRY(read_role(&j, err));
    OTA_TRY(ota_role_edit_keys(j.e, j.name, &by, err));
    if (by->count > 1)
        return ota_err_set(err, OTA_ARGUMENT,
                           "product %s has %zu keys; say which one goes: otactl root add-key, then root remove-key",
                           j.name, by->count);
    OTA_TRY(ota_role_edit_new_key(&j.w, args, j.name, &key, err));
    *by = ota_role_by_key(&key);
    OTA_TRY(put_same_role(&j, err));
    ota_role_edit_note(j.e, "%s has the key %.8s", j.name, key.keyid);
    OTA_TRY(ota_role_edit_save(j.e, err));
    return finish(&j, "Published; the old key signs nothing any more.", err);
}

/* ---- retire ----------------------------------------------------------------------------------------------- */

/* With its key lost targets delegates to one that signs the empty role and is forgotten. */
static enum ota_status replace_lost_key(struct job *j, struct ota_key **key, struct ota_err *err) {
    struct ota_role_by *by = NULL;
    OTA_TRY(ota_key_generate(key, err));
    OTA_TRY(ota_role_edit_keys(j->e, j->name, &by, err));
    *by = ota_role_by_key(ota_key_public(*key));
    return OTA_OK;
}

enum ota_status ota_cmd_product_retire(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(job_free) struct job j = {.lock = -1};
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    OTA_CLEAN_FREE char *id = ota_sprintf("retire-%.20s", ota_args_operand(args, 0));
    bool lost = ota_args_has(args, "lost-key");
    OTA_TRY(open_job(&j, args, lost ? OTA_DRAFT_TARGETS : id, err));
    OTA_TRY(read_role(&j, err));
    OTA_TRY(ota_ctl_agree(args, "Retire it for ever, name and all? [y/N] ", "nothing was retired", err));
    if (lost)
        OTA_TRY(replace_lost_key(&j, &key, err));
    OTA_TRY(put_empty_role(&j, j.role.meta.version + 1, key, err));
    ota_role_edit_note(j.e, "retire product %s", j.name);
    ota_buf_printf(&j.e->conf, "remove %s\n", j.name);
    OTA_TRY(ota_role_edit_save(j.e, err));
    return finish(&j, "Published; its channels offer nothing any more, and its boards keep what they run.", err);
}
