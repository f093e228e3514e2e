/* SPDX-License-Identifier: Apache-2.0 */
/* The inflate port over the ROM's tinfl. */
#include "ota_esp_ports.h"
#include "support/inflate_suite.h"
#include "support/unit.h"

int main(void) {
    const struct CMUnitTest tests[] = {INFLATE_SUITE("esp_inflate")};
    inflate_tested = ota_esp_inflate;
    return cmocka_run_group_tests(tests, inflate_make_plain, NULL);
}
