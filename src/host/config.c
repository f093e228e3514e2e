/* SPDX-License-Identifier: Apache-2.0 */
/* Reads ota.conf. One row per key: adding a key is adding a row. */
#include "host/config.h"

#include <stdio.h>
#include <string.h>

#include "host/args.h"
#include "host/err_place.h"
#include "ota/image.h"

#define DEFAULT_LISTEN "0.0.0.0:8443"
#define TLS_KEYS "tls-"
#define DEFAULT_CHANNEL "stable"

/* Where the parser stands; `product` is NULL above the first section. */
struct place {
    const char *name;
    unsigned line;
    struct ota_config *config;
    struct ota_product_config *product;
    unsigned seen_global, seen_product; /* bit per row of the tables below */
};

static enum ota_status fail(const struct place *at, struct ota_err *err) {
    err->code = OTA_CONFIG;
    return ota_err_place(err, at->name, at->line);
}

#define FAIL(at, err, ...) (ota_err_set((err), OTA_CONFIG, __VA_ARGS__), fail((at), (err)))

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t';
}

static struct ota_span trim(struct ota_span s) {
    while (s.len && is_blank(s.p[0]))
        s.p++, s.len--;
    while (s.len && is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

/* A comment begins with '#' at the start of a line or after a blank, so that a URL may hold one. */
static struct ota_span without_comment(struct ota_span s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] == '#' && (i == 0 || is_blank(s.p[i - 1])))
            return trim((struct ota_span){s.p, i});
    return trim(s);
}

static bool next_word(struct ota_span *rest, struct ota_span *word) {
    while (rest->len && (is_blank(rest->p[0]) || rest->p[0] == ','))
        rest->p++, rest->len--;
    size_t n = 0;
    while (n < rest->len && !is_blank(rest->p[n]) && rest->p[n] != ',')
        n++;
    *word = (struct ota_span){rest->p, n};
    rest->p += n;
    rest->len -= n;
    return n > 0;
}

/* ---- values -------------------------------------------------------------------------------------------- */

static enum ota_status set_listen(const struct place *at, struct ota_span v, struct ota_err *err) {
    struct ota_config *c = at->config;
    if (!ota_span_copy(v, c->listen, sizeof c->listen))
        return FAIL(at, err, "listen is longer than %zu bytes", sizeof c->listen - 1);
    const char *colon = strrchr(c->listen, ':');
    unsigned port = 0, digits = 0;
    for (const char *p = colon ? colon + 1 : ""; *p; p++, digits++) {
        if (*p < '0' || *p > '9' || digits == 5)
            return FAIL(at, err, "listen \"%s\" has no port number; write ADDRESS:PORT, as 0.0.0.0:8443", c->listen);
        port = port * 10 + (unsigned)(*p - '0');
    }
    if (!digits || colon == c->listen)
        return FAIL(at, err, "listen \"%s\" is not ADDRESS:PORT; write 0.0.0.0:8443 or [::]:8443", c->listen);
    if (port > 65535)
        return FAIL(at, err, "port %u is over 65535", port);
    return OTA_OK;
}

static enum ota_status set_https(const struct place *at, const char *key, struct ota_span v, char *out, size_t cap,
                                 struct ota_err *err) {
    static const char scheme[] = "https://";
    while (v.len && v.p[v.len - 1] == '/')
        v.len--;
    if (!ota_span_copy(v, out, cap))
        return FAIL(at, err, "%s is longer than %zu bytes", key, cap - 1);
    if (strncmp(out, scheme, sizeof scheme - 1) != 0 || !out[sizeof scheme - 1])
        return FAIL(at, err, "%s \"%s\" must begin with https:// and a host name", key, out);
    if (strpbrk(out, " \t\"<>?#\\"))
        return FAIL(at, err, "%s \"%s\" holds a character that a base URL may not hold", key, out);
    return OTA_OK;
}

static enum ota_status set_url(const struct place *at, struct ota_span v, struct ota_err *err) {
    return set_https(at, "url", v, at->config->url, sizeof at->config->url, err);
}

static enum ota_status set_server(const struct place *at, struct ota_span v, struct ota_err *err) {
    return set_https(at, "server", v, at->config->server, sizeof at->config->server, err);
}

static enum ota_status set_chip(const struct place *at, struct ota_span v, struct ota_err *err) {
    const struct ota_chip *chip = ota_chip_by_name(v);
    if (!chip || !ota_span_copy(v, at->product->chip, sizeof at->product->chip))
        return FAIL(at, err, "unknown chip \"%.*s\"; write it as idf.py set-target does, e.g. esp32s3",
                    (int)(v.len > 40 ? 40 : v.len), (const char *)v.p);
    return OTA_OK;
}

static enum ota_status set_name(const struct place *at, const char *key, struct ota_span v, char *out,
                                struct ota_err *err) {
    if (!ota_name_valid(v) || !ota_span_copy(v, out, OTA_NAME_MAX + 1))
        return FAIL(at, err, "%s \"%.*s\" is not a name: use a-z, 0-9 and '-', at most %u of them", key,
                    (int)(v.len > 40 ? 40 : v.len), (const char *)v.p, OTA_NAME_MAX);
    return OTA_OK;
}

/* Kept sorted: a release signs its channels in that order. */
static enum ota_status add_channel(const struct place *at, struct ota_span word, struct ota_err *err) {
    struct ota_product_config *p = at->product;
    char name[OTA_NAME_MAX + 1];
    OTA_TRY(set_name(at, "channel", word, name, err));
    if (p->channel_count == OTA_CHANNELS_MAX)
        return FAIL(at, err, "more than %u channels", OTA_CHANNELS_MAX);
    size_t i = p->channel_count;
    while (i > 0 && strcmp(p->channel[i - 1], name) > 0)
        i--;
    if (i > 0 && strcmp(p->channel[i - 1], name) == 0)
        return FAIL(at, err, "channel \"%s\" is listed twice", name);
    memmove(p->channel[i + 1], p->channel[i], (p->channel_count - i) * sizeof p->channel[0]);
    memcpy(p->channel[i], name, sizeof name);
    p->channel_count++;
    return OTA_OK;
}

static enum ota_status set_channels(const struct place *at, struct ota_span v, struct ota_err *err) {
    struct ota_span word;
    while (next_word(&v, &word))
        OTA_TRY(add_channel(at, word, err));
    return OTA_OK;
}

static enum ota_status set_default_channel(const struct place *at, struct ota_span v, struct ota_err *err) {
    return set_name(at, "default_channel", v, at->product->default_channel, err);
}

static enum ota_status set_auto(const struct place *at, struct ota_span v, struct ota_err *err) {
    return set_name(at, "auto", v, at->product->auto_channel, err);
}

static enum ota_status add_boot_key(const struct place *at, struct ota_span word, struct ota_err *err) {
    struct ota_product_config *p = at->product;
    if (p->boot_key_count == OTA_BOOT_KEYS_MAX)
        return FAIL(at, err, "more than %u keys; no chip looks at more signatures", OTA_BOOT_KEYS_MAX);
    if (!ota_span_copy(word, p->boot_key[p->boot_key_count], sizeof p->boot_key[0]))
        return FAIL(at, err, "a key's file or digest is longer than %u bytes", OTA_BOOT_WORD_MAX);
    p->boot_key_count++;
    return OTA_OK;
}

static enum ota_status set_boot_keys(const struct place *at, struct ota_span v, struct ota_err *err) {
    struct ota_span word;
    if (at->product->boot_key_count)
        return FAIL(at, err,
                    "secure_boot and signed_apps exclude each other: boards have Secure Boot, or check updates");
    while (next_word(&v, &word))
        OTA_TRY(add_boot_key(at, word, err));
    return OTA_OK;
}

static enum ota_status set_signed_apps(const struct place *at, struct ota_span v, struct ota_err *err) {
    OTA_TRY(set_boot_keys(at, v, err));
    if (at->product->boot_key_count != 1)
        return FAIL(at, err, "signed_apps takes one key: boards without Secure Boot look at the first signature only");
    at->product->signed_apps = true;
    return OTA_OK;
}

static enum ota_status set_signed_data(const struct place *at, struct ota_span v, struct ota_err *err) {
    at->product->signed_data = ota_span_equal_str(v, "yes");
    if (!at->product->signed_data && !ota_span_equal_str(v, "no"))
        return FAIL(at, err, "signed_data is yes or no");
    return OTA_OK;
}

/* ---- keys ---------------------------------------------------------------------------------------------- */

struct key {
    const char *name;
    enum ota_status (*set)(const struct place *at, struct ota_span value, struct ota_err *err);
    bool may_be_empty;
};

static const struct key global_keys[] = {
    {"listen", set_listen, false},
    {"url", set_url, false},
    {"server", set_server, true},
};
static const struct key product_keys[] = {
    {"chip", set_chip, false},
    {"channels", set_channels, false},
    {"default_channel", set_default_channel, true},
    {"auto", set_auto, true},
    {"secure_boot", set_boot_keys, true},
    {"signed_apps", set_signed_apps, true},
    {"signed_data", set_signed_data, false},
};
static const char *const key_names[] = {
    "listen", "url",         "server",      "chip",        "channels", "default_channel",
    "auto",   "secure_boot", "signed_apps", "signed_data", NULL};

static const struct key *find_key(const struct key *keys, size_t n, struct ota_span name) {
    for (size_t i = 0; i < n; i++)
        if (ota_span_equal_str(name, keys[i].name))
            return &keys[i];
    return NULL;
}

static enum ota_status unknown_key(const struct place *at, struct ota_span name, struct ota_err *err) {
    char word[41];
    if (!ota_span_copy((struct ota_span){name.p, name.len > 40 ? 40 : name.len}, word, sizeof word))
        word[0] = '\0';
    if (!at->product && find_key(product_keys, OTA_ARRAY_LEN(product_keys), name))
        return FAIL(at, err, "\"%s\" belongs below a [product NAME] line", word);
    if (at->product && find_key(global_keys, OTA_ARRAY_LEN(global_keys), name))
        return FAIL(at, err, "\"%s\" belongs above the first [product NAME] line", word);
    const char *near = ota_args_nearest(word, key_names);
    if (near)
        return FAIL(at, err, "unknown key \"%s\"; did you mean \"%s\"?", word, near);
    return FAIL(at, err, "unknown key \"%s\"; see man ota.conf", word);
}

static enum ota_status assign(struct place *at, struct ota_span name, struct ota_span value, struct ota_err *err) {
    const struct key *keys = at->product ? product_keys : global_keys;
    size_t n = at->product ? OTA_ARRAY_LEN(product_keys) : OTA_ARRAY_LEN(global_keys);
    unsigned *seen = at->product ? &at->seen_product : &at->seen_global;
    const struct key *key = find_key(keys, n, name);
    if (!key)
        return unknown_key(at, name, err);
    unsigned bit = 1u << (key - keys);
    if (*seen & bit)
        return FAIL(at, err, "\"%s\" is given twice", key->name);
    *seen |= bit;
    if (value.len)
        return key->set(at, value, err);
    return key->may_be_empty ? OTA_OK : FAIL(at, err, "\"%s\" has no value", key->name);
}

/* ---- sections ------------------------------------------------------------------------------------------ */

static bool has_channel(const struct ota_product_config *p, const char *name) {
    for (size_t i = 0; i < p->channel_count; i++)
        if (strcmp(p->channel[i], name) == 0)
            return true;
    return false;
}

/* What only shows once the whole section was read; `at` stands where the section ends. */
static enum ota_status end_product(struct place *at, struct ota_err *err) {
    struct ota_product_config *p = at->product;
    if (!p)
        return OTA_OK;
    if (!p->chip[0])
        return FAIL(at, err, "product \"%s\" has no chip; add the line: chip = esp32c3", p->name);
    if (p->channel_count == 0)
        OTA_TRY(add_channel(at, ota_span_str(DEFAULT_CHANNEL), err));
    if (p->signed_data && p->boot_key_count == 0)
        return FAIL(at, err, "product \"%s\": signed_data needs secure_boot or signed_apps, which name the keys",
                    p->name);
    const char *offered[] = {p->default_channel, p->auto_channel};
    for (size_t i = 0; i < OTA_ARRAY_LEN(offered); i++)
        if (offered[i][0] && !has_channel(p, offered[i]))
            return FAIL(at, err, "product \"%s\" offers on channel \"%s\", which its channels line does not list",
                        p->name, offered[i]);
    return OTA_OK;
}

static enum ota_status begin_product(struct place *at, struct ota_span head, struct ota_err *err) {
    OTA_TRY(end_product(at, err));
    struct ota_span rest = {head.p + 1, head.len - 2}, word, name, extra;
    if (!next_word(&rest, &word) || !ota_span_equal_str(word, "product") || !next_word(&rest, &name) ||
        next_word(&rest, &extra))
        return FAIL(at, err, "the only sections are [product NAME]");
    if (at->config->product_count == OTA_PRODUCTS_MAX)
        return FAIL(at, err, "more than %u products; a second workspace holds more", OTA_PRODUCTS_MAX);
    struct ota_product_config *p = &at->config->product[at->config->product_count];
    OTA_TRY(set_name(at, "product", name, p->name, err));
    if (ota_name_reserved(name))
        return FAIL(at, err, "\"%s\" names a role of the repository and no product; choose another name", p->name);
    if (strncmp(p->name, TLS_KEYS, strlen(TLS_KEYS)) == 0)
        return FAIL(at, err,
                    "product \"%s\": files in keys/ that begin with " TLS_KEYS " are TLS's; choose another name",
                    p->name);
    if (ota_config_product(at->config, p->name))
        return FAIL(at, err, "product \"%s\" has two sections", p->name);
    at->config->product_count++;
    at->product = p;
    at->seen_product = 0;
    return OTA_OK;
}

static enum ota_status read_line(struct place *at, struct ota_span raw, struct ota_err *err) {
    for (size_t i = 0; i < raw.len; i++)
        if (raw.p[i] != '\t' && (raw.p[i] < 0x20 || raw.p[i] == 0x7F))
            return FAIL(at, err, "byte %u is a control character; this is not a text file", (unsigned)i + 1);
    struct ota_span line = without_comment(raw);
    if (line.len == 0)
        return OTA_OK;
    if (line.p[0] == '[') {
        if (line.p[line.len - 1] != ']')
            return FAIL(at, err, "a section line ends with ']'");
        return begin_product(at, line, err);
    }
    const uint8_t *equals = memchr(line.p, '=', line.len);
    if (!equals)
        return FAIL(at, err, "not a \"key = value\" line");
    size_t n = (size_t)(equals - line.p);
    return assign(at, trim((struct ota_span){line.p, n}), trim((struct ota_span){equals + 1, line.len - n - 1}), err);
}

enum ota_status ota_config_parse(struct ota_span text, const char *name, struct ota_config *out, struct ota_err *err) {
    memset(out, 0, sizeof *out);
    (void)snprintf(out->listen, sizeof out->listen, "%s", DEFAULT_LISTEN);
    if (text.len > OTA_CONFIG_MAX)
        return ota_err_set(err, OTA_CONFIG, "%s: larger than %u bytes", name, OTA_CONFIG_MAX);
    struct place at = {.name = name, .config = out};
    for (size_t pos = 0; pos < text.len;) {
        const uint8_t *start = text.p + pos;
        const uint8_t *newline = memchr(start, '\n', text.len - pos);
        size_t n = newline ? (size_t)(newline - start) : text.len - pos;
        pos += n + 1;
        at.line++;
        if (n && start[n - 1] == '\r')
            n--;
        OTA_TRY(read_line(&at, (struct ota_span){start, n}, err));
    }
    return end_product(&at, err);
}

const struct ota_product_config *ota_config_product(const struct ota_config *c, const char *name) {
    for (size_t i = 0; i < c->product_count; i++)
        if (strcmp(c->product[i].name, name) == 0)
            return &c->product[i];
    return NULL;
}
