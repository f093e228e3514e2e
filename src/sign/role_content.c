/* SPDX-License-Identifier: Apache-2.0 */
/* Product roles, rollout, and renewals: the roles that list what boards install; see role.h. */
#include <stdio.h>
#include <string.h>

#include "sign/role_seal.h"

#define COUNTER_FLOOR "counter_floor"
#define TARGET_STRING_MAX 4096u /* one decoded string of a role that is renewed */

/* Keys sort as text: "10/" before "9/". */
static int compare_counters(const void *a, const void *b) {
    const struct ota_release *const *x = a, *const *y = b;
    char left[16], right[16];
    (void)snprintf(left, sizeof left, "%u/", (*x)->counter);
    (void)snprintf(right, sizeof right, "%u/", (*y)->counter);
    return strcmp(left, right);
}

static void write_product(struct ota_json *j, const void *role) {
    const struct ota_role_product *r = role;
    const struct ota_release *sorted[OTA_RELEASES_MAX] = {NULL};
    for (size_t i = 0; i < r->count; i++)
        sorted[i] = r->release[i];
    qsort(sorted, r->count, sizeof sorted[0], compare_counters);
    ota_json_object(j);
    ota_role_write_type(j, "targets");
    ota_role_write_expires(j, r->expires);
    ota_role_write_spec_version(j);
    ota_json_key(j, "targets");
    ota_json_object(j);
    for (size_t i = 0; i < r->count; i++)
        ota_release_write(j, sorted[i]);
    ota_json_object_end(j);
    ota_role_write_version(j, r->version);
    ota_json_object_end(j);
}

enum ota_status ota_role_product(const struct ota_role_product *r, const struct ota_role_keys *keys,
                                 struct ota_buf *out, struct ota_err *err) {
    static const struct ota_role_form form = {
        "of the product", OTA_CAP_PRODUCT,
        "releases stay listed while channels offer them or need them as stepping stones: move channels to one release,"
        " raise --from-min, or push with --no-compress",
        write_product};
    if (r->count > OTA_RELEASES_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "product role: %zu releases; %s", r->count, form.remedy);
    return ota_role_seal(&form, r, keys, out, err);
}

static void write_rollout(struct ota_json *j, const void *role) {
    const struct ota_role_rollout *r = role;
    ota_json_object(j);
    ota_role_write_type(j, "targets");
    ota_role_write_expires(j, r->expires);
    ota_role_write_spec_version(j);
    ota_json_key(j, "targets");
    ota_json_object(j);
    for (size_t i = 0; i < r->rollout->count; i++) {
        const struct ota_rollout_channel *c = &r->rollout->entry[i];
        ota_channel_write(j, c->product, c->name, &c->channel);
    }
    ota_json_object_end(j);
    ota_role_write_version(j, r->version);
    ota_json_object_end(j);
}

enum ota_status ota_role_rollout(const struct ota_role_rollout *r, const struct ota_role_keys *keys,
                                 struct ota_buf *out, struct ota_err *err) {
    static const struct ota_role_form form = {"rollout", OTA_CAP_ROLLOUT, "use fewer channels or groups",
                                              write_rollout};
    return ota_role_seal(&form, r, keys, out, err);
}

/* ---- renewal: the old content as it stands, unknown members too ------------------------------------------ */

struct renewal {
    const struct ota_value *old;
    uint64_t version, expires;
    uint32_t counter_floor; /* 0: as it was */
};

static void write_counter_floor(struct ota_json *j, uint32_t floor) {
    if (floor == 0)
        return;
    ota_json_key(j, COUNTER_FLOOR);
    ota_json_u64(j, floor);
}

static void write_member(struct ota_json *j, struct ota_span key, const struct ota_value *v,
                         const struct renewal *top) {
    char name[OTA_SCAN_KEY_MAX + 1];
    if (top && top->counter_floor && ota_span_equal_str(key, COUNTER_FLOOR)) {
        return; /* the new one was written behind _type */
    } else if (top && ota_span_equal_str(key, "_type")) {
        ota_json_key(j, "_type");
        ota_role_write_value(j, v);
        write_counter_floor(j, top->counter_floor);
    } else if (top && ota_span_equal_str(key, "expires")) {
        ota_role_write_expires(j, top->expires);
    } else if (top && ota_span_equal_str(key, "version")) {
        ota_role_write_version(j, top->version);
    } else if (ota_span_copy(key, name, sizeof name) && !strpbrk(name, "\"\\")) {
        ota_json_key(j, name);
        ota_role_write_value(j, v);
    } else {
        j->bad = true;
    }
}

static void write_members(struct ota_json *j, const struct ota_value *v, const struct renewal *top) {
    struct ota_scan it;
    struct ota_span key;
    struct ota_value member;
    struct ota_err err;
    bool more = ota_scan_object(v, &it, &err) == OTA_OK;
    bool whole = more;
    ota_json_object(j);
    while (more) {
        whole = ota_scan_next_member(&it, &key, &member, &more, &err) == OTA_OK;
        more = more && whole;
        if (more)
            write_member(j, key, &member, top);
    }
    ota_json_object_end(j);
    j->bad = j->bad || !whole;
}

static void write_elements(struct ota_json *j, const struct ota_value *v) {
    struct ota_scan it;
    struct ota_value element;
    struct ota_err err;
    bool more = ota_scan_array(v, &it, &err) == OTA_OK;
    bool whole = more;
    ota_json_array(j);
    while (more) {
        whole = ota_scan_next_element(&it, &element, &more, &err) == OTA_OK;
        more = more && whole;
        if (more)
            ota_role_write_value(j, &element);
    }
    ota_json_array_end(j);
    j->bad = j->bad || !whole;
}

static void write_string(struct ota_json *j, const struct ota_value *v) {
    char text[TARGET_STRING_MAX];
    size_t n = 0;
    struct ota_err err;
    if (ota_scan_string(v, "string", text, sizeof text, &n, &err) != OTA_OK)
        j->bad = true;
    else
        ota_json_span(j, (struct ota_span){(const uint8_t *)text, n});
}

/* Depth is bounded by the scanner, which refused more than OTA_SCAN_DEPTH_MAX. */
void ota_role_write_value(struct ota_json *j, const struct ota_value *v) {
    switch (v->token) {
    case OTA_TOKEN_OBJECT:
        write_members(j, v, NULL);
        break;
    case OTA_TOKEN_ARRAY:
        write_elements(j, v);
        break;
    case OTA_TOKEN_STRING:
        write_string(j, v);
        break;
    case OTA_TOKEN_INTEGER:
    case OTA_TOKEN_TRUE:
    case OTA_TOKEN_FALSE:
    case OTA_TOKEN_NULL:
        ota_json_raw(j, v->raw);
        break;
    }
}

static void write_renewal(struct ota_json *j, const void *role) {
    const struct renewal *r = role;
    write_members(j, r->old, r);
}

enum ota_status ota_role_renew(const struct ota_metadata *old, uint64_t version, uint64_t expires, size_t cap,
                               const struct ota_role_keys *keys, struct ota_buf *out, struct ota_err *err) {
    const struct ota_role_form form = {"being renewed", cap, "push a new release: that prunes it", write_renewal};
    const struct renewal renewal = {.old = &old->signed_value, .version = version, .expires = expires};
    return ota_role_seal(&form, &renewal, keys, out, err);
}

enum ota_status ota_role_renew_product(const struct ota_metadata *old, uint64_t version, uint64_t expires,
                                       uint32_t counter_floor, const struct ota_role_keys *keys, struct ota_buf *out,
                                       struct ota_err *err) {
    const struct ota_role_form form = {"being renewed", OTA_CAP_PRODUCT, "push a new release: that prunes it",
                                       write_renewal};
    const struct renewal renewal = {&old->signed_value, version, expires, counter_floor};
    return ota_role_seal(&form, &renewal, keys, out, err);
}

enum ota_status ota_role_counter_floor(const struct ota_metadata *role, uint32_t *floor, struct ota_err *err) {
    struct ota_value v;
    uint64_t n = 0;
    bool found;
    OTA_TRY(ota_scan_find(&role->signed_value, COUNTER_FLOOR, &v, &found, err));
    if (found)
        OTA_TRY(ota_scan_u64(&v, COUNTER_FLOOR, 1, OTA_COUNTER_MAX, &n, err));
    *floor = (uint32_t)n;
    return OTA_OK;
}
