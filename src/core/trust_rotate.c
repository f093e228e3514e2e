/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking over a new root. Fast-forward recovery: whoever held a key that counts no longer, or not alone, may have signed
 * versions (and with the timestamp key a time) far ahead, so what rests on them is forgotten. A key that only comes
 * beside the others forgets nothing: what they signed long ago is still good, and could be replayed.
 *
 *   1 "rotated" names the new root's version    2 the new root is stored    3 old records go    4 "rotated" goes
 *
 * A cut before 2 leaves the old root with its records: whoever then withholds the new root cannot replay older
 * metadata. A cut after 2 leaves the new root and the note that the records do not count.
 */
#include "core/trust_private.h"

static enum ota_status forget_online_roles(struct ota_trust *t, uint64_t floor, struct ota_err *err) {
    const struct ota_kv *kv = t->cfg.kv;
    t->ts = (struct ota_timestamp_record){.floor = floor};
    t->role_count = t->snapshot_count = 0;
    t->snapshot_version = t->snapshot_expires = 0;
    if (floor)
        OTA_TRY(ota_trust_store_timestamp(t, err));
    else
        OTA_TRY(kv->erase(kv->ctx, OTA_KV_TIMESTAMP, err));
    OTA_TRY(kv->erase(kv->ctx, OTA_KV_ROLES, err));
    OTA_TRY(kv->erase(kv->ctx, OTA_KV_SNAPSHOT, err));
    return kv->erase(kv->ctx, OTA_KV_ROTATED, err);
}

enum ota_status ota_trust_take_root(struct ota_trust *t, const struct ota_metadata *root, size_t len,
                                    bool timestamp_rotated, bool snapshot_rotated, struct ota_err *err) {
    const struct ota_kv *kv = t->cfg.kv;
    const bool rotated = timestamp_rotated || snapshot_rotated;
    const struct ota_rotation_record note = {root->version, timestamp_rotated ? 0 : t->ts.floor};
    t->stale = true;
    if (rotated)
        OTA_TRY(ota_trust_store_rotation(t, &note, err));
    OTA_TRY(kv->set(kv->ctx, OTA_KV_ROOT, t->cfg.buf, len, err));
    if (rotated)
        OTA_TRY(forget_online_roles(t, note.floor, err));
    OTA_TRY(ota_trust_adopt_root(t, root, len, err));
    t->stale = false;
    return OTA_OK;
}

enum ota_status ota_trust_end_rotation(struct ota_trust *t, struct ota_err *err) {
    struct ota_rotation_record note;
    OTA_TRY(ota_trust_load_rotation(t, &note, err));
    if (note.root_version == 0 || note.root_version > t->root_version)
        return OTA_OK;
    return forget_online_roles(t, note.floor, err);
}
