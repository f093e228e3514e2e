/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the page share. */
#ifndef OTA_CORE_PAGE_PRIVATE_H
#define OTA_CORE_PAGE_PRIVATE_H

#include "ota/page.h"

/* ---- page_html.c ---- */
/* HTML before and behind the token, and the policy with the hashes of its script and style. */
extern const char ota_page_html_head[], ota_page_html_tail[], ota_page_html_policy[];

/* ---- page_answer.c ---- */
void ota_page_answer_page(struct ota_page *p, struct ota_page_answer *out);
void ota_page_answer_status(struct ota_page *p, struct ota_page_answer *out);
/* The bundle was taken. */
void ota_page_answer_taken(struct ota_page *p, struct ota_page_answer *out);
/* OTA_OK: the problem is HTTP's own. */
void ota_page_answer_problem(struct ota_page *p, unsigned http, enum ota_status code, const char *detail,
                             struct ota_page_answer *out);
/* The bundle was not taken. */
void ota_page_answer_refused(struct ota_page *p, const struct ota_err *why, struct ota_page_answer *out);
/* Another task has the agent. */
void ota_page_answer_busy(struct ota_page *p, struct ota_page_answer *out);
void ota_page_answer_add(struct ota_page_answer *out, const char *name, const char *value);

#endif
