/* SPDX-License-Identifier: Apache-2.0 */
/* A key-value store that lives as long as the program. */
#include <string.h>

#include "host/buf.h"
#include "host/transport.h"

struct entry {
    char key[OTA_KV_KEY_MAX + 1];
    struct ota_buf value;
    struct entry *next;
};

struct ota_memory_kv {
    struct entry *first;
    struct ota_kv port;
};

static struct entry *find(const struct ota_memory_kv *kv, const char *key) {
    struct entry *e = kv->first;
    while (e && strcmp(e->key, key) != 0)
        e = e->next;
    return e;
}

static enum ota_status get(void *ctx, const char *key, void *p, size_t cap, size_t *len, struct ota_err *err) {
    const struct entry *e = find(ctx, key);
    if (!e)
        return ota_err_set(err, OTA_NOT_FOUND, "no key \"%s\"", key);
    if (e->value.len > cap)
        return ota_err_set(err, OTA_TOO_LARGE, "key \"%s\" holds %zu bytes, room for %zu", key, e->value.len, cap);
    if (e->value.len)
        memcpy(p, e->value.p, e->value.len);
    *len = e->value.len;
    return OTA_OK;
}

static enum ota_status set(void *ctx, const char *key, const void *p, size_t len, struct ota_err *err) {
    struct ota_memory_kv *kv = ctx;
    if (strlen(key) > OTA_KV_KEY_MAX)
        return ota_err_set(err, OTA_KV, "key \"%s\" is longer than %u characters", key, OTA_KV_KEY_MAX);
    struct entry *e = find(kv, key);
    if (!e) {
        e = ota_calloc(1, sizeof *e);
        memcpy(e->key, key, strlen(key) + 1);
        e->next = kv->first;
        kv->first = e;
    }
    e->value.len = 0;
    ota_buf_append(&e->value, p, len);
    return OTA_OK;
}

static enum ota_status erase(void *ctx, const char *key, struct ota_err *err) {
    struct ota_memory_kv *kv = ctx;
    (void)err;
    for (struct entry **at = &kv->first; *at; at = &(*at)->next) {
        struct entry *e = *at;
        if (strcmp(e->key, key) != 0)
            continue;
        *at = e->next;
        ota_buf_free(&e->value);
        free(e);
        break;
    }
    return OTA_OK;
}

struct ota_memory_kv *ota_memory_kv_new(void) {
    struct ota_memory_kv *kv = ota_calloc(1, sizeof *kv);
    kv->port = (struct ota_kv){.ctx = kv, .get = get, .set = set, .erase = erase};
    return kv;
}

void ota_memory_kv_free(struct ota_memory_kv **kv) {
    struct ota_memory_kv *k = OTA_STEAL(*kv);
    while (k && k->first) {
        struct entry *e = k->first;
        k->first = e->next;
        ota_buf_free(&e->value);
        free(e);
    }
    free(k);
}

const struct ota_kv *ota_memory_kv_port(struct ota_memory_kv *kv) {
    return &kv->port;
}
