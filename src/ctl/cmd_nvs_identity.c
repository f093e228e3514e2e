/* SPDX-License-Identifier: Apache-2.0 */
/* otactl nvs identity: the partition ota_id of a real board. Everything is checked first, then its file appears, then
 * the board is made known. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/cmd.h"
#include "ctl/cmd_nvs.h"
#include "ctl/cmd_table.h"
#include "ctl/output_file.h"
#include "host/certificate.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/passphrase.h"
#include "host/printable.h"
#include "host/shell_words.h"
#include "image/identity.h"
#include "image/table_agent.h"
#include "ota/agent.h"
#include "store/fleet.h"
#include "store/provision.h"

#define PEM_MAX 16384u

struct making {
    const struct ota_args *args;
    struct ota_workspace w;
    const struct ota_product_config *product;
    struct ota_id_record id;
    char *path;
    uint32_t size, offset; /* offset 0: no table was named */
    uint32_t table_offset; /* 0: not told */
    bool registered;       /* by this run */
};
static void making_free(struct making *m) {
    ota_workspace_close(&m->w);
    ota_id_record_free(&m->id);
    free(m->path);
}

/* ---- token --------------------------------------------------------------------------------------------- */

static enum ota_status check_token(const struct making *m, const char *file, struct ota_err *err) {
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    OTA_CLEAN_FREE char *db = ota_workspace_path(&m->w, "state/fleet.db");
    enum ota_fleet_auth auth;
    if (!ota_fs_exists(db))
        return OTA_OK; /* the server is elsewhere, and knows its boards */
    OTA_TRY(ota_fleet_open(&fleet, db, err));
    OTA_TRY(ota_fleet_authenticate(fleet, m->id.id, m->id.token, &auth, err));
    if (auth == OTA_FLEET_UNKNOWN_DEVICE)
        return ota_err_set(err, OTA_NOT_FOUND, "board %s is not known; leave --token-file out, and it is made known",
                           m->id.id);
    return auth == OTA_FLEET_TOKEN_OK ? OTA_OK
                                      : ota_err_set(err, OTA_UNAUTHORIZED, "%s: not the token of board %s",
                                                    OTA_SHORT_PATH(file, 150), m->id.id);
}

/* Of a board that was added before; its token was shown once, by device add. */
static enum ota_status read_token(struct making *m, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    const char *file = ota_args_get(m->args, "token-file");
    if (!file && m->w.config.server[0])
        return ota_err_set(err, OTA_USAGE,
                           "boards are known to the server %s; add this one there (otactl device add) and name its "
                           "token with --token-file",
                           m->w.config.server);
    if (!file)
        return OTA_OK;
    OTA_TRY(ota_fs_read_secret(file, 4096, &text, err));
    size_t n = strcspn(ota_buf_text(&text), " \t\r\n");
    if (n == 0 || n >= OTA_TOKEN_TEXT_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "%s: its first line is no token", OTA_SHORT_PATH(file, 150));
    m->id.token = ota_sprintf("%.*s", (int)n, ota_buf_text(&text));
    memset(text.p, 0, text.len);
    return check_token(m, file, err);
}

/* ---- certificate --------------------------------------------------------------------------------------- */

static enum ota_status read_certificate(struct making *m, struct ota_err *err) {
    const char *crt = ota_args_get(m->args, "crt"), *key = ota_args_get(m->args, "key");
    if (!crt != !key)
        return ota_err_set(err, OTA_USAGE, "--crt and --key belong together");
    if (!crt)
        return OTA_OK;
    OTA_TRY(ota_fs_read(crt, PEM_MAX, &m->id.crt, err));
    OTA_TRY(ota_certificate_check(ota_buf_span(&m->id.crt), crt, err));
    OTA_TRY(ota_fs_read_secret(key, PEM_MAX, &m->id.key, err));
    return ota_certificate_check_key(ota_buf_span(&m->id.crt), ota_buf_span(&m->id.key), key, err);
}

/* ---- place --------------------------------------------------------------------------------------------- */

/* The table says where the partition lies and how large it is. */
static enum ota_status read_table(struct making *m, struct ota_err *err) {
    const char *path = ota_args_get(m->args, "table");
    m->size = OTA_ID_SIZE_MIN;
    OTA_TRY(ota_ctl_address(m->args, "offset", &m->table_offset, err));
    if (path) {
        OTA_CLEAN_FREE struct ota_table_file *f = ota_calloc(1, sizeof *f);
        const struct ota_chip *chip = ota_chip_by_name(ota_span_str(m->product->chip));
        OTA_TRY(ota_ctl_table_read_at(path, chip, m->table_offset, f, err));
        const struct ota_partition *p = ota_table_by_label(&f->table, OTA_ID_LABEL);
        if (!p || p->type != OTA_PART_DATA || p->subtype != OTA_DATA_NVS)
            return ota_err_set(err, OTA_CONFIG, "%s: it has no %s; add a row: %s, data, nvs, , %uK, readonly",
                               OTA_SHORT_PATH(path, 150), OTA_ID_LABEL, OTA_ID_LABEL, OTA_ID_SIZE_MIN / 1024u);
        m->offset = p->offset;
        m->size = p->size;
    }
    uint32_t size;
    OTA_TRY(ota_ctl_nvs_size(m->args, m->size, &size, err));
    if (path && size != m->size)
        return ota_err_set(err, OTA_USAGE, "--size %s, but %s has 0x%x bytes in %s", ota_args_get(m->args, "size"),
                           OTA_ID_LABEL, (unsigned)m->size, OTA_SHORT_PATH(path, 100));
    m->size = size;
    return OTA_OK;
}

/* That everything fits is known before the board is: a token is always as long. */
static enum ota_status check_fits(struct making *m, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf trial = {0};
    bool lacks_token = !m->id.token;
    if (lacks_token) {
        m->id.token = ota_calloc(OTA_TOKEN_TEXT_MAX, 1);
        memset(m->id.token, 'x', OTA_TOKEN_TEXT_MAX - 1);
    }
    enum ota_status st = ota_id_record_write(&m->id, m->size, &trial, err);
    if (lacks_token)
        free(OTA_STEAL(m->id.token));
    if (st == OTA_NO_SPACE)
        return ota_err_set(err, OTA_NO_SPACE, "%s of %u bytes is too small for this root and CA; give it 32K (--size)",
                           OTA_ID_LABEL, (unsigned)m->size);
    return st;
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static enum ota_status prepare(struct making *m, struct ota_err *err) {
    const struct ota_args *a = m->args;
    const char *id = ota_args_get(a, "id"), *path = ota_args_get(a, "output");
    const struct ota_provision wanted = {
        .channel = ota_args_get(a, "channel"),
        .groups = ota_args_get(a, "groups"),
        .url = ota_args_get(a, "url"),
        .root = ota_args_get(a, "root"),
        .ca = ota_args_get(a, "ca"),
        .no_ca = ota_args_has(a, "no-ca"),
    };
    if (!id)
        return ota_err_set(err, OTA_USAGE, "whose identity? Add --id ID; many boards take their serial number");
    if (wanted.ca && wanted.no_ca)
        return ota_err_set(err, OTA_USAGE, "--ca and --no-ca contradict each other; give one of them");
    OTA_TRY(ota_provision_check_id(id, err));
    if (path)
        OTA_TRY(ota_ctl_output_check_new(path, err));
    m->id.id = ota_strdup(id);
    m->path = path ? ota_strdup(path) : ota_sprintf("%s-%s.bin", OTA_ID_LABEL, id);
    OTA_TRY(ota_ctl_workspace(a, &m->w, err));
    OTA_TRY(ota_workspace_product(&m->w, ota_args_get(a, "product"), &m->product, err));
    OTA_TRY(ota_provision_trust(&m->w, m->product, &wanted, &m->id, err));
    OTA_TRY(read_table(m, err));
    OTA_TRY(read_certificate(m, err));
    OTA_TRY(read_token(m, err));
    return check_fits(m, err);
}

static enum ota_status taken(const struct making *m, struct ota_err *err) {
    return ota_err_set(err, OTA_EXISTS, "%s: exists already; an identity is not overwritten, name another file",
                       OTA_SHORT_PATH(m->path, 150));
}

/* The token in the file of a run that was killed before its board was known: byte for byte what this one would make. */
static bool read_before(struct making *m) {
    OTA_CLEAN(ota_secret_free) struct ota_buf found = {0};
    OTA_CLEAN(ota_secret_free) struct ota_buf wanted = {0};
    OTA_CLEAN(ota_id_record_free) struct ota_id_record before = {0};
    struct ota_err ignored;
    if (ota_fs_read_secret(m->path, m->size, &found, &ignored) != OTA_OK ||
        ota_id_record_parse(ota_buf_span(&found), &before, &ignored) != OTA_OK || !before.token)
        return false;
    m->id.token = OTA_STEAL(before.token);
    return ota_id_record_write(&m->id, m->size, &wanted, &ignored) == OTA_OK && wanted.len == found.len &&
           memcmp(wanted.p, found.p, found.len) == 0;
}

static enum ota_status write_file(const struct making *m, struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf bytes = {0};
    OTA_TRY(ota_id_record_write(&m->id, m->size, &bytes, err));
    enum ota_status st = ota_fs_write_new(m->path, bytes.p, bytes.len, 0600, err);
    return st == OTA_EXISTS ? taken(m, err) : st;
}

/* A board that is known is told from others by this certificate, too, from now on. */
static enum ota_status tell_certificate(const struct making *m, struct ota_err *err) {
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    OTA_CLEAN_FREE char *db = ota_workspace_path(&m->w, "state/fleet.db");
    const struct ota_fleet_enrolment e = {
        .id = m->id.id,
        .product = m->id.product,
        .channel = m->id.channel,
        .token = m->id.token,
        .crt = ota_buf_span(&m->id.crt),
        .replace = true,
    };
    if (!m->id.crt.len || !ota_fs_exists(db))
        return OTA_OK;
    OTA_TRY(ota_fleet_open(&fleet, db, err));
    return ota_fleet_enrol(fleet, &e, err);
}

static enum ota_status make(struct making *m, struct ota_err *err) {
    bool there = ota_fs_exists(m->path);
    if (m->id.token) {
        if (there)
            return taken(m, err);
        OTA_TRY(tell_certificate(m, err));
        return write_file(m, err);
    }
    if (there && !read_before(m))
        return taken(m, err);
    enum ota_status st = ota_provision_choose(&m->w, m->id.id, &m->id, err);
    if (st == OTA_EXISTS && there)
        return taken(m, err);
    OTA_TRY(st);
    if (!there)
        OTA_TRY(write_file(m, err));
    m->registered = true;
    st = ota_provision_register(&m->w, &m->id, err);
    if (st == OTA_EXISTS && !there)
        (void)unlink(m->path);
    return st;
}

/* ---- report -------------------------------------------------------------------------------------------- */

/* The rows of ota_id are flagged readonly, which parttool.py takes for a lock. The words; the caller deletes. */
static cJSON *flash_command(const struct making *m) {
    cJSON *words = cJSON_CreateArray();
    if (m->offset) {
        ota_shell_add(words, "esptool");
        ota_shell_add(words, "write-flash");
        ota_shell_add(words, "0x%x", (unsigned)m->offset);
        ota_shell_add(words, "%s", m->path);
        return words;
    }
    ota_shell_add(words, "parttool.py");
    if (m->table_offset && m->table_offset != OTA_TABLE_DEFAULT_OFFSET) {
        ota_shell_add(words, "--partition-table-offset");
        ota_shell_add(words, "0x%x", (unsigned)m->table_offset);
    }
    static const char *const rest[] = {"write_partition", "--partition-name", OTA_ID_LABEL, "--input"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(rest); i++)
        ota_shell_add(words, "%s", rest[i]);
    ota_shell_add(words, "%s", m->path);
    ota_shell_add(words, "--ignore-readonly");
    return words;
}

static void report(const struct making *m) {
    cJSON *words = flash_command(m);
    OTA_CLEAN_FREE char *command = ota_shell_line(words);
    if (!ota_ctl_json(m->args)) {
        ota_print_line(stdout, "%s: board %s, product %s, channel %s; %u bytes", m->path, m->id.id, m->id.product,
                       m->id.channel, (unsigned)m->size);
        ota_print_line(stdout, "%s Keep the file secret: it holds the board's token%s.",
                       m->registered ? "The board is known now." : "The board was known.",
                       m->id.key.len ? " and private key" : "");
        if (!m->id.ca.len)
            printf("No CA is in it: the firmware wants CONFIG_OTA_TLS_BUNDLE=y.\n");
        printf("\n");
        ota_print_line(stdout, "Now: %s", command);
        cJSON_Delete(words);
        return;
    }
    OTA_CLEAN_FREE char *path = ota_strdup(m->path);
    (void)ota_printable_clean(path);
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "output", path);
    (void)cJSON_AddStringToObject(tree, "id", m->id.id);
    (void)cJSON_AddStringToObject(tree, "product", m->id.product);
    (void)cJSON_AddStringToObject(tree, "channel", m->id.channel);
    (void)cJSON_AddNumberToObject(tree, "size", m->size);
    (void)(m->offset ? cJSON_AddNumberToObject(tree, "offset", m->offset) : cJSON_AddNullToObject(tree, "offset"));
    (void)cJSON_AddBoolToObject(tree, "registered", m->registered);
    (void)cJSON_AddStringToObject(tree, "command", command);
    (void)cJSON_AddItemToObject(tree, "argv", words);
    ota_ctl_print_json(&tree);
}

enum ota_status ota_cmd_nvs_identity(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(making_free) struct making m = {.args = args};
    OTA_TRY(prepare(&m, err));
    OTA_TRY(make(&m, err));
    report(&m);
    return OTA_OK;
}
