/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A release against the partition tables that boards have: how many would take it.
 *
 *   read the boards -> know tables, as many as it takes -> judge
 *
 * A board reports the SHA-256 of its table, not the rows. They are found in what is known here by that digest. Whose
 * table is not known is neither for nor against the release.
 */
#ifndef OTA_CTL_FLEET_FIT_H
#define OTA_CTL_FLEET_FIT_H

#include "host/workspace.h"
#include "ota/table.h"
#include "store/repo.h"

struct ota_fleet_fit_table {
    char sha256[OTA_SHA256_HEX_LEN + 1];
    struct ota_table table;
};

struct ota_fleet_fit_board {
    char *id;
    char table[OTA_SHA256_HEX_LEN + 1]; /* "": it has not told */
};

/* Boards with the same table, by their ids. */
struct ota_fleet_fit_group {
    const char *sha256;
    const struct ota_fleet_fit_board *board;
    size_t count;
    const struct ota_fleet_fit_table *known; /* NULL: none here has that digest */
    struct ota_err verdict;                  /* of known: what a board would say; code OTA_OK: it fits */
};

struct ota_fleet_fit {
    /* Set by the caller; borrowed. */
    const struct ota_workspace *w;
    const struct ota_product_config *product;
    const char *channel; /* only boards on it; NULL: on any */
    const struct ota_release *release;
    const struct ota_table *next; /* the table that the release brings; NULL: none */

    size_t board_count, table_count, group_count;
    struct ota_fleet_fit_board *board;
    struct ota_fleet_fit_table *table;
    struct ota_fleet_fit_group *group; /* the largest first */
    size_t fits, misfits, unknown;     /* boards */
};
void ota_fleet_fit_free(struct ota_fleet_fit *f);

/* The boards of state/fleet.db but those in quarantine and revoked ones; none where there is no such file. */
OTA_MUST_USE enum ota_status ota_fleet_fit_read_boards(struct ota_fleet_fit *f, struct ota_err *err);

/* A table by the digest of its bytes; of state/tables; of releases that brought one. */
OTA_MUST_USE enum ota_status ota_fleet_fit_know(struct ota_fleet_fit *f, const struct ota_table *t,
                                                const uint8_t bytes[OTA_TABLE_LENGTH], struct ota_err *err);
OTA_MUST_USE enum ota_status ota_fleet_fit_know_kept(struct ota_fleet_fit *f, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_fleet_fit_know_released(struct ota_fleet_fit *f, const struct ota_repo_info *info,
                                                         struct ota_err *err);
/* Where the table that a published release brings is; NULL: it brings none. */
char *ota_fleet_fit_table_of(const struct ota_workspace *w, const struct ota_release *r);

/* Sets the groups, their verdicts and the counts. */
void ota_fleet_fit_judge(struct ota_fleet_fit *f);
/* What most of those that would refuse it would say; NULL: none would. */
const struct ota_err *ota_fleet_fit_reason(const struct ota_fleet_fit *f);

#endif
