/* SPDX-License-Identifier: Apache-2.0 */
/* The inflate port over zlib. */
#include "host/inflate_zlib.h"
#include "support/inflate_suite.h"
#include "support/unit.h"

static void test_inflate_zlib_is_freed_once(void **state) {
    struct ota_inflate_zlib *z = ota_inflate_zlib_new();
    const struct ota_inflate *port = ota_inflate_zlib_port(z);
    struct ota_err err;
    (void)state;
    assert_ota_ok(port->begin(port->ctx, &err));
    port->end(port->ctx);
    ota_inflate_zlib_free(&z);
    assert_null(z);
    ota_inflate_zlib_free(&z);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        INFLATE_SUITE("inflate_zlib"),
        cmocka_unit_test(test_inflate_zlib_is_freed_once),
    };
    struct ota_inflate_zlib *z = ota_inflate_zlib_new();
    inflate_tested = ota_inflate_zlib_port(z);
    int failed = cmocka_run_group_tests(tests, inflate_make_plain, NULL);
    ota_inflate_zlib_free(&z);
    return failed;
}
