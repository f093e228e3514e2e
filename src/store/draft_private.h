/* SPDX-License-Identifier: Apache-2.0 */
/* A draft that was opened. Private to src/store. */
#ifndef OTA_STORE_DRAFT_PRIVATE_H
#define OTA_STORE_DRAFT_PRIVATE_H

#include "store/draft.h"
#include "store/repo_change.h"

#define OTA_DRAFT_CONF "conf"

struct ota_draft {
    struct ota_repo_request request;
    char *text;
    struct ota_buf conf;
    struct ota_repo_change change;
    struct ota_repo_set *set; /* as published */
    size_t need_count;
    struct ota_draft_need need[OTA_DRAFT_NEEDS_MAX];
};

#endif
