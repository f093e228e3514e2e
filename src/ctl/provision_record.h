/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a folder of provisioned boards, boards.jsonl: one JSON object a line, appended when a board is done: its
 * file is there whole, and the server knows it. No secrets. Private to src/ctl.
 *
 *   {"id":"b1","mac":"…","product":"thermo","channel":"stable","version":"1.0.0","table":"<sha256>","certificate":false,
 *    "made":1790000000,"inputs":"<keyed digest>","made_of":{"values":"<keyed digest>",…},"files":[{"file":"b1.bin","offset":0,"bytes":3407872,"sha256":"…"}],
 *    "commands":["esptool …"],"argv":[["esptool","…"]]}
 *   {"id":"b1","again":true}       its files were gone, and it is being made anew: until the next line it is not done
 *
 * The last line of an id holds. A line without its end was cut off with the power or by a full disk, and is removed.
 */
#ifndef OTA_CTL_PROVISION_RECORD_H
#define OTA_CTL_PROVISION_RECORD_H

#include <cjson/cJSON.h>

#include "host/buf.h"

#define OTA_PROVISION_RECORD "boards.jsonl"

/* What a board is made of, by kind: short digests tell which of them is another one now. */
enum ota_made_of {
    OTA_MADE_OF_MAC,
    OTA_MADE_OF_VALUES,
    OTA_MADE_OF_PRODUCT,
    OTA_MADE_OF_CHANNEL,
    OTA_MADE_OF_GROUPS,
    OTA_MADE_OF_URL,
    OTA_MADE_OF_ROOT,
    OTA_MADE_OF_CA,
    OTA_MADE_OF_CERTIFICATE,
    OTA_MADE_OF_FLASH_SIZE,
    OTA_MADE_OF_BUILD,
    OTA_MADE_OF_COUNT
};
#define OTA_MADE_OF_LEN 8u
/* In the record: "mac", "values" ... */
extern const char *const ota_made_of_name[OTA_MADE_OF_COUNT];

struct ota_provision_entry {
    char *id;
    char *mac;    /* as ota_provision_mac() writes it; NULL: it was not told */
    char *inputs; /* of what it was made (ctl/provision_inputs.c); NULL: a record of before */
    char made_of[OTA_MADE_OF_COUNT][OTA_MADE_OF_LEN + 1]; /* in hexadecimal; "": a record of before */
    bool again;
    size_t index; /* in the record */
    size_t file_count;
    struct ota_provision_file {
        char *name; /* in the folder */
        uint64_t bytes;
        char sha256[OTA_SHA256_HEX_LEN + 1]; /* "": a record of before */
    } * file;
};

struct ota_provision_record {
    char *path;
    int fd;       /* -1: not open */
    uint64_t end; /* of the last whole line */
    void *tree;   /* of the entries by id (tsearch) */
    size_t count;
    struct ota_provision_entry **entry; /* the last of each id */
};
/* For OTA_CLEAN(); begin with {.fd = -1}. */
void ota_provision_record_close(struct ota_provision_record *r);
/* Where there is none it is empty. The caller holds the lock of the folder. */
OTA_MUST_USE enum ota_status ota_provision_record_open(struct ota_provision_record *r, const char *folder,
                                                       struct ota_err *err);
/* NULL: there is none of this id. */
const struct ota_provision_entry *ota_provision_record_find(const struct ota_provision_record *r, const char *id);
/* One more line, in a file made as needed, which lasts when this returns; of a failed write nothing stays. */
OTA_MUST_USE enum ota_status ota_provision_record_append(struct ota_provision_record *r, const cJSON *line,
                                                         struct ota_err *err);

#endif
