/* SPDX-License-Identifier: Apache-2.0 */
/* What a workspace gives a board. */
#include "store/provision.h"

#include <string.h>

#include "host/certificate.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "ota/address.h"
#include "ota/metadata.h"
#include "store/fleet.h"
#include "store/repo.h"

#define CA_MAX 65536u
#define IDS_MAX 9999u

/* ---- names --------------------------------------------------------------------------------------------- */

/* A value of a list is no mistake of the command line: its line is told instead of the option. */
static enum ota_status blame(const struct ota_provision *wanted, bool listed, struct ota_err *err) {
    if (!listed)
        return err->code;
    if (err->code == OTA_USAGE)
        err->code = OTA_ARGUMENT;
    return ota_err_place(err, wanted->listed.file, wanted->listed.line);
}

static enum ota_status check_channel(const struct ota_product_config *p, const char *channel, bool listed,
                                     struct ota_err *err) {
    if (!ota_name_valid(ota_span_str(channel)))
        return ota_err_set(err, OTA_USAGE, "%schannel %.40s: a-z, 0-9 and -, at most %u", listed ? "" : "--", channel,
                           OTA_NAME_MAX);
    for (size_t i = 0; p && i < p->channel_count; i++)
        if (strcmp(p->channel[i], channel) == 0)
            return OTA_OK;
    return !p ? OTA_OK
              : ota_err_set(err, OTA_CHANNEL, "product %s has no channel \"%.40s\"; add it to channels in ota.conf",
                            p->name, channel);
}

static enum ota_status choose_names(const struct ota_product_config *p, const struct ota_provision *wanted,
                                    struct ota_id_record *r, struct ota_err *err) {
    const char *product = p ? p->name : wanted->product;
    const char *channel = wanted->channel              ? wanted->channel
                          : p && p->default_channel[0] ? p->default_channel
                                                       : "stable";
    if (!ota_name_valid(ota_span_str(product)))
        return ota_err_set(err, OTA_USAGE, "--product %.40s: a-z, 0-9 and -, at most %u", product, OTA_NAME_MAX);
    if (check_channel(p, channel, wanted->listed.channel, err) != OTA_OK)
        return blame(wanted, wanted->listed.channel, err);
    if (wanted->groups && !ota_groups_valid(ota_span_str(wanted->groups))) {
        (void)ota_err_set(err, OTA_USAGE, "%sgroups %.80s: names of a-z, 0-9 and -, separated by commas, %u in all",
                          wanted->listed.groups ? "" : "--", wanted->groups, OTA_GROUPS_TEXT_MAX);
        return blame(wanted, wanted->listed.groups, err);
    }
    r->product = ota_strdup(product);
    r->channel = ota_strdup(channel);
    r->groups = ota_strdup(wanted->groups ? wanted->groups : "");
    return OTA_OK;
}

/* ---- addresses ----------------------------------------------------------------------------------------- */

/* Nothing that ota.conf does not take as its url: boards would store it, and then refuse it. */
static enum ota_status check_url(const char *name, const char *url, size_t length, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_config *parsed = ota_calloc(1, sizeof *parsed);
    OTA_CLEAN_FREE char *line = ota_sprintf("url = %.*s", (int)length, url);
    struct ota_err ignored;
    if (strncmp(url, "https://", 8) != 0 || length <= 8)
        return ota_err_set(err, OTA_USAGE, "%s %.80s: an address https://HOST[:PORT] is wanted", name, url);
    if (ota_address_check(url, err) != OTA_OK)
        return ota_err_set(err, OTA_USAGE, "%s: without user name and password, boards keep them in the clear", name);
    for (size_t i = 0; i < length; i++)
        if (url[i] <= 0x20 || url[i] > 0x7E || url[i] == '\'')
            return ota_err_set(err, OTA_USAGE, "%s: holds a character that no address has", name);
    /* What begins a comment there is cut. */
    if (ota_config_parse(ota_span_str(line), name, parsed, &ignored) != OTA_OK || strcmp(parsed->url, line + 6) != 0)
        return ota_err_set(err, OTA_USAGE, "%s %.80s: without ?, # and quotes, and shorter than %zu bytes", name, url,
                           sizeof parsed->url);
    return OTA_OK;
}

static enum ota_status choose_urls(const struct ota_workspace *w, const struct ota_provision *wanted,
                                   struct ota_id_record *r, struct ota_err *err) {
    const char *url = wanted->url ? wanted->url : w->config.url;
    size_t n = strlen(url);
    while (n && url[n - 1] == '/')
        n--;
    const char *name = wanted->listed.url ? "url" : wanted->url ? "--url" : "url of ota.conf";
    if (check_url(name, url, n, err) != OTA_OK)
        return blame(wanted, wanted->listed.url, err);
    r->url_meta = ota_sprintf("%.*s/metadata", (int)n, url);
    r->url_targets = ota_sprintf("%.*s/targets", (int)n, url);
    r->url_api = ota_sprintf("%.*s/api/v1", (int)n, url);
    return OTA_OK;
}

/* ---- trust --------------------------------------------------------------------------------------------- */

static enum ota_status check_root(const char *name, const struct ota_buf *root, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf copy = {0};
    struct ota_metadata meta;
    ota_buf_append(&copy, root->p, root->len);
    return ota_metadata_parse(copy.p, &copy.len, "root", &meta, err) == OTA_OK ? OTA_OK : ota_err_place(err, name, 0);
}

static enum ota_status read_root_file(const char *path, struct ota_buf *out, struct ota_err *err) {
    out->len = 0;
    OTA_TRY(ota_fs_read(path, OTA_CAP_ROOT, out, err));
    return check_root(path, out, err);
}

/* A workspace that pushes to a server elsewhere has keys/root.json and no repository. */
static enum ota_status read_root(const struct ota_workspace *w, const char *given, struct ota_buf *out,
                                 struct ota_err *err) {
    if (given)
        return read_root_file(given, out, err);
    struct ota_err why;
    enum ota_status st = ota_repo_role(w, "root", out, &why);
    OTA_CLEAN_FREE char *pinned = ota_workspace_path(w, "keys/root.json");
    if (st == OTA_NOT_FOUND && ota_fs_exists(pinned))
        return read_root_file(pinned, out, err);
    if (st == OTA_NOT_FOUND)
        return ota_err_set(err, OTA_NOT_FOUND, "%s is missing: copy it from the server, or --root FILE",
                           OTA_SHORT_PATH(pinned, 150));
    if (st != OTA_OK)
        *err = why;
    return st;
}

/* The CA given, or the workspace's. A board without one takes the system's word for who its server is: somebody has to
 * say so, a file that got lost does not. */
static enum ota_status read_ca(const struct ota_workspace *w, const struct ota_provision *wanted, struct ota_buf *out,
                               struct ota_err *err) {
    OTA_CLEAN_FREE char *own = w ? ota_workspace_path(w, "keys/ca.crt") : NULL;
    const char *path = wanted->ca ? wanted->ca : own;
    if (wanted->no_ca || !path || (!wanted->ca && wanted->ca_optional && !ota_fs_exists(own)))
        return OTA_OK;
    if (!wanted->ca && !ota_fs_exists(own))
        return ota_err_set(err, OTA_NOT_FOUND, "%s is missing: --ca FILE, or --no-ca for a server of a public CA",
                           OTA_SHORT_PATH(own, 150));
    OTA_TRY(ota_fs_read(path, CA_MAX, out, err));
    return ota_certificate_check(ota_buf_span(out), path, err);
}

enum ota_status ota_provision_trust(const struct ota_workspace *w, const struct ota_product_config *p,
                                    const struct ota_provision *wanted, struct ota_id_record *out,
                                    struct ota_err *err) {
    OTA_TRY(choose_names(p, wanted, out, err));
    OTA_TRY(choose_urls(w, wanted, out, err));
    if (wanted->read) {
        ota_buf_append(&out->root, wanted->read->root.p, wanted->read->root.len);
        ota_buf_append(&out->ca, wanted->read->ca.p, wanted->read->ca.len);
        return OTA_OK;
    }
    OTA_TRY(read_root(w, wanted->root, &out->root, err));
    return read_ca(w, wanted, &out->ca, err);
}

/* ---- registration -------------------------------------------------------------------------------------- */

enum ota_status ota_provision_check_id(const char *id, struct ota_err *err) {
    if (ota_device_id_valid(ota_span_str(id)))
        return OTA_OK;
    return ota_err_set(err, OTA_USAGE, "--id %.70s: letters, digits and . _ : -, at most %u, no punctuation first", id,
                       OTA_DEVICE_ID_MAX);
}

static enum ota_status open_fleet(const struct ota_workspace *w, struct ota_fleet **out, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "state/fleet.db");
    return ota_fleet_open(out, path, err);
}

/* A token that was made before must not bring back a board that was revoked. */
static enum ota_status is_new(struct ota_fleet *fleet, const struct ota_id_record *r, bool *out, struct ota_err *err) {
    enum ota_fleet_auth auth;
    if (!r->token)
        return ota_fleet_is_free(fleet, r->id, out, err);
    OTA_TRY(ota_fleet_authenticate(fleet, r->id, r->token, &auth, err));
    *out = auth == OTA_FLEET_UNKNOWN_DEVICE;
    return OTA_OK;
}

static enum ota_status known(const char *id, struct ota_err *err) {
    return ota_err_set(err, OTA_EXISTS, "board %s is known already, and its token was shown once; choose another --id",
                       id);
}

static enum ota_status choose_number(struct ota_fleet *fleet, const char *prefix, char **id, struct ota_err *err) {
    bool found = false;
    for (unsigned n = 1; !found && n <= IDS_MAX; n++) {
        free(OTA_STEAL(*id));
        *id = ota_sprintf("%s-%04u", prefix, n);
        OTA_TRY(ota_fleet_is_free(fleet, *id, &found, err));
    }
    return found ? OTA_OK : known(*id, err);
}

enum ota_status ota_provision_choose(const struct ota_workspace *w, const char *prefix, struct ota_id_record *r,
                                     struct ota_err *err) {
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    char token[OTA_TOKEN_TEXT_MAX] = "";
    bool found = true;
    OTA_TRY(open_fleet(w, &fleet, err));
    OTA_TRY(r->id ? is_new(fleet, r, &found, err) : choose_number(fleet, prefix, &r->id, err));
    if (!found)
        return known(r->id, err);
    if (r->token)
        return OTA_OK;
    OTA_TRY(ota_fleet_token_make(token, err));
    r->token = ota_strdup(token);
    memset(token, 0, sizeof token);
    return OTA_OK;
}

enum ota_status ota_provision_register(const struct ota_workspace *w, const struct ota_id_record *r,
                                       struct ota_err *err) {
    OTA_CLEAN(ota_fleet_close) struct ota_fleet *fleet = NULL;
    const struct ota_fleet_enrolment e = {
        .id = r->id,
        .product = r->product,
        .channel = r->channel,
        .token = r->token,
        .crt = ota_buf_span(&r->crt),
    };
    enum ota_fleet_auth auth;
    OTA_TRY(open_fleet(w, &fleet, err));
    enum ota_status st = ota_fleet_enrol(fleet, &e, err);
    if (st != OTA_EXISTS)
        return st;
    OTA_TRY(ota_fleet_authenticate(fleet, r->id, r->token, &auth, err));
    return auth == OTA_FLEET_TOKEN_OK ? OTA_OK : known(r->id, err);
}
