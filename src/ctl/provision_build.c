/* SPDX-License-Identifier: Apache-2.0 */
/* What all boards of a run have in common, and whether one could live with it. */
#include <string.h>

#include "ctl/provision.h"
#include "host/crypto.h"
#include "host/fs.h"
#include "image/factory_images.h"
#include "image/table_agent.h"

static enum ota_status check_images(struct ota_provisioning *p, struct ota_err *err) {
    struct ota_boot_policy policy;
    struct ota_factory_images found;
    OTA_TRY(ota_boot_policy_read(&p->w, p->product, &policy, err));
    OTA_TRY(ota_factory_images_check(&p->flash, &p->build, &policy, &found, err));
    (void)ota_format(p->version, sizeof p->version, "%s", found.version);
    return OTA_OK;
}

static enum ota_status check_kind(const struct ota_provisioning *p, struct ota_err *err) {
    if (strcmp(p->product->chip, p->build.chip->name) != 0)
        return ota_err_set(err, OTA_CHIP, "%s is a build for %s, but product %s is %s", p->build_folder,
                           p->build.chip->name, p->product->name, p->product->chip);
    if (p->build.boot.flash_encryption && !p->parts)
        return ota_err_set(
            err, OTA_UNSUPPORTED,
            "%s is built with flash encryption: each chip encrypts its flash itself when it starts first, "
            "so that a whole image suits blank chips only; with --parts the build is flashed as ESP-IDF "
            "says, nvs and ota_id beside it",
            p->build_folder);
    return OTA_OK;
}

/* What an earlier life of the board left there goes. */
static enum ota_status blank(struct ota_provisioning *p, const struct ota_partition *row, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf ff = {0};
    ota_buf_reserve(&ff, row->size);
    memset(ff.p, 0xFF, row->size);
    ff.len = row->size;
    return ota_factory_flash_put(&p->flash, row->label, ota_buf_span(&ff), err);
}

/* A board may do without ota_id (its build trusts), one that is provisioned may not. */
static enum ota_status find_id_row(struct ota_provisioning *p, struct ota_err *err) {
    p->id_row = ota_table_by_label(&p->flash.table, OTA_ID_LABEL);
    if (p->id_row)
        return OTA_OK;
    return ota_err_set(err, OTA_CONFIG,
                       "%s: the partition table has no %s; add a row to its CSV: %s, data, nvs, , %uK, readonly",
                       p->build_folder, OTA_ID_LABEL, OTA_ID_LABEL, OTA_ID_SIZE_MIN / 1024u);
}

/* What is each board's own comes from no build. */
static enum ota_status check_not_built(const struct ota_provisioning *p, const struct ota_partition *row,
                                       struct ota_err *err) {
    const char *path = ota_factory_build_at(&p->build, row->offset);
    return !path ? OTA_OK
                 : ota_err_set(err, OTA_CONFIG, "%s brings an image for %s, %s, which would be replaced; leave it out",
                               p->build_folder, row->label, path);
}

static enum ota_status find_rows(struct ota_provisioning *p, struct ota_err *err) {
    const struct ota_table *t = &p->flash.table;
    const struct ota_partition *nvs = ota_table_by_label(t, "nvs");
    const struct ota_partition *otadata = ota_table_by_type(t, OTA_PART_DATA, OTA_DATA_OTA);
    OTA_TRY(find_id_row(p, err));
    p->state_row = ota_table_by_label(t, OTA_STATE_LABEL);
    p->nvs_row = nvs && nvs->type == OTA_PART_DATA && nvs->subtype == OTA_DATA_NVS ? nvs : NULL;
    p->nvs_built = p->nvs_row && ota_factory_build_at(&p->build, nvs->offset);
    OTA_TRY(check_not_built(p, p->state_row, err));
    OTA_TRY(check_not_built(p, p->id_row, err));
    OTA_TRY(blank(p, p->state_row, err));
    OTA_TRY(blank(p, p->id_row, err));
    if (p->nvs_row && !p->nvs_built)
        OTA_TRY(blank(p, p->nvs_row, err));
    return otadata && !ota_factory_build_at(&p->build, otadata->offset) ? blank(p, otadata, err) : OTA_OK;
}

static enum ota_status digest_table(struct ota_provisioning *p, struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    OTA_TRY(
        ota_sha256(&ota_crypto_openssl, p->flash.bytes.p + p->build.boot.table_offset, OTA_TABLE_LENGTH, digest, err));
    ota_hex_encode(digest, sizeof digest, p->table);
    return OTA_OK;
}

enum ota_status ota_provision_build(struct ota_provisioning *p, struct ota_err *err) {
    OTA_TRY(ota_factory_build_open(&p->build, p->build_folder, ota_args_get(p->args, "flash-size"), err));
    OTA_TRY(check_kind(p, err));
    OTA_TRY(ota_factory_flash_fill(&p->flash, &p->build, false, err));
    enum ota_status st = ota_table_check_agent(&p->flash.table, err);
    if (st == OTA_OK)
        st = ota_table_check_chip(&p->flash.table, p->build.chip, p->build.boot.table_offset, err);
    if (st != OTA_OK)
        return ota_err_prefix(err, "%s", p->build_folder);
    OTA_TRY(find_rows(p, err));
    OTA_TRY(check_images(p, err));
    return digest_table(p, err);
}
