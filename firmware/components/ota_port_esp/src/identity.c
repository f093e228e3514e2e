/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the board is. Lengths first, then one allocation, then the values into it: whatever a partition holds, no more is
 * asked of the heap than the limits below.
 */
#include <stdlib.h>
#include <string.h>

#include "esp_mac.h"
#include "esp_partition.h"
#include "failed.h"
#include "nvs_flash.h"
#include "nvs_init.h"
#include "ota/address.h"
#include "ota/metadata.h"
#include "ota_esp.h"
#include "ota_esp_ports.h"
#include "sdkconfig.h"

#define ID_LABEL "ota_id"
#define NAMESPACE "ota"
#define URL_MAX 256u
#define TOKEN_MAX 512u
#define CA_MAX 16384u
#define CERTIFICATE_MAX 8192u
#define KEY_MAX 4096u
#define MAC_TEXT_MAX 17u /* "esp-30aea4123456" */

#define REMEDY ": provision it in ota_id, or give it to the build (otactl firmware configure)"

enum { ID, PRODUCT, CHANNEL, GROUPS, URL_META, URL_TARGETS, URL_API, TOKEN, TEXTS };
enum { ROOT, CA, CRT, KEY, BLOBS };

static const struct {
    const char *key;
    size_t max; /* of its bytes, a string's NUL not counted */
} texts[TEXTS] =
    {
        [ID] = {"id", OTA_DEVICE_ID_MAX},      [PRODUCT] = {"product", OTA_NAME_MAX},
        [CHANNEL] = {"channel", OTA_NAME_MAX}, [GROUPS] = {"groups", OTA_GROUPS_TEXT_MAX},
        [URL_META] = {"url_meta", URL_MAX},    [URL_TARGETS] = {"url_targets", URL_MAX},
        [URL_API] = {"url_api", URL_MAX},      [TOKEN] = {"token", TOKEN_MAX},
},
  blobs[BLOBS] = {
      [ROOT] = {"root", OTA_CAP_ROOT},
      [CA] = {"ca", CA_MAX},
      [CRT] = {"crt", CERTIFICATE_MAX},
      [KEY] = {"key", KEY_MAX},
};

struct values {
    const char *text[TEXTS];
    struct ota_span blob[BLOBS];
    char *room, *end; /* what is left of the allocation */
};

static size_t room_for(const struct values *v, size_t most) {
    const size_t left = (size_t)(v->end - v->room);
    return left < most ? left : most;
}

/* ---- ota_id ---------------------------------------------------------------------------------------------- */

#if CONFIG_OTA_ID_ENCRYPTED
#define init_id ota_esp_nvs_init
#else
#define init_id nvs_flash_init_partition /* one image for all boards of a batch: their keys differ */
#endif

/* Nobody provisioned it: NVS would begin it by writing, which a readonly row does not allow. */
static bool is_blank(void) {
    uint8_t head[32];
    const esp_partition_t *p =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_NVS, ID_LABEL);
    if (!p || esp_partition_read_raw(p, 0, head, sizeof head) != ESP_OK)
        return false;
    for (size_t i = 0; i < sizeof head; i++)
        if (head[i] != 0xFF)
            return false;
    return true;
}

/* false: there is none, or none that can be read. */
static bool open_id(nvs_handle_t *handle) {
    esp_err_t rc = init_id(ID_LABEL);
    if (rc == ESP_ERR_NOT_ALLOWED && is_blank())
        return false;
    if (rc == ESP_OK)
        rc = nvs_open_from_partition(ID_LABEL, NAMESPACE, NVS_READONLY, handle);
    if (rc != ESP_OK && rc != ESP_ERR_NOT_FOUND && rc != ESP_ERR_NVS_PART_NOT_FOUND && rc != ESP_ERR_NVS_NOT_FOUND)
        ota_log(&ota_esp_log, OTA_LOG_WARNING,
                ID_LABEL
                ": %s: it cannot be read, the board is who its build says (under 0x3000 bytes it needs the flag "
                "readonly)",
                esp_err_to_name(rc));
    return rc == ESP_OK;
}

/* *n: 0 when there is none. */
static enum ota_status measure(esp_err_t rc, const char *key, size_t max, size_t *n, struct ota_err *err) {
    if (rc == ESP_ERR_NVS_NOT_FOUND)
        *n = 0;
    else if (rc != ESP_OK)
        return ota_esp_failed(err, OTA_CONFIG, rc, ID_LABEL ": %s", key);
    else if (*n > max)
        return ota_err_set(err, OTA_CONFIG, ID_LABEL ": %s has %zu bytes, at most %zu are taken", key, *n, max);
    return OTA_OK;
}

static enum ota_status measure_all(nvs_handle_t handle, size_t *total, struct ota_err *err) {
    for (size_t i = 0; i < TEXTS; i++) {
        size_t n = 0;
        const esp_err_t rc = nvs_get_str(handle, texts[i].key, NULL, &n);
        OTA_TRY(measure(rc, texts[i].key, texts[i].max + 1, &n, err));
        *total += n;
    }
    for (size_t i = 0; i < BLOBS; i++) {
        size_t n = 0;
        const esp_err_t rc = nvs_get_blob(handle, blobs[i].key, NULL, &n);
        OTA_TRY(measure(rc, blobs[i].key, blobs[i].max, &n, err));
        *total += n + 1;
    }
    return OTA_OK;
}

static enum ota_status read_text(nvs_handle_t handle, size_t i, struct values *v, struct ota_err *err) {
    size_t n = room_for(v, texts[i].max + 1);
    const esp_err_t rc = nvs_get_str(handle, texts[i].key, v->room, &n);
    OTA_TRY(measure(rc, texts[i].key, texts[i].max + 1, &n, err));
    if (n <= 1) /* "" is none */
        return OTA_OK;
    v->text[i] = v->room;
    v->room += n;
    return OTA_OK;
}

/* A NUL behind it, which PEM must have; counted unless it was there. */
static enum ota_status read_blob(nvs_handle_t handle, size_t i, struct values *v, struct ota_err *err) {
    size_t n = room_for(v, blobs[i].max);
    const esp_err_t rc = nvs_get_blob(handle, blobs[i].key, v->room, &n);
    OTA_TRY(measure(rc, blobs[i].key, blobs[i].max, &n, err));
    if (n == 0)
        return OTA_OK;
    v->room[n] = '\0';
    v->blob[i] = (struct ota_span){(const uint8_t *)v->room, i == ROOT || v->room[n - 1] == '\0' ? n : n + 1};
    v->room += n + 1;
    return OTA_OK;
}

static enum ota_status read_all(nvs_handle_t handle, struct values *v, struct ota_err *err) {
    for (size_t i = 0; i < TEXTS; i++)
        OTA_TRY(read_text(handle, i, v, err));
    for (size_t i = 0; i < BLOBS; i++)
        OTA_TRY(read_blob(handle, i, v, err));
    return OTA_OK;
}

/* ---- what comes before and behind it ----------------------------------------------------------------------- */

static void take_trust(struct values *v, const struct ota_esp_trust *t) {
    const char *const text[TEXTS] = {[PRODUCT] = t->product,
                                     [CHANNEL] = t->channel,
                                     [URL_META] = t->url_metadata,
                                     [URL_TARGETS] = t->url_targets,
                                     [URL_API] = t->url_api};
    for (size_t i = 0; i < TEXTS; i++)
        if (!v->text[i] && text[i] && text[i][0])
            v->text[i] = text[i];
    if (v->blob[ROOT].len == 0)
        v->blob[ROOT] = t->root;
    if (v->blob[CA].len == 0)
        v->blob[CA] = t->ca_pem;
}

static bool is_valid(size_t i, struct ota_span text) {
    return i == CHANNEL ? ota_name_valid(text) : ota_groups_valid(text);
}

/* Set at run time, and checked there: what is wrong now is damage, and ota_id's value is better than none. */
static void take_override(struct values *v, size_t i) {
    struct ota_err err;
    size_t n = 0;
    const enum ota_status status =
        ota_esp_kv.get(ota_esp_kv.ctx, texts[i].key, v->room, room_for(v, texts[i].max), &n, &err);
    if (status != OTA_OK)
        return;
    if (!is_valid(i, (struct ota_span){(const uint8_t *)v->room, n})) {
        ota_log(&ota_esp_log, OTA_LOG_WARNING, "ota_state: %s is damaged: ota_id's holds", texts[i].key);
        return;
    }
    v->room[n] = '\0';
    v->text[i] = v->room;
    v->room += n + 1;
}

/* Of the factory, in six bytes: esp_efuse_mac_get_default() writes eight where there is 802.15.4. */
static void take_mac(struct values *v) {
    uint8_t mac[6] = {0};
    if (v->text[ID] && v->text[ID][0])
        return;
    if (esp_read_mac(mac, ESP_MAC_EFUSE_FACTORY) != ESP_OK)
        return;
    memcpy(v->room, "esp-", 4);
    ota_hex_encode(mac, sizeof mac, v->room + 4);
    v->text[ID] = v->room;
    v->room += MAC_TEXT_MAX;
}

/* ---- judging --------------------------------------------------------------------------------------------- */

static enum ota_status check_name(const struct values *v, size_t i, bool good, struct ota_err *err) {
    if (!v->text[i] || !v->text[i][0])
        return ota_err_set(err, OTA_CONFIG, "no %s is known" REMEDY, texts[i].key);
    return good ? OTA_OK : ota_err_set(err, OTA_CONFIG, "%s \"%s\" is not valid" REMEDY, texts[i].key, v->text[i]);
}

static struct ota_span span(const char *s) {
    return s ? ota_span_str(s) : (struct ota_span){0};
}

static enum ota_status check_url(const struct values *v, size_t i, struct ota_err *err) {
    if (!v->text[i] || !v->text[i][0])
        return OTA_OK;
    const enum ota_status status = ota_address_check(v->text[i], err);
    return status == OTA_OK ? OTA_OK : ota_err_prefix(err, "%s", texts[i].key);
}

static enum ota_status check(const struct values *v, struct ota_err *err) {
    const struct ota_span product = span(v->text[PRODUCT]), groups = span(v->text[GROUPS]);
    OTA_TRY(check_name(v, ID, ota_device_id_valid(span(v->text[ID])), err));
    OTA_TRY(check_name(v, PRODUCT, ota_name_valid(product) && !ota_name_reserved(product), err));
    OTA_TRY(check_name(v, CHANNEL, ota_name_valid(span(v->text[CHANNEL])), err));
    if (!ota_groups_valid(groups))
        return ota_err_set(err, OTA_CONFIG, "groups \"%s\" is no list of names" REMEDY, v->text[GROUPS]);
    if (v->blob[ROOT].len == 0)
        return ota_err_set(err, OTA_CONFIG, "no root is known" REMEDY);
    OTA_TRY(check_name(v, URL_META, true, err));
    OTA_TRY(check_name(v, URL_TARGETS, true, err));
    for (size_t i = URL_META; i <= URL_API; i++)
        OTA_TRY(check_url(v, i, err));
    if (!v->text[TOKEN] || !v->text[TOKEN][0])
        return OTA_OK;
    const enum ota_status status = ota_token_check(v->text[TOKEN], v->text[URL_API], err);
    return status == OTA_OK ? OTA_OK : ota_err_prefix(err, "token");
}

static const char *or_null(const char *s) {
    return s && s[0] ? s : NULL;
}

static void fill(struct ota_esp_identity *out, const struct values *v) {
    out->who = (struct ota_identity){.id = v->text[ID],
                                     .product = v->text[PRODUCT],
                                     .channel = v->text[CHANNEL],
                                     .groups = v->text[GROUPS] ? v->text[GROUPS] : "",
                                     .root = v->blob[ROOT]};
    out->ca_pem = v->blob[CA];
    out->client_crt = v->blob[CRT];
    out->client_key = v->blob[KEY];
    out->url_metadata = v->text[URL_META];
    out->url_targets = v->text[URL_TARGETS];
    out->url_api = or_null(v->text[URL_API]);
    out->token = or_null(v->text[TOKEN]);
}

/* ---- loading --------------------------------------------------------------------------------------------- */

/* What does not come from ota_id. */
#define SPARE (MAC_TEXT_MAX + OTA_NAME_MAX + 1u + OTA_GROUPS_TEXT_MAX + 1u)

static enum ota_status allocate(size_t n, struct ota_esp_identity *out, struct values *v, struct ota_err *err) {
    out->kept = calloc(1, n + SPARE);
    if (!out->kept)
        return ota_err_set(err, OTA_MEMORY, "no %zu bytes for the board's identity", n + SPARE);
    v->room = out->kept;
    v->end = v->room + n + SPARE;
    return OTA_OK;
}

static enum ota_status read_id(struct ota_esp_identity *out, struct values *v, struct ota_err *err) {
    nvs_handle_t handle;
    size_t total = 0;
    if (!open_id(&handle))
        return allocate(0, out, v, err);
    enum ota_status status = measure_all(handle, &total, err);
    if (status == OTA_OK)
        status = allocate(total, out, v, err);
    if (status == OTA_OK)
        status = read_all(handle, v, err);
    nvs_close(handle);
    return status;
}

enum ota_status ota_esp_identity_load(const struct ota_esp_trust *trust, struct ota_esp_identity *out,
                                      struct ota_err *err) {
    struct values v = {0};
    *out = (struct ota_esp_identity){0};
    enum ota_status status = read_id(out, &v, err);
    if (status == OTA_OK) {
        if (trust)
            take_trust(&v, trust);
        take_override(&v, CHANNEL);
        take_override(&v, GROUPS);
        take_mac(&v);
        status = check(&v, err);
    }
    if (status == OTA_OK)
        fill(out, &v);
    else
        ota_esp_identity_free(out);
    return status;
}

void ota_esp_identity_free(struct ota_esp_identity *identity) {
    free(identity->kept);
    *identity = (struct ota_esp_identity){0};
}
