/* SPDX-License-Identifier: Apache-2.0 */
/* The roles of a product from elsewhere; see repo.h. */
#include <string.h>

#include "store/repo_verify.h"

void ota_repo_roles_free(struct ota_repo_roles *r) {
    ota_buf_free(&r->targets);
    ota_buf_free(&r->rollout);
    ota_buf_free(&r->product);
}

struct collect {
    const char *product;
    struct ota_repo_roles *out;
};

static void keep(void *ctx, const char *name, struct ota_span wire) {
    const struct collect *c = ctx;
    struct ota_buf *to = strcmp(name, "targets") == 0    ? &c->out->targets
                         : strcmp(name, "rollout") == 0  ? &c->out->rollout
                         : strcmp(name, c->product) == 0 ? &c->out->product
                                                         : NULL;
    if (!to)
        return;
    to->len = 0;
    ota_buf_append(to, wire.p, wire.len);
}

enum ota_status ota_repo_fetch(const struct ota_transport *transport, struct ota_span root, const char *product,
                               struct ota_repo_roles *out, struct ota_err *err) {
    struct collect c = {product, out};
    const struct ota_repo_check check = {
        .transport = transport, .root = root, .product = product, .role = keep, .ctx = &c};
    OTA_TRY(ota_repo_verify_part(&check, err));
    if (out->product.len == 0)
        return ota_err_set(err, OTA_DELEGATION, "this repository has no product %s", product);
    return OTA_OK;
}
