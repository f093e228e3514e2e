/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the bundle share. */
#ifndef OTA_CORE_BUNDLE_PRIVATE_H
#define OTA_CORE_BUNDLE_PRIVATE_H

#include "core/agent_private.h"
#include "core/trust_private.h"

/* ---- bundle.c ---- */
/* Reads the file for the proof that the release in the journal is in it and right; writes nothing. */
OTA_MUST_USE enum ota_status ota_bundle_prove(struct ota_agent *a, const struct ota_bundle_file *f,
                                              struct ota_err *err);

/* ---- bundle_judge.c ---- */
OTA_MUST_USE enum ota_status ota_bundle_may_begin(struct ota_bundle *b, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_bundle_begin_proof(struct ota_bundle *b, struct ota_agent *a, struct ota_err *err);
/* The metadata file of b->part, in the agent's buffer. The product's role leads to a plan. */
OTA_MUST_USE enum ota_status ota_bundle_judge(struct ota_bundle *b, size_t len, struct ota_err *err);
void ota_bundle_log_refusal(const struct ota_bundle *b, const struct ota_err *why);

/* ---- bundle_image.c ---- */
/* `path` as served. b->wanted: its bytes are to be given to take, then end. */
OTA_MUST_USE enum ota_status ota_bundle_begin_image(struct ota_bundle *b, const char *path, uint32_t size,
                                                    struct ota_err *err);
OTA_MUST_USE enum ota_status ota_bundle_take_image(struct ota_bundle *b, const uint8_t *p, size_t n,
                                                   struct ota_err *err);
OTA_MUST_USE enum ota_status ota_bundle_end_image(struct ota_bundle *b, struct ota_err *err);
/* Every image of the release came. */
OTA_MUST_USE enum ota_status ota_bundle_check_images(const struct ota_bundle *b, struct ota_err *err);
/* Through the machine: check, commit, reboot. */
OTA_MUST_USE enum ota_status ota_bundle_commit(struct ota_bundle *b, struct ota_err *err);

#endif
