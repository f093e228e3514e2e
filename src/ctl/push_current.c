/* SPDX-License-Identifier: Apache-2.0 */
/* What is published now, and how a release about to be pushed stands to it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/push.h"
#include "sign/base.h"

void ota_push_current_free(struct ota_push_current *c) {
    ota_buf_free(&c->role);
    ota_buf_free(&c->rollout);
    ota_buf_free(&c->targets);
}

enum ota_status ota_push_set_base(struct ota_push *p, const struct ota_push_current *c, struct ota_err *err) {
    const struct ota_sign_current now = {.role = ota_buf_span(&c->role), .rollout = ota_buf_span(&c->rollout)};
    return ota_sign_set_base(&p->build, &now, p->channel, err);
}

/* ---- remarks ------------------------------------------------------------------------------------------- */

static void remark_same_image(struct ota_push *p, const struct ota_release *offered) {
    for (size_t i = 0; i < p->build.release.step_count; i++)
        for (size_t k = 0; k < offered->step_count; k++) {
            const struct ota_step *mine = &p->build.release.step[i], *there = &offered->step[k];
            if (strcmp(mine->label, there->label) == 0 && memcmp(mine->sha256, there->sha256, OTA_SHA256_LEN) == 0)
                ota_build_remark(&p->build, "%s is the same image as in release %u, which %s offers already",
                                 mine->label, offered->counter, p->channel);
        }
}

/* Compares the numbers that two versions begin with; words behind them say nothing about an order. */
static int compare_versions(const char *a, const char *b) {
    a += *a == 'v';
    b += *b == 'v';
    while (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
        char *end_a, *end_b;
        unsigned long x = strtoul(a, &end_a, 10), y = strtoul(b, &end_b, 10);
        if (x != y)
            return x < y ? -1 : 1;
        if (*end_a != '.' || *end_b != '.')
            return 0;
        a = end_a + 1;
        b = end_b + 1;
    }
    return 0;
}

enum ota_status ota_push_compare(struct ota_push *p, const struct ota_push_current *c, struct ota_err *err) {
    const struct ota_sign_current now = {.role = ota_buf_span(&c->role), .rollout = ota_buf_span(&c->rollout)};
    struct ota_release offered;
    bool found;
    OTA_TRY(ota_sign_offered(&now, p->product->name, p->channel, &offered, &found, err));
    if (!found)
        return OTA_OK;
    remark_same_image(p, &offered);
    if (ota_build_has_app(&p->build.release) && compare_versions(p->build.release.version, offered.version) < 0)
        ota_build_remark(&p->build, "%s is lower than the %s of release %u, which %s offers: boards go back",
                         p->build.release.version, offered.version, offered.counter, p->channel);
    return OTA_OK;
}
