/* SPDX-License-Identifier: Apache-2.0 */
/* What the server knows of a board, and what that means for making it. */
#include <string.h>

#include "ctl/provision.h"
#include "host/err_place.h"
#include "host/fs.h"

#define NAMES_MAX 100u /* bytes of ids in a message */

enum ota_status ota_provision_stands(const struct ota_provisioning *p, const char *id, const char *token,
                                     enum ota_provision_standing *out, struct ota_err *err) {
    enum ota_fleet_auth auth;
    bool is_free;
    OTA_TRY(ota_fleet_authenticate(p->fleet, id, token, &auth, err));
    OTA_TRY(ota_fleet_is_free(p->fleet, id, &is_free, err));
    *out = auth == OTA_FLEET_UNKNOWN_DEVICE ? OTA_STANDING_UNKNOWN
           : is_free                        ? OTA_STANDING_REVOKED
           : auth == OTA_FLEET_TOKEN_OK     ? OTA_STANDING_OWN
                                            : OTA_STANDING_OTHER;
    return OTA_OK;
}

enum ota_status ota_provision_taken(const struct ota_provisioning *p, const char *id, struct ota_err *err) {
    return ota_err_set(
        err, OTA_EXISTS,
        "board %s is known already, and was not made in %s; take another id, or give this one up: otactl "
        "device revoke %s, then --again",
        id, OTA_SHORT_PATH(p->folder, 60), id);
}

/* Of a board that is not done: unknown, known by the token of its file, or begun here with --again. */
static enum ota_status weigh_new(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                 enum ota_provision_standing stands, struct ota_err *err) {
    const struct ota_provision_entry *e = ota_provision_record_find(&p->record, ota_provision_id(b));
    if (stands == OTA_STANDING_OTHER && !e) {
        (void)ota_provision_taken(p, ota_provision_id(b), err);
        return ota_provision_blame(&p->list, b, err);
    }
    return OTA_OK;
}

/* Of one that is done: its file is worth something only with the token that counts. Another one may be in use: --again
 * does not end it. */
static enum ota_status weigh_done(const struct ota_provisioning *p, const struct ota_provision_board *b, bool has_token,
                                  enum ota_provision_standing stands, struct ota_err *err) {
    if (stands != OTA_STANDING_OTHER || !has_token)
        return OTA_OK;
    (void)ota_err_set(err, OTA_EXISTS,
                      "board %s has another token by now than its file in %s; remove the file, or give that token up: "
                      "otactl device revoke %s, then --again",
                      ota_provision_id(b), OTA_SHORT_PATH(p->folder, 60), ota_provision_id(b));
    return ota_provision_blame(&p->list, b, err);
}

/* A file that does not tell is no obstacle where the record tells what it is. */
static enum ota_status read_token(const struct ota_provisioning *p, const struct ota_provision_board *b, bool done,
                                  char **token, struct ota_err *err) {
    OTA_CLEAN(ota_id_record_free) struct ota_id_record r = {0};
    OTA_CLEAN_FREE char *name = ota_provision_file(p, b);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", p->folder, name);
    struct ota_err why;
    if (!ota_fs_exists(path))
        return OTA_OK;
    enum ota_status st = ota_provision_read_back(p, path, b, &r, &why);
    if (st != OTA_OK && !done) {
        *err = why;
        return st;
    }
    if (st == OTA_OK)
        *token = OTA_STEAL(r.token);
    return OTA_OK;
}

enum ota_status ota_provision_weigh(const struct ota_provisioning *p, const struct ota_provision_board *b, char **token,
                                    struct ota_err *err) {
    enum ota_provision_state *state = ota_provision_state(p, b);
    enum ota_provision_standing stands;
    bool done = *state != OTA_PROVISION_NEW;
    if (*state == OTA_PROVISION_GONE) /* nothing of it is given out */
        return OTA_OK;
    OTA_TRY(read_token(p, b, done, token, err));
    OTA_TRY(ota_provision_stands(p, ota_provision_id(b), *token ? *token : "", &stands, err));
    if (stands == OTA_STANDING_REVOKED)
        *state = p->again ? OTA_PROVISION_FRESH : OTA_PROVISION_REVOKED;
    else
        OTA_TRY(done ? weigh_done(p, b, *token != NULL, stands, err) : weigh_new(p, b, stands, err));
    return OTA_OK;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

enum ota_status ota_provision_check_revoked(const struct ota_provisioning *p, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf names = {0};
    const struct ota_provision_board *first = NULL;
    size_t count = 0, named = 0;
    for (size_t i = 0; i < p->list.count; i++) {
        const char *id = ota_provision_id(&p->list.board[i]);
        if (p->state[i] != OTA_PROVISION_REVOKED)
            continue;
        first = count++ ? first : &p->list.board[i];
        if (named + 1 < count || names.len + strlen(id) > NAMES_MAX)
            continue;
        ota_buf_printf(&names, "%s%s", named++ ? ", " : "", id);
    }
    if (!count)
        return OTA_OK;
    if (named < count)
        ota_buf_printf(&names, " and %zu more", count - named);
    (void)ota_err_set(err, OTA_EXISTS, "board%s %s %s revoked; leave %s out, or let --again make %s anew, with %s",
                      count == 1 ? "" : "s", ota_buf_text(&names), count == 1 ? "was" : "were",
                      count == 1 ? "it" : "them", count == 1 ? "it" : "them",
                      count == 1 ? "a new token" : "new tokens");
    return count == 1 ? ota_provision_blame(&p->list, first, err) : err->code;
}
