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
 * known is therefore never taken: its token is in no file here. Of two runs that make one board known the second finds
 * it taken, and removes its file.
 *
 * A board that is done is looked at before anything is made: its files must be as the record says, and what would go
 * into it now must be what went into it then. The record has a digest of that with a key of the workspace's, for
 * passwords could be guessed from a plain one. --again makes a board anew of which that is not so: its files go first
 * (but a whole one with the token in it, which stays), then the record learns that it is not done, then it is made.
 *
 * A token that was revoked never comes back. --again makes a revoked board, of this folder or not, with another one.
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

enum ota_provision_state {
    OTA_PROVISION_NEW,    /* to be made */
    OTA_PROVISION_REMADE, /* to be made anew */
    OTA_PROVISION_FRESH,  /* to be made anew with another token: the one it had was revoked */
    OTA_PROVISION_KEPT,   /* its files are there, and right */
    OTA_PROVISION_GONE,   /* recorded, but files were taken away: flashed, then deleted, as it should be */
    OTA_PROVISION_REVOKED /* its token was; without --again an error */
};

/* provision_inputs.c: state/provision.key of the workspace. */
#define OTA_PROVISION_KEY_LEN 32u
struct ota_provision_key_file {
    uint8_t key[OTA_PROVISION_KEY_LEN];
    char name[9]; /* by which the record tells it from another one */
};

struct ota_provisioning {
    const struct ota_args *args;
    struct ota_workspace w;
    const struct ota_product_config *product;
    const char *build_folder; /* from */
    char *folder;             /* to */
    bool parts;               /* nvs and ota_id in files of their own */
    bool again;               /* --again */
    bool certificates;        /* --client-cert */
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
    enum ota_provision_state *state; /* of each board of the list, from ota_provision_try() */
    struct ota_provision_record record;
    struct ota_provision_key_file key; /* of the digests in the record */
    uint8_t placed[OTA_SHA256_LEN];    /* digest of what the build places, boards' partitions blank */
    struct ota_fleet *fleet;
    struct ota_pki_issuer *issuer; /* NULL: boards have tokens alone */
    int lock;
};

/* provision_build.c: the folder and what all boards have in common. CHIP, CONFIG, SLOT_SIZE, TABLE_*, IMAGE_*. */
OTA_MUST_USE enum ota_status ota_provision_build(struct ota_provisioning *p, struct ota_err *err);

/* provision_make.c: could it be made? Changes nothing but p->state. EXISTS when another board has the id, or a file its
 * name; CONFIG when it is done, and files, token, values, options or build are not what they were. */
OTA_MUST_USE enum ota_status ota_provision_try(struct ota_provisioning *p, const struct ota_provision_board *b,
                                               struct ota_err *err);
/* As p->state says. */
OTA_MUST_USE enum ota_status ota_provision_make(struct ota_provisioning *p, const struct ota_provision_board *b,
                                                struct ota_err *err);
enum ota_provision_state *ota_provision_state(const struct ota_provisioning *p, const struct ota_provision_board *b);
const char *ota_provision_id(const struct ota_provision_board *b);
/* The file that holds the identity; the caller frees. */
char *ota_provision_file(const struct ota_provisioning *p, const struct ota_provision_board *b);
/* What goes into it: all of the identity but token and certificate, and nvs (empty: nothing is stored). */
OTA_MUST_USE enum ota_status ota_provision_identity(struct ota_provisioning *p, const struct ota_provision_board *b,
                                                    struct ota_id_record *r, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_provision_values(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                                  struct ota_buf *out, struct ota_err *err);

/* What its file says; token, certificate and key stay. EXISTS when it is not the board's. */
OTA_MUST_USE enum ota_status ota_provision_read_back(const struct ota_provisioning *p, const char *path,
                                                     const struct ota_provision_board *b, struct ota_id_record *out,
                                                     struct ota_err *err);

/* provision_standing.c: what the server knows of a board. */
enum ota_provision_standing {
    OTA_STANDING_UNKNOWN,
    OTA_STANDING_OWN,    /* it has this token */
    OTA_STANDING_OTHER,  /* it has another one */
    OTA_STANDING_REVOKED /* it had one, this or another */
};
OTA_MUST_USE enum ota_status ota_provision_stands(const struct ota_provisioning *p, const char *id, const char *token,
                                                  enum ota_provision_standing *out, struct ota_err *err);
/* What that makes of p->state, which files and record gave. EXISTS, CONFIG. `token` becomes that of a file that stays;
 * NULL: there is none. */
OTA_MUST_USE enum ota_status ota_provision_weigh(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                                 char **token, struct ota_err *err);
/* EXISTS with the ids of boards that are OTA_PROVISION_REVOKED. */
OTA_MUST_USE enum ota_status ota_provision_check_revoked(const struct ota_provisioning *p, struct ota_err *err);
enum ota_status ota_provision_taken(const struct ota_provisioning *p, const char *id, struct ota_err *err);

/* provision_done.c: a board with a line in the record. */
OTA_MUST_USE enum ota_status ota_provision_look(struct ota_provisioning *p, const struct ota_provision_board *b,
                                                const struct ota_provision_entry *e, struct ota_err *err);
/* Takes the files away that a board made anew does not begin with; `e` is NULL for one that was not made here. */
OTA_MUST_USE enum ota_status ota_provision_clear(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                                 const struct ota_provision_entry *e, struct ota_err *err);

/* provision_inputs.c: the key, made as needed; what all boards have in common; and what a board is made of. */
struct ota_provision_inputs {
    char whole[8 + 1 + OTA_SHA256_HEX_LEN + 1]; /* "KEY-DIGEST" */
    char made_of[OTA_MADE_OF_COUNT][OTA_MADE_OF_LEN + 1];
};
OTA_MUST_USE enum ota_status ota_provision_inputs_open(struct ota_provisioning *p, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_provision_inputs(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                                  const struct ota_id_record *r, struct ota_span nvs,
                                                  struct ota_provision_inputs *out, struct ota_err *err);

/* provision_commands.c: adds the commands that flash it to an object, as words ("argv") and as lines for a shell
 * ("commands"), to be run in `folder` ("" for the folder of the files, else with a slash at its end). */
void ota_provision_commands(const struct ota_provisioning *p, const struct ota_provision_board *b, const char *folder,
                            cJSON *object);
/* provision_unique.c: EXISTS when the record has a MAC of the list for a board that is not in it. */
OTA_MUST_USE enum ota_status ota_provision_unique_in(const struct ota_provision_list *l,
                                                     const struct ota_provision_record *r, struct ota_err *err);

#endif
