/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a repository of somebody's; see origin.h. */
#include "ctl/origin.h"

#include <string.h>

#include "ctl/cmd.h"
#include "host/fs.h"

#define CA_FILE_MAX (64u * 1024u)

bool ota_origin_is_url(const char *place) {
    return strncmp(place, "https://", 8) == 0 || strncmp(place, "http://", 7) == 0;
}

enum ota_status ota_origin_ca(const struct ota_workspace *w, const char *given, struct ota_buf *out,
                              struct ota_err *err) {
    OTA_CLEAN_FREE char *own = w ? ota_workspace_path(w, "keys/ca.crt") : NULL;
    if (given)
        return ota_fs_read(given, CA_FILE_MAX, out, err);
    return own && ota_fs_exists(own) ? ota_fs_read(own, CA_FILE_MAX, out, err) : OTA_OK;
}

static enum ota_status open_url(struct ota_origin *s, const char *url, struct ota_span ca, struct ota_err *err) {
    size_t n = strlen(url);
    while (n && url[n - 1] == '/')
        n--;
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%.*s/metadata", (int)n, url);
    OTA_CLEAN_FREE char *targets = ota_sprintf("%.*s/targets", (int)n, url);
    OTA_CLEAN_FREE char *api = ota_sprintf("%.*s/api/v1", (int)n, url);
    const struct ota_curl_config cfg = {
        .url_metadata = metadata,
        .url_targets = targets,
        .url_api = api,
        .ca_pem = ca,
        .user_agent = "otactl/" OTA_PROGRAM_VERSION,
    };
    return ota_curl_new(&cfg, &s->curl, err);
}

static enum ota_status open_folder(struct ota_origin *s, const char *place, struct ota_err *err) {
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", place);
    OTA_CLEAN_FREE char *inner = ota_sprintf("%s/state/repo", place);
    if (!ota_fs_exists(place))
        return ota_err_set(err, OTA_NOT_FOUND, "%s: does not exist", place);
    if (!ota_fs_is_dir(place))
        return ota_err_set(err, OTA_IO, "%s: is no folder; name a repository folder or an https address", place);
    if (!ota_fs_is_dir(metadata) && !ota_fs_is_dir(inner))
        return ota_err_set(err, OTA_NOT_FOUND, "%s: is no repository: it has no metadata/ folder", place);
    s->dir = ota_strdup(ota_fs_is_dir(metadata) ? place : inner);
    ota_dir_transport_init(&s->folder, s->dir, NULL);
    return OTA_OK;
}

enum ota_status ota_origin_open(struct ota_origin *s, const char *place, const struct ota_workspace *w,
                                const char *ca_file, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf ca = {0};
    if (!place[0])
        return ota_err_set(err, OTA_USAGE, "which repository? Name its folder or an https address");
    if (!ota_origin_is_url(place))
        return open_folder(s, place, err);
    OTA_TRY(ota_origin_ca(w, ca_file, &ca, err));
    return open_url(s, place, ota_buf_span(&ca), err);
}

const struct ota_transport *ota_origin_transport(const struct ota_origin *s) {
    return s->curl ? ota_curl_transport(s->curl) : &s->folder.port;
}

void ota_origin_close(struct ota_origin *s) {
    ota_curl_free(&s->curl);
    free(s->dir);
    s->dir = NULL;
}
