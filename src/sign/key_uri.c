/* SPDX-License-Identifier: Apache-2.0 */
/* Reads PKCS#11 URIs; see key_uri.h. */
#include "sign/key_uri.h"

#include <string.h>

#include "host/buf.h"

#define SCHEME "pkcs11:"
/* RFC 7512, 2.3: pk11-pchar and pk11-qchar beside letters and digits. */
#define PATH_MARKS "-._~:[]@!$'()*+,=&"
#define QUERY_MARKS "-._~:[]@!$'()*+,=/?|"

void ota_key_uri_free(struct ota_key_uri *uri) {
    free(uri->address);
    free(uri->token);
    free(uri->object);
    free(uri->pin_file);
    free(uri->module);
    *uri = (struct ota_key_uri){0};
}

static int digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool may_stand(char c, const char *marks) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr(marks, c));
}

/* Undoes %XX. NULL when malformed, or when a NUL or control character comes out that a path or name cannot hold. */
static char *decode(struct ota_span value, const char *marks, bool binary) {
    OTA_CLEAN_FREE char *out = ota_calloc(value.len + 1, 1);
    size_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = (char)value.p[i];
        if (c == '%') {
            int high = i + 2 < value.len ? digit((char)value.p[i + 1]) : -1;
            int low = high >= 0 ? digit((char)value.p[i + 2]) : -1;
            if (low < 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
            if (!binary && ((unsigned char)c < 0x20 || c == 0x7F))
                return NULL;
        } else if (!may_stand(c, marks)) {
            return NULL;
        }
        out[n++] = c;
    }
    return n ? OTA_STEAL(out) : NULL;
}

static enum ota_status twice(const char *name, struct ota_err *err) {
    return ota_err_set(err, OTA_ARGUMENT, "PKCS#11 URI: %s is given twice", name);
}

static enum ota_status take(char **slot, const char *name, char **value, struct ota_err *err) {
    if (*slot)
        return twice(name, err);
    *slot = OTA_STEAL(*value);
    return OTA_OK;
}

static enum ota_status take_pin_source(struct ota_key_uri *uri, char **value, struct ota_err *err) {
    const char *path = *value;
    if (strncmp(path, "file:", 5) == 0)
        path += 5;
    if (strncmp(path, "//", 2) == 0) /* file:///path; a host is not supported */
        path += 2;
    if (path[0] != '/')
        return ota_err_set(err, OTA_ARGUMENT,
                           "PKCS#11 URI: pin-source wants the whole path of a file: "
                           "pin-source=file:/etc/otaserve/pin");
    OTA_CLEAN_FREE char *file = ota_strdup(path);
    return take(&uri->pin_file, "pin-source", &file, err);
}

struct attributes {
    bool serial_seen, id_seen, type_seen, manufacturer_seen, model_seen;
    char *serial, *id;
};
static void clean_attributes(struct attributes *a) {
    free(a->serial);
    free(a->id);
}

static enum ota_status once(bool *seen, const char *name, struct ota_err *err) {
    if (*seen)
        return twice(name, err);
    *seen = true;
    return OTA_OK;
}

static enum ota_status path_attribute(struct ota_key_uri *uri, struct attributes *a, struct ota_span name,
                                      struct ota_span raw, struct ota_err *err) {
    OTA_CLEAN_FREE char *value = decode(raw, PATH_MARKS, ota_span_equal_str(name, "id"));
    if (!value)
        return ota_err_set(err, OTA_ARGUMENT,
                           "PKCS#11 URI: %.*s is empty, or has characters that must be written as "
                           "%%XX",
                           (int)name.len, (const char *)name.p);
    if (ota_span_equal_str(name, "token"))
        return take(&uri->token, "token", &value, err);
    if (ota_span_equal_str(name, "object"))
        return take(&uri->object, "object", &value, err);
    if (ota_span_equal_str(name, "serial"))
        return take(&a->serial, "serial", &value, err);
    if (ota_span_equal_str(name, "id")) {
        OTA_CLEAN_FREE char *written = ota_sprintf("%.*s", (int)raw.len, (const char *)raw.p);
        return take(&a->id, "id", &written, err);
    }
    if (ota_span_equal_str(name, "manufacturer"))
        return once(&a->manufacturer_seen, "manufacturer", err);
    if (ota_span_equal_str(name, "model"))
        return once(&a->model_seen, "model", err);
    if (ota_span_equal_str(name, "type") && strcmp(value, "private") == 0)
        return once(&a->type_seen, "type", err);
    return ota_err_set(err, OTA_ARGUMENT,
                       "PKCS#11 URI: %.*s is not supported; token, serial, manufacturer, model, object, id and "
                       "type=private are",
                       (int)name.len, (const char *)name.p);
}

static enum ota_status query_attribute(struct ota_key_uri *uri, struct ota_span name, struct ota_span raw,
                                       struct ota_err *err) {
    if (ota_span_equal_str(name, "pin-value"))
        return ota_err_set(err, OTA_ARGUMENT,
                           "PKCS#11 URI: a PIN in it would be seen by others; put it into a file (chmod 600) and write "
                           "pin-source=file:FILE, or set $OTA_PKCS11_PIN_FILE");
    OTA_CLEAN_FREE char *value = decode(raw, QUERY_MARKS, false);
    if (!value)
        return ota_err_set(err, OTA_ARGUMENT,
                           "PKCS#11 URI: %.*s is empty, or has characters that must be written as "
                           "%%XX",
                           (int)name.len, (const char *)name.p);
    if (ota_span_equal_str(name, "pin-source"))
        return take_pin_source(uri, &value, err);
    if (!ota_span_equal_str(name, "module-path"))
        return ota_err_set(err, OTA_ARGUMENT, "PKCS#11 URI: %.*s is not supported; pin-source and module-path are",
                           (int)name.len, (const char *)name.p);
    if (value[0] != '/')
        return ota_err_set(err, OTA_ARGUMENT,
                           "PKCS#11 URI: module-path wants a whole path: "
                           "module-path=/usr/lib/softhsm/libsofthsm2.so");
    return take(&uri->module, "module-path", &value, err);
}

static struct ota_span cut(const char **rest, char separator) {
    const char *end = strchrnul(*rest, separator);
    struct ota_span part = {(const uint8_t *)*rest, (size_t)(end - *rest)};
    *rest = *end ? end + 1 : end;
    return part;
}

/* "name=value"; value begins after the first '='. */
static bool split(struct ota_span part, struct ota_span *name, struct ota_span *value) {
    const uint8_t *equals = part.len ? memchr(part.p, '=', part.len) : NULL;
    if (!equals)
        return false;
    *name = (struct ota_span){part.p, (size_t)(equals - part.p)};
    *value = (struct ota_span){equals + 1, part.len - name->len - 1};
    return true;
}

static enum ota_status parse(const char *path, const char *query, struct ota_key_uri *uri, struct attributes *a,
                             struct ota_err *err) {
    struct ota_span name, value;
    while (*path) {
        if (!split(cut(&path, ';'), &name, &value))
            return ota_err_set(err, OTA_ARGUMENT, "PKCS#11 URI: attributes are name=value, separated by ';'");
        OTA_TRY(path_attribute(uri, a, name, value, err));
    }
    while (*query) {
        if (!split(cut(&query, '&'), &name, &value))
            return ota_err_set(err, OTA_ARGUMENT, "PKCS#11 URI: after '?' stand name=value, separated by '&'");
        OTA_TRY(query_attribute(uri, name, value, err));
    }
    if (!uri->token)
        uri->token = OTA_STEAL(a->serial);
    if (!uri->object)
        uri->object = OTA_STEAL(a->id);
    if (!uri->token || !uri->object)
        return ota_err_set(err, OTA_ARGUMENT,
                           "PKCS#11 URI: it must name one key on one token: "
                           "pkcs11:token=NAME;object=NAME");
    return OTA_OK;
}

enum ota_status ota_key_uri_parse(const char *text, struct ota_key_uri *out, struct ota_err *err) {
    OTA_CLEAN(clean_attributes) struct attributes a = {0};
    OTA_CLEAN(ota_key_uri_free) struct ota_key_uri uri = {0};
    if (strncmp(text, SCHEME, strlen(SCHEME)) != 0 || strlen(text) > OTA_KEY_URI_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "PKCS#11 URI: must begin with " SCHEME " and have at most %u bytes",
                           OTA_KEY_URI_MAX);
    const char *query = strchrnul(text, '?');
    uri.address = ota_sprintf("%.*s", (int)(query - text), text);
    OTA_TRY(parse(uri.address + strlen(SCHEME), *query ? query + 1 : query, &uri, &a, err));
    *out = uri;
    uri = (struct ota_key_uri){0};
    return OTA_OK;
}
