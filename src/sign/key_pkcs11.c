/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in PKCS#11 tokens: OpenSSL's provider `pkcs11` where it is installed (Debian 13: pkcs11-provider), else its
 * engine `pkcs11` (Debian 12: libengine-pkcs11-openssl). Everything that depends on which one it is stands here.
 *
 * The engine stays open while a key from it lives: several keys of one keyring share a module and a login, and when
 * the last one goes, module and sessions are closed. So a token that was unplugged is found again with the next load.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* engines */
#include <dlfcn.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

#include "sign/key_private.h"
#include "sign/key_uri.h"

/* Return values of PKCS#11 2.40 that a person can do something about. */
#define CKR_PIN_INCORRECT 0xA0u /* with _INVALID and _LEN_RANGE above it */
#define CKR_PIN_LEN_RANGE 0xA2u
#define CKR_PIN_LOCKED 0xA4u

static struct {
    bool provider;  /* it could be loaded, and is used from then on */
    ENGINE *engine; /* found once; never freed, for its code holds on to memory of OpenSSL's */
    bool open;      /* the engine, with a module */
    char *module;   /* that is open; NULL: p11-kit's, which has them all */
    size_t keys;    /* that live */
} tokens;

/* ---- the PIN -------------------------------------------------------------------------------------------- */

/* What is known when OpenSSL asks in the middle of its work. */
struct login {
    const struct ota_key_uri *uri;
    const struct ota_passphrase *from;
    bool asked;
    enum ota_status status;
    struct ota_err *err;
};

static const char *pin_file(const struct ota_key_uri *uri) {
    const char *named = getenv("OTA_PKCS11_PIN_FILE");
    return uri->pin_file ? uri->pin_file : named && named[0] ? named : NULL;
}

static enum ota_status find_pin(const struct login *l, struct ota_buf *out, struct ota_err *err) {
    const char *file = pin_file(l->uri);
    if (file)
        return ota_passphrase_read_file(file, out, err);
    const struct ota_passphrase terminal = {.may_ask = l->from && l->from->may_ask};
    if (!terminal.may_ask)
        return ota_err_set(err, OTA_PERMISSION,
                           "token %s: wants its PIN; put it into a file (chmod 600) and add ?pin-source=file:FILE to "
                           "the URI, or name it in $OTA_PKCS11_PIN_FILE",
                           l->uri->token);
    OTA_CLEAN_FREE char *what = ota_sprintf("token %s (its PIN)", l->uri->token);
    return ota_passphrase_get(&terminal, what, out, err);
}

static int answer_pin(UI *ui, UI_STRING *question) {
    struct login *l = UI_get0_user_data(ui);
    if (UI_get_string_type(question) != UIT_PROMPT)
        return 1;
    if (l->asked) /* a second question would be a second try with the same PIN: tokens count those */
        return 0;
    l->asked = true;
    OTA_CLEAN(ota_secret_free) struct ota_buf pin = {0};
    l->status = find_pin(l, &pin, l->err);
    return l->status == OTA_OK && UI_set_result(ui, question, ota_buf_text(&pin)) == 0;
}

static void clean_method(UI_METHOD **m) {
    UI_destroy_method(*m);
}

/* ---- the provider --------------------------------------------------------------------------------------- */

static bool load_provider(const char *module) {
    if (tokens.provider)
        return true;
    /* It reads its module's path from the environment, while it is being loaded. Keys in files stay with the default
     * provider. */
    if (module && setenv("PKCS11_PROVIDER_MODULE", module, 1) != 0)
        return false;
    tokens.provider =
        OSSL_PROVIDER_try_load(NULL, "pkcs11", 1) && EVP_set_default_properties(NULL, "?provider=default");
    ERR_clear_error();
    return tokens.provider;
}

static EVP_PKEY *open_with_provider(struct login *l, const UI_METHOD *method) {
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(l->uri->address, NULL, "?provider=pkcs11", method, l, NULL, NULL, NULL);
    EVP_PKEY *found = NULL;
    while (store && !found && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        if (!info)
            break;
        if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            found = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    (void)OSSL_STORE_close(store);
    return found;
}

/* ---- the engine ----------------------------------------------------------------------------------------- */

static void close_engine(void) {
    (void)ENGINE_finish(tokens.engine);
    tokens.open = false;
    free(OTA_STEAL(tokens.module));
    ERR_clear_error();
}

static bool same_module(const char *module) {
    return module && tokens.module ? strcmp(module, tokens.module) == 0 : !module && !tokens.module;
}

static enum ota_status find_engine(struct ota_err *err) {
    if (!tokens.engine)
        tokens.engine = ENGINE_by_id("pkcs11");
    ERR_clear_error();
    if (!tokens.engine)
        return ota_err_set(err, OTA_UNSUPPORTED,
                           "OpenSSL has no access to PKCS#11 tokens here; install libengine-pkcs11-openssl (Debian 12) "
                           "or pkcs11-provider (Debian 13)");
    return OTA_OK;
}

static enum ota_status open_engine(const char *module, struct ota_err *err) {
    if (tokens.open && same_module(module))
        return OTA_OK;
    if (tokens.open)
        return ota_err_set(err, OTA_UNSUPPORTED,
                           "keys of two PKCS#11 modules at once; register both with p11-kit and leave module-path and "
                           "$OTA_PKCS11_MODULE away");
    OTA_TRY(find_engine(err));
    (void)ENGINE_ctrl_cmd_string(tokens.engine, "QUIET", NULL, 0);
    /* Without a module: p11-kit's, which has all that are registered. The name is there to undo an earlier one. */
    if (!ENGINE_ctrl_cmd_string(tokens.engine, "MODULE_PATH", module ? module : "p11-kit-proxy.so", 0) ||
        !ENGINE_init(tokens.engine))
        return ota_key_openssl_failed(err, "opening the PKCS#11 engine");
    tokens.open = true;
    tokens.module = module ? ota_strdup(module) : NULL;
    return OTA_OK;
}

/* ---- failures ------------------------------------------------------------------------------------------- */

/* Empties OpenSSL's queue. */
static enum ota_status explain(const struct login *l, bool was_open, struct ota_err *err) {
    unsigned pin = 0;
    bool no_module = false;
    for (unsigned long code; (code = ERR_get_error()) != 0;) {
        const char *library = ERR_lib_error_string(code), *reason = ERR_reason_error_string(code);
        unsigned value = (unsigned)ERR_GET_REASON(code);
        bool of_module = library && (strstr(library, "PKCS#11") || strstr(library, "pkcs11"));
        if (of_module && ((value >= CKR_PIN_INCORRECT && value <= CKR_PIN_LEN_RANGE) || value == CKR_PIN_LOCKED))
            pin = value;
        no_module |= reason && strstr(reason, "load PKCS#11 module");
    }
    if (l->status != OTA_OK)
        return l->status;
    const char *token = l->uri->token, *object = l->uri->object;
    if (no_module)
        return ota_err_set(err, OTA_NOT_FOUND,
                           "the PKCS#11 module %s cannot be loaded; name the one of your token: ?module-path=FILE in "
                           "the URI, or $OTA_PKCS11_MODULE",
                           tokens.module ? tokens.module : "of p11-kit");
    if (pin == CKR_PIN_LOCKED)
        return ota_err_set(err, OTA_KEY, "token %s: its PIN is locked after wrong ones; unlock it with the SO PIN",
                           token);
    if (pin)
        return ota_err_set(err, OTA_KEY, "token %s: wrong PIN%s%s; put it right before another try, tokens lock", token,
                           pin_file(l->uri) ? " in " : "", pin_file(l->uri) ? pin_file(l->uri) : "");
    if (l->asked)
        return ota_err_set(err, OTA_NOT_FOUND,
                           "token %s has no private key \"%s\"; this lists them: pkcs11-tool --token-label %s --login "
                           "--list-objects",
                           token, object, token);
    return ota_err_set(err, OTA_NOT_FOUND, "no token %s is present%s; this lists them: pkcs11-tool --list-token-slots",
                       token, was_open ? ", or it has no such key" : "");
}

/* ---- one key -------------------------------------------------------------------------------------------- */

static EVP_PKEY *load(struct login *l, UI_METHOD *method) {
    if (tokens.provider)
        return open_with_provider(l, method);
    return ENGINE_load_private_key(tokens.engine, l->uri->address, method, l);
}

/* Tried here first, because the engine prints its own complaint. */
static enum ota_status check_module(const char *module, struct ota_err *err) {
    void *library = module ? dlopen(module, RTLD_LAZY | RTLD_LOCAL) : NULL;
    if (module && !library)
        return ota_err_set(err, OTA_NOT_FOUND,
                           "PKCS#11 module %s; name the one of your token: ?module-path=FILE in the URI, or "
                           "$OTA_PKCS11_MODULE",
                           dlerror());
    if (library)
        (void)dlclose(library);
    return OTA_OK;
}

enum ota_status ota_key_open_token(const char *text, const struct ota_passphrase *from, EVP_PKEY **out,
                                   struct ota_err *err) {
    OTA_CLEAN(ota_key_uri_free) struct ota_key_uri uri = {0};
    OTA_CLEAN(clean_method) UI_METHOD *method = UI_create_method("PIN of a token");
    if (!method || UI_method_set_reader(method, answer_pin) != 0)
        return ota_key_openssl_failed(err, "preparing for a PIN");
    OTA_TRY(ota_key_uri_parse(text, &uri, err));
    const char *named = getenv("OTA_PKCS11_MODULE");
    const char *module = uri.module ? uri.module : named && named[0] ? named : NULL;
    bool was_open = tokens.keys > 0;
    OTA_TRY(check_module(module, err));
    if (!load_provider(module))
        OTA_TRY(open_engine(module, err));
    struct login l = {.uri = &uri, .from = from, .status = OTA_OK, .err = err};
    tokens.keys++;
    *out = load(&l, method);
    if (*out) {
        ERR_clear_error();
        return OTA_OK;
    }
    enum ota_status st = explain(&l, was_open, err);
    ota_key_close_token();
    return st;
}

void ota_key_close_token(void) {
    if (--tokens.keys == 0 && tokens.open)
        close_engine();
}
