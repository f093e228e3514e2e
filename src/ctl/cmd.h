/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otactl's verbs: one handler per verb in cmd_<verb>.c, one row each in verbs.c. A handler prints its result to
 * stdout, as text or (--json) as one JSON object, and leaves messages about failure to its caller.
 */
#ifndef OTA_CTL_CMD_H
#define OTA_CTL_CMD_H

#include <cjson/cJSON.h>

#include "host/args.h"
#include "host/buf.h"
#include "host/workspace.h"

extern const struct ota_program ota_ctl_program;

enum ota_status ota_cmd_init(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_push(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_renew(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_restore(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_inspect(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_releases(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_bundle(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_status(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_verify(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_device_add(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_device_list(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_device_revoke(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_keys_list(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_keys_new(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_keys_digest(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_keys_backup(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_keys_restore(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_keys_move_offline(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_sign(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_sign_export(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_sign_import(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_fleet_list(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_fleet_fits(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_token_create(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_token_list(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_token_revoke(const struct ota_args *args, struct ota_err *err);

enum ota_status ota_cmd_publish(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_root_show(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_root_add_key(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_root_remove_key(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_root_threshold(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_root_rotate(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_root_sign(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_root_publish(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_product_add(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_product_retire(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_product_rotate_key(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_table_show(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_table_build(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_table_check(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_table_diff(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_table_plan(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_firmware_configure(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_nvs_build(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_nvs_show(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_nvs_new_keys(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_provision(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_cmd_nvs_identity(const struct ota_args *args, struct ota_err *err);

/* publish --static: for a server without a daemon; cmd_publish_static.c. */
enum ota_status ota_ctl_publish_static(const struct ota_args *args, struct ota_err *err);

/* sign, verify and keys new, of images: cmd_sign_image.c, cmd_verify_image.c, cmd_keys_boot.c. */
bool ota_ctl_signs_image(const struct ota_args *args); /* by its options */
enum ota_status ota_ctl_sign_image(const struct ota_args *args, struct ota_err *err);
enum ota_status ota_ctl_verify_image(const struct ota_args *args, struct ota_err *err);
/* Writes the public half beside the new key at `path`. The key goes when that fails: it can be made again. */
OTA_MUST_USE enum ota_status ota_ctl_save_public(const char *path, struct ota_span pem, struct ota_err *err);
enum ota_status ota_ctl_new_boot_key(const struct ota_args *args, const char *path, const struct ota_buf *passphrase,
                                     struct ota_err *err);

/* ---- what handlers share: output.c --------------------------------------------------------------------- */

/* The workspace of -C, $OTA_HOME or the current folder. */
OTA_MUST_USE enum ota_status ota_ctl_workspace(const struct ota_args *args, struct ota_workspace *w,
                                               struct ota_err *err);
/* Was --json given. */
bool ota_ctl_json(const struct ota_args *args);
/* The role of a product as published. CONFIG when the repository delegates nothing to it, with the remedy. */
OTA_MUST_USE enum ota_status ota_ctl_product_role(const struct ota_workspace *w, const char *product,
                                                  struct ota_buf *out, struct ota_err *err);
/* Prints the tree as one line and frees it. */
void ota_ctl_print_json(cJSON **tree);
/* "25%", "2.5%"; returns out. */
#define OTA_CTL_SHARE_MAX 8
const char *ota_ctl_share(unsigned permille, char out[OTA_CTL_SHARE_MAX]);
/* An option that takes a time, as 90d, 12h, 30min or 2y, in seconds: at least one minute, at most `max`. USAGE. */
OTA_MUST_USE enum ota_status ota_ctl_duration(const struct ota_args *args, const char *option, uint64_t max,
                                              uint64_t absent, uint64_t *out, struct ota_err *err);
/* Who runs this, for requests and logs: a plain name, else uid-N; returns out. */
#define OTA_CTL_USER_MAX 33
const char *ota_ctl_user(char out[OTA_CTL_USER_MAX]);
/* Seconds since 1970 by this machine's clock. */
uint64_t ota_ctl_now(void);

#endif
