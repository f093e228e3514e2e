/* SPDX-License-Identifier: Apache-2.0 */
/* What is published now, and how a release about to be pushed stands to it. */
#include <stdlib.h>
#include <string.h>

#include "ctl/origin.h"
#include "ctl/push.h"
#include "sign/base.h"
#include "sign/sign.h"

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

/* The images that lie where the release goes. */
struct images {
    struct ota_origin server;
    struct ota_dir_transport here;
    char *repo;
};
static void images_close(struct images *i) {
    ota_origin_close(&i->server);
    free(i->repo);
}

static enum ota_status images_open(const struct ota_push *p, struct images *i, const struct ota_transport **out,
                                   struct ota_err *err) {
    if (p->server.url) {
        OTA_TRY(ota_origin_open(&i->server, p->server.url, p->w, p->server.ca, err));
        *out = ota_origin_transport(&i->server);
        return OTA_OK;
    }
    i->repo = ota_workspace_path(p->w, "state/repo");
    ota_dir_transport_init(&i->here, i->repo, NULL);
    *out = &i->here.port;
    return OTA_OK;
}

enum ota_status ota_push_compare(struct ota_push *p, const struct ota_push_current *c, struct ota_err *err) {
    OTA_CLEAN(images_close) struct images images = {.repo = NULL};
    const struct ota_sign_current now = {.role = ota_buf_span(&c->role), .rollout = ota_buf_span(&c->rollout)};
    const struct ota_transport *targets = NULL;
    struct ota_release offered;
    bool found;
    OTA_TRY(ota_sign_offered(&now, p->product->name, p->channel, &offered, &found, err));
    if (found)
        remark_same_image(p, &offered);
    OTA_TRY(ota_sign_next_counter(now.role, p->product->name, &p->compared, err));
    OTA_TRY(images_open(p, &images, &targets, err));
    return ota_sign_compare(&p->build, &now, p->channel, targets, p->accept, err);
}
