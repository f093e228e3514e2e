/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a checked release to a published one:
 *
 *   enter the place -> read what is published -> counter -> sign -> hand over, wait
 *
 * Where another release of the product came in between, once more on top of it.
 */
#include "ctl/push.h"
#include "sign/keyring.h"
#include "sign/sign.h"

#define CONFLICTS_MAX 5u

/* ---- signing ------------------------------------------------------------------------------------------- */

static enum ota_status assign_counter(struct ota_push *p, const struct ota_push_current *c, struct ota_err *err) {
    struct ota_release *r = &p->build.release;
    OTA_TRY(ota_sign_next_counter(ota_buf_span(&c->role), p->product->name, &r->counter, err));
    if (r->from_min >= r->counter)
        return ota_err_set(err, OTA_COUNTER,
                           "--from-min %u: the newest release of %s is %u, no board could take this one", r->from_min,
                           r->product, r->counter - 1);
    return OTA_OK;
}

static enum ota_status load_keys(const struct ota_push *p, struct ota_keyring *ring, struct ota_err *err) {
    OTA_CLEAN_FREE char *folder = ota_workspace_path(p->w, "keys");
    if (p->is_unsigned)
        return OTA_OK;
    if (!p->key[0])
        return ota_keyring_load(ring, folder, err);
    for (size_t i = 0; p->key[i]; i++)
        OTA_TRY(ota_keyring_add(ring, p->product->name, p->key[i], &p->passphrase, err));
    return OTA_OK;
}

static enum ota_status sign(const struct ota_push *p, const struct ota_keyring *ring, const struct ota_push_current *c,
                            struct ota_buf *out, uint64_t *version, struct ota_err *err) {
    struct ota_sign_release in = {
        .release = &p->build.release,
        .role = ota_buf_span(&c->role),
        .rollout = ota_buf_span(&c->rollout),
        .now = ota_ctl_now(),
    };
    if (!p->is_unsigned &&
        ota_keyring_product(ring, ota_buf_span(&c->targets), p->product->name, &in.by, err) != OTA_OK)
        return p->key[0] && in.by.count == 0
                   ? ota_err_prefix(err, "--key %s is no key of %s", p->key[0], p->product->name)
                   : err->code;
    return ota_sign_release(&in, out, version, err);
}

/* ---- the flow ------------------------------------------------------------------------------------------ */

static enum ota_status publish_once(struct ota_push *p, const struct ota_keyring *ring, struct ota_err *err) {
    OTA_CLEAN(ota_push_current_free) struct ota_push_current current = {.role = {0}};
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0};
    uint64_t version;
    OTA_TRY(p->place->enter(p, err));
    OTA_TRY(p->place->read(p, &current, err));
    OTA_TRY(ota_push_set_base(p, &current, err)); /* once more: another release may have come in between */
    OTA_TRY(assign_counter(p, &current, err));
    if (p->build.release.counter != p->compared)
        OTA_TRY(ota_push_compare(p, &current, err));
    OTA_TRY(sign(p, ring, &current, &role, &version, err));
    ota_push_catch_stop();
    return p->place->publish(p, &role, version, err);
}

enum ota_status ota_push_publish(struct ota_push *p, struct ota_err *err) {
    OTA_CLEAN(ota_keyring_free) struct ota_keyring ring = {0};
    OTA_TRY(load_keys(p, &ring, err));
    enum ota_status st = OTA_ROLLBACK;
    for (unsigned i = 0; st == OTA_ROLLBACK && i < CONFLICTS_MAX && !ota_push_stopped(); i++) {
        st = publish_once(p, &ring, err);
        p->place->leave(p);
    }
    return st;
}
