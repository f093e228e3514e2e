/* SPDX-License-Identifier: Apache-2.0 */
/* When is the daemon well, when does it warn, when does it fail. */
#include <string.h>

#include "server/health.h"
#include "support/unit.h"

#define NOW 1790000000u
#define DAY 86400u

static struct ota_health_facts well(void) {
    struct ota_health_facts f = {.signer_running = true,
                                 .clock_set = true,
                                 .published = NOW - 100,
                                 .tls_expires = NOW + 1000 * DAY,
                                 .disk_free = 1u << 30};
    return f;
}

static void add_role(struct ota_health_facts *f, const char *name, uint64_t days, bool renewed) {
    (void)ota_format(f->role[f->role_count].name, sizeof f->role[0].name, "%s", name);
    f->role[f->role_count].expires = NOW + days * DAY + DAY / 2;
    f->role[f->role_count++].renewed = renewed;
}

static const char *only_reason(const struct ota_health_facts *f, bool failing) {
    static struct ota_health_reasons r;
    ota_health_judge(f, NOW, &r);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.failing, failing);
    assert_int_equal(r.reason[0].failing, failing);
    return r.reason[0].text;
}

static void none(const struct ota_health_facts *f) {
    struct ota_health_reasons r;
    ota_health_judge(f, NOW, &r);
    assert_int_equal(r.count, 0);
    assert_false(r.failing);
}

static void test_health_well(void **state) {
    struct ota_health_facts f = well();
    (void)state;
    add_role(&f, "root", 3650, false);
    add_role(&f, "timestamp", 6, true);
    add_role(&f, "snapshot", 9, true);
    none(&f);
}

static void test_health_offline_role_warns_three_times(void **state) {
    struct ota_health_facts f = well();
    (void)state;
    add_role(&f, "targets", 60, false);
    none(&f);
    f.role[0].expires = NOW + 59 * DAY;
    assert_non_null(strstr(only_reason(&f, false), "less than 60 days"));
    f.role[0].expires = NOW + 29 * DAY;
    assert_non_null(strstr(only_reason(&f, false), "less than 30 days"));
    f.role[0].expires = NOW + 6 * DAY;
    assert_non_null(strstr(only_reason(&f, false), "less than 7 days"));
    f.role[0].expires = NOW;
    assert_non_null(strstr(only_reason(&f, true), "expired"));
}

static void test_health_renewed_role_warns_when_renewal_failed(void **state) {
    struct ota_health_facts f = well();
    (void)state;
    add_role(&f, "snapshot", 6, true);
    assert_non_null(strstr(only_reason(&f, false), "role snapshot"));
    f.role[0].expires = NOW - 1;
    (void)only_reason(&f, true);
}

static void test_health_signer(void **state) {
    struct ota_health_facts f = well();
    (void)state;
    f.signer_running = false;
    f.signer_down_since = NOW - 10;
    assert_non_null(strstr(only_reason(&f, false), "not running"));
    f.signer_down_since = NOW - 100;
    (void)only_reason(&f, true);
    f = well();
    (void)ota_format(f.signer_error, sizeof f.signer_error, "not renewed: why");
    assert_string_equal(only_reason(&f, false), "not renewed: why");
}

static void test_health_clock_disk_repository_tls(void **state) {
    struct ota_health_facts f = well();
    (void)state;
    f.clock_set = false;
    (void)only_reason(&f, false);
    f = well();
    f.published = NOW + 3600;
    assert_non_null(strstr(only_reason(&f, true), "clock"));
    f = well();
    f.disk_free = 100u << 20;
    (void)only_reason(&f, false);
    f.disk_free = 1u << 20;
    (void)only_reason(&f, true);
    f = well();
    (void)ota_format(f.repo_error, sizeof f.repo_error, "timestamp.json: gone");
    assert_string_equal(only_reason(&f, true), "timestamp.json: gone");
    f = well();
    f.tls_expires = NOW + 20 * DAY;
    assert_non_null(strstr(only_reason(&f, false), "server.crt"));
}

/* Whatever else cannot be read then follows from it. */
static void test_health_moved_workspace_fails(void **state) {
    struct ota_health_facts f = well();
    (void)state;
    f.moved = true;
    f.disk_free = 0;
    f.signer_running = false;
    assert_non_null(strstr(only_reason(&f, true), "moved, removed or replaced"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health_well),
        cmocka_unit_test(test_health_offline_role_warns_three_times),
        cmocka_unit_test(test_health_renewed_role_warns_when_renewal_failed),
        cmocka_unit_test(test_health_signer),
        cmocka_unit_test(test_health_clock_disk_repository_tls),
        cmocka_unit_test(test_health_moved_workspace_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
