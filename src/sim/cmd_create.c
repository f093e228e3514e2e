/* SPDX-License-Identifier: Apache-2.0 */
/* otadevice create: a board from the factory. Everything is checked first, then its file appears, then it is made
 * known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/passphrase.h"
#include "image/identity.h"
#include "sim/cmd.h"
#include "sim/factory.h"
#include "store/provision.h"

struct creation {
    const struct ota_args *args;
    struct ota_workspace w; /* dir NULL: a board of another server, not registered here */
    const struct ota_product_config *product;
    struct ota_boot_policy policy; /* of the product */
    struct ota_factory factory;
    struct ota_id_record id;
    const char *image; /* a provisioned flash image, which holds the identity; NULL */
};

static void creation_free(struct creation *c) {
    if (c->w.dir)
        ota_workspace_close(&c->w);
    ota_factory_free(&c->factory);
    ota_id_record_free(&c->id);
}

/* ---- identity ------------------------------------------------------------------------------------------ */

static enum ota_status open_workspace(struct creation *c, struct ota_err *err) {
    const struct ota_args *a = c->args;
    bool foreign = ota_args_has(a, "root") && ota_args_has(a, "url") && ota_args_has(a, "product") &&
                   !ota_args_has(a, "workspace");
    if (foreign)
        return OTA_OK;
    OTA_TRY(ota_workspace_open(&c->w, ota_args_get(a, "workspace"), err));
    OTA_TRY(ota_workspace_product(&c->w, ota_args_get(a, "product"), &c->product, err));
    return ota_boot_policy_read(&c->w, c->product, &c->policy, err);
}

static enum ota_status check_chip(const struct creation *c, struct ota_err *err) {
    const char *chip = c->factory.efuse.chip->name;
    if (!c->product || strcmp(c->product->chip, chip) == 0)
        return OTA_OK;
    return ota_err_set(err, OTA_CHIP, "%s is a build for %s, but product %s is %s", ota_args_get(c->args, "from"), chip,
                       c->product->name, c->product->chip);
}

static enum ota_status read_trust(struct creation *c, struct ota_err *err) {
    const struct ota_args *a = c->args;
    const struct ota_provision wanted = {
        .product = ota_args_get(a, "product"),
        .channel = ota_args_get(a, "channel"),
        .groups = ota_args_get(a, "groups"),
        .url = ota_args_get(a, "url"),
        .root = ota_args_get(a, "root"),
        .ca = ota_args_get(a, "ca"),
        .ca_optional = true,
    };
    return ota_provision_trust(c->w.dir ? &c->w : NULL, c->product, &wanted, &c->id, err);
}

/* A locally administered address that belongs to this id. */
static enum ota_status choose_mac(struct creation *c, struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    OTA_TRY(ota_sha256(&ota_crypto_openssl, c->id.id, strlen(c->id.id), digest, err));
    memcpy(c->factory.efuse.mac, digest, sizeof c->factory.efuse.mac);
    c->factory.efuse.mac[0] = (uint8_t)((digest[0] & 0xFCu) | 2u);
    return OTA_OK;
}

static enum ota_status name_board(struct creation *c, struct ota_err *err) {
    const char *id = ota_args_get(c->args, "id");
    if (id)
        OTA_TRY(ota_provision_check_id(id, err));
    if (!c->id.id && (id || !c->w.dir))
        c->id.id = ota_strdup(id ? id : "virtual-0001");
    return c->w.dir ? ota_provision_choose(&c->w, "virtual", &c->id, err) : OTA_OK;
}

static enum ota_status place_identity(struct creation *c, struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf bytes = {0};
    const struct ota_partition *p = ota_table_by_label(&c->factory.chip.table, OTA_ID_LABEL);
    OTA_TRY(ota_id_record_write(&c->id, p->size, &bytes, err));
    return ota_factory_flash_put(&c->factory.chip, OTA_ID_LABEL, ota_buf_span(&bytes), err);
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static enum ota_status taken(const char *path, struct ota_err *err) {
    return ota_err_set(err, OTA_EXISTS, "%s: exists already; a board is not overwritten, name another file",
                       OTA_SHORT_PATH(path, 150));
}

static enum ota_status write_file(struct creation *c, const char *path, struct ota_err *err) {
    OTA_TRY(choose_mac(c, err));
    enum ota_status st = ota_factory_write(&c->factory, path, err);
    return st == OTA_EXISTS ? taken(path, err) : st;
}

/* Another run may take the same number at the same time. */
static enum ota_status make(struct creation *c, const char *path, struct ota_err *err) {
    for (;;) {
        OTA_TRY(name_board(c, err));
        OTA_TRY(place_identity(c, err));
        OTA_TRY(write_file(c, path, err));
        enum ota_status st = c->w.dir ? ota_provision_register(&c->w, &c->id, err) : OTA_OK;
        if (st != OTA_EXISTS)
            return st;
        (void)unlink(path);
        if (ota_args_has(c->args, "id"))
            return st;
        free(OTA_STEAL(c->id.id));
        free(OTA_STEAL(c->id.token));
    }
}

/* Id and token of a file that is there. */
static enum ota_status read_before(struct creation *c, const char *path, struct ota_err *err) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source file = {.fd = -1};
    OTA_CLEAN(ota_secret_free) struct ota_buf bytes = {0};
    OTA_CLEAN(ota_id_record_free) struct ota_id_record before = {0};
    const struct ota_partition *p = ota_table_by_label(&c->factory.chip.table, OTA_ID_LABEL);
    OTA_TRY(ota_file_source_open(&file, path, OTA_FACTORY_FLASH_MAX + OTA_EFUSE_SIZE, err));
    ota_buf_reserve(&bytes, p->size);
    OTA_TRY(file.source.read(file.source.ctx, p->offset, bytes.p, p->size, err));
    bytes.len = p->size;
    OTA_TRY(ota_id_record_parse(ota_buf_span(&bytes), &before, err));
    c->id.id = OTA_STEAL(before.id);
    c->id.token = OTA_STEAL(before.token);
    return c->id.token ? OTA_OK : taken(path, err);
}

/* The file of a run that was killed before its board was known: byte for byte what this one would make. */
static enum ota_status go_on(struct creation *c, const char *path, struct ota_err *err) {
    const char *id = ota_args_get(c->args, "id");
    if (!c->w.dir || read_before(c, path, err) != OTA_OK || (id && strcmp(id, c->id.id) != 0))
        return taken(path, err);
    enum ota_status st = name_board(c, err);
    if (st == OTA_EXISTS)
        return taken(path, err);
    OTA_TRY(st);
    OTA_TRY(place_identity(c, err));
    OTA_TRY(choose_mac(c, err));
    return ota_factory_is(&c->factory, path) ? ota_provision_register(&c->w, &c->id, err) : taken(path, err);
}

/* Of a board that otactl provision has made known already. */
static enum ota_status take_image(struct creation *c, struct ota_err *err) {
    static const char *const other[] = {"id", "product", "channel", "groups", "url", "ca", "root", "no-storage"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(other); i++)
        if (ota_args_has(c->args, other[i]))
            return ota_err_set(err, OTA_USAGE, "--%s is decided by the image of --image", other[i]);
    OTA_TRY(ota_factory_check(&c->factory, err));
    if (ota_factory_identity(&c->factory, &c->id, err) != OTA_OK)
        return ota_err_place(err, c->image, 0);
    return OTA_OK;
}

static enum ota_status prepare(struct creation *c, const char *from, struct ota_err *err) {
    if (!c->image)
        OTA_TRY(open_workspace(c, err));
    const struct ota_factory_options options = {
        .flash_size = ota_args_get(c->args, "flash-size"),
        .no_storage = ota_args_has(c->args, "no-storage"),
        .image = c->image,
        .policy = c->product ? &c->policy : NULL,
    };
    OTA_TRY(ota_factory_open(&c->factory, from, &options, err));
    if (c->image)
        return take_image(c, err);
    OTA_TRY(check_chip(c, err));
    OTA_TRY(ota_factory_check(&c->factory, err));
    return read_trust(c, err);
}

static void print_created(const struct creation *c, const char *path) {
    const struct ota_id_record *id = &c->id;
    unsigned mib = (unsigned)(c->factory.chip.bytes.len >> 20);
    if (!ota_sim_json(c->args)) {
        printf("%s: board %s, an %s with %u MiB of flash that runs %s %s, channel %s\n", path, id->id,
               c->factory.efuse.chip->name, mib, id->product, c->factory.version, id->channel);
        if (!c->w.dir && !c->id.token)
            printf("It has no token: its reports need otactl device add on its server.\n");
        return;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "flash", path);
    (void)cJSON_AddStringToObject(tree, "id", id->id);
    (void)cJSON_AddStringToObject(tree, "product", id->product);
    (void)cJSON_AddStringToObject(tree, "channel", id->channel);
    (void)cJSON_AddStringToObject(tree, "chip", c->factory.efuse.chip->name);
    (void)cJSON_AddStringToObject(tree, "version", c->factory.version);
    (void)cJSON_AddNumberToObject(tree, "flash_size", (double)c->factory.chip.bytes.len);
    (void)cJSON_AddBoolToObject(tree, "registered", c->w.dir != NULL || c->id.token);
    ota_sim_print_json(&tree);
}

enum ota_status ota_cmd_create(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(creation_free) struct creation c = {.args = args, .image = ota_args_get(args, "image")};
    const char *from, *path;
    OTA_TRY(ota_sim_required(args, "from", &from, err));
    OTA_TRY(ota_sim_required(args, "output", &path, err));
    bool there = ota_fs_exists(path);
    if (there && c.image)
        return taken(path, err);
    OTA_TRY(prepare(&c, from, err));
    OTA_TRY(there ? go_on(&c, path, err) : c.image ? write_file(&c, path, err) : make(&c, path, err));
    print_created(&c, path);
    return OTA_OK;
}
