/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of otactl provision. Private to its files.
 *
 * A board is made in an order in which being killed anywhere loses nothing:
 *
 *   1  its file (identity with token and key in it) gets its name, whole
 *   2  the fleet database learns id and the token's digest
 *   3  a line in the record says that it is done
 *
 * The next run finds the token of a board without a line in its file, and goes on from there. A board that others made
 * known is therefore never taken: its token is in no file here.
 */
#ifndef OTA_CTL_PROVISION_H
#define OTA_CTL_PROVISION_H

#include "ctl/cmd.h"
#include "ctl/provision_list.h"
#include "ctl/provision_record.h"
#include "host/id_record.h"
#include "image/factory_flash.h"
#include "sign/pki.h"
#include "store/fleet.h"

struct ota_provisioning {
    const struct ota_args *args;
    struct ota_workspace w;
    const struct ota_product_config *product;
    const char *build_folder, *folder; /* from, to */
    bool parts;                        /* nvs and ota_id in files of their own */
    bool again;                        /* --again */
    uint64_t now;

    struct ota_factory_build build;
    struct ota_factory_flash flash; /* of the board being made */
    char version[33];
    char table[OTA_SHA256_HEX_LEN + 1];
    const struct ota_partition *id_row, *state_row;
    const struct ota_partition *nvs_row; /* NULL: the table has none */
    bool nvs_built;                      /* the build brings an image for it */

    struct ota_id_record trust; /* root and ca, once the first board has them */
    struct ota_provision_list list;
    struct ota_provision_record record;
    struct ota_fleet *fleet;
    struct ota_pki_issuer *issuer; /* NULL: boards have tokens alone */
    int lock;
};

/* provision_build.c: the folder and what all boards have in common. CHIP, CONFIG, SLOT_SIZE, TABLE_*, IMAGE_*. */
OTA_MUST_USE enum ota_status ota_provision_build(struct ota_provisioning *p, struct ota_err *err);

enum ota_provision_outcome {
    OTA_PROVISION_MADE,
    OTA_PROVISION_KEPT,
    OTA_PROVISION_GONE /* recorded, but its file was taken away */
};
/* provision_make.c: could it be made? Changes nothing. EXISTS when another board has the id, or a file its name. */
OTA_MUST_USE enum ota_status ota_provision_try(struct ota_provisioning *p, const struct ota_provision_board *b,
                                               struct ota_err *err);
OTA_MUST_USE enum ota_status ota_provision_make(struct ota_provisioning *p, const struct ota_provision_board *b,
                                                enum ota_provision_outcome *out, struct ota_err *err);
/* The commands that flash it, to be run in `folder` ("" for the folder of the files, else with a slash at its end). */
cJSON *ota_provision_commands(const struct ota_provisioning *p, const struct ota_provision_board *b,
                              const char *folder);

#endif
