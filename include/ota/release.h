/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Releases and channels: the `custom` objects that make a TUF target a release. Read by boards, written by push and
 * the signer. Format: ota-manifest(5).
 *
 *   img/<product>/<counter>/<file>         one image; custom {"kind","label"[,"z"]}
 *   img/<product>/<counter>/release.txt    the notes; custom = the release itself
 *   rollout/<product>/<channel>            length 0; custom = the channel
 */
#ifndef OTA_RELEASE_H
#define OTA_RELEASE_H

#include "ota/metadata.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_STEPS_MAX 8u
#define OTA_RELEASES_MAX 64u /* that one product role may list */
#define OTA_CHANNELS_MAX 8u
#define OTA_NEEDS_MAX 4u
#define OTA_NEED_MAX 24u
#define OTA_GROUPS_MAX 8u
#define OTA_PATH_STONES_MAX 8u
#define OTA_VERSION_MAX 63u
#define OTA_CHIP_NAME_MAX 15u
#define OTA_COUNTER_MAX 999999999u
#define OTA_SALT_MAX 32u
#define OTA_IMAGE_LENGTH_MAX (64u * 1024u * 1024u)
#define OTA_NOTES_MAX 4096u

#define OTA_LABEL_APP "@ota"
#define OTA_LABEL_BOOTLOADER "@bootloader"
#define OTA_LABEL_TABLE "@partition-table"

#define OTA_LABEL_FACTORY "factory"

/* The factory app is an `app` for the label `factory`: it is copied like data and never activated. */
enum ota_kind { OTA_KIND_APP, OTA_KIND_BOOTLOADER, OTA_KIND_TABLE, OTA_KIND_DATA, OTA_KIND_FACTORY, OTA_KIND_COUNT };
const char *ota_kind_name(enum ota_kind kind); /* "app" (both), "bootloader", "partition-table", "data" */
/* Is it in Espressif's image format. */
bool ota_kind_is_image(enum ota_kind kind);

/* One image of a release. */
struct ota_step {
    char file[OTA_FILE_MAX + 1];
    char label[OTA_LABEL_MAX + 1];
    enum ota_kind kind;
    uint32_t length;
    uint8_t sha256[OTA_SHA256_LEN];
    uint32_t z_length; /* 0: no zlib form */
    uint8_t z_sha256[OTA_SHA256_LEN];
};

/* What a release with a bootloader or table signs about the boot configuration. */
struct ota_boot_config {
    bool anti_rollback, flash_encryption, rollback;
    uint8_t secure_boot; /* 0, 1, 2 */
    uint32_t table_offset;
};

struct ota_release {
    char product[OTA_NAME_MAX + 1];
    uint32_t counter; /* 1.. */
    char version[OTA_VERSION_MAX + 1];
    char chip[OTA_CHIP_NAME_MAX + 1];
    uint16_t chip_rev_min; /* major*100+minor */
    bool compat;
    bool risk; /* "risk":"accept" */
    uint32_t secure_version;
    uint32_t from_min;
    uint8_t channel_count, need_count, step_count;
    char channel[OTA_CHANNELS_MAX][OTA_NAME_MAX + 1]; /* sorted */
    char need[OTA_NEEDS_MAX][OTA_NEED_MAX + 1];
    bool has_boot;
    struct ota_boot_config boot;
    struct ota_step step[OTA_STEPS_MAX]; /* in order: table, data, bootloader, factory, app */
    uint32_t notes_length;
    uint8_t notes_sha256[OTA_SHA256_LEN];
};

struct ota_channel {
    uint32_t counter;
    uint16_t permille; /* 0..1000 */
    uint8_t group_count, path_count;
    char group[OTA_GROUPS_MAX][OTA_NAME_MAX + 1]; /* "*" = every board */
    uint32_t path[OTA_PATH_STONES_MAX];           /* ascending; last = counter */
    char salt[OTA_SALT_MAX + 1];
};

/* Reads release `counter` of `product` out of a verified product role: release.txt and every step. Checks forms,
 * order, and that steps name files of that folder with kind and label that belong together; a folder file that no
 * step names is refused. *found = false if not listed. */
OTA_MUST_USE enum ota_status ota_release_read(const struct ota_metadata *role, const char *product, uint32_t counter,
                                              struct ota_release *out, bool *found, struct ota_err *err);
/* The counters a product role lists, ascending. */
OTA_MUST_USE enum ota_status ota_release_counters(const struct ota_metadata *role, const char *product, uint32_t *out,
                                                  size_t cap, size_t *count, struct ota_err *err);
/* What holds for every release whatever the board: order of steps, one app at most, compat, boot, risk where chip
 * lacks recovery, needs known. */
OTA_MUST_USE enum ota_status ota_release_check(const struct ota_release *r, struct ota_err *err);
/* Writes the members of `targets` that make up this release (sorted). */
void ota_release_write(struct ota_json *j, const struct ota_release *r);
/* "img/<product>/<counter>/<file>"; false when it does not fit. */
bool ota_release_path(const char *product, uint32_t counter, const char *file, char *out, size_t cap);
/* "targets/"-relative path on server and disk: img/<product>/<counter>/<sha256>.<file> */
bool ota_release_served_path(const char *product, uint32_t counter, const char *file,
                             const uint8_t sha256[OTA_SHA256_LEN], char *out, size_t cap);

/* How the zlib form of a file is called: <file>.z */
#define OTA_PACKED_FILE_MAX (OTA_FILE_MAX + 2u)
void ota_release_packed_file(const char *file, char out[OTA_PACKED_FILE_MAX + 1]);
/* The same of the zlib form: .../<sha256 of it>.<file>.z */
bool ota_release_packed_path(const char *product, uint32_t counter, const char *file,
                             const uint8_t z_sha256[OTA_SHA256_LEN], char *out, size_t cap);

OTA_MUST_USE enum ota_status ota_channel_read(const struct ota_target *entry, const char *product,
                                              struct ota_channel *out, struct ota_err *err);
void ota_channel_write(struct ota_json *j, const char *product, const char *channel, const struct ota_channel *c);
bool ota_channel_path(const char *product, const char *channel, char *out, size_t cap);
/* Is this board in the open share: u32be(SHA-256(salt 00 device)) * 1000 < permille * 2^32. */
OTA_MUST_USE enum ota_status ota_channel_includes(const struct ota_channel *c, const struct ota_crypto *crypto,
                                                  const char *device, bool *in, struct ota_err *err);

/* Features this agent knows, for `needs`. */
bool ota_need_known(const char *need);
/* Order of steps: table 0, data 1, bootloader 2, factory 3, app 4. */
unsigned ota_kind_order(enum ota_kind kind);
/* The label kind `kind` must have ("@ota", "factory", ...), or NULL for data. */
const char *ota_kind_label(enum ota_kind kind);

#ifdef __cplusplus
}
#endif

#endif
