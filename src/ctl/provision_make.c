/* SPDX-License-Identifier: Apache-2.0 */
/* One board: see provision.h for the order of things. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/provision.h"
#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/passphrase.h"
#include "image/identity.h"
#include "store/provision.h"

#define FILES_MAX 2u
#define PEM_TRIAL 1100u /* a certificate of this CA, or a key, has fewer bytes */

/* Files of a board: the whole flash, or nvs and then ota_id, so that where the last one is all are. */
struct output {
    char *name; /* in the folder */
    uint32_t offset;
    struct ota_span bytes;
};
struct making {
    struct ota_id_record id;
    struct ota_buf nvs, identity; /* partitions; nvs empty: nothing to store */
    size_t count;
    struct output file[FILES_MAX];
};
static void making_free(struct making *m) {
    for (size_t i = 0; i < m->count; i++)
        free(m->file[i].name);
    ota_id_record_free(&m->id);
    ota_secret_free(&m->nvs);
    ota_secret_free(&m->identity);
}

const char *ota_provision_id(const struct ota_provision_board *b) {
    return b->text[OTA_COLUMN_ID];
}

enum ota_provision_state *ota_provision_state(const struct ota_provisioning *p, const struct ota_provision_board *b) {
    return &p->state[b - p->list.board];
}

char *ota_provision_file(const struct ota_provisioning *p, const struct ota_provision_board *b) {
    return ota_sprintf(p->parts ? "%s." OTA_ID_LABEL ".bin" : "%s.bin", ota_provision_id(b));
}

/* ---- identity ------------------------------------------------------------------------------------------ */

static void remember(struct ota_buf *to, const struct ota_buf *from) {
    to->len = 0;
    ota_buf_append(to, from->p, from->len);
}

enum ota_status ota_provision_identity(struct ota_provisioning *p, const struct ota_provision_board *b,
                                       struct ota_id_record *r, struct ota_err *err) {
    const char *const *text = (const char *const *)b->text;
    const struct ota_args *a = p->args;
    const struct ota_provision wanted = {
        .channel = text[OTA_COLUMN_CHANNEL] ? text[OTA_COLUMN_CHANNEL] : ota_args_get(a, "channel"),
        .groups = text[OTA_COLUMN_GROUPS] ? text[OTA_COLUMN_GROUPS] : ota_args_get(a, "groups"),
        .url = text[OTA_COLUMN_URL] ? text[OTA_COLUMN_URL] : ota_args_get(a, "url"),
        .root = ota_args_get(a, "root"),
        .ca = ota_args_get(a, "ca"),
        .no_ca = ota_args_has(a, "no-ca"),
        .read = p->trust.root.len ? &p->trust : NULL,
        .listed = {b->line ? p->list.name : NULL, b->line, text[OTA_COLUMN_CHANNEL] != NULL,
                   text[OTA_COLUMN_GROUPS] != NULL, text[OTA_COLUMN_URL] != NULL},
    };
    enum ota_status st = ota_provision_check_id(ota_provision_id(b), err);
    if (st != OTA_OK && b->line) { /* of a CSV it is no mistake of the command line */
        (void)ota_err_set(err, OTA_ARGUMENT,
                          "id \"%.70s\": letters, digits and . _ : -, at most %u, no punctuation first",
                          ota_provision_id(b), OTA_DEVICE_ID_MAX);
        return ota_provision_blame(&p->list, b, err);
    }
    OTA_TRY(st);
    r->id = ota_strdup(ota_provision_id(b));
    OTA_TRY(ota_provision_trust(&p->w, p->product, &wanted, r, err));
    if (!wanted.read) {
        remember(&p->trust.root, &r->root);
        remember(&p->trust.ca, &r->ca);
    }
    return OTA_OK;
}

enum ota_status ota_provision_read_back(const struct ota_provisioning *p, const char *path,
                                        const struct ota_provision_board *b, struct ota_id_record *out,
                                        struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf bytes = {0};
    struct ota_err why;
    uint32_t at = p->parts ? 0 : p->id_row->offset, size = p->id_row->size;
    OTA_TRY(ota_fs_read_secret(path, p->build.flash_size, &bytes, err));
    bool whole = bytes.len >= at && bytes.len - at >= size;
    if (whole && ota_id_record_parse((struct ota_span){bytes.p + at, size}, out, &why) == OTA_OK &&
        strcmp(out->id, ota_provision_id(b)) == 0 && out->token)
        return OTA_OK;
    return ota_err_set(err, OTA_EXISTS,
                       "%s: is there, and not the file of board %s; move it away, or name another folder",
                       OTA_SHORT_PATH(path, 90), ota_provision_id(b));
}

static enum ota_status new_token(struct ota_id_record *r, struct ota_err *err) {
    char token[OTA_TOKEN_TEXT_MAX] = "";
    OTA_TRY(ota_fleet_token_make(token, err));
    r->token = ota_strdup(token);
    OPENSSL_cleanse(token, sizeof token);
    return OTA_OK;
}

static enum ota_status choose_secrets(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                      struct ota_id_record *r, struct ota_err *err) {
    OTA_CLEAN(ota_id_record_free) struct ota_id_record before = {0};
    OTA_CLEAN_FREE char *name = ota_provision_file(p, b);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", p->folder, name);
    if (!ota_fs_exists(path)) {
        OTA_TRY(new_token(r, err));
    } else {
        OTA_TRY(ota_provision_read_back(p, path, b, &before, err));
        r->token = OTA_STEAL(before.token);
    }
    if (!p->issuer)
        return OTA_OK;
    if (!before.crt.len || !before.key.len)
        return ota_pki_issue(p->issuer, r->id, p->now, &r->crt, &r->key, err);
    ota_buf_append(&r->crt, before.crt.p, before.crt.len);
    ota_buf_append(&r->key, before.key.p, before.key.len);
    return OTA_OK;
}

static bool done_before(const struct ota_provisioning *p, const struct ota_provision_board *b, bool *again) {
    const struct ota_provision_entry *e = ota_provision_record_find(&p->record, ota_provision_id(b));
    *again = e && e->again;
    return e && !e->again;
}

/* ---- bytes --------------------------------------------------------------------------------------------- */

enum ota_status ota_provision_values(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                     struct ota_buf *out, struct ota_err *err) {
    OTA_TRY(ota_provision_nvs(&p->list, b, p->nvs_row ? p->nvs_row->size : 0, out, err));
    if (!out->len)
        return OTA_OK;
    enum ota_status st = OTA_OK;
    if (p->build.nvs_encryption)
        st = ota_err_set(err, OTA_UNSUPPORTED,
                         "%s is built with NVS encryption, and would not read these values; make nvs with \"otactl nvs "
                         "build --keys\"",
                         OTA_SHORT_PATH(p->build_folder, 60));
    else if (p->nvs_built)
        st = ota_err_set(err, OTA_CONFIG, "%s brings an image for nvs, which these values would replace; leave it out",
                         OTA_SHORT_PATH(p->build_folder, 60));
    return st == OTA_OK ? OTA_OK : ota_provision_blame(&p->list, b, err);
}

static enum ota_status write_identity(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                      const struct ota_id_record *r, struct ota_buf *out, struct ota_err *err) {
    enum ota_status st = ota_id_record_write(r, p->id_row->size, out, err);
    if (st == OTA_NO_SPACE)
        (void)ota_err_set(err, st, "%s of %u bytes is too small for this root, CA and certificate; give it 32K",
                          OTA_ID_LABEL, (unsigned)p->id_row->size);
    return st == OTA_OK ? OTA_OK : ota_provision_blame(&p->list, b, err);
}

static void add_file(struct making *m, char *name, uint32_t offset, struct ota_span bytes) {
    m->file[m->count++] = (struct output){name, offset, bytes};
}

/* Blank where this board has no values, for the one before may have had some. */
static enum ota_status place_nvs(struct ota_provisioning *p, const struct making *m, struct ota_err *err) {
    if (!p->nvs_row || p->nvs_built)
        return OTA_OK;
    if (m->nvs.len)
        return ota_factory_flash_put(&p->flash, p->nvs_row->label, ota_buf_span(&m->nvs), err);
    memset(p->flash.bytes.p + p->nvs_row->offset, 0xFF, p->nvs_row->size);
    return OTA_OK;
}

static enum ota_status compose(struct ota_provisioning *p, const struct ota_provision_board *b, struct making *m,
                               struct ota_err *err) {
    OTA_TRY(ota_provision_values(p, b, &m->nvs, err));
    OTA_TRY(write_identity(p, b, &m->id, &m->identity, err));
    if (p->parts && m->nvs.len)
        add_file(m, ota_sprintf("%s.nvs.bin", ota_provision_id(b)), p->nvs_row->offset, ota_buf_span(&m->nvs));
    if (p->parts) {
        add_file(m, ota_provision_file(p, b), p->id_row->offset, ota_buf_span(&m->identity));
        return OTA_OK;
    }
    OTA_TRY(place_nvs(p, m, err));
    OTA_TRY(ota_factory_flash_put(&p->flash, OTA_ID_LABEL, ota_buf_span(&m->identity), err));
    add_file(m, ota_provision_file(p, b), 0, (struct ota_span){p->flash.bytes.p, p->flash.end});
    return OTA_OK;
}

/* ---- a trial ------------------------------------------------------------------------------------------- */

static void pretend_pem(struct ota_buf *b) {
    ota_buf_reserve(b, PEM_TRIAL);
    memset(b->p, 'x', PEM_TRIAL);
    b->len = PEM_TRIAL;
}

static bool is_to_be_made(enum ota_provision_state state) {
    return state == OTA_PROVISION_NEW || state == OTA_PROVISION_REMADE || state == OTA_PROVISION_FRESH;
}

enum ota_status ota_provision_try(struct ota_provisioning *p, const struct ota_provision_board *b,
                                  struct ota_err *err) {
    OTA_CLEAN(making_free) struct making m = {0};
    bool again, done = done_before(p, b, &again);
    OTA_TRY(done ? ota_provision_look(p, b, ota_provision_record_find(&p->record, ota_provision_id(b)), err)
                 : ota_provision_identity(p, b, &m.id, err));
    OTA_TRY(ota_provision_weigh(p, b, &m.id.token, err));
    if (!is_to_be_made(*ota_provision_state(p, b)))
        return OTA_OK;
    OTA_TRY(done ? ota_provision_identity(p, b, &m.id, err) : OTA_OK);
    OTA_TRY(m.id.token ? OTA_OK : new_token(&m.id, err));
    if (p->issuer) {
        pretend_pem(&m.id.crt);
        pretend_pem(&m.id.key);
    }
    OTA_TRY(ota_provision_values(p, b, &m.nvs, err));
    return write_identity(p, b, &m.id, &m.identity, err);
}

/* ---- the real thing ------------------------------------------------------------------------------------ */

static enum ota_status write_files(const struct ota_provisioning *p, const struct making *m, struct ota_err *err) {
    for (size_t i = 0; i < m->count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", p->folder, m->file[i].name);
        OTA_TRY(ota_fs_write(path, m->file[i].bytes.p, m->file[i].bytes.len, 0600, err));
    }
    return OTA_OK;
}

static enum ota_status enrol(const struct ota_provisioning *p, const struct ota_id_record *r, bool replace,
                             struct ota_err *err) {
    const struct ota_fleet_enrolment e = {
        .id = r->id,
        .product = r->product,
        .channel = r->channel,
        .token = r->token,
        .table = p->table,
        .crt = ota_buf_span(&r->crt),
        .replace = replace,
    };
    return ota_fleet_enrol(p->fleet, &e, err);
}

static enum ota_status files_json(const struct making *m, cJSON *line, struct ota_err *err) {
    cJSON *files = cJSON_AddArrayToObject(line, "files");
    for (size_t i = 0; i < m->count; i++) {
        uint8_t digest[OTA_SHA256_LEN];
        char hex[OTA_SHA256_HEX_LEN + 1];
        OTA_TRY(ota_sha256(&ota_crypto_openssl, m->file[i].bytes.p, m->file[i].bytes.len, digest, err));
        ota_hex_encode(digest, sizeof digest, hex);
        cJSON *f = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(f, "file", m->file[i].name);
        (void)cJSON_AddNumberToObject(f, "offset", m->file[i].offset);
        (void)cJSON_AddNumberToObject(f, "bytes", (double)m->file[i].bytes.len);
        (void)cJSON_AddStringToObject(f, "sha256", hex);
        (void)cJSON_AddItemToArray(files, f);
    }
    return OTA_OK;
}

static enum ota_status inputs_json(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                   const struct making *m, cJSON *line, struct ota_err *err) {
    struct ota_provision_inputs inputs;
    OTA_TRY(ota_provision_inputs(p, b, &m->id, ota_buf_span(&m->nvs), &inputs, err));
    (void)cJSON_AddStringToObject(line, "inputs", inputs.whole);
    cJSON *made_of = cJSON_AddObjectToObject(line, "made_of");
    for (size_t k = 0; k < OTA_MADE_OF_COUNT; k++)
        (void)cJSON_AddStringToObject(made_of, ota_made_of_name[k], inputs.made_of[k]);
    return OTA_OK;
}

static enum ota_status note(struct ota_provisioning *p, const struct ota_provision_board *b, const struct making *m,
                            struct ota_err *err) {
    cJSON *line = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(line, "id", m->id.id);
    if (b->text[OTA_COLUMN_MAC])
        (void)cJSON_AddStringToObject(line, "mac", b->text[OTA_COLUMN_MAC]);
    (void)cJSON_AddStringToObject(line, "product", m->id.product);
    (void)cJSON_AddStringToObject(line, "channel", m->id.channel);
    (void)cJSON_AddStringToObject(line, "version", p->version);
    (void)cJSON_AddStringToObject(line, "table", p->table);
    (void)cJSON_AddBoolToObject(line, "certificate", m->id.crt.len > 0);
    (void)cJSON_AddNumberToObject(line, "made", (double)ota_ctl_now());
    enum ota_status st = inputs_json(p, b, m, line, err);
    if (st == OTA_OK)
        st = files_json(m, line, err);
    ota_provision_commands(p, b, "", line);
    if (st == OTA_OK)
        st = ota_provision_record_append(&p->record, line, err);
    cJSON_Delete(line);
    return st;
}

static enum ota_status note_again(struct ota_provisioning *p, const struct ota_provision_board *b,
                                  struct ota_err *err) {
    cJSON *line = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(line, "id", ota_provision_id(b));
    (void)cJSON_AddBoolToObject(line, "again", true);
    enum ota_status st = ota_provision_record_append(&p->record, line, err);
    cJSON_Delete(line);
    return st;
}

/* Another run, for another folder, made it known since we looked. */
static enum ota_status take_back(const struct ota_provisioning *p, const struct making *m, struct ota_err *err) {
    for (size_t i = 0; i < m->count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", p->folder, m->file[i].name);
        OTA_TRY(ota_fs_remove(path, err));
    }
    return ota_err_set(err, OTA_EXISTS,
                       "board %s was made known by somebody else meanwhile; its file here was removed, no server would "
                       "take its token",
                       m->id.id);
}

/* May it have the id still? `again`: it was made here before. */
static enum ota_status check_standing(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                      const struct ota_id_record *r, bool again, enum ota_provision_standing *stands,
                                      struct ota_err *err) {
    OTA_TRY(ota_provision_stands(p, r->id, r->token, stands, err));
    if (*stands == OTA_STANDING_REVOKED && *ota_provision_state(p, b) != OTA_PROVISION_FRESH)
        return ota_err_set(err, OTA_EXISTS, "board %s was revoked meanwhile", r->id);
    return *stands == OTA_STANDING_OTHER && !again ? ota_provision_taken(p, r->id, err) : OTA_OK;
}

static enum ota_status make_board(struct ota_provisioning *p, const struct ota_provision_board *b, bool again,
                                  struct ota_err *err) {
    OTA_CLEAN(making_free) struct making m = {0};
    enum ota_provision_standing stands;
    OTA_TRY(ota_provision_identity(p, b, &m.id, err));
    OTA_TRY(choose_secrets(p, b, &m.id, err));
    OTA_TRY(check_standing(p, b, &m.id, again, &stands, err));
    OTA_TRY(compose(p, b, &m, err));
    OTA_TRY(write_files(p, &m, err));
    bool is_known = stands == OTA_STANDING_OWN || stands == OTA_STANDING_OTHER;
    enum ota_status st = OTA_OK;
    if (stands != OTA_STANDING_OWN || m.id.crt.len || again) /* with its own token: key and table may be new */
        st = enrol(p, &m.id, is_known, err);
    if (st == OTA_EXISTS)
        return take_back(p, &m, err);
    OTA_TRY(st);
    return note(p, b, &m, err);
}

/* The database was brought back from a backup, or lost its last moment with the power. */
static enum ota_status enrol_again(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                   struct ota_err *err) {
    OTA_CLEAN(ota_id_record_free) struct ota_id_record r = {0};
    OTA_CLEAN_FREE char *name = ota_provision_file(p, b);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", p->folder, name);
    enum ota_fleet_auth auth;
    OTA_TRY(ota_fleet_authenticate(p->fleet, ota_provision_id(b), "", &auth, err));
    if (auth != OTA_FLEET_UNKNOWN_DEVICE || !ota_fs_exists(path))
        return OTA_OK;
    OTA_TRY(ota_provision_read_back(p, path, b, &r, err));
    return enrol(p, &r, false, err);
}

/* One that was never made here leaves no mark before it is. */
static enum ota_status make_anew(struct ota_provisioning *p, const struct ota_provision_board *b, struct ota_err *err) {
    const struct ota_provision_entry *e = ota_provision_record_find(&p->record, ota_provision_id(b));
    OTA_TRY(ota_provision_clear(p, b, e, err));
    if (e && !e->again)
        OTA_TRY(note_again(p, b, err));
    return make_board(p, b, e != NULL, err);
}

enum ota_status ota_provision_make(struct ota_provisioning *p, const struct ota_provision_board *b,
                                   struct ota_err *err) {
    bool again;
    switch (*ota_provision_state(p, b)) {
    case OTA_PROVISION_NEW:
        (void)done_before(p, b, &again);
        return make_board(p, b, again, err);
    case OTA_PROVISION_REMADE:
    case OTA_PROVISION_FRESH:
        return make_anew(p, b, err);
    default:
        return enrol_again(p, b, err);
    }
}
