/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an updatable board needs of its partition table beyond what ESP-IDF asks of one (ota_table_check): two slots to
 * change between, and partitions for the agent's trust and identity. Source: docs of the agent in ota/agent.h.
 */
#ifndef OTA_IMAGE_TABLE_AGENT_H
#define OTA_IMAGE_TABLE_AGENT_H

#include "host/buf.h"
#include "ota/image.h"
#include "ota/table.h"

#define OTA_STATE_SIZE_MIN (40u * 1024u) /* what is trusted, and the journal with room to be rewritten */
#define OTA_ID_SIZE_MIN (16u * 1024u)

/* The first thing that is missing, with the row to add. CONFIG. */
OTA_MUST_USE enum ota_status ota_table_check_agent(const struct ota_table *t, struct ota_err *err);
/* What the agent does without: a board whose build brings its trust along needs no ota_id. As ota_table_remarks(). */
void ota_table_remarks_agent(const struct ota_table *t, struct ota_buf *out);
/* Bootloader, recovery and app rows against the chip and the place of the table. TABLE_LAYOUT. */
OTA_MUST_USE enum ota_status ota_table_check_chip(const struct ota_table *t, const struct ota_chip *chip,
                                                  uint32_t table_offset, struct ota_err *err);
/* What is allowed but seldom meant: one line each, appended with a line feed. */
void ota_table_remarks(const struct ota_table *t, struct ota_buf *out);

#endif
