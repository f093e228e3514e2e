/* SPDX-License-Identifier: Apache-2.0 */
/* Judges folders of state/incoming before anything in them is read; see repo_folder.h. */
#include "store/repo_folder.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "host/fs.h"

#define ID_MAX 64u
#define DEPTH_MAX 6u /* targets/img/<product>/<counter>/<file>, and the folder itself */

bool ota_repo_id_valid(const char *id) {
    size_t n = strlen(id);
    if (n == 0 || n > ID_MAX || id[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)id[i]) && !strchr("-_.", id[i]))
            return false;
    return true;
}

static enum ota_status check_entries(const char *dir, unsigned depth, struct ota_err *err);

static enum ota_status check_entry(const char *path, unsigned depth, struct ota_err *err) {
    struct stat st;
    if (lstat(path, &st) != 0)
        return ota_fs_errno(err, path, "cannot examine");
    if (depth == DEPTH_MAX || (!S_ISDIR(st.st_mode) && (!S_ISREG(st.st_mode) || depth == 0)))
        return ota_err_set(err, OTA_ARGUMENT, "%s: a link, a device or too deep; a release is folders and files", path);
    if (st.st_uid != geteuid())
        return ota_err_set(err, OTA_ARGUMENT,
                           "%s: belongs to user %u, not to the one who publishes (%u); push as that user", path,
                           (unsigned)st.st_uid, (unsigned)geteuid());
    return S_ISDIR(st.st_mode) ? check_entries(path, depth + 1, err) : OTA_OK;
}

static enum ota_status check_entries(const char *dir, unsigned depth, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(ota_fs_list(dir, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, names.name[i]);
        OTA_TRY(check_entry(path, depth, err));
    }
    return OTA_OK;
}

enum ota_status ota_repo_folder_check(const char *dir, struct ota_err *err) {
    return check_entry(dir, 0, err);
}
