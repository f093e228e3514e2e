/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#11 URIs: what is taken, and why the rest is refused. */
#include "host/cleanup.h"
#include "sign/key.h"
#include "sign/key_uri.h"
#include "support/unit.h"

static struct ota_err err;

static void test_key_uri_is_taken_apart(void **state) {
    (void)state;
    OTA_CLEAN(ota_key_uri_free) struct ota_key_uri u = {0};
    assert_ota_ok(ota_key_uri_parse("pkcs11:token=My%20token;object=thermo;type=private"
                                    "?pin-source=file:/etc/pin&module-path=/usr/lib/x.so",
                                    &u, &err));
    assert_string_equal(u.address, "pkcs11:token=My%20token;object=thermo;type=private");
    assert_string_equal(u.token, "My token");
    assert_string_equal(u.object, "thermo");
    assert_string_equal(u.pin_file, "/etc/pin");
    assert_string_equal(u.module, "/usr/lib/x.so");
}

static void test_key_uri_by_serial_and_id(void **state) {
    (void)state;
    OTA_CLEAN(ota_key_uri_free) struct ota_key_uri u = {0};
    assert_ota_ok(ota_key_uri_parse("pkcs11:serial=0042;id=%00%FF;model=x;manufacturer=y", &u, &err));
    assert_string_equal(u.token, "0042");
    assert_string_equal(u.object, "%00%FF");
    assert_null(u.pin_file);
    assert_null(u.module);
}

static void test_key_uri_pin_source_forms(void **state) {
    (void)state;
    static const char *const forms[] = {"file:/etc/pin", "file:///etc/pin", "/etc/pin", "file:%2Fetc%2Fpin"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(forms); i++) {
        OTA_CLEAN(ota_key_uri_free) struct ota_key_uri u = {0};
        OTA_CLEAN_FREE char *text = ota_sprintf("pkcs11:token=t;object=o?pin-source=%s", forms[i]);
        assert_ota_ok(ota_key_uri_parse(text, &u, &err));
        assert_string_equal(u.pin_file, "/etc/pin");
    }
}

static void refused(const char *text, const char *reason) {
    OTA_CLEAN(ota_key_uri_free) struct ota_key_uri u = {0};
    assert_ota(ota_key_uri_parse(text, &u, &err), OTA_ARGUMENT);
    if (!strstr(err.msg, reason))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, err.msg, reason);
}

static void test_key_uri_refusals_name_the_reason(void **state) {
    (void)state;
    refused("pkcs11:token=t;object=o?pin-value=1234", "pin-source=file:FILE");
    assert_null(strstr(err.msg, "1234"));
    refused("pkcs11:token=t;object=o?pin-source=|cat", "whole path");
    refused("pkcs11:token=t;object=o?pin-source=file:pin", "whole path");
    refused("pkcs11:token=t;object=o?module-path=x.so", "whole path");
    refused("pkcs11:token=t;object=o?module-name=x", "module-name is not supported");
    refused("pkcs11:token=t;object=o;type=public", "type");
    refused("pkcs11:token=t;object=o;slot-id=1", "slot-id is not supported");
    refused("pkcs11:token=t;token=u;object=o", "twice");
    refused("pkcs11:token=t;object=o?pin-source=/a&pin-source=/b", "twice");
    refused("pkcs11:token=t", "one key on one token");
    refused("pkcs11:object=o", "one key on one token");
    refused("pkcs11:", "one key on one token");
    refused("pkcs11:token;object=o", "name=value");
    refused("pkcs11:token=;object=o", "empty");
    refused("pkcs11:token=%2;object=o", "%XX");
    refused("pkcs11:token=%zz;object=o", "%XX");
    refused("pkcs11:token=a%00b;object=o", "%XX");
    refused("pkcs11:token=a\nb;object=o", "%XX");
    refused("pkcs11:token=a b;object=o", "%XX");
    refused("file:/x", "begin with");
}

static void test_key_uri_is_bounded(void **state) {
    (void)state;
    char text[OTA_KEY_URI_MAX + 64] = "pkcs11:token=t;object=";
    memset(text + strlen(text), 'o', OTA_KEY_URI_MAX);
    OTA_CLEAN(ota_key_uri_free) struct ota_key_uri u = {0};
    assert_ota(ota_key_uri_parse(text, &u, &err), OTA_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_uri_is_taken_apart),   cmocka_unit_test(test_key_uri_by_serial_and_id),
        cmocka_unit_test(test_key_uri_pin_source_forms), cmocka_unit_test(test_key_uri_refusals_name_the_reason),
        cmocka_unit_test(test_key_uri_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
