/* SPDX-License-Identifier: Apache-2.0 */
/* When is the daemon well, when does it warn, when does it fail. */
#include <string.h>
#include <unistd.h>

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

static void add_role(struct ota_health_facts *f, const char *name, uint64_t days, size_t here) {
    struct ota_outlook_role *r = &f->outlook.role[f->outlook.count++];
    (void)ota_format(r->name, sizeof r->name, "%s", name);
    r->version = 1;
    r->expires = NOW + days * DAY + DAY / 2;
    r->threshold = 1;
    r->keys = 1;
    r->here = here;
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
    add_role(&f, "root", 3650, 0);
    add_role(&f, "timestamp", 6, 1);
    add_role(&f, "snapshot", 9, 1);
    none(&f);
}

static void test_health_repeats_the_outlook(void **state) {
    struct ota_health_facts f = well();
    (void)state;
    add_role(&f, "targets", 60, 0);
    none(&f);
    f.outlook.role[0].expires = NOW + 59 * DAY;
    assert_non_null(strstr(only_reason(&f, false), "less than 60 days"));
    f.outlook.role[0].expires = NOW;
    assert_non_null(strstr(only_reason(&f, true), "expired"));
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

/* How many lines ota_health_update() adds to the log. */
static size_t logged(struct ota_health *h, const struct ota_health_facts *f, uint64_t now) {
    char text[4096];
    int kept = dup(STDERR_FILENO), end[2];
    size_t lines = 0;
    assert_true(kept >= 0);
    assert_int_equal(pipe(end), 0);
    assert_true(dup2(end[1], STDERR_FILENO) >= 0);
    ota_health_update(h, f, now);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    (void)close(end[1]);
    for (ssize_t n; (n = read(end[0], text, sizeof text)) > 0;)
        for (ssize_t i = 0; i < n; i++)
            lines += text[i] == '\n';
    (void)close(end[0]);
    return lines;
}

/* Every half day over 73 days. */
static void test_health_log_tells_each_threshold_once_and_then_daily(void **state) {
    struct ota_health h;
    struct ota_health_facts f = well();
    (void)state;
    ota_health_init(&h);
    add_role(&f, "root", 0, 1);
    f.outlook.role[0].expires = NOW + 70 * DAY;
    f.tls_expires = NOW + 5000 * DAY;
    assert_int_equal(logged(&h, &f, NOW), 1); /* what a person must renew next */
    for (unsigned half = 1; half < 2 * 73; half++) {
        uint64_t now = NOW + half * (DAY / 2) + 60;
        f.published = now;
        bool noon = half % 2 == 0;
        bool due = half == 2 * 10 || half == 2 * 40 || (half >= 2 * 63 && noon);
        assert_int_equal(logged(&h, &f, now), due);
        assert_int_equal(logged(&h, &f, now + 60), 0);
    }
    ota_health_free(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health_well),
        cmocka_unit_test(test_health_repeats_the_outlook),
        cmocka_unit_test(test_health_log_tells_each_threshold_once_and_then_daily),
        cmocka_unit_test(test_health_signer),
        cmocka_unit_test(test_health_clock_disk_repository_tls),
        cmocka_unit_test(test_health_moved_workspace_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
