/* SPDX-License-Identifier: Apache-2.0 */
/* Files that verbs make of other files. */
#include "ctl/output_file.h"

#include <string.h>
#include <sys/stat.h>

#include "host/err_place.h"
#include "host/fs.h"
#include "host/passphrase.h"

#define SHORT(path) OTA_SHORT_PATH(path, 100)

/* What is printed goes there as well, and would be lost. */
static bool is_stdout(const char *path) {
    struct stat file, out;
    return stat(path, &file) == 0 && fstat(STDOUT_FILENO, &out) == 0 && file.st_dev == out.st_dev &&
           file.st_ino == out.st_ino;
}

enum ota_status ota_ctl_output_check_new(const char *path, struct ota_err *err) {
    if (!path[0])
        return ota_err_set(err, OTA_USAGE, "--output is empty; name a file");
    if (strcmp(path, "-") == 0)
        return ota_err_set(err, OTA_USAGE, "--output -: nothing but words goes to stdout; name a file");
    return OTA_OK;
}

static enum ota_status check_place(const char *path, struct ota_err *err) {
    OTA_CLEAN_FREE char *place = NULL;
    OTA_TRY(ota_ctl_output_check_new(path, err));
    OTA_TRY(ota_fs_place(path, &place, err));
    if (is_stdout(path))
        return ota_err_set(err, OTA_USAGE, "--output %s is where stdout goes; name another file", SHORT(path));
    return OTA_OK;
}

enum ota_status ota_ctl_output_check_input(const char *path, const char *input, struct ota_err *err) {
    if (!ota_fs_same_file(path, input))
        return OTA_OK;
    if (strcmp(path, input) == 0)
        return ota_err_set(err, OTA_USAGE, "--output %s is the input itself; name another file", SHORT(path));
    return ota_err_set(err, OTA_USAGE, "--output %s is the input itself, %s; name another file", SHORT(path),
                       SHORT(input));
}

/* A passphrase may come from a file that no option names. */
static const char *value_of(const struct ota_args *args, const char *option, size_t i) {
    if (strcmp(option, "passphrase-file") == 0)
        return i == 0 ? ota_passphrase_source(ota_args_get(args, option)).file : NULL;
    return i < ota_args_count(args, option) ? ota_args_at(args, option, i) : NULL;
}

static enum ota_status check_option(const struct ota_args *args, const char *path, const char *option,
                                    struct ota_err *err) {
    const char *value;
    for (size_t i = 0; (value = value_of(args, option, i)); i++)
        if (ota_fs_same_file(path, value))
            return ota_err_set(err, OTA_USAGE, "--output %s is the file of --%s; name another file", SHORT(path),
                               option);
    return OTA_OK;
}

enum ota_status ota_ctl_output_check(const struct ota_args *args, const char *const *options, bool operands,
                                     struct ota_err *err) {
    const char *path = ota_args_get(args, "output");
    OTA_TRY(check_place(path, err));
    for (size_t i = 0; options[i]; i++)
        OTA_TRY(check_option(args, path, options[i], err));
    for (size_t i = 0; operands && i < ota_args_operands(args); i++)
        OTA_TRY(ota_ctl_output_check_input(path, ota_args_operand(args, i), err));
    return OTA_OK;
}

enum ota_status ota_ctl_output_write(const char *path, struct ota_span bytes, mode_t mode, struct ota_err *err) {
    OTA_CLEAN_FREE char *place = NULL;
    OTA_TRY(ota_fs_place(path, &place, err));
    return ota_fs_write(place, bytes.p, bytes.len, mode, err);
}
